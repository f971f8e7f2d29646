# SPDX-License-Identifier: GPL-2.0-only
"""The verdict on a chaos run: what differs between the meters, the spools and the store.

Every row of every profile of every meter, up to its watermark, is in the spool; everything in the
spool is what the meter said, and is in the store; the store has nothing else. The chain of each
stream is whole, and nothing waits or needs a hand.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import psycopg
from psycopg import Connection

from edge_agent.virtual.estate import load_estate
from edge_agent.worker.schedule import cycle_of
from tests.chaos import estate
from tests.chaos.books import (
    Book,
    Claims,
    add_forgotten,
    claims_of,
    events_of,
    read_book,
    stored_claims,
    stored_events,
    waiting,
)
from tests.chaos.truth import INSTANTANEOUS, LINE_PROFILES, Truth
from tests.chaos.world import World

SLACK_S = 60
"""How far apart a meter may have told its clock and a register of the same poll, in seconds of the
run's time."""
SHOWN = 3
BLAMELESS = ("bad_signature", "malformed")
"""Why a message that was spoiled on its way is set aside."""


@dataclass
class Verdict:
    """What was found."""

    wrong: list[str] = field(default_factory=list)
    """Each breaks a promise; empty: all are kept."""
    readings: int = 0
    live: int = 0
    """Of them: rows of registers that were read live."""
    polled: set[tuple[str, int]] = field(default_factory=set)
    """Which meter was read live in which cycle."""
    channels: int = 0
    events: int = 0
    batches: int = 0
    acknowledged: int = 0
    quarantined: dict[str, int] = field(default_factory=dict)
    books: list[Book] = field(default_factory=list)


def judge(world: World, until: datetime) -> Verdict:
    """Compare everything: the agents have ended, and the run's time stands still.

    Args:
        world: The servers run; nothing else has to.
        until: When the run's time stopped.
    """
    verdict = Verdict()
    with psycopg.connect(world.dsn) as conn:
        conn.execute("SET search_path TO metering")
        for gateway in world.gateways:
            folder = world.folder_of(gateway) / "spool"
            others = sorted(file.name for file in folder.iterdir() if ".aside-" in file.name)
            verdict.wrong += [f"{gateway.name}: its spool was set aside: {name}" for name in others]
            if left := waiting(folder / "spool.db"):
                verdict.wrong.append(f"{gateway.name}: {left} batches wait for a receipt")
            book = read_book(folder / "spool.db")
            verdict.books.append(book)
            verdict.wrong += _chain(conn, gateway.name, book)
            meters = load_estate(world.estate_of(gateway))
            for meter in gateway.meters:
                truth = Truth(meters.meter(meter.serial), until)
                verdict.wrong += _meter(conn, meter, book, truth, verdict)
        verdict.wrong += _acknowledged(conn, world, verdict)
        verdict.wrong += _store(conn, world, verdict)
    return verdict


def _chain(conn: Connection, gateway: str, book: Book) -> Iterator[str]:
    """Hold the stream of a spool against the evidence in the store."""
    add_forgotten(conn, gateway, book)
    if book.losses:
        yield f"{gateway}: the spool dropped {book.losses} ranges"
    missing = [seq for seq in range(1, book.last + 1) if seq not in book.sent]
    if missing:
        yield f"{gateway}: batches forgotten and not stored: {len(missing)}, {missing[:SHOWN]}"
    loose = [
        seq
        for seq, sent in book.sent.items()
        if seq - 1 in book.sent and sent.previous != book.sent[seq - 1].header_hash
    ]
    if loose:
        yield f"{gateway}: batches that do not follow the one before: {len(loose)}, {loose[:SHOWN]}"
    stored = conn.execute(
        "SELECT stream, seq, encode(header_hash, 'hex') FROM batch JOIN gateway USING (gateway_id)"
        " WHERE name = %s",
        [gateway],
    ).fetchall()
    kept = {(book.stream, seq): sent.header_hash for seq, sent in book.sent.items()}
    found = {(stream, seq): header_hash for stream, seq, header_hash in stored}
    yield from _differ(f"{gateway}: batches made and not stored", kept, found)
    yield from _differ(f"{gateway}: batches stored and never made", found, kept)


_Batches = dict[tuple[UUID, int], str]
"""The hash of each header, by stream and number."""


def _differ(what: str, some: _Batches, others: _Batches) -> Iterator[str]:
    missing = [each for each in some.items() if each not in others.items()]
    if missing:
        yield f"{what}: {len(missing)}, such as {missing[:SHOWN]}"


