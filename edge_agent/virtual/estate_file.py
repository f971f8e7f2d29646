# SPDX-License-Identifier: GPL-2.0-only
"""The fields of an estate file: buses, the meters on them, what flows through each.

In: the content of the file. Out: frozen models.
Never: a guess: an unknown field, or one that does not fit the others, is an error.
"""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from edge_agent.virtual.clock import ClockJump, Deviation
from edge_agent.virtual.counter import Model
from edge_agent.virtual.faults import Faults
from edge_agent.virtual.habits import Habits, check_serial
from edge_agent.virtual.hdlc import MAX_INFO
from edge_agent.virtual.keyring import SecurityConfig
from edge_agent.virtual.loads import zone_named
from edge_agent.virtual.profile import RangeDeviation

_DEFAULT_INSTALLED = datetime(2025, 1, 1, tzinfo=UTC)
_LEAST_CIPHERED_PDU = 128
_Text = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x20-\x7e]+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LoadConfig(_Strict):
    """What flows through a meter."""

    kind: Literal["flat", "water", "lift", "pump", "lighting", "generator", "sum"]
    monthly: Annotated[int, Field(gt=0)] | None = None
    """Target of a calendar month, Wh or litres; without it the kind's default."""
    members: tuple[_Text, ...] = ()
    """Serial numbers behind a bulk meter."""
    loss_percent: Annotated[int, Field(ge=0, le=50)] = 0
    leak_litres_per_hour: Annotated[int, Field(gt=0, le=100_000)] | None = None
    leak_from: AwareDatetime | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        total = self.kind == "sum"
        if total != bool(self.members):
            raise ValueError("members belong to a load of kind sum, and to no other")
        if total and self.monthly is not None:
            raise ValueError("a sum has no monthly target: its members have")
        if self.loss_percent and not total:
            raise ValueError("loss_percent belongs to a load of kind sum")
        if (self.leak_from is None) != (self.leak_litres_per_hour is None):
            raise ValueError("leak_litres_per_hour and leak_from come together")
        if self.leak_from is not None and self.kind != "water":
            raise ValueError("a leak belongs to a load of kind water")
        return self


class MeterConfig(_Strict):
    """One meter."""

    label: _Text
    address: Annotated[int, Field(ge=1, le=16381)]
    model: Model
    manufacturer: _Text
    serial: _Text
    load: LoadConfig
    password: _Text = "12345678"  # noqa: S105  # what a virtual meter is delivered with
    seed: _Text | int | None = None
    """Without it the serial number."""
    profile_days: Annotated[int, Field(ge=1, le=3660)] = 35
    daily_days: Annotated[int, Field(ge=1, le=3660)] = 45
    billing_cycles: Annotated[int, Field(ge=1, le=120)] = 12
    capture_period_s: Literal[900, 1800, 3600] = 900
    installed_at: AwareDatetime = _DEFAULT_INSTALLED
    initial: Annotated[int, Field(ge=0)] = 0
    """What the register showed at installation, Wh or litres."""
    scaler: Literal[-3, -2, -1] | None = None
    clock_offset_s: int = 0
    clock_drift_s_per_day: Annotated[float, Field(ge=-3600, le=3600)] = 0.0
    clock_jumps: tuple[ClockJump, ...] = ()
    deviation: Deviation = Deviation.STANDARD
    range_deviation: RangeDeviation = RangeDeviation.ANY
    metering_fails_at: AwareDatetime | None = None
    cover_opened_at: AwareDatetime | None = None
    cable_cut_at: AwareDatetime | None = None
    pulse_litres: Annotated[Decimal, Field(gt=0)] | None = None
    """Of a module that counts pulses and says neither scaler nor unit."""
    litres: bool = False
    register_modulus: Annotated[int, Field(gt=0, le=2**32)] | None = None
    ranges: bool = True
    null_timestamps: bool = False
    max_info: Annotated[int, Field(ge=32, le=MAX_INFO)] = MAX_INFO
    max_pdu: Annotated[int, Field(ge=64, le=65535)] = 1024
    slow_s: Annotated[float, Field(ge=0, le=5)] = 0.0
    security: SecurityConfig | None = None
    """``[bus.meter.security]``: keys; without it no client is ciphered."""
    habits: Habits = Habits()
    """``[bus.meter.habits]``: what it does differently from the book."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        water = self.model is Model.WATER
        if water != (self.load.kind == "water") and self.load.kind != "sum":
            raise ValueError("a water load belongs to a water meter, any other to electricity")
        if self.scaler is not None and not water:
            raise ValueError("scaler belongs to a water meter")
        if not water and (self.litres or self.cable_cut_at or self.pulse_litres):
            raise ValueError("litres, pulse_litres and cable_cut_at belong to a water meter")
        if self.pulse_litres and (self.litres or self.scaler is not None):
            raise ValueError("a module of pulses states no scaler and no unit")
        if water and self.habits.kilo:
            raise ValueError("the habit kilo belongs to an electricity meter")
        check_serial(self.habits.serial_form, self.serial)
        if water and self.cover_opened_at:
            raise ValueError("cover_opened_at belongs to an electricity meter")
        if self.security is not None and self.max_pdu < _LEAST_CIPHERED_PDU:
            raise ValueError(f"a ciphered meter has max_pdu {_LEAST_CIPHERED_PDU} or more")
        return self


class DialConfig(MeterConfig):
    """A legacy meter without a data port: it counts, and no bus reaches it."""

    address: int = 1


class BusConfig(_Strict):
    """One bus."""

    name: _Text
    link: _Text
    """Path of the link to its terminal, relative to the directory of the simulation."""
    meter: Annotated[tuple[MeterConfig, ...], Field(min_length=1)]
    turnaround_s: Annotated[float, Field(ge=0, le=5)] = 0.0
    echo: bool = False
    faults: Faults = Faults()

    @field_validator("link")
    @classmethod
    def _inside(cls, link: str) -> str:
        path = PurePosixPath(link)
        if path.is_absolute() or ".." in path.parts:
            raise ValueError("a link stays inside the directory of the simulation")
        return link

    @model_validator(mode="after")
    def _addresses(self) -> Self:
        seen: set[int] = set()
        for meter in self.meter:
            if meter.address in seen and not self.faults.shared_addresses:
                raise ValueError(f"address {meter.address} is given twice")
            seen.add(meter.address)
        return self


class EstateConfig(_Strict):
    """The whole file."""

    zone: Annotated[str, Field(validate_default=True)] = "Asia/Kolkata"
    bus: Annotated[tuple[BusConfig, ...], Field(min_length=1)]
    dial: tuple[DialConfig, ...] = ()

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            zone_named(zone)
        except (OSError, KeyError, ValueError) as error:
            raise ValueError(
                f"no time zone {zone!r} on this machine (Debian has them in tzdata)"
            ) from error
        return zone
