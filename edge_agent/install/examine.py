# SPDX-License-Identifier: GPL-2.0-only
"""Examining one meter: what the agent will read of it, how good its clock and its line are.

In: a transport, where the meter answers, this machine's time. Out: an `Examination`.
Never: a stored reading; a password tried twice, in this run or a later one; a float among values.

It polls as the agent does: once from the oldest row, then for the newest rows, and on until
enough frames have passed to count errors.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Final

from edge_agent.decode.rows import MeterRows
from edge_agent.dlms.exchange import Traffic, Transport
from edge_agent.dlms.hdlc import DAMAGE, Drop
from edge_agent.errors import AgentError, BusError, MeterError
from edge_agent.install import advice
from edge_agent.install.lockout import Lockout
from edge_agent.meters.model import Model, load
from edge_agent.poll.finding import CLOCK_WRONG, Finding, FindingKind, finding, words
from edge_agent.poll.memory import Memory
from edge_agent.poll.name_plate import Plate, read_plate
from edge_agent.poll.poll import PollResult, poll
from edge_agent.poll.sessions import Reader, sessions
from edge_agent.settings import MeterConfig
from shared_schema.catalogue import (
    ACTIVE_IMPORT,
    EVENT_PROFILES,
    OBJECTS,
    PROFILE_STATUS,
    UNIT_SYMBOLS,
    WATER_VOLUME,
    Unit,
    event_name,
    quantity,
)
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from shared_schema.readings import REACHED_AT, Column

NEWEST_ROWS: Final = 8
_BILLED_UNITS: Final = {
    ACTIVE_IMPORT: {UNIT_SYMBOLS[Unit.WATT_HOUR]},
    WATER_VOLUME: {UNIT_SYMBOLS[Unit.CUBIC_METRE], UNIT_SYMBOLS[Unit.LITRE]},
}
"""In which units the cloud makes a month of a register."""
BACK_S: Final = {"period": 2 * 3600, "hour": 30 * 86400, "day": 3 * 86400, "month": 32 * 86400}
"""How far back the newest rows of a profile are looked for, by when it is read."""
_MOST_POLLS: Final = 60


@dataclass(frozen=True, slots=True)
class Shown:
    """One value with what it means."""

    obis: Obis
    name: str
    value: Decimal | datetime | None
    """A time is in the meter's own zone."""
    unit: str

    @property
    def text(self) -> str:
        """The value as a person reads it."""
        if isinstance(self.value, datetime):
            return f"{self.value:%Y-%m-%d %H:%M}"
        return "-" if self.value is None else f"{self.value:f}"

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        value = self.value.isoformat() if isinstance(self.value, datetime) else self.text
        return {
            "obis": str(self.obis),
            "name": self.name,
            "value": None if self.value is None else value,
            "unit": self.unit,
        }


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A profile's row."""

    at: datetime
    values: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class ShownProfile:
    """What was read of a profile."""

    obis: Obis
    title: str
    period_s: int
    oldest: datetime | None
    rows: tuple[ShownRow, ...]
    """The newest ones, ascending."""

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "obis": str(self.obis),
            "name": self.title,
            "period_s": self.period_s,
            "oldest": self.oldest.isoformat() if self.oldest else None,
            "rows": [
                {
                    "at": row.at.isoformat(),
                    "values": [value.document() for value in row.values],
                }
                for row in self.rows
            ],
        }


@dataclass(frozen=True, slots=True)
class Trouble:
    """What failed, and what to try."""

    step: str
    said: str
    advice: str
    silent: bool = False
    """Nothing answers: there is no use in asking further."""
    finding: Finding | None = None
    """What was noticed; None where an error ended the step."""

    @property
    def kind(self) -> FindingKind | None:
        """What was noticed, for whoever tells cases apart."""
        return None if self.finding is None else self.finding.kind


