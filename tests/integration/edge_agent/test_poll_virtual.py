# SPDX-License-Identifier: GPL-2.0-only
"""Whole polls over a pty bus: every value equals what the virtual meter truly counted."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.bus import Bus
from edge_agent.decode.rows import MeterRows
from edge_agent.errors import BusLost, BusTimeout, PasswordRefused
from edge_agent.poll.memory import Memory
from edge_agent.poll.poll import PollResult, poll
from edge_agent.poll.sessions import sessions
from edge_agent.settings.bus import BusConfig, MeterConfig
from edge_agent.virtual.estate import Estate, parse_estate, serve
from edge_agent.virtual.meter import VirtualMeter
from shared_schema.catalogue import (
    ACTIVE_IMPORT,
    ACTIVE_IMPORT_INTERVAL,
    BLOCK_LOAD_PROFILE,
    DAILY_LOAD_PROFILE,
    WATER_LOAD_PROFILE,
    WATER_VOLUME,
    Kind,
    Unit,
    quantity,
)
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from shared_schema.readings import REACHED_AT

NOW = datetime(2026, 3, 10, 6, 37, 20, tzinfo=UTC)
METERS = {
    "E1": ("is16444", {"model": "single_phase", "address": 17, "load": {"kind": "flat"}}),
    "E2": (
        "is13779",
        {"model": "three_phase", "address": 200, "load": {"kind": "lift"}, "null_timestamps": True},
    ),
    "W1": ("water", {"model": "water", "address": 19, "load": {"kind": "water"}}),
}


class World:
    """Served meters, and the gateway's side of their bus."""

    def __init__(self, estate: Estate, bus: Bus, password: Path) -> None:
        self.estate = estate
        self.bus = bus
        self.password = password
        self.memory = Memory()
        self.now = NOW

    def poll(
        self, serial: str, watermarks: dict[Obis, int] | None = None, windows: int = 60
    ) -> PollResult:
        name, meter = METERS[serial]
        return poll(
            sessions(self.bus),
            MeterConfig.model_validate(
                {
                    "label": f"meter {serial}",
                    "address": meter["address"],
                    "model": name,
                    "password_file": self.password,
                }
            ),
            lambda _meter: watermarks or {},
            self.now,
            memory=self.memory,
            windows=windows,
            monotonic=lambda: 0.0,
        )


@contextmanager
def world(tmp_path: Path, *, baud: int | None = None, **changes: object) -> Iterator[World]:
    meters = [
        {
            "label": f"meter {serial}",
            "serial": serial,
            "manufacturer": "GSE",
            **spec,
        }
        for serial, (_, spec) in METERS.items()
    ]
    estate = parse_estate({"bus": [{"name": "a", "link": "a", "meter": meters, **changes}]})
    password = tmp_path / "password"
    password.write_text("12345678\n")
    password.chmod(0o600)
    here: list[World] = []

    def now() -> datetime:
        return here[0].now if here else NOW

    with serve(estate, tmp_path / "buses", baud=baud, now=now) as ports:
        config = BusConfig(name="a", port=ports["a"], baudrate=115200, turnaround_s=0.5)
        with Bus(config) as bus:
            here.append(World(estate, bus, password))
            yield here[0]


def blocks(found: PollResult, profile: Obis | None) -> list[MeterRows]:
    return [block for block in found.rows if block.profile == profile]


def column(found: PollResult, profile: Obis, obis: Obis) -> dict[datetime, int | None]:
    """Return one column of a profile: time -> raw."""
    values: dict[datetime, int | None] = {}
    for block in blocks(found, profile):
        place = [each.obis for each in block.columns].index(obis) + 2
        values.update((datetime.fromtimestamp(row[0] or 0, UTC), row[place]) for row in block.rows)
    return values


