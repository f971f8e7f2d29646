# SPDX-License-Identifier: MIT
"""An ingest reduced to its promise, for tests of the gateway: it signs for what it has stored."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from deploy.demo.mosquitto import (
    cloud_user,
)
from shared_schema.gateway import Receipt, Result, Status
from shared_schema.readings import line_hash, open_batch
from shared_schema.signing import SigningKey, generate_key, key_id, sign_message
from shared_schema.topics import GatewayTopic, gateway_topic
from tests.support.servers import MqttServer

GATEWAY_KEY, CLOUD_KEY = generate_key(), generate_key()
CLOUD = cloud_user(secrets.token_hex(8))
PATIENCE_S = 60.0


def until(done: Callable[[], bool], what: str, timeout_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(0.02)


@dataclass
class Cloud:
    """An ingest reduced to its promise: what it has stored, it says so, signed."""

    server: MqttServer
    gateway: str
    answers: bool = True
    key: SigningKey = CLOUD_KEY
    store: UUID = field(default_factory=uuid4)
    stored: dict[UUID, dict[int, bytes]] = field(default_factory=dict)
    arrived: list[int] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    _ready: threading.Event = field(default_factory=threading.Event)

    def topic(self, kind: GatewayTopic) -> str:
        return gateway_topic(self.gateway, kind)

    @contextmanager
    def online(self) -> Iterator["Cloud"]:
        client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        client.username_pw_set(CLOUD.name, CLOUD.password)
        client.reconnect_delay_set(1, 1)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        self._client = client
        client.connect(self.server.host, self.server.port)
        client.loop_start()
        try:
            assert self._ready.wait(PATIENCE_S)
            yield self
        finally:
            client.disconnect()
            client.loop_stop()
            client.reinitialise()  # closes its sockets
            self._ready.clear()

    def _on_connect(
        self, client: Client, _data: object, _flags: ConnectFlags, _reason: ReasonCode, _p: object
    ) -> None:
        client.subscribe(
            [
                (self.topic(kind), 1)
                for kind in (GatewayTopic.READINGS, GatewayTopic.STATUS, GatewayTopic.RESULTS)
            ]
        )

    def _on_subscribe(
        self, _client: Client, _data: object, _mid: int, _reasons: list[ReasonCode], _p: object
    ) -> None:
        self._ready.set()

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        payload = bytes(message.payload)
        if message.topic == self.topic(GatewayTopic.STATUS):
            self.statuses.append(Status.from_line(payload))
            return
        if message.topic == self.topic(GatewayTopic.RESULTS):
            self.results.append(Result.from_line(payload))
            return
        header = open_batch(payload, lambda _gateway, _key: GATEWAY_KEY.public_key()).header
        self.arrived.append(header.seq)
        self.stored.setdefault(header.stream, {}).setdefault(header.seq, payload)
        if self.answers:
            self.answer(header.stream)

    def receipt(self, stream: UUID, *, gateway: str | None = None) -> bytes:
        ranges: list[tuple[int, int]] = []
        stored = self.stored.get(stream, {})
        for seq in sorted(stored):
            if ranges and ranges[-1][1] == seq - 1:
                ranges[-1] = (ranges[-1][0], seq)
            else:
                ranges.append((seq, seq))
        line = Receipt(
            gateway=gateway or self.gateway,
            key=key_id(self.key.public_key()),
            store=self.store,
            stream=stream,
            ranges=tuple(ranges),
            heads=tuple(
                (seq, line_hash(stored[seq].partition(b"\n")[0])) for seq in sorted(stored)
            ),
            at=datetime.now(UTC),
        ).to_line()
        return sign_message(line, self.key)

    def send(self, payload: bytes, kind: GatewayTopic = GatewayTopic.RECEIPTS) -> None:
        info = self._client.publish(self.topic(kind), payload, qos=1)
        assert info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def answer(self, stream: UUID) -> None:
        self.send(self.receipt(stream))
