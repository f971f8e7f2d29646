# SPDX-License-Identifier: GPL-2.0-only
"""The link to the broker: one MQTT 5 connection, from its attempt to its end.

A link is used once and in one thread, which drives the network loop by `MqttLink.turn`; each link
is a new client object, so that nothing waits in the library's own queue. The only module that
imports paho-mqtt.

In: a login, topics with what takes their messages, a last will. Out: messages, each as it came;
the broker's answer to each that was published, by its packet id.
Never: a topic or a payload of our own making; a second attempt: `publisher` tries again.

Raises:
    PublishError: the link did not come up, or ended; the text says why.
    ConfigurationError: a password or certificate file cannot be used.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from pydantic import SecretStr

from edge_agent.errors import PublishError
from edge_agent.publish.tls import tls_context, unreachable
from edge_agent.settings.gateway import BrokerConfig
from shared_schema.tls import TlsContext

CONNECT_TIMEOUT_S: Final = 10.0
SESSION_EXPIRY_S: Final = 7 * 86400
LOOP_S: Final = 0.2
SUBSCRIBE_AGAIN_S: Final = 60.0
"""How often a refused subscription is asked for again: the broker may be told of us meanwhile."""
_LARGEST_RECEIVE_MAXIMUM: Final = 65535
_NO_SUBSCRIBERS: Final = 16
_UNSPECIFIED: Final = 128
_SESSION_TAKEN_OVER: Final = 142
_BAD_LOGIN: Final = frozenset({134, 135})


class Login:
    """Where the broker is, and as whom the gateway speaks to it.

    The password is read once; the certificates are read for each link, so that a renewed one is
    used without a restart.
    """

    def __init__(self, broker: BrokerConfig, client_id: str) -> None:
        """Read every file once: what cannot be used is told before the start.

        Raises:
            ConfigurationError: a password or certificate file cannot be used.
        """
        self.broker = broker
        self._client_id = client_id
        self._password = broker.password()
        self.client()

    def __str__(self) -> str:
        host, port = self.broker.address
        return f"{host}:{port}"

    def client(self) -> Client:
        """Return a client that knows the login and the certificates.

        Raises:
            ConfigurationError: a certificate or key cannot be used.
        """
        return _client(self.broker, self._client_id, self._password)

    def unreachable(self, error: BaseException | None) -> str:
        """Say in a few words why a connection with the login did not come about."""
        return unreachable(error, self.broker, datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says for a gateway whose link broke; it is retained."""

    topic: str
    payload: bytes
    delay_s: int
    """How long it waits for the gateway to come back."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the broker said of a message."""

    text: str
    is_refusal: bool
    """It did not take the message."""
    nobody_listens: bool
    """It took the message and gave it to nobody."""


