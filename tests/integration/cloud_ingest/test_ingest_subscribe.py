# SPDX-License-Identifier: MIT
"""The door to the broker, against a real mosquitto: what is not committed is not lost.

The first tests are the contract with aiomqtt 2.5.1 and the paho client below it: if a new
version breaks the private use that `cloud_ingest.ingest.subscribe` makes of it, they fail.
"""

import asyncio
import gc
import importlib.metadata
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from random import Random

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from cloud_ingest.errors import BrokerLost, BrokerRefused
from cloud_ingest.ingest import flow as flow_module
from cloud_ingest.ingest import subscribe
from cloud_ingest.ingest.broker import Broker
from cloud_ingest.ingest.reach import lost
from cloud_ingest.ingest.subscribe import Delivery, Link
from deploy.demo.mosquitto import MosquittoServer, local_mosquitto
from shared_schema.access import Login, Rights
from tests.support.cut_link import CutLink, cut_link
from tests.support.servers import MosquittoWith, MqttServer

PASSWORD = uuid.uuid4().hex
TOPIC = "metering/v1/gw/gw-a/readings"
TOPICS = ("metering/v1/gw/+/readings",)
BLIND = Login("blind", Rights(), PASSWORD)
# It takes the part of the gateways too.
BOTH_SIDES = Login("cloud", Rights(("#",), ("#",)), PASSWORD)


@pytest.fixture(scope="module")
def mosquitto(mosquitto_with: MosquittoWith) -> Iterator[MqttServer]:
    with mosquitto_with([BOTH_SIDES, BLIND]) as server:
        yield server


@pytest.fixture
def broker(mosquitto: MqttServer) -> Broker:
    return broker_of(mosquitto)


def broker_of(server: MqttServer) -> Broker:
    """A broker with a session of our own, so that no test sees what another one left."""
    return Broker(
        server.host,
        server.port,
        username="cloud",
        password=PASSWORD,
        client_id=f"ingest-{uuid.uuid4()}",
    )


async def open_session(broker: Broker) -> None:
    async with Link(broker, TOPICS):
        pass


async def send(server: MqttServer, payloads: Sequence[bytes]) -> None:
    async with Link(broker_of(server), ()) as link:
        assert all(await asyncio.gather(*(link.publish(TOPIC, each) for each in payloads)))


async def take(link: Link, count: int, *, acknowledge: bool = True) -> list[bytes]:
    """Receive ``count`` messages."""
    found: list[bytes] = []
    async with asyncio.timeout(20), aclosing(link.batches()) as batches:
        async for batch in batches:
            found.extend(delivery.payload for delivery in batch)
            if acknowledge:
                link.acknowledge(batch)
            if len(found) >= count:
                break
    await asyncio.sleep(0.1)  # the acknowledgements leave with the event loop
    return found


async def nothing_comes(link: Link) -> bool:
    try:
        async with asyncio.timeout(0.7), aclosing(link.batches()) as batches:
            async for _batch in batches:
                return False
    except TimeoutError:
        return True
    raise AssertionError


