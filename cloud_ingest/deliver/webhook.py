# SPDX-License-Identifier: MIT
"""One message to a webhook: a signed POST, and what became of it.

HTTPS only, except to this machine itself; the certificate is verified. A redirection is not
followed. Of the answer the status counts; no more than `MOST_READ` bytes of its body are read. To
connect takes at most `TIMEOUT_S` for each address of the host, and the exchange as long again.

In: a receiver, a message, the time. Out: nothing where it was taken. Never: the secret, or the
path of the address, in a text.

Raises: NotTaken.
"""

import contextlib
import http.client
import socket
import ssl
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

from cloud_ingest.errors import ConfigurationError
from cloud_ingest.settings import read_secret
from cloud_ingest.settings_receivers import MessageKind, WebhookSettings
from cloud_ingest.store.webhooks import Delivery, Wanted
from shared_schema.events import EventKind
from shared_schema.webhook import SIGNATURE_HEADER, sign_webhook

TIMEOUT_S = 10.0
MOST_READ = 65536
LEAST_SECRET = 16
USER_AGENT = "iot-utility"


class NotTaken(Exception):
    """A receiver did not take a message.

    Args:
        words: What happened.
        answered: Whether it answered: else nobody is there for any message.
    """

    def __init__(self, words: str, *, answered: bool) -> None:
        super().__init__(words)
        self.answered = answered


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where messages go, which ones, and the secret that signs them."""

    url: str = field(repr=False)
    secret: bytes = field(repr=False)
    kinds: tuple[EventKind, ...] | None = None
    """None: all."""
    societies: tuple[str, ...] | None = None
    """None: all."""
    messages: tuple[MessageKind, ...] = ("events",)
    acknowledges: bool = False
    """That it took a number says that billing has it."""
    ca_file: Path | None = None
    """The authorities that may have signed its certificate; None: the system's."""
    one_each: timedelta = timedelta()

    @property
    def wanted(self) -> Wanted:
        """Which messages it gets, and where."""
        return Wanted(self.url, self.kinds, self.societies, self.messages)

    def send(self, due: Delivery, now: datetime, _zone: ZoneInfo) -> None:
        """Send a message once.

        Raises:
            NotTaken: it was refused, or nobody knows whether it came: send it again.
        """
        post(self, due.event_id, due.version, due.payload, sent_s=int(now.timestamp()))

    @property
    def host(self) -> str:
        """The name or address of its machine."""
        return urlsplit(self.url).hostname or ""

    @property
    def encrypted(self) -> bool:
        """Whether it is HTTPS."""
        return urlsplit(self.url).scheme == "https"

    @property
    def port(self) -> int:
        """Its port, the scheme's where none is named."""
        return urlsplit(self.url).port or (443 if self.encrypted else 80)

    @property
    def target(self) -> str:
        """What is asked for: path and query."""
        parts = urlsplit(self.url)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def receiver_from_settings(settings: WebhookSettings) -> Receiver:
    """Gather what a delivery needs, with the secret read from its file.

    Raises:
        ConfigurationError: the file cannot be read, others than its owner may read it, or the
            secret is too short.
    """
    return Receiver(
        settings.url,
        signing_secret(settings.secret_file, "the webhook's secret"),
        settings.kinds,
        settings.societies,
        settings.messages,
        settings.acknowledges,
        settings.ca_file,
    )


def signing_secret(path: Path, what: str) -> bytes:
    """Read the secret that signs the messages to a receiver.

    Args:
        path: Where it is.
        what: What a message calls it.

    Raises:
        ConfigurationError: the file cannot be read, others than its owner may read it, or the
            secret is too short.
    """
    secret = read_secret(path, what).strip()
    if len(secret) < LEAST_SECRET:
        raise ConfigurationError(
            f"{what} in {path} has {len(secret)} characters: give it {LEAST_SECRET} or more, such "
            "as those of openssl rand -hex 32"
        )
    return secret


def post(receiver: Receiver, event_id: UUID, version: int, body: bytes, *, sent_s: int) -> None:
    """Send a message once.

    Args:
        receiver: Where to.
        event_id: The flag's id, or that of a topic; with the version it names the message.
        version: Of the message.
        body: The message as it stands on its topic.
        sent_s: The time, in seconds since 1970.

    Raises:
        NotTaken: it was refused, or nobody knows whether it came: send it again.
    """
    headers = {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "Idempotency-Key": f"{event_id}/{version}",
        SIGNATURE_HEADER: sign_webhook(receiver.secret, sent_s, body),
        "Connection": "close",
    }
    try:
        status = _exchange(receiver, headers, body)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotTaken(_words(error), answered=False) from None
    if 300 <= status < 400:
        raise NotTaken(f"redirects ({status}): give its new address", answered=True)
    if not 200 <= status < 300:
        raise NotTaken(f"answers {status}", answered=True)


def _exchange(receiver: Receiver, headers: dict[str, str], body: bytes) -> int:
    """Send a request and return the status of its answer."""
    bare = socket.create_connection((receiver.host, receiver.port), TIMEOUT_S)
    ended = threading.Event()
    twin = bare.dup()  # to wrap a socket in TLS takes its descriptor away
    watchdog = threading.Timer(TIMEOUT_S, _end, (twin, ended))
    watchdog.daemon = True
    watchdog.start()
    connection = http.client.HTTPConnection(receiver.host, receiver.port)
    connection.sock = bare
    try:
        if receiver.encrypted:
            connection.sock = _context(receiver).wrap_socket(bare, server_hostname=receiver.host)
        connection.request("POST", receiver.target, body, headers)
        with connection.getresponse() as response:
            if ended.is_set():  # a head that was cut ends like a whole one
                raise TimeoutError
            with contextlib.suppress(OSError, http.client.HTTPException):
                response.read(MOST_READ)
            return response.status
    except (OSError, http.client.HTTPException, ValueError):
        if ended.is_set():
            raise TimeoutError from None
        raise
    finally:
        watchdog.cancel()
        connection.close()
        bare.close()
        twin.close()


def _end(connection: socket.socket, ended: threading.Event) -> None:
    """Cut a connection whose answer takes too long, wherever its thread waits."""
    ended.set()
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _context(receiver: Receiver) -> ssl.SSLContext:
    return ssl.create_default_context(
        cafile=None if receiver.ca_file is None else str(receiver.ca_file)
    )


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT_S:.0f} s"
    if isinstance(error, http.client.HTTPException):
        return "its answer is no HTTP"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "its answer cannot be read"