def _meter(
    conn: Connection, meter: estate.Meter, book: Book, truth: Truth, verdict: Verdict
) -> Iterator[str]:
    blocks = book.lines[meter.serial]
    spooled = claims_of(blocks)
    stored, rows = stored_claims(conn, meter.serial)
    verdict.readings += rows
    verdict.channels += len({channel for channel, _, _ in stored})
    times = [row[0] for each in blocks if _is_live(each) for row in each["rows"]]
    verdict.live += len(times)
    verdict.polled |= {(meter.serial, cycle_of(ts)) for ts in times}
    yield from _compare(f"{meter.serial}: spooled and not stored", spooled, stored)
    yield from _compare(f"{meter.serial}: stored and not spooled", stored, spooled)
    yield from _profiles(meter, book, truth)
    yield from _shown(meter, book, truth)
    marks = {
        profile: ts for (serial, profile), ts in book.watermarks.items() if serial == meter.serial
    }
    events, true = stored_events(conn, meter.serial), truth.events(marks)
    verdict.events += len(events)
    if events_of(blocks) != events or not true <= events:
        yield f"{meter.serial}: {len(true)} events by the meter, {len(events)} in the store"


def _is_live(block: dict[str, object]) -> bool:
    return block["kind"] == "readings" and block["profile"] is None


def _compare(what: str, some: Claims, others: Claims) -> Iterator[str]:
    missing = some - others
    if missing:
        yield f"{what}: {len(missing)}, such as {sorted(missing)[:SHOWN]}"


def _profiles(meter: estate.Meter, book: Book, truth: Truth) -> Iterator[str]:
    """Hold each profile that was read against what the meter captured: both ways."""
    for profile in truth.profiles:
        name = f"{meter.serial}, {profile}"
        mark = book.watermarks.get((meter.serial, str(profile)))
        if mark is None:
            if str(profile) in LINE_PROFILES:
                yield f"{name}: never read"
            continue  # one that has no rows yet has no watermark
        own = (each for each in book.lines[meter.serial] if each.get("profile") == str(profile))
        spooled, captured = claims_of(own), truth.captured(profile)
        due = {claim for claim in captured if claim[1] <= mark}
        yield from _compare(f"{name}: captured and lost", due, spooled)
        yield from _compare(f"{name}: never captured", spooled, captured)


def _shown(meter: estate.Meter, book: Book, truth: Truth) -> Iterator[str]:
    """Hold what was read live against what the meter showed."""
    for block in book.lines[meter.serial]:
        if block["kind"] != "readings" or block["profile"] not in (None, INSTANTANEOUS):
            continue
        slack_s = SLACK_S if _is_live(block) else 0
        for channel, ts, raw in claims_of([block]):
            earliest, latest = (truth.shows(channel, ts + by) for by in (-slack_s, slack_s))
            if latest is None or earliest is None:
                yield f"{meter.serial}: it has no {channel}"
            elif not earliest <= raw <= latest:
                yield f"{meter.serial}: {channel} at {ts} is {raw}, not {earliest} to {latest}"


def _acknowledged(conn: Connection, world: World, verdict: Verdict) -> Iterator[str]:
    """Hold when each batch was acknowledged against when its message came that was stored."""
    stored = conn.execute("SELECT stream, seq, received_at FROM batch").fetchall()
    came = {(stream, seq): at for stream, seq, at in stored}
    early = []
    for worker in world.workers:
        heard = worker.link.acknowledged
        for batch, at_ns in ({} if heard is None else heard.first_ns).items():
            verdict.acknowledged += 1
            if batch not in came or came[batch] > world.clock.at(at_ns):
                early.append(batch)
    if early:
        yield f"acknowledged before they were stored: {len(early)}, such as {early[:SHOWN]}"


def _store(conn: Connection, world: World, verdict: Verdict) -> Iterator[str]:
    """Look at what the store has besides the readings."""
    (verdict.batches,) = conn.execute("SELECT count(*) FROM batch").fetchall()[0]
    reasons = conn.execute("SELECT reason, sum(times)::int FROM quarantine GROUP BY 1").fetchall()
    verdict.quarantined = dict(reasons)
    spoilt = sum(node.link.spoilt for node in world.agents)
    blameless = sum(verdict.quarantined.get(reason, 0) for reason in BLAMELESS)
    if blameless > spoilt:
        yield f"{blameless} messages could not be verified, and only {spoilt} were spoiled"
    others = {key: count for key, count in reasons if key not in BLAMELESS}
    if others:
        yield f"in quarantine: {others}"
    for table in ("claim", "stream_break"):
        (count,) = conn.execute(f"SELECT count(*) FROM {table}").fetchall()[0]  # noqa: S608
        if count:
            yield f"{count} rows of {table}"
