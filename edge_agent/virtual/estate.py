# SPDX-License-Identifier: GPL-2.0-only
"""An estate: the virtual meters of a file on their buses.

In: the file. Out: virtual meters, and, while they are served, the paths of their buses.
Owns nothing after loading.
Never: a guess: an error names the bus, the meter and the field.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge_agent.virtual.bus import BusThread, PtyBus
from edge_agent.virtual.counter import MeterSpec, Model
from edge_agent.virtual.estate_file import EstateConfig, MeterConfig
from edge_agent.virtual.household import Kind
from edge_agent.virtual.line import Line
from edge_agent.virtual.loads import HouseholdLoad, Leak, LeakingLoad, Load, SumLoad, zone_named
from edge_agent.virtual.meter import VirtualMeter
from shared_schema.settings.toml_lines import parsed


class EstateError(ValueError):
    """The file is no estate; the text says which bus, meter and field."""


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
        content = parsed(path.read_text(encoding="utf-8"))
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
