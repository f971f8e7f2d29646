# SPDX-License-Identifier: MIT
"""Who leads when a leader is killed, frozen or cut off, and what the one before may still do."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta

import pytest

from cloud_ingest.errors import LeadLost, StoreReadOnly, StoreUnavailable
from cloud_ingest.service.loops import database
from cloud_ingest.store import connection, outbox
from cloud_ingest.store.connection import (
    Connection,
    bound_idle_transaction,
    bound_lock_wait,
    connect,
    ping,
    translated,
)
from cloud_ingest.store.lead import act_for_leader, end_unheard_leader, take_lead
from cloud_ingest.store.rows import scalar
from tests.support.gateway import block_line
from tests.support.service_site import (
    GATEWAYS,
    OTHER,
    Site,
    mosquitto,
    quarters,
    rolled_up,
    site,
    wait_until,
)
from tests.support.workers import Workers

__all__ = ["mosquitto", "site"]

FROZEN_S = 20
"""Within so long another leads after a leader was frozen."""


@contextmanager
def frozen(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Stop a process for the block, as a host does that swaps or a person who debugs."""
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


def test_one_worker_leads_until_its_session_ends(plain_store_dsn: str) -> None:
    with connect(plain_store_dsn) as one, connect(plain_store_dsn) as two:
        assert (take_lead(one, 1), take_lead(two, 2)) == (True, False)
        one.close()
        wait_until(lambda: take_lead(two, 2))


def test_a_leader_that_is_heard_of_stays(plain_store_dsn: str) -> None:
    with connect(plain_store_dsn) as one, connect(plain_store_dsn) as two:
        assert take_lead(one, 1)
        assert not end_unheard_leader(two)
        ping(one)


def test_a_leader_that_is_not_heard_of_is_ended(plain_store_dsn: str) -> None:
    with connect(plain_store_dsn) as one, connect(plain_store_dsn) as two:
        assert take_lead(one, 1)
        assert end_unheard_leader(two, unheard=timedelta())
        assert take_lead(two, 2)
        with pytest.raises(StoreUnavailable):
            ping(one)


def test_what_a_leader_before_had_begun_is_rolled_back(plain_store_dsn: str) -> None:
    with connect(plain_store_dsn) as one, connect(plain_store_dsn) as two:
        assert take_lead(one, 1)
        with connect(plain_store_dsn) as acting, suppress(StoreUnavailable):
            act_for_leader(acting, 1)
            with translated(), acting.transaction():
                outbox.enqueue(acting, "t", b"late")
                one.close()
                wait_until(lambda: take_lead(two, 2))
        assert acting.closed
        assert not waiting(two)


def test_a_worker_that_does_not_lead_may_not_act(plain_store_dsn: str) -> None:
    with connect(plain_store_dsn) as one, connect(plain_store_dsn) as late:
        assert take_lead(one, 1)
        with pytest.raises(LeadLost):
            act_for_leader(late, 2)


def test_nobody_leads_a_store_that_takes_no_changes(plain_store_dsn: str) -> None:
    with connect(plain_store_dsn) as conn:
        conn.execute("SET default_transaction_read_only = on")
        with pytest.raises(StoreReadOnly):
            take_lead(conn, 1)


def waiting(conn: Connection) -> int:
    """Return how many messages the broker has not taken yet."""
    return int(scalar(conn, "SELECT count(*) FROM outbox WHERE published_at IS NULL"))


TOPICS = [f"metering/v1/society/x/events/leak/unit/A-{n}/water" for n in range(20)]


def say(site: Site, words: range) -> None:
    """Let each topic have a word after the other, as events that change."""
    with site.conn.transaction():
        for word in words:
            for topic in TOPICS:
                outbox.enqueue(site.conn, topic, b"%d" % word, retain=True)


def test_a_frozen_leader_is_followed_and_does_nothing_late(site: Site) -> None:
    """It is frozen while it sends, and wakes when others have said more."""
    site.meter("1")
    sealer, gateway = site.gateway(GATEWAYS[0])
    reader = site.client(OTHER, "metering/v1/society/#")
    workers = Workers(site)
    with workers.worker("one") as one:
        wait_until(lambda: workers.leads("one"))
        with workers.worker("two"):
            say(site, range(60))
            reader.wait(1)
            with frozen(one):
                wait_until(lambda: workers.leads("two"), FROZEN_S)
                say(site, range(60, 61))
                wait_until(lambda: not waiting(site.conn))
            wait_until(lambda: b"leads no more" in workers.logs["one"].read_bytes())
            assert workers.leaders() == 1
            gateway.publish(sealer.topic, sealer.seal(block_line("1", quarters(4))))
            gateway.wait_receipt(sealer, site.key, 1)
            wait_until(lambda: rolled_up(site.conn) == (4, 4))
            wait_until(lambda: not waiting(site.conn))
    heard = {topic: [int(m[1]) for m in reader.messages if m[0] == topic] for topic in TOPICS}
    assert all(set(words) == set(range(61)) for words in heard.values())
    assert {words[-1] for words in heard.values()} == {60}
    told = workers.logs["one"].read_text()
    assert told.count("the database cannot do it now") == 1, told
    assert told.count("Everything works again") == 1, told


def test_a_frozen_worker_does_not_block_the_others(
    plain_store_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is frozen in the middle of a commit: the server ends its transaction."""
    monkeypatch.setattr(connection, "IDLE_TRANSACTION_S", 1)
    taking = "SELECT FROM store FOR UPDATE"
    with closing(connect(plain_store_dsn)) as frozen_one, connect(plain_store_dsn) as other:
        bound_idle_transaction(frozen_one)
        bound_lock_wait(other)
        frozen_one.execute(f"BEGIN; {taking}")
        assert other.execute(taking).fetchone() is not None


@pytest.mark.asyncio
async def test_a_worker_waits_for_nothing_without_end(plain_store_dsn: str) -> None:
    async with database(plain_store_dsn, "ingest") as own:
        bounds = await own.run(
            lambda conn: [
                scalar(conn, "SELECT current_setting(%s)", (name,))
                for name in ("lock_timeout", "idle_in_transaction_session_timeout")
            ]
        )
    assert bounds == ["1min", "20s"]
