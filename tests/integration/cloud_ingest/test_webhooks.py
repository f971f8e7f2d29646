# SPDX-License-Identifier: MIT
"""Messages to webhooks on a real database and a real receiver: none is lost, each in its order."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler

import pytest

from cloud_ingest.deliver.deliveries import deliver_next, keep
from cloud_ingest.deliver.webhook import Receiver
from cloud_ingest.operate.webhook_checks import check_webhooks
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.rows import scalar
from cloud_ingest.store.webhooks import KEPT_FOR, webhook_states
from shared_schema.events import EventKind, Severity
from tests.support import receiver as support
from tests.support.flags import DAY, HOUR, FlaggedSociety
from tests.support.receiver import SECRET, Request, receiving, status

DELIVERER = """
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from cloud_ingest.deliver.deliveries import deliver_next
from cloud_ingest.deliver.webhook import Receiver
from cloud_ingest.store.connection import connect
dsn, url, secret, later = sys.argv[1:]
receiver = Receiver(url, secret.encode())
clock = lambda: datetime.fromisoformat(later)
with connect(dsn) as conn:
    while (tried := deliver_next(conn, receiver, clock)).taken or tried.failure:
        pass
"""


@pytest.fixture
def there() -> Iterator[support.Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def society(conn: Connection) -> FlaggedSociety:
    return FlaggedSociety(conn, "S")


class Hook:
    """The webhook of a society, at the society's own time."""

    def __init__(self, society: FlaggedSociety, there: support.Receiver, **wants: object) -> None:
        self.society = society
        self.receiver = Receiver(there.url, SECRET, **wants)  # type: ignore[arg-type]
        self.keep()

    def keep(self) -> int:
        return keep(self.society.conn, (self.receiver,), self.society.now)

    def deliver(self) -> list[str | None]:
        """Deliver until nothing is due; return why messages were not taken."""
        failures: list[str | None] = []
        while True:
            tried = deliver_next(self.society.conn, self.receiver, lambda: self.society.now)
            if tried.failure is None and not tried.taken:
                return failures
            if tried.failure is not None:
                failures.append(tried.failure)

    @property
    def waiting(self) -> int:
        return int(scalar(self.society.conn, "SELECT count(*) FROM webhook_delivery"))


def lives(society: FlaggedSociety) -> None:
    """Both units leak, one worsens, both end."""
    society.judge(society.finding("A-1"), society.finding("A-2"))
    society.now += HOUR
    society.judge(society.finding("A-1", severity=Severity.ALARM), society.finding("A-2"))
    society.now += HOUR
    society.judge()


def test_a_webhook_gets_what_the_topic_gets(
    society: FlaggedSociety, there: support.Receiver
) -> None:
    hook = Hook(society, there)
    lives(society)
    assert hook.deliver() == []
    assert [request.event for request in there.requests] == society.listener.heard
    assert there.versions == {"A-1": [1, 2, 3], "A-2": [1, 2]}
    assert hook.waiting == 0


def test_a_refused_message_holds_up_its_own_flag_alone(
    society: FlaggedSociety, there: support.Receiver
) -> None:
    hook = Hook(society, there)
    lives(society)

    def refuse(handler: BaseHTTPRequestHandler, request: Request) -> None:
        status(500 if request.event.subject.id == "A-1" else 204)(handler, request)

    there.answer = refuse
    assert set(hook.deliver()) == {"answers 500"}
    assert there.versions["A-2"] == [1, 2]
    assert set(there.versions["A-1"]) == {1}
    there.answer = status(204)
    society.now += HOUR
    hook.deliver()
    assert there.versions["A-1"][-3:] == [1, 2, 3]
    assert hook.waiting == 0


def test_a_refused_message_is_tried_ever_more_rarely(
    society: FlaggedSociety, there: support.Receiver
) -> None:
    hook = Hook(society, there)
    society.judge(society.finding("A-1"))
    there.answer = status(503)
    for _ in range(2 * 3600):
        hook.deliver()
        society.now += timedelta(seconds=1)
    assert len(there.requests) == 17


