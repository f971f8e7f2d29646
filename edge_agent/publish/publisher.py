# SPDX-License-Identifier: GPL-2.0-only
"""Publish: batches go from the spool to the broker until a receipt covers them.

In: the spool; the cloud's receipts and commands. Out: batches, answers to commands and the
gateway's status over MQTT 5.
It owns the link: connect, subscribe, publish, lose it, connect again, for ever.
Never: a batch forgotten (only `Spool.apply_receipt` does that), a broker's acknowledgement
taken for storage, a receipt believed without the cloud's signature.

The only module that imports paho-mqtt. It runs in one thread and drives the network loop
itself; each link is a new client object, so that nothing waits in the library's own queue.
"""

import logging
import math
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Literal
from uuid import UUID, uuid4

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from pydantic import SecretStr

from edge_agent.commands.log import CommandLog
from edge_agent.errors import ConfigurationError, PublishError, SpoolFull
from edge_agent.publish.in_flight import Flight
from edge_agent.settings import BrokerConfig, TlsConfig, read_secret
from edge_agent.spool.spool import Spool
from shared_schema.errors import ContractError
from shared_schema.gateway import Receipt, Status
from shared_schema.signing import VerifyKey, open_message
from shared_schema.topics import GatewayTopic, gateway_topic

StatusMaker = Callable[[UUID, Literal["online", "offline"]], Status]

CONNECT_TIMEOUT_S = 10.0
SESSION_EXPIRY_S = 7 * 86400
STATUS_EVERY_S = 60.0
STATUS_CHECK_S = 2.0
"""How soon a status follows a change of what it says of the meters and the spool."""
STEADY_S = 30.0
"""A link that held so long is no failed attempt."""
LOOP_S = 0.2
GOODBYE_S = 2.0
_RECONNECT_S = (1.0, 60.0)
_REFUSED_S = (1.0, 30.0)
_NO_SUBSCRIBERS = 16
_BAD_LOGIN = frozenset({134, 135})
_log = logging.getLogger(__name__)


def _ignore(_payload: bytes) -> None:
    """Take no command."""


