# SPDX-License-Identifier: MIT
"""Take what a person read from a dial: of a legacy meter, or of one that is offline.

In: a unit (or a common area, or a tower's bulk meter), a value, when it was read and by whom.
Out: a reading of origin ``self_read`` in the meter's billed channel, and a row that says who
entered it. It is a claim like any other: what the meter itself says of the same moment is
elected before it, and nothing is lost.

Where a module counts beside the dial, what is stored is the register that the module would show:
the dial without its offset (`cloud_ingest.entries.dial`).

A value that cannot be right is refused with what to do; a person who knows better says why.
A self-read that was typed wrongly is corrected by one of the same moment, with the reason: it
counts as an edit. Of several corrections the newest counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, Context, Decimal
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.exact import DIGITS
from cloud_ingest.core.register import Epochs, Register, billing_exponent, normalised
from cloud_ingest.errors import SelfReadRefused
from cloud_ingest.store import readings_read
from cloud_ingest.store.channels import ChannelKey, ensure_channels
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.dials import dials
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.readings_write import ORIGINS, NewReading, store_readings
from cloud_ingest.store.registry import find_society
from shared_schema.billing import BILLING_UNITS
from shared_schema.catalogue import BILLED_REGISTER, Service, Unit
from shared_schema.quality import Origin

DIAL_UNITS: dict[Service, Unit] = {
    Service.ELECTRICITY: Unit.WATT_HOUR,
    Service.WATER: Unit.LITRE,
}
"""A dial's channel counts in these with scaler 0, whatever its own resolution is, so that a
later reading with another number of digits lands in the same channel."""

MOST_PER_DAY: dict[Service, Decimal] = {
    Service.ELECTRICITY: Decimal(500),
    Service.WATER: Decimal(50),
}
"""kWh or kL that no unit uses in a day: beyond, a digit is wrong."""
UNITS_OF_A_TOWER = 200
"""A common area or a bulk meter may count for as many units."""
MAX_DIAL = Decimal(10) ** 9
_KINDS: dict[SubjectKind, str] = {
    "unit": "unit",
    "common": "common area",
    "bulk": "bulk meter",
}
FUTURE_TOLERANCE = timedelta(minutes=10)
MICROSECOND = timedelta(microseconds=1)


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
class Dial:
    """A meter where it served at a time."""

    assignment_id: int
    source: str
    legacy: bool
    meter_id: int
    meter: str
    last_reading_at: datetime | None


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

    Raises:
        SelfReadRefused: no such meter, or a value that cannot be right.
        NotFound: no such society.
    """
    store = open_store(conn)
    society_id = find_society(conn, society)
    if at > now + FUTURE_TOLERANCE:
        raise SelfReadRefused(f"{_local(at, store.zone)} is in the future: give --at as it was")
    if not by.strip():
        raise SelfReadRefused("who read the dial? give --by")
    at = at.astimezone(UTC).replace(microsecond=0)
    dial = find_dial(
        conn, society_id, unit, service, at=at, source=source, subject_type=subject_type
    )
    what = f"{unit} {service}"
    with conn.transaction():
        channel_id, exponent, exponents = _channel(conn, dial, service)
        adds = dials(conn, society_id).adds(dial.meter, at)
        register = value
        if adds is not None and value.is_finite():
            register = beside_dial(value, adds, exponent)
        raw = as_raw(register, exponent, what, BILLING_UNITS[service])
        epochs = readings_read.epochs(conn, exponents.keys())
        claimed = Register(channel_id, at, raw, Origin.SELF_READ, exponent)
        before, after = neighbours(conn, exponents, at)
        fault = _away(dial, at, what) or implausible(
            claimed,
            before,
            after,
            epochs,
            service=service,
            most_per_day=most_per_day(service, subject_type),
            what=what,
            zone=store.zone,
        )
        if fault and not (force_because and force_because.strip()):
            raise SelfReadRefused(f"{fault}; if it is right all the same: --force 'why'")
        same = before is not None and before.ts == at
        corrects = same and before is not None and before.origin is not Origin.METER
        origin = Origin.EDIT if corrects and fault else Origin.SELF_READ
        store_readings(
            conn,
            [NewReading(channel_id, int(at.timestamp()), raw, None, origin)],
            source=f"self-read by {by}",
            at=now,
        )
        elected = neighbours(conn, exponents, at)[0]
        if elected is None or elected.ts != at or elected.value != claimed.value:
            raise SelfReadRefused(
                f"{what}: the reading of {_local(at, store.zone)} has a better claim and stays: "
                "give the time at which the dial was read"
            )
        conn.execute(
            query("entry/self_read_add"),
            {
                "society_id": society_id,
                "assignment_id": dial.assignment_id,
                "channel_id": channel_id,
                "read_at": at,
                "value": value,
                "raw": raw,
                "entered_by": by,
                "entered_at": now,
                "forced_because": force_because if fault else None,
            },
        )
        since = neighbours(conn, exponents, at - MICROSECOND)[0] if same else before
    used = None if since is None else normalised(claimed, epochs) - normalised(since, epochs)
    return SelfRead(unit, service, dial.source, dial.meter, value, at, used)


