# SPDX-License-Identifier: GPL-2.0-only
"""The settings of a gateway: its buses, the meters on them, where things are kept.

A class is a table of the settings file, in the order of the file, so that a person who looks for a
field finds it in one place: for that the module is longer than others. The secrets that the tables
name are read here too, because one check holds them all: only the owner may read the file.

In: a file and the environment, read once by the command line. Out: frozen models.
Never: a secret in a message, a log or a `repr`.
"""

import os
import stat
import tomllib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeVar
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from edge_agent.clock_policy import Limits, remark
from edge_agent.dlms.security import Mode
from edge_agent.errors import ConfigurationError, Setup
from shared_schema.errors import ContractError
from shared_schema.gateway import CommandKind
from shared_schema.message import GatewayName
from shared_schema.signing import (
    SigningKey,
    VerifyKey,
    private_key_from_pem,
    public_key_from_pem,
)

_PATHS = frozenset(
    {
        "spool",
        "models_dir",
        "key_file",
        "cloud_key_file",
        "password_file",
        "encryption_key_file",
        "authentication_key_file",
        "signing_key_file",
        "meter_public_key_file",
        "port",
        "ca",
        "cert",
        "key",
    }
)
"""Keys whose texts are paths: a relative one starts at the settings file's folder."""
_SECRET_BYTES = 64 * 1024
"""A key of any kind, with its certificate chain, is smaller."""
Key = TypeVar("Key")
Secured = TypeVar("Secured", bound="SetterConfig | MeterConfig")


PUBLIC_CLIENT: Final = 16
UTILITY_CLIENT: Final = 48
Client = Annotated[int, Field(strict=True, ge=1, le=127)]
"""An HDLC client address: 16, 32 and 48 are those of IS 15959; other makers have others."""


def read_secret(path: Path, what: str) -> bytes:
    """Read a file that its owner alone may read, or a credential that systemd gave.

    Credentials stand below ``$CREDENTIALS_DIRECTORY``, in a folder for this service alone, and
    have mode 0440.

    Raises:
        ConfigurationError: it cannot be read, is no file, is too large, or others may read it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise ConfigurationError(f"{what}: {path} is not a file", of=Setup.SECRET_FILE)
            others = 0o337 if _is_credential(path) else 0o177
            if stat.S_IMODE(mode) & 0o177 and stat.S_IMODE(mode) & others:
                raise ConfigurationError(
                    f"{what}: others may read {path}: set its mode with: chmod 600 {path}",
                    of=Setup.SECRET_FILE,
                )
            secret = file.read(_SECRET_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {what}: {error.strerror}: {path}", of=Setup.SECRET_FILE
        ) from None
    if len(secret) > _SECRET_BYTES:
        raise ConfigurationError(
            f"{what}: {path} is larger than {_SECRET_BYTES} bytes", of=Setup.SECRET
        )
    return secret


def _is_credential(path: Path) -> bool:
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    return folder.startswith("/") and path.resolve().is_relative_to(Path(folder).resolve())


def read_password(path: Path, what: str, *, longest: int = 64) -> SecretStr:
    """Read a password of ASCII characters; a newline at the file's end is not part of it.

    Raises:
        ConfigurationError: as `read_secret`; or it is empty, too long or not ASCII.
    """
    secret = read_secret(path, what).rstrip(b"\r\n")
    if not secret or len(secret) > longest:
        raise ConfigurationError(
            f"{what}: {path} must hold 1 to {longest} characters", of=Setup.SECRET
        )
    try:
        return SecretStr(secret.decode("ascii"))
    except UnicodeDecodeError:
        raise ConfigurationError(
            f"{what}: {path} must hold ASCII characters", of=Setup.SECRET
        ) from None


def _in_pairs(config: Secured) -> Secured:
    for one, other in (
        ("encryption_key_file", "authentication_key_file"),
        ("signing_key_file", "meter_public_key_file"),
    ):
        if (getattr(config, one) is None) != (getattr(config, other) is None):
            raise ValueError(f"{one} and {other} go together")
    return config


class SetterConfig(BaseModel):
    """``[bus.meter.setter]``: the association that may set the meter's clock."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    client: Client = 48
    """48 is the utility's; a few meters let the meter reader set their clock."""
    security: Mode | None = None
    """None: `lls` for client 32, `hls-gmac` for 48; for another what its files are enough for."""

    @field_validator("client")
    @classmethod
    def _may_set(cls, client: int) -> int:
        if client == PUBLIC_CLIENT:
            raise ValueError("16, the public client, sets no clock")
        return client

    password_file: Path | None = None
    encryption_key_file: Path | None = None
    """Of this client: its keys may differ from the meter reader's."""
    authentication_key_file: Path | None = None
    signing_key_file: Path | None = None
    meter_public_key_file: Path | None = None
    system_title: str | None = Field(pattern=r"^[0-9a-fA-F]{16}$", default=None)

    @model_validator(mode="after")
    def _keys_together(self) -> Self:
        return _in_pairs(self)


