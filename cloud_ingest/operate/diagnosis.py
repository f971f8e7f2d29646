# SPDX-License-Identifier: MIT
"""The diagnosis of the cloud side: what somebody elsewhere needs to help, without a secret.

Units' labels are left out unless they are asked for; readings are never there. The log goes along
only where every secret could be read and so be masked.

In: the settings, lines of a log. Out: a document for JSON. Never: a secret; a reading; a change.
"""

import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cloud_ingest.errors import IngestError
from cloud_ingest.operate.doctor import examine
from cloud_ingest.settings import CloudSettings
from cloud_ingest.store import server_facts
from cloud_ingest.store.connection import Connection, connect, describe, password_in
from cloud_ingest.store.gateways import standings
from cloud_ingest.store.metric_facts import read_facts
from cloud_ingest.store.migrate import plan
from shared_schema.masking import MASK, Mask
from shared_schema.settings.kinds import SECRET

FORMAT: Final = "cloud-ingest diagnosis 1"
LOG_LINES: Final = 2000
LONGEST_LINE: Final = 2000
_PACKAGES: Final = (
    "iot-utility",
    "psycopg",
    "aiomqtt",
    "pydantic",
    "cryptography",
    "typer",
    "fastapi",
    "uvicorn",
)
_LEFT_OUT: Final = "left out: --with-labels tells it"


@dataclass(frozen=True, slots=True)
class Asked:
    """What goes into a diagnosis beside the settings."""

    now: Callable[[], datetime]
    log: Sequence[str] = ()
    labels: bool = False
    """Units' labels, too."""


def diagnose(settings: CloudSettings, dsn: str, asked: Asked) -> dict[str, Any]:
    """Return the diagnosis. A part that fails says why in its own place.

    Args:
        settings: As the service has them.
        dsn: Where the store is.
        asked: What goes in.
    """
    secrets, unread = _secrets(settings, dsn)
    mask = Mask(secrets)
    found = {
        "versions": _versions(),
        "settings": _tried(lambda: _shown(settings)),
        "doctor": _tried(lambda: list(_checks(settings, dsn, asked))),
        **_of_the_store(dsn, asked),
    }
    heading = {"format": FORMAT, "at": asked.now().astimezone(UTC).isoformat(timespec="seconds")}
    document: dict[str, Any] = mask.document(found)
    log = mask.lines(asked.log[-LOG_LINES:], LONGEST_LINE)
    return {**heading, "database": describe(dsn), **document, "log": _left_out(unread) or log}


def _secrets(settings: CloudSettings, dsn: str) -> tuple[list[bytes], list[Path]]:
    """Return every secret of the settings, and the files of them that could not be read."""
    texts = [password_in(dsn), os.environ.get("PGPASSWORD")]
    found, unread = [each.encode() for each in texts if each], []
    for path in _secret_files(settings):
        try:
            found.append(path.read_bytes())
        except OSError:
            unread.append(path)
    return found, unread


def _secret_files(settings: BaseModel) -> Iterator[Path]:
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, Path) and _is_marked(field):
            yield value
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, BaseModel):
                yield from _secret_files(each)


def _is_marked(field: FieldInfo) -> bool:
    """Tell whether a field names a secret's file, be it required or not."""
    within = (getattr(each, "__metadata__", ()) for each in get_args(field.annotation))
    return SECRET in (*field.metadata, *chain.from_iterable(within))


def _shown(settings: CloudSettings) -> dict[str, Any]:
    """Return the settings; where a secret lies is masked, and the store is named elsewhere."""
    places = {str(path) for path in _secret_files(settings)}

    def masked(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: masked(each) for name, each in value.items()}
        if isinstance(value, list):
            return [masked(each) for each in value]
        return MASK if isinstance(value, str) and value in places else value

    shown: dict[str, Any] = masked(settings.model_dump(mode="json", exclude={"dsn"}))
    return shown


def _checks(settings: CloudSettings, dsn: str, asked: Asked) -> Iterator[dict[str, Any]]:
    for each in examine(settings, dsn, asked.now):
        check = asdict(each)
        if each.name.startswith("unit ") and not asked.labels:
            check |= {"name": "unit", "said": _LEFT_OUT}
        yield check


def _of_the_store(dsn: str, asked: Asked) -> dict[str, Any]:
    try:
        conn = connect(dsn)
    except IngestError as error:
        return {"store": f"cannot be told: {error}"}
    now = asked.now()
    with conn:
        parts: Mapping[str, Callable[[], Any]] = {
            "server": lambda: asdict(server_facts.read_server(conn)),
            "extension": lambda: asdict(server_facts.read_extension(conn)),
            "role": lambda: asdict(server_facts.read_role(conn)),
            "parts": lambda: asdict(server_facts.read_parts(conn)),
            "marks": lambda: asdict(server_facts.read_marks(conn)),
            "evidence": lambda: asdict(server_facts.read_evidence(conn)),
            "migrations": lambda: asdict(plan(conn)),
            "facts": lambda: asdict(read_facts(conn, now)),
            "gateways": lambda: list(_gateways(conn, now, labels=asked.labels)),
        }
        return {name: _tried(part) for name, part in parts.items()}


def _gateways(conn: Connection, now: datetime, *, labels: bool) -> Iterator[dict[str, Any]]:
    for each in standings(conn, now):
        status = None if each.status is None else each.status.model_dump(mode="json", by_alias=True)
        if status is not None and not labels:
            status["failing"] = f"{len(status['failing'])} meters; {_LEFT_OUT}"
        yield {
            "society": each.society,
            "gateway": each.gateway,
            "state": each.state,
            "heard_at": each.heard_at,
            "lost_at": each.lost_at,
            "clock_offset_s": each.clock_offset_s,
            "status": status,
        }


def _left_out(unread: Sequence[Path]) -> list[str]:
    return [f"left out: {path} cannot be read, so that it cannot be masked" for path in unread]


def _versions() -> dict[str, str]:
    found = {"python": sys.version.split()[0], "system": platform.platform()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


def _tried(part: Callable[[], Any]) -> Any:
    try:
        return part()
    except Exception as error:  # a diagnosis of what is broken must not break
        return f"cannot be told: {type(error).__name__}: {error}"
