# SPDX-License-Identifier: GPL-2.0-only
"""One poll of one meter: who it is, what its registers say now, what its profiles added.

In: a way to open a session, the meter's address, watermarks, the gateway's time.
Out: a `PollResult`: rows as the meter said them, and the watermarks that go with them.
Never: a stored state; a refused password tried again; a value that was not read, or whose
meter or time is in doubt.

Who the meter is is read first, with the registers where it takes lists, and seen again after
all that came without it; another meter ends the poll and nothing of it is kept. Registers
carry the gateway's time of reading; rows of a profile carry the meter's own stamps, and are
kept only while its clock agrees with the gateway's. Rows stamped with a time that the clock
passed while it was wrong are left out; a restart of the agent forgets which those are.
"""

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from edge_agent import gateway_clock
from edge_agent.decode import buffer, layout
from edge_agent.decode.layout import Captured
from edge_agent.decode.rows import MeterRows
from edge_agent.dlms import axdr
from edge_agent.dlms.axdr import Zone
from edge_agent.dlms.exchange import Traffic
from edge_agent.errors import (
    AccessDenied,
    AddressShared,
    BusError,
    ConfigurationError,
    MeterError,
    PasswordRefused,
    ProtocolViolation,
    WrongIdentity,
)
from edge_agent.meters.model import Model, load
from edge_agent.poll.capture_layout import LAYOUT_LIFE_S
from edge_agent.poll.finding import Finding, FindingKind, Value, finding, of_error
from edge_agent.poll.memory import Known, Memory
from edge_agent.poll.meter_link import MeterLink, Range, Timed
from edge_agent.poll.profiles import ProfileReader, everyday, is_news
from edge_agent.poll.scaler import scaler_of
from edge_agent.poll.sessions import Answer, SessionFactory, Wanted
from edge_agent.settings import MeterConfig
from shared_schema.catalogue import CLOCK, MANUFACTURER
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from shared_schema.readings import Column

DEFAULT_WINDOWS: Final = 8
HISTORICAL_S: Final = 2 * 3600
"""Rows older than this are back-fill."""
SUSPICION_S: Final = 86400
"""How long an address where two meters were heard is looked at more closely."""


@dataclass(frozen=True, slots=True)
class PollResult:
    """What one poll read, and how far."""

    meter: MeterId
    live: tuple[MeterRows, ...]
    """Registers, and the rows of the last two hours."""
    backlog: tuple[MeterRows, ...]
    """Older rows."""
    watermarks: dict[Obis, int]
    """For each profile read: everything up to this time (s since 1970, UTC) was read."""
    rewound: frozenset[Obis]
    """The profiles whose watermark is set back on purpose."""
    captures: dict[Obis, Captured]
    """For each profile: what it captures, where that is not known yet."""
    caught_up: bool
    """False: more history waits; poll again in line time that is left."""
    findings: tuple[Finding, ...]
    """What a person should know of the meter."""
    clock_offset_s: float | None
    """How far the meter's clock is ahead of the gateway's; None: one of them says nothing."""
    exchanges: int
    bytes_sent: int
    bytes_received: int
    unread: frozenset[Obis] = frozenset()
    """The profiles that were not read, though the meter has or had them; `findings` say why."""
    confirmed: bool = True
    """False: registers were read and are not kept, as the meter fell silent before it was
    confirmed whose they are."""

    @property
    def rows(self) -> tuple[MeterRows, ...]:
        """All that was read, the oldest first."""
        return (*self.backlog, *self.live)


def _no_captures(_meter: MeterId) -> dict[Obis, Captured]:
    return {}


