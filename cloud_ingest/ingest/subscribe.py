# SPDX-License-Identifier: MIT
"""The link to the broker: it brings batches of messages and takes messages to send.

Each connection has a new client object. It speaks MQTT 5, with a session that the broker keeps.

The caller acknowledges a delivery after its database commit, and never before. What is not
acknowledged when a link ends is dropped here, and the broker delivers it again on the next one.
aiomqtt 2.5.1 has no call for that and acknowledges before the application sees a message. So
this module uses three things of the paho client below it: ``manual_ack_set``, ``ack``, and the
arguments of two callbacks (whether the broker had kept the session, and whether it really took a
message). The version is pinned, and
``tests/integration/cloud_ingest/test_ingest_subscribe.py`` holds the contract.

In: the broker's address, topics. Out: deliveries, in the order of their arrival. Owns: the only
door to aiomqtt, the acknowledgements. Never: a bounded queue on this side (it would drop what is
acknowledged; `flow` bounds what waits), a clean start, an acknowledgement of one link on another.
"""

import asyncio
import contextlib
import logging
import math
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from types import TracebackType
from typing import Any, Self

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.client import ConnectFlags
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from cloud_ingest.errors import BrokerLost, BrokerRefused, ConfigurationError, IngestError
from cloud_ingest.ingest.broker import Broker
from cloud_ingest.ingest.delivery import Delivery, payload_bytes
from cloud_ingest.ingest.flow import Flow
from cloud_ingest.ingest.reach import lost, not_granted, tls_context, unreachable
from shared_schema.tls import TlsContext

__all__ = ["Delivery", "Link"]

RECEIVE_MAXIMUM = 512
"""How many deliveries may be unacknowledged: one batch in work, and the next ones coming."""
BATCH_BYTES = 4 * 1024 * 1024
"""A batch takes no more messages when its payloads have so much."""
MAX_PACKET_BYTES = 1024 * 1024
"""The broker discards larger messages: nothing of the contract comes near it."""
PUBLISH_TIMEOUT_S = 10.0
LINGER_STEP_S = 0.005
NO_SUBSCRIBER = 16
FIRST_ERROR = 128
_UNHEARD = logging.getLogger(f"{__name__}.aiomqtt")
_UNHEARD.disabled = True  # its failures end the link, and whoever uses that tells why


