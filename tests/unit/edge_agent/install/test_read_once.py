# SPDX-License-Identifier: GPL-2.0-only
"""Reading by hand: registers, the newest rows of profiles, and where a column is captured."""

from decimal import Decimal
from pathlib import Path

import pytest

from edge_agent.install.read_once import Readout, read_meter
from edge_agent.settings.bus import MeterConfig
from edge_agent.virtual.cosem import AccessResult
from shared_schema.catalogue import (
    ACTIVE_IMPORT,
    ACTIVE_IMPORT_INTERVAL,
    BILLING_PROFILE,
    BLOCK_LOAD_PROFILE,
    DAILY_LOAD_PROFILE,
    EVENT_PROFILES,
    INSTANTANEOUS_PROFILE,
)
from shared_schema.obis import Obis
from tests.unit.edge_agent.wire import Wire, meter, password_file


def read(folder: Path, wire: Wire, *codes: Obis, model: str = "is16444") -> Readout:
    config = MeterConfig(label="A-1", address=17, model=model, password_file=password_file(folder))
    return read_meter(wire, config, codes)


@pytest.mark.parametrize("model", ["is16444", "generic"])
@pytest.mark.parametrize(
    ("profile", "title"),
    [
        (BLOCK_LOAD_PROFILE, "block load profile"),
        (DAILY_LOAD_PROFILE, "daily load profile"),
        (BILLING_PROFILE, "billing profile"),
        (INSTANTANEOUS_PROFILE, "instantaneous profile"),
    ],
)
def test_a_profile_shows_its_newest_rows(
    tmp_path: Path, profile: Obis, title: str, model: str
) -> None:
    wire = Wire()
    found = read(tmp_path, wire, profile, model=model)
    (shown,) = found.profiles
    assert (shown.obis, shown.title) == (profile, title)
    assert [each.problem for each in found.values] == []
    if profile != INSTANTANEOUS_PROFILE:
        truth = wire.estate.meter("E1").buffered(profile, wire.now)
        assert shown.rows[-1].at == truth[-1].ts
    assert any(each.value is not None for each in shown.rows[-1].values)


@pytest.mark.parametrize("clock_offset_s", [-39600, 39600])
def test_the_meters_own_clock_says_which_rows_are_newest(
    tmp_path: Path, clock_offset_s: int
) -> None:
    wire = Wire(meters=[meter(1, 17, clock_offset_s=clock_offset_s)])
    (shown,) = read(tmp_path, wire, BLOCK_LOAD_PROFILE).profiles
    (newest,) = wire.estate.meter("E1").buffered(BLOCK_LOAD_PROFILE, wire.now)[-1:]
    assert shown.rows[-1].at == newest.ts


def test_an_empty_log_differs_from_a_refused_one(tmp_path: Path) -> None:
    wire = Wire()
    wire.estate.meter("E1").faults[EVENT_PROFILES[1]] = AccessResult.HARDWARE_FAULT
    found = read(tmp_path, wire, *EVENT_PROFILES[:2], Obis.parse("1.0.99.7.0.255"))
    problems = {each.obis: each.problem for each in found.values}
    assert not problems.get(EVENT_PROFILES[0])
    assert "hardware-fault" in problems[EVENT_PROFILES[1]]
    assert "object-undefined" in problems[Obis.parse("1.0.99.7.0.255")]
    assert {each.name for each in found.values if each.obis in EVENT_PROFILES} <= {
        "event log, voltage",
        "event log, current",
    }


def test_an_interval_says_which_profile_captures_it(tmp_path: Path) -> None:
    found = read(tmp_path, Wire(), ACTIVE_IMPORT_INTERVAL, ACTIVE_IMPORT)
    interval, register = found.values
    assert "object-undefined" in interval.problem
    assert interval.problem.endswith("a column of the block load profile 1.0.99.1.0.255")
    assert isinstance(register.value, Decimal)
    assert register.problem == ""


def test_what_nothing_captures_is_just_not_there(tmp_path: Path) -> None:
    (value,) = read(tmp_path, Wire(), Obis.parse("1.0.77.29.0.255")).values
    assert value.problem.endswith("object-undefined")
