# SPDX-License-Identifier: MIT
"""Who may see a society's numbers: people, invitations, programs, and what was done about them.

In: a society, a page. Out: values. Never: a password, a secret, a write.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cloud_ingest.store.access_acts import KeptAct, list_acts
from cloud_ingest.store.accounts import Member, members_of
from cloud_ingest.store.api_tokens import ApiToken, list_tokens
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.invitations import Invitation, open_invitations

ROWS: Final = 100


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """A page of the people of a society, and who is invited."""

    members: tuple[Member, ...]
    total: int
    pages: int
    invitations: tuple[Invitation, ...]


@dataclass(frozen=True, slots=True)
class AuditPage:
    """A page of what was done about people and access, the newest first."""

    acts: tuple[KeptAct, ...]
    total: int
    pages: int


def people_page(
    conn: Connection, society_id: int, part: str | None, page: int, now: datetime
) -> PeoplePage:
    """Return a page of the people of a society."""
    found = members_of(conn, society_id, part, limit=ROWS, offset=(page - 1) * ROWS)
    total = found[0].total if found else 0
    waiting = open_invitations(conn, society_id, now)
    return PeoplePage(tuple(found), total, _pages(total), tuple(waiting))


def audit_page(conn: Connection, society_id: int, page: int) -> AuditPage:
    """Return a page of the audit log."""
    found = list_acts(conn, society_id, limit=ROWS, offset=(page - 1) * ROWS)
    total = found[0].total if found else 0
    return AuditPage(tuple(found), total, _pages(total))


def tokens_shown(conn: Connection, society: str, now: datetime) -> list[ApiToken]:
    """Return the tokens of a society that live."""
    return [each for each in list_tokens(conn, society) if each.lives(now)]


def _pages(total: int) -> int:
    return max(1, -(-total // ROWS))