class Link:
    """One connection to the broker, from its start to its end.

    Use it as ``async with Link(broker, topics) as link``; make a new one for each attempt.
    """

    def __init__(self, broker: Broker, topics: Sequence[str]) -> None:
        self.broker = broker
        self.session_present = False
        """False: the broker knew nothing of this ingest; what it retained may be lost too."""
        self._topics = tuple(topics)
        self._client: aiomqtt.Client | None = None
        self._flow: Flow
        self._granting: asyncio.Task[None]
        self._handed_over: dict[int, asyncio.Future[int]] = {}

    async def __aenter__(self) -> Self:
        """Connect and subscribe.

        Raises:
            BrokerRefused: the broker answered and said no: waiting will not help.
            ConfigurationError: what should be its host cannot be one.
            BrokerLost: nothing answered, or not in time: try again.
        """
        tls = tls_context(self.broker)
        client = self._new_client(tls)
        try:
            await client.__aenter__()
        except aiomqtt.MqttError as error:
            self._flow.cut()  # an answer that is late would take the session from the next link
            raise await asyncio.to_thread(self._not_linked, error, tls) from None
        except UnicodeError:  # the resolver cannot even encode it
            raise ConfigurationError(
                f"the broker's host {self.broker.host!r} is no host name"
            ) from None
        self._client = client
        client._disconnected.add_done_callback(_note_end)
        self._granting = asyncio.create_task(self._subscribe(client))
        self._granting.add_done_callback(_note_end)
        try:
            if not await self._flow.is_held_before(self._granting):
                await self._granting
        except BaseException:
            await self._close()
            raise
        return self

    @property
    def is_subscribed(self) -> bool:
        """Whether the link stands and the broker has granted the topics."""
        if self._client is None or self._client._disconnected.done():
            return False
        return self._granting.done() and self._granting.exception() is None

    @property
    def waiting_bytes(self) -> int:
        """What came on this link and was not taken yet."""
        return self._flow.waiting_bytes

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._client is not None and exc_type is None:
            self._flow.end()
            # The broker gives a member its share as long as it has its session.
            shared = [topic for topic in self._topics if topic.startswith("$share/")]
            with contextlib.suppress(aiomqtt.MqttError):
                if shared:
                    await self._client.unsubscribe(shared)
        await self._close()

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        """Subscribe, or end the link: who entered may take what stands before the answer first.

        Raises:
            BrokerRefused: a topic is not ours.
            BrokerLost: the link ended, or no answer came in time.
        """
        if not self._topics:
            return
        topics = [(topic, 1) for topic in self._topics]
        asked = asyncio.ensure_future(client.subscribe(topics, timeout=math.inf))
        try:
            if not await self._flow.is_answered(asked, self.broker.connect_timeout_s):
                raise BrokerLost(f"no link to the broker at {self.broker}: Operation timed out")
            for topic, code in zip(self._topics, asked.result(), strict=True):
                if _refused(code):
                    raise not_granted(self.broker, topic, code)
        except aiomqtt.MqttError as error:
            raise lost(self.broker, error) from None
        except IngestError:
            self._flow.cut()
            raise
        finally:
            client._client.on_subscribe = None  # an answer that is late is no fault
            asked.cancel()

    async def batches(
        self, *, max_messages: int = 64, linger_s: float = 0.05
    ) -> AsyncGenerator[tuple[Delivery, ...], None]:
        """Yield batches of messages in order, never an empty one.

        A batch is full, in messages or in bytes, or ``linger_s`` have passed since its first
        message. While the caller works on one the next one fills, so a busy ingest commits large
        batches.

        Raises:
            BrokerLost: the link has ended; nothing of it can be acknowledged any more.
        """
        client = self._connected()
        messages = client.messages
        loop = asyncio.get_running_loop()
        try:
            while True:
                batch = [await self._take(messages)]
                deadline = loop.time() + linger_s
                while len(batch) < max_messages and payload_bytes(batch) < BATCH_BYTES:
                    # Waiting for the next message with a timeout could lose it: the timeout
                    # may cancel the very moment in which it was taken from the queue.
                    if len(messages) > 0:
                        batch.append(await self._take(messages))
                    elif loop.time() < deadline:
                        await asyncio.sleep(LINGER_STEP_S)
                    else:
                        break
                yield tuple(batch)
        except aiomqtt.MqttError as error:
            raise lost(self.broker, error) from None

    async def _take(self, messages: AsyncIterator[aiomqtt.Message]) -> Delivery:
        delivery = _delivery(await anext(messages))
        self._flow.taken(delivery.payload)
        return delivery

    def acknowledge(self, batch: Sequence[Delivery]) -> None:
        """Acknowledge deliveries to the broker: call it after the commit, in order.

        It must run on the thread of the event loop.

        Raises:
            BrokerLost: the link has ended meanwhile; the broker will deliver them again.
        """
        paho = self._connected()._client
        if not paho.is_connected():
            raise BrokerLost(f"the link to the broker at {self.broker} has ended")
        for delivery in batch:
            paho.ack(delivery.mid, delivery.qos)

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Hand a message to the broker at QoS 1 and wait until it has taken it.

        Messages of several calls keep the order of the calls.

        Returns:
            False when nobody subscribes: the broker threw it away, or only retains it.

        Raises:
            BrokerRefused: the broker does not take this message from us.
            BrokerLost: the link ended or the broker was silent: send it again.
        """
        client = self._connected()
        handed_over: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        info = client._client.publish(topic, payload, qos=1, retain=retain)
        if info.rc != 0:
            raise BrokerLost(f"the link to the broker at {self.broker} has ended")
        self._handed_over[info.mid] = handed_over
        try:
            if not await self._flow.is_answered(handed_over, PUBLISH_TIMEOUT_S):
                self._flow.cut()  # or it would send later what is said here to be lost
                raise BrokerLost(f"the broker at {self.broker} took no message in time")
            code = handed_over.result()
        finally:
            self._handed_over.pop(info.mid, None)
        if code >= FIRST_ERROR:
            raise BrokerRefused(f"the broker at {self.broker} refuses {topic} (reason {code})")
        return code != NO_SUBSCRIBER

    def _new_client(self, tls: TlsContext | None) -> aiomqtt.Client:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = self.broker.session_expiry_s
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        properties.MaximumPacketSize = MAX_PACKET_BYTES
        client = aiomqtt.Client(
            self.broker.host,
            self.broker.port,
            username=self.broker.username,
            password=self.broker.password,
            identifier=self.broker.client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=False,
            properties=properties,
            keepalive=self.broker.keepalive_s,
            timeout=self.broker.connect_timeout_s,
            tls_context=tls,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            logger=_UNHEARD,
        )
        client._disconnected.add_done_callback(_note_end)
        self._flow = Flow(client, asyncio.get_running_loop(), self.broker.keepalive_s)
        self._listen(client, self._flow)
        return client

    def _listen(self, client: aiomqtt.Client, flow: Flow) -> None:
        """Hear from the paho client what aiomqtt does not tell."""
        paho = client._client
        paho.disable_logger()  # its failures end the link, and whoever uses that tells why
        paho.manual_ack_set(on=True)
        told_connected: Callable[..., None] = client._on_connect
        told_published: Callable[..., None] = client._on_publish

        def on_connect(
            of: Any, data: Any, flags: ConnectFlags, reason: ReasonCode, values: Any
        ) -> None:
            self.session_present = bool(flags.session_present)
            told_connected(of, data, flags, reason, values)

        def on_publish(of: Any, data: Any, mid: int, reason: ReasonCode, values: Any) -> None:
            waiting = self._handed_over.get(mid)
            if waiting is not None and not waiting.done():
                waiting.set_result(reason.value)
            told_published(of, data, mid, reason, values)

        told_opened: Callable[..., None] = client._on_socket_open
        told_message: Callable[..., None] = client._on_message

        def on_socket_open(of: Any, data: Any, sock: Any) -> None:
            told_opened(of, data, sock)
            flow.loop.call_soon_threadsafe(flow.opened, sock)

        def on_register_write(_of: Any, _data: Any, sock: Any) -> None:
            flow.loop.call_soon_threadsafe(flow.write_when_ready, sock)

        def on_message(of: Any, data: Any, message: Any) -> None:
            if not flow.ends:
                flow.came(message.payload)
                told_message(of, data, message)

        paho.on_socket_open = on_socket_open
        paho.on_socket_register_write = on_register_write
        paho.on_message = on_message
        paho.on_connect = on_connect
        paho.on_publish = on_publish

    def _connected(self) -> aiomqtt.Client:
        if self._client is None:
            raise BrokerLost(f"there is no link to the broker at {self.broker}")
        return self._client

    async def _close(self) -> None:
        client, self._client = self._client, None
        for waiting in self._handed_over.values():
            if not waiting.done():
                waiting.set_exception(
                    BrokerLost(f"the link to the broker at {self.broker} has ended")
                )
        if client is not None:
            self._granting.cancel()
            with contextlib.suppress(aiomqtt.MqttError):
                await client.__aexit__(None, None, None)
            while len(client.messages):  # or it waits for a collection of garbage
                client._queue.get_nowait()

    def _not_linked(
        self, error: aiomqtt.MqttError, tls: TlsContext | None
    ) -> BrokerLost | BrokerRefused:
        """Why no link came about: a refusal of the broker, TLS, or no broker."""
        if isinstance(error, MqttConnectError):
            return lost(self.broker, error)
        said = None if tls is None else tls.alert
        return unreachable(self.broker, said or error.__cause__ or error.__context__)


def _note_end(ended: asyncio.Future[None]) -> None:
    """Take the reason of an end, or asyncio complains where nobody waited for it."""
    if not ended.cancelled():
        ended.exception()


def _refused(code: object) -> bool:
    value = code.value if isinstance(code, ReasonCode) else code
    return not isinstance(value, int) or value >= FIRST_ERROR


def _delivery(message: aiomqtt.Message) -> Delivery:
    return Delivery(
        topic=message.topic.value,
        payload=bytes(message.payload or b""),
        retained=message.retain,
        mid=message.mid,
        qos=message.qos,
    )
