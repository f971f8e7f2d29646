# SPDX-License-Identifier: MIT
"""A self-read: what a person read from the dial of a legacy meter, or of one that is offline.

It becomes a reading of origin ``self_read`` in the meter's billed channel: a claim like any other.
What the meter itself says of the same moment is elected before it, and nothing is lost. Where a
module counts beside the dial, the register that the module would show is stored: the dial without
its offset (`entries.dial`).

A value that cannot be right is refused with what to do; a person who knows better says why. A
self-read that was typed wrongly is corrected by one of the same moment, with the reason: it counts
as an edit. Of several corrections the newest counts.

In: a unit (or a common area, or a tower's bulk meter), a value, when it was read and by whom.
Out: a reading, and a row that says who entered it. `core.plausible` judges the value.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.month import MICROSECOND
from cloud_ingest.core.plausible import (
    DialFault,
    Doubt,
    beside_dial,
    doubt_of,
    in_steps,
    is_dial_value,
    most_per_day,
)
from cloud_ingest.core.register import Epochs, Register, billing_exponent, normalised
from cloud_ingest.entries.advice import enter_command
from cloud_ingest.entries.meter import (
    billed_channels,
    exponents_of,
    find_meter,
    other_meter_hint,
    put_up_then,
)
from cloud_ingest.errors import SelfReadRefused
from cloud_ingest.store.assignments import Assignment
from cloud_ingest.store.channels import ChannelKey, ensure_channels
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.dials import dials
from cloud_ingest.store.epochs import epochs_of
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.readings_read import neighbours, newest_channel
from cloud_ingest.store.readings_write import NewReading, store_readings
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.self_reads import store_self_read
from shared_schema.billing import BILLING_UNITS
from shared_schema.catalogue import BILLED_REGISTER, Service, Unit
from shared_schema.quality import Origin

DIAL_UNITS: dict[Service, Unit] = {
    Service.ELECTRICITY: Unit.WATT_HOUR,
    Service.WATER: Unit.LITRE,
}
"""A dial's channel counts in these with scaler 0, whatever its own resolution is, so that a
later reading with another number of digits lands in the same channel."""
FUTURE_TOLERANCE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class SelfRead:
    """A dial value that was taken."""

    unit: str
    service: Service
    source: str
    meter: str
    value: Decimal
    at: datetime
    used: Decimal | None
    """Since the reading before it, if there is one."""


@dataclass(frozen=True, slots=True)
class _Channel:
    """Where a dial value goes, and the exponents of all of its meter's billed channels by id."""

    channel_id: int
    exponents: dict[int, int]

    @property
    def exponent(self) -> int:
        """E of value = raw * 10^e, of this channel."""
        return self.exponents[self.channel_id]


@dataclass(frozen=True, slots=True)
class _Claim:
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


