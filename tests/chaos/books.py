# SPDX-License-Identifier: MIT
"""What the spools and the store hold at the end of a chaos run, in one form for both.

A reading is a code, a unit and a scaler at a time: `Claims` has what each was said to be.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import Connection

from cloud_ingest.store.evidence import payload, unpack
from shared_schema.readings import line_hash

Channel = tuple[str, int, int]
"""Code, unit, scaler."""
Claims = set[tuple[Channel, int, int]]
"""A channel, a time in seconds since 1970, and a raw value."""
Event = tuple[str, int, int]
"""Log, time, code."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One sealed batch of a spool."""

    seq: int
    header_hash: str
    previous: str | None
    created_at: datetime
    historical: bool
    readings: int


@dataclass(eq=False)
class Book:
    """What one spool made: what it still holds, and what it forgot and the store has."""

    stream: UUID
    last: int
    """The number of its last batch."""
    sent: dict[int, Sent] = field(default_factory=dict)
    lines: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    """The blocks of each meter, by its serial number."""
    watermarks: dict[tuple[str, str], int] = field(default_factory=dict)
    """By serial number and profile."""
    losses: int = 0
    forgotten: int = 0
    """Batches that a receipt covered, and the spool let go for room."""

    def add(self, seq: int, sealed: bytes) -> None:
        """Take in a batch."""
        header, *lines, _ = sealed.split(b"\n")
        blocks = [json.loads(line) for line in lines]
        for block in blocks:
            if block["kind"] == "loss":
                self.losses += 1
            else:
                self.lines[block["meter"]["serial"]].append(block)
        self.sent[seq] = _sent(seq, header, blocks)


def open_spool(path: Path) -> sqlite3.Connection:
    """Open a spool for reading, whoever uses it."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)


def watermarks(path: Path) -> dict[tuple[str, str], int]:
    """Return up to when each profile of each meter was read; none where there is no spool yet."""
    try:
        with closing(open_spool(path)) as spool:
            found = spool.execute("SELECT serial, profile, ts FROM watermark").fetchall()
    except sqlite3.Error:
        return {}
    return {(serial, profile): ts for serial, profile, ts in found}


def waiting(path: Path) -> int:
    """Return how many batches and gathered lines wait in a spool."""
    with closing(open_spool(path)) as spool:
        (count,) = spool.execute(
            "SELECT (SELECT count(*) FROM waiting) + (SELECT count(*) FROM gathered)"
        ).fetchone()
    return int(count)


def read_book(path: Path) -> Book:
    """Read a spool whose agent has ended."""
    with closing(open_spool(path)) as spool:
        stream, last = spool.execute("SELECT stream, last_seq FROM spool").fetchone()
        book = Book(UUID(stream), last, watermarks=watermarks(path))
        for seq, sealed in spool.execute("SELECT seq, payload FROM batch ORDER BY seq"):
            book.add(seq, sealed)
    return book


def add_forgotten(conn: Connection, gateway: str, book: Book) -> None:
    """Take in what a spool forgot: the store has it, as it was signed."""
    missing = [seq for seq in range(1, book.last + 1) if seq not in book.sent]
    rows = conn.execute(
        "SELECT seq, kept.evidence FROM batch JOIN gateway USING (gateway_id)"
        " JOIN batch_evidence AS kept USING (gateway_id, received_at, batch_id)"
        " WHERE name = %s AND stream = %s AND seq = ANY(%s)",
        [gateway, book.stream, missing],
    )
    for seq, evidence in rows:
        book.add(seq, payload(unpack(evidence)))
        book.forgotten += 1


def _sent(seq: int, header: bytes, blocks: list[dict[str, Any]]) -> Sent:
    said = json.loads(header)
    readings = (block for block in blocks if block["kind"] == "readings")
    return Sent(
        seq,
        line_hash(header),
        said["previous"],
        datetime.fromisoformat(said["created_at"]),
        said.get("historical", False),
        sum(len(block["rows"]) * len(block["columns"]) for block in readings),
    )


def claims_of(blocks: Iterable[dict[str, Any]]) -> Claims:
    """Return what some blocks of readings of one meter say."""
    found: Claims = set()
    for block in blocks:
        if block["kind"] != "readings":
            continue
        channels = [(each["obis"], each["unit"], each["scaler"]) for each in block["columns"]]
        for place, channel in enumerate(channels, 2):
            found.update(
                (channel, row[0], row[place]) for row in block["rows"] if row[place] is not None
            )
    return found


def events_of(blocks: list[dict[str, Any]]) -> set[Event]:
    """Return the events of one meter's own logs in some blocks."""
    return {
        (block["log"], row[0], row[1])
        for block in blocks
        if block["kind"] == "events"
        for row in block["rows"]
    }


def stored_claims(conn: Connection, serial: str) -> tuple[Claims, int]:
    """Return what the store has of one meter, and how many rows of readings that are."""
    found: Claims = set()
    count = 0
    channels = conn.execute(
        "SELECT channel_id, obis, unit::int, scaler::int FROM channel JOIN meter USING (meter_id)"
        " WHERE serial = %s",
        [serial],
    ).fetchall()
    for channel_id, *names in channels:
        channel = (names[0], names[1], names[2])
        rows = conn.cursor(binary=True).execute(
            "SELECT extract(epoch FROM ts)::bigint, raw FROM reading WHERE channel_id = %s",
            [channel_id],
        )
        for ts, raw in rows:
            found.add((channel, ts, raw))
            count += 1
    return found, count


def stored_events(conn: Connection, serial: str) -> set[Event]:
    """Return the events of one meter's own logs in the store."""
    return set(
        conn.execute(
            "SELECT log, extract(epoch FROM ts)::bigint, code"
            " FROM meter_event JOIN meter USING (meter_id)"
            " WHERE serial = %s AND log LIKE '0.0.99.98.%%'",
            [serial],
        )
    )
