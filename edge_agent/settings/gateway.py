# SPDX-License-Identifier: GPL-2.0-only
"""The settings of a gateway: who it is, its broker, its lines, and where things are kept.

A class is a table of agent.toml, in the order of the file. The lines and meters are in `bus`.

In: the tables of the file. Out: frozen models.
Never: a secret in a message, a log or a `repr`.
"""

import contextlib
import difflib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from edge_agent.clock_policy import Limits, remark
from edge_agent.errors import ConfigurationError, Setup
from edge_agent.secret_files import read_password, read_secret
from edge_agent.settings.bus import BusConfig, FilePath, SecretFile, refuse, repeated
from shared_schema.errors import ContractError
from shared_schema.gateway import CommandKind
from shared_schema.message import GatewayName
from shared_schema.settings.kinds import Kind
from shared_schema.signing import (
    SigningKey,
    VerifyKey,
    fingerprint,
    private_key_from_pem,
    public_key_from_pem,
)

Key = TypeVar("Key")


def known_zone(name: str) -> str:
    """Return the name of a time zone that this machine knows."""
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        near = difflib.get_close_matches(name, available_timezones(), 1)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(
            f"no time zone {name!r} on this machine (Debian has them in tzdata){meant}"
        ) from None
    return name


class TlsConfig(BaseModel):
    """``[broker.tls]``: whom to believe, and the gateway's own certificate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ca: FilePath | None = None
    """PEM of the authority that signed the broker's certificate. None: the system's."""
    cert: FilePath | None = None
    """PEM of the gateway's certificate; its common name is the gateway's name."""
    key: SecretFile | None = None
    """PEM of the certificate's private key; goes with ``cert``."""

    @model_validator(mode="after")
    def _certificate_with_key(self) -> Self:
        if (self.cert is None) != (self.key is None):
            raise ValueError("cert and key go together")
        return self


class BrokerConfig(BaseModel):
    """``[broker]``: where the gateway publishes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(min_length=1, max_length=253)
    """Name or address of an MQTT 5 broker."""
    port: int | None = Field(ge=1, le=65535, default=None)
    """Where it listens. None: 8883 with TLS, 1883 without."""
    username: str | None = Field(min_length=1, max_length=128, default=None)
    """The gateway's login, where the broker asks for a password."""
    password_file: SecretFile | None = None
    """The login's password, ASCII, up to 256 characters; needs a username."""
    tls: TlsConfig | None = None
    """Without it the link is not encrypted."""
    keepalive_s: int = Field(ge=5, le=3600, default=30)
    """How soon a dead link is noticed."""

    @model_validator(mode="after")
    def _password_with_username(self) -> Self:
        if self.password_file is not None and self.username is None:
            raise ValueError("a password_file needs a username")
        return self

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port or (1883 if self.tls is None else 8883)

    def password(self) -> SecretStr | None:
        """Read the broker's password, or None where there is none.

        Raises:
            ConfigurationError: the file cannot be read, is empty, or others may read it.
        """
        if self.password_file is None:
            return None
        what = "the broker's password ([broker] password_file)"
        return read_password(self.password_file, what, longest=256)


