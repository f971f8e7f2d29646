# SPDX-License-Identifier: GPL-2.0-only
"""Who a meter is, what its clock shows and what its registers hold: what a poll reads at once.

A meter that takes lists answers all of it in one or two requests. The registers make one row. It
carries the meter's own time where its clock is right to a minute, or all that there is; else the
gateway's, where a time service vouches for it or the meter has no clock. Where both agreed until
the gateway's jumped, nobody vouches for the gateway's. A register that failed
costs only itself.

In: a link to a meter, the codes of its registers, what polls remember. Out: a `RegistersRead`.
Never: a row of a gateway that has no time to stamp it; a register without a scaler; a value of a
meter that does not say who it is.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pydantic import ValidationError

from edge_agent import gateway_clock
from edge_agent.decode import layout, values
from edge_agent.decode.rows import MeterRows
from edge_agent.dlms import axdr
from edge_agent.dlms.hex_text import as_hex
from edge_agent.errors import (
    AccessDenied,
    AddressShared,
    BusError,
    MeterError,
    PasswordRefused,
    ProtocolViolation,
    SerialUnreadable,
    WrongIdentity,
)
from edge_agent.poll import clock_reading
from edge_agent.poll.finding import OTHER_CLASS, Finding, FindingKind, Value, finding, of_error
from edge_agent.poll.memory import AGREES_S, FACT_LIFE_S, Memory, MeterFacts
from edge_agent.poll.meter_link import MeterLink, Range, Timed
from edge_agent.poll.scaler import OTHER_CLASSES, scaler_of, value_of
from edge_agent.poll.sessions import Answer, Wanted
from shared_schema.catalogue import CLOCK, MANUFACTURER
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from shared_schema.readings import Column

MOST_UNSURE_S: Final = 10.0
"""A clock that took longer to answer stamps no registers."""
MOST_WAITED_S: Final = AGREES_S
"""Registers that took longer to come may be as much older than they seem."""
_REGISTER: Final = 3


@dataclass(frozen=True, slots=True)
class ClockSeen:
    """What a meter's clock showed."""

    meter_ts: int | None = None
    """Its time, seconds since 1970; None: it shows none."""
    offset_s: float | None = None
    """How far it is ahead of the gateway's; None: one of them says nothing."""
    is_sound: bool | None = None
    """Whether it is near enough; None: it says nothing."""
    unsure_s: float = 0.0
    """How long the meter took to say so: the offset may be wrong by half of it, and a second."""
    ended: float = 0.0
    """The gateway's time when it had said so, seconds since 1970."""

    def stamp(self, at: float, *, vouched: bool) -> int | None:
        """Return the time of what was read at a time of the gateway's; None: nobody knows it.

        By the meter it is the time that its clock showed, and what passed after it had said so.
        The offset has no part in that: what came at once with the clock has the clock's own time.

        Args:
            at: the gateway's time, seconds since 1970, or as it is assumed to be.
            vouched: whether a time service vouches for it.
        """
        if self.meter_ts is None or self.offset_s is None:
            return int(at)
        agrees = self.is_sound and (not vouched or abs(self.offset_s) <= AGREES_S)
        if agrees and self.unsure_s <= MOST_UNSURE_S:
            return self.meter_ts + int(at - self.ended)
        return int(at) if vouched or self.is_sound else None


@dataclass(frozen=True, slots=True)
class RegistersRead:
    """What a meter answered first."""

    meter: MeterId
    facts: MeterFacts
    """What polls remember of this meter."""
    clock: ClockSeen
    block: MeterRows | None
    """One row of its registers; None: none was read, or none may be kept."""
    ahead: bytes | None
    """The rows of a profile that came with them."""
    is_sure: bool
    """All of it came with the serial number."""
    findings: tuple[Finding, ...]


