# SPDX-License-Identifier: MIT
"""Billing, helpdesk and accounting away for an hour: what they know once they are back.

The hour passes in the store: what was sent is moved back by it, so that what is awaited is due.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import LiteralString
from uuid import uuid4

import pytest

from cloud_ingest.month.close import close_month
from cloud_ingest.store import outbox
from shared_schema.billing import MonthlyConsumption
from shared_schema.billing_asks import BillingAck, BillingRequest
from shared_schema.catalogue import Service
from shared_schema.events import Event, Subject, SubjectType
from shared_schema.topics import (
    SocietyTopic,
    billing_ack_topic,
    billing_topic,
    reconciliation_topic,
    society_topics,
)
from tests.support.gateway import WATER, TestGateway, block_line
from tests.support.service_site import (
    GATEWAYS,
    NOW,
    OTHER,
    SOCIETY,
    Site,
    mosquitto,
    site,
    wait_until,
)
from tests.support.store import ZONE
from tests.support.workers import Workers

__all__ = ["mosquitto", "site"]

HOUR = timedelta(hours=1)
KILLED_S = 10
"""Within so long another leads after a leader was killed."""
AWAITED: LiteralString = "ack_key IS NOT NULL AND acked_at IS NULL"
OTHERS = "K-"
"""Units of another test at the same broker."""
EVENTS = "metering/v1/society/Lake%20View/events/leak/unit"
LOSS = reconciliation_topic(SOCIETY, "2026-10", "T1", Service.WATER)


def ack(unit: str, version: int) -> BillingAck:
    return BillingAck(
        society=SOCIETY,
        month="2026-10",
        subject=Subject(type=SubjectType.UNIT, id=unit),
        service=Service.WATER,
        version=version,
    )


def send_number(site: Site, unit: str, version: int) -> None:
    named = ack(unit, version)
    topic = billing_topic(SOCIETY, named.month, named.subject, named.service)
    key = outbox.billing_ack_key(named)
    outbox.enqueue(site.conn, topic, f"{unit} v{version}".encode(), ack_key=key)


def say(site: Site, topic: str, *words: str) -> None:
    for word in words:
        outbox.enqueue(site.conn, topic, word.encode(), retain=True)


def all_taken(site: Site) -> None:
    """Wait until the broker has all that is due."""
    wait_until(lambda: site.count("outbox", "published_at IS NULL") == 0)


def an_hour_passes(site: Site) -> None:
    site.conn.execute("UPDATE outbox SET published_at = published_at - interval '1 hour'")
    wait_until(
        lambda: site.count("outbox", f"{AWAITED} AND published_at < now() - interval '1 min'") == 0
    )


class Consumers:
    """The three of them, each with a session of its own."""

    def __init__(self, site: Site, *, persistent: bool) -> None:
        self.site, self.persistent = site, persistent
        self.sessions = {kind: f"{kind}-{uuid4().hex}" for kind in SocietyTopic}

    @contextmanager
    def linked(self) -> Iterator[dict[SocietyTopic, TestGateway]]:
        """Be there for the block; a new session has forgotten what came before."""
        with ExitStack() as stack:
            clients = {
                kind: TestGateway(
                    self.site.mosquitto.host,
                    self.site.mosquitto.port,
                    OTHER,
                    [society_topics(SOCIETY, kind)],
                    self.sessions[kind] if self.persistent else None,
                )
                for kind in (SocietyTopic.BILLING, SocietyTopic.EVENTS, SocietyTopic.RECONCILIATION)
            }
            for client in clients.values():
                stack.callback(client.close)
            yield clients


def newest(client: TestGateway) -> dict[str, str]:
    """Return what a consumer knows of these units: the last word of each topic."""
    return {topic: payload.decode() for topic, payload, _ in client.messages if OTHERS not in topic}


@pytest.mark.parametrize("persistent", [True, False])
def test_consumers_know_all_after_an_hour_away(site: Site, persistent: bool) -> None:
    consumers = Consumers(site, persistent=persistent)
    with site.ingest():
        with consumers.linked() as now:
            for unit in ("A-1", "A-2"):
                send_number(site, unit, 1)
            say(site, f"{EVENTS}/A-1/water", "open")
            say(site, LOSS, "loss v1")
            now[SocietyTopic.BILLING].wait(2)
            now[SocietyTopic.BILLING].publish(billing_ack_topic(SOCIETY), ack("A-1", 1).to_line())
            wait_until(lambda: site.count("outbox", "acked_at IS NOT NULL") == 1)
            now[SocietyTopic.EVENTS].wait(1)
            now[SocietyTopic.RECONCILIATION].wait(1)
            all_taken(site)
        send_number(site, "A-1", 2)
        say(site, f"{EVENTS}/A-1/water", "cleared", "")
        say(site, f"{EVENTS}/A-2/water", "open", "worse")
        say(site, LOSS, "loss v2")
        all_taken(site)
        an_hour_passes(site)
        with consumers.linked() as now:
            billing = now[SocietyTopic.BILLING]
            if not persistent:  # to nobody it went half a minute ago
                site.conn.execute(
                    "UPDATE outbox SET published_at = published_at - interval '40 seconds'"
                )
            billing.publish(billing_ack_topic(SOCIETY), BillingRequest(society=SOCIETY).to_line())
            topics = [
                billing_topic(SOCIETY, "2026-10", ack(unit, 1).subject, Service.WATER)
                for unit in ("A-1", "A-2")
            ]
            wanted = {topics[0]: "A-1 v2", topics[1]: "A-2 v1"}
            wait_until(lambda: newest(billing).items() >= wanted.items())
            came = {payload for topic, payload, _ in billing.messages if topic in wanted}
            assert came == {b"A-1 v2", b"A-2 v1"}
            for unit, version in (("A-1", 2), ("A-2", 1)):
                billing.publish(billing_ack_topic(SOCIETY), ack(unit, version).to_line())
            wait_until(
                lambda: site.count("outbox", "ack_key IS NOT NULL AND acked_at IS NULL") == 0
            )
            events = now[SocietyTopic.EVENTS]
            open_now = {f"{EVENTS}/A-2/water": "worse"}
            if persistent:
                open_now[f"{EVENTS}/A-1/water"] = ""
            wait_until(lambda: newest(events) == open_now)
            wait_until(lambda: newest(now[SocietyTopic.RECONCILIATION]).get(LOSS) == "loss v2")
        assert site.count("quarantine") == 0


def live(client: TestGateway) -> list[tuple[str, bytes]]:
    """Return what came since it subscribed: the broker is that of the other tests, too."""
    return [(topic, payload) for topic, payload, retained in client.messages if not retained]


UNITS = [f"{OTHERS}{n}" for n in range(1, 9)]


def test_a_killed_leader_sends_nothing_with_two_contents(site: Site) -> None:
    """It is killed while a month and its flags go out; the next one finishes both."""
    sealer, gateway = site.gateway(GATEWAYS[7])
    reader = site.client(OTHER, "metering/v1/society/#")
    today = (NOW - 2 * HOUR).astimezone(ZONE).replace(hour=0, minute=0, second=0)
    first = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    times = [first + timedelta(hours=n) for n in range(int((NOW - first) / HOUR) + 1)]
    blocks = []
    for litres, unit in enumerate(UNITS, 5):
        site.meter(unit, service="water", unit=unit, since=first)
        rows = [(at, 1000 + litres * n) for n, at in enumerate(times)]
        blocks.append(block_line(unit, rows, WATER, 3600))
    workers = Workers(site)
    with workers.worker("one") as one:
        wait_until(lambda: workers.leads("one"))
        with workers.worker("two"):
            gateway.publish(sealer.topic, *(sealer.seal(block) for block in blocks))
            gateway.wait_receipt(sealer, site.key, len(blocks))
            wait_until(lambda: site.count("dirty") == 0 and site.count("unjudged") == 0)
            closed = close_month(site.conn, SOCIETY, f"{first:%Y-%m}", NOW)
            assert len(closed.numbers) == len(UNITS)
            wait_until(lambda: live(reader))
            one.kill()
            one.wait()
            wait_until(lambda: workers.leads("two"), KILLED_S)
            wait_until(lambda: site.count("event", "kind = 'leak'") == len(UNITS))
            all_taken(site)
            wait_until(lambda: len(live(reader)) >= 2 * len(UNITS))
    numbers: dict[tuple[str, int], set[bytes]] = defaultdict(set)
    flags: dict[tuple[str, int], set[bytes]] = defaultdict(set)
    for topic, payload in live(reader):
        if "/events/" in topic and payload:
            event = Event.from_line(payload)
            flags[str(event.id), event.version].add(payload)
        elif topic.endswith("/water") and "/billing/" in topic:
            number = MonthlyConsumption.from_line(payload)
            numbers[number.subject.id, number.version].add(payload)
    assert all(len(contents) == 1 for contents in (*numbers.values(), *flags.values()))
    assert {unit for unit, _ in numbers} == set(UNITS)
    assert len({flag for flag, _ in flags}) == len(UNITS)