class MeterConfig(BaseModel):
    """One meter as it was commissioned: where it answers and how to speak to it.

    Its label is for people; its identity is read from the meter itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str = Field(min_length=1, max_length=64)
    """What people call it: ``A-1204 electricity``."""
    address: int = Field(ge=1, le=0x3FFD)
    """Physical address on the bus; the upper HDLC address is ``logical_address``."""
    logical_address: int = Field(ge=1, le=0x3FFD, default=1)
    model: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$", default="generic")
    """The name of a file under ``edge_agent/models``: the quirks of this kind of meter."""
    models_dir: Path | None = None
    """Where models are besides the packaged ones; by default the gateway's ``models_dir``."""
    address_bytes: Literal[0, 1, 4] | None = None
    """How the address is written; None takes what the model says."""
    deviation_sign: Literal[-1, 0, 1] | None = None
    """How it writes its time zone; None takes what the model says."""
    client: Client | None = None
    """16 public, 32 meter reader, 48 utility, another from 1 to 127; None takes what the model
    says."""
    security: Mode | None = None
    """How it associates; None: `none` for client 16, `lls` for 32, `hls-gmac` for 48, and for
    another client what its files are enough for."""
    password_file: Path | None = None
    """File with the LLS password, or the secret of `hls`, `hls-md5`, `hls-sha1`, `hls-sha256`;
    readable by its owner alone (mode 0600 or stricter)."""
    encryption_key_file: Path | None = None
    """The same of the encryption key (EK) of `lls-ae`, `hls-gmac`, `hls-sha256`, `hls-ecdsa`."""
    authentication_key_file: Path | None = None
    """The same of the authentication key (AK)."""
    signing_key_file: Path | None = None
    """The same of the client's private key of `hls-ecdsa`, PEM, on P-256."""
    meter_public_key_file: Path | None = None
    """The same of the meter's public key."""
    system_title: str | None = Field(pattern=r"^[0-9a-fA-F]{16}$", default=None)
    """The client's system title; None derives one from the gateway and the meter's place."""
    security_suite: Literal[0, 1, 2] = 0
    """0 is what Indian meters have. 1 and 2 are unproven: no meter was read with them."""
    set_clock: bool = False
    """Whether the gateway may set its clock: on its own, and when the cloud asks for it."""
    setter: SetterConfig | None = None
    """As whom; None: as the client that reads, where that is 48."""

    @model_validator(mode="after")
    def _keys_together(self) -> Self:
        return _in_pairs(self)

    @model_validator(mode="after")
    def _setter_for_clock(self) -> Self:
        if self.set_clock and self.setter is None and self.client != UTILITY_CLIENT:
            raise ValueError(
                "set_clock needs an association that may do so: [bus.meter.setter], or client = 48"
            )
        return self

    def password(self) -> SecretStr | None:
        """Read the LLS password, or None where this meter has none.

        A newline at the end of the file is not part of it.

        Raises:
            ConfigurationError: the file cannot be read, is empty, or others may read it.
        """
        if self.password_file is None:
            return None
        return read_password(self.password_file, f"the password of {self.label}")


