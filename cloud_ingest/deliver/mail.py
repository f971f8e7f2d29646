# SPDX-License-Identifier: MIT
"""One message to a mailbox: a mail with a text and the message's own bytes, signed.

The link is encrypted, by STARTTLS or from its first byte, and the server's certificate verified,
except to this machine itself. A mail that is sent twice, since nobody knows whether the first one
was taken, has the same Message-ID: mailboxes show it once. Each answer is waited for `TIMEOUT_S`,
the whole exchange takes at most `WHOLE_S`.

In: a mailbox, a message, the time. Out: nothing where the server took it. Never: a password or a
secret in a text, a header with a line break.

Raises: NotTaken.
"""

import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from cloud_ingest.deliver.letter import letter_of
from cloud_ingest.deliver.webhook import NotTaken, signing_secret
from cloud_ingest.settings import CloudSettings, read_secret
from cloud_ingest.settings_receivers import MailKind, MailReceiver, MailSettings
from cloud_ingest.store.webhooks import Delivery, Wanted
from shared_schema.events import EventKind, Severity
from shared_schema.text import visible
from shared_schema.webhook import SIGNATURE_HEADER, sign_webhook

TIMEOUT_S = 10.0
WHOLE_S = 60.0
ONE_EACH = timedelta(seconds=10)
"""A mailbox gets no more than one mail in so long."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Who carries mail for us."""

    host: str
    port: int
    tls: Literal["starttls", "tls", "none"]
    sender: str
    username: str | None = None
    password: str = field(default="", repr=False)
    ca_file: Path | None = None

    @property
    def domain(self) -> str:
        """Of the sender: Message-IDs end in it."""
        return self.sender.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Who gets mail, and which."""

    server: MailServer
    address: str
    secret: bytes = field(repr=False)
    societies: tuple[str, ...]
    messages: tuple[MailKind, ...]
    kinds: tuple[EventKind, ...] | None = None
    severity: Severity | None = None
    quiet_digest: bool = True
    acknowledges: bool = False
    one_each: timedelta = ONE_EACH

    @property
    def wanted(self) -> Wanted:
        """Which messages it gets, and where."""
        return Wanted(
            f"mailto:{self.address}",
            self.kinds,
            self.societies,
            self.messages,
            self.severity,
            self.quiet_digest,
        )

    def __str__(self) -> str:
        return f"mail to {self.address}"

    def send(self, due: Delivery, now: datetime, zone: ZoneInfo) -> None:
        """Hand one mail to the server.

        Raises:
            NotTaken: it was refused, or nobody knows: send it again.
        """
        mail = mail_of(self, due, now, zone)
        try:
            with _session(self.server) as server:
                server.send_message(mail, self.server.sender, [self.address])
        except smtplib.SMTPResponseException as error:
            raise NotTaken(_said(error.smtp_code, error.smtp_error), answered=True) from None
        except smtplib.SMTPRecipientsRefused as error:
            code, said = error.recipients[self.address]
            raise NotTaken(f"the mailbox is refused: {_said(code, said)}", answered=True) from None
        except smtplib.SMTPNotSupportedError:
            raise NotTaken("the server offers no STARTTLS, or no login", answered=False) from None
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise NotTaken(_words(error), answered=False) from None


def mailboxes(settings: CloudSettings) -> tuple[Mailbox, ...]:
    """Gather who gets mail, with the secrets read from their files.

    Raises:
        ConfigurationError: a file cannot be read, others than its owner may read it, or a secret is
            too short.
    """
    if settings.mail is None:
        return ()
    server = _server(settings.mail)
    return tuple(_mailbox(server, each) for each in settings.mail_to)


def _server(mail: MailSettings) -> MailServer:
    password = ""
    if mail.password_file is not None:
        password = read_secret(mail.password_file, "the mail server's password").decode().strip()
    return MailServer(
        mail.host, mail.port, mail.tls, mail.sender, mail.username, password, mail.ca_file
    )


def _mailbox(server: MailServer, receiver: MailReceiver) -> Mailbox:
    return Mailbox(
        server,
        receiver.address,
        signing_secret(receiver.secret_file, "the mail's secret"),
        receiver.societies,
        receiver.messages,
        receiver.kinds,
        receiver.severity,
        receiver.quiet_digest,
    )


def mail_of(box: Mailbox, due: Delivery, now: datetime, zone: ZoneInfo) -> EmailMessage:
    """Write a mail."""
    letter = letter_of(due.payload, zone)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = box.server.sender
    mail["To"] = box.address
    mail["Subject"] = letter.subject
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{due.event_id}.{due.version}@{box.server.domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail[SIGNATURE_HEADER] = sign_webhook(box.secret, int(now.timestamp()), due.payload)
    mail.set_content(letter.text)
    if letter.html is not None:
        mail.add_alternative(letter.html, subtype="html")
    mail.add_attachment(
        due.payload, maintype="application", subtype="json", filename="message.json"
    )
    return mail


@contextlib.contextmanager
def _session(to: MailServer) -> Iterator[smtplib.SMTP]:
    """Open a session with the server, encrypted and logged in as the settings say."""
    context = ssl.create_default_context(cafile=None if to.ca_file is None else str(to.ca_file))
    server = (
        smtplib.SMTP_SSL(timeout=TIMEOUT_S, context=context)
        if to.tls == "tls"
        else smtplib.SMTP(timeout=TIMEOUT_S)
    )
    watchdog = threading.Timer(WHOLE_S, _end, (server,))
    watchdog.daemon = True
    watchdog.start()
    try:
        server._host = to.host  # type: ignore[attr-defined]
        code, said = server.connect(to.host, to.port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, said)
        if to.tls == "starttls":
            server.starttls(context=context)
        if to.username is not None:
            server.login(to.username, to.password)
        yield server
        with contextlib.suppress(smtplib.SMTPException, OSError):
            server.quit()
    finally:
        watchdog.cancel()
        server.close()


def _end(server: smtplib.SMTP) -> None:
    with contextlib.suppress(OSError, AttributeError):
        server.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]


def _said(code: int, said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"{code} {' '.join(visible(text).split())[:120]}".strip()


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT_S:.0f} s"
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return "the server hung up"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
