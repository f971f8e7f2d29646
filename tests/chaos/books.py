# SPDX-License-Identifier: MIT
"""What the spools and the store hold at the end of a chaos run, in one form for both.

A reading is a code, a unit and a scaler at a time: `Claims` has what each was said to be.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import Connection

from shared_schema.readings import line_hash

Channel = tuple[str, int, int]
"""Code, unit, scaler."""
Place = tuple[Channel, int]
"""A channel at a time, seconds since 1970."""
Claims = dict[Place, set[int]]
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


@dataclass(frozen=True)
class Book:
    """What one spool holds."""

    stream: UUID
    sent: list[Sent] = field(default_factory=list)
    lines: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    """The blocks of each meter, by its serial number."""
    watermarks: dict[tuple[str, str], int] = field(default_factory=dict)
    """By serial number and profile."""
    losses: int = 0


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
        (stream,) = spool.execute("SELECT stream FROM spool").fetchone()
        book = Book(UUID(stream), watermarks=watermarks(path))
        losses = 0
        for seq, payload in spool.execute("SELECT seq, payload FROM batch ORDER BY seq"):
            header, *lines, _ = payload.split(b"\n")
            blocks = [json.loads(line) for line in lines]
            losses += sum(block["kind"] == "loss" for block in blocks)
            for block in blocks:
                if block["kind"] != "loss":
                    book.lines[block["meter"]["serial"]].append(block)
            book.sent.append(_sent(seq, header, blocks))
    return Book(book.stream, book.sent, book.lines, book.watermarks, losses)


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


def claims_of(blocks: list[dict[str, Any]]) -> Claims:
    """Return what some blocks of readings of one meter say."""
    found: Claims = defaultdict(set)
    for block in blocks:
        if block["kind"] != "readings":
            continue
        channels = [(each["obis"], each["unit"], each["scaler"]) for each in block["columns"]]
        for ts, _, *raws in block["rows"]:
            for channel, raw in zip(channels, raws, strict=True):
                if raw is not None:
                    found[channel, ts].add(raw)
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
    found: Claims = defaultdict(set)
    count = 0
    for obis, unit, scaler, ts, raw in _stored(conn, serial):
        found[(obis, unit, scaler), ts].add(raw)
        count += 1
    return found, count


def _stored(conn: Connection, serial: str) -> Iterator[tuple[str, int, int, int, int]]:
    return conn.cursor(binary=True).stream(
        "SELECT obis, unit::int, scaler::int, extract(epoch FROM ts)::bigint, raw"
        " FROM reading JOIN channel USING (channel_id) JOIN meter USING (meter_id)"
        " WHERE serial = %s",
        [serial],
    )


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