@dataclass(slots=True)
class LineCount:
    """How good the line was."""

    traffic: list[Traffic] = field(default_factory=list)

    @property
    def frames(self) -> int:
        """Requests that were sent, those that were sent again among them."""
        return sum(each.exchanges + each.resends for each in self.traffic)

    @property
    def errors(self) -> int:
        """Requests that had to be sent again, or damaged frames where there were more.

        An echo is none, and noise between frames is none: the frame beside it was sound.
        """
        resends = sum(each.resends for each in self.traffic)
        return max(resends, sum(self.damaged.values()))

    @property
    def damaged(self) -> Counter[Drop]:
        """What was heard and not sound, by reason."""
        total: Counter[Drop] = Counter()
        for each in self.traffic:
            total += each.dropped
        return Counter({why: total[why] for why in _BAD if total[why]})

    @property
    def errors_per_1000(self) -> float | None:
        """Errors for 1000 frames, one decimal; None where nothing was sent."""
        return round(1000 * self.errors / self.frames, 1) if self.frames else None

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "frames": self.frames,
            "errors": self.errors,
            "errors_per_1000": self.errors_per_1000,
            "damaged": {str(why): count for why, count in self.damaged.items()},
        }


_BAD: Final = (*DAMAGE, Drop.OTHER_ADDRESS)


@dataclass(slots=True)
class Examination:
    """What came of it."""

    config: MeterConfig
    at: datetime
    plate: Plate | None = None
    meter: MeterId | None = None
    clock: datetime | None = None
    """What its clock showed, in its own zone."""
    clock_offset_s: float | None = None
    """How far it is ahead of this machine."""
    registers: tuple[Shown, ...] = ()
    profiles: tuple[ShownProfile, ...] = ()
    line: LineCount = field(default_factory=LineCount)
    troubles: list[Trouble] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    """Objects of the model that this meter does not have."""
    is_time_known: bool = True
    """Whether a time service keeps this machine's time, which the clock is held against."""

    @property
    def is_good(self) -> bool:
        """Whether the meter was read and nothing failed."""
        return self.meter is not None and bool(self.registers) and not self.troubles

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        plate = self.plate.entries if self.plate else {}
        return {
            "label": self.config.label,
            "address": self.config.address,
            "logical_address": self.config.logical_address,
            "model": self.config.model,
            "manufacturer": self.meter.manufacturer if self.meter else None,
            "serial": self.meter.serial if self.meter else None,
            "name_plate": [
                {"obis": str(obis), "name": _name(obis), "value": text}
                for obis, text in plate.items()
            ],
            "at": self.at.isoformat(timespec="seconds"),
            "clock": self.clock.isoformat(timespec="seconds") if self.clock else None,
            "clock_offset_s": self.clock_offset_s,
            "registers": [each.document() for each in self.registers],
            "profiles": [each.document() for each in self.profiles],
            "line": self.line.document(),
            "good": self.is_good,
            "troubles": [
                {"step": each.step, "said": each.said, "advice": each.advice}
                for each in self.troubles
            ],
            "remarks": self.remarks,
        }


def see_plate(transport: Transport, meter: MeterConfig) -> Plate | Trouble:
    """Read a meter's name plate, or say why it cannot be read."""
    try:
        return read_plate(transport, meter)
    except (MeterError, BusError) as error:
        return _trouble("name plate", error)


def examine(
    transport: Transport,
    meter: MeterConfig,
    now: Callable[[], datetime],
    lockout: Lockout,
    *,
    frames: int = 0,
    plate: Plate | None = None,
    is_time_known: bool = True,
    tell: Callable[[str], None] = lambda _text: None,
) -> Examination:
    """Read a meter as the agent will.

    Args:
        transport: the line.
        meter: where it answers, its model and password.
        now: this machine's time, aware.
        lockout: what the meter refused before; it is not sent again.
        frames: how many frames must pass at least to count errors.
        plate: its name plate; see `see_plate`.
        is_time_known: whether a time service keeps this machine's time.
        tell: takes a few words on what is being done.

    Raises:
        ConfigurationError: the model or the password file cannot be used.
    """
    found = Examination(meter, now(), plate, is_time_known=is_time_known)
    its_model = load(meter.model, meter.models_dir)
    try:
        with lockout.guard(meter, plate.owner if plate else None):
            _poll(found, transport, its_model, now, frames=frames, tell=tell)
    except (MeterError, BusError) as error:
        found.troubles.append(_trouble("reading", error))
    return found


