# SPDX-License-Identifier: MIT
"""The flags of read failures: meters that should speak by themselves and are not read.

One flag tells one cause: a gateway with all meters behind it, or one meter. A flag ends when its
meters are read again, removed, or told by another cause. The record of a failure, and the history
of its flag, say what it turned out to have been, also when the readings come days later.

In: a connection, the time, and the societies that may be judged. Out: what changed. The rules are
pure (`core.rules.offline`, `core.rules.read_again`).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from cloud_ingest.core.flag import Change
from cloud_ingest.core.rules.offline import (
    Cause,
    GatewayWord,
    Known,
    Silence,
    next_known,
    seen_cause,
    silence,
)
from cloud_ingest.core.rules.read_again import outcome_of
from cloud_ingest.flags.lifecycle import Changes, settle
from cloud_ingest.flags.silence_words import Overdue, end_words, read_failures
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.event_changes import change_flag
from cloud_ingest.store.events import list_events, open_events
from cloud_ingest.store.read_failures import (
    OpenFailure,
    UnheardMeter,
    around,
    end_failures,
    gateway_words,
    open_failures,
    outcomes,
    put_failures,
    put_outcomes,
    unheard_meters,
    unsettled_failures,
)
from shared_schema.events import EventKind
from shared_schema.gateway import FailingMeter

LATE_FOR = timedelta(days=40)
"""A meter's profile remembers about so long: later no reading comes by itself."""
LOOK_AT = 500
"""So many failures that are over are looked at in one turn."""


def refresh_silence(
    conn: Connection, zone: ZoneInfo, now: datetime, societies: Collection[int] | None = None
) -> Changes:
    """Judge the meters that were not heard for a day.

    Args:
        conn: A connection.
        zone: The zone in which people read a time.
        now: The time.
        societies: Those that may be judged; None judges all.
    """
    opened = [
        each
        for each in open_events(conn, EventKind.READ_FAILURE)
        if societies is None or each.society_id in societies
    ]
    words, quiet = _quiet(conn, now, societies)
    before = open_failures(conn, societies)
    with conn.transaction():
        overdue, news = _with_causes(quiet, before, words, now)
        still = {meter.meter_id for meter, _quiet_since in quiet}
        ended = [each.failure_id for each in before if each.meter_id not in still]
        end_failures(conn, ended, now)
        if ended:
            reclassify(conn, now)
        turned_out = outcomes(conn, [flag.event.id for flag in opened] if ended else [])
        changes = settle(
            conn,
            opened,
            read_failures(overdue, words, zone, now),
            judged={flag.key for flag in opened},
            now=now,
            ended=lambda flag: end_words(turned_out.get(flag.event.id, ())),
        )
        if news:
            told = {flag.key: flag.event.id for flag in open_events(conn, EventKind.READ_FAILURE)}
            put_failures(
                conn, [(own.meter, own.quiet, known, told[own.key]) for own, known in news], now
            )
    return changes


def reclassify(conn: Connection, now: datetime) -> int:
    """Look again at read failures that are over; return how many turned out otherwise."""
    ended = unsettled_failures(conn, now - LATE_FOR, LOOK_AT)
    if not ended:
        return 0
    said = around(conn, ended)
    told = {each.failure_id: outcome_of(said.get(each.failure_id)) for each in ended}
    late = [
        each
        for each in ended
        if each.looked_at is not None and told[each.failure_id].outcome != each.outcome
    ]
    with conn.transaction():
        put_outcomes(conn, told, now)
        for flag in list_events(
            conn, ids=list({e.event_id for e in late if e.event_id}), state=None
        ):
            words = end_words([told[e.failure_id] for e in late if e.event_id == flag.event.id])
            change_flag(conn, flag, lambda it: it, Change.RECLASSIFIED, reason=words, now=now)
    return len(late)


def _quiet(
    conn: Connection, now: datetime, societies: Collection[int] | None
) -> tuple[dict[str, GatewayWord], list[tuple[UnheardMeter, Silence]]]:
    """Return the meters that are overdue, and what their gateways said."""
    unheard = unheard_meters(conn, now, societies)
    words = gateway_words(conn, {meter.gateway for meter in unheard if meter.gateway is not None})
    found = [
        (meter, quiet)
        for meter in unheard
        if (
            quiet := silence(
                newest=meter.last_reading_at,
                assigned_at=meter.valid_from,
                now=now,
                period=_period(meter, words),
            )
        )
        is not None
    ]
    return words, found


def _period(meter: UnheardMeter, words: Mapping[str, GatewayWord]) -> timedelta | None:
    """Return how often a meter is read: as its gateway says, or by the shortest of its profiles."""
    word = words.get(meter.gateway or "")
    told = None if word is None or word.status is None else word.status.poll_period_s
    seconds = told or meter.period_s
    return None if seconds is None else timedelta(seconds=seconds)


def _with_causes(
    quiet: Sequence[tuple[UnheardMeter, Silence]],
    before: Iterable[OpenFailure],
    words: Mapping[str, GatewayWord],
    now: datetime,
) -> tuple[list[Overdue], list[tuple[Overdue, Known]]]:
    """Name the cause of each silence, and say what is new of it."""
    earlier = {each.meter_id: each for each in before}
    standing: dict[str | None, set[Cause]] = defaultdict(set)
    for meter, _silence in quiet:
        last = earlier.get(meter.meter_id)
        if last is not None and last.known.cause.shared:
            standing[last.known.cause.gateway].add(last.known.cause)
    entries = _entries(words)
    overdue: list[Overdue] = []
    changed: list[tuple[Overdue, Known]] = []
    for meter, since in quiet:
        word = words.get(meter.gateway or "")
        entry = entries.get((meter.gateway, meter.manufacturer, meter.serial))
        seen = seen_cause(since, word, entry, clock_off=meter.clock_off, now=now)
        last = earlier.get(meter.meter_id)
        known = next_known(None if last is None else last.known, seen, standing[meter.gateway], now)
        overdue.append(Overdue(meter, since, known.cause))
        if last is None or (last.since, last.known) != (since.since, known):
            changed.append((overdue[-1], known))
    return overdue, changed


def _entries(words: Mapping[str, GatewayWord]) -> dict[tuple[str | None, str, str], FailingMeter]:
    """Return what gateways say of meters that they do not read, by gateway and meter."""
    return {
        (word.name, each.meter.manufacturer, each.meter.serial): each
        for word in words.values()
        if word.status is not None
        for each in word.status.failing
        if each.meter is not None
    }
