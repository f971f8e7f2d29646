# SPDX-License-Identifier: GPL-2.0-only
"""The examination of one meter: what the agent will read of it, how good its clock and line are.

It polls as the agent does: first from the oldest row, then for the newest rows. Then it goes on
until enough frames have passed to count errors. An error ends it; what was read before stays.

In: a transport, where the meter answers, this machine's time. Out: an `Examination`.
Never: a stored reading; a password tried twice, in this run or a later one; a float among values.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Final

from edge_agent.dlms.exchange import Traffic, Transport
from edge_agent.dlms.security import Mode
from edge_agent.errors import AgentError, BusError, BusLost, BusTimeout, MeterError
from edge_agent.install import advice, advice_texts
from edge_agent.install.examination import Examination, LineCount, Trouble
from edge_agent.install.lockout import Lockout
from edge_agent.install.shown import ShownProfile, ShownValue, profile_of, registers_of
from edge_agent.meters.credentials import mode_of
from edge_agent.meters.model import Model, load
from edge_agent.poll.finding import CLOCK_WRONG, Finding, FindingKind, finding, words
from edge_agent.poll.memory import Memory
from edge_agent.poll.name_plate import Plate, read_plate
from edge_agent.poll.poll import PollResult, poll
from edge_agent.poll.sessions import Reader, sessions
from edge_agent.settings.bus import MeterConfig
from shared_schema.catalogue import (
    ACTIVE_IMPORT,
    EVENT_PROFILES,
    PROFILE_STATUS,
    UNIT_SYMBOLS,
    WATER_VOLUME,
    Unit,
)

_BILLED_UNITS: Final = {
    ACTIVE_IMPORT: {UNIT_SYMBOLS[Unit.WATT_HOUR]},
    WATER_VOLUME: {UNIT_SYMBOLS[Unit.CUBIC_METRE], UNIT_SYMBOLS[Unit.LITRE]},
}
"""The units in which the cloud makes a month of a register."""
_FURTHEST_SCALER: Final = 9
"""Steps of a nanowatt-hour or a gigawatt-hour: no meter counts in smaller or larger ones."""
BACK_S: Final = {"period": 2 * 3600, "hour": 30 * 86400, "day": 3 * 86400, "month": 32 * 86400}
"""How far back to look for the newest rows of a profile, by how often it is read."""
_MOST_POLLS: Final = 60

SessionOpener = Callable[[MeterConfig, Model, Traffic], AbstractContextManager[Reader]]


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
        lockout: what the meter refused before; it does not get that again.
        frames: how many frames must pass at least to count errors.
        plate: its name plate; see `see_plate`.
        is_time_known: whether a time service keeps this machine's time.
        tell: takes a few words on what goes on.

    Raises:
        ConfigurationError: the model or the password file cannot be used.
    """
    found = Examination(meter, now(), plate, is_time_known=is_time_known)
    its_model = load(meter.model, meter.models_dir)
    tried = mode_of(meter, meter.client or its_model.client)
    traffic: list[Traffic] = []
    polled: list[PollResult] = []
    ended: tuple[Trouble, ...] = ()
    open_session = _counting(transport, traffic)
    try:
        with lockout.guard(meter, plate.owner if plate else None):
            for result in _polls(
                open_session, traffic, meter, its_model, now=now, frames=frames, tell=tell
            ):
                polled += [result]  # an error may come at the next one
    except (MeterError, BusError) as error:
        ended = (_trouble("reading", error, tried),)
    found = _with_polls(found, its_model, polled, tried)
    return replace(found, line=LineCount(traffic), troubles=(*found.troubles, *ended))


def _with_polls(
    found: Examination, its_model: Model, polled: Sequence[PollResult], tried: Mode
) -> Examination:
    """Return an examination with what its polls read: the first has the registers."""
    if not polled:
        return found
    first, newest = polled[0], polled[1] if len(polled) > 1 else None
    zone, offset_s = _zone(its_model), first.clock_offset_s
    registers = registers_of(first.rows, zone)
    absent, noticed = _sorted_findings(polled)
    return replace(
        found,
        meter=first.meter,
        clock=None
        if offset_s is None
        else (found.at + timedelta(seconds=offset_s)).astimezone(zone),
        clock_offset_s=offset_s,
        registers=registers,
        profiles=tuple(_profiles(its_model, first, newest)) if newest else (),
        troubles=(
            *unbilled(registers),
            *unread(its_model, registers, noticed),
            *(
                _trouble_of(each, is_time_known=found.is_time_known, tried=tried)
                for each in noticed
            ),
            *(_alarms(its_model, newest) if newest else ()),
        ),
        remarks=absent,
    )


