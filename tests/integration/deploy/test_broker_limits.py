# SPDX-License-Identifier: MIT
"""Beyond each limit of the broker: what it refuses, who goes on, and that no reading is lost.

The broker is a real one with `deploy/mosquitto/mosquitto.conf`. Where a limit is out of a test's
reach it is a smaller one here; `test_the_page_tells_each_limit` holds the numbers.
"""

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from cloud_ingest.ingest import broker as worker
from deploy.demo.mosquitto import (
    SHIPPED,
    MosquittoServer,
    cloud_user,
    gateway_user,
    local_mosquitto,
)
from edge_agent.publish import mqtt as agent
from edge_agent.settings.gateway import BrokerConfig
from shared_schema.access import Login, monitor_rights
from shared_schema.readings import MAX_BATCH_BYTES
from tests.support.mqtt_peer import NotLetIn, Peer, linked
from tests.support.small_cloud import CLOUD, Cloud, until
from tests.support.small_gateway import Gateway

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "broker.md"
QUEUE, FILES = 5, 24
GATEWAY, AWAY = gateway_user("gw-a", "word"), cloud_user("word", "ingest-1")
MONITOR = Login("monitor", monitor_rights(), "word")
READINGS = "metering/v1/gw/gw-a/readings"
DROPPED = "$SYS/broker/publish/messages/dropped"
LIMITS = (
    "max_packet_size",
    "max_inflight_messages",
    "max_queued_messages",
    "max_queued_bytes",
    "max_keepalive",
    "persistent_client_expiration",
)


def shipped(setting: str) -> str:
    found = re.findall(rf"^{setting} (\S+)$", SHIPPED.read_text(), re.MULTILINE)
    assert len(found) == 1, setting
    return str(found[0])


@pytest.fixture(scope="module")
def server() -> Iterator[MosquittoServer]:
    with local_mosquitto(
        users=[CLOUD, GATEWAY, AWAY, MONITOR],
        config_extra=f"max_queued_messages {QUEUE}\nsys_interval 1",
    ) as server:
        yield server


@pytest.fixture
def site(server: MosquittoServer) -> Iterator["Site"]:
    with ExitStack() as stack:
        yield Site(server, stack)


class Site:
    """The broker, and who is linked to it."""

    def __init__(self, server: MosquittoServer, stack: ExitStack) -> None:
        self.server = server
        self._stack = stack

    def peer(self, login: Login, *, keeps_session: bool = False) -> Peer:
        return self._stack.enter_context(
            linked(
                self.server.host,
                self.server.port,
                client_id=login.name,
                username=login.name,
                keeps_session=keeps_session,
            )
        )

    def leaves(self, login: Login) -> None:
        """Subscribe to the readings, and go away."""
        with linked(
            self.server.host,
            self.server.port,
            client_id=login.name,
            username=login.name,
            keeps_session=True,
        ) as peer:
            assert peer.subscribe(READINGS) == 1

    def logs(self, text: str) -> None:
        until(lambda: text in self.server.process.log.read_text(errors="replace"), text)


def test_the_page_tells_each_limit() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    for setting in LIMITS:
        (row,) = (line for line in rows if f"`{setting}`" in line.split("|")[1])
        assert f"`{shipped(setting)}`" in row
    assert f"at most {MAX_BATCH_BYTES} |" in "".join(rows)


def test_what_we_ask_for_is_within_the_limits() -> None:
    assert int(shipped("max_packet_size")) > 2 * MAX_BATCH_BYTES
    assert shipped("persistent_client_expiration") == "14d"
    assert agent.SESSION_EXPIRY_S == worker.SESSION_EXPIRY_S == 7 * 86400
    assert worker.MEMBER_EXPIRY_S == 60
    assert BrokerConfig(host="mqtt.example").keepalive_s == 30
    assert worker.Broker("mqtt.example").keepalive_s == 30
    assert BrokerConfig(host="mqtt.example", keepalive_s=int(shipped("max_keepalive")))


def test_a_packet_too_large_ends_its_senders_link(site: Site) -> None:
    ingest, gateway = site.peer(AWAY), site.peer(GATEWAY)
    assert ingest.subscribe(READINGS) == 1
    largest = int(shipped("max_packet_size"))
    assert gateway.publish(READINGS, b"x" * (largest - 100)) == 0
    assert len(ingest.received()[1]) == largest - 100
    gateway.send(READINGS, b"x" * largest)
    assert gateway.ended.wait(10)
    site.logs("Client gw-a disconnected due to oversize packet")
    assert site.peer(GATEWAY).publish(READINGS, b"smaller") == 0
    assert ingest.received() == (READINGS, b"smaller")


