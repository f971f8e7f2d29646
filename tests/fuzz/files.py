# SPDX-License-Identifier: GPL-2.0-only
"""Spoiled files: settings of both programs, lists of units and readings, the spool.

Whatever is in a file, it is read, or refused by an error of the package that says so. A spool that
cannot be used is set aside, and a fresh one takes readings.

In: a seed, a number, an empty folder. Out: how it ended, or the error that is none of ours.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final
from zoneinfo import ZoneInfo

from cloud_ingest.core.history_row import RowParser
from cloud_ingest.core.known import KnownMeter
from cloud_ingest.core.unit_list import parse
from cloud_ingest.entries.history import lines
from cloud_ingest.errors import IngestError
from cloud_ingest.settings_file import load_settings
from edge_agent.errors import AgentError
from edge_agent.settings.file import parse_settings
from edge_agent.spool.spool import Spool
from tests.fuzz.mutation import mutated
from tests.fuzz.payloads import Judged
from tests.support.gateway import MAKER

ZONE: Final = ZoneInfo("Asia/Kolkata")
MOST_CPU_S: Final = 1.0
_DOCS: Final = Path(__file__).parents[2] / "docs" / "reference"
_MEMORY: Final = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  # no disk waits
_HOSTILE: Final = (
    b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\r\n\r\n", b'"', b"'''", b"[[", b"= = =",
    b"\xe2\x80\xa8", b"\xe2\x80\xae", b"9" * 5000, b"1e999", b"nan", b"[" * 3000, b'"""',
    b"a.b.c.d = 1\n", b"2026-02-30",
)  # fmt: skip
_UNITS: Final = b"""\
tower,subject_type,subject,service,source,manufacturer,serial,legacy,valid_from,valid_to,gateway
T1,unit,A-1204,electricity,grid,LNT,1,,2026-01-01,,gw-a
T1,unit,A-1205,water,main,LNT,2,no,2026-01-01T00:00:00+05:30,2026-06-01,
"""
_HISTORY: Final = b"""manufacturer,serial,obis,unit,scaler,ts,raw
LNT,1,1.0.1.8.0.255,Wh,0,2026-01-01T00:00:00+05:30,1000
LNT,1,1.0.1.8.0.255,Wh,0,2026-01-02T00:00:00+05:30,1100
"""


def judge(seed: int, number: int) -> Judged:
    """Read one spoiled file."""
    rng = Random(f"{seed} {number}")
    kind = rng.choice(list(READERS))
    source, read = READERS[kind]
    data = _spoiled(source(), rng, binary=kind == "spool")
    began = time.process_time()
    with TemporaryDirectory(dir=_MEMORY) as folder:
        try:
            read(Path(folder), data)
        except (AgentError, IngestError) as error:
            ended = type(error).__name__
        else:
            ended = "read"
    return Judged(f"{kind}: {ended}", time.process_time() - began)


def _spoiled(data: bytes, rng: Random, *, binary: bool) -> bytes:
    if binary:  # pages are spoiled where they stand
        found = bytearray(data)
        for _ in range(rng.choice((1, 3, 50))):
            at = rng.randrange(len(found))
            found[at : at + rng.choice((1, 16, 512))] = rng.randbytes(rng.choice((1, 16, 512)))
        return bytes(found[: rng.choice((len(found), len(found), rng.randrange(len(found))))])
    if rng.random() < 0.5:
        at = rng.randrange(len(data) + 1)
        return data[:at] + rng.choice(_HOSTILE) + data[at:]
    return mutated(data, rng, [data, _UNITS, _HISTORY])


def _agent_settings(folder: Path, data: bytes) -> None:
    parse_settings(data.decode("utf-8", "replace"), folder / "agent.toml")


def _cloud_settings(folder: Path, data: bytes) -> None:
    (folder / "cloud.toml").write_bytes(data)
    load_settings(folder / "cloud.toml")


def _units(_folder: Path, data: bytes) -> None:
    parse(data.decode("utf-8", "replace"), ZONE)


def _history(folder: Path, data: bytes) -> None:
    (folder / "history.csv").write_bytes(data)
    since = datetime(2025, 1, 1, tzinfo=UTC)
    known = {(MAKER, "1"): KnownMeter(1, ((since, None),))}
    for _number, _row in lines(folder / "history.csv", RowParser(known, ZONE, 2**31, None)):
        pass


def _spool(folder: Path, data: bytes) -> None:
    (folder / "spool.db").write_bytes(data)
    Spool.open(folder / "spool.db").close()


def _example(page: str) -> Callable[[], bytes]:
    @lru_cache
    def source() -> bytes:
        text = (_DOCS / page).read_text("utf-8")
        return max(text.split("```toml\n")[1:], key=len).partition("```")[0].encode()

    return source


@lru_cache
def _sound_spool() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "spool.db"
        Spool.open(path).close()
        return path.read_bytes()


READERS: Final[dict[str, tuple[Callable[[], bytes], Callable[[Path, bytes], None]]]] = {
    "agent.toml": (_example("agent-toml.md"), _agent_settings),
    "cloud.toml": (_example("cloud-toml.md"), _cloud_settings),
    "units": (lambda: _UNITS, _units),
    "history": (lambda: _HISTORY, _history),
    "spool": (_sound_spool, _spool),
}