def _polls(
    open_session: SessionOpener,
    traffic: Sequence[Traffic],
    meter: MeterConfig,
    its_model: Model,
    *,
    now: Callable[[], datetime],
    frames: int,
    tell: Callable[[str], None],
) -> Iterator[PollResult]:
    """Poll the oldest rows and the newest; then poll on until enough frames have passed.

    Args:
        open_session: opens a session and adds what it costs to the traffic.
        traffic: of the sessions so far.
        meter: which meter.
        its_model: its model.
        now: this machine's time, aware.
        frames: how many frames must pass at least.
        tell: takes a few words on what goes on.

    Yields:
        The oldest rows with the registers, then the newest rows.
    """
    memory = Memory()
    tell("registers and the oldest rows")
    first = poll(open_session, meter, lambda _meter: {}, now(), memory=memory, windows=1)
    yield first
    tell("the newest rows")
    meter_ts = now().timestamp() + (first.clock_offset_s or 0.0)
    marks = {
        each.obis: int(meter_ts) - BACK_S.get(each.every, 86400) for each in its_model.profiles
    }
    yield poll(
        open_session, meter, lambda _meter: marks, now(), memory=memory, windows=1, registers=False
    )
    for _ in range(_MOST_POLLS):
        passed = LineCount(traffic).frames
        if passed >= frames:
            return
        tell(f"counting errors: {passed} of {frames} frames")
        poll(open_session, meter, lambda _meter: marks, now(), memory=Memory(), windows=1)


def _counting(transport: Transport, traffic: list[Traffic]) -> SessionOpener:
    """Return what opens sessions and adds to the traffic what they cost."""
    open_session = sessions(transport)

    def opened(meter: MeterConfig, model: Model, cost: Traffic) -> AbstractContextManager[Reader]:
        if not any(each is cost for each in traffic):
            traffic.append(cost)
        return open_session(meter, model, cost)

    return opened


def _zone(its_model: Model) -> timezone:
    return timezone(timedelta(minutes=its_model.zone_offset_min))


def _trouble(step: str, error: AgentError, tried: Mode | None = None) -> Trouble:
    return Trouble(
        step, str(error), advice.for_error(error, tried), isinstance(error, BusTimeout | BusLost)
    )


def _trouble_of(
    found: Finding, *, is_time_known: bool = True, tried: Mode | None = None
) -> Trouble:
    by_time = found.kind in CLOCK_WRONG and not is_time_known
    text = advice_texts.NO_TIME if by_time else advice.for_finding(found, tried)
    return Trouble("reading", words(found), text, finding=found)


def _sorted_findings(polled: Sequence[PollResult]) -> tuple[tuple[str, ...], list[Finding]]:
    """Return what the polls found, each once: objects that the meter lacks, and the rest."""
    absent: list[str] = []
    noticed: list[Finding] = []
    for each in (found for result in polled for found in result.findings):
        if not each.is_absence:
            noticed += [each] if each not in noticed else []
        elif (said := words(each)) not in absent:
            absent.append(said)
    return tuple(absent), noticed


def _profiles(its_model: Model, first: PollResult, newest: PollResult) -> Iterator[ShownProfile]:
    blocks, zone = (*first.rows, *newest.rows), _zone(its_model)
    for wanted in its_model.profiles:
        if shown := profile_of(wanted.obis, blocks, zone):
            yield shown


def unbilled(registers: Sequence[ShownValue]) -> Iterator[Trouble]:
    """Yield a trouble for each billed register with a unit, or a number, that is not billed."""
    for each in registers:
        units = _BILLED_UNITS.get(each.obis)
        if units is None:
            continue
        if each.unit not in units:
            kind = FindingKind.UNIT_NOT_BILLED if each.unit else FindingKind.NO_UNIT
            yield _trouble_of(finding(kind, obis=each.obis, unit=each.unit))
        elif isinstance(each.value, Decimal) and not _can_be_billed(each.value):
            came = f"{each.value:.9g} {each.unit}"
            yield _trouble_of(finding(FindingKind.NOT_A_DIAL, obis=each.obis, came=came))


def _can_be_billed(value: Decimal) -> bool:
    """Tell whether a dial that counts up can show a number, in steps that a meter has."""
    exponent = value.as_tuple().exponent
    return value >= 0 and isinstance(exponent, int) and abs(exponent) <= _FURTHEST_SCALER


def unread(
    its_model: Model, registers: Sequence[ShownValue], noticed: Sequence[Finding]
) -> Iterator[Trouble]:
    """Yield a trouble where no billed register of the model was read and no finding says why."""
    wanted = set(_BILLED_UNITS) & set(its_model.registers)
    known = {each.obis for each in registers} | {each.values.get("obis") for each in noticed}
    if wanted and wanted.isdisjoint(known):
        names = " or ".join(map(str, sorted(wanted)))
        yield _trouble_of(finding(FindingKind.NOTHING_BILLED, names=names))


def _alarms(its_model: Model, newest: PollResult) -> Iterator[Trouble]:
    """Yield a trouble for each bit of the status that the newest row of a profile has set."""
    rows = [
        row
        for block in newest.rows
        if block.profile is not None and block.profile not in EVENT_PROFILES
        for row in block.rows
        if row[0] is not None and row[1] is not None and block.profile != PROFILE_STATUS
    ]
    if not rows:
        return
    ts, status = max((row[0] or 0, row[1] or 0) for row in rows)
    at = datetime.fromtimestamp(ts, _zone(its_model))
    for bit in its_model.status_bits:
        if status >> bit.bit & 1:
            means, when = bit.means.replace("_", " "), f"{at:%Y-%m-%d %H:%M}"
            noticed = finding(FindingKind.STATUS_BIT_SET, means=means, bit=bit.bit, at=when)
            yield _trouble_of(noticed)
