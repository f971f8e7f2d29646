# SPDX-License-Identifier: GPL-2.0-only
"""One odd meter from the search for it to its readings, held against what it counted.

A meter of an estate is alone on a line in its own time. The scan finds it, the visit commissions
it, a gateway polls it twice. Everything that a poll gave is held against the meter's truth.

In: the habits and keys of a meter, and the model that the installer names. Out: an `Outcome`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edge_agent.errors import AgentError
from edge_agent.install import examine
from edge_agent.install.addresses import HdlcAddress
from edge_agent.install.lockout import Lockout
from edge_agent.install.meter_list import ListedMeter
from edge_agent.install.scan import scan
from edge_agent.install.sheet import Entry
from edge_agent.install.visit import Visit
from edge_agent.poll.finding import words
from edge_agent.poll.memory import Memory
from edge_agent.poll.poll import PollResult, poll
from edge_agent.poll.sessions import sessions
from edge_agent.settings.bus import BusConfig, MeterConfig
from edge_agent.virtual.estate import Estate, parse_estate
from shared_schema.catalogue import ACTIVE_IMPORT, BLOCK_LOAD_PROFILE, WATER_LOAD_PROFILE
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from tests.support.bus_world import Truth
from tests.support.line_time import LineTime, Wire

START = datetime(2026, 3, 10, 6, 37, 20, tzinfo=UTC)
PASSWORD = "12345678"  # noqa: S105  # of virtual meters
EK, AK = "000102030405060708090A0B0C0D0E0F", "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"
SERIAL, MAKER = "12345678", "GSE"
WHO = MeterId(manufacturer=MAKER, serial=SERIAL)
ADDRESS = 17
_LATER_S = 4000.0
_NAMES = {"single_phase": "odd-is16444", "three_phase": "odd-is13779", "water": "odd-water"}
_MODELS = Path(examine.__file__).parents[1] / "models"


@dataclass(frozen=True)
class Outcome:
    """How a meter ended."""

    level: str
    """green, amber or red."""
    said: tuple[str, ...]
    """All sentences, of the sheet and of the polls."""
    wrong: tuple[str, ...]
    """Values that are not the meter's."""
    missing: tuple[str, ...]
    """What was to be read and was not."""

    @property
    def is_right(self) -> bool:
        """Everything was read, and all of it is true."""
        return not self.wrong and not self.missing


def write_models(
    folder: Path,
    *,
    identity: str = "",
    maker: str = "",
    by_entry: bool = False,
    deviation: bool = False,
) -> Path:
    """Write the models that an installer would make for an odd meter of each kind.

    Args:
        folder: a new one.
        identity: the table that says where the serial number is.
        maker: of meters that do not name theirs.
        by_entry: rows are read by their place.
        deviation: a range has the deviation in its bounds.
    """
    folder.mkdir()
    for name in ("is16444", "is13779", "water"):
        text = (_MODELS / f"{name}.toml").read_text()
        if by_entry:
            text = "\n\n".join(map(_by_entry, text.split("\n\n")))
        head = f"public_pause_s = 0.0\nrange_deviation = {str(deviation).lower()}\n"
        head += f'manufacturer = "{maker}"\n' if maker else ""
        (folder / f"odd-{name}.toml").write_text(f"{head}{text}\n{identity}")
    return folder


def _by_entry(part: str) -> str:
    """Return the table of a profile with access by place."""
    if not part.startswith("[[profiles]]") or "whole = true" in part:
        return part
    table, comment, rest = part.partition("\n#")
    every = "" if "every =" in table else '\nevery = "hour"'
    return f'{table.rstrip()}\naccess = "entry"{every}\n{comment}{rest}'


