# SPDX-License-Identifier: MIT
"""Which billed registers the rules look at next: those that were judged with new readings.

A mark is written when the validation has dealt with what a commit stored, and when another claim is
elected. So the rules see sound readings only, and no change is lost while no worker leads.

In: registers that changed, and from when to when. Out: the same, joined, some at a time. Owns:
``rule_mark``.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from cloud_ingest.store.connection import Connection, query, translated, translating
from cloud_ingest.store.rows import scalars
from cloud_ingest.store.unjudged import array_text
from shared_schema.obis import Obis


class Changed(NamedTuple):
    """A register, and the stretch in which its elected readings are new or others."""

    channel_id: int
    first: int
    """Seconds since 1970."""
    last: int


@translating
def mark_changed(conn: Connection, moments: Iterable[tuple[int, int]]) -> None:
    """Let registers be looked at again, within the caller's transaction.

    Args:
        conn: The store.
        moments: Channel, and the time in seconds since 1970 of which another claim is elected.
    """
    columns = list(zip(*moments, strict=True))
    if columns:
        channels, times = map(array_text, columns)
        conn.execute(
            """
            INSERT INTO rule_mark (channels, firsts, lasts)
            VALUES (%s::int[], %s::bigint[], %s::bigint[])
            """,
            (channels, times, times),
        )


@translating
def oldest_rule_marks(conn: Connection, limit: int) -> list[int]:
    """Return the numbers of the oldest marks that are visible."""
    return scalars(conn, "SELECT mark_id FROM rule_mark ORDER BY mark_id LIMIT %s", (limit,))


def changed_registers(
    conn: Connection, marks: Collection[int], obis: Obis, at_once: int
) -> Iterator[list[Changed]]:
    """Yield the registers of a code that marks name, each once, some at a time.

    Args:
        conn: The store, outside of a transaction; it may be used for others between two yields.
        marks: Their numbers.
        obis: The register.
        at_once: How many.
    """
    with translated(), conn.cursor("changed_registers", withhold=True) as cursor:
        cursor.execute(query("flag/changed_registers"), {"marks": list(marks), "obis": str(obis)})
        while rows := cursor.fetchmany(at_once):
            yield [Changed(*row) for row in rows]


@translating
def clear_rule_marks(conn: Connection, marks: Collection[int]) -> None:
    """Drop the marks of what was looked at; what was added since stays."""
    conn.execute("DELETE FROM rule_mark WHERE mark_id = ANY(%s::bigint[])", (list(marks),))
