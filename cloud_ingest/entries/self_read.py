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

from cloud_ingest.core.month import MICROSECOND
from cloud_ingest.core.register import Register, normalised
from cloud_ingest.core.typed_text import remark
from cloud_ingest.entries.advice import enter_command
from cloud_ingest.entries.dial_value import DialChannel, DialClaim, DialValue, minute
from cloud_ingest.entries.meter import NamedMeter, find_meter, judge_register
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


@dataclass(frozen=True, slots=True)
class DialEntry:
    """Who enters a dial value, when, and why it is right although it seems wrong."""

    by: str
    now: datetime
    why: str | None
    over_edits: bool = True
    """It corrects what was said of the same moment even where that corrected something itself."""


@translating
def self_read(
    conn: Connection,
    society: str,
    named: NamedMeter,
    *,
    value: Decimal,
    at: datetime,
    by: str,
    now: datetime,
    force_because: str | None = None,
) -> SelfRead:
    """Store a dial value.

    Args:
        conn: The store.
        society: The society's name.
        named: Whose dial it is.
        value: What the dial shows, kWh or kL.
        at: When it was read, aware.
        by: Who read it.
        now: The time.
        force_because: Why a value that seems wrong is right.

    Raises:
        SelfReadRefused: no such meter, or a value that cannot be right.
        NotFound: no such society.
    """
    store = open_store(conn)
    society_id = find_society(conn, society)
    at = moment_of_dial(at, by, now, store.zone)
    is_forced = bool(force_because and force_because.strip())
    why = remark(force_because, "--force") if force_because and is_forced else None
    entry = DialEntry(remark(by, "--by"), now, why)
    meter = find_meter(conn, society_id, named, at=at)
    shown = DialValue(conn, society_id, store.zone, value, at)
    with conn.transaction():
        judge_register(conn, meter, store, now)
        used = take_dial(shown, meter, entry, is_named=named.serial is not None)
    return SelfRead(named.subject, named.service, meter.source, str(meter.meter), value, at, used)


def moment_of_dial(at: datetime, by: str, now: datetime, zone: ZoneInfo) -> datetime:
    """Return when a dial was read, to the second, if somebody can have read it then."""
    try:
        at = at.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        raise SelfReadRefused(f"{at.isoformat()} is no time: give --at as it was") from None
    if at > now + FUTURE_TOLERANCE:
        raise SelfReadRefused(f"{minute(at, zone)} is in the future: give --at as it was")
    if not by.strip():
        raise SelfReadRefused("say who read the dial: give --by")
    return at


def take_dial(
    shown: DialValue, meter: Assignment, entry: DialEntry, *, is_named: bool
) -> Decimal | None:
    """Store a dial value and who entered it; return what was used since the one before.

    Raises:
        SelfReadRefused: it cannot be right, or another claim of the same moment stays elected.
    """
    is_forced = entry.why is not None
    channel, claim, fault = shown.accept(meter, is_forced=is_forced, is_named=is_named)
    corrects = claim.corrects and (entry.over_edits or not claim.is_beside_edit)
    origin = Origin.EDIT if corrects and fault else Origin.SELF_READ
    seconds = int(claim.register.ts.timestamp())
    store_readings(
        shown.conn,
        [NewReading(channel.channel_id, seconds, claim.register.raw, None, origin)],
        source=f"self-read by {entry.by}",
        at=entry.now,
    )
    _require_elected(shown, channel, claim.register, meter)
    store_self_read(
        shown.conn,
        shown.society_id,
        assignment_id=meter.assignment_id,
        channel_id=channel.channel_id,
        read_at=shown.at,
        value=shown.value,
        raw=claim.register.raw,
        by=entry.by,
        now=entry.now,
        forced_because=entry.why if fault else None,
    )
    return _used(shown.conn, channel, claim)


def _require_elected(
    shown: DialValue, channel: DialChannel, claimed: Register, served: Assignment
) -> None:
    """Refuse a claim beside which another one of the same moment stays elected.

    Raises:
        SelfReadRefused: one does.
    """
    zone = shown.zone
    elected, _ = neighbours(shown.conn, channel.exponents, claimed.ts)
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