class Publisher:
    """Sends what the spool holds, for as long as the agent runs."""

    def __init__(
        self,
        spool: Spool,
        broker: BrokerConfig,
        *,
        gateway: str,
        cloud_key: VerifyKey,
        status: StatusMaker,
        on_command: Callable[[bytes], None] = _ignore,
        flight: Flight | None = None,
        will_delay_s: int = 10,
    ) -> None:
        """Prepare, without connecting.

        Args:
            spool: what to send, and what receipts change.
            broker: where to send.
            gateway: the gateway's name.
            cloud_key: whose receipts are believed.
            status: makes the gateway's status of a session.
            on_command: takes a command as it came, in the publisher's thread.
            flight: how much may be out; another one in tests.
            will_delay_s: how long the broker waits for this gateway before its last will.

        Raises:
            ConfigurationError: a password or certificate file cannot be used.
        """
        self.spool = spool
        self.broker = broker
        self.gateway = gateway
        self.cloud_key = cloud_key
        self.status = status
        self.on_command = on_command
        self.commands = CommandLog(spool)
        self.flight = Flight() if flight is None else flight
        self.will_delay_s = will_delay_s
        self.connected = threading.Event()
        """Set while the link stands and its subscription is answered."""
        self.sent = 0
        self.receipts = 0
        self.refusals = 0
        """Batches that the broker did not take, since it last took one."""
        self.paused_until = 0.0
        self._password = broker.password()
        self._said = ""
        self.new_client()  # a file that cannot be used is told before the start

    def run(self, stop: threading.Event) -> None:
        """Keep a link and publish until ``stop`` is set.

        Raises:
            SpoolError: the spool fails; a failing broker is no error, it is tried again.
        """
        attempt = 0
        while not stop.is_set():
            started = time.monotonic()
            try:
                _Link(self).serve(stop)
            except (PublishError, ConfigurationError) as error:
                self.complain(str(error))
            finally:
                self.connected.clear()
            attempt = 0 if time.monotonic() - started > STEADY_S else attempt + 1
            stop.wait(_back_off(attempt, *_RECONNECT_S))

    def new_client(self) -> Client:
        """Return a client that knows the login and the certificates.

        Raises:
            ConfigurationError: a certificate or key cannot be used.
        """
        return _client(self.broker, self.gateway, self._password)

    def complain(self, text: str) -> None:
        """Log what is wrong with the broker, once until it changes."""
        level = logging.DEBUG if text == self._said else logging.WARNING
        self._said = text
        host, port = self.broker.address
        _log.log(
            level,
            "the broker does not take readings; they stay in the spool",
            extra={"action": "publish_failed", "broker": f"{host}:{port}", "reason": text},
        )

    def content(self) -> None:
        """Note that the broker takes readings again."""
        self._said = ""
        self.refusals = 0

    def refused(self, seq: int, reason: ReasonCode, now: float) -> None:
        """Note that the broker did not take a batch, and wait a little with the others."""
        self.refusals += 1
        self.paused_until = now + _back_off(self.refusals, *_REFUSED_S)
        lasting = reason.value != _NO_SUBSCRIBERS
        self.flight.refused(seq, now, lasting=lasting)
        self.complain(
            f"it refuses batch {seq}: {reason}"
            if lasting
            else "nobody subscribes to this gateway's readings: is the cloud's ingest running?"
        )

    def take_receipt(self, payload: bytes) -> None:
        """Apply a receipt that the cloud signed for this gateway; ignore any other.

        Raises:
            SpoolError: the spool fails, or is an older copy of itself.
        """
        try:
            receipt = Receipt.from_line(open_message(payload, self.cloud_key))
        except ContractError as error:
            self._ignore(str(error))
            return
        if receipt.gateway != self.gateway:
            self._ignore(f"for gateway {receipt.gateway}")
            return
        try:
            applied = self.spool.apply_receipt(receipt)
        except SpoolFull as error:
            self._ignore(str(error))
            return
        if applied.ignored:
            self._ignore(applied.ignored)
            return
        self.receipts += 1
        if applied.new_store:
            self.flight.clear()
            _log.warning(
                "the cloud has a new store; what is kept here is sent again",
                extra={
                    "action": "store_changed",
                    "store": str(receipt.store),
                    "waiting": self.spool.pending().total,
                },
            )
        self.flight.receipted(receipt.covers, time.monotonic())

    def _ignore(self, reason: str) -> None:
        _log.warning("a receipt is ignored", extra={"action": "receipt_ignored", "reason": reason})