class BusConfig(BaseModel):
    """One RS-485 line and the meters on it."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_alias=True, validate_by_name=True
    )

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$")
    port: Path
    """The adapter, best by its lasting name under ``/dev/serial/by-id``; or a pty."""
    baudrate: Literal[300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] = 9600
    parity: Literal["none", "even", "odd"] = "none"
    direction_control: Literal["adapter", "rs485", "rts"] = "adapter"
    """Who turns the line around: the adapter itself, the kernel's RS-485 mode, or RTS."""
    turnaround_s: float = Field(gt=0, le=10, default=2.0)
    """How long a meter may think before the first byte of its answer."""
    meters: tuple[MeterConfig, ...] = Field(alias="meter", default=())
    """``[[bus.meter]]``; each address and each label once."""

    @model_validator(mode="after")
    def _each_meter_once(self) -> Self:
        _once(((meter.logical_address, meter.address) for meter in self.meters), "address")
        return self


def _once(values: Iterator[object], what: str) -> None:
    seen: set[object] = set()
    for value in values:
        if value in seen:
            shown = value[-1] if isinstance(value, tuple) else value
            raise ValueError(f"{what} {shown} stands twice")
        seen.add(value)


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise ValueError(
            f"no time zone {name!r} on this machine (Debian has them in tzdata)"
        ) from None
    return name


class TlsConfig(BaseModel):
    """``[broker.tls]``: whom to believe, and the gateway's own certificate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ca: Path | None = None
    """PEM of the authority that signed the broker's certificate; None takes the system's."""
    cert: Path | None = None
    """PEM of the gateway's certificate, whose common name is the gateway's name."""
    key: Path | None = None
    """PEM of the certificate's private key, mode 0600."""

    @model_validator(mode="after")
    def _certificate_with_key(self) -> Self:
        if (self.cert is None) != (self.key is None):
            raise ValueError("cert and key go together")
        return self


class BrokerConfig(BaseModel):
    """``[broker]``: where the gateway publishes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(min_length=1, max_length=253)
    port: int | None = Field(ge=1, le=65535, default=None)
    """None: 8883 with TLS, 1883 without."""
    username: str | None = Field(min_length=1, max_length=128, default=None)
    password_file: Path | None = None
    tls: TlsConfig | None = None
    keepalive_s: int = Field(ge=5, le=3600, default=30)

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
        return read_password(self.password_file, "the broker's password", longest=256)


class CommandsConfig(BaseModel):
    """``[commands]``: what the cloud may ask of this gateway."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    allow: frozenset[CommandKind] = frozenset(
        {CommandKind.READ_NOW, CommandKind.BACKFILL, CommandKind.READ_EVENTS}
    )
    """What is run; anything else is refused. Reading is allowed by default, writing is not."""


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
            raise ValueError("set_above_s is less than set_within_s")
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

    gateway: GatewayName
    """The gateway's name: one over all societies, and its certificate's common name."""
    spool: Path
    """The file that keeps readings until the cloud has them."""
    key_file: Path
    """The gateway's private key, made by ``edge-agent keygen``; mode 0600."""
    cloud_key_file: Path
    """The cloud's public key: its signature is what a receipt is believed by."""
    zone: Annotated[str, AfterValidator(_known_zone), Field(validate_default=True)] = "Asia/Kolkata"
    """The society's time zone: its meters' clocks show it."""
    poll_period_s: int = Field(ge=60, le=86400, default=900)
    gather_s: int = Field(ge=0, le=60, default=10)
    """How long what was read waits for other meters, so that it goes out in one message."""
    models_dir: Path | None = None
    """Folder of meter models besides the packaged ones; ``edge-agent models check`` reads one."""
    assume_synchronised_clock: bool = False
    """Believe the machine's clock where the system cannot say whether it is synchronised."""
    spool_keep_days: int = Field(ge=1, le=3650, default=35)
    """How long a batch stays after the cloud has it, while the spool has room."""
    spool_max_mb: int = Field(ge=16, le=1024 * 1024, default=2048)
    broker: BrokerConfig
    commands: CommandsConfig = CommandsConfig()
    clocks: ClocksConfig = ClocksConfig()
    buses: tuple[BusConfig, ...] = Field(alias="bus", default=())

    @model_validator(mode="after")
    def _each_bus_once(self) -> Self:
        _once((bus.name for bus in self.buses), "bus name")
        _once((bus.port for bus in self.buses), "port")
        _once((meter.label for bus in self.buses for meter in bus.meters), "meter label")
        return self

    @property
    def keep(self) -> timedelta:
        """How long a batch stays after the cloud has it."""
        return timedelta(days=self.spool_keep_days)

    def signing_key(self) -> SigningKey:
        """Read the gateway's private key.

        Raises:
            ConfigurationError: no such file, others may read it, or it is no such key.
        """
        pem = read_secret(self.key_file, "the gateway's key (edge-agent keygen makes one)")
        return _key(self.key_file, pem, private_key_from_pem)

    def cloud_key(self) -> VerifyKey:
        """Read the cloud's public key.

        Raises:
            ConfigurationError: no such file, or it is no such key.
        """
        try:
            pem = self.cloud_key_file.read_bytes()
        except OSError as error:
            raise ConfigurationError(
                f"cannot read the cloud's public key: {error.strerror}: {self.cloud_key_file}",
                of=Setup.CLOUD_KEY,
            ) from None
        return _key(self.cloud_key_file, pem, public_key_from_pem)


