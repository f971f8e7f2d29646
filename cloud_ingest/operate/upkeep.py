# SPDX-License-Identifier: MIT
"""The hourly care of the readings: partitions ahead, old chunks compressed, the oldest gone.

The service calls it once an hour. No job of the database does it: jobs end as failed on
PostgreSQL 15, and two that start together have locked each other out.

Retention drops whole months, and only what is rolled up. It raises ``kept_from`` first: from then
on the store takes no older reading and computes no older day again, so that days and months
outlive their readings.

In: a connection, the time. Out: what was done. Never: a reading dropped that nobody said may go; a
rollup, evidence or a closed number dropped.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from cloud_ingest.core.month import DAY, MICROSECOND, bucket_start, next_month, previous_month
from cloud_ingest.core.quota import DEFAULT_QUOTAS, Quotas
from cloud_ingest.errors import UserError
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.channels import StoreCache
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.evidence_months import make_evidence_months
from cloud_ingest.store.gateway_days import days_before, renew_gateway_days
from cloud_ingest.store.locks import Lock, advisory_lock
from cloud_ingest.store.migrate import Store, open_store
from cloud_ingest.store.partitions import (
    compress_chunks,
    drop_chunks,
    drop_partition,
    make_partitions,
    partitions,
)
from cloud_ingest.store.quarantine_room import make_room
from cloud_ingest.store.quotas import forget_uses
from cloud_ingest.store.retention import raise_kept_from, retention, set_keep_months
from cloud_ingest.store.rollups_write import is_marked_before
from cloud_ingest.store.self_read_photos import forget_pictures, forget_pictures_of_erased

COMPRESS_AFTER = timedelta(days=14)
"""By then nearly all that a gateway sends late has come, and the month is closed."""
PHOTOS_KEPT = timedelta(days=24 * 31)
"""Of dials, unless the settings say otherwise: longer than anybody contests a bill."""
MONTHS_AHEAD = 2
LEAST_MONTHS = 13
"""A year and its month before: what a person compares a month with."""
MOST_MONTHS = 1200


@dataclass(frozen=True, slots=True)
class UpkeepResult:
    """How many parts of the readings a run of `upkeep` made, compressed and dropped."""

    partitions: int = 0
    """Made ahead."""
    compressed: int = 0
    """Chunks, also those that were opened again by late readings."""
    dropped: int = 0
    """Chunks or partitions that retention let go."""


def upkeep(
    conn: Connection,
    now: datetime,
    quotas: Quotas = DEFAULT_QUOTAS,
    photos_kept: timedelta = PHOTOS_KEPT,
) -> UpkeepResult:
    """Do what is due; called again it does nothing.

    Args:
        conn: The store, outside of a transaction.
        now: The time.
        quotas: How much the quarantine keeps of what nothing vouches for.
        photos_kept: For how long photos of dials are kept.
    """
    store = open_store(conn)
    today = now.astimezone(store.zone).date()
    ahead = [today.replace(day=1)]
    for _ in range(MONTHS_AHEAD):
        ahead.append(next_month(ahead[-1]))
    made = make_partitions(
        conn,
        StoreCache(),
        [int((bucket_start(month, store.zone)).timestamp()) + 1 for month in ahead],
    )
    make_room(conn, None, quotas, now)
    forget_uses(conn, now)
    forget_pictures(conn, now - photos_kept)
    forget_pictures_of_erased(conn)
    renew_gateway_days(conn, days_before(now, store.zone), now)
    continuous = store.rollups == "continuous"
    compressed = compress_chunks(conn, now - COMPRESS_AFTER) if continuous else 0
    make_evidence_months(
        conn, StoreCache(), [bucket_start(month, store.zone) + DAY for month in ahead]
    )
    return UpkeepResult(len(made), compressed, _drop_oldest(conn, store, now))


def keep_months(conn: Connection, months: int | None) -> None:
    """Say how many closed months of readings are kept; None: all. `upkeep` does it.

    Raises:
        UserError: too few, or more than a store can be old.
    """
    require_months(months)
    set_keep_months(conn, months)


def require_months(months: int | None) -> None:
    """Refuse a number of months that cannot be kept; pure.

    Raises:
        UserError: too few, or more than a store can be old.
    """
    if months is not None and months > MOST_MONTHS:
        raise UserError(f"{months} months are more than {MOST_MONTHS}: keep all")
    if months is not None and months < LEAST_MONTHS:
        raise UserError(
            f"{months} months are too few: a month is compared with that of a year before, "
            f"keep {LEAST_MONTHS} or more"
        )


def oldest_kept(months: int, today: date) -> date:
    """Return the month from which on readings are kept, so that ``months`` can be closed again.

    The last reading of the month before a month opens it, so that one more is kept; pure.
    """
    first = today.replace(day=1)
    for _ in range(months + 1):
        first = previous_month(first)
    return first


def _drop_oldest(conn: Connection, store: Store, now: datetime) -> int:
    """Drop what retention lets go, and return how many chunks or partitions."""
    months = retention(conn).keep_months
    if months is None:
        return 0
    refresh(conn, now)
    line = oldest_kept(months, now.astimezone(store.zone).date())
    with advisory_lock(conn, Lock.ROLLUP):
        if is_marked_before(conn, line):
            return 0  # a commit came since: the next run drops it, after its rollup
        kept_from = raise_kept_from(conn, bucket_start(line, store.zone) - MICROSECOND)
        if store.tables == "hypertable":
            return drop_chunks(conn)
        oldest = kept_from.astimezone(store.zone).date()
        gone = [month for month in partitions(conn, "reading") if month < oldest]
        for month in gone:
            drop_partition(conn, month)
        return len(gone)