def _poll(
    found: Examination,
    transport: Transport,
    its_model: Model,
    now: Callable[[], datetime],
    *,
    frames: int,
    tell: Callable[[str], None],
) -> None:
    """Poll the meter as the agent does, until enough frames have passed."""
    meter = found.config
    counted = _counting(transport, found.line)
    memory = Memory()
    tell("registers and the oldest rows")
    first = poll(counted, meter, lambda _meter: {}, now(), memory=memory, windows=1)
    found.meter = first.meter
    found.clock_offset_s = first.clock_offset_s
    found.clock = _clock(its_model, found.at, first.clock_offset_s)
    found.registers = tuple(_registers(first, _zone(its_model)))
    found.troubles += unbilled(found.registers)
    _sort_findings(found, first)
    tell("the newest rows")
    marks = _marks(its_model, now().timestamp() + (first.clock_offset_s or 0.0))
    newest = poll(
        counted, meter, lambda _meter: marks, now(), memory=memory, windows=1, registers=False
    )
    found.profiles = tuple(_profiles(its_model, first, newest))
    _sort_findings(found, newest)
    found.troubles += _alarms(its_model, newest)
    for _ in range(_MOST_POLLS):
        if found.line.frames >= frames:
            break
        tell(f"counting errors: {found.line.frames} of {frames} frames")
        poll(counted, meter, lambda _meter: marks, now(), memory=Memory(), windows=1)


def _counting(
    transport: Transport, line: LineCount
) -> Callable[[MeterConfig, Model, Traffic], AbstractContextManager[Reader]]:
    """Return what opens sessions and keeps what they cost."""
    open_session = sessions(transport)

    def opened(
        meter: MeterConfig, model: Model, traffic: Traffic
    ) -> AbstractContextManager[Reader]:
        if not any(each is traffic for each in line.traffic):
            line.traffic.append(traffic)
        return open_session(meter, model, traffic)

    return opened


def _zone(its_model: Model) -> timezone:
    return timezone(timedelta(minutes=its_model.zone_offset_min))


def _clock(its_model: Model, at: datetime, offset_s: float | None) -> datetime | None:
    if offset_s is None:
        return None
    return (at + timedelta(seconds=offset_s)).astimezone(_zone(its_model))


def _marks(its_model: Model, meter_ts: float) -> dict[Obis, int]:
    """Return watermarks that leave the newest rows of each profile to be read."""
    return {each.obis: int(meter_ts) - BACK_S.get(each.every, 86400) for each in its_model.profiles}


def _trouble(step: str, error: AgentError) -> Trouble:
    return Trouble(step, str(error), advice.for_error(error), isinstance(error, BusError))


def _trouble_of(found: Finding, *, is_time_known: bool = True) -> Trouble:
    by_time = found.kind in CLOCK_WRONG and not is_time_known
    text = advice.NO_TIME if by_time else advice.for_finding(found)
    return Trouble("reading", words(found), text, finding=found)


def _sort_findings(found: Examination, result: PollResult) -> None:
    """Sort what a poll found: that a meter lacks an object is no trouble."""
    absent = [each for each in result.findings if each.is_absence]
    found.remarks += [said for said in map(words, absent) if said not in found.remarks]
    for each in result.findings:
        if not each.is_absence and all(each != known.finding for known in found.troubles):
            found.troubles.append(_trouble_of(each, is_time_known=found.is_time_known))


