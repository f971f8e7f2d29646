# SPDX-License-Identifier: MIT
"""Which numbers of closed months are not plain: withheld, sent as an estimate, or catch-ups.

In: a society and a month. Out: subjects with their reasons. Never: a write.
"""

from typing import NamedTuple

from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows
from shared_schema.catalogue import Service
from shared_schema.events import SubjectType


class Unproved(NamedTuple):
    """A subject and service without a proved number in a month."""

    subject_type: SubjectType
    subject: str
    service: Service
    reasons: tuple[str, ...]

    @property
    def key(self) -> tuple[SubjectType, str, Service]:
        """What makes it the same thing in another month."""
        return (self.subject_type, self.subject, self.service)


@translating
def unproved_of(conn: Connection, society_id: int, month: str) -> list[Unproved]:
    """Return what a closed month withholds or sent as an estimate; nothing of an open one."""
    arguments = {"society_id": society_id, "month": month}
    return all_rows(conn, _unproved, query("month/unproved"), arguments)


def estimated_of(
    conn: Connection, society_id: int, month: str
) -> frozenset[tuple[SubjectType, str, Service]]:
    """Return whose newest number of a month was an estimate."""
    marks = _newest_marks(conn, society_id, month)
    return frozenset(each.key for each in marks if each.quality == "estimated")


def incomplete_of(
    conn: Connection, society_id: int, month: str
) -> frozenset[tuple[SubjectType, str, Service]]:
    """Return whose newest number of a month was sent though an end of it was not read."""
    marks = _newest_marks(conn, society_id, month)
    return frozenset(each.key for each in marks if each.is_incomplete and each.quality != "edited")


class _Marks(NamedTuple):
    key: tuple[SubjectType, str, Service]
    quality: str
    is_incomplete: bool


@translating
def _newest_marks(conn: Connection, society_id: int, month: str) -> list[_Marks]:
    arguments = {"society_id": society_id, "month": month}
    rows = conn.execute(query("month/newest_marks"), arguments)
    return [
        _Marks((SubjectType(kind), subject, Service(service)), quality, is_incomplete)
        for kind, subject, service, quality, is_incomplete in rows
    ]


@translating
def catch_ups_over(
    conn: Connection, society_id: int, month: str
) -> list[tuple[SubjectType, str, Service, str, str]]:
    """Return the newest numbers that cover a month and one before it: since when, until when."""
    rows = conn.execute(
        """
        SELECT subject_type, subject, service, since, month FROM (
          SELECT DISTINCT ON (month, subject_type, subject, service) * FROM month_number
          WHERE society_id = %(society_id)s AND month >= %(month)s
            AND (subject_type, subject, service) IN (
              SELECT subject_type, subject, service FROM month_number
              WHERE society_id = %(society_id)s AND month >= %(month)s AND since < %(month)s
            )
          ORDER BY month, subject_type, subject, service, version DESC
        ) AS newest WHERE since < %(month)s
        """,
        {"society_id": society_id, "month": month},
    )
    return [
        (SubjectType(kind), subject, Service(service), since, until)
        for kind, subject, service, since, until in rows
    ]


class Twice(NamedTuple):
    """A catch-up that stands, and months within it that have a standing number of their own."""

    subject_type: SubjectType
    subject: str
    service: Service
    since: str
    month: str
    own: tuple[str, ...]


@translating
def charged_twice(conn: Connection, society_id: int, first: str, last: str) -> list[Twice]:
    """Return the catch-ups over months, up to the last, beside which one of these has a number."""
    rows = conn.execute(
        """
        WITH caught AS (
          SELECT * FROM month_number
          WHERE society_id = %(society_id)s AND month > %(first)s AND since <= %(last)s
        ), stands AS (
          SELECT given.* FROM month_number AS given
          WHERE society_id = %(society_id)s AND month >= (SELECT min(since) FROM caught)
            AND (subject_type, subject, service) IN (
              SELECT subject_type, subject, service FROM caught
            )
            AND NOT EXISTS (
              SELECT FROM month_number AS later
              WHERE (later.society_id, later.month, later.subject_type, later.subject,
                     later.service) = (given.society_id, given.month, given.subject_type,
                                       given.subject, given.service)
                AND later.version > given.version
            )
            AND NOT EXISTS (
              SELECT FROM month_withdrawal AS later
              WHERE (later.society_id, later.month, later.subject_type, later.subject,
                     later.service) = (given.society_id, given.month, given.subject_type,
                                       given.subject, given.service)
                AND later.version > given.version
            )
        )
        SELECT subject_type, subject, service, catch_up.since, catch_up.month,
               array_agg(DISTINCT own.month ORDER BY own.month)
        FROM stands AS catch_up JOIN stands AS own USING (subject_type, subject, service)
        WHERE catch_up.since IS NOT NULL
          AND own.month >= catch_up.since AND own.month < catch_up.month
        GROUP BY subject_type, subject, service, catch_up.since, catch_up.month
        ORDER BY subject_type, subject, service, catch_up.month
        """,
        {"society_id": society_id, "first": first, "last": last},
    )
    return [
        Twice(SubjectType(kind), subject, Service(service), since, month, tuple(own))
        for kind, subject, service, since, month, own in rows
    ]


def _unproved(subject_type: str, subject: str, service: str, reasons: list[str]) -> Unproved:
    return Unproved(SubjectType(subject_type), subject, Service(service), tuple(reasons))
