# SPDX-License-Identifier: MIT
"""How long readings and evidence are kept: the settings of the store, and the line that only rises.

In: a number of months, a line. Out: the line from which on readings are there. Owns: these three
columns of ``store``. Never: a line that sinks: what was dropped does not come back.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from cloud_ingest.errors import NotMigrated
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.rows import one_row, scalar


@dataclass(frozen=True, slots=True)
class Retention:
    """How many closed months of readings are kept, and from when on they are there."""

    keep_months: int | None
    """None: all."""
    kept_from: datetime | None
    """None: nothing was dropped yet."""
    keep_evidence: int | None
    """Closed months whose evidence stays whole; None: all."""
    zone: ZoneInfo
    """Of the store's months."""


@translating
def retention(conn: Connection) -> Retention:
    """Read how long readings are kept.

    Raises:
        NotMigrated: there is no store.
    """
    found = one_row(
        conn, _retention, "SELECT keep_months, kept_from, keep_evidence, zone FROM store"
    )
    if found is None:
        raise NotMigrated("the database holds no store yet: run cloud-ingest migrate")
    return found


def _retention(*, zone: str, **columns: Any) -> Retention:
    return Retention(zone=ZoneInfo(zone), **columns)


@translating
def set_keep_months(conn: Connection, months: int | None) -> None:
    """Set how many closed months of readings are kept; None: all."""
    conn.execute("UPDATE store SET keep_months = %s", (months,))


@translating
def set_keep_evidence(conn: Connection, months: int | None) -> None:
    """Set how many closed months of evidence stay whole; None: all."""
    conn.execute("UPDATE store SET keep_evidence = %s", (months,))


@translating
def raise_kept_from(conn: Connection, line: datetime) -> datetime:
    """Raise the line before which no reading is taken, and return it; it never sinks."""
    raised: datetime = scalar(
        conn, "UPDATE store SET kept_from = greatest(kept_from, %s) RETURNING kept_from", (line,)
    )
    return raised
