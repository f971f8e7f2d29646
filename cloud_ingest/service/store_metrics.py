# SPDX-License-Identifier: MIT
"""The metrics of the store: read by the leader at its own times, and shown by it alone.

Registries, queues and flags are read every `READ_EVERY_S`, rollups and the size of the database
every `YESTERDAY_EVERY_S`. Reading takes a twentieth of the time at most, however large the store. A
scrape gets the text that was made then.

In: facts of the store. Out: a text for scrapes; nothing in a worker that does not lead. Never: a
label that names a unit or a meter.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from cloud_ingest.core.month import Month, month_of, next_month, parse_month
from cloud_ingest.service.election import Election
from cloud_ingest.service.loops import Loops
from cloud_ingest.service.metrics import Families, family, render
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.metric_facts import (
    GatewayFacts,
    MeterFacts,
    MonthFacts,
    QueueFacts,
    StoreFacts,
    Yesterday,
    read_facts,
    read_yesterday,
)

READ_EVERY_S = 60.0
YESTERDAY_EVERY_S = 3600.0
REST = 20
"""The least rest after a reading, in times of its duration."""


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()


_GATEWAY: Final[Mapping[str, Callable[[GatewayFacts], float | None]]] = {
    "heard_timestamp_seconds": lambda each: each.heard_at.timestamp(),
    "online": lambda each: each.online,
    "waiting_batches": lambda each: each.waiting_batches,
    "oldest_waiting_timestamp_seconds": lambda each: _seconds(each.oldest_waiting_at),
    "disk_free_bytes": lambda each: each.disk_free_bytes,
    "disk_bytes": lambda each: each.disk_bytes,
    "spool_bytes": lambda each: each.spool_bytes,
    "memory_bytes": lambda each: each.memory_bytes,
    "agent_up_seconds": lambda each: each.agent_up_s,
    "clock_synchronised": lambda each: each.clock_synchronised,
    "clock_jump_seconds": lambda each: each.clock_jump_s,
    "certificate_end_timestamp_seconds": lambda each: _seconds(each.certificate_ends_at),
    "meters": lambda each: each.meters,
    "meters_answering": lambda each: each.meters_answering,
}


class StoreMetrics:
    """What the leader knows of the store."""

    def __init__(self, loops: Loops, election: Election) -> None:
        self._loops = loops
        self._election = election
        self._text = b""
        self._yesterday: Yesterday | None = None
        self._yesterday_at = 0.0

    def text(self) -> bytes:
        """Return what a scrape of this worker shows of the store."""
        return self._text if self._election.is_leading else b""

    async def serve(self, zone: ZoneInfo) -> None:
        """Read while this worker leads, until the service stops."""
        async with self._election.database("metrics") as own:
            while await self._election.leads():
                read = partial(self._read, zone=zone)
                took_s = await self._election.retry("metrics", partial(own.run, read))
                if not await self._loops.pause(max(READ_EVERY_S, REST * took_s)):
                    return

    def _read(self, conn: Connection, zone: ZoneInfo) -> float:
        now, began = datetime.now(UTC), time.monotonic()
        facts = read_facts(conn, now)
        if self._yesterday is None or began - self._yesterday_at > YESTERDAY_EVERY_S:
            self._yesterday, self._yesterday_at = read_yesterday(conn, zone, now), began
        took_s = time.monotonic() - began
        families = store_families(facts, self._yesterday, zone, now, took_s)
        self._text = render(families)
        return took_s


def store_families(
    facts: StoreFacts, yesterday: Yesterday, zone: ZoneInfo, now: datetime, took_s: float
) -> Families:
    """Yield the metrics of the store; pure."""
    yield family("metering_store_read_timestamp_seconds", {(): now.timestamp()})
    yield family("metering_store_read_seconds", {(): took_s})
    yield family("metering_store_bytes", {(): yesterday.store_bytes})
    yield from _of_gateways(facts.gateways)
    yield from _of_meters(facts.meters)
    due = [each for each in yesterday.societies if each.expected]
    ratios = {(each.society,): each.present / each.expected for each in due}
    yield family("metering_completeness_ratio", ratios)
    flags = {(each.society, each.kind, each.severity): each.flags for each in facts.flags}
    yield family("metering_flags_open", flags)
    yield from _of_months(facts.months, zone, now)
    kept = facts.quarantine
    yield family("metering_quarantine_entries", {(each.society,): each.entries for each in kept})
    yield family("metering_quarantine_bytes", {(each.society,): each.bytes for each in kept})
    yield from _of_queues(facts.queues)


def _of_gateways(gateways: Sequence[GatewayFacts]) -> Families:
    for name, of in _GATEWAY.items():
        told = {(each.society, each.gateway): of(each) for each in gateways}
        known = {key: value for key, value in told.items() if value is not None}
        yield family(f"metering_gateway_{name}", known)


def _of_meters(meters: Sequence[MeterFacts]) -> Families:
    yield family("metering_meters", {(each.society,): each.meters for each in meters})
    silent = {(each.society, "1h"): each.silent_hour for each in meters}
    silent |= {(each.society, "1d"): each.silent_day for each in meters}
    yield family("metering_meters_silent", silent)
    newest = {(each.society,): each.newest.timestamp() for each in meters if each.newest}
    yield family("metering_newest_reading_timestamp_seconds", newest)


def _of_months(months: Sequence[MonthFacts], zone: ZoneInfo, now: datetime) -> Families:
    first = {each.society: month_to_close(each, zone) for each in months}
    over = {
        (society,): month.end.timestamp()
        for society, month in first.items()
        if month is not None and month.end <= now
    }
    yield family("metering_month_open_since_timestamp_seconds", over)
    waiting = {(each.society, "held"): each.held for each in months}
    waiting |= {(each.society, "doubted"): each.doubted for each in months}
    yield family("metering_month_numbers_waiting", waiting)


def month_to_close(facts: MonthFacts, zone: ZoneInfo) -> Month | None:
    """Return the month that a society closes next; None: it has no gateway, or no meter since.

    The first is the one after the month in which its first gateway was enrolled: that one was not
    read from its beginning.
    """
    if facts.last_closed is not None:
        before = parse_month(facts.last_closed, zone).first
    elif facts.enrolled_at is not None:
        before = facts.enrolled_at.astimezone(zone).date().replace(day=1)
    else:
        return None
    following = next_month(before)
    month = month_of(following.year, following.month, zone)
    has_left = facts.served_until is not None and facts.served_until <= month.start
    return None if has_left else month


def _of_queues(queues: QueueFacts) -> Families:
    yield family("metering_quarantine_dropped_total", {(): queues.dropped})
    counts = {("unsent",): queues.unsent, ("unacknowledged",): queues.unacknowledged}
    yield family("metering_outbox_messages", counts)
    since = {("unsent",): queues.unsent_since, ("unacknowledged",): queues.unacknowledged_since}
    oldest = {key: at.timestamp() for key, at in since.items() if at}
    yield family("metering_outbox_oldest_timestamp_seconds", oldest)
    yield family("metering_webhook_messages", {(): queues.webhook_messages})
    yield family("metering_rollup_waiting", {(): queues.days})
    for name, at in (
        ("metering_webhook_oldest_timestamp_seconds", queues.webhook_since),
        ("metering_rollup_oldest_timestamp_seconds", queues.days_since),
        ("metering_wal_archived_timestamp_seconds", queues.archived_at),
    ):
        yield family(name, {(): at.timestamp()} if at else {})
    fails = queues.archive_failing
    yield family("metering_wal_archive_failing", {} if fails is None else {(): fails})