@pytest.mark.parametrize("asked", [0, 7200])
def test_nobody_is_silent_for_longer_than_an_hour(site: Site, asked: int) -> None:
    def text(word: str) -> bytes:
        return len(word).to_bytes(2, "big") + word.encode()

    words = text(AWAY.name) + text(AWAY.name) + text(AWAY.password)
    packet = text("MQTT") + b"\x05\xc2" + asked.to_bytes(2, "big") + b"\0" + words
    with socket.create_connection((site.server.host, site.server.port)) as link:
        link.sendall(b"\x10" + len(packet).to_bytes(1, "big") + packet)
        link.settimeout(10)
        answer = link.recv(200)
    server_keepalive = b"\x13" + int(shipped("max_keepalive")).to_bytes(2, "big")
    assert answer[0] == 0x20
    assert server_keepalive in answer


def test_a_queue_that_overflows_tells_the_monitor_alone(site: Site) -> None:
    monitor, gateway = site.peer(MONITOR), site.peer(GATEWAY)
    assert monitor.subscribe(DROPPED) == 1
    before = int(monitor.received()[1])
    site.leaves(AWAY)
    said = [gateway.publish(READINGS, b"%d" % number) for number in range(12)]
    assert set(said) == {0}, "the sender hears nothing of it"
    while (dropped := int(monitor.received()[1])) < before + 12 - QUEUE:
        pass
    assert dropped == before + 12 - QUEUE
    site.logs("Outgoing messages are being dropped for client ingest-1")
    ingest = site.peer(AWAY, keeps_session=True)
    assert [ingest.received()[1] for _ in range(QUEUE)] == [b"%d" % each for each in range(QUEUE)]


def test_a_queue_that_overflows_loses_no_reading(site: Site, tmp_path: Path) -> None:
    site.leaves(AWAY)
    gateway = Gateway(site.server, GATEWAY, tmp_path)
    with closing(gateway.spool):
        gateway.read(20)
        with gateway.running():
            until(lambda: gateway.publisher.sent >= 20, "all are handed over, most are dropped")
            assert gateway.waiting == 20
            cloud = Cloud(site.server, GATEWAY.name)
            with cloud.online():
                until(lambda: gateway.waiting == 0, "all receipted")
    assert sorted(cloud.stored[gateway.spool.stream]) == list(range(1, 21))


@pytest.fixture
def narrow(site: Site) -> Iterator[Site]:
    """The broker has few file handles."""
    process = site.server.process
    command = process.command
    for given in (["prlimit", f"--nofile={FILES}", *command], command):
        site.server.stop()
        process.command = given
        site.server.start()
        if given is not command:
            yield site


def test_a_link_too_many_is_refused_before_its_certificate(narrow: Site) -> None:
    ingest, gateway = narrow.peer(AWAY), narrow.peer(GATEWAY)
    assert ingest.subscribe(READINGS) == 1
    address = (narrow.server.host, narrow.server.port)
    with ExitStack() as strangers:
        for _ in range(FILES):
            strangers.enter_context(socket.create_connection(address))
        narrow.logs("Client connection from 127.0.0.1 denied access by tcpd")
        with pytest.raises(NotLetIn):
            narrow.peer(MONITOR)
        assert gateway.publish(READINGS, b"goes on") == 0
        assert ingest.received() == (READINGS, b"goes on")
        narrow.server.save()
    narrow.peer(MONITOR)


def test_a_killed_broker_goes_on_from_its_snapshot(site: Site) -> None:
    site.leaves(AWAY)
    with linked(site.server.host, site.server.port, client_id="gw-a", username="gw-a") as gateway:
        assert gateway.publish(READINGS, b"before") == 0
        site.server.save()
        assert gateway.publish(READINGS, b"after") == 0
    site.server.kill()
    site.server.start()
    ingest = site.peer(AWAY, keeps_session=True)
    assert ingest.received() == (READINGS, b"before")
    assert site.peer(GATEWAY).publish(READINGS, b"new") == 0
    assert ingest.received() == (READINGS, b"new"), "what came after the snapshot is lost"
