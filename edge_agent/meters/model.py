# SPDX-License-Identifier: GPL-2.0-only
"""Models of meters: their quirks as data, one TOML file each under ``edge_agent/models``.

In: a model's name, and a folder of further models. Out: a frozen `Model`.
Never: code for a single make; a new make is a new file.
"""

import contextlib
import difflib
import tomllib
from decimal import Context, Decimal, Inexact, localcontext
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from edge_agent.dlms.axdr import Scale, Zone
from edge_agent.dlms.security import UTILITY_CLIENT
from edge_agent.errors import ConfigurationError, Setup
from edge_agent.meters.identity import Identity
from shared_schema.catalogue import MANUFACTURER, Unit
from shared_schema.obis import Obis
from shared_schema.readings import MAX_WEIGHT
from shared_schema.settings.toml_lines import parsed

_MOST_DIGITS: Final = 9


def _no_text(value: object) -> object:
    if isinstance(value, str | bool):
        raise ValueError("Input should be a number")  # noqa: TRY004 - what pydantic expects
    return value


_Number = BeforeValidator(_no_text)


class ProfileToRead(BaseModel):
    """A profile (class 7) that is read from every meter of a model, when it has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    obis: Obis
    every: Literal["period", "hour", "day", "month"] = "period"
    """When it is read: a capture period after its newest row, once an hour, after local midnight,
    or after midnight of the first of the month and then once an hour until the row is there."""
    whole: bool = Field(strict=True, default=False)
    """It has one row, made when it is read: the buffer is read whole, without a range."""
    access: Literal["range", "entry"] = "range"
    """How rows are selected: by their time, or by their place, for meters that refuse a range."""
    optional: bool = Field(strict=True, default=False)
    """Not every meter of the model has it: that it is absent is no problem."""
    window_h: int = Field(strict=True, ge=1, le=366 * 24, default=24)
    """The longest range that is asked for at once, in hours; a day of rows of every period."""
    period_s: int | None = Field(strict=True, ge=0, le=366 * 86400, default=None)
    """The capture period of meters that do not state it truly, 0 for rows that have none; None
    reads attribute 4."""
    nulls: Literal["before", "missing"] = "before"
    """What a null in a row means: the value of the row before, or that there is no value."""

    @model_validator(mode="after")
    def _few_rows_are_read_by_place(self) -> Self:
        if self.access == "entry" and (self.every == "period" or self.whole):
            raise ValueError(
                'access = "entry" is for profiles of few rows: every = "day", "month" or "hour"'
            )
        return self

    @model_validator(mode="after")
    def _live_reads_do_not_wait_for_long_answers(self) -> Self:
        if self.every == "period" and self.window_h > 24:
            raise ValueError('window_h is at most 24 with every = "period"')
        return self


class StatusBit(BaseModel):
    """A bit of the profile status (0.0.96.10.1.255): that it is set or clear again is an event."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bit: int = Field(strict=True, ge=0, le=55)
    """0 is the lowest one."""
    means: Literal["cable_cut", "leak", "burst", "dry_pipe", "reverse_flow", "tamper"]


