# SPDX-License-Identifier: GPL-2.0-only
"""TLS to the broker: the context of a connection, and what went wrong with one.

In: ``[broker.tls]`` of the settings. Out: a context; an error as a few words for a person.
Never: a connection.
"""

import socket
import ssl

from edge_agent.errors import ConfigurationError, Setup
from edge_agent.secret_files import read_secret
from edge_agent.settings.gateway import TlsConfig


class _TidySocket(ssl.SSLSocket):
    """Closes itself when the handshake fails: paho leaves that to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002
        """Shake hands, or close."""
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def tls_context(tls: TlsConfig) -> ssl.SSLContext:
    """Return the context of a connection: whom to believe, and the gateway's own certificate.

    Raises:
        ConfigurationError: a file cannot be read or used, or others may read the key.
    """
    if tls.key is not None:
        read_secret(tls.key, "the certificate's key ([broker.tls] key)")
    try:
        context = ssl.create_default_context(cafile=str(tls.ca) if tls.ca else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        if tls.cert is not None:
            context.load_cert_chain(tls.cert, tls.key)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        files = {"ca": tls.ca, "cert": tls.cert, "key": tls.key}
        named = ", ".join(f"{key} {file}" for key, file in files.items() if file)
        raise ConfigurationError(
            f"[broker.tls] the certificates cannot be used: {reason} ({named})", of=Setup.BROKER
        ) from None
    context.sslsocket_class = _TidySocket
    return context


def unreachable(error: Exception) -> str:
    """Say in a few words why no connection came about."""
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
