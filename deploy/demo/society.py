# SPDX-License-Identifier: MIT
"""The demo's society: its flats, meters and buses, and the files that describe them.

In: the month to show and the time it is now. Out: the estate of virtual meters, the list of
units as unit management would give it, the agents' buses and the dials of the notebook units.
Pure: no clock, no file, no process.

Tower 1 has two wings, A and B, with a bus each; tower 2 has wing C. Two units have legacy
meters and no data port.
"""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

ZONE = "Asia/Kolkata"
TOWER_1, TOWER_2 = "Tower 1", "Tower 2"
INSTALLED_DAYS_BEFORE = 40
FIRST_ADDRESS = 17

Value = str | int | list[str] | bool


@dataclass(frozen=True, slots=True)
class Meter:
    """One meter on a bus, or (with ``bus`` empty) a legacy dial that no bus reaches."""

    serial: str
    bus: str
    tower: str
    subject_type: str
    subject: str
    service: str
    source: str
    model: str
    load: dict[str, Value]
    manufacturer: str = "VIRTUAL"
    extra: dict[str, Value] = field(default_factory=dict)

    @property
    def legacy(self) -> bool:
        """Whether it is read by its resident."""
        return not self.bus

    @property
    def password(self) -> str:
        """The LLS secret of this meter."""
        return f"{self.serial:0>8}"[-8:]


@dataclass(frozen=True, slots=True)
class Gateway:
    """One agent: a name and the buses it owns."""

    name: str
    tower: str
    buses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Society:
    """Everything that the demo sets up."""

    name: str
    month: date
    """The first day of the month that is closed."""
    gateways: tuple[Gateway, ...]
    meters: tuple[Meter, ...]

    def on_bus(self, bus: str) -> list[Meter]:
        """Return the meters of one bus in the order of their addresses."""
        return [meter for meter in self.meters if meter.bus == bus]

    @property
    def buses(self) -> list[str]:
        """All buses, in order."""
        return [bus for gateway in self.gateways for bus in gateway.buses]


@dataclass(frozen=True, slots=True)
class _Flat:
    label: str
    tower: str
    bus: str
    electricity_wh: int
    water_l: int
    inlets: int = 1
    generator: bool = False
    legacy: bool = False
    electricity: dict[str, Value] = field(default_factory=dict)
    water: dict[str, Value] = field(default_factory=dict)


def month_before(now: datetime) -> date:
    """Return the first day of the last complete calendar month at ``now``, in the zone."""
    today = now.astimezone(ZoneInfo(ZONE)).date()
    return (today.replace(day=1) - timedelta(days=1)).replace(day=1)


def month_start(month: date) -> datetime:
    """Return local midnight of the 1st."""
    return datetime(month.year, month.month, 1, tzinfo=ZoneInfo(ZONE))


def next_month(month: date) -> date:
    """Return the first day of the month after."""
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)


def _flats(month: date, *, small: bool) -> list[_Flat]:
    leak_from = month_start(month) + timedelta(hours=3)
    dead_from = month_start(month) + timedelta(days=23, hours=14)
    running: dict[str, Value] = {"leak_litres_per_hour": 64, "leak_from": leak_from.isoformat()}
    dead: dict[str, Value] = {"metering_fails_at": dead_from.isoformat()}
    scripted = [
        _Flat("A-1204", TOWER_1, "A", 312_000, 14_200),
        _Flat("B-0706", TOWER_1, "B", 268_000, 14_300, water=running),
        _Flat("C-0302", TOWER_2, "C", 201_000, 11_900, electricity=dead),
        _Flat("A-1201", TOWER_1, "A", 455_000, 17_800, generator=True),
        _Flat("B-0705", TOWER_1, "B", 287_000, 15_400, inlets=2),
        _Flat("C-0304", TOWER_2, "C", 176_000, 9_800, legacy=True),
    ]
    if small:
        return scripted
    return [
        *scripted,
        _Flat("A-0101", TOWER_1, "A", 143_000, 8_900),
        _Flat("A-0304", TOWER_1, "A", 224_000, 12_600),
        _Flat("A-0502", TOWER_1, "A", 191_000, 10_700),
        _Flat("A-0803", TOWER_1, "A", 336_000, 16_100),
        _Flat("A-1003", TOWER_1, "A", 98_000, 6_200),
        _Flat("A-1202", TOWER_1, "A", 258_000, 13_300, inlets=2),
        _Flat("B-0102", TOWER_1, "B", 207_000, 11_500),
        _Flat("B-0203", TOWER_1, "B", 312_000, 15_900),
        _Flat("B-0401", TOWER_1, "B", 173_000, 9_400),
        _Flat("B-0504", TOWER_1, "B", 246_000, 12_100),
        _Flat("B-0901", TOWER_1, "B", 381_000, 18_600),
        _Flat("C-0101", TOWER_2, "C", 129_000, 7_700),
        _Flat("C-0203", TOWER_2, "C", 233_000, 12_900),
        _Flat("C-0404", TOWER_2, "C", 298_000, 14_700),
        _Flat("C-0501", TOWER_2, "C", 162_000, 10_200),
        _Flat("C-0603", TOWER_2, "C", 274_000, 13_800),
        _Flat("C-0702", TOWER_2, "C", 349_000, 16_700),
        _Flat("C-0804", TOWER_2, "C", 118_000, 7_100, legacy=True),
    ]


