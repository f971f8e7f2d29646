# SPDX-License-Identifier: MIT
"""Personal links: how a resident sends what a dial shows, without a login.

A link is a text of two parts, ``handle.secret``. It is shown once, when it is made: of the secret
the store keeps the hash. It is bound to one society and unit (and service), ends by its date or by
a person's word, and is closed for an hour after too many wrong secrets. In an address it stands
behind the ``#``, which no browser sends and no server logs.

In: a unit, or the text of a link. Out: the text, or for whom it is. Never: a secret in a message.
"""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.month import MICROSECOND
from cloud_ingest.core.typed_text import remark
from cloud_ingest.entries.meter import NamedMeter, find_meter
from cloud_ingest.errors import LinkRefused, NotFound, UserError
from cloud_ingest.store.assignments import Assignment, assignments_between
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.self_read_links import (
    Link,
    NewLink,
    add_link,
    end_link,
    link_of_handle,
    links_of_society,
    note_wrong_try,
    wrong_tries,
)
from shared_schema.catalogue import Service

DEFAULT_DAYS: Final = 14
MOST_DAYS: Final = 400
"""A link for a year of months, and no longer."""
MOST_WRONG: Final = 10
"""Wrong secrets within an hour, after which a link is not looked at until the next one."""
_LINK: Final = re.compile(r"([a-z2-7]{8})\.([a-z2-7]{32})")
_HANDLE_BYTES, _SECRET_BYTES = 5, 20
_NOTHING: Final = b"\0" * 32
_OPENS_NOTHING: Final = (
    "this link opens nothing: it is none, it is over, or it was revoked: ask the manager for a new "
    "one"
)


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A link at the one moment at which its text is known."""

    link_id: int
    subject: str
    service: Service | None
    text: str
    """The secret: for the resident alone."""
    ends_at: datetime

    def __repr__(self) -> str:
        return f"MadeLink({self.link_id}, {self.subject!r})"

    def address(self, base: str) -> str:
        """Return the address that a QR code holds."""
        return f"{base.rstrip('/')}/self-read#{self.text}"


class OpenLink(NamedTuple):
    """A link that opens something, without its secret."""

    subject: str
    service: Service | None
    ends_at: datetime
    by: str


@translating
def make_link(
    conn: Connection,
    society: str,
    subject: str,
    service: Service | None,
    *,
    days: int,
    by: str,
    now: datetime,
    subject_type: SubjectKind = "unit",
) -> MadeLink:
    """Make a link for a unit.

    Args:
        conn: The store.
        society: The society's name.
        subject: The unit's label.
        service: For which service; None: for each that the unit has.
        days: How long it opens.
        by: Who gives it out.
        now: The time.
        subject_type: What the label is of.

    Raises:
        SelfReadRefused: the unit has no meter of the service now.
        NotFound: no such society, or a unit without any meter.
        UserError: it would open too long.
    """
    open_store(conn)
    society_id = find_society(conn, society)
    if not 1 <= days <= MOST_DAYS:
        raise UserError(f"a link opens for 1 to {MOST_DAYS} days, not {days}")
    if not served_now(conn, society_id, subject_type, subject, service=service, now=now):
        if service is not None:  # says why
            find_meter(
                conn, society_id, NamedMeter(subject, service, subject_type=subject_type), at=now
            )
        raise NotFound(f"no meter serves {subject!r} now: look at cloud-ingest units list")
    handle, secret = _random(_HANDLE_BYTES), _random(_SECRET_BYTES)
    ends_at = now + timedelta(days=days)
    link_id = add_link(
        conn,
        NewLink(
            society_id,
            subject_type,
            subject,
            service,
            handle,
            _hash(secret),
            remark(by, "--by"),
            now,
            ends_at,
        ),
    )
    return MadeLink(link_id, subject, service, f"{handle}.{secret}", ends_at)


@translating
def open_link(conn: Connection, text: str, now: datetime) -> Link:
    """Return for whom a link is.

    Args:
        conn: The store, outside of a transaction: a wrong try is counted whatever follows.
        text: As it was presented.
        now: The time.

    Raises:
        LinkRefused: it opens nothing; whether it ever did is not said.
    """
    match = _LINK.fullmatch(text.strip())
    link = None if match is None else link_of_handle(conn, match[1])
    secret = b"" if match is None else _hash(match[2])
    is_right = hmac.compare_digest(secret, _NOTHING if link is None else link.secret_sha256)
    if link is None:
        raise LinkRefused(_OPENS_NOTHING)
    hour = now.replace(minute=0, second=0, microsecond=0)
    if wrong_tries(conn, link.link_id, hour) >= MOST_WRONG:
        raise LinkRefused(
            "this link was tried too often with a wrong secret: try it again in an hour, or ask "
            "the manager for a new one"
        )
    if not is_right:
        note_wrong_try(conn, link.link_id, hour)
    if not is_right or not link.is_open(now):
        raise LinkRefused(_OPENS_NOTHING)
    return link


@translating
def open_links(
    conn: Connection, society: str, subject: str | None, now: datetime
) -> list[OpenLink]:
    """Return the links of a society, or of one unit, that open something; the newest first.

    Raises:
        NotFound: no such society.
    """
    society_id = find_society(conn, society)
    return [
        OpenLink(each.subject, each.service, each.ends_at, each.author)
        for each in links_of_society(conn, society_id, subject, now)
    ]


@translating
def revoke_links(
    conn: Connection, society: str, subject: str, *, by: str, reason: str, now: datetime
) -> int:
    """Revoke every link of a unit that opens something; return how many.

    Raises:
        NotFound: no such society, or no such link.
    """
    society_id = find_society(conn, society)
    by, reason = remark(by, "--by"), remark(reason, "--reason")
    with conn.transaction():
        ended = [
            each
            for each in links_of_society(conn, society_id, subject, now)
            if end_link(conn, each.link_id, by, reason, now)
        ]
    if not ended:
        raise NotFound(f"no link of {subject!r} opens anything now: nothing is to be revoked")
    return len(ended)


def served_now(
    conn: Connection,
    society_id: int,
    kind: SubjectKind,
    subject: str,
    *,
    service: Service | None,
    now: datetime,
) -> list[Assignment]:
    """Return the meters of a subject whose dials can be read now."""
    found = assignments_between(
        conn, society_id, now - MICROSECOND, now + MICROSECOND, subject_type=kind, subject=subject
    )
    return [each for each in found if service in {None, each.service}]


def _random(length: int) -> str:
    return base64.b32encode(secrets.token_bytes(length)).decode().lower()


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