def expected(
    meter: VirtualMeter, profile: Obis, now: datetime
) -> dict[datetime, dict[Obis, object]]:
    """Return what the meter's buffer truly holds: time -> code -> raw."""
    names = [obis for _, obis, _ in meter.columns(profile)][1:]
    return {
        row.ts: dict(zip(names, row.values, strict=True)) for row in meter.buffered(profile, now)
    }


@pytest.mark.parametrize(
    ("serial", "profiles"),
    [
        ("E1", (BLOCK_LOAD_PROFILE, DAILY_LOAD_PROFILE)),
        ("E2", (BLOCK_LOAD_PROFILE, DAILY_LOAD_PROFILE)),
        ("W1", (WATER_LOAD_PROFILE,)),
    ],
)
def test_every_value_is_the_truth(tmp_path: Path, serial: str, profiles: tuple[Obis, ...]) -> None:
    with world(tmp_path) as here:
        found = here.poll(serial)
        meter = here.estate.meter(serial)
    assert found.meter == MeterId(manufacturer="GSE", serial=serial)
    assert found.findings == ()
    assert found.caught_up
    for profile in profiles:
        truth = expected(meter, profile, NOW)
        assert len(truth) > 40
        (columns,) = {block.columns for block in blocks(found, profile)}
        for each in columns:
            read = column(found, profile, each.obis)
            assert read == {ts: values[each.obis] for ts, values in truth.items()}
    (now,) = blocks(found, None)
    (row,) = now.rows
    assert row[0] == int(NOW.timestamp())
    for each, raw in zip(now.columns, row[2:], strict=True):
        assert raw == meter.register_at(each.obis, NOW)


def test_intervals_and_registers_by_the_meters_own_account(tmp_path: Path) -> None:
    with world(tmp_path) as here:
        found = here.poll("E1")
        meter = here.estate.meter("E1")
    read = column(found, BLOCK_LOAD_PROFILE, ACTIVE_IMPORT_INTERVAL)
    for ts, raw in read.items():
        assert raw == meter.interval(ACTIVE_IMPORT_INTERVAL, ts)
    daily = column(found, DAILY_LOAD_PROFILE, ACTIVE_IMPORT)
    for ts, raw in daily.items():
        assert raw == meter.register_at(ACTIVE_IMPORT, ts)


def test_each_column_has_the_unit_of_its_quantity(tmp_path: Path) -> None:
    with world(tmp_path) as here:
        for serial in METERS:
            for block in here.poll(serial).rows:
                for each in block.columns:
                    known = quantity(each.obis)
                    assert known is not None
                    assert known.kind is not Kind.STATUS
                    is_time = each.attribute == REACHED_AT
                    assert each.unit == (Unit.SECOND if is_time else known.unit)


def test_a_day_of_live_polls_misses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    with world(tmp_path) as here:
        marks = dict(here.poll("W1").watermarks)
        begun = marks[WATER_LOAD_PROFILE]
        stamps: list[int] = []
        for _ in range(96):
            here.now += timedelta(minutes=15)
            found = here.poll("W1", marks)
            marks.update(found.watermarks)
            stamps += [
                row[0] or 0 for block in blocks(found, WATER_LOAD_PROFILE) for row in block.rows
            ]
            (now,) = blocks(found, None)
            assert now.rows[0][2] == here.estate.meter("W1").register_at(WATER_VOLUME, here.now)
    assert stamps == [begun + 900 * n for n in range(1, 97)]


def test_a_line_with_noise_and_an_echo_gives_the_same_values(tmp_path: Path) -> None:
    count = 0

    def noise(data: bytes) -> bytes:
        nonlocal count
        count += 1
        if count % 17 == 0 and len(data) > 20:
            return data[:9] + bytes([data[9] ^ 0x10]) + data[10:]
        return b"\x00\xff" + data if count % 5 == 0 else data

    with world(tmp_path, echo=True) as here:
        clean = here.poll("W1")
    (tmp_path / "again").mkdir()
    with world(tmp_path / "again", echo=True) as here:
        _disturb(here, noise)
        found = here.poll("W1")
    assert [block.rows for block in blocks(found, WATER_LOAD_PROFILE)] == [
        block.rows for block in blocks(clean, WATER_LOAD_PROFILE)
    ]


