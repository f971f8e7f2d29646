# SPDX-License-Identifier: MIT
"""A gateway as the cloud sees it: seals batches, publishes them, listens to receipts."""

import asyncio
import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from shared_schema.access import Login
from shared_schema.catalogue import ACTIVE_IMPORT, WATER_VOLUME, Unit
from shared_schema.gateway import Receipt
from shared_schema.message import MeterId
from shared_schema.readings import Block, Column, Header, line_hash, new_salt, seal_batch
from shared_schema.signing import SigningKey, VerifyKey, generate_key, open_message
from shared_schema.topics import GatewayTopic, gateway_topic

ENERGY = Column(obis=ACTIVE_IMPORT, scaler=0, unit=Unit.WATT_HOUR)
WATER = Column(obis=WATER_VOLUME, scaler=-3, unit=Unit.CUBIC_METRE)
MAKER = "LNT"


def block_line(
    serial: str,
    rows: Iterable[tuple[datetime, int]],
    column: Column = ENERGY,
    period_s: int = 900,
    statuses: Mapping[datetime, int] | None = None,
    *,
    maker: str = MAKER,
) -> bytes:
    """The readings of one meter's one register, some with a status."""
    said = statuses or {}
    return Block(
        salt=new_salt(),
        meter=MeterId(manufacturer=maker, serial=serial),
        period_s=period_s,
        columns=(column,),
        rows=tuple((int(at.timestamp()), said.get(at), raw) for at, raw in rows),
    ).to_line()


class Sealer:
    """The stream of one gateway: numbers, links and signs."""

    def __init__(
        self, name: str, key: SigningKey | None = None, stream: uuid.UUID | None = None
    ) -> None:
        self.name = name
        self.key = key or generate_key()
        self.stream = stream or uuid.uuid4()
        self.seq = 0
        self._previous: str | None = None

    @property
    def topic(self) -> str:
        return gateway_topic(self.name, GatewayTopic.READINGS)

    def seal(
        self, *lines: bytes, key: SigningKey | None = None, at: datetime | None = None
    ) -> bytes:
        self.seq += 1
        payload = seal_batch(
            gateway=self.name,
            stream=self.stream,
            seq=self.seq,
            previous=self._previous,
            block_lines=lines,
            created_at=at or datetime.now(UTC),
            historical=False,
            key=key or self.key,
        )
        header_line = payload.partition(b"\n")[0]
        Header.from_line(header_line)
        self._previous = line_hash(header_line)
        return payload


class TestGateway:
    """One MQTT session of a gateway, or of any other client of the broker."""

    __test__ = False

    def __init__(
        self,
        host: str,
        port: int,
        user: Login,
        topics: Sequence[str] | None = None,
        session: str | None = None,
    ) -> None:
        self.name = user.name
        self.messages: list[tuple[str, bytes, bool]] = []
        self._news = threading.Condition()
        self._subscribed = threading.Event()
        if topics is None:
            topics = [gateway_topic(self.name, GatewayTopic.RECEIPTS)]
        self._topics = topics
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=session or f"test-{uuid.uuid4()}",
            protocol=mqtt.MQTTv5,
        )
        self._client.username_pw_set(user.name, user.password)
        self._client.max_inflight_messages_set(256)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 600
        self._client.connect(host, port, clean_start=False, properties=properties)
        self._client.loop_start()
        assert self._subscribed.wait(10)

    def _on_connect(self, *_: object) -> None:
        if self._topics:
            self._client.subscribe([(topic, 1) for topic in self._topics])
        else:
            self._subscribed.set()

    def _on_message(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        with self._news:
            self.messages.append((message.topic, bytes(message.payload), message.retain))
            self._news.notify_all()

    def publish(self, topic: str, *payloads: bytes, retain: bool = False, qos: int = 1) -> None:
        """Hand messages to the broker and wait until it has them."""
        for info in [self._client.publish(topic, each, qos, retain=retain) for each in payloads]:
            info.wait_for_publish(30)

    def wait(self, count: int, timeout_s: float = 20) -> list[tuple[str, bytes, bool]]:
        """Wait until so many messages came in all."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.messages) >= count, timeout_s), (
                f"{len(self.messages)} of {count} messages came: {self.messages}"
            )
            return list(self.messages)

    def wait_receipt(
        self, sealer: Sealer, key: VerifyKey, seq: int, timeout_s: float = 20
    ) -> Receipt:
        """Wait for a receipt that covers everything up to ``seq``."""

        def covering() -> Receipt | None:
            for receipt in reversed(self.receipts(key)):
                if (
                    receipt.stream == sealer.stream
                    and receipt.ranges[:1]
                    and (receipt.ranges[0][0] == 1 and receipt.ranges[0][1] >= seq)
                ):
                    return receipt
            return None

        with self._news:
            assert self._news.wait_for(lambda: covering() is not None, timeout_s), self.messages[
                -3:
            ]
            found = covering()
        assert found is not None
        return found

    def receipts(self, key: VerifyKey) -> list[Receipt]:
        return [
            Receipt.from_line(open_message(payload, key))
            for topic, payload, _retain in self.messages
            if topic.endswith("/receipts")
        ]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client.reinitialise()  # closes its sockets

    async def aclose(self) -> None:
        await asyncio.to_thread(self.close)
