# SPDX-License-Identifier: MIT
"""The society of a chaos run: its gateways, their meters, and the files of both. Pure."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

ZONE = "Asia/Kolkata"
SOCIETY = "Lake View"
PASSWORD = "12345678"  # noqa: S105  what a virtual meter is delivered with
FIRST_ADDRESS = 17
MODELS = (("single_phase", "is16444"), ("water", "water"), ("three_phase", "is13779"))
LOADS = {"single_phase": "flat", "water": "water", "three_phase": "lift"}
KINDS = (0, 1, 0, 1, 2)
"""Of five meters on a bus: which model each is of."""


@dataclass(frozen=True, slots=True)
class Meter:
    """One meter."""

    serial: str
    address: int
    model: str
    agent_model: str

    @property
    def service(self) -> str:
        """What it meters."""
        return "water" if self.model == "water" else "electricity"


@dataclass(frozen=True, slots=True)
class Gateway:
    """One gateway with a bus for each half of its meters."""

    name: str
    buses: tuple[tuple[str, tuple[Meter, ...]], ...]

    @property
    def meters(self) -> list[Meter]:
        """All its meters."""
        return [meter for _, meters in self.buses for meter in meters]


def gateways(count: int, meters: int) -> tuple[Gateway, ...]:
    """Lay out gateways of so many meters each."""
    return tuple(_gateway(number, meters) for number in range(count))


def _gateway(number: int, meters: int) -> Gateway:
    buses = []
    for bus in range(2):
        own = range(bus * meters // 2, (bus + 1) * meters // 2)
        each = (
            Meter(f"4{number:02}{n:05}", FIRST_ADDRESS + n - own.start, *MODELS[KINDS[n % 5]])
            for n in own
        )
        buses.append((f"gw{number}-bus{bus}", tuple(each)))
    return Gateway(f"gw-chaos-{number}", tuple(buses))


def estate_toml(gateway: Gateway, installed_at: datetime, days: int) -> str:
    """Describe the virtual meters: their buffers hold all that they ever captured."""
    lines = [f'zone = "{ZONE}"']
    for bus, meters in gateway.buses:
        lines += ["", "[[bus]]", f'name = "{bus}"', f'link = "{bus}.tty"']
        for meter in meters:
            values = {
                "label": meter.serial,
                "serial": meter.serial,
                "manufacturer": "VIRTUAL",
                "model": meter.model,
                "address": meter.address,
                "password": PASSWORD,
                "installed_at": installed_at.isoformat(),
                "profile_days": days,
                "daily_days": days,
                "initial": int(meter.serial) % 90_000 * 10,
            }
            lines += ["[[bus.meter]]", *(f"{key} = {json.dumps(values[key])}" for key in values)]
            lines.append(f'load = {{ kind = "{LOADS[meter.model]}" }}')
    return "\n".join(lines) + "\n"


def agent_toml(gateway: Gateway, buses: str, port: int) -> str:
    """Configure its agent; the files that it names are beside it."""
    lines = [
        f'gateway = "{gateway.name}"',
        f'zone = "{ZONE}"',
        'spool = "spool/spool.db"',
        'key_file = "gateway.key"',
        'cloud_key_file = "../cloud.pub"',
        "gather_s = 1",
        "[broker]",
        'host = "127.0.0.1"',
        f"port = {port}",
        f'username = "{gateway.name}"',
        'password_file = "broker.password"',
    ]
    for bus, meters in gateway.buses:
        lines += ["[[bus]]", f'name = "{bus}"', f'port = "{buses}/{bus}.tty"']
        for meter in meters:
            lines += [
                "[[bus.meter]]",
                f'label = "{meter.serial}"',
                f"address = {meter.address}",
                f'model = "{meter.agent_model}"',
                'password_file = "meter.password"',
            ]
    return "\n".join(lines) + "\n"


def units_csv(every: tuple[Gateway, ...], installed_at: datetime) -> str:
    """Write the units as unit management would hand them over: each meter in one of its own."""
    text = io.StringIO()
    writer = csv.writer(text)
    place = ("tower", "subject_type", "subject", "service", "source")
    writer.writerow([*place, "manufacturer", "serial", "legacy", "valid_from", "valid_to"])
    writer.writerows(_units(every, (installed_at - timedelta(days=1)).date().isoformat()))
    return text.getvalue()


def _units(every: tuple[Gateway, ...], since: str) -> Iterator[list[str]]:
    for number, gateway in enumerate(every):
        for meter in gateway.meters:
            source = "main" if meter.service == "water" else "grid"
            tower, unit = f"Tower {number}", f"U-{meter.serial}"
            place = [tower, "unit", unit, meter.service, source]
            yield [*place, "VIRTUAL", meter.serial, "no", since, ""]