class Scaling(BaseModel):
    """What a register's count is worth, where the meter does not say it: a pulse weight.

    One of ``scaler``, ``weight`` and ``impulses`` tells it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    obis: Obis
    unit: int = Field(strict=True, ge=1, le=254)
    """The COSEM unit: 13 m3, 19 litre, 30 Wh."""
    scaler: int | None = Field(strict=True, ge=-9, le=9, default=None)
    """A count is worth 10^scaler units."""
    weight: Decimal | None = Field(gt=0, le=1_000_000, default=None)
    """A count is worth so many units, such as 2.5."""
    impulses: int | None = Field(strict=True, ge=1, le=1_000_000_000, default=None)
    """So many counts are worth one unit, such as 400 for a cubic metre."""

    @model_validator(mode="after")
    def _is_one_exact_weight(self) -> Self:
        given = [each for each in (self.scaler, self.weight, self.impulses) if each is not None]
        if len(given) != 1:
            raise ValueError("give one of scaler, weight (units a pulse), impulses (pulses a unit)")
        if self.unit == Unit.CUBIC_METRE and self.weight is not None and self.weight > 1:
            raise ValueError(
                f"a pulse of {self.weight} m3 is that of no meter of a house: unit 19 is the litre"
            )
        if self.scale.weight > MAX_WEIGHT or abs(self.scale.scaler) > _MOST_DIGITS:
            raise ValueError("a weight has at most 9 digits, and 9 behind the point")
        return self

    @property
    def scale(self) -> Scale:
        """The same as a whole number and a power of ten: 2.5 is 25 and -1, 20 is 2 and 1.

        Raises:
            ValueError: so many impulses a unit are no finite decimal.
        """
        if self.scaler is not None:
            return Scale(self.scaler, self.unit)
        with localcontext(Context(prec=40, traps=[Inexact])):
            try:
                worth = (self.weight or 1 / Decimal(self.impulses or 1)).normalize()
            except Inexact:
                raise ValueError(
                    f"{self.impulses} impulses a unit are worth no finite decimal: "
                    "set unit and scaler in the module"
                ) from None
        _, digits, exponent = worth.as_tuple()
        return Scale(int(exponent), self.unit, int("".join(map(str, digits))))


class Model(BaseModel):
    """One kind of meter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    data_port: bool = Field(strict=True, default=True)
    """False: no meter of the model can be read; its unit is read by its resident."""
    client: int = Field(strict=True, ge=1, le=127)
    """Whom to read as: 16 public, 32 meter reader with the LLS password, or another that its maker
    names. 48 is the utility's, which may change the meter: name it at the meter alone."""

    manufacturer: str | None = Field(min_length=1, max_length=64, default=None)
    """The maker of meters that do not name it (0.0.96.1.1); None insists on reading it."""
    max_info_length: int = Field(strict=True, ge=32, le=2030, default=1024)
    """Information bytes in a frame that are proposed to the meter."""
    address_bytes: Literal[0, 1, 4] = 0
    """4 where the long form of the address is wanted always, 1 where the meter has the logical
    address alone; 0 chooses."""
    inter_frame_s: Annotated[float, _Number] = Field(ge=0, le=1, default=0.0)
    """Rest between a meter's last byte and the next frame to it, for meters that are deaf so long
    after they answered."""
    public_pause_s: Annotated[float, _Number] = Field(ge=0, le=10, default=1.0)
    """Rest between an association of the public client and a ciphered one."""
    zone_offset_min: int = Field(strict=True, ge=-720, le=840, default=330)
    deviation_sign: Literal[-1, 0, 1] = 1
    """1: UTC = local + deviation (the Blue Book); -1: UTC = local - deviation; 0: ignore it."""
    max_clock_offset_s: int = Field(strict=True, ge=30, le=1800, default=300)
    """How far the meter's clock may be from the gateway's before its rows are not believed."""
    set_clock: Literal["time", "shift"] = "time"
    """How its clock is set: by writing the time, or by shifting it, by 900 s at most."""
    range_deviation: bool = Field(strict=True, default=False)
    """Whether the times of a range carry the deviation and the clock status."""
    lists: bool = Field(strict=True, default=True)
    """Whether to try reading registers by one request, when the meter offers it."""
    release: bool = Field(strict=True, default=True)
    """Whether an association is released (RLRQ) before the disconnection. On HDLC the
    disconnection alone ends it as well."""
    registers: tuple[Obis, ...] = ()
    """Read at each poll: cumulative registers and momentary values, of class 3, 4 or 5."""
    profiles: tuple[ProfileToRead, ...] = ()
    """In the order in which they are read."""
    status_bits: tuple[StatusBit, ...] = ()
    scaling: tuple[Scaling, ...] = ()
    identity: Identity = Identity()

    @field_validator("client")
    @classmethod
    def _reads_with_least_privilege(cls, client: int) -> int:
        if client == UTILITY_CLIENT:
            raise ValueError("48 may change the meter: give client = 48 in [[bus.meter]]")
        return client

    @field_validator("scaling")
    @classmethod
    def _a_code_is_weighed_once(cls, scaling: tuple[Scaling, ...]) -> tuple[Scaling, ...]:
        codes = [one.obis for one in scaling]
        if twice := {obis for obis in codes if codes.count(obis) > 1}:
            raise ValueError(f"{min(twice)} is weighed twice")
        return scaling

    @model_validator(mode="after")
    def _a_serial_number_is_no_maker(self) -> Self:
        if self.identity.code == MANUFACTURER and self.manufacturer is None:
            raise ValueError(
                f"the serial number is at {MANUFACTURER}, where other meters name their maker: "
                "give manufacturer as well"
            )
        return self

    @model_validator(mode="after")
    def _nothing_is_read_without_a_port(self) -> Self:
        if not self.data_port and (self.registers or self.profiles):
            raise ValueError("a model without a data port has no registers and no profiles")
        return self

    def stated(self, obis: Obis) -> Scale | None:
        """Return what a count of a code is worth, where the model states it."""
        return next((one.scale for one in self.scaling if one.obis == obis), None)

    @property
    def zone(self) -> Zone:
        """How these meters write their local time."""
        return Zone(self.zone_offset_min, self.deviation_sign)


