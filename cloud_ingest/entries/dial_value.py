# SPDX-License-Identifier: MIT
"""A dial value held against what is known of its meter.

A value becomes a register of the meter's billed channel: the dial without its offset, in whole
steps of the channel. It is compared with the readings on both sides of its time. A value that
cannot be of one meter may be of the one that was put up at that minute: then the refusal names it.

In: a value, when it was read, the meter that a person means. Out: the channel, the register and
what is wrong with it, as a sentence. Never: a reading that is stored. `core.plausible` judges the
value.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from zoneinfo import ZoneInfo

from cloud_ingest.core.exact import exactly
from cloud_ingest.core.known import ChannelKey
from cloud_ingest.core.plausible import (
    DialFault,
    Doubt,
    beside_dial,
    doubt_of,
    in_steps,
    is_dial_value,
    typed_step,
)
from cloud_ingest.core.rating import UNRATED, most_per_day
from cloud_ingest.core.register import Epochs, Register, normalised
from cloud_ingest.entries.meter import (
    billed_channels,
    exponents_of,
    other_meter_hint,
    put_up_then,
)
from cloud_ingest.errors import SelfReadRefused
from cloud_ingest.store.assignments import Assignment
from cloud_ingest.store.channels import ensure_channels
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.dials import dials
from cloud_ingest.store.epochs import epochs_of
from cloud_ingest.store.ratings import ratings_of
from cloud_ingest.store.readings_read import neighbours, newest_channel
from shared_schema.billing import BILLING_UNITS, billing_exponent
from shared_schema.catalogue import BILLED_REGISTER, Service, Unit
from shared_schema.quality import Origin

DIAL_UNITS: dict[Service, Unit] = {
    Service.ELECTRICITY: Unit.WATT_HOUR,
    Service.WATER: Unit.LITRE,
}
"""A dial's channel counts in these with scaler 0, whatever its own resolution is, so that a
later reading with another number of digits lands in the same channel."""


@dataclass(frozen=True, slots=True)
class DialChannel:
    """Where a dial value goes, and the exponents of all of its meter's billed channels by id."""

    channel_id: int
    exponents: dict[int, int]

    @property
    def exponent(self) -> int:
        """E of value = raw * 10^e, of this channel."""
        return self.exponents[self.channel_id]


@dataclass(frozen=True, slots=True)
class DialClaim:
    """A dial value as a register, beside what is known around it."""

    register: Register
    before: Register | None
    after: Register | None
    epochs: Epochs

    @property
    def corrects(self) -> bool:
        """A person said something else of the same moment before."""
        before = self.before
        return (
            before is not None
            and before.ts == self.register.ts
            and before.origin is not Origin.METER
        )

    @property
    def is_beside_edit(self) -> bool:
        """A person put the reading of the same moment right before."""
        before = self.before
        return before is not None and before.ts == self.register.ts and before.origin is Origin.EDIT

    def stood_still(self, step: Decimal) -> "DialClaim":
        """Return the claim, or the register before it where its dial hides that it is no fall.

        A dial of whole units that shows 4711 says no more than 4711 to 4712: beside a register of
        4711.3 it stood still, as far as it tells.

        Args:
            step: The dial hides less than this.
        """
        before, own = self.before, self.register
        if before is None or before.ts == own.ts:
            return self
        with exactly():
            lacks = normalised(before, self.epochs) - normalised(own, self.epochs)
        if not 0 < lacks < step:
            return self
        steps = int(lacks.scaleb(-own.exponent).to_integral_value(ROUND_CEILING))
        return replace(self, register=replace(own, raw=own.raw + steps))


@dataclass(frozen=True, slots=True)
class DialValue:
    """What a dial showed at a time."""

    conn: Connection
    society_id: int
    zone: ZoneInfo
    value: Decimal
    at: datetime

    def judge(self, meter: Assignment) -> tuple[DialChannel, DialClaim, str | None]:
        """Return where the value of a meter goes, as what, and what is wrong with it, or None.

        Raises:
            SelfReadRefused: it is no value of that meter's dial.
        """
        service = meter.service
        what = f"{meter.subject} {service}"
        channel = _channel(self.conn, meter, service)
        adds = dials(self.conn, self.society_id).adds(str(meter.meter), self.at)
        raw = _raw(self.value, adds, channel.exponent, what, service)
        claim = _claim(self.conn, channel, raw, self.at).stood_still(typed_step(self.value))
        rating = ratings_of(self.conn, [meter.meter_id]).get(meter.meter_id, UNRATED)
        limit = most_per_day(service, meter.subject_type, rating)
        return channel, claim, _fault(claim, what, service, limit, self.zone)

    def accept(
        self, meter: Assignment, *, is_forced: bool, is_named: bool
    ) -> tuple[DialChannel, DialClaim, str | None]:
        """Return what `judge` does, if the value can be taken.

        Raises:
            SelfReadRefused: it cannot; the text names another meter whose dial it may be.
        """
        try:
            channel, claim, wrong = self.judge(meter)
        except SelfReadRefused as error:
            hint = "" if is_named else self.other_meter(meter)
            raise SelfReadRefused(f"{error}{hint}") from None
        unneeded = needless(meter, self.at, f"{meter.subject} {meter.service}")
        fault = unneeded or wrong
        if fault and not is_forced:
            hint = "" if is_named else self.other_meter(meter)
            raise SelfReadRefused(f"{fault}; if it is right all the same: --force 'why'{hint}")
        return channel, claim, fault

    def other_meter(self, meter: Assignment) -> str:
        """Say that the value can be of the meter that was put up at that minute, or nothing."""
        other = (
            put_up_then(self.conn, self.society_id, meter) if meter.valid_to == self.at else None
        )
        if other is None:
            return ""
        try:
            _, _, fault = self.judge(other)
        except SelfReadRefused:
            return ""
        return "" if fault else other_meter_hint(other)


