# SPDX-License-Identifier: MIT
"""Say that a register fell for a good reason: it rolled over, was reset, or is weighed anew.

In: a subject's meter, when its register fell, and what it lost there. Out: a row of ``epoch``
for each of the meter's billed channels, with who says so and why, and the closed months that
want to be closed again. It owns the table ``epoch``; a row of it is never changed: of the rows
of one moment the newest counts.

A register that falls without such a row is withheld: only a person can know whether it turned
over, was reset, or is broken. So the row is refused where the register does not fall, where it
would still fall, and where more would have been used across the fall than can be. Where the
register's pulse weight was changed it may rise as well, and what is added may be negative.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.consumption import SELF_READ_WINDOW
from cloud_ingest.core.exact import exactly
from cloud_ingest.core.month import month_of
from cloud_ingest.core.register import (
    Epoch,
    Epochs,
    Register,
    billing_exponent,
    normalised,
    with_epoch,
)
from cloud_ingest.entries.self_read import (
    MAX_DIAL,
    MICROSECOND,
    find_dial,
    most_per_day,
    neighbours,
)
from cloud_ingest.errors import EpochRefused
from cloud_ingest.store import readings_read
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.registry import find_society
from shared_schema.billing import BILLING_UNITS
from shared_schema.catalogue import BILLED_REGISTER, Service


@dataclass(frozen=True, slots=True)
class EpochAdded:
    """What was recorded."""

    meter: str
    used: Decimal
    """Across the fall, in kWh or kL."""
    close_again: tuple[str, ...]
    """Closed months that it may change."""


@translating
def add_epoch(
    conn: Connection,
    society: str,
    subject: str,
    service: Service,
    *,
    starts_at: datetime,
    adds: Decimal,
    reason: str,
    by: str,
    now: datetime,
    source: str | None = None,
    subject_type: SubjectKind = "unit",
    self_read_window: timedelta = SELF_READ_WINDOW,
) -> EpochAdded:
    """Record that a register fell, and by how much it counts on.

    Args:
        conn: The store.
        society: The society's name.
        subject: The label of the unit, the common area or the bulk meter.
        service: What its meter counts.
        starts_at: The time of the first reading after the fall, aware.
        adds: What the register lost there, in kWh or kL: 1000000 for six digits that turned
            over. 0 takes back what was recorded for that moment. Negative where a changed
            pulse weight made it rise.
        reason: Why it fell.
        by: Who says so.
        now: The time.
        source: Which of the subject's meters, where it has several.
        subject_type: What ``subject`` is the label of.
        self_read_window: How far from a border a self-read may stand for it.

    Raises:
        EpochRefused: the register does not fall there, or this does not explain it.
        SelfReadRefused: no such meter.
        NotFound: no such society.
    """
    store = open_store(conn)
    society_id = find_society(conn, society)
    what = f"{subject} {service}"
    if not reason.strip() or not by.strip():
        raise EpochRefused(f"{what}: say why it fell and who says so: --reason, --by")
    starts_at = starts_at.astimezone(UTC)
    dial = find_dial(
        conn,
        society_id,
        subject,
        service,
        at=starts_at,
        source=source,
        subject_type=subject_type,
    )
    with conn.transaction():
        channels = readings_read.channels(conn, [dial.meter_id], [str(BILLED_REGISTER[service])])
        weights = {channel.channel_id: channel.weight for channel in channels}
        exponents = {
            channel.channel_id: exponent
            for channel in channels
            if (exponent := billing_exponent(service, channel.unit, channel.scaler)) is not None
        }
        former = readings_read.epochs(conn, exponents.keys())
        before, after = neighbours(conn, exponents, starts_at - MICROSECOND)
        reweighed = (
            before is not None
            and after is not None
            and weights[before.channel_id] != weights[after.channel_id]
        )
        if adds.is_finite() and adds < 0 and not reweighed:
            raise EpochRefused(
                f"{what}: {adds:f} is not what a register loses: only a changed pulse weight "
                "makes it rise"
            )
        rows = {
            channel_id: with_epoch(
                former.get(channel_id, ()), starts_at, in_raw(adds, exponent, what, service)
            )
            for channel_id, exponent in exponents.items()
        }
        fault = implausible(
            before,
            after,
            former,
            rows,
            starts_at=starts_at,
            adds=adds,
            most_per_day=most_per_day(service, subject_type),
            reweighed=reweighed,
            unit=BILLING_UNITS[service],
            zone=store.zone,
        )
        if fault or before is None or after is None:
            raise EpochRefused(f"{what}: {fault}")
        for channel_id, epochs in rows.items():
            known = former.get(channel_id, ())
            for epoch in epochs:
                if epoch not in known:
                    _add(conn, channel_id, epoch, reason=reason, by=by, now=now)
        touched = {
            str(month_of(day.year, day.month, store.zone))
            for day in (
                (starts_at + side).astimezone(store.zone)
                for side in (-self_read_window, timedelta(), self_read_window)
            )
        }
        closed = conn.execute(
            query("month/closed"), {"society_id": society_id, "months": sorted(touched)}
        )
        close_again = tuple(month for (month,) in closed)
    with exactly():
        used = normalised(after, rows) - normalised(before, rows)
    return EpochAdded(dial.meter, used, close_again)


def _add(
    conn: Connection, channel_id: int, epoch: Epoch, *, reason: str, by: str, now: datetime
) -> None:
    conn.execute(
        query("entry/epoch_add"),
        {
            "channel_id": channel_id,
            "starts_at": epoch.starts_at,
            "offset_raw": epoch.offset_raw,
            "reason": reason,
            "author": by,
            "now": now,
        },
    )


def in_raw(adds: Decimal, exponent: int, what: str, service: Service) -> int:
    """Return what a register lost as its channel counts; pure.

    Raises:
        EpochRefused: it is no such amount, or finer than the channel counts.
    """
    unit = BILLING_UNITS[service]
    if not adds.is_finite() or not abs(adds) <= MAX_DIAL:
        raise EpochRefused(f"{what}: {adds} is not what a register loses: give it in {unit}")
    raw = adds.scaleb(-exponent)
    if raw != raw.to_integral_value():
        step = Decimal(1).scaleb(exponent)
        raise EpochRefused(
            f"{what}: the register counts in steps of {step:f} {unit}, {adds:f} is finer"
        )
    return int(raw)


def implausible(
    before: Register | None,
    after: Register | None,
    former: Epochs,
    wanted: Epochs,
    *,
    starts_at: datetime,
    adds: Decimal,
    most_per_day: Decimal,
    unit: str,
    reweighed: bool = False,
    zone: ZoneInfo,
) -> str | None:
    """Say why an epoch cannot be right between its neighbours, or None; pure."""
    when = f"{starts_at.astimezone(zone):%Y-%m-%d %H:%M}"
    if before is None or after is None:
        return f"its meter has no reading {'before' if before is None else 'after'} {when}"
    if adds == 0 and not reweighed:
        stands = any(epoch.starts_at == starts_at for own in former.values() for epoch in own)
        return None if stands else f"nothing is recorded for {when} that could be taken back"
    with exactly():
        used = normalised(after, wanted) - normalised(before, wanted)
        falls = used < adds or reweighed
    days = max(Decimal((after.ts - before.ts) // timedelta(hours=1)) / 24, Decimal(1))
    goes = f"its register goes from {before.value:f} to {after.value:f} {unit} at {when}"
    if not falls:
        return f"{goes} and does not fall: give the time of the first reading after the fall"
    if used < 0:
        return f"{goes}: with {adds:f} {unit} more it would still fall"
    if used > most_per_day * days:
        return f"{goes}: with {adds:f} {unit} more {used:f} were used, more than it can use"
    return None
