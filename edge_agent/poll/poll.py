# SPDX-License-Identifier: GPL-2.0-only
"""One poll of one meter: who it is, what its registers say now, what its profiles added.

A poll reads who the meter is first, with the registers where the meter takes lists (`registers`).
Then it reads what the profiles added (`profiles`), and sees the serial number again after all that
came without it. If another meter answers, the poll ends and nothing of it is kept.

Registers carry the meter's own time or the gateway's (`registers`). Rows of a profile carry the
meter's own stamps, and are kept only while its clock agrees with the gateway's. Rows are left out
whose time the clock passed while it was wrong; a restart of the agent forgets which those are.

In: a way to open a session, the meter's address, watermarks, the gateway's time.
Out: a `PollResult`: rows as the meter said them, and the watermarks that go with them.
Never: a stored state; a refused password tried again; a value that was not read, or whose
meter or time is in doubt.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from edge_agent.decode.layout import Captured
from edge_agent.decode.rows import MeterRows
from edge_agent.dlms.exchange import Traffic
from edge_agent.errors import (
    AddressShared,
    BusError,
    ConfigurationError,
    MeterError,
    PasswordRefused,
    WrongIdentity,
)
from edge_agent.gateway_clock import steady_s
from edge_agent.meters.model import Model, load
from edge_agent.poll.finding import Finding, FindingKind, finding, of_error
from edge_agent.poll.local_time import LocalTime
from edge_agent.poll.memory import Memory, MeterFacts
from edge_agent.poll.meter_link import MeterLink, Range
from edge_agent.poll.profile_rows import Terms
from edge_agent.poll.profiles import ProfilesRead, read_profiles
from edge_agent.poll.registers import ClockSeen, RegistersRead, read_registers
from edge_agent.poll.sessions import SessionFactory
from edge_agent.poll.windows import range_ahead
from edge_agent.settings.bus import MeterConfig
from shared_schema.message import MeterId
from shared_schema.obis import Obis

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
    vouched: bool = True,
    zone: ZoneInfo | None = None,
    monotonic: Callable[[], float] = steady_s,
) -> PollResult:
    """Read one meter in one association.

    Args:
        session_factory: opens a session; see `sessions.sessions`.
        meter: where it answers.
        marks_of: gives, for the meter that answers, up to when everything of each profile is
            stored already.
        now: the gateway's time when the poll begins, aware.
        captures_of: gives what each profile captured when its rows were last stored.
        memory: what earlier polls found out; give the same object each time.
        known: the meter that answered last; the findings tell if another one answers.
        windows: how many windows of each profile may be read.
        registers: False leaves the registers out: a back-fill between live polls.
        forced: profiles of its model that are read though they are not due.
        synchronised: whether ``now`` may be believed. If not, registers are not stamped,
            watermarks stay where they are, and rows have the meter's word alone.
        vouched: whether a time service vouches for it. If not, registers are not stamped at a meter
            whose clock says otherwise.
        zone: the society's, in which a clock may go over to summer time; None: not known.
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

    local = partial(_local_time, model, zone, now_s)
    first: RegistersRead | None = None
    try:
        with MeterLink(session_factory, meter, model, memory, traffic) as link:
            may_come = known if windows and synchronised else None
            ahead = _range_ahead(model, local, memory, may_come, marks_of, now_s=now_s)
            first = read_registers(
                link,
                memory,
                model.registers if registers else (),
                now_s,
                known=known,
                ahead=ahead,
                synchronised=synchronised,
                vouched=vouched,
            )
            replaced = _see_replacement(link, first.meter, known)
            profiles = read_profiles(
                link,
                Terms(
                    model=model,
                    local=local(first.facts),
                    facts=first.facts,
                    now=now_s,
                    limit=_limit(first.clock, now_s(), synchronised=synchronised),
                    synchronised=synchronised,
                    captured=captures_of(first.meter),
                    trusted=first.clock.is_sound,
                    live=registers,
                    forced=forced,
                ),
                marks_of(first.meter),
                windows,
                _came_ahead(ahead, first, known),
            )
            doubt = _doubt(link, first)
    except AddressShared:  # also of a late answer, when the session is closed
        memory.alone[meter.label] = now.timestamp() + SUSPICION_S
        if first is not None:
            first.facts.forget()
        raise
    return _result(first, profiles, (replaced, doubt), now, traffic)


