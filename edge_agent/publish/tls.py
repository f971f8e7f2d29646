# SPDX-License-Identifier: GPL-2.0-only
"""TLS to the broker: the files of ``[broker.tls]``, and what went wrong with a connection.

In: ``[broker.tls]`` of the settings. Out: a context; an error as a few words for a person.
Never: a connection.
"""

import socket
from datetime import datetime

from edge_agent.errors import ConfigurationError, Setup
from edge_agent.secret_files import read_secret
from edge_agent.settings.gateway import BrokerConfig, TlsConfig
from shared_schema import tls
from shared_schema.tls import TlsContext, TlsFault, TlsFiles

_CALLED = ("[broker.tls] ca", "[broker.tls] cert", "[broker.tls] key")


def tls_files(config: TlsConfig) -> TlsFiles:
    """Return the files of the settings, as messages call them."""
    return TlsFiles(config.ca, config.cert, config.key, _CALLED)


def tls_context(config: TlsConfig) -> TlsContext:
    """Return the context of a connection: whom to believe, and the gateway's own certificate.

    Raises:
        ConfigurationError: a file cannot be read or used, or others may read the key.
    """
    if config.key is not None:
        read_secret(config.key, "the certificate's key ([broker.tls] key)")
    try:
        return tls.client_context(tls_files(config))
    except TlsFault as fault:
        raise ConfigurationError(str(fault), of=Setup.BROKER) from None


def unreachable(error: BaseException | None, broker: BrokerConfig, now: datetime) -> str:
    """Say in a few words why no connection came about; None: it ended without a word."""
    if isinstance(error, socket.gaierror):
        return "no such host name"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    ended = str(error) if error else "it ends the connection without an answer"
    if isinstance(error, TimeoutError):
        ended = "no answer"
    host, port = broker.address
    if broker.tls is None:
        speaks = tls.speaks_tls(host, port)
        return "it speaks TLS on this port: set [broker.tls]" if speaks else ended
    said = tls.trouble(error, host, port, tls_files(broker.tls), now)
    return said or getattr(error, "strerror", None) or ended
