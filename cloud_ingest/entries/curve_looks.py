# SPDX-License-Identifier: MIT
"""A look at the quarter hours of a unit: its reason is kept before anything is shown.

A quarter-hour curve shows when a family is away. A resident sees the own one; who else looks says
why, and the resident sees that.

In: who, whose, which days, why. Out: nothing, or a refusal. Never: a curve.

Raises: ReadRefused, TextRefused.
"""

from datetime import date, datetime, timedelta
from typing import Final

from cloud_ingest.core.role import Right
from cloud_ingest.core.typed_text import remark
from cloud_ingest.entries.sign_in import Visitor
from cloud_ingest.errors import ReadRefused
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.curve_looks import CurveLook, add_look, is_looking

GOOD_FOR: Final = timedelta(hours=1)
MOST_DAYS: Final = 31
SHORTEST_REASON: Final = 5


def look(
    conn: Connection,
    visitor: Visitor,
    unit: str,
    days: tuple[date, date],
    *,
    reason: str,
    now: datetime,
) -> None:
    """Keep why a visitor looks at days of a unit; for an hour it need not be said again."""
    found = _look(days, visitor.name, visitor.role.value, reason, now)
    account, ends_at = visitor.account_id, now + GOOD_FOR
    add_look(conn, visitor.society_id, unit, found, account_id=account, ends_at=ends_at)


def look_by_program(
    conn: Connection,
    society_id: int,
    unit: str,
    days: tuple[date, date],
    *,
    token: str,
    reason: str,
    now: datetime,
) -> None:
    """Keep why a program looks at days of a unit."""
    found = _look(days, token, "program", reason, now)
    add_look(conn, society_id, unit, found, account_id=None, ends_at=now)


def may_look(conn: Connection, visitor: Visitor, unit: str, day: date, now: datetime) -> bool:
    """Say whether a visitor need not say why: the unit is the own one, or it was said."""
    if visitor.may(Right.OWN_UNIT) and visitor.unit == unit:
        return True
    account = visitor.account_id
    return is_looking(conn, visitor.society_id, unit, account_id=account, day=day, now=now)


def kept_from(today: date, months: int | None) -> date | None:
    """Return from which day on a society's curves are shown; None: from the first one on."""
    if months is None:
        return None
    first = today.year * 12 + today.month - 1 - months
    return date(first // 12, first % 12 + 1, 1)


def require_kept(day: date, today: date, months: int | None) -> None:
    """Refuse a day whose curve the society keeps no more.

    Raises:
        ReadRefused: it is too old.
    """
    kept = kept_from(today, months)
    if kept is not None and day < kept:
        raise ReadRefused(
            f"this society shows quarter hours from {kept} on: of before there are days and months"
        )


def _look(days: tuple[date, date], author: str, role: str, reason: str, now: datetime) -> CurveLook:
    why = remark(reason, "the reason")
    if len(why) < SHORTEST_REASON:
        raise ReadRefused("say why you look: the resident reads it")
    if not timedelta() <= days[1] - days[0] < timedelta(days=MOST_DAYS):
        raise ReadRefused(f"a look is at 1 to {MOST_DAYS} days: choose fewer")
    return CurveLook(now, author, role, why, *days)