def _range_ahead(
    model: Model,
    local: Callable[[MeterFacts], LocalTime],
    memory: Memory,
    known: MeterId | None,
    marks_of: Callable[[MeterId], Mapping[Obis, int]],
    *,
    now_s: Callable[[], float],
) -> Range | None:
    """Return the rows to ask for together with the registers, if the same meter answers again."""
    if known is None or (facts := memory.meters.get(known)) is None:
        return None
    return range_ahead(model, local(facts), facts, marks_of(known), now_s())


def _local_time(
    model: Model, zone: ZoneInfo | None, now_s: Callable[[], float], facts: MeterFacts
) -> LocalTime:
    """Return the local time of the meter's clock; that of its model where it says none."""
    stated = facts.zone_offset_min
    return LocalTime.of_clock(model.zone_offset_min if stated is None else stated, zone, now_s())


def _came_ahead(
    ahead: Range | None, first: RegistersRead, known: MeterId | None
) -> Mapping[Range, bytes]:
    """Return the rows that came with the registers, if they are the expected meter's."""
    if ahead is None or first.ahead is None or first.meter != known:
        return {}
    return {ahead: first.ahead}


def _see_replacement(link: MeterLink, meter: MeterId, known: MeterId | None) -> Finding | None:
    """Look closely at a meter that answers where another one was.

    Raises:
        AddressShared: both answer there.
        BusError, MeterError: there is no answer.
    """
    if known is None or known == meter:
        return None
    link.look_closely()
    return finding(FindingKind.ANOTHER_METER, link.label, found=meter, known=known)


def _limit(clock: ClockSeen, now_s: float, *, synchronised: bool) -> float:
    """Return the time that no watermark passes: the gateway's and the meter's clock."""
    if clock.meter_ts is None:
        return now_s
    return min(now_s, clock.meter_ts) if synchronised else clock.meter_ts


def _doubt(link: MeterLink, first: RegistersRead) -> Finding | None:
    """See that the meter is still the same; return why its registers are not kept, if so.

    Raises:
        WrongIdentity: another one answers.
        PasswordRefused: a second session was refused.
    """
    try:
        link.confirm()
    except (WrongIdentity, PasswordRefused):
        raise
    except (BusError, MeterError) as error:
        first.facts.forget()
        if not first.is_sure and first.block is not None:
            return of_error(FindingKind.REGISTERS_UNCONFIRMED, link.label, error)
    return None


def _result(
    first: RegistersRead,
    profiles: ProfilesRead,
    around: tuple[Finding | None, Finding | None],
    now: datetime,
    traffic: Traffic,
) -> PollResult:
    """Join what was read; ``around``: what was found before the profiles and after them."""
    before, doubt = around
    block = None if doubt is not None else first.block
    blocks = (*([] if block is None else [block]), *profiles.blocks)
    live, backlog = _by_age(blocks, now.timestamp() - HISTORICAL_S)
    findings = (*first.findings, before, *profiles.findings, doubt)
    return PollResult(
        meter=first.meter,
        live=live,
        backlog=backlog,
        watermarks=profiles.watermarks,
        rewound=profiles.rewound,
        captures=profiles.captures,
        caught_up=profiles.caught_up,
        findings=tuple(each for each in findings if each is not None),
        clock_offset_s=first.clock.offset_s,
        exchanges=traffic.exchanges,
        bytes_sent=traffic.bytes_sent,
        bytes_received=traffic.bytes_received,
        unread=profiles.unread,
        confirmed=doubt is None,
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