class Place:
    """Files of a visit, and the line's own time."""

    def __init__(self, folder: Path, time: LineTime, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.time, self.patch = folder, time, patch
        self.password = _secret(folder / "meter.pw", PASSWORD)
        self.keys = [_secret(folder / name, key) for name, key in (("ek", EK), ("ak", AK))]
        self.visits = 0

    def visit(
        self,
        meter: Mapping[str, Any],
        models: Path,
        who: MeterId = WHO,
        *,
        zone: str = "Asia/Kolkata",
        start: datetime = START,
    ) -> Outcome:
        """Find, commission and poll one meter.

        Args:
            meter: its keys and habits.
            models: where the installer's models are.
            who: as whom it is to be known.
            zone: where it is.
            start: when the installer comes.
        """
        model = _NAMES[meter.get("model", "single_phase")]
        self.visits += 1
        self.time.seconds = start.timestamp()
        estate = one_meter(meter, zone)
        line = estate.lines(baud=9600)["a"]
        config = BusConfig.model_validate(
            {"name": "a", "port": "none", "meters": [{"label": "A", "address": ADDRESS}]}
        )
        tour = _Tour(estate, Wire(config, line, self.time), self.time, who)
        with tour.recorded(self.patch):
            return tour.through(self._listed(meter, model), self._lockout(), models)

    def _lockout(self) -> Lockout:
        return Lockout(self.folder / f"refused{self.visits}.jsonl", Path("none"))

    def _listed(self, meter: Mapping[str, Any], model: str) -> ListedMeter:
        ciphered = meter.get("security") is not None
        return ListedMeter(
            "A",
            ADDRESS,
            model=model,
            client=32,
            security="lls-ae" if ciphered else "lls",
            password_file=str(self.password),
            encryption_key_file=str(self.keys[0]) if ciphered else None,
            authentication_key_file=str(self.keys[1]) if ciphered else None,
        )


def one_meter(meter: Mapping[str, Any], zone: str) -> Estate:
    """Return an estate of one meter."""
    water = meter.get("model") == "water"
    fields = {
        "label": "A",
        "serial": SERIAL,
        "manufacturer": MAKER,
        "address": ADDRESS,
        "model": "single_phase",
        "password": PASSWORD,
        "profile_days": 2,
        "daily_days": 3,
        "billing_cycles": 2,
        "load": {"kind": "water" if water else "flat"},
        **meter,
    }
    bus = {"name": "a", "link": "a", "turnaround_s": 0.02, "meter": [fields]}
    return parse_estate({"zone": zone, "bus": [bus]})


class _Tour:
    def __init__(self, estate: Estate, wire: Wire, time: LineTime, who: MeterId) -> None:
        self._who = who
        self._wire, self._time = wire, time
        self._meter = estate.meters()[0]
        self._truth = Truth(estate)
        self._wrong: list[str] = []
        self._read: set[Obis | None] = set()

    @contextmanager
    def recorded(self, patch: pytest.MonkeyPatch) -> Iterator[None]:
        """Hold what the examination's polls give as well."""
        with patch.context() as here:
            here.setattr(examine, "poll", self._poll)
            yield

    def _poll(self, *args: Any, **more: Any) -> PollResult:
        begun = self._time()
        found = poll(*args, **{**more, "monotonic": self._time})
        self._hold(found, begun)
        return found

    def through(self, listed: ListedMeter, lockout: Lockout, models: Path) -> Outcome:
        entry = self._commission(listed, lockout, models)
        said = list(entry.verdict.reasons)
        examined = entry.examination
        if examined is not None:
            said += [text for each in examined.troubles for text in (each.said, each.advice)]
            if examined.meter is not None:
                said += self._go_on(examined.config)
        return Outcome(entry.verdict.level, tuple(said), tuple(self._wrong), tuple(self._missing()))

    def _commission(self, listed: ListedMeter, lockout: Lockout, models: Path) -> Entry:
        @contextmanager
        def opened(_baudrate: int) -> Iterator[Wire]:
            yield self._wire

        assert listed.hdlc is not None
        found = scan(
            opened,
            [HdlcAddress(1, ADDRESS, listed.hdlc.size)],
            baudrates=(9600,),
            clients=(16, 32),
            monotonic=self._time,
        )
        visit = Visit(
            found,
            lockout,
            self._time.now,
            lambda _text: None,
            frames=0,
            password_file=None,
            models_dir=models,
            clock_synchronised=True,
        )
        (entry,) = visit.examine_all(self._wire, [listed])
        return entry

    def _go_on(self, config: MeterConfig) -> list[str]:
        """Poll as the service does: at once, and once more with its watermarks."""
        memory = Memory()
        said: list[str] = []
        marks: dict[Obis, int] = {}
        for _ in range(2):
            try:
                found = self._poll(
                    sessions(self._wire, sleep=self._time.sleep),
                    config,
                    lambda _meter: marks,
                    self._time.now(),
                    memory=memory,
                )
            except AgentError as error:
                return [*said, str(error)]
            marks.update(found.watermarks)
            said += [words(each) for each in found.findings]
            self._time.sleep(_LATER_S)
        return said

    def _hold(self, found: PollResult, begun: float) -> None:
        if found.meter != self._who:
            self._wrong.append(f"who it is: {found.meter}")
            return
        self._truth.hold(WHO, found.rows, begun, self._time())
        self._wrong += self._truth.wrong
        self._truth.wrong = []
        for block in found.rows:
            self._read.add(block.profile)
            self._wrong += self._scalers(block.columns)

    def _scalers(self, columns: Any) -> list[str]:
        scaler = 3 if self._meter.spec.habits.kilo else int(self._meter.spec.model == "three_phase")
        return [
            f"{each.obis} has scaler {each.scaler}, truly {scaler}"
            for each in columns
            if each.obis == ACTIVE_IMPORT and each.scaler != scaler
        ]

    def _missing(self) -> Iterator[str]:
        if None not in self._read:
            yield "registers"
        for (_, profile), stamps in self._truth.booked.items():
            if profile == self._profile and len(stamps) >= self._expected:
                return
        yield f"rows: {[len(each) for each in self._truth.booked.values()]} of {self._expected}"

    @property
    def _profile(self) -> Obis:
        return WATER_LOAD_PROFILE if self._meter.spec.model == "water" else BLOCK_LOAD_PROFILE

    @property
    def _expected(self) -> int:
        period_s = self._meter.spec.capture_period_s
        return int(86400 // period_s * 2 + _LATER_S // period_s - 1)


def _secret(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path
