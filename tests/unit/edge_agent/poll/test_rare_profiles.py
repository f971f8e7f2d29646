# SPDX-License-Identifier: GPL-2.0-only
"""Billing, instantaneous, event logs, water: what is read equals what the virtual meter has."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.decode.rows import MeterRows
from edge_agent.dlms import axdr
from edge_agent.meters.model import Model, Scaling, StatusBit, load
from edge_agent.poll.memory import ListKind, Memory
from edge_agent.poll.poll import PollResult, poll
from edge_agent.poll.sessions import sessions
from edge_agent.settings.bus import MeterConfig
from edge_agent.virtual.cosem import AccessResult
from shared_schema.catalogue import (
    ACTIVE_IMPORT,
    ACTIVE_IMPORT_INTERVAL,
    BILLING_PROFILE,
    BLOCK_LOAD_PROFILE,
    EVENT_PROFILES,
    INSTANTANEOUS_PROFILE,
    PROFILE_STATUS,
    WATER_LOAD_PROFILE,
    WATER_VOLUME,
    StatusEvent,
    Unit,
)
from shared_schema.obis import Obis
from shared_schema.readings import REACHED_AT
from tests.unit.edge_agent.fakes import QUARTER, SIMPLE, fake, visit
from tests.unit.edge_agent.wire import NOW, Wire, meter

INSTALLED = "2025-09-03T10:00:00+05:30"
OPENED = datetime(2026, 3, 9, 20, 11, 5, tzinfo=UTC)
HOME = meter(1, 17, installed_at=INSTALLED, cover_opened_at=OPENED)
LIFT = meter(
    2, 18, model="three_phase", load={"kind": "lift"}, installed_at=INSTALLED, null_timestamps=True
)
WATER = meter(3, 19, model="water", load={"kind": "water"}, installed_at=INSTALLED)
MODELS = {"E1": "is16444", "E2": "is13779", "E3": "water"}
MARK = int(NOW.timestamp())


class Visits:
    """One meter and what its polls remember."""

    def __init__(self, tmp_path: Path, *meters: Mapping[str, object]) -> None:
        self.wire = Wire(meters=meters)
        self.memory = Memory()
        self.marks: dict[Obis, int] = {}
        self.password = tmp_path / "password"
        self.password.write_text("12345678\n")
        self.password.chmod(0o600)

    def read(self, spec: Mapping[str, object], forced: Sequence[Obis] = ()) -> PollResult:
        config = MeterConfig.model_validate(
            {
                "label": spec["label"],
                "address": spec["address"],
                "model": MODELS[str(spec["serial"])],
                "password_file": self.password,
            }
        )
        found = poll(
            sessions(self.wire),
            config,
            lambda _meter: self.marks,
            self.wire.now,
            memory=self.memory,
            windows=60,
            forced=forced,
            monotonic=lambda: 0.0,
        )
        self.marks.update(found.watermarks)
        return found


def rows(found: PollResult, profile: Obis | None) -> list[tuple[int | None, ...]]:
    return [row for block in found.rows if block.profile == profile for row in block.rows]


def columns(found: PollResult, profile: Obis | None) -> tuple[tuple[Obis, int], ...]:
    (captured,) = {block.columns for block in found.rows if block.profile == profile}
    return tuple((each.obis, each.attribute) for each in captured)


@pytest.mark.parametrize("spec", [HOME, LIFT])
def test_billing_rows_are_the_truth(tmp_path: Path, spec: Mapping[str, object]) -> None:
    visits = Visits(tmp_path, HOME, LIFT)
    found = visits.read(spec)
    assert found.findings == ()
    virtual = visits.wire.estate.meter(str(spec["serial"]))
    truth = virtual.buffered(BILLING_PROFILE, NOW)
    assert [row.ts.astimezone(virtual.spec.zone).day for row in truth] == [1] * 6
    captured = [
        (name, REACHED_AT if attribute == REACHED_AT else 2)
        for _, name, attribute in virtual.columns(BILLING_PROFILE)[1:]
    ]
    assert columns(found, BILLING_PROFILE) == tuple(captured)
    zone = axdr.Zone()
    for row, true in zip(rows(found, BILLING_PROFILE), truth, strict=True):
        assert row[0] == int(true.ts.timestamp())
        for raw, value in zip(row[2:], true.values, strict=True):
            is_time = isinstance(value, bytes)
            assert raw == (axdr.epoch_s(value[2:], zone) if isinstance(value, bytes) else value)
            if is_time:
                assert row[0] - 32 * 86400 < (raw or 0) <= row[0]
    total, *zones = (
        next(place + 2 for place, (obis, _) in enumerate(captured) if obis == code)
        for code in (ACTIVE_IMPORT, *(ACTIVE_IMPORT._replace(e=zone) for zone in range(1, 9)))
    )
    assert all(
        row[total] == sum(row[zone] or 0 for zone in zones) for row in rows(found, BILLING_PROFILE)
    )


def test_billing_is_asked_for_once_a_month(tmp_path: Path) -> None:
    visits = Visits(tmp_path, HOME)
    visits.wire.now = datetime(2026, 3, 31, 18, 0, 20, tzinfo=UTC)
    visits.read(HOME)
    seen: list[int | None] = []
    for _ in range(12):
        visits.wire.now += timedelta(minutes=15)
        seen += [row[0] for row in rows(visits.read(HOME), BILLING_PROFILE)]
    assert seen == [int(datetime(2026, 3, 31, 18, 30, tzinfo=UTC).timestamp())]


@pytest.mark.parametrize("spec", [HOME, LIFT])
def test_event_logs_are_the_truth(tmp_path: Path, spec: Mapping[str, object]) -> None:
    visits = Visits(tmp_path, HOME, LIFT)
    found = visits.read(spec)
    virtual = visits.wire.estate.meter(str(spec["serial"]))
    count = 0
    for log in EVENT_PROFILES:
        truth = [(int(row.ts.timestamp()), *row.values) for row in virtual.buffered(log, NOW)]
        assert rows(found, log) == truth
        assert found.watermarks[log] == MARK
        count += len(truth)
    assert count > 40
    opened = [(row[0], row[1]) for row in rows(found, EVENT_PROFILES[5])]
    assert opened == ([(int(OPENED.timestamp()), 251)] if spec is HOME else [])
    assert {row[1] for row in rows(found, EVENT_PROFILES[2])} == {101, 102}


def test_new_events_come_once_an_hour_and_once(tmp_path: Path) -> None:
    visits = Visits(tmp_path, HOME)
    visits.wire.now = NOW - timedelta(days=3)
    begin = visits.wire.now
    visits.read(HOME)
    virtual = visits.wire.estate.meter("E1")
    seen: dict[Obis, list[tuple[int | None, ...]]] = {log: [] for log in EVENT_PROFILES}
    asked = 0
    for _ in range(96 * 3):
        visits.wire.now += timedelta(minutes=15)
        found = visits.read(HOME)
        asked += EVENT_PROFILES[0] in found.watermarks
        for log in EVENT_PROFILES:
            seen[log] += rows(found, log)
    assert 71 <= asked <= 73
    assert (int(OPENED.timestamp()), 251) in [row[:2] for row in seen[EVENT_PROFILES[5]]]
    for log, got in seen.items():
        truth = virtual.rows(log, begin + timedelta(seconds=1), NOW)
        past = [row for row in truth if row.ts.timestamp() <= visits.marks[log]]
        assert got == [(int(row.ts.timestamp()), *row.values) for row in past]


def test_events_are_read_at_once_when_they_are_asked_for(tmp_path: Path) -> None:
    visits = Visits(tmp_path, HOME)
    visits.wire.now = OPENED - timedelta(minutes=2)
    visits.read(HOME)
    visits.wire.now = OPENED + timedelta(minutes=2)
    assert rows(visits.read(HOME, forced=EVENT_PROFILES), EVENT_PROFILES[5])[0][1] == 251


@pytest.mark.parametrize("small", [{}, {"max_info": 128}, {"max_info": 128, "max_pdu": 256}])
def test_logs_come_together_where_the_meter_can(
    tmp_path: Path, small: Mapping[str, object]
) -> None:
    spec = {**HOME, **small}
    visits = Visits(tmp_path, spec)
    visits.wire.now = OPENED - timedelta(minutes=40)
    visits.read(spec)
    opened: list[tuple[int | None, ...]] = []
    for _ in range(12):
        visits.wire.now += timedelta(minutes=15)
        found = visits.read(spec)
        assert found.findings == ()
        opened += rows(found, EVENT_PROFILES[5])
    assert [row[:2] for row in opened] == [(int(OPENED.timestamp()), 251)]
    assert visits.memory.takes("A-1", ListKind.PLAIN, ListKind.RANGE)


def test_what_is_now_is_read_once_an_hour(tmp_path: Path) -> None:
    visits = Visits(tmp_path, HOME)
    found = visits.read(HOME)
    (row,) = rows(found, INSTANTANEOUS_PROFILE)
    assert row[0] == MARK
    at = {obis: place + 2 for place, (obis, _) in enumerate(columns(found, INSTANTANEOUS_PROFILE))}
    virtual = visits.wire.estate.meter("E1")
    assert row[at[ACTIVE_IMPORT]] == virtual.register_at(ACTIVE_IMPORT, NOW)
    assert row[at[Obis.parse("1.0.14.7.0.255")]] == 5000
    assert 22000 < (row[at[Obis.parse("1.0.12.7.0.255")]] or 0) < 25000
    seen = 0
    for _ in range(48):
        visits.wire.now += timedelta(minutes=15)
        seen += len(rows(visits.read(HOME), INSTANTANEOUS_PROFILE))
    assert 11 <= seen <= 13


def test_once_an_hour_a_poll_costs_more(tmp_path: Path) -> None:
    visits = Visits(tmp_path, HOME)
    visits.read(HOME)
    costs: list[int] = []
    for _ in range(40):
        visits.wire.now += timedelta(minutes=15)
        costs.append(visits.read(HOME).exchanges)
    assert sorted(costs)[29] <= 7
    assert sum(cost > 7 for cost in costs) <= 11


def test_a_meter_without_the_rarer_profiles_has_no_problem(tmp_path: Path) -> None:
    visits = Visits(tmp_path, HOME)
    virtual = visits.wire.estate.meter("E1")
    gone = (BILLING_PROFILE, INSTANTANEOUS_PROFILE, *EVENT_PROFILES)
    virtual.faults.update(dict.fromkeys(gone, AccessResult.OBJECT_UNDEFINED))
    found = visits.read(HOME)
    assert found.findings == ()
    assert rows(found, BLOCK_LOAD_PROFILE)
    visits.wire.now += timedelta(hours=2)
    assert visits.read(HOME).exchanges <= 9


def test_a_refused_log_is_not_asked_each_poll(tmp_path: Path) -> None:
    visits = Visits(tmp_path, HOME)
    virtual = visits.wire.estate.meter("E1")
    virtual.faults[EVENT_PROFILES[3]] = AccessResult.TEMPORARY_FAILURE
    asked = 0
    for _ in range(16):
        visits.wire.now += timedelta(minutes=15)
        found = visits.read(HOME)
        asked += any(str(EVENT_PROFILES[3]) in str(each) for each in found.findings)
    assert 4 <= asked <= 5


@pytest.mark.parametrize("litres", [False, True])
@pytest.mark.parametrize("scaler", [-3, -2, -1])
def test_water_in_every_resolution_and_unit(tmp_path: Path, scaler: int, litres: bool) -> None:
    spec = {**WATER, "scaler": scaler, "litres": litres}
    visits = Visits(tmp_path, spec)
    found = visits.read(spec)
    assert found.findings == ()
    virtual = visits.wire.estate.meter("E3")
    unit = (scaler + 3, Unit.LITRE) if litres else (scaler, Unit.CUBIC_METRE)
    for profile in (None, WATER_LOAD_PROFILE):
        (captured,) = {block.columns for block in found.rows if block.profile == profile}
        assert [(each.obis, (each.scaler, each.unit)) for each in captured] == [
            (WATER_VOLUME, unit)
        ]
    ((_, _, now),) = rows(found, None)
    assert now == virtual.register_at(WATER_VOLUME, NOW)
    truth = [row.values[0] for row in virtual.buffered(WATER_LOAD_PROFILE, NOW)]
    assert [row[2] for row in rows(found, WATER_LOAD_PROFILE)] == truth


def read_as(kind: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.poll.poll.load", lambda *_name: kind)


def test_a_cut_cable_becomes_one_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut_at = NOW - timedelta(days=2)
    spec = {**WATER, "cable_cut_at": cut_at}
    bits = (StatusBit(bit=3, means="cable_cut"),)
    read_as(load("water").model_copy(update={"status_bits": bits}), monkeypatch)
    visits = Visits(tmp_path, spec)
    found: list[MeterRows] = []
    for _ in range(5):
        found += [block for block in visits.read(spec).rows if block.profile == PROFILE_STATUS]
        visits.wire.now += timedelta(minutes=15)
    first = (int(cut_at.timestamp()) // 900 + 1) * 900
    assert [block.rows for block in found] == [((first, StatusEvent.CABLE_CUT),)]


@pytest.mark.parametrize("said", [None, bytes.fromhex("02020F0016FF")])
def test_a_pulse_weight_stands_in_for_a_module_that_says_none(
    monkeypatch: pytest.MonkeyPatch, said: bytes | None
) -> None:
    weight = (Scaling(obis=ACTIVE_IMPORT_INTERVAL, scaler=1, unit=Unit.LITRE),)
    module = fake()
    module.rows = {QUARTER: 7}
    del module.attributes[ACTIVE_IMPORT, 3, 3]
    if said is not None:
        module.attributes[ACTIVE_IMPORT_INTERVAL, 3, 3] = said
    found = visit(module, monkeypatch, kind=SIMPLE.model_copy(update={"scaling": weight}))
    assert rows(found, BLOCK_LOAD_PROFILE) == [(QUARTER, None, 7)]
    assert [(each.scaler, each.unit) for each in found.rows[0].columns] == [(1, Unit.LITRE)]


def test_what_a_meter_says_of_its_scale_counts_before_the_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weight = (Scaling(obis=ACTIVE_IMPORT_INTERVAL, scaler=1, unit=Unit.LITRE),)
    meter_itself = fake()
    meter_itself.rows = {QUARTER: 7}
    found = visit(meter_itself, monkeypatch, kind=SIMPLE.model_copy(update={"scaling": weight}))
    assert [(each.scaler, each.unit) for each in found.rows[0].columns] == [(1, Unit.WATT_HOUR)]