class _Link:
    """One connection, from its attempt to its end."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._client = publisher.new_client()
        self._session = uuid4()
        self._accepted: ReasonCode | None = None
        self._subscribed = False
        self._ended = ""
        self._receive_maximum = 65535
        self._unacknowledged: dict[int, int | UUID | None] = {}
        """Packet id -> seq of a batch, command of a result, or None for a status."""
        self._topics = {
            gateway_topic(publisher.gateway, GatewayTopic.RECEIPTS): publisher.take_receipt,
            gateway_topic(publisher.gateway, GatewayTopic.COMMANDS): publisher.on_command,
        }
        self._status_checked_at = -math.inf
        self._status_sent_at = -math.inf
        self._status_told: object = None
        client = self._client
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        properties = _properties(PacketTypes.WILLMESSAGE)
        properties.WillDelayInterval = publisher.will_delay_s
        client.will_set(
            gateway_topic(publisher.gateway, GatewayTopic.STATUS),
            publisher.status(self._session, "offline").to_line(),
            qos=1,
            retain=True,
            properties=properties,
        )

    def serve(self, stop: threading.Event) -> None:
        """Connect and publish until ``stop`` is set.

        Raises:
            PublishError: the link did not come up, or ended.
            SpoolError: the spool fails.
        """
        _connect(self._client, self._publisher.broker, SESSION_EXPIRY_S)
        try:
            self._wait(lambda: self._subscribed, CONNECT_TIMEOUT_S)
            if not self._subscribed:
                raise PublishError("it accepts the connection and then does not answer")
            host, port = self._publisher.broker.address
            _log.info(
                "connected to the broker",
                extra={
                    "action": "broker_connected",
                    "broker": f"{host}:{port}",
                    "session": str(self._session),
                    "waiting": self._publisher.spool.pending().total,
                },
            )
            self._publisher.flight.clear()
            self._publisher.connected.set()
            while not stop.is_set():
                self._send_status()
                self._send_results()
                self._pump()
                self._turn(LOOP_S)
            self._goodbye()
            self._client.disconnect()
        finally:
            # Does nothing after a goodbye; after an error the broker sends the last will.
            self._client.disconnect(reasoncode=_with_will())

    def _turn(self, timeout_s: float) -> None:
        code = self._client.loop(timeout_s)
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS or self._ended:
            raise PublishError(self._ended or f"the link is lost: {code.name}")

    def _wait(self, done: Callable[[], bool], timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not done() and time.monotonic() < deadline:
            self._turn(LOOP_S)

    def _goodbye(self) -> None:
        """Say offline in the gateway's own words: a clean end sends no last will."""
        status = self._publisher.status(self._session, "offline")
        self._publish(GatewayTopic.STATUS, status.to_line(), None, retain=True)
        self._wait(lambda: None not in self._unacknowledged.values(), GOODBYE_S)

    def _send_status(self) -> None:
        """Say how the gateway is: the birth, then at each change, and now and then."""
        now = time.monotonic()
        if now < self._status_checked_at + STATUS_CHECK_S:
            return
        self._status_checked_at = now
        status = self._publisher.status(self._session, "online")
        tells = (
            status.meters,
            status.meters_answering,
            status.meters_behind,
            status.clock_synchronised,
            status.spooled == 0,
        )
        if tells == self._status_told and now < self._status_sent_at + STATUS_EVERY_S:
            return
        self._status_told = tells
        self._status_sent_at = now
        self._publish(GatewayTopic.STATUS, status.to_line(), None, retain=True)

    def _send_results(self) -> None:
        """Send the answers to commands that the broker does not have."""
        out = set(self._unacknowledged.values())
        for command, payload in self._publisher.commands.unsent():
            if command not in out:
                self._publish(GatewayTopic.RESULTS, payload, command)

    def _pump(self) -> None:
        """Send what may be sent now: what is due again, then live, then backlog."""
        publisher, flight = self._publisher, self._publisher.flight
        now = time.monotonic()
        slots = self._receive_maximum - len(self._unacknowledged) - 1
        if publisher.refusals:
            waiting = any(isinstance(what, int) for what in self._unacknowledged.values())
            slots = 0 if waiting or now < publisher.paused_until else min(slots, 1)
        if slots <= 0:
            return
        for seq in flight.due_again(now, slots):
            spooled = publisher.spool.get(seq)
            if spooled is None:
                flight.dropped(seq)
                continue
            self._publish(GatewayTopic.READINGS, spooled.payload, seq)
            flight.sent(seq, now)
            slots -= 1
        for spooled in publisher.spool.due(min(slots, flight.room), skip=flight):
            self._publish(GatewayTopic.READINGS, spooled.payload, spooled.seq)
            flight.sent(spooled.seq, now)

    def _publish(
        self,
        kind: GatewayTopic,
        payload: bytes,
        what: int | UUID | None,
        *,
        retain: bool = False,
    ) -> None:
        topic = gateway_topic(self._publisher.gateway, kind)
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise PublishError(self._ended or f"the link is lost: {MQTTErrorCode(info.rc).name}")
        self._unacknowledged[info.mid] = what
        self._publisher.sent += isinstance(what, int)

    # The callbacks run inside `Client.loop`, in this thread; they only note, and never publish.

    def _on_connect(
        self,
        client: Client,
        _data: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._ended = _refusal(reason, self._publisher.broker)
            return
        self._receive_maximum = getattr(properties, "ReceiveMaximum", 65535)
        client.subscribe([(topic, 1) for topic in self._topics])

    def _on_subscribe(
        self,
        _client: Client,
        _data: object,
        _mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        self._subscribed = True
        if any(reason.is_failure for reason in reasons):
            _log.error(
                "the broker refuses the subscription to receipts; nothing can be forgotten",
                extra={"action": "subscribe_refused", "reason": str(reasons[0])},
            )

    def _on_publish(
        self,
        _client: Client,
        _data: object,
        mid: int,
        reason: ReasonCode,
        _properties: Properties,
    ) -> None:
        seq = self._unacknowledged.pop(mid, None)
        if isinstance(seq, UUID):
            if not reason.is_failure:
                self._publisher.commands.sent(seq)
            return
        if seq is None:
            return
        if reason.is_failure or reason.value == _NO_SUBSCRIBERS:
            self._publisher.refused(seq, reason, time.monotonic())
        else:
            self._publisher.content()

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        take = self._topics.get(message.topic)
        if take is not None:
            take(bytes(message.payload))

    def _on_disconnect(
        self,
        _client: Client,
        _data: object,
        flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        who = "it ended the link" if flags.is_disconnect_packet_from_server else "the link is lost"
        self._ended = self._ended or f"{who}: {reason}"


class _TidySocket(ssl.SSLSocket):
    """Closes itself when the handshake fails: paho leaves that to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002
        """Shake hands, or close."""
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def check_broker(broker: BrokerConfig, gateway: str) -> None:
    """Connect once and leave: say whether the broker is there and takes the login.

    Raises:
        ConfigurationError: it is not, or does not; one line that says what to do.
    """
    client = _client(broker, f"{gateway}-check-{uuid4().hex[:8]}", broker.password())
    answers: list[ReasonCode] = []

    def note(
        _client: Client,
        _data: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        answers.append(reason)

    client.on_connect = note
    problem = ""
    try:
        _connect(client, broker, 0)
        deadline = time.monotonic() + CONNECT_TIMEOUT_S
        while not answers and time.monotonic() < deadline:
            if client.loop(LOOP_S) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                break
        if not answers:
            problem = "it does not answer as an MQTT 5 broker"
        elif answers[0].is_failure:
            problem = _refusal(answers[0], broker)
    except PublishError as error:
        problem = str(error)
    finally:
        client.disconnect()
    if problem:
        host, port = broker.address
        raise ConfigurationError(
            f"broker {host}:{port}: {problem}; start it, or correct [broker] in the settings"
        )


def _client(broker: BrokerConfig, client_id: str, password: SecretStr | None) -> Client:
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=MQTTProtocolVersion.MQTTv5,
        reconnect_on_failure=False,
    )
    client.connect_timeout = CONNECT_TIMEOUT_S
    client.max_inflight_messages_set(0)  # `Flight` and the broker's own limit hold it
    if broker.username is not None:
        client.username_pw_set(broker.username, password.get_secret_value() if password else None)
    if broker.tls is not None:
        _use_tls(client, broker.tls)
    return client


def _properties(packet: int) -> Properties:
    return Properties(packet)  # type: ignore[no-untyped-call]


def _with_will() -> ReasonCode:
    return ReasonCode(PacketTypes.DISCONNECT, identifier=4)


def _connect(client: Client, broker: BrokerConfig, expiry_s: int) -> None:
    properties = _properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = expiry_s
    host, port = broker.address
    try:
        client.connect(
            host,
            port,
            keepalive=broker.keepalive_s,
            clean_start=expiry_s == 0,
            properties=properties,
        )
    except (OSError, ValueError) as error:
        raise PublishError(_unreachable(error)) from None


def _use_tls(client: Client, tls: TlsConfig) -> None:
    if tls.key is not None:
        read_secret(tls.key, "the certificate's key")
    try:
        context = ssl.create_default_context(cafile=str(tls.ca) if tls.ca else None)
        if tls.cert is not None:
            context.load_cert_chain(tls.cert, tls.key)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"[broker.tls] the certificates cannot be used: {error} "
            f"(ca {tls.ca}, cert {tls.cert}, key {tls.key})"
        ) from None
    context.sslsocket_class = _TidySocket
    client.tls_set_context(context)


def _unreachable(error: Exception) -> str:
    if isinstance(error, socket.gaierror):
        return "no such host name"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"it does not speak TLS as expected: {error.reason or error}"
    if isinstance(error, TimeoutError):
        return "no answer"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    return getattr(error, "strerror", None) or str(error)


def _refusal(reason: ReasonCode, broker: BrokerConfig) -> str:
    if reason.value in _BAD_LOGIN:
        who = f"username {broker.username}" if broker.username else "a login without a username"
        return f"it refuses {who}, or its password ({reason})"
    return f"it refuses the connection: {reason}"


def _back_off(attempt: int, first_s: float, last_s: float) -> float:
    if attempt <= 0:
        return first_s * random.random()  # noqa: S311
    return min(last_s, first_s * 2.0 ** min(attempt - 1, 30)) * (1 + random.random()) / 2  # noqa: S311