class CommandsConfig(BaseModel):
    """``[commands]``: what the cloud may ask of this gateway."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    allow: frozenset[CommandKind] = frozenset(
        {
            CommandKind.READ_NOW,
            CommandKind.BACKFILL,
            CommandKind.READ_EVENTS,
            CommandKind.DIAGNOSE,
        }
    )
    """What is run; anything else is refused, with that reason. Reading is allowed by default,
    writing is not."""


class ClocksConfig(BaseModel):
    """``[clocks]``: what is said of the meters' clocks, and when one may be set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_drift_s_per_day: float = Field(gt=0, le=600, default=3.0)
    """A clock that gains or loses more is told."""
    set_above_s: int = Field(ge=5, le=600, default=30)
    """A clock that is no further off is left alone."""
    set_within_s: int = Field(ge=5, le=1800, default=600)
    """One that is further off is told and never set on its own."""
    guard_s: int = Field(ge=10, le=300, default=60)
    """How far from the end of a capture period a clock is set."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.set_above_s >= self.set_within_s:
            raise ValueError("set_above_s must be less than set_within_s")
        return self

    @property
    def limits(self) -> Limits:
        """When a clock may be set."""
        return Limits(self.set_above_s, self.set_within_s, self.guard_s)

    def remark(self, offset_s: float, drift_s_per_day: float | None) -> str:
        """Return what is wrong with a clock by these limits; empty for nothing."""
        return remark(
            offset_s,
            drift_s_per_day,
            most_s=self.set_within_s,
            fastest_s_per_day=self.max_drift_s_per_day,
        )


class AgentSettings(BaseModel):
    """One gateway: the whole settings file."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_alias=True, validate_by_name=True
    )

    gateway: Annotated[GatewayName, Kind("text: letters, digits, `_ . -`, up to 63")]
    """Its name, one over all societies; the common name of its certificate."""
    spool: FilePath
    """The file that keeps readings until the cloud has them; made at the first start."""
    key_file: SecretFile
    """The gateway's private key; ``edge-agent keygen`` makes one. The next one waits beside it,
    with ``.next`` at its end (docs/howto/enrol.md#change-the-signing-key)."""
    cloud_key_file: FilePath
    """The cloud's public key (PEM); only receipts that it signed are believed."""
    zone: Annotated[
        str,
        AfterValidator(known_zone),
        Field(validate_default=True),
        Kind("name of a time zone"),
    ] = "Asia/Kolkata"
    """The society's; its meters' clocks show it."""
    poll_period_s: int = Field(ge=60, le=86400, default=900)
    """How often each meter is polled."""
    gather_s: int = Field(ge=0, le=60, default=10)
    """How long what was read waits for other meters, so that it goes out in one message; 0: not at
    all (docs/adr/0013-gathered-batches.md)."""
    models_dir: FilePath | None = None
    """Folder of meter models besides the packaged ones; a file there takes the place of a packaged
    one of its name. ``edge-agent models check`` reads one."""
    assume_synchronised_clock: bool = False
    """Believe the machine's clock where the system cannot say whether it is synchronised, until
    it jumps."""
    spool_keep_days: int = Field(ge=1, le=3650, default=35)
    """How long a batch stays after the cloud has it, while there is room."""
    spool_max_mb: int = Field(ge=16, le=1024 * 1024, default=2048)
    """The spool's largest size; then the oldest gives way (docs/adr/0005-full-spool.md)."""
    broker: BrokerConfig
    """Where the gateway publishes: below."""
    commands: CommandsConfig = CommandsConfig()
    """What the cloud may ask of it: below."""
    clocks: ClocksConfig = ClocksConfig()
    """The meters' clocks: what is said of them, when one may be set."""
    buses: tuple[BusConfig, ...] = Field(alias="bus", default=())
    """The lines and their meters: below; each name, port and meter label once."""

    @model_validator(mode="after")
    def _each_bus_once(self) -> Self:
        buses = tuple(enumerate(self.buses))
        labels = (
            (("bus", number, "meter", place, "label"), meter.label)
            for number, bus in buses
            for place, meter in enumerate(bus.meters)
        )
        refuse(
            (
                *repeated(((("bus", number, "name"), bus.name) for number, bus in buses)),
                *repeated(((("bus", number, "port"), bus.port) for number, bus in buses)),
                *repeated(labels),
            )
        )
        return self

    @property
    def spool_max_bytes(self) -> int:
        """The largest size of the spool's file."""
        return self.spool_max_mb * 1024 * 1024

    @property
    def keep(self) -> timedelta:
        """How long a batch stays after the cloud has it."""
        return timedelta(days=self.spool_keep_days)

    def signing_key(self) -> SigningKey:
        """Read the gateway's private key; a public half beside it must fit.

        Raises:
            ConfigurationError: no such file, others may read it, it is no such key, or the file
                with .pub at its end is of another one.
        """
        pem = read_secret(self.key_file, "the gateway's key (key_file)", missing=Setup.GATEWAY_KEY)
        key = _key(self.key_file, pem, private_key_from_pem, Setup.GATEWAY_KEY)
        public = self.key_file.with_name(self.key_file.name + ".pub")
        with contextlib.suppress(OSError):
            half = _key(public, public.read_bytes(), public_key_from_pem, Setup.GATEWAY_KEY)
            if fingerprint(half) != fingerprint(key.public_key()):
                raise ConfigurationError(
                    f"{public} is of another key than {self.key_file}", of=Setup.GATEWAY_KEY
                )
        return key

    @property
    def next_key_file(self) -> Path:
        """Where the key waits that signs after the one of today (``edge-agent keygen --next``)."""
        return self.key_file.with_name(f"{self.key_file.name}.next")

    def next_key(self) -> SigningKey | None:
        """Read the next key; None: none waits.

        Raises:
            ConfigurationError: others may read it, or it is no such key.
        """
        if not self.next_key_file.exists():
            return None
        pem = read_secret(self.next_key_file, "the gateway's next key", missing=Setup.GATEWAY_KEY)
        return _key(self.next_key_file, pem, private_key_from_pem, Setup.GATEWAY_KEY)

    def cloud_key(self) -> VerifyKey:
        """Read the cloud's public key.

        Raises:
            ConfigurationError: no such file, or it is no such key.
        """
        try:
            pem = self.cloud_key_file.read_bytes()
        except OSError as error:
            raise ConfigurationError(
                f"cannot read the cloud's public key (cloud_key_file): {error.strerror}: "
                f"{self.cloud_key_file}",
                of=Setup.CLOUD_KEY,
            ) from None
        return _key(self.cloud_key_file, pem, public_key_from_pem, Setup.CLOUD_KEY)


def _key(path: Path, pem: bytes, read: Callable[[bytes], Key], of: Setup) -> Key:
    try:
        return read(pem)
    except ContractError as error:
        raise ConfigurationError(f"{path}: {error}", of=of) from None