@translating
def self_read(
    conn: Connection,
    society: str,
    unit: str,
    service: Service,
    *,
    value: Decimal,
    at: datetime,
    by: str,
    now: datetime,
    source: str | None = None,
    force_because: str | None = None,
    subject_type: SubjectKind = "unit",
    serial: str | None = None,
) -> SelfRead:
    """Store a dial value.

    Args:
        conn: The store.
        society: The society's name.
        unit: The label of the unit, the common area or the bulk meter.
        service: Electricity (the value is kWh) or water (kL).
        value: What the dial shows.
        at: When it was read, aware.
        by: Who read it.
        now: The time.
        source: Which of the unit's meters, where it has several.
        force_because: Why a value that seems wrong is right.
        subject_type: What ``unit`` is the label of.
        serial: Which meter, where one was replaced at that minute; None: the one until then.

    Raises:
        SelfReadRefused: no such meter, or a value that cannot be right.
        NotFound: no such society.
    """
    store = open_store(conn)
    society_id = find_society(conn, society)
    at = _moment(at, by, now, store.zone)
    meter = find_meter(
        conn,
        society_id,
        unit,
        service,
        at=at,
        source=source,
        subject_type=subject_type,
        serial=serial,
    )
    name = str(meter.meter)
    with conn.transaction():
        desk = _Desk(conn, society_id, store.zone, value, at)
        is_forced = bool(force_because and force_because.strip())
        channel, claim, fault = desk.accept(meter, is_forced=is_forced, is_named=serial is not None)
        origin = Origin.EDIT if claim.corrects and fault else Origin.SELF_READ
        _store(conn, channel, claim.register, origin, served=meter, by=by, now=now, zone=store.zone)
        store_self_read(
            conn,
            society_id,
            assignment_id=meter.assignment_id,
            channel_id=channel.channel_id,
            read_at=at,
            value=value,
            raw=claim.register.raw,
            by=by,
            now=now,
            forced_because=force_because if fault else None,
        )
        used = _used(conn, channel, claim)
    return SelfRead(unit, service, meter.source, name, value, at, used)


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where a dial value is held against what is known."""

    conn: Connection
    society_id: int
    zone: ZoneInfo
    value: Decimal
    at: datetime

    def judge(self, meter: Assignment) -> tuple[_Channel, _Claim, str | None]:
        """Return where the value of a meter goes, as what, and what is wrong with it, or None.

        Raises:
            SelfReadRefused: it is no value of that meter's dial.
        """
        service = meter.service
        what = f"{meter.subject} {service}"
        channel = _channel(self.conn, meter, service)
        adds = dials(self.conn, self.society_id).adds(str(meter.meter), self.at)
        raw = _raw(self.value, adds, channel.exponent, what, service)
        claim = _claim(self.conn, channel, raw, self.at)
        limit = most_per_day(service, meter.subject_type)
        return channel, claim, _fault(claim, what, service, limit, self.zone)

    def accept(
        self, meter: Assignment, *, is_forced: bool, is_named: bool
    ) -> tuple[_Channel, _Claim, str | None]:
        """Return what `judge` does, if the value can be taken.

        Raises:
            SelfReadRefused: it cannot; the text names another meter whose dial it may be.
        """
        try:
            channel, claim, wrong = self.judge(meter)
        except SelfReadRefused as error:
            hint = "" if is_named else self.other_meter(meter)
            raise SelfReadRefused(f"{error}{hint}") from None
        needless = _needless(meter, self.at, f"{meter.subject} {meter.service}")
        fault = needless or wrong
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


def _moment(at: datetime, by: str, now: datetime, zone: ZoneInfo) -> datetime:
    """Return when a dial was read, to the second, if somebody can have read it then."""
    if at > now + FUTURE_TOLERANCE:
        raise SelfReadRefused(f"{_local(at, zone)} is in the future: give --at as it was")
    if not by.strip():
        raise SelfReadRefused("say who read the dial: give --by")
    return at.astimezone(UTC).replace(microsecond=0)


def _channel(conn: Connection, meter: Assignment, service: Service) -> _Channel:
    """Return the meter's billed channel that was read last, or a new one of a dial."""
    exponents = exponents_of(billed_channels(conn, meter.meter_id, service), service)
    if exponents:
        newest = newest_channel(conn, exponents)
        return _Channel(min(exponents) if newest is None else newest, exponents)
    unit = DIAL_UNITS[service]
    key: ChannelKey = (meter.meter_id, BILLED_REGISTER[service], int(unit), 0, 1)
    exponent = billing_exponent(service, unit, 0)
    if exponent is None:
        raise AssertionError("the unit of a dial is one that is billed")
    channel_id = ensure_channels(conn, {key: 0})[key]
    return _Channel(channel_id, {channel_id: exponent})


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


def _claim(conn: Connection, channel: _Channel, raw: int, at: datetime) -> _Claim:
    register = Register(channel.channel_id, at, raw, Origin.SELF_READ, channel.exponent)
    before, after = neighbours(conn, channel.exponents, at)
    return _Claim(register, before, after, epochs_of(conn, channel.exponents.keys()))


def _fault(
    claim: _Claim, what: str, service: Service, limit: Decimal, zone: ZoneInfo
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
                f"{shown} at {_local(known.ts, zone)}, but {known.value:f} {unit} is already known "
                "for that moment: give the time at which it was read"
            )
        case Doubt(DialFault.TOO_MUCH, earlier, used):
            return (
                f"{shown} would be {used:f} {unit} since {_local(earlier.ts, zone)}, more than it "
                "can use: look at the decimal point"
            )
        case Doubt(fault, other):
            side = "below" if fault is DialFault.BELOW else "above"
            return (
                f"{shown} is {side} the {other.value:f} {unit} of {_local(other.ts, zone)}: "
                "look at the dial again, and at the unit and the time"
            )


def _needless(meter: Assignment, at: datetime, what: str) -> str | None:
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


def _store(
    conn: Connection,
    channel: _Channel,
    claimed: Register,
    origin: Origin,
    *,
    served: Assignment,
    by: str,
    now: datetime,
    zone: ZoneInfo,
) -> None:
    """Store a claim.

    Raises:
        SelfReadRefused: another claim of the same moment stays elected.
    """
    seconds = int(claimed.ts.timestamp())
    store_readings(
        conn,
        [NewReading(channel.channel_id, seconds, claimed.raw, None, origin)],
        source=f"self-read by {by}",
        at=now,
    )
    elected, _ = neighbours(conn, channel.exponents, claimed.ts)
    if elected is None or elected.ts != claimed.ts or elected.value != claimed.value:
        stays = "" if elected is None else f", {elected.value:f} {BILLING_UNITS[served.service]},"
        raise SelfReadRefused(
            f"{served.subject} {served.service}: the reading of {_local(claimed.ts, zone)}{stays} "
            "has a better claim and stays: give the time at which the dial was read; if that "
            "reading is wrong, put it right with: "
            f"{enter_command(served, claimed.ts, claimed.value, zone)}"
        )


def _used(conn: Connection, channel: _Channel, claim: _Claim) -> Decimal | None:
    """Return what was used since the reading before the claim; None: there is none."""
    since = claim.before
    if since is not None and since.ts == claim.register.ts:
        since, _ = neighbours(conn, channel.exponents, since.ts - MICROSECOND)
    if since is None:
        return None
    return normalised(claim.register, claim.epochs) - normalised(since, claim.epochs)


def _local(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
