# SPDX-License-Identifier: MIT
"""A gateway's key is followed by its next one: what each signed counts, in any order."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from cloud_ingest.core.accept import accept
from cloud_ingest.ingest.intake import Intake
from cloud_ingest.ingest.receipts import signed_receipts
from cloud_ingest.ingest.small_messages import Received
from cloud_ingest.store.assignment_versions import Word
from cloud_ingest.store.commit import commit
from cloud_ingest.store.gateway_keys import gateway_keys, revoke_keys
from cloud_ingest.store.registry import enrol_gateway, load_registry
from edge_agent.decode.rows import MeterRows
from edge_agent.spool.sealer import Sealer
from edge_agent.spool.spool import Spool
from edge_agent.spool.succession import Succession, former_keys, took_over
from shared_schema.catalogue import ACTIVE_IMPORT
from shared_schema.gateway import Receipt
from shared_schema.message import MeterId
from shared_schema.readings import Column, Header
from shared_schema.signing import generate_key, key_id, open_message, public_key_to_pem
from shared_schema.topics import GatewayTopic, gateway_topic
from tests.support.gateway import MAKER
from tests.support.store import SOCIETY, Site, local, unit_line

START = local("2026-07-02 00:00")
MINUTE = timedelta(minutes=1)
CLOUD = generate_key()
COLUMN = Column(obis=ACTIVE_IMPORT, scaler=0, unit=30)


class Gateway:
    """A gateway with a real spool, and the ingest behind a broker that a test plays."""

    def __init__(self, site: Site, spool: Spool, path: Path) -> None:
        self.site, self.spool, self.path = site, spool, path
        self.key, self.next = generate_key(), generate_key()
        self.sealer = Sealer(spool, gateway="gw-k", key=self.key, gather_s=0)
        self.succession = self.begin()
        self.intake = Intake(registry_age_s=3600, reload_every_s=3600)
        self.polls = 0
        enrol_gateway(site.conn, SOCIETY, "gw-k", None, public_key_to_pem(self.key.public_key()))

    def begin(self) -> Succession:
        keys, take = (self.key, self.next), self.sealer.sign_with
        return Succession(self.spool, gateway="gw-k", keys=keys, take=take)

    def poll(self) -> None:
        self.polls += 1
        at = START + self.polls * MINUTE
        rows = MeterRows(None, 0, (COLUMN,), ((int(at.timestamp()), None, 1000 + self.polls),))
        meter = MeterId(manufacturer=MAKER, serial="1")
        self.spool.append(meter, [rows], watermarks={}, at=at, historical=False)
        self.sealer.seal()

    def waiting(self) -> list[bytes]:
        return [each.payload for each in self.spool.due(99)]

    def deliver(self, payloads: Sequence[bytes]) -> dict[str, int]:
        topic = gateway_topic("gw-k", GatewayTopic.READINGS)
        received = [Received(topic, each, retained=False) for each in payloads]
        done = self.intake.store(self.site.conn, received, START + timedelta(hours=1))
        for _topic, receipt in signed_receipts(self.site.conn, done.streams, CLOUD):
            line = open_message(receipt, CLOUD.public_key())
            self.spool.apply_receipt(Receipt.from_line(line))
        return dict(+done.rejected)


@pytest.fixture
def gateway(site: Site, tmp_path: Path) -> Iterator[Gateway]:
    site.units(unit_line("A-1204", "1"))
    path = tmp_path / "spool.db"
    with Spool.open(path) as spool:
        yield Gateway(site, spool, path)


def key_of(payload: bytes) -> str:
    return Header.from_line(payload.partition(b"\n")[0]).key


def test_the_next_key_signs_once_the_cloud_knows_it(gateway: Gateway) -> None:
    gateway.poll()
    gateway.succession.look(START)
    gateway.poll()
    gateway.succession.look(START)
    late = gateway.waiting()
    old, new = key_id(gateway.key.public_key()), key_id(gateway.next.public_key())
    assert {key_of(each) for each in late} == {old}, "nobody knows the next one yet"
    assert took_over(gateway.path) == frozenset()

    assert gateway.deliver(late[1:]) == {}, "the newest first, one is still under way"
    gateway.succession.look(START)
    assert took_over(gateway.path) == {new}
    assert former_keys(gateway.path) == {old}
    for _ in range(3):
        gateway.poll()
    first, *rest = sorted(gateway.waiting(), key=lambda each: key_of(each) == new)
    assert [key_of(each) for each in (first, *rest)] == [old, new, new, new]
    assert gateway.deliver([rest[0]]) == {}
    assert gateway.deliver([rest[2], rest[1]]) == {}
    assert gateway.deliver([first]) == {}, "the backlog of the former key counts for ever"
    assert gateway.waiting() == []
    keys = {each.key_id: each.successor for each in gateway_keys(gateway.site.conn, "gw-k")}
    assert keys == {old: new, new: None}


def test_the_former_key_signs_nothing_more(gateway: Gateway) -> None:
    gateway.succession.look(START)
    gateway.deliver(gateway.waiting())
    gateway.succession.look(START)
    gateway.poll()
    gateway.deliver(gateway.waiting())
    gateway.intake = Intake()
    gateway.sealer.sign_with(gateway.key)  # whoever kept a copy of it
    gateway.poll()
    assert gateway.deliver(gateway.waiting()) == {"key_ended": 1}


def test_a_restart_before_the_receipt_names_it_again(gateway: Gateway) -> None:
    gateway.succession.look(START)
    gateway.succession = gateway.begin()
    gateway.succession.look(START)
    assert gateway.deliver(gateway.waiting()) == {}
    gateway.succession.look(START)
    gateway.poll()
    assert gateway.deliver(gateway.waiting()) == {}
    assert len(gateway_keys(gateway.site.conn, "gw-k")) == 2


def test_a_next_key_that_another_replaced_signs_no_more(gateway: Gateway) -> None:
    """As after a second `keygen` before the first next key took over, and a third."""
    first, keys = gateway.next, [gateway.key, gateway.next]
    for successor in (first, generate_key(), generate_key()):
        gateway.next = successor
        gateway.succession = gateway.begin()
        gateway.succession.look(START)
        assert gateway.deliver(gateway.waiting()) == {}
        keys.append(successor)
    gateway.succession.look(START)
    gateway.poll()
    assert gateway.deliver(gateway.waiting()) == {}
    last = key_id(gateway.next.public_key())
    known = gateway_keys(gateway.site.conn, "gw-k")
    assert {each.key_id: each.signs for each in known} == {
        name: name == last for name in (key_id(each.public_key()) for each in keys)
    }
    gateway.intake = Intake()
    gateway.sealer.sign_with(first)
    gateway.poll()
    assert gateway.deliver(gateway.waiting()) == {"key_ended": 1}


def test_a_key_that_was_taken_back_names_no_other(gateway: Gateway) -> None:
    """The worker verified the batch just before, and stores it after the revocation."""
    gateway.succession.look(START)
    (payload,) = gateway.waiting()
    conn = gateway.site.conn
    topic = gateway_topic("gw-k", GatewayTopic.READINGS)
    verified = accept(topic, payload, load_registry(conn), START)
    assert revoke_keys(conn, "gw-k", Word("A. Nair", "stolen", START + MINUTE)) == 1
    commit(conn, [verified])
    assert [each.signs for each in gateway_keys(conn, "gw-k")] == [False]