def test_a_receiver_that_is_away_loses_nothing(
    society: FlaggedSociety, there: support.Receiver
) -> None:
    hook = Hook(society, there)
    there.answer = support.reset
    lives(society)
    tried = deliver_next(society.conn, hook.receiver, lambda: society.now)
    assert tried.failure
    there.answer = status(200)
    there.requests.clear()
    assert hook.deliver() == []
    assert there.versions == {"A-1": [1, 2, 3], "A-2": [1, 2]}


def test_a_webhook_gets_what_it_wants(society: FlaggedSociety, there: support.Receiver) -> None:
    other = FlaggedSociety(society.conn, "T")
    hook = Hook(society, there, kinds=(EventKind.LEAK,), societies=("S",))
    society.judge(society.finding("A-1"), society.finding("A-1", kind=EventKind.BURST))
    other.judge(other.finding("A-1"))
    hook.deliver()
    (request,) = there.requests
    assert (request.event.kind, request.event.society) == (EventKind.LEAK, "S")


def test_a_new_webhook_begins_with_what_is_open(
    society: FlaggedSociety, there: support.Receiver
) -> None:
    society.judge(society.finding("A-1"), society.finding("A-2"))
    society.judge(society.finding("A-1"))
    hook = Hook(society, there)
    hook.keep()
    hook.deliver()
    (request,) = there.requests
    assert request.event == next(iter(society.listener.retained.values()))


def test_a_webhook_that_is_gone_waits_for_nothing(
    society: FlaggedSociety, there: support.Receiver
) -> None:
    hook = Hook(society, there)
    society.judge(society.finding("A-1"))
    keep(society.conn, (), society.now)
    society.judge(society.finding("A-2"))
    assert hook.waiting == 0
    assert webhook_states(society.conn) == []


def test_a_dead_receiver_is_given_up_and_told(
    society: FlaggedSociety, there: support.Receiver
) -> None:
    hook = Hook(society, there, societies=("S", "Z"))
    there.answer = status(500)
    society.judge(society.finding("A-1"))
    hook.deliver()

    def levels() -> list[str]:
        known = [replace(each, unknown=[]) for each in webhook_states(society.conn)]
        return [each.level for each in check_webhooks(known, society.now)]

    assert levels() == ["ok"]
    society.now += HOUR
    assert levels() == ["warn"]
    society.now += DAY
    assert levels() == ["fail"]
    society.now += KEPT_FOR
    assert hook.keep() == 1
    assert hook.waiting == 0
    (state,) = webhook_states(society.conn)
    assert (state.dropped, state.failure, state.unknown) == (1, "answers 500", ["Z"])
    (check,) = check_webhooks([state], society.now)
    assert "'Z'" in check.said
    assert levels() == ["fail"]
    society.now += 31 * DAY
    assert levels() == ["ok"]


def test_a_killed_deliverer_loses_nothing_and_keeps_the_order(
    society: FlaggedSociety, there: support.Receiver, store_dsn: str
) -> None:
    hook = Hook(society, there)
    for _ in range(5):
        lives(society)
    chance = random.Random(7)

    def slowly(handler: BaseHTTPRequestHandler, request: Request) -> None:
        time.sleep(chance.uniform(0, 0.02))
        status(chance.choice([204, 204, 500]))(handler, request)

    there.answer = slowly
    kills = 0
    while hook.waiting:
        society.now += HOUR
        later = society.now.isoformat()
        words = [sys.executable, "-c", DELIVERER, store_dsn, there.url, SECRET.decode(), later]
        seen = len(there.requests)
        with subprocess.Popen(words) as deliverer:
            while deliverer.poll() is None and len(there.requests) < seen + 3:
                time.sleep(0.002)
            if deliverer.poll() is None:
                deliverer.kill()
                kills += 1
    assert kills > 0
    for unit, count in (("A-1", 15), ("A-2", 10)):
        first = list(dict.fromkeys(there.versions[unit]))
        assert first == list(range(1, count + 1))
        assert sorted(there.versions[unit]) == there.versions[unit]


def test_the_time_of_sending_is_now(society: FlaggedSociety, there: support.Receiver) -> None:
    hook = Hook(society, there)
    society.judge(society.finding("A-1"))
    deliver_next(society.conn, hook.receiver, lambda: datetime.now(UTC))
    assert there.requests[0].is_signed
