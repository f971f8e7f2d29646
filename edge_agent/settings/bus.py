# SPDX-License-Identifier: GPL-2.0-only
"""The settings of a serial line and of the meters on it.

A class is a table of agent.toml, in the order of the file.

In: the tables ``[[bus]]``, ``[[bus.meter]]`` and ``[bus.meter.setter]``. Out: frozen models.
Never: a secret; only the names of the files that hold them.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

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
from pydantic_core import InitErrorDetails, PydanticCustomError

from edge_agent.dlms.security import PUBLIC_CLIENT, UTILITY_CLIENT, Mode
from edge_agent.secret_files import read_password
from shared_schema.settings.kinds import SECRET, Kind
from shared_schema.settings.tables import TWICE
from shared_schema.text import LONGEST_LABEL, composed, label_fault

Secured = TypeVar("Secured", bound="SetterConfig | MeterConfig")
Client = Annotated[
    int,
    Field(strict=True, ge=1, le=127),
    Kind("16 (public), 32 (meter reader), 48 (utility) or another from 1 to 127"),
]
"""An HDLC client address: 16, 32 and 48 are those of IS 15959; other makers have others."""
SystemTitle = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{16}$"), Kind("16 hexadecimal digits")]


def _without_nul(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError("no path has the character NUL")
    return path


FilePath = Annotated[Path, AfterValidator(_without_nul)]
SecretFile = Annotated[FilePath, SECRET]


def _as_label(text: str) -> str:
    if fault := label_fault(text):
        raise ValueError(fault)
    return composed(text)


Label = Annotated[str, AfterValidator(_as_label), Kind(f"text, up to {LONGEST_LABEL} characters")]
"""What people call a thing (`shared_schema.text`)."""


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
    """As whom the clock is set. 48 is the utility's; a few meters let the meter reader set their
    clock; 16, the public client, cannot."""
    security: Mode | None = None
    """How it associates, as ``security`` of the meter. None: `lls` for client 32, `hls-gmac` for
    48; for another what its files are enough for."""
    password_file: SecretFile | None = None
    """Of client 32, or the secret of `hls` and its kind."""
    encryption_key_file: SecretFile | None = None
    """Of this client: its keys may differ from the meter reader's."""
    authentication_key_file: SecretFile | None = None
    """Likewise; both or none."""
    signing_key_file: SecretFile | None = None
    """As that of the meter."""
    meter_public_key_file: SecretFile | None = None
    """As that of the meter; both or none."""
    system_title: SystemTitle | None = None
    """The client's system title. None: derived."""

    @field_validator("client")
    @classmethod
    def _may_set(cls, client: int) -> int:
        if client == PUBLIC_CLIENT:
            raise ValueError("16, the public client, sets no clock")
        return client

    @model_validator(mode="after")
    def _keys_together(self) -> Self:
        return _in_pairs(self)