def document(text: str) -> dict[str, Any]:
    """Return what a model's file says; a number with a point is a Decimal.

    Raises:
        tomllib.TOMLDecodeError: it is no TOML.
    """
    return parsed(text, Decimal)


def known(folder: Path | None = None) -> dict[str, Traversable]:
    """Return the file of each model, by name: the packaged ones, and those of a folder.

    A file of the folder takes the place of a packaged one of its name.

    Raises:
        ConfigurationError: the folder cannot be read.
    """
    found: dict[str, Traversable] = {}
    try:
        for place in (files("edge_agent") / "models", *([] if folder is None else [folder])):
            for entry in place.iterdir():
                if entry.name.endswith(".toml"):
                    found[entry.name.removesuffix(".toml")] = entry
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the models' folder: {error.strerror}: {folder}; correct models_dir",
            of=Setup.MODEL,
        ) from None
    return dict(sorted(found.items()))


def names(folder: Path | None = None) -> tuple[str, ...]:
    """Return the names of all models, in order.

    Raises:
        ConfigurationError: the folder cannot be read.
    """
    return tuple(known(folder))


@cache
def load(
    name: str, folder: Path | None = None, deviation_sign: Literal[-1, 0, 1] | None = None
) -> Model:
    """Return the model of this name.

    Args:
        name: the model's file without ``.toml``.
        folder: where models are besides the packaged ones.
        deviation_sign: of one meter, instead of the model's.

    Raises:
        ConfigurationError: there is none, or its file is wrong.
    """
    models = known(folder)
    if name not in models:
        near = difflib.get_close_matches(name, models, 1)
        which = f"did you mean {near[0]}?" if near else f"there are {', '.join(models)}"
        raise ConfigurationError(f"there is no meter model {name!r}; {which}", of=Setup.MODEL)
    file = models[name]
    try:
        text = file.read_text(encoding="utf-8")
        said = document(text)
        found = Model.model_validate(said)
    except OSError as error:
        raise ConfigurationError(
            f"meter model {name}: {error.strerror}: {file}", of=Setup.MODEL
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"meter model {name}: {error}", of=Setup.MODEL) from None
    except ValidationError as error:
        from shared_schema.settings.mistakes import refused  # noqa: PLC0415 - for a mistake alone

        first, *others = refused(error, said, text, Model).values()
        more = f", and {len(others)} more" if others else ""
        raise ConfigurationError(f"meter model {name}: {first}{more}", of=Setup.MODEL) from None
    if deviation_sign is None:
        return found
    return found.model_copy(update={"deviation_sign": deviation_sign})


def usable(folder: Path | None = None) -> dict[str, Model]:
    """Return the models that can be used, by name; of another `load` says what is wrong.

    Raises:
        ConfigurationError: the folder cannot be read.
    """
    found: dict[str, Model] = {}
    for name in names(folder):
        with contextlib.suppress(ConfigurationError):
            found[name] = load(name, folder)
    return found
