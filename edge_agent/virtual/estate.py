# SPDX-License-Identifier: GPL-2.0-only
"""An estate: which virtual meters hang on which buses, read from a TOML file.

In: the file. Out: virtual meters, and, while they are served, the paths of their buses.
Owns nothing after loading. Never guesses: an unknown field is an error that names its place.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from edge_agent.virtual.bus import BusThread, PtyBus
from edge_agent.virtual.clock import ClockJump, Deviation
from edge_agent.virtual.counter import MeterSpec, Model
from edge_agent.virtual.faults import Faults
from edge_agent.virtual.hdlc import MAX_INFO
from edge_agent.virtual.household import Kind
from edge_agent.virtual.keyring import SecurityConfig
from edge_agent.virtual.line import Line
from edge_agent.virtual.loads import HouseholdLoad, Leak, LeakingLoad, Load, SumLoad, zone_named
from edge_agent.virtual.meter import VirtualMeter
from edge_agent.virtual.profile import RangeDeviation

_DEFAULT_INSTALLED = datetime(2025, 1, 1, tzinfo=UTC)
_LEAST_CIPHERED_PDU = 128
_Text = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x20-\x7e]+$")]


class EstateError(ValueError):
    """The file is no estate; the text says which bus, meter and field."""


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

    zone: str = "Asia/Kolkata"
    bus: Annotated[tuple[BusConfig, ...], Field(min_length=1)]
    dial: tuple[DialConfig, ...] = ()

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            zone_named(zone)
        except (OSError, KeyError, ValueError) as error:
            raise ValueError(f"no time zone {zone!r}") from error
        return zone


class Estate:
    """The virtual meters of a file."""

    def __init__(self, config: EstateConfig) -> None:
        """Build the meters.

        Args:
            config: The file's content.

        Raises:
            EstateError: serial numbers, links or members do not fit together.
        """
        self.config = config
        self._configs: dict[str, MeterConfig] = {}
        links: set[str] = set()
        for bus in config.bus:
            if bus.link in links:
                raise EstateError(f"bus {bus.name!r}: link {bus.link!r} is given twice")
            links.add(bus.link)
            for meter in bus.meter:
                self._add(meter, f"bus {bus.name!r}")
        for meter in config.dial:
            self._add(meter, "dial")
        self._loads: dict[str, Load] = {}
        self._meters = {
            serial: VirtualMeter(self._spec(each), self._load(serial, ()))
            for serial, each in self._configs.items()
        }

    def _add(self, meter: MeterConfig, where: str) -> None:
        if meter.serial in self._configs:
            where = f"{where}, meter {meter.label!r}"
            raise EstateError(f"{where}: serial {meter.serial!r} is given twice")
        self._configs[meter.serial] = meter

    def meters(self) -> Sequence[VirtualMeter]:
        """Return all meters in the order of the file."""
        return tuple(self._meters.values())

    def meter(self, serial: str) -> VirtualMeter:
        """Return one meter.

        Raises:
            KeyError: the estate has no such serial number.
        """
        return self._meters[serial]

    def lines(self, *, baud: int | None = None) -> dict[str, Line]:
        """Return fresh stations on a fresh line for each bus, by the bus's name.

        Args:
            baud: Pace of the lines; None for no pace.
        """
        return {
            bus.name: Line(
                [
                    self._meters[meter.serial].station(alone=len(bus.meter) == 1)
                    for meter in bus.meter
                ],
                baud=baud,
                turnaround_s=bus.turnaround_s,
                echo=bus.echo,
                faults=bus.faults,
            )
            for bus in self.config.bus
        }

    def _spec(self, config: MeterConfig) -> MeterSpec:
        fields = {
            name: getattr(config, name)
            for name in MeterConfig.model_fields
            if name not in ("label", "load", "seed", "password", "security")
        }
        security = config.security
        return MeterSpec(
            **fields,
            security=None
            if security is None
            else security.spec(config.manufacturer, config.serial),
            seed=_seed(config),
            password=config.password.encode("ascii"),
            zone=zone_named(self.config.zone),
        )

    def _load(self, serial: str, above: tuple[str, ...]) -> Load:
        found = self._loads.get(serial)
        if found is not None:
            return found
        label = self._configs[above[-1]].label if above else ""
        config = self._configs.get(serial)
        if config is None:
            raise EstateError(f"meter {label!r}: there is no member {serial!r}")
        if serial in above:
            raise EstateError(f"meter {config.label!r} is a member of itself")
        zone = zone_named(self.config.zone)
        load: Load
        if config.load.kind == "sum":
            members = [self._load(each, (*above, serial)) for each in config.load.members]
            for each in config.load.members:
                if (self._configs[each].model is Model.WATER) != (config.model is Model.WATER):
                    raise EstateError(
                        f"meter {config.label!r}: member {each!r} meters another service"
                    )
            load = SumLoad(members, zone, loss_percent=config.load.loss_percent)
        else:
            kind = Kind(config.load.kind)
            load = HouseholdLoad(kind, _seed(config), zone, monthly=config.load.monthly)
            if config.load.leak_from is not None and config.load.leak_litres_per_hour is not None:
                leak = Leak(config.load.leak_litres_per_hour, config.load.leak_from)
                load = LeakingLoad(load, leak)
        self._loads[serial] = load
        return load


def _seed(config: MeterConfig) -> str:
    return config.serial if config.seed is None else str(config.seed)


def parse_estate(content: Mapping[str, Any]) -> Estate:
    """Build an estate from the content of its file.

    Raises:
        EstateError: it is none; the text names bus, meter and field.
    """
    try:
        return Estate(EstateConfig.model_validate(content))
    except ValidationError as error:
        lines = [f"{_place(content, each['loc'])}: {each['msg']}" for each in error.errors()]
        raise EstateError("\n".join(lines)) from error


def load_estate(path: Path) -> Estate:
    """Read an estate file.

    Raises:
        EstateError: it is no TOML or no estate; the text names bus, meter and field.
        OSError: it cannot be read.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise EstateError(f"{path}: {error}") from error
    try:
        return parse_estate(content)
    except EstateError as error:
        raise EstateError(f"{path}: {error}") from error


def _place(content: Any, location: Sequence[str | int]) -> str:
    """Say where in the file something is, with the names that the file itself gives."""
    words: list[str] = []
    for step in location:
        try:
            content = content[step]
        except (KeyError, IndexError, TypeError):
            content = None
        if isinstance(step, int):
            known = content.get("label", content.get("name")) if isinstance(content, dict) else None
            words[-1:] = [f"{words[-1]} {step + 1 if known is None else repr(known)}"]
        else:
            words.append(step)
    return ", ".join(words) or "the file"


@contextmanager
def serve(
    estate: Estate,
    directory: Path,
    *,
    baud: int | None,
    now: Callable[[], datetime],
) -> Iterator[dict[str, Path]]:
    """Serve every bus of an estate on a pseudo terminal while the context lasts.

    Args:
        estate: The meters.
        directory: Where the links are made; it is created where it does not exist.
        baud: Pace of the buses; None for no pace.
        now: Gives the true time of the meters, aware.

    Yields:
        The path to open for each bus, by the bus's name.

    Raises:
        OSError: a terminal or a link cannot be made.
    """
    lines = estate.lines(baud=baud)
    buses: list[PtyBus] = []
    links = {bus.name: directory / bus.link for bus in estate.config.bus}
    try:
        buses.extend(PtyBus(lines[name], link) for name, link in links.items())
    except BaseException:
        for bus in buses:
            bus.close()
        raise
    with BusThread(buses, now):
        yield links