def most_per_day(service: Service, subject_type: SubjectKind) -> Decimal:
    """Return the kWh or kL beyond which a day's use is a mistake; pure."""
    return MOST_PER_DAY[service] * (1 if subject_type == "unit" else UNITS_OF_A_TOWER)


def as_raw(value: Decimal, exponent: int, what: str, unit: str) -> int:
    """Return the raw integer of a dial value; pure.

    Raises:
        SelfReadRefused: it is no dial value, or finer than the channel counts.
    """
    if not value.is_finite() or not 0 <= value < MAX_DIAL:
        raise SelfReadRefused(f"{what}: {value} is no dial value: give what it shows, in {unit}")
    raw = value.scaleb(-exponent)
    if raw != raw.to_integral_value():
        step = Decimal(1).scaleb(exponent)
        raise SelfReadRefused(
            f"{what}: the register counts in steps of {step:f} {unit}, {value:f} is finer: "
            "leave out the last digits"
        )
    return int(raw)


def beside_dial(value: Decimal, adds: Decimal, exponent: int) -> Decimal:
    """Return the register of a module beside its dial, in whole steps of the register; pure.

    Args:
        value: What the dial shows.
        adds: What the dial shows beyond the register.
        exponent: A step of the register is 10^exponent.
    """
    step = Decimal(1).scaleb(exponent)
    wide = Context(prec=DIGITS)
    return wide.subtract(value, adds).quantize(step, ROUND_FLOOR, wide)


