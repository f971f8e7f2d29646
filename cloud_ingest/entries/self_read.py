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
Out: a reading, and a row that says who entered it. `entries.dial_value` judges the value.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.month import MICROSECOND
from cloud_ingest.core.register import Register, normalised
from cloud_ingest.core.typed_text import remark
from cloud_ingest.entries.advice import enter_command
from cloud_ingest.entries.dial_value import DialChannel, DialClaim, DialValue, minute
from cloud_ingest.entries.meter import find_meter
from cloud_ingest.errors import SelfReadRefused
from cloud_ingest.store.assignments import Assignment
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.readings_read import neighbours
from cloud_ingest.store.readings_write import NewReading, store_readings
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.self_reads import store_self_read
from shared_schema.billing import BILLING_UNITS
from shared_schema.catalogue import Service
from shared_schema.quality import Origin

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
    by = remark(by, "--by")
    is_forced = bool(force_because and force_because.strip())
    why = remark(force_because, "--force") if force_because and is_forced else None
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
        shown = DialValue(conn, society_id, store.zone, value, at)
        channel, claim, fault = shown.accept(
            meter, is_forced=is_forced, is_named=serial is not None
        )
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
            forced_because=why if fault else None,
        )
        used = _used(conn, channel, claim)
    return SelfRead(unit, service, meter.source, name, value, at, used)


def _moment(at: datetime, by: str, now: datetime, zone: ZoneInfo) -> datetime:
    """Return when a dial was read, to the second, if somebody can have read it then."""
    if at > now + FUTURE_TOLERANCE:
        raise SelfReadRefused(f"{minute(at, zone)} is in the future: give --at as it was")
    if not by.strip():
        raise SelfReadRefused("say who read the dial: give --by")
    return at.astimezone(UTC).replace(microsecond=0)


def _store(
    conn: Connection,
    channel: DialChannel,
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
            f"{served.subject} {served.service}: the reading of {minute(claimed.ts, zone)}{stays} "
            "has a better claim and stays: give the time at which the dial was read; if that "
            "reading is wrong, put it right with: "
            f"{enter_command(served, claimed.ts, claimed.value, zone)}"
        )


def _used(conn: Connection, channel: DialChannel, claim: DialClaim) -> Decimal | None:
    """Return what was used since the reading before the claim; None: there is none."""
    since = claim.before
    if since is not None and since.ts == claim.register.ts:
        since, _ = neighbours(conn, channel.exponents, since.ts - MICROSECOND)
    if since is None:
        return None
    return normalised(claim.register, claim.epochs) - normalised(since, claim.epochs)
