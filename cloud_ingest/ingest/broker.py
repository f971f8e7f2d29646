# SPDX-License-Identifier: MIT
"""Where the broker is, and who this ingest is to it.

In: the settings, and the password from the file that they name. Out: a `Broker`. Never: a password
in a ``repr`` or a message.
"""

from dataclasses import dataclass, field
from pathlib import Path

from cloud_ingest.errors import ConfigurationError
from cloud_ingest.settings import CloudSettings, read_secret
from shared_schema.tls import TlsFiles

SESSION_EXPIRY_S = 7 * 86400
"""How long the broker keeps the session of an ingest that is down; the edge keeps longer."""
MEMBER_EXPIRY_S = 60
"""How long it keeps the session of one worker of several. What it holds for that worker no other
gets meanwhile; the gateways send again what has no receipt."""


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker's address, and how this ingest logs in."""

    host: str
    port: int = 1883
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    client_id: str = "cloud-ingest"
    """One for each ingest: the broker ends the older link of two with the same."""
    group: str | None = None
    """The workers among which the messages are shared."""
    session_expiry_s: int = SESSION_EXPIRY_S
    """0: the broker forgets us when the link ends."""
    tls: TlsFiles | None = None
    """None: the link is not encrypted."""
    keepalive_s: int = 30
    connect_timeout_s: float = 10.0

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def broker_from_settings(settings: CloudSettings, client_id: str) -> Broker:
    """Gather what a link to the broker needs, with the password read from its file.

    Raises:
        ConfigurationError: a secret cannot be read, or others than its owner may read it.
    """
    password: str | None = None
    if (path := settings.broker_password_file) is not None:
        password = _password(path)
    return Broker(
        settings.broker_host,
        settings.broker_port,
        username=settings.broker_username,
        password=password,
        client_id=client_id,
        tls=tls_files(settings) if settings.broker_tls else None,
    )


def _password(path: Path) -> str:
    try:
        return read_secret(path, "the broker's password").decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ConfigurationError(
            f"the broker's password: {path} is no text in UTF-8: write it anew"
        ) from None


def tls_files(settings: CloudSettings) -> TlsFiles:
    """Return the files of the settings, as messages call them.

    Raises:
        ConfigurationError: others than its owner may read the key.
    """
    if (key := settings.broker_key_file) is not None:
        read_secret(key, "the certificate's key (broker_key_file)")
    return TlsFiles(
        settings.broker_ca_file,
        settings.broker_cert_file,
        settings.broker_key_file,
        ("broker_ca_file", "broker_cert_file", "broker_key_file"),
    )