def _disturb(here: World, noise: Callable[[bytes], bytes]) -> None:
    """Damage what the gateway hears: the served line itself is out of reach."""
    receive = here.bus.receive
    here.bus.receive = lambda timeout_s: noise(receive(timeout_s))  # type: ignore[method-assign]


def test_a_paced_line(tmp_path: Path) -> None:
    with world(tmp_path, baud=38400) as here:
        found = here.poll("W1", windows=1)
    assert len(blocks(found, WATER_LOAD_PROFILE)) == 1


def test_the_wrong_password_and_the_wrong_address(tmp_path: Path) -> None:
    with world(tmp_path) as here:
        here.password.write_text("00000000")
        with pytest.raises(PasswordRefused):
            here.poll("E1")
        here.password.write_text("12345678")
        lost = MeterConfig(label="nobody", address=99, model="is16444", password_file=here.password)
        with pytest.raises(BusTimeout):
            poll(sessions(here.bus), lost, lambda _meter: {}, NOW)
        assert here.poll("E1", windows=1).rows


def test_an_adapter_that_vanishes_is_a_bus_error(tmp_path: Path) -> None:
    with world(tmp_path) as here:
        port = here.bus.config.port
        target = port.readlink()
        here.bus.close()
        port.unlink()
        with pytest.raises(BusLost):
            here.poll("E1")
        port.symlink_to(target)
        assert here.poll("E1", windows=1).rows
    assert not os.path.lexists(port)


PULSES = """\
title = "a module of pulses that refuses ranges"
client = 32
registers = ["8.0.1.0.0.255"]

[[profiles]]
obis = "8.0.99.1.0.255"
every = "day"
access = "entry"

[[scaling]]
obis = "8.0.1.0.0.255"
unit = 13
impulses = 400
"""


def test_a_module_of_pulses_without_ranges_is_read_through_a_port(tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    (models / "pulses.toml").write_text(PULSES)
    spec = {
        "label": "A-1 water",
        "address": 19,
        "model": "water",
        "manufacturer": "GSE",
        "serial": "P1",
        "load": {"kind": "water"},
        "pulse_litres": 2.5,
        "ranges": False,
        "profile_days": 2,
    }
    estate = parse_estate({"bus": [{"name": "a", "link": "a", "meter": [spec]}]})
    password = tmp_path / "password"
    password.write_text("12345678\n")
    password.chmod(0o600)
    with serve(estate, tmp_path / "buses", baud=None, now=lambda: NOW) as ports:
        config = BusConfig(name="a", port=ports["a"], baudrate=115200, turnaround_s=0.5)
        with Bus(config) as bus:
            found = poll(
                sessions(bus),
                MeterConfig(
                    label="A-1 water",
                    address=19,
                    model="pulses",
                    models_dir=models,
                    password_file=password,
                ),
                lambda _meter: {},
                NOW,
                memory=Memory(),
                monotonic=lambda: 0.0,
            )
    assert found.findings == ()
    meter = estate.meter("P1")
    counts = {row.ts: row.values[0] for row in meter.buffered(WATER_LOAD_PROFILE, NOW)}
    read = column(found, WATER_LOAD_PROFILE, WATER_VOLUME)
    assert len(read) == len(counts) > 2 * 16
    assert {at: (raw or 0) // 25 for at, raw in read.items()} == counts
    (now,) = blocks(found, None)
    (captured,) = now.columns
    assert (captured.unit, captured.scaler, captured.weight) == (Unit.CUBIC_METRE, -4, 25)
    assert now.rows[0][2] == 25 * meter.register_at(WATER_VOLUME, NOW)
