# SPDX-License-Identifier: MIT
"""Who gets messages without MQTT: the tables of cloud.toml for HTTP and mail.

In: a table. Out: a frozen model. Never: a secret; it stands in a file.
"""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from shared_schema.events import EventKind, Severity
from shared_schema.settings.kinds import Kind, SecretFile

_LONGEST_URL = 2000

MessageKind = Literal["events", "billing", "reconciliation"]
"""Flags; monthly numbers, withdrawals and manifests; the balances of towers."""

MailKind = Literal["events", "month", "digest"]
"""Flags; a month's manifest and balances; the morning's digest."""
ADDRESS = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$"


class WebhookSettings(BaseModel):
    """A receiver of messages by HTTP."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    """``https://…``; plain ``http://`` only to this machine itself (``localhost``, ``127.0.0.1``,
    ``::1``)."""
    secret_file: SecretFile
    """The secret of 16 characters or more that signs its messages."""
    kinds: Annotated[tuple[EventKind, ...], Kind("list of kinds of flags")] | None = None
    """Which flags, such as ``["leak", "burst"]`` (docs/howto/flags.md). None: all."""
    societies: tuple[str, ...] | None = None
    """Whose messages. None: those of all societies."""
    messages: Annotated[
        tuple[MessageKind, ...], Kind("list of `events`, `billing`, `reconciliation`")
    ] = ("events",)
    """What it gets: flags; monthly numbers, withdrawals and manifests; the balances of towers
    (docs/howto/webhooks.md)."""
    acknowledges: bool = False
    """It is billing: a number that it takes (2xx) is acknowledged, and not sent again over MQTT."""
    ca_file: Path | None = None
    """The authority that signed its certificate (PEM). None: the system's."""

    @field_validator("url")
    @classmethod
    def _is_safe(cls, url: str) -> str:
        return safe_url(url, "https://helpdesk.example/flags")

    @model_validator(mode="after")
    def _acknowledges_numbers(self) -> Self:
        if self.acknowledges and "billing" not in self.messages:
            raise ValueError('it acknowledges what it does not get: add "billing" to its messages')
        return self

    @field_validator("kinds", "societies", "messages")
    @classmethod
    def _names_some(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if names == ():
            raise ValueError("an empty list takes nothing: leave it out to take all")
        return names


class MailSettings(BaseModel):
    """The server that carries mail."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str
    """Its name or address."""
    port: int = Field(ge=1, le=65535, default=587)
    """587 for ``starttls``, mostly 465 for ``tls``."""
    tls: Literal["starttls", "tls", "none"] = "starttls"
    """How the link is encrypted; ``none`` to this machine itself alone."""
    sender: Annotated[str, Kind("mail address")] = Field(pattern=ADDRESS, max_length=254)
    """Who mail is from."""
    username: str | None = None
    """Our login, where the server asks for one."""
    password_file: SecretFile | None = None
    """The password of that login."""
    ca_file: Path | None = None
    """The authority that signed its certificate (PEM). None: the system's."""

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        if self.tls == "none" and not is_here(self.host):
            raise ValueError("mail goes in clear to this machine itself alone: set tls = starttls")
        if (self.username is None) != (self.password_file is None):
            raise ValueError("username and password_file go together")
        return self


class MailReceiver(BaseModel):
    """Somebody who gets mail."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: Annotated[str, Kind("mail address")] = Field(pattern=ADDRESS, max_length=254)
    """The mailbox."""
    secret_file: SecretFile
    """The secret of 16 characters or more that signs what is attached."""
    societies: tuple[str, ...] = Field(min_length=1)
    """Whose messages."""
    messages: Annotated[tuple[MailKind, ...], Kind("list of `events`, `month`, `digest`")] = Field(
        min_length=1, default=("events", "digest")
    )
    """What comes: each flag; each month's manifest and balances; the morning's digest
    (docs/howto/mail.md)."""
    kinds: Annotated[tuple[EventKind, ...], Kind("list of kinds of flags")] | None = None
    """Which flags. None: all."""
    severity: Severity | None = None
    """``alarm``: no flag that is only to be watched. None: all."""
    quiet_digest: bool = True
    """A morning with nothing to tell is told, too, in one line."""


def safe_url(url: str, example: str) -> str:
    """Return an address that residents or receivers are reached at.

    Raises:
        ValueError: it is none, or not a safe one.
    """
    parts = urlsplit(url)
    if not url.isascii() or not url.isprintable() or " " in url or len(url) > _LONGEST_URL:
        raise ValueError(f"not an address: {example}")
    if not parts.hostname or parts.port == 0 or parts.fragment:
        raise ValueError(f"it wants a host: {example}")
    if parts.username is not None:
        raise ValueError("a password has no place in it")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_here(parts.hostname)):
        raise ValueError("it wants https: plain http goes to this machine itself alone")
    return url


def is_here(host: str) -> bool:
    """Say whether a host is this machine itself, as it is written."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