def read_registers(
    link: MeterLink,
    memory: Memory,
    registers: Sequence[Obis],
    now: Callable[[], float],
    *,
    known: MeterId | None,
    ahead: Range | None,
    synchronised: bool,
    vouched: bool,
) -> RegistersRead:
    """Read who the meter is, its clock and its registers, in as few requests as it takes.

    Args:
        link: the meter.
        memory: what polls remember.
        registers: the codes of its registers; those known to be absent are left out.
        now: the gateway's time, seconds since 1970.
        known: the meter that answered last.
        ahead: rows that may come as well.
        synchronised: whether the gateway's time may be believed.
        vouched: whether a time service vouches for it: it is not only assumed.

    Raises:
        WrongIdentity: it does not say who it is, or another one answers.
        BusError, MeterError: it cannot be read.
    """
    facts = memory.meters.get(known) if known is not None else None
    if facts is not None:  # a register that is not there is asked for once a day
        registers = [each for each in registers if facts.absent.get(each, 0) <= now()]
    maker: list[Wanted] = [] if link.model.manufacturer else [(MANUFACTURER, 1, 2)]
    its = _attributes(registers, facts)
    read = link.read_many([*maker, (CLOCK, 8, 2), *its], now, ahead)
    if memory.alone.get(link.label, math.inf) > now():
        link.look_closely()
        memory.alone.setdefault(link.label, 0)
    meter = _identity(link, [each.answer for each in read.each[: len(maker)]])
    facts = memory.meters.setdefault(meter, MeterFacts())
    reader = _RegisterReader(link, facts, now, synchronised=synchronised)
    clock = reader.clock(read.each[len(maker)])
    try:
        block = reader.row(its, read.each[len(maker) + 1 :], clock, vouched=vouched)
    except AddressShared:
        facts.forget()
        raise
    return RegistersRead(
        meter, facts, clock, block, read.rows, not link.unsure, tuple(reader.findings)
    )


def _attributes(registers: Sequence[Obis], facts: MeterFacts | None) -> list[Wanted]:
    """Return the attribute of each register's value, by the class that it is known to be of."""
    classes = {} if facts is None else facts.classes
    return [value_of(obis, classes.get(obis, _REGISTER)) for obis in registers]


def _identity(link: MeterLink, maker: Sequence[Answer]) -> MeterId:
    """Return who the meter is, by its serial number and its maker's name.

    Raises:
        WrongIdentity: it does not say, or not in a way that can be used.
    """
    try:
        serial = link.model.identity.serial(link.serial or b"")
    except SerialUnreadable as error:
        raise SerialUnreadable(f"{link.label}: {error}") from None
    names: list[str | None] = []
    for entry in maker:
        if isinstance(entry, AccessDenied):
            raise WrongIdentity(f"{link.label} does not say who it is: {entry}")
        try:
            names.append(axdr.text(entry))
        except ProtocolViolation as error:
            raise WrongIdentity(f"{link.label}: {error}") from None
    name, *_ = (*names, link.model.manufacturer)
    try:
        return MeterId.model_validate({"manufacturer": name, "serial": serial})
    except ValidationError:
        raise WrongIdentity(f"{link.label} has no usable name plate") from None


