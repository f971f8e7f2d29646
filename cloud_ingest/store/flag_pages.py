# SPDX-License-Identifier: MIT
"""Flags for a list that a person reads: the worst first, a page of them.

In: a society, what a person chose. Out: ids with what is lost a day, and how many there are.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows, scalars


class WorstFlag(NamedTuple):
    """A flag of a list, and figures of the whole list."""

    event_id: UUID
    litres_a_day: Decimal | None
    """None: it loses no water, or it is not known how much."""
    flags: int
    alarms: int
    litres_a_day_of_all: Decimal | None


@translating
def worst_flags(
    conn: Connection,
    society_id: int,
    *,
    kind: str | None = None,
    severity: str | None = None,
    tower: str | None = None,
    unit: str | None = None,
    state: str | None = "open",
    limit: int = 100,
    offset: int = 0,
) -> Sequence[WorstFlag]:
    """Return flags, those that lose most a day first; None stands for any.

    Args:
        conn: A connection.
        society_id: Whose.
        kind: Of this one.
        severity: Of this one.
        tower: In this one.
        unit: Of this unit alone.
        state: ``open``, ``cleared``; of the open ones ``muted``, or ``unseen`` by any person.
        limit: So many at most.
        offset: After so many.
    """
    arguments = {
        "society_id": society_id,
        "kind": kind,
        "severity": severity,
        "tower": tower,
        "unit": unit,
        "state": state,
        "limit": limit,
        "offset": offset,
    }
    return all_rows(conn, WorstFlag, query("event/worst"), arguments, prepare=False)


@translating
def flagged_towers(conn: Connection, society_id: int) -> list[str]:
    """Return the towers that have, or had, flags."""
    return scalars(
        conn,
        """
        SELECT DISTINCT tower FROM event WHERE society_id = %s AND tower IS NOT NULL ORDER BY 1
        """,
        (society_id,),
    )