def _key(path: Path, pem: bytes, read: Callable[[bytes], Key]) -> Key:
    try:
        return read(pem)
    except ContractError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def load_settings(path: Path) -> AgentSettings:
    """Read a gateway's settings from a TOML file.

    Raises:
        ConfigurationError: one line that names the file, the table, the field and what is wrong.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the settings: {error.strerror}: {path}", of=Setup.FILE
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(
            f"{path}: the settings must be UTF-8 text", of=Setup.SETTINGS
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: not TOML: {error}", of=Setup.SETTINGS) from None
    try:
        return AgentSettings.model_validate(
            _with_models(_anchored(document, path.absolute().parent))
        )
    except ValidationError as error:
        raise ConfigurationError(
            f"{path}: {_first_problem(error, document)}", of=Setup.SETTINGS
        ) from None


def _anchored(value: Any, folder: Path) -> Any:
    """Return the document with its relative paths made absolute."""
    if isinstance(value, dict):
        return {
            key: str(folder / item)
            if key in _PATHS and isinstance(item, str)
            else _anchored(item, folder)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_anchored(item, folder) for item in value]
    return value


def _with_models(document: Any) -> Any:
    """Return the document with each meter told where the gateway's own models are."""
    folder = document.get("models_dir")
    buses = document.get("bus")
    if folder is None or not isinstance(buses, list):
        return document
    for bus in buses:
        meters = bus.get("meter") if isinstance(bus, dict) else None
        for meter in meters if isinstance(meters, list) else ():
            if isinstance(meter, dict):
                meter.setdefault("models_dir", folder)
    return document


def _first_problem(error: ValidationError, document: dict[str, Any]) -> str:
    """Write the first problem as ``[[bus.meter]] A-1204, address: …``."""
    first = error.errors(include_url=False)[0]
    tables: list[str] = []
    names: list[str] = []
    here: Any = document
    field = ""
    repeated = False
    for part in first["loc"]:
        if isinstance(part, int):
            repeated = True
            here = here[part] if isinstance(here, list) and part < len(here) else None
            label = here.get("label", here.get("name")) if isinstance(here, dict) else None
            names = [str(label) if label else f"number {part + 1}"]
        else:
            if field:
                tables.append(field)
            field = {"buses": "bus", "meters": "meter"}.get(part, part)
            here = here.get(field) if isinstance(here, dict) else None
    if isinstance(here, dict):
        tables.append(field)
        field = ""
    table = ".".join(tables)
    shown = f"[[{table}]] " if repeated else f"[{table}] " if table else ""
    where = shown + ", ".join(filter(None, [*names, field]))
    message = {
        "missing": "is missing",
        "extra_forbidden": "no such field is known here",
    }.get(first["type"], first["msg"].removeprefix("Value error, "))
    return f"{where.strip()}: {message}" if where.strip() else message