def implausible(
    claimed: Register,
    before: Register | None,
    after: Register | None,
    epochs: Epochs,
    *,
    service: Service,
    most_per_day: Decimal,
    what: str,
    zone: ZoneInfo,
) -> str | None:
    """Say what is wrong with a dial value beside its neighbours, or None; pure."""
    unit = BILLING_UNITS[service]
    shown = f"{what}: {claimed.value:f} {unit}"
    if before is not None and before.ts == claimed.ts:
        if before.value == claimed.value:
            return None
        return (
            f"{shown} at {_local(claimed.ts, zone)}, but {before.value:f} {unit} is already known "
            "for that moment: give the time at which it was read"
        )
    now_n = normalised(claimed, epochs)
    for other, sign, side in ((before, 1, "below"), (after, -1, "above")):
        if other is not None and sign * (now_n - normalised(other, epochs)) < 0:
            return (
                f"{shown} is {side} the {other.value:f} {unit} of {_local(other.ts, zone)}: "
                "look at the dial again, and at the unit and the time"
            )
    if before is not None:
        used = now_n - normalised(before, epochs)
        days = max(Decimal((claimed.ts - before.ts) // timedelta(hours=1)) / 24, Decimal(1))
        if used > most_per_day * days:
            return (
                f"{shown} would be {used:f} {unit} since {_local(before.ts, zone)}, more than it "
                "can use: look at the decimal point"
            )
    return None


def _away(dial: Dial, at: datetime, what: str) -> str | None:
    if dial.legacy or dial.last_reading_at is None or dial.last_reading_at < at:
        return None
    return (
        f"{what}: meter {dial.meter} was read by its gateway after that time and needs no "
        "self-read, unless its month is withheld"
    )


def find_dial(
    conn: Connection,
    society_id: int,
    unit: str,
    service: Service,
    *,
    at: datetime,
    source: str | None,
    subject_type: SubjectKind,
) -> Dial:
    """Return the meter that served at a time.

    Raises:
        SelfReadRefused: there was none, or several and ``source`` does not say which.
    """
    rows = conn.execute(
        query("registry/meters_of_subject"),
        {
            "society_id": society_id,
            "subject_type": subject_type,
            "subject": unit,
            "service": service.value,
            "at": at,
        },
    ).fetchall()
    dials = [
        Dial(
            assignment_id=row[0],
            source=row[1],
            legacy=row[2],
            meter_id=row[3],
            meter=f"{row[4]} {row[5]}",
            last_reading_at=row[6],
        )
        for row in rows
    ]
    if not dials:
        known = conn.execute(
            query("registry/subjects"),
            {"society_id": society_id, "subject_type": subject_type, "service": service.value},
        )
        if unit in {name for (name,) in known}:
            raise SelfReadRefused(
                f"no {service} meter was assigned to {unit} at that time: "
                "check --at, and the dates in the list of units"
            )
        raise SelfReadRefused(
            f"no {_KINDS[subject_type]} {unit!r} has {service}: check its label and "
            "--subject-type, or import it with its meter"
        )
    sources = sorted({dial.source for dial in dials})
    if source is None and len(sources) > 1:
        raise SelfReadRefused(
            f"{unit} has several {service} meters: give --source, one of {', '.join(sources)}"
        )
    chosen = [dial for dial in dials if source in {None, dial.source}]
    if not chosen:
        raise SelfReadRefused(
            f"{unit} has no {service} source {source!r}: there is {', '.join(sources)}"
        )
    return chosen[0]


def _channel(conn: Connection, dial: Dial, service: Service) -> tuple[int, int, dict[int, int]]:
    """Return the channel for a dial value, its exponent, and those of all its billed channels."""
    code = BILLED_REGISTER[service]
    exponents = {
        channel.channel_id: exponent
        for channel in readings_read.channels(conn, [dial.meter_id], [str(code)])
        if (exponent := billing_exponent(service, channel.unit, channel.scaler)) is not None
    }
    if not exponents:
        unit = DIAL_UNITS[service]
        key: ChannelKey = (dial.meter_id, code, int(unit), 0, 1)
        channel_id = ensure_channels(conn, {key: 0})[key]
        exponent = billing_exponent(service, unit, 0)
        if exponent is None:
            raise AssertionError("the unit of a dial is one that is billed")
        return channel_id, exponent, {channel_id: exponent}
    newest = conn.execute(query("reading/newest_channel"), (sorted(exponents),)).fetchone()
    channel_id = newest[0] if newest else min(exponents)
    return channel_id, exponents[channel_id], exponents


def neighbours(
    conn: Connection, exponents: dict[int, int], at: datetime
) -> Sequence[Register | None]:
    """Return the last reading at or before a time and the first one after it, of any channel."""
    found: list[Register | None] = [None, None]
    rows = conn.execute(query("reading/neighbours"), {"channels": sorted(exponents), "at": at})
    for channel_id, ts, raw, origin in rows:
        found[ts > at] = Register(channel_id, ts, raw, ORIGINS[origin], exponents[channel_id])
    return found


def _local(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
