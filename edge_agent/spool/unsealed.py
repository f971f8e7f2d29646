# SPDX-License-Identifier: GPL-2.0-only
"""What was read and is not sealed yet: lines of blocks in the spool's file, and their sealing.

In: block lines, as they will be sent, with the time at which they were read. Out: signed batches of
many meters that wait to be sent, the next in the stream's chain. Owns the table ``gathered``.
Never: a line changed, lost or sealed twice; live and back-fill in one batch; a transaction of
its own: `spool` puts lines in with the watermarks that they moved, and takes all of them at once.
"""

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from edge_agent.spool.blocks import BLOCK_BYTES, grouped
from shared_schema.readings import Loss, line_hash, seal_batch
from shared_schema.signing import SigningKey

Line = tuple[bool, bytes]
"""Whether it is back-fill, and its bytes without the newline."""


def put(database: sqlite3.Connection, lines: Iterable[Line], at: datetime) -> None:
    """Keep lines behind those that are there.

    Args:
        database: the spool, within a transaction.
        lines: what was read.
        at: when, by the gateway's time, aware.
    """
    second = int(at.timestamp())
    database.executemany(
        "INSERT INTO gathered (historical, at, line) VALUES (?, ?, ?)",
        [(int(historical), second, line) for historical, line in lines],
    )


def size(database: sqlite3.Connection) -> int:
    """Return how many bytes of a batch the lines take: live or back-fill, whichever is more."""
    row = database.execute(
        "SELECT max(bytes) FROM (SELECT sum(length(line) + ?) AS bytes"
        " FROM gathered GROUP BY historical)",
        (BLOCK_BYTES,),
    ).fetchone()
    return row[0] or 0


def waiting(database: sqlite3.Connection) -> tuple[int, int]:
    """Return how many batches wait for a receipt, live and back-fill.

    What is gathered of a kind counts as the one batch that it will be, or the first of several.
    """
    counts = dict(
        database.execute(
            "SELECT historical, count(*) FROM (SELECT historical FROM waiting"
            " UNION ALL SELECT DISTINCT historical FROM gathered) GROUP BY historical"
        )
    )
    return counts.get(0, 0), counts.get(1, 0)


def seal(
    database: sqlite3.Connection, gateway: str, key: SigningKey, losses: Iterable[Loss] = ()
) -> list[int]:
    """Make batches of all lines, live ones first, each line in its place; they wait to be sent.

    A batch is as old as its last line: it says when that was read, not when it was sealed.

    Args:
        database: the spool, within a transaction; at least one line is there.
        gateway: this gateway's id.
        key: what it signs with.
        losses: what was dropped to make room; it goes before the lines.

    Returns:
        The seq of each batch.
    """
    stream, seq, previous = database.execute(
        "SELECT stream, last_seq, last_hash FROM spool"
    ).fetchone()
    lines = {
        historical: database.execute(
            "SELECT line, at FROM gathered WHERE historical = ? ORDER BY place", (historical,)
        ).fetchall()
        for historical in (0, 1)
    }
    latest = max(at for found in lines.values() for _, at in found)
    lines[0][:0] = [(loss.to_line(), latest) for loss in losses]
    database.execute("DELETE FROM gathered")  # first: the batches take their room
    made: list[int] = []
    for historical, found in lines.items():
        end = 0
        for group in grouped(line for line, _ in found):
            end += len(group)
            seq += 1
            at = found[end - 1][1]
            payload = seal_batch(
                gateway=gateway,
                stream=UUID(stream),
                seq=seq,
                previous=previous,
                block_lines=group,
                created_at=datetime.fromtimestamp(at, UTC),
                historical=bool(historical),
                key=key,
            )
            previous = line_hash(payload.partition(b"\n")[0])
            database.execute(
                "INSERT INTO batch VALUES (?, ?, ?, ?)", (seq, at, historical, payload)
            )
            database.execute("INSERT INTO waiting VALUES (?, ?)", (seq, historical))
            made.append(seq)
    if made:
        database.execute("UPDATE spool SET last_seq = ?, last_hash = ?", (seq, previous))
    return made