class MqttLink:
    """One connection. Entering it connects and subscribes; leaving it ends it."""

    def __init__(
        self,
        login: Login,
        *,
        topics: Mapping[str, Callable[[bytes], None]],
        will: Will | None,
        on_answer: Callable[[int, Answer], None],
        leaves_messages: bool = False,
        session_expiry_s: int = SESSION_EXPIRY_S,
    ) -> None:
        """Prepare, without connecting.

        Args:
            login: where to connect, and as whom.
            topics: what to subscribe to, and what takes the messages of each.
            will: what the broker says if the link breaks.
            on_answer: takes the broker's answer to a packet that was published.
            leaves_messages: acknowledges none, so that the broker keeps them for the next link.
            session_expiry_s: how long the broker keeps the session after the link.
        """
        self._login = login
        self._broker = login.broker
        self._topics = topics
        self._on_answer = on_answer
        self._session_expiry_s = session_expiry_s
        self._is_answered = False
        self._is_subscribed = False
        self._subscribed_at = 0.0
        self._ended = ""
        self.refused: tuple[str, ...] = ()
        """The topics that we may not subscribe to."""
        self.receive_maximum = _LARGEST_RECEIVE_MAXIMUM
        """How many messages the broker takes before it acknowledges one."""
        client = self._client = login.client()
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        client.manual_ack_set(leaves_messages)
        if will is not None:
            properties = _properties(PacketTypes.WILLMESSAGE)
            properties.WillDelayInterval = will.delay_s
            client.will_set(will.topic, will.payload, qos=1, retain=True, properties=properties)

    def __repr__(self) -> str:
        state = self._ended or ("up" if self._is_subscribed else "not up yet")
        host, port = self._broker.address
        return f"<MqttLink to {host}:{port}, {state}>"

    def __enter__(self) -> Self:
        self._connect()
        try:
            self._await_subscription()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End the link; after an error the broker sends the last will, after `goodbye` not."""
        self._client.disconnect(reasoncode=_with_will())
        self._client.reinitialise()  # closes those of its sockets that wake its loop

    def _await_subscription(self) -> None:
        self.wait(lambda: self._is_subscribed, CONNECT_TIMEOUT_S)
        if not self._is_subscribed:
            raise PublishError("it accepts the connection and then does not answer")

    def goodbye(self) -> None:
        """End the link cleanly: the broker sends no last will."""
        self._client.disconnect()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Hand a message over at QoS 1; return the id of its packet."""
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise PublishError(self._ended or f"the link is lost: {MQTTErrorCode(info.rc).name}")
        return info.mid

    def turn(self, timeout_s: float = LOOP_S) -> None:
        """Send and receive for a while; messages and answers are given on meanwhile."""
        if self.refused and time.monotonic() > self._subscribed_at + SUBSCRIBE_AGAIN_S:
            self._subscribe()
        code = self._client.loop(timeout_s)
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS or self._ended:
            raise PublishError(self._end(code))

    def _end(self, code: MQTTErrorCode) -> str:
        """Why the link ended; one that the broker never answered may have ended for its TLS."""
        if self._is_answered:
            return self._ended or f"the link is lost: {code.name}"
        context = self._client._ssl_context
        alert = context.alert if isinstance(context, TlsContext) else None
        return self._login.unreachable(alert)

    def wait(self, is_done: Callable[[], bool], timeout_s: float) -> None:
        """Send and receive until something is done, or the time is over."""
        deadline = time.monotonic() + timeout_s
        while not is_done() and time.monotonic() < deadline:
            self.turn()

    def _connect(self) -> None:
        properties = _properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = self._session_expiry_s
        host, port = self._broker.address
        try:
            self._client.connect(
                host,
                port,
                keepalive=self._broker.keepalive_s,
                clean_start=False,
                properties=properties,
            )
        except (OSError, ValueError) as error:
            raise PublishError(self._login.unreachable(error)) from None

    def _subscribe(self) -> None:
        self._subscribed_at = time.monotonic()
        self._client.subscribe([(topic, 1) for topic in self._topics])

    # The callbacks run inside `Client.loop`, in this thread; they only note, and never publish.

    def _on_connect(
        self,
        _client: Client,
        _data: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        self._is_answered = True
        if reason.is_failure:
            self._ended = _refusal(reason, self._broker)
            return
        self.receive_maximum = getattr(properties, "ReceiveMaximum", _LARGEST_RECEIVE_MAXIMUM)
        self._subscribe()

    def _on_subscribe(
        self,
        _client: Client,
        _data: object,
        _mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        self._is_subscribed = True
        refused = zip(self._topics, reasons, strict=False)
        self.refused = tuple(topic for topic, reason in refused if reason.is_failure)

    def _on_publish(
        self,
        _client: Client,
        _data: object,
        mid: int,
        reason: ReasonCode,
        _properties: Properties,
    ) -> None:
        nobody_listens = reason.value == _NO_SUBSCRIBERS
        self._on_answer(mid, Answer(str(reason), reason.is_failure, nobody_listens))

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
        self._ended = self._ended or _end(reason, by_broker=flags.is_disconnect_packet_from_server)


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
        client.tls_set_context(tls_context(broker.tls))
    return client


def _properties(packet: int) -> Properties:
    return Properties(packet)  # type: ignore[no-untyped-call]


def _with_will() -> ReasonCode:
    return ReasonCode(PacketTypes.DISCONNECT, identifier=4)


def _refusal(reason: ReasonCode, broker: BrokerConfig) -> str:
    if reason.value in _BAD_LOGIN:
        who = f"username {broker.username}" if broker.username else "a login without a username"
        return f"it refuses {who}, or its password ({reason})"
    return f"it refuses the connection: {reason}"


def _end(reason: ReasonCode, *, by_broker: bool) -> str:
    """Say why a link ended; mosquitto 2.0 closes one whose session another takes silently."""
    if reason.value == _SESSION_TAKEN_OVER:
        return "another machine took over this gateway's session: it uses its name and key"
    if by_broker:
        return f"it ended the link: {reason}"
    if reason.value == _UNSPECIFIED:
        return (
            "it closed the link and said nothing; where this goes on, another machine uses this "
            "gateway's name and key"
        )
    return f"the link is lost: {reason}"
