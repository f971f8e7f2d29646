# SPDX-License-Identifier: MIT
"""A page of a month: its units and common areas, and the newest number of each.

In: a society, a month, which part of it. Out: labels with their towers; numbers as they were sent.
"""

from collections.abc import Collection
from typing import NamedTuple

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.month import Month
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows, scalars
from shared_schema.billing import MonthlyConsumption


class SubjectOfMonth(NamedTuple):
    """A unit or a common area, and how many there are on all pages."""

    subject_type: SubjectKind
    subject: str
    tower: str | None
    total: int


@translating
def subjects_page(
    conn: Connection,
    society_id: int,
    month: Month,
    *,
    tower: str | None,
    part: str | None,
    only: Collection[tuple[SubjectKind, str]] | None,
    first: Collection[tuple[SubjectKind, str]],
    service: str | None,
    limit: int,
    offset: int,
) -> list[SubjectOfMonth]:
    """Return a page of a month's units and common areas."""
    return all_rows(
        conn,
        SubjectOfMonth,
        query("month/subjects_page"),
        {
            "society_id": society_id,
            "month": str(month),
            "start": month.start,
            "end": month.end,
            "tower": tower,
            "part": part,
            "only_kinds": None if only is None else [kind for kind, _ in only],
            "only_labels": None if only is None else [label for _, label in only],
            "first_kinds": [kind for kind, _ in first],
            "first_labels": [label for _, label in first],
            "service": service,
            "limit": limit,
            "offset": offset,
        },
        prepare=False,
    )


@translating
def newest_numbers(
    conn: Connection, society_id: int, month: str, subjects: Collection[str]
) -> list[MonthlyConsumption]:
    """Return the newest number of each of some subjects, whether it was taken back or not."""
    rows = conn.execute(
        """
        SELECT DISTINCT ON (subject_type, subject, service) message FROM month_number
        WHERE society_id = %s AND month = %s AND subject = ANY(%s)
        ORDER BY subject_type, subject, service, version DESC
        """,
        (society_id, month, list(subjects)),
    )
    return [MonthlyConsumption.from_line(bytes(line)) for (line,) in rows]


@translating
def towers_of_month(conn: Connection, society_id: int, month: Month) -> list[str]:
    """Return the towers of a month's units."""
    return scalars(
        conn,
        """
        SELECT DISTINCT tower FROM assignment WHERE society_id = %s AND tower IS NOT NULL
        AND valid_from < %s AND (valid_to IS NULL OR valid_to > %s) ORDER BY tower
        """,
        (society_id, month.end, month.start),
    )