def poll(
    session_factory: SessionFactory,
    meter: MeterConfig,
    marks_of: Callable[[MeterId], Mapping[Obis, int]],
    now: datetime,
    *,
    captures_of: Callable[[MeterId], Mapping[Obis, Captured]] = _no_captures,
    memory: Memory | None = None,
    known: MeterId | None = None,
    windows: int = DEFAULT_WINDOWS,
    registers: bool = True,
    forced: Collection[Obis] = (),
    synchronised: bool = True,
    monotonic: Callable[[], float] = time.monotonic,
) -> PollResult:
    """Read one meter in one association.

    Args:
        session_factory: opens a session; see `link.sessions`.
        meter: where it answers.
        marks_of: gives, for the meter that answers, up to when everything of each profile is
            stored already.
        now: the gateway's time when the poll begins, aware.
        captures_of: gives what each profile captured when its rows were last stored.
        memory: what earlier polls found out; the same object each time.
        known: the meter that answered last; another one is said.
        windows: how many windows of each profile may be read.
        registers: False leaves the registers out: a back-fill between live polls.
        forced: profiles of its model that are read though they are not due.
        synchronised: whether ``now`` may be believed. If not, registers are not stamped,
            watermarks stay where they are, and rows have the meter's word alone.
        monotonic: a clock for the time that the poll itself takes.

    Returns:
        What was read, even if a later part of it failed (then ``findings`` say so).

    Raises:
        BusError: the line failed before the meter had said who it is.
        WrongIdentity: it does not say who it is, or another meter answered in the middle.
        PasswordRefused: it refused the password, in the first session or in a second one.
        MeterError: it refused the association.
        ConfigurationError: its model or password cannot be used.
    """
    if now.tzinfo is None:
        raise ConfigurationError("a poll needs an aware time")
    model = load(meter.model, meter.models_dir, meter.deviation_sign)
    memory = memory if memory is not None else Memory()
    traffic = Traffic()
    begun = monotonic()

    def now_s() -> float:
        return now.timestamp() + monotonic() - begun

    visit: _Visit | None = None
    try:
        with MeterLink(session_factory, meter, model, memory, traffic) as link:
            visit = _Visit(link, model, memory, now_s, synchronised)
            facts = memory.meters.get(known) if known is not None and windows else None
            ahead = None
            if known is not None and facts is not None and synchronised:
                ahead = everyday(model, facts, marks_of(known), now_s())
            visit.read_now(model.registers if registers else (), known, ahead)
            if known is not None and known != visit.meter:
                link.look_closely()
                visit.note(FindingKind.ANOTHER_METER, found=visit.meter, known=known)
            profiles = ProfileReader(
                link=link,
                model=model,
                facts=visit.facts,
                now=now_s,
                limit=visit.time_limit(),
                synchronised=synchronised,
                trusted=visit.clock_is_sound,
                captured=captures_of(visit.meter),
                findings=visit.findings,
                live=registers,
                forced=forced,
            )
            if ahead is not None and visit.rows is not None and known == visit.meter:
                profiles.fetched[ahead] = visit.rows
            profiles.read(marks_of(visit.meter), windows)
            visit.confirm()
    except AddressShared:
        memory.alone[meter.label] = now.timestamp() + SUSPICION_S
        if visit is not None:
            visit.facts.forget()
        raise
    live, backlog = _by_age((*visit.blocks, *profiles.blocks), now.timestamp() - HISTORICAL_S)
    return PollResult(
        meter=visit.meter,
        live=live,
        backlog=backlog,
        watermarks=profiles.watermarks,
        rewound=frozenset(profiles.rewound),
        captures=profiles.captures,
        caught_up=profiles.caught_up,
        findings=tuple(visit.findings),
        clock_offset_s=visit.clock_offset_s,
        exchanges=traffic.exchanges,
        bytes_sent=traffic.bytes_sent,
        bytes_received=traffic.bytes_received,
        unread=frozenset(profiles.unread),
        confirmed=visit.confirmed,
    )


def _by_age(
    blocks: Sequence[MeterRows], border: float
) -> tuple[tuple[MeterRows, ...], tuple[MeterRows, ...]]:
    """Part rows into those from a time on and those before it."""
    live: list[MeterRows] = []
    backlog: list[MeterRows] = []
    for block in blocks:
        at = next(
            (at for at, row in enumerate(block.rows) if (row[0] or 0) >= border), len(block.rows)
        )
        for found, rows in ((backlog, block.rows[:at]), (live, block.rows[at:])):
            if rows:
                found.append(replace(block, rows=rows))
    return tuple(live), tuple(backlog)


