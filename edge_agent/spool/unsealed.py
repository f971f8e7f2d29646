# SPDX-License-Identifier: GPL-2.0-only
"""Lines that were read and are not sealed yet, and their sealing into batches.

Polls put block lines, as they will be sent, with the time at which they were read. Sealing takes
them together: signed batches of many meters, the next in the stream's chain.

In: block lines. Out: batches that wait to be sent. Owns the table ``gathered``.
Never: a line changed, lost or sealed twice; live and back-fill in one batch; a transaction of
its own: `spool` puts lines in with the watermarks that they moved.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from edge_agent.spool import batches, stream
from edge_agent.spool.batches import Spooled
from edge_agent.spool.blocks import BLOCK_BYTES, grouped
from shared_schema.readings import Loss, line_hash, seal_batch
from shared_schema.signing import SigningKey

MOST_LINES = 512
"""Of a kind, that are sealed at once."""
Line = tuple[bool, bytes]
"""Whether it is back-fill, and its bytes without the newline."""
_Read = tuple[bytes, int]
"""A line, and when it was read (s since 1970)."""


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


def gather_again(database: sqlite3.Connection) -> None:
    """Take the lines of all batches that wait, to be sealed again: within a transaction."""
    for batch, at in batches.take_waiting(database):
        lines = batch.payload.split(b"\n")[1:-1]
        put(database, [(batch.historical, line) for line in lines], datetime.fromtimestamp(at, UTC))


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


def oldest(database: sqlite3.Connection) -> int | None:
    """Return when the oldest of what waits was read (s since 1970); None: nothing waits."""
    batch = batches.oldest_waiting_at(database)
    if batch is not None:
        return batch
    row = database.execute("SELECT at FROM gathered ORDER BY place LIMIT 1").fetchone()
    return row[0] if row else None


def seal(
    database: sqlite3.Connection, gateway: str, key: SigningKey, losses: Iterable[Loss] = ()
) -> list[int]:
    """Make batches of lines, live ones first, each line in its place; they wait to be sent.

    Of either kind it takes `MOST_LINES`: a backlog that is sealed again is more than memory holds.

    Args:
        database: the spool, within a transaction; at least one line is there.
        gateway: this gateway's id.
        key: what it signs with.
        losses: what was dropped to make room; it goes before the lines.

    Returns:
        The seq of each batch.
    """
    live, backlog = (_take(database, historical=historical) for historical in (False, True))
    latest = max(at for _, at in (*live, *backlog))
    live[:0] = [(loss.to_line(), latest) for loss in losses]
    groups = (*_groups(live, is_backlog=False), *_groups(backlog, is_backlog=True))
    return [
        # A batch is as old as its last line: when that was read.
        seal_lines(
            database, gateway, key, [line for line, _ in group], group[-1][1], historical=historical
        )
        for historical, group in groups
    ]


def seal_lines(
    database: sqlite3.Connection,
    gateway: str,
    key: SigningKey,
    lines: list[bytes],
    at: int,
    *,
    historical: bool = False,
) -> int:
    """Make one batch of these lines alone, as old as that time (s, UTC); return its seq."""
    head = stream.head(database)
    seq = head.seq + 1
    payload = seal_batch(
        gateway=gateway,
        stream=head.stream,
        seq=seq,
        previous=head.header_hash,
        block_lines=lines,
        created_at=datetime.fromtimestamp(at, UTC),
        historical=historical,
        key=key,
    )
    batches.put(database, Spooled(seq, historical, payload), at)
    stream.advance(database, seq, line_hash(payload.partition(b"\n")[0]))
    return seq


def _take(database: sqlite3.Connection, *, historical: bool) -> list[_Read]:
    """Take lines out, so that the batches have their room: the oldest, as many as memory bears."""
    oldest = "FROM gathered WHERE historical = ? ORDER BY place LIMIT ?"
    arguments = (int(historical), MOST_LINES)
    lines = database.execute(f"SELECT line, at {oldest}", arguments).fetchall()
    database.execute(
        f"DELETE FROM gathered WHERE place IN (SELECT place {oldest})",  # noqa: S608 - see above
        arguments,
    )
    return lines


def _groups(lines: list[_Read], *, is_backlog: bool) -> Iterator[tuple[bool, list[_Read]]]:
    """Yield the lines of each batch, and whether it is back-fill."""
    begin = 0
    for group in grouped(line for line, _ in lines):
        yield is_backlog, lines[begin : begin + len(group)]
        begin += len(group)
