# SPDX-License-Identifier: GPL-2.0-only
"""Whether the broker is there and takes this gateway, tried once.

In: ``[broker]`` of the settings. Out: nothing, or one line that says what to do.
Never: a message lost, or the link of an agent that runs.
"""

from datetime import datetime
from uuid import uuid4

from edge_agent.errors import ConfigurationError, PublishError, Setup
from edge_agent.publish.mqtt import SESSION_EXPIRY_S, Login, MqttLink
from edge_agent.publish.tls import tls_context, tls_files, unreachable
from edge_agent.settings.gateway import BrokerConfig, TlsConfig
from shared_schema import tls
from shared_schema.topics import GatewayTopic, gateway_topic


def check_broker(broker: BrokerConfig, gateway: str, now: datetime, *, is_running: bool) -> None:
    """Say whether the broker is there, and lets the gateway in.

    With a certificate the gateway has one session at the broker. Where an agent has it, the broker
    is only asked whether it takes the certificate.

    Args:
        broker: where, and as whom.
        gateway: the gateway's name.
        now: this moment, aware.
        is_running: an agent runs with these settings.

    Raises:
        ConfigurationError: it is not, or does not; one line that says what to do.
    """
    own = broker.tls
    if own is not None:
        for each in tls.examine(tls_files(own), gateway, now):
            if each.level == "fail":
                raise ConfigurationError(each.said, of=Setup.BROKER)
    try:
        if own is None or own.cert is None:
            login = Login(broker, f"{gateway}-check-{uuid4().hex[:8]}")
            _link(login, gateway, session_expiry_s=0)
        elif is_running:
            _knock(broker, own, now)
        else:
            _link(Login(broker, gateway), gateway, session_expiry_s=SESSION_EXPIRY_S)
    except PublishError as error:
        host, port = broker.address
        raise ConfigurationError(f"broker {host}:{port}: {error}", of=Setup.BROKER) from None


def _knock(broker: BrokerConfig, own: TlsConfig, now: datetime) -> None:
    try:
        tls.knock(*broker.address, tls_context(own))
    except OSError as error:
        raise PublishError(unreachable(error, broker, now)) from None


def _link(login: Login, gateway: str, *, session_expiry_s: int) -> None:
    """Connect, subscribe to what the gateway listens to, and leave everything as it was."""
    kinds = (GatewayTopic.RECEIPTS, GatewayTopic.COMMANDS)
    with MqttLink(
        login,
        topics={gateway_topic(gateway, kind): _leave for kind in kinds},
        will=None,
        on_answer=lambda _packet, _answer: None,
        leaves_messages=True,
        session_expiry_s=session_expiry_s,
    ) as link:
        link.goodbye()
    if link.refused:
        raise PublishError(
            f"it does not let us subscribe to {link.refused[0]}: the gateway is not enrolled, or "
            "the broker was not told (cloud-ingest broker apply)"
        )


def _leave(_payload: bytes) -> None:
    """The message stays at the broker."""
