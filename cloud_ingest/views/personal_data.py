# SPDX-License-Identifier: MIT
"""Everything that is kept of one person, as values for a file.

In: an account. Out: account, roles, sessions, acts, readings, and what the unit used, as its pages
show it. Never: anything of a neighbour; a password.

Raises: NotFound.
"""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from cloud_ingest.core.month import parse_month
from cloud_ingest.core.personal_data import OwnAccount, OwnRole, Person, UnitMonth
from cloud_ingest.core.role import Role
from cloud_ingest.errors import NotFound
from cloud_ingest.month.exported import Owner, unit_export
from cloud_ingest.store.account_identities import kept_identities
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.manifests import closed_since
from cloud_ingest.store.personal_data import (
    access_of,
    acts_of,
    links_of,
    managed_alone,
    own_account,
    readings_of,
    roles_of,
    sessions_of,
    shared_in,
)
from cloud_ingest.store.registry import find_society


def account_of(conn: Connection, login: str) -> OwnAccount:
    """Return the account of a login.

    Raises:
        NotFound: there is none.
    """
    found = own_account(conn, login.strip().lower())
    if found is None:
        raise NotFound(f"nobody signs in as {login[:64]!r}: look at how it is written")
    return found


def personal_data(conn: Connection, login: str, zone: ZoneInfo, now: datetime) -> Person:
    """Return everything that is kept of a person."""
    account = account_of(conn, login)
    number = account.account_id
    roles = roles_of(conn, number)
    return Person(
        made_at=now,
        account=account,
        roles=roles,
        sessions=sessions_of(conn, number),
        identities=kept_identities(conn, number),
        access=access_of(conn, number),
        acts=acts_of(conn, number),
        readings=readings_of(conn, number),
        links=links_of(conn, number),
        not_told=shared_in(conn, number),
        months=[each for role in roles for each in _months(conn, role, zone)],
    )


def _months(conn: Connection, role: OwnRole, zone: ZoneInfo) -> Iterator[UnitMonth]:
    """Give the closed months of the unit where a person lives."""
    if role.role is not Role.RESIDENT or role.unit is None or role.ended_at is not None:
        return
    for name in closed_since(conn, find_society(conn, role.society), ""):
        owner = Owner("unit", role.unit)
        try:
            month, days = unit_export(conn, role.society, parse_month(name, zone), owner)
        except NotFound:
            continue  # no meter served the unit then
        yield UnitMonth(role.unit, month, days)


def last_manager_of(conn: Connection, account_id: int) -> list[str]:
    """Return the societies that nobody would manage without a person."""
    return managed_alone(conn, account_id)


def names_shared_in(conn: Connection, account_id: int) -> list[str]:
    """Return the societies in which somebody else has the same name."""
    return shared_in(conn, account_id)