def _channel(conn: Connection, meter: Assignment, service: Service) -> DialChannel:
    """Return the meter's billed channel that was read last, or a new one of a dial."""
    exponents = exponents_of(billed_channels(conn, meter.meter_id, service), service)
    if exponents:
        newest = newest_channel(conn, exponents)
        return DialChannel(min(exponents) if newest is None else newest, exponents)
    unit = DIAL_UNITS[service]
    key: ChannelKey = (meter.meter_id, BILLED_REGISTER[service], int(unit), 0, 1)
    exponent = billing_exponent(service, unit, 0)
    if exponent is None:
        raise AssertionError("the unit of a dial is one that is billed")
    channel_id = ensure_channels(conn, {key: 0})[key]
    return DialChannel(channel_id, {channel_id: exponent})


def _raw(value: Decimal, adds: Decimal | None, exponent: int, what: str, service: Service) -> int:
    """Return the raw integer of a dial value; ``adds``: what its dial shows beyond its module.

    Raises:
        SelfReadRefused: it is no dial value, or finer than the channel counts.
    """
    unit = BILLING_UNITS[service]
    register = value
    if adds is not None and value.is_finite():
        register = beside_dial(value, adds, exponent)
    if not is_dial_value(register):
        raise SelfReadRefused(f"{what}: {register} is no dial value: give what it shows, in {unit}")
    raw = in_steps(register, exponent)
    if raw is None:
        step = Decimal(1).scaleb(exponent)
        raise SelfReadRefused(
            f"{what}: the register counts in steps of {step:f} {unit}, {register:f} is finer: "
            "leave out the last digits"
        )
    return raw


def _claim(conn: Connection, channel: DialChannel, raw: int, at: datetime) -> DialClaim:
    register = Register(channel.channel_id, at, raw, Origin.SELF_READ, channel.exponent)
    before, after = neighbours(conn, channel.exponents, at)
    return DialClaim(register, before, after, epochs_of(conn, channel.exponents.keys()))


def _fault(
    claim: DialClaim, what: str, service: Service, limit: Decimal, zone: ZoneInfo
) -> str | None:
    """Say what is wrong with a dial value beside its neighbours, or None."""
    doubt = doubt_of(claim.register, (claim.before, claim.after), claim.epochs, limit)
    unit = BILLING_UNITS[service]
    shown = f"{what}: {claim.register.value:f} {unit}"
    match doubt:
        case None:
            return None
        case Doubt(DialFault.KNOWN_OTHERWISE, known):
            return (
                f"{shown} at {minute(known.ts, zone)}, but {known.value:f} {unit} is already known "
                "for that moment: give the time at which it was read"
            )
        case Doubt(DialFault.TOO_MUCH, earlier, used):
            return (
                f"{shown} would be {used:f} {unit} since {minute(earlier.ts, zone)}, more than it "
                "can use: look at the decimal point"
            )
        case Doubt(DialFault.TOO_LITTLE, later, left):
            return (
                f"{shown} would leave {left:f} {unit} until {minute(later.ts, zone)}, more than it "
                "can use: look at the decimal point, and at the time"
            )
        case Doubt(fault, other):
            side = "below" if fault is DialFault.BELOW else "above"
            return (
                f"{shown} is {side} the {other.value:f} {unit} of {minute(other.ts, zone)}: "
                "look at the dial again, and at the unit and the time"
            )


def needless(meter: Assignment, at: datetime, what: str) -> str | None:
    """Say that a meter's gateway has read it since, or None.

    At the minute at which a meter is handed over a dial is always needed: it serves both sides.
    """
    if meter.legacy or meter.last_reading_at is None or meter.last_reading_at < at:
        return None
    if at in (meter.valid_from, meter.valid_to):
        return None
    return (
        f"{what}: meter {meter.meter} was read by its gateway after that time and needs no "
        "self-read, unless its month is withheld"
    )


def minute(at: datetime, zone: ZoneInfo) -> str:
    """Write a time as a person says when a dial was read; pure."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