def numbered(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


def test_the_pinned_version_is_the_tested_one() -> None:
    assert importlib.metadata.version("aiomqtt") == "2.5.1"


@pytest.mark.asyncio
async def test_what_is_not_acknowledged_comes_again(mosquitto: MqttServer, broker: Broker) -> None:
    await open_session(broker)
    await send(mosquitto, numbered(50))
    async with Link(broker, TOPICS) as link:
        assert link.session_present
        assert await take(link, 50, acknowledge=False) == numbered(50)
    async with Link(broker, TOPICS) as link:
        assert await take(link, 50) == numbered(50)
    async with Link(broker, TOPICS) as link:
        assert await nothing_comes(link)


@pytest.mark.asyncio
async def test_only_what_was_acknowledged_stays_away(mosquitto: MqttServer, broker: Broker) -> None:
    await open_session(broker)
    await send(mosquitto, numbered(10))
    async with Link(broker, TOPICS) as link, aclosing(link.batches()) as batches:
        received: list[Delivery] = []
        async for batch in batches:
            received.extend(batch)
            if len(received) >= 10:
                break
        link.acknowledge(received[:4])
        await asyncio.sleep(0.1)
    async with Link(broker, TOPICS) as link:
        assert await take(link, 6) == numbered(10)[4:]


@pytest.mark.asyncio
async def test_a_fresh_session_says_so(broker: Broker) -> None:
    async with Link(broker, TOPICS) as link:
        assert not link.session_present
    async with Link(broker, TOPICS) as link:
        assert link.session_present


@pytest.mark.asyncio
async def test_more_than_the_receive_maximum_keeps_its_order(
    mosquitto: MqttServer, broker: Broker
) -> None:
    await open_session(broker)
    await send(mosquitto, numbered(1000))
    async with Link(broker, TOPICS) as link:
        assert await take(link, 1000) == numbered(1000)


@pytest.mark.asyncio
async def test_a_batch_is_never_larger_than_asked(mosquitto: MqttServer, broker: Broker) -> None:
    await open_session(broker)
    await send(mosquitto, numbered(100))
    seen: list[int] = []
    async with Link(broker, TOPICS) as link, aclosing(link.batches(max_messages=7)) as batches:
        async for batch in batches:
            link.acknowledge(batch)
            seen.append(len(batch))
            if sum(seen) == 100:
                break
    assert max(seen) == 7


async def flood(server: MqttServer, count: int, qos: int) -> None:
    """Send messages of 10 kB: more than a connection holds by itself."""
    async with Link(broker_of(server), ()) as link:
        paho = link._connected()._client
        for number in range(count):
            paho.publish(TOPIC, b"%d" % number + bytes(10_000), qos=qos)
        await link.publish("the/end", b"")


async def held_back(link: Link) -> None:
    async with asyncio.timeout(10):
        while not link._flow.held:  # noqa: ASYNC110  # nothing tells of it
            await asyncio.sleep(0.01)


def most_waits(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(flow_module, "MOST_WAITING_BYTES", size)


@pytest.mark.asyncio
@pytest.mark.parametrize("qos", [0, 1])
async def test_what_waits_is_bounded_by_us(
    mosquitto: MqttServer, broker: Broker, monkeypatch: pytest.MonkeyPatch, qos: int
) -> None:
    """Receive Maximum does not bound QoS 0, and mosquitto 2.0.11 exceeds it."""
    most_waits(monkeypatch, 300_000)
    waited: list[int] = []
    found: list[bytes] = []
    async with Link(broker, TOPICS) as link, aclosing(link.batches(max_messages=8)) as batches:
        await flood(mosquitto, 600, qos)
        async for batch in batches:
            link.acknowledge(batch)
            waited.append(len(link._connected().messages))
            found += [delivery.payload.rstrip(b"\0") for delivery in batch]
            if len(found) == 600:
                break
    assert 8 < max(waited) < 60
    assert found == numbered(600)


@pytest.mark.asyncio
async def test_a_broker_that_is_held_back_keeps_its_link(
    mosquitto: MqttServer, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it is read for more than twice its keepalive, and a publish waits so long."""
    most_waits(monkeypatch, 300_000)
    monkeypatch.setattr(subscribe, "PUBLISH_TIMEOUT_S", 1.0)
    async with Link(replace(broker, keepalive_s=1), TOPICS) as link:
        await flood(mosquitto, 600, 0)
        await held_back(link)
        publishing = asyncio.create_task(link.publish(TOPIC, b"said meanwhile"))
        await asyncio.sleep(2.5)
        assert link._flow.held
        assert not publishing.done()
        assert len(await take(link, 601)) == 601
        assert await publishing


@pytest.mark.asyncio
async def test_a_link_ends_while_the_broker_is_held_back(
    mosquitto: MqttServer, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    most_waits(monkeypatch, 300_000)
    async with Link(broker, TOPICS) as link:
        await flood(mosquitto, 300, 1)
        await held_back(link)
        client = link._connected()
    assert not len(client.messages)
    async with Link(broker, TOPICS) as link:
        assert len(await take(link, 300)) == 300, "it subscribes while so much is under way"


CONSUMER = """
import asyncio, os, signal, sys
from cloud_ingest.ingest.broker import Broker
from cloud_ingest.ingest.subscribe import Link
async def main():
    broker = Broker(sys.argv[1], int(sys.argv[2]), username="cloud", password=sys.argv[3],
                    client_id=sys.argv[4])
    kept = open(sys.argv[5], "ab", buffering=0)
    async with Link(broker, sys.argv[6:]) as link:
        async for batch in link.batches(max_messages=5):
            for delivery in batch:
                kept.write(delivery.payload + b"\\n")
                if delivery.payload == b"17":
                    os.kill(os.getpid(), signal.SIGKILL)
            link.acknowledge(batch)
asyncio.run(main())
"""


@pytest.mark.asyncio
async def test_a_consumer_killed_before_commit_loses_nothing(
    mosquitto: MqttServer, broker: Broker, tmp_path: Path
) -> None:
    """A batch that was written in part and never acknowledged comes again, whole."""
    kept = tmp_path / "kept"
    await open_session(broker)
    await send(mosquitto, numbered(40))
    died = await asyncio.to_thread(
        subprocess.run,
        [
            sys.executable,
            "-c",
            CONSUMER,
            broker.host,
            str(broker.port),
            PASSWORD,
            broker.client_id,
            str(kept),
            *TOPICS,
        ],
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        timeout=30,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL
    first = kept.read_bytes().split()
    async with Link(broker, TOPICS) as link:
        again = await take(link, 40 - len(first))
    assert b"17" in again
    assert set(first) | set(again) == set(numbered(40))
    assert again == sorted(again, key=int)


@pytest.fixture
def mortal() -> Iterator[MosquittoServer]:
    """A broker of our own, to be killed."""
    with local_mosquitto(users=[BOTH_SIDES]) as server:
        yield server


@pytest.mark.asyncio
async def test_a_dead_broker_ends_link_and_acknowledgements(
    mortal: MosquittoServer,
) -> None:
    broker = broker_of(mortal)
    await open_session(broker)
    await send(mortal, numbered(3))
    async with Link(broker, TOPICS) as link:
        batches = link.batches(linger_s=0.3)
        batch = await anext(batches)
        await asyncio.to_thread(mortal.kill)
        with pytest.raises(BrokerLost):
            async with asyncio.timeout(10):
                await anext(batches)
        with pytest.raises(BrokerLost):
            link.acknowledge(batch)
        with pytest.raises(BrokerLost):
            await link.publish(TOPIC, b"too late")
    with pytest.raises(BrokerLost, match="no link"):
        await open_session(broker)
    await asyncio.to_thread(mortal.wipe)
    await asyncio.to_thread(mortal.start)
    async with Link(broker, TOPICS) as link:
        assert not link.session_present


@pytest.mark.asyncio
async def test_a_wrong_password_is_refused_at_once(mosquitto: MqttServer) -> None:
    broker = Broker(mosquitto.host, mosquitto.port, username="cloud", password=PASSWORD[1:])
    with pytest.raises(BrokerRefused, match="refuses cloud"):
        await open_session(broker)


@pytest.mark.asyncio
async def test_nobody_listening_is_worth_another_try(mosquitto: MqttServer) -> None:
    broker = Broker(mosquitto.host, 1, username="cloud", password=PASSWORD)
    with pytest.raises(BrokerLost, match=r"127\.0\.0\.1:1"):
        await open_session(broker)


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (134, BrokerRefused, "refuses cloud"),
        (135, BrokerRefused, "refuses cloud"),
        (142, BrokerLost, "another ingest took over"),  # mosquitto 2.0.11 does not say so
        (139, BrokerLost, "no link"),
    ],
)
def test_the_reason_of_an_end_is_told(
    code: int, kind: type[Exception], words: str, broker: Broker
) -> None:
    reason = (
        ReasonCode(PacketTypes.DISCONNECT, identifier=code)
        if code > 135
        else ReasonCode(PacketTypes.CONNACK, identifier=code)
    )
    ended = aiomqtt.MqttError("Disconnected during message iteration")
    ended.__cause__ = aiomqtt.MqttCodeError(reason)
    told = lost(broker, ended)
    assert isinstance(told, kind)
    assert words in str(told)


def test_the_password_is_in_no_repr() -> None:
    assert PASSWORD not in repr(Broker("host", password=PASSWORD))


@pytest.mark.asyncio
async def test_publish_says_whether_anybody_listens(broker: Broker) -> None:
    async with Link(broker, ("some/where",)) as link:
        assert await link.publish("some/where", b"heard")
        assert not await link.publish(f"no/where/{uuid.uuid4()}", b"unheard")


@pytest.mark.asyncio
async def test_a_publish_that_the_access_list_forbids_is_refused(mosquitto: MqttServer) -> None:
    blind = Broker(mosquitto.host, mosquitto.port, username="blind", password=PASSWORD)
    async with Link(blind, ()) as link:
        with pytest.raises(BrokerRefused, match="refuses some/where"):
            await link.publish("some/where", b"forbidden")


@pytest.mark.asyncio
async def test_a_link_that_is_cut_logs_nothing_itself(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the link does at that moment: it connects, sends or receives."""
    told: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: told.append(str(context)))
    async with cut_link(broker.host, broker.port) as links:
        through = replace(broker, host="127.0.0.1", port=links.port, connect_timeout_s=0.2)
        cutting = loop.create_task(_cut_often(links, Random(9)))
        for _ in range(50):
            await _use_until_lost(through)
        cutting.cancel()
    gc.collect()
    await asyncio.sleep(0)
    assert not told, told
    assert not caplog.messages, "who uses the link tells of its end"


async def _cut_often(links: CutLink, dice: Random) -> None:
    while True:
        await asyncio.sleep(dice.uniform(0, 0.1))
        links.cut()


async def _use_until_lost(broker: Broker) -> None:
    try:
        async with Link(broker, TOPICS) as link, asyncio.TaskGroup() as tasks:
            tasks.create_task(_listen(link))
            for _ in range(5):
                tasks.create_task(_talk(link))
    except* BrokerLost:
        pass


async def _listen(link: Link) -> None:
    async with aclosing(link.batches(linger_s=0)) as batches:
        async for batch in batches:
            link.acknowledge(batch)


async def _talk(link: Link) -> None:
    while True:
        await asyncio.gather(*(link.publish(TOPIC, bytes(60_000)) for _ in range(4)))
