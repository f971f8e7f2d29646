# SPDX-License-Identifier: MIT
"""How far the past of registers is judged that was stored before there was a validation.

In: a number of registers. Out: those whose past is the oldest, with where to look next. Owns: the
table ``past_search``. Never: a judgement (`cloud_ingest.validation.past` makes it).
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.rows import all_rows


class Past(NamedTuple):
    """A register whose past waits to be judged."""

    channel_id: int
    next_at: datetime | None
    """Up to here it is judged; None: it has not begun."""
    until: datetime


@translating
def oldest_past(conn: Connection, limit: int) -> list[Past]:
    """Return registers whose past waits to be judged, those that have not begun first."""
    return all_rows(
        conn,
        Past,
        """
        SELECT channel_id, next_at, until FROM past_search
        ORDER BY next_at NULLS FIRST, channel_id LIMIT %s
        """,
        (limit,),
    )


@translating
def put_past(conn: Connection, judged: Iterable[tuple[Past, datetime | None]]) -> None:
    """Note up to where registers are judged; None: to the end.

    What was asked for meanwhile stays: a register that begins anew has another `next_at`.
    """
    with conn.cursor() as cursor:
        for past, next_at in judged:
            own = (past.channel_id, past.next_at, past.until)
            if next_at is None:
                cursor.execute(
                    """
                    DELETE FROM past_search
                    WHERE channel_id = %s AND next_at IS NOT DISTINCT FROM %s AND until = %s
                    """,
                    own,
                )
            else:
                cursor.execute(
                    """
                    UPDATE past_search SET next_at = %s
                    WHERE channel_id = %s AND next_at IS NOT DISTINCT FROM %s AND until = %s
                    """,
                    (next_at, *own),
                )