def _flat_meters(flat: _Flat, serials: Iterator[str]) -> Iterator[Meter]:
    bus = "" if flat.legacy else flat.bus

    def meter(
        service: str, source: str, model: str, load: dict[str, Value], **extra: Value
    ) -> Meter:
        return Meter(
            serial=next(serials),
            bus=bus,
            tower=flat.tower,
            subject_type="unit",
            subject=flat.label,
            service=service,
            source=source,
            model=model,
            load=load,
            extra=extra,
        )

    yield meter(
        "electricity",
        "grid",
        "single_phase",
        {"kind": "flat", "monthly": flat.electricity_wh},
        **flat.electricity,
    )
    if flat.generator:
        yield meter(
            "electricity", "generator", "single_phase", {"kind": "generator", "monthly": 9_000}
        )
    for inlet in range(1, flat.inlets + 1):
        source = f"inlet-{inlet}" if flat.inlets > 1 else "main"
        monthly = flat.water_l // flat.inlets
        yield meter("water", source, "water", {"kind": "water", "monthly": monthly, **flat.water})


def _tower_meters(
    tower: str, bus: str, flats: list[Meter], serials: Iterator[str]
) -> Iterator[Meter]:
    def meter(kind: str, subject: str, service: str, model: str, load: dict[str, Value]) -> Meter:
        return Meter(
            serial=next(serials),
            bus=bus,
            tower=tower,
            subject_type=kind,
            subject=f"{tower} {subject}",
            service=service,
            source="main" if service == "water" else "grid",
            model=model,
            load=load,
        )

    common = [
        meter("common", name, "electricity", "three_phase", {"kind": name, "monthly": monthly})
        for name, monthly in (("lift", 610_000), ("pump", 840_000), ("lighting", 420_000))
    ]
    yield from common
    for service, model, loss in (("electricity", "three_phase", 2), ("water", "water", 4)):
        members = [
            member.serial
            for member in (*flats, *common)
            if member.service == service and member.source != "generator"
        ]
        load: dict[str, Value] = {"kind": "sum", "members": members, "loss_percent": loss}
        yield meter("bulk", f"bulk {service}", service, model, load)


def make_society(name: str, month: date, *, run: str = "", small: bool = False) -> Society:
    """Lay out the society; ``run`` keeps gateway names apart where runs share a database."""
    serials = (f"{number:08d}" for number in range(26100001, 26200000))
    flats = _flats(month, small=small)
    meters: list[Meter] = []
    for tower, last_bus in ((TOWER_1, "B"), (TOWER_2, "C")):
        of_tower = [
            meter for flat in flats if flat.tower == tower for meter in _flat_meters(flat, serials)
        ]
        meters += of_tower
        meters += _tower_meters(tower, last_bus, of_tower, serials)
    suffix = f"-{run}" if run else ""
    gateways = (
        Gateway(f"gw-tower-1{suffix}", TOWER_1, ("A", "B")),
        Gateway(f"gw-tower-2{suffix}", TOWER_2, ("C",)),
    )
    return Society(name, month, gateways, tuple(meters))


def installed_at(society: Society) -> datetime:
    """Return when the meters were put in: long enough before the month to have run in."""
    return month_start(society.month) - timedelta(days=INSTALLED_DAYS_BEFORE)


def estate_toml(society: Society, now: datetime) -> str:
    """Describe the virtual meters; their profiles reach back to the month's beginning."""
    depth = (now.astimezone(UTC) - month_start(society.month)).days + 2
    lines: list[str] = [f'zone = "{ZONE}"']
    for bus in (*society.buses, ""):
        if bus:
            lines += ["", "[[bus]]", f'name = "{bus}"', f'link = "{bus}.tty"']
        for address, meter in enumerate(society.on_bus(bus), FIRST_ADDRESS):
            lines += ["", "[[bus.meter]]" if bus else "[[dial]]"]
            values: dict[str, Value] = {
                "label": label(meter),
                "model": meter.model,
                "manufacturer": meter.manufacturer,
                "serial": meter.serial,
                "seed": int(meter.serial),
                "installed_at": installed_at(society).isoformat(),
                "initial": int(meter.serial) % 90_000 * 10 + 100_000,
                **meter.extra,
            }
            if bus:
                values |= {"address": address, "password": meter.password, "profile_days": depth}
                values["daily_days"] = depth
            lines += [f"{key} = {json.dumps(value)}" for key, value in values.items()]
            load = ", ".join(f"{key} = {json.dumps(value)}" for key, value in meter.load.items())
            lines.append(f"load = {{ {load} }}")
    return "\n".join(lines) + "\n"


def label(meter: Meter) -> str:
    """Return what the installer writes on the meter."""
    source = "" if meter.source in {"grid", "main"} else f" {meter.source}"
    return f"{meter.subject} {meter.service}{source}"


def units_csv(society: Society) -> str:
    """Write the units as unit management would hand them over, dated."""
    text = io.StringIO()
    columns = ("tower", "subject_type", "subject", "service", "source")
    writer = csv.writer(text)
    writer.writerow([*columns, "manufacturer", "serial", "legacy", "valid_from", "valid_to"])
    since = installed_at(society).date().isoformat()
    for meter in society.meters:
        place = [getattr(meter, column) for column in columns]
        identity = ["", "", "yes"] if meter.legacy else [meter.manufacturer, meter.serial, "no"]
        writer.writerow([*place, *identity, since, ""])
    return text.getvalue()
