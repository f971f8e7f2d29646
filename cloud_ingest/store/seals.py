# SPDX-License-Identifier: MIT
"""The seals on a meter, as somebody saw them at a time.

A row tells all seals that were on a meter then; the next row, what was on it later. Of the rows of
one time the newest counts.

In: a meter, a time, numbers of seals, who says so. Out: what was seen, in the order of time. Owns:
the table ``meter_seal``. Never: a changed row.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from cloud_ingest.store.assignment_versions import Word
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.rows import all_rows


@dataclass(frozen=True, slots=True)
class SealsSeen:
    """The seals that somebody saw on a meter."""

    meter_id: int
    manufacturer: str
    serial: str
    seen_at: datetime
    seals: Sequence[str]
    """Empty: it had none."""
    author: str
    reason: str
    recorded_at: datetime


@translating
def add_seals(
    conn: Connection, meter_id: int, seen_at: datetime, seals: Sequence[str], word: Word
) -> None:
    """Record which seals were on a meter at a time."""
    conn.execute(
        """
        INSERT INTO meter_seal (society_id, meter_id, seen_at, seals, author, reason, recorded_at)
        SELECT society_id, meter_id, %s, %s, %s, %s, %s FROM meter WHERE meter_id = %s
        """,
        (seen_at, list(seals), word.by, word.reason, word.at, meter_id),
    )


@translating
def seals_seen(
    conn: Connection, society_id: int, meters: Collection[int] | None = None
) -> list[SealsSeen]:
    """Return what was seen on the meters of a society, by meter and time.

    Args:
        conn: The store.
        society_id: Whose meters.
        meters: Their ids; None: all.
    """
    return all_rows(
        conn,
        SealsSeen,
        """
        SELECT DISTINCT ON (manufacturer, serial, seen_at)
               meter_id, manufacturer, serial, seen_at, seals, author, reason, recorded_at
        FROM meter_seal AS seal JOIN meter USING (meter_id)
        WHERE seal.society_id = %(society_id)s
          AND (%(meters)s::int[] IS NULL OR meter_id = ANY(%(meters)s))
        ORDER BY manufacturer, serial, seen_at, meter_seal_id DESC
        """,
        {"society_id": society_id, "meters": None if meters is None else sorted(meters)},
    )
