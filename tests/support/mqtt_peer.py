# SPDX-License-Identifier: MIT
"""A client of the broker that does what it is told, honest or not."""

import queue
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

TIMEOUT_S = 10.0


class NotLetIn(Exception):
    """The broker did not take the connection."""


class Peer:
    """One connection, and all that came by it."""

    def __init__(self, client: Client) -> None:
        self.messages: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        self.ended = threading.Event()
        self.connected: queue.SimpleQueue[ReasonCode] = queue.SimpleQueue()
        self._answers: dict[int, int] = {}
        self._news = threading.Condition()
        self._client = client
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect

    def publish(self, topic: str, payload: bytes = b"x", *, retain: bool = False) -> int:
        """Publish at QoS 1 and return the broker's reason."""
        return self._answer(lambda: self._client.publish(topic, payload, 1, retain=retain).mid)

    def send(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 1 and wait for no answer."""
        self._client.publish(topic, payload, 1)

    def subscribe(self, topic: str) -> int:
        """Subscribe at QoS 1 and return the broker's reason."""

        def ask() -> int:
            mid = self._client.subscribe(topic, 1)[1]
            assert mid is not None
            return mid

        return self._answer(ask)

    def received(self) -> tuple[str, bytes]:
        """Return the next message."""
        return self.messages.get(timeout=TIMEOUT_S)

    def vanish(self) -> None:
        """Lose the link without a goodbye: the broker tells the last will."""
        socket = self._client.socket()
        assert socket is not None
        socket.close()

    def _answer(self, send: Callable[[], int]) -> int:
        with self._news:
            mid = send()
            assert self._news.wait_for(lambda: mid in self._answers, TIMEOUT_S), "no answer"
            return self._answers.pop(mid)

    def _note(self, mid: int, reason: ReasonCode) -> None:
        with self._news:
            self._answers[mid] = reason.value
            self._news.notify_all()

    def _on_connect(self, _c: Client, _d: Any, _f: Any, reason: ReasonCode, _p: Any) -> None:
        self.connected.put(reason)

    def _on_message(self, _c: Client, _d: Any, message: MQTTMessage) -> None:
        self.messages.put((message.topic, bytes(message.payload)))

    def _on_publish(self, _c: Client, _d: Any, mid: int, reason: ReasonCode, _p: Any) -> None:
        self._note(mid, reason)

    def _on_subscribe(
        self, _c: Client, _d: Any, mid: int, reasons: list[ReasonCode], _p: Any
    ) -> None:
        self._note(mid, reasons[0])

    def _on_disconnect(self, *_: object) -> None:
        self.ended.set()


class _TidySocket(ssl.SSLSocket):
    """Closes itself when the handshake fails: paho leaves that to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


@contextmanager
def linked(
    host: str,
    port: int,
    tls: ssl.SSLContext | None = None,
    *,
    client_id: str = "",
    username: str | None = None,
    will: tuple[str, bytes] | None = None,
    keeps_session: bool = False,
) -> Iterator[Peer]:
    """Connect for the time of the block.

    Raises:
        NotLetIn: the broker did not take the connection.
    """
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=MQTTProtocolVersion.MQTTv5,
        reconnect_on_failure=False,
    )
    if tls is not None:
        tls.sslsocket_class = _TidySocket
        client.tls_set_context(tls)
    if username is not None:
        client.username_pw_set(username, "word")
    if will is not None:
        client.will_set(*will, qos=1)
    peer = Peer(client)
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = 600 if keeps_session else 0
    try:
        client.connect(host, port, clean_start=not keeps_session, properties=properties)
    except OSError as error:
        raise NotLetIn(str(error)) from error
    client.loop_start()
    try:
        _require_let_in(peer)
        yield peer
    finally:
        client.disconnect()
        client.loop_stop()
        client.reinitialise()  # closes its sockets


def _require_let_in(peer: Peer) -> None:
    # With TLS 1.3 the broker refuses a certificate after the handshake: the link just ends.
    while peer.connected.empty():
        if peer.ended.wait(0.01) and peer.connected.empty():
            raise NotLetIn("the link ended")
    reason = peer.connected.get()
    if reason.is_failure:
        raise NotLetIn(str(reason))