def _name(obis: Obis) -> str:
    known = quantity(obis)
    return known.name if known else OBJECTS.get(obis, "not in the catalogue")


def _values(block: MeterRows, row: tuple[int | None, ...], zone: timezone) -> tuple[Shown, ...]:
    log, code = block.profile, row[1]
    event: tuple[Shown, ...] = ()
    if log in EVENT_PROFILES and log is not None and code is not None:
        name = event_name(log, code) or "event not in the catalogue"
        event = (Shown(log, name, Decimal(code), ""),)
    return event + tuple(
        _shown(column, raw, zone) for column, raw in zip(block.columns, row[2:], strict=True)
    )


def _shown(column: Column, raw: int | None, zone: timezone) -> Shown:
    name = _name(column.obis)
    if column.attribute == REACHED_AT:
        at = None if raw is None else datetime.fromtimestamp(raw, zone)
        return Shown(column.obis, f"{name}, reached", at, "")
    known = column.unit in set(Unit)
    return Shown(
        column.obis,
        name,
        None if raw is None else Decimal(raw).scaleb(column.scaler),
        UNIT_SYMBOLS[Unit(column.unit)] if known else f"unit {column.unit}",
    )


def _registers(result: PollResult, zone: timezone) -> list[Shown]:
    return [
        value
        for block in result.rows
        if block.profile is None
        for value in _values(block, block.rows[-1], zone)
    ]


def unbilled(registers: Sequence[Shown]) -> list[Trouble]:
    """Tell of registers whose months cannot be billed, for they have no unit, or a wrong one."""
    found: list[Trouble] = []
    for each in registers:
        units = _BILLED_UNITS.get(each.obis)
        if units is None or each.unit in units:
            continue
        kind = FindingKind.UNIT_NOT_BILLED if each.unit else FindingKind.NO_UNIT
        found.append(_trouble_of(finding(kind, obis=each.obis, unit=each.unit)))
    return found


def _alarms(its_model: Model, newest: PollResult) -> list[Trouble]:
    """Tell which bits of the status are set in the newest row of a profile."""
    rows = [
        row
        for block in newest.rows
        if block.profile is not None and block.profile not in EVENT_PROFILES
        for row in block.rows
        if row[0] is not None and row[1] is not None and block.profile != PROFILE_STATUS
    ]
    if not rows:
        return []
    ts, status = max((row[0] or 0, row[1] or 0) for row in rows)
    at = datetime.fromtimestamp(ts, _zone(its_model))
    found: list[Trouble] = []
    for bit in its_model.status_bits:
        if status >> bit.bit & 1:
            means, when = bit.means.replace("_", " "), f"{at:%Y-%m-%d %H:%M}"
            noticed = finding(FindingKind.STATUS_BIT_SET, means=means, bit=bit.bit, at=when)
            found.append(_trouble_of(noticed))
    return found


def _profiles(its_model: Model, first: PollResult, newest: PollResult) -> list[ShownProfile]:
    zone = _zone(its_model)
    found: list[ShownProfile] = []
    for wanted in its_model.profiles:
        blocks = [
            block
            for result in (first, newest)
            for block in result.rows
            if block.profile == wanted.obis
        ]
        found += shown_profile(wanted.obis, blocks, zone)
    return found


def shown_profile(profile: Obis, blocks: Sequence[MeterRows], zone: timezone) -> list[ShownProfile]:
    """Return a profile with its newest rows, as a list of one; of none where it has no rows."""
    rows = {row[0]: (block, row) for block in blocks for row in block.rows if row[0]}
    if not rows:
        return []
    shown = [
        ShownRow(datetime.fromtimestamp(ts, zone), _values(*rows[ts], zone)) for ts in sorted(rows)
    ]
    title = OBJECTS.get(profile, "profile")
    newest = tuple(shown[-NEWEST_ROWS:])
    return [ShownProfile(profile, title, blocks[-1].period_s, shown[0].at, newest)]