class MeterConfig(BaseModel):
    """One meter as it was commissioned: where it answers and how to speak to it.

    Its label is for people; its identity is read from the meter itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: Label
    """What people call it, where it hangs and what it measures: ``A-1204 electricity``. Commands
    take it, ``A-1204/electricity``, or a beginning that no other label has; the meter itself is
    known by its maker and serial number."""
    address: int = Field(ge=1, le=0x3FFD)
    """Physical HDLC address on the bus; the upper one is ``logical_address``."""
    logical_address: int = Field(ge=1, le=0x3FFD, default=1)
    """Upper HDLC address."""
    model: Annotated[str, Kind("name of a model")] = Field(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$", default="generic"
    )
    """The kind of meter and its quirks: ``is16444``, ``is13779``, ``water``, ``generic``, ``dial``
    (no data port: never read), or one of ``models_dir``."""
    models_dir: FilePath | None = None
    """Where this meter's model is, if not among the packaged ones. None: that of the gateway."""
    address_bytes: Literal[0, 1, 4] | None = None
    """Form of the address: 4 always the long one, 1 the logical address alone, 0 as it fits. None:
    that of the model."""
    deviation_sign: Literal[-1, 0, 1] | None = None
    """How its clock writes its time zone: 1 as -330 for India, -1 as +330; ``edge-agent
    commission`` sets it. None: that of the model."""
    client: Client | None = None
    """As whom the meter is read. None: what the model says."""
    security: Mode | None = None
    """How it associates (docs/howto/security.md): client 16 with `none`, 32 with `lls` or `lls-ae`,
    48 with `hls-gmac` or another of `hls`, others with any. All with `hls` but `hls-gmac` are
    unproven. None: `none` for client 16, `lls` for 32, `hls-gmac` for 48; for another what its
    files are enough for."""
    password_file: SecretFile | None = None
    """The meter reader's password (LLS), or the secret of `hls-md5`, `hls-sha1`, `hls-sha256`:
    ASCII, up to 64 characters, with `lls-ae` up to 48; the secret of `hls`: as a key."""
    encryption_key_file: SecretFile | None = None
    """The encryption key (EK) of `lls-ae`, `hls-gmac`, `hls-sha256` and `hls-ecdsa`: 32 hexadecimal
    digits, or 16 characters."""
    authentication_key_file: SecretFile | None = None
    """The authentication key (AK), likewise; both or none."""
    signing_key_file: SecretFile | None = None
    """The client's private key of `hls-ecdsa`: PEM, on P-256."""
    meter_public_key_file: SecretFile | None = None
    """The meter's public key of `hls-ecdsa`, likewise; both or none."""
    system_title: SystemTitle | None = None
    """The client's system title, for meters that insist on one. None: derived from the gateway and
    the meter's place."""
    security_suite: Literal[0, 1, 2] = 0
    """0 is what Indian meters have. 1 and 2 are unproven: no meter was read with them; keys of
    suite 2 are twice as long; `hls-ecdsa` needs 1."""
    set_clock: bool = False
    """Whether the gateway may set its clock, on its own and when the cloud asks; needs ``setter``,
    or ``client = 48``."""
    setter: SetterConfig | None = None
    """The association that may set the clock: below. None: client 48, where the meter is read
    so."""

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
        return read_password(self.password_file, f"the password of {self.label} (password_file)")


class BusConfig(BaseModel):
    """One RS-485 line and the meters on it."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_alias=True, validate_by_name=True
    )

    name: Annotated[str, Kind("text: letters, digits, `_ . -`, up to 32")] = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$"
    )
    """What the log calls it."""
    port: FilePath
    """The adapter, best by its lasting name under ``/dev/serial/by-id``; or a pty."""
    baudrate: Literal[300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] = 9600
    """Speed of the line."""
    parity: Literal["none", "even", "odd"] = "none"
    """The parity bit of each byte."""
    direction_control: Literal["adapter", "rs485", "rts"] = "adapter"
    """Who turns the line around: the adapter itself, the kernel's RS-485 mode, or RTS."""
    turnaround_s: float = Field(gt=0, le=10, default=2.0)
    """How long a meter may think before the first byte of its answer."""
    meters: tuple[MeterConfig, ...] = Field(alias="meter", default=())
    """The meters on it: below; each address once."""

    @model_validator(mode="after")
    def _each_meter_once(self) -> Self:
        places = (
            (("meter", number, "address"), (meter.logical_address, meter.address))
            for number, meter in enumerate(self.meters)
        )
        refuse(repeated(places))
        return self


def repeated(values: Iterable[tuple[tuple[int | str, ...], object]]) -> Iterator[InitErrorDetails]:
    """Yield a problem for each value that stood before.

    Args:
        values: the place of each below the table, and the value.
    """
    seen: set[object] = set()
    for place, value in values:
        if value in seen:
            shown = value[-1] if isinstance(value, tuple) else value
            said = PydanticCustomError(TWICE, "{shown} stands twice", {"shown": str(shown)})
            yield InitErrorDetails(type=said, loc=place, input=value)
        seen.add(value)


def refuse(problems: Iterable[InitErrorDetails]) -> None:
    """Raise pydantic's error with each problem at its own place, if there are any.

    Raises:
        ValidationError: there are.
    """
    if found := list(problems):
        raise ValidationError.from_exception_data("settings", found)