@dataclass
class _Visit:
    """What is read at once: identity, clock, registers."""

    link: MeterLink
    model: Model
    memory: Memory
    now: Callable[[], float]
    synchronised: bool
    blocks: list[MeterRows] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    clock_offset_s: float | None = None
    clock_is_sound: bool | None = None
    """None: the meter's clock says nothing."""
    meter_ts: int | None = None
    meter: MeterId = field(init=False)
    facts: Known = field(default_factory=Known)
    rows: bytes | None = None
    """The rows that came with the registers."""
    confirmed: bool = True
    sure: bool = field(init=False)
    """The registers came with the serial number."""

    def note(self, kind: FindingKind, **values: Value) -> None:
        """Keep what a person should know."""
        self.findings.append(finding(kind, self.link.label, **values))

    def read_now(
        self, registers: Sequence[Obis], known: MeterId | None, ahead: Range | None = None
    ) -> None:
        """Read who the meter is, its clock and its registers, in as few requests as it takes.

        Raises:
            WrongIdentity: it does not say who it is, or another one answers.
            BusError, MeterError: it cannot be read.
        """
        facts = self.memory.meters.get(known) if known is not None else None
        if facts is not None:  # a register that is not there is asked for once a day
            registers = [each for each in registers if facts.absent.get(each, 0) <= self.now()]
        maker: list[Wanted] = [] if self.model.manufacturer else [(MANUFACTURER, 1, 2)]
        read = self.link.read_many(
            [*maker, (CLOCK, 8, 2), *((obis, 3, 2) for obis in registers)],
            self.now,
            ahead,
        )
        answers, self.rows = read.each, read.rows
        if self.memory.alone.get(self.link.label, math.inf) > self.now():
            self.link.look_closely()
            self.memory.alone.setdefault(self.link.label, 0)
        self.meter = self._identity([each.answer for each in answers[: len(maker)]])
        self.facts = self.memory.meters.setdefault(self.meter, Known())
        self._see_clock(answers[len(maker)])
        self._keep_registers(registers, answers[len(maker) + 1 :])
        self.sure = not self.link.unsure

    def confirm(self) -> None:
        """See that the meter is still the same; without an answer, nothing unsure is kept.

        Raises:
            WrongIdentity: another one answers.
            PasswordRefused: a second session was refused.
        """
        try:
            self.link.confirm()
        except (WrongIdentity, PasswordRefused):
            raise
        except (BusError, MeterError) as error:
            self.facts.forget()
            if not self.sure and self.blocks:
                self.blocks.clear()
                self.confirmed = False
                unconfirmed = FindingKind.REGISTERS_UNCONFIRMED
                self.findings.append(of_error(unconfirmed, self.link.label, error))

    def time_limit(self) -> float:
        """Return the time that no watermark passes: the gateway's and the meter's clock."""
        if self.meter_ts is None:
            return self.now()
        return min(self.now(), self.meter_ts) if self.synchronised else self.meter_ts

    def _identity(self, maker: Sequence[Answer]) -> MeterId:
        """Return who the meter is, by its serial number and its maker's name."""
        plate: list[Answer] = [self.link.serial or b"", *maker]
        names: list[str | None] = []
        for entry in plate:
            if isinstance(entry, AccessDenied):
                raise WrongIdentity(f"{self.link.label} does not say who it is: {entry}")
            try:
                names.append(axdr.text(entry))
            except ProtocolViolation as error:
                raise WrongIdentity(f"{self.link.label}: {error}") from None
        serial, name, *_ = (*names, self.model.manufacturer)
        try:
            return MeterId.model_validate({"manufacturer": name, "serial": serial})
        except ValidationError:
            raise WrongIdentity(f"{self.link.label} has no usable name plate") from None

    def _see_clock(self, found: Timed) -> None:
        """Compare the meter's clock with the gateway's."""
        if isinstance(found.answer, AccessDenied):
            self.findings.append(of_error(FindingKind.DENIED, self.link.label, found.answer))
            return
        try:
            stamp = axdr.value(found.answer)
        except ProtocolViolation:
            stamp = None
        zone = self.model.zone
        self.meter_ts = axdr.epoch_s(stamp, zone) if isinstance(stamp, bytes) else None
        if not isinstance(stamp, bytes) or self.meter_ts is None:
            self.note(FindingKind.CLOCK_SHOWS_NO_TIME)
            return
        if not self.synchronised:
            self.clock_is_sound = True
            return
        read_ts = (found.begun + found.ended) / 2
        most = self.model.max_clock_offset_s
        self.clock_offset_s = gateway_clock.offset_s(self.meter_ts, read_ts)
        self.clock_is_sound = abs(self.clock_offset_s) <= most
        self.facts.note_clock(read_ts, self.clock_offset_s, is_sound=self.clock_is_sound)
        if not self.clock_is_sound:
            turned = axdr.epoch_s(stamp, Zone(zone.offset_min, -zone.deviation_sign))
            fits = turned is not None and abs(turned - read_ts) <= most
            kind = FindingKind.WRONG_DEVIATION_SIGN if fits else FindingKind.CLOCK_OFF
            self.note(kind, offset_s=round(self.clock_offset_s), most_s=most)

    def _keep_registers(self, registers: Sequence[Obis], answers: Sequence[Timed]) -> None:
        """Make one row of the registers. One that failed costs only itself."""
        columns: list[Column] = []
        raws: list[int | None] = []
        for obis, (answer, _, _) in zip(registers, answers, strict=True):
            if isinstance(answer, AccessDenied):
                if is_news(obis, answer, self.facts, self.now()):
                    self.findings.append(of_error(FindingKind.DENIED, self.link.label, answer))
                continue
            try:
                raw = axdr.integer(answer)
                column = self._column(obis)
            except (WrongIdentity, PasswordRefused):
                raise
            except (BusError, MeterError) as error:
                unreadable = of_error(FindingKind.UNREADABLE, self.link.label, error, obis=obis)
                self.findings.append(unreadable)
                continue
            if column is None:
                self.note(FindingKind.NO_SCALER, obis=obis)
            elif raw is not None:
                columns.append(column)
                raws.append(buffer.weighed(raw, column.weight))
        if columns and not self.synchronised:
            self.note(FindingKind.REGISTERS_UNSTAMPED)
        elif columns:
            row = (int(answers[-1].ended), None, *raws)
            self.blocks.append(MeterRows(None, 0, tuple(columns), (row,)))

    def _column(self, obis: Obis) -> Column | None:
        """Return how a register is scaled, or None when nobody says."""
        held = self.facts.registers.get(obis)
        if held is not None and held[0] > self.now():
            return held[1]
        found = scaler_of(self.link, obis, 3, {})
        if found is None:
            return None
        column = layout.column(obis, found)
        self.facts.registers[obis] = (self.now() + LAYOUT_LIFE_S, column)
        return column
