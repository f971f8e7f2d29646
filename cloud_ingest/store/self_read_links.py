# SPDX-License-Identifier: MIT
"""The links by which residents send what their dials show.

Of a link's secret only the hash is kept. A link ends by its date or by a person's word; who comes
with a wrong secret too often within an hour is not looked at until the next one.

In: a society, a unit, a hash. Out: links as values. Owns: the tables ``self_read_link``,
``self_read_link_end`` and ``self_read_link_try``. Never: a secret.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.rows import all_rows, one_row, scalar
from shared_schema.catalogue import Service


@dataclass(frozen=True, slots=True)
class Link:
    """For whom a link is, and until when."""

    link_id: int
    society_id: int
    society: str
    subject_type: SubjectKind
    subject: str
    service: Service | None
    """None: for every service of the unit."""
    secret_sha256: bytes
    author: str
    created_at: datetime
    ends_at: datetime
    ended_at: datetime | None
    """When a person revoked it."""
    ended_by: str | None
    ended_reason: str | None

    def is_open(self, now: datetime) -> bool:
        """Say whether it still opens anything."""
        return self.ended_at is None and now < self.ends_at


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link that is to be kept."""

    society_id: int
    subject_type: SubjectKind
    subject: str
    service: Service | None
    handle: str
    secret_sha256: bytes
    author: str
    created_at: datetime
    ends_at: datetime


_LINKS: LiteralString = """
    SELECT link_id, society_id, society.name AS society, subject_type, subject, service,
           secret_sha256, link.author, created_at, ends_at, ended_at, own_end.author AS ended_by,
           own_end.reason AS ended_reason
    FROM self_read_link AS link JOIN society USING (society_id)
    LEFT JOIN self_read_link_end AS own_end USING (link_id)
    """


def _link(*, service: str | None, **columns: Any) -> Link:
    return Link(service=None if service is None else Service(service), **columns)


@translating
def add_link(conn: Connection, link: NewLink) -> int:
    """Keep a link and return its number."""
    return int(
        scalar(
            conn,
            """
            INSERT INTO self_read_link (society_id, subject_type, subject, service, handle,
                                        secret_sha256, author, created_at, ends_at)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING link_id
            """,
            (
                link.society_id,
                link.subject_type,
                link.subject,
                link.service,
                link.handle,
                link.secret_sha256,
                link.author,
                link.created_at,
                link.ends_at,
            ),
        )
    )


@translating
def link_of_handle(conn: Connection, handle: str) -> Link | None:
    """Return the link that the first part of a text names; it is not said to be the right one."""
    return one_row(conn, _link, f"{_LINKS} WHERE handle = %s", (handle,))


@translating
def links_of_society(
    conn: Connection, society_id: int, subject: str | None, open_at: datetime | None
) -> list[Link]:
    """Return links, the newest first.

    Args:
        conn: The store.
        society_id: Whose.
        subject: Of one unit; None: of all.
        open_at: Those that open something then; None: all.
    """
    found = all_rows(
        conn,
        _link,
        f"""{_LINKS}
        WHERE society_id = %(society_id)s
          AND (%(subject)s::text IS NULL OR subject = %(subject)s)
        ORDER BY link_id DESC
        """,
        {"society_id": society_id, "subject": subject},
    )
    return [each for each in found if open_at is None or each.is_open(open_at)]


@translating
def end_link(conn: Connection, link_id: int, by: str, reason: str, now: datetime) -> bool:
    """Revoke a link; say whether nobody had."""
    return bool(
        scalar(
            conn,
            """
            INSERT INTO self_read_link_end (link_id, author, reason, ended_at)
            VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING true
            """,
            (link_id, by, reason, now),
        )
    )


@translating
def wrong_tries(conn: Connection, link_id: int, hour: datetime) -> int:
    """Return how often somebody came with a wrong secret in an hour."""
    statement = "SELECT wrong FROM self_read_link_try WHERE link_id = %s AND hour = %s"
    return int(scalar(conn, statement, (link_id, hour)) or 0)


@translating
def note_wrong_try(conn: Connection, link_id: int, hour: datetime) -> None:
    """Count a wrong secret."""
    conn.execute(
        """
        INSERT INTO self_read_link_try VALUES (%s, %s, 1)
        ON CONFLICT (link_id, hour) DO UPDATE SET wrong = self_read_link_try.wrong + 1
        """,
        (link_id, hour),
    )
