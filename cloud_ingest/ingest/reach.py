# SPDX-License-Identifier: MIT
"""Whether the broker can be reached, and in a person's words why not.

In: a `Broker`; what a connection ended with. Out: a line; nothing where all is well. Never: a
session, or the end of another's.
"""

import socket
from datetime import UTC, datetime

from cloud_ingest.errors import BrokerLost, ConfigurationError
from cloud_ingest.ingest.broker import Broker
from shared_schema import tls
from shared_schema.tls import TlsContext, TlsFault


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
