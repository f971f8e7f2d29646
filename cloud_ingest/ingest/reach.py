# SPDX-License-Identifier: MIT
"""Whether the broker can be reached, and in a person's words why not.

In: a `Broker`; what a connection ended with. Out: a line; nothing where all is well. Never: a
session, or the end of another's.
"""

import socket
from datetime import UTC, datetime

from cloud_ingest.errors import BrokerLost, BrokerRefused, ConfigurationError
from cloud_ingest.ingest.broker import Broker
from shared_schema import tls
from shared_schema.tls import TlsContext, TlsFault

BAD_PASSWORD = 134
NOT_AUTHORISED = 135
SESSION_TAKEN_OVER = 142


def tls_context(broker: Broker) -> TlsContext | None:
    """Return the TLS of a connection to the broker.

    Raises:
        ConfigurationError: a file of certificates cannot be used.
    """
    if broker.tls is None:
        return None
    try:
        return tls.client_context(broker.tls)
    except TlsFault as fault:
        raise ConfigurationError(str(fault)) from None


def knock(broker: Broker) -> None:
    """Make sure that the broker takes our certificate, if we have one; open no session.

    Raises:
        ConfigurationError: a file of certificates cannot be used.
        BrokerLost: it does not, or nothing answers.
    """
    context = tls_context(broker)
    if context is None:
        return
    try:
        tls.knock(broker.host, broker.port, context)
    except OSError as error:
        raise unreachable(broker, error) from None


def unreachable(broker: Broker, error: BaseException | None) -> BrokerLost:
    """Say why no link came about.

    Args:
        broker: Where it was tried.
        error: What the connection ended with; None: it ended without a word.
    """
    return BrokerLost(f"no link to the broker at {broker}: {_why(broker, error)}")


def not_granted(broker: Broker, topic: str, code: object) -> BrokerRefused:
    """Say that a subscription is refused."""
    return BrokerRefused(
        f"the broker at {broker} does not let {broker.username or 'us'} subscribe to {topic} "
        f"({code}): tell it (cloud-ingest broker apply), or allow it in its access list"
    )


def lost(broker: Broker, error: BaseException) -> BrokerLost | BrokerRefused:
    """Say why a link ended, by the reason code that the error, or its cause, has.

    Args:
        broker: Where it led.
        error: What aiomqtt ended it with.
    """
    told = error if hasattr(error, "rc") else error.__cause__
    reason = getattr(told, "rc", None)
    code = getattr(reason, "value", None)
    if code in {BAD_PASSWORD, NOT_AUTHORISED}:
        who = broker.username or "an unnamed client"
        return BrokerRefused(
            f"the broker at {broker} refuses {who} ({str(reason).lower()}): "
            "check the user and the password file"
        )
    if code == SESSION_TAKEN_OVER:
        return BrokerLost(
            f"another ingest took over the session {broker.client_id!r} at {broker}: "
            "give each its own --client-id"
        )
    return BrokerLost(f"no link to the broker at {broker}: {told or error}")


def _why(broker: Broker, error: BaseException | None) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there; start the broker, or give --broker HOST:PORT"
    if isinstance(error, socket.gaierror):
        return "no such host name; give --broker HOST:PORT"
    ended = "no answer" if isinstance(error, TimeoutError) else str(error or "it ends at once")
    host, port = broker.host, broker.port
    if broker.tls is None:
        said = "it speaks TLS on this port; set broker_tls = true (--tls)"
        return said if tls.speaks_tls(host, port) else ended
    return tls.trouble(error, host, port, broker.tls, datetime.now(UTC)) or ended