class _RegisterReader:
    """Takes the first answers of one meter apart, and gathers what a person should know."""

    def __init__(
        self, link: MeterLink, facts: MeterFacts, now: Callable[[], float], *, synchronised: bool
    ) -> None:
        self.findings: list[Finding] = []
        self._link = link
        self._facts = facts
        self._now = now
        self._synchronised = synchronised

    def _note(self, kind: FindingKind, **values: Value) -> None:
        self.findings.append(finding(kind, self._link.label, **values))

    def clock(self, found: Timed) -> ClockSeen:
        """Compare the meter's clock with the gateway's."""
        if isinstance(found.answer, AccessDenied):
            self.findings.append(of_error(FindingKind.DENIED, self._link.label, found.answer))
            return ClockSeen()
        try:
            stamp = clock_reading.stamp_of(found.answer)
        except ProtocolViolation as error:
            self.findings.append(
                of_error(FindingKind.CLOCK_UNREADABLE, self._link.label, error, obis=CLOCK)
            )
            return ClockSeen()
        zone = self._link.model.zone
        meter_ts = axdr.epoch_s(stamp, zone)
        self._facts.deviations |= clock_reading.deviations(stamp, zone)
        self._facts.zone_offset_min = clock_reading.offset_min(stamp, zone)
        if not self._synchronised:
            if meter_ts is None:
                self._note(FindingKind.CLOCK_SHOWS_NO_TIME, came=as_hex(stamp))
                return ClockSeen()
            return ClockSeen(meter_ts, is_sound=True)
        seen = self._compared(stamp, meter_ts, (found.begun + found.ended) / 2)
        return replace(seen, unsure_s=found.ended - found.begun, ended=found.ended)

    def _compared(self, stamp: bytes, meter_ts: int | None, read_ts: float) -> ClockSeen:
        """Hold a clock against the gateway's, in each way in which a zone is written."""
        zone, most_s = self._link.model.zone, self._link.model.max_clock_offset_s
        if meter_ts is None:
            sign = clock_reading.fitting_sign(stamp, zone, read_ts, most_s)
            if sign is None:
                self._note(FindingKind.CLOCK_SHOWS_NO_TIME, came=as_hex(stamp))
                return ClockSeen()
            off_s = clock_reading.deviation_s(stamp, zone)
            self._note(FindingKind.WRONG_DEVIATION_SIGN, offset_s=off_s, most_s=most_s, sign=sign)
            return ClockSeen(is_sound=False)
        offset_s = gateway_clock.offset_s(meter_ts, read_ts)
        is_sound = abs(offset_s) <= most_s
        self._facts.note_clock(read_ts, offset_s, is_sound=is_sound)
        if not is_sound:
            off: dict[str, Value] = {"offset_s": round(offset_s), "most_s": most_s}
            sign = clock_reading.fitting_sign(stamp, zone, read_ts, most_s)
            other = clock_reading.zone_of(stamp, zone, read_ts)
            if sign is not None:
                self._note(FindingKind.WRONG_DEVIATION_SIGN, **off, sign=sign)
            elif other is not None:
                self._note(FindingKind.CLOCK_IN_OTHER_ZONE, **off, zone=other)
            else:
                self._note(FindingKind.CLOCK_OFF, **off)
        return ClockSeen(meter_ts, offset_s, is_sound)

    def row(
        self,
        registers: Sequence[Wanted],
        answers: Sequence[Timed],
        clock: ClockSeen,
        *,
        vouched: bool,
    ) -> MeterRows | None:
        """Make one row of the registers.

        Raises:
            WrongIdentity: another meter answers.
            PasswordRefused: a second session was refused.
        """
        columns: list[Column] = []
        raws: list[int] = []
        for wanted, found in zip(registers, answers, strict=True):
            held = self._register(wanted, found.answer)
            if held is not None:
                columns.append(held[0])
                raws.append(held[1])
        if not columns:
            return None
        if not self._synchronised:
            self._note(FindingKind.REGISTERS_UNSTAMPED)
            return None
        if max(each.ended - each.begun for each in answers) > MOST_WAITED_S:
            self._note(FindingKind.REGISTERS_LATE, most_s=int(MOST_WAITED_S))
            return None
        is_vouched = vouched and not self._facts.agreed
        stamp = clock.stamp(answers[-1].ended, vouched=is_vouched)
        if stamp is None:
            self._note(FindingKind.CLOCKS_DISAGREE)
            return None
        if self._facts.is_earlier(stamp):
            self._note(FindingKind.REGISTERS_EARLIER)
            return None
        return MeterRows(None, 0, tuple(columns), ((stamp, None, *raws),))

    def _register(self, wanted: Wanted, answer: Answer) -> tuple[Column, int] | None:
        """Return how a register is scaled and its raw value, or None where one is missing."""
        label, obis = self._link.label, wanted[0]
        try:
            answer = self._of_its_class(wanted, answer)
            if isinstance(answer, AccessDenied):
                if self._facts.is_news(obis, answer, self._now()):
                    self.findings.append(of_error(FindingKind.DENIED, label, answer, obis=obis))
                return None
            found = values.register_number(obis, answer)
            if found is None:
                self._note(FindingKind.NO_VALUE, obis=obis)
                return None
            column = self._column(obis)
            if column is None:
                self._note(FindingKind.NO_SCALER, obis=obis)
                return None
            return values.register_value(column, found)
        except (WrongIdentity, PasswordRefused):
            raise
        except (BusError, MeterError) as error:
            self.findings.append(of_error(FindingKind.UNREADABLE, label, error, obis=obis))
            return None

    def _of_its_class(self, wanted: Wanted, answer: Answer) -> Answer:
        """Return the value of a register; one that is of another class is read once more.

        Raises:
            BusError, MeterError: there is no answer.
        """
        obis, asked, _ = wanted
        if not isinstance(answer, AccessDenied) or answer.result != OTHER_CLASS:
            return answer
        for class_id in (each for each in (_REGISTER, *OTHER_CLASSES) if each != asked):
            found = self._link.read_one(value_of(obis, class_id))
            if not isinstance(found, AccessDenied):
                self._facts.classes[obis] = class_id
                return found
        return answer

    def _column(self, obis: Obis) -> Column | None:
        """Return how a register is scaled, or None when nobody says."""
        held = self._facts.registers.get(obis)
        if held is not None and held[0] > self._now():
            return held[1]
        found = scaler_of(self._link, obis, self._facts.classes.get(obis, _REGISTER), {})
        if found is None:
            return None
        column = layout.column(obis, found)
        self._facts.registers[obis] = (self._now() + FACT_LIFE_S, column)
        return column
