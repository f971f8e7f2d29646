# SPDX-License-Identifier: GPL-2.0-only
"""The truth of a meter, and that its objects show just that."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.virtual import axdr
from edge_agent.virtual.axdr import Data
from edge_agent.virtual.clock import Deviation
from edge_agent.virtual.cosem import capture_definition
from edge_agent.virtual.counter import MeterSpec, Model
from edge_agent.virtual.household import Kind
from edge_agent.virtual.loads import HouseholdLoad
from edge_agent.virtual.meter import VirtualMeter
from edge_agent.virtual.profile import RangeDeviation
from shared_schema.catalogue import (
    ACTIVE_IMPORT,
    ACTIVE_IMPORT_INTERVAL,
    BILLING_DATE,
    BILLING_PROFILE,
    BLOCK_LOAD_PROFILE,
    CLOCK,
    DAILY_LOAD_PROFILE,
    EVENT_PROFILES,
    INSTANTANEOUS_PROFILE,
    METER_EVENTS,
    SCALER_PROFILES,
    WATER_LOAD_PROFILE,
    WATER_VOLUME,
)
from shared_schema.obis import Obis
from tests.unit.edge_agent.virtual.steady import (
    INSTALLED,
    IST,
    NOW,
    client_of,
    quarter,
    steady_meter,
)

_APPARENT = Obis.parse("1.0.9.8.0.255")


def meter(
    kind: Kind = Kind.FLAT, model: Model = Model.SINGLE_PHASE, **changes: Any
) -> VirtualMeter:
    fields: dict[str, Any] = {
        "manufacturer": "GENUS",
        "serial": "S1",
        "address": 17,
        "model": model,
        "installed_at": INSTALLED,
        "seed": "m",
        "initial": 4321,
    } | changes
    spec = MeterSpec(**fields)
    return VirtualMeter(spec, HouseholdLoad(kind, "m", spec.zone))


_FLAT = meter()
_THREE = meter(Kind.LIFT, Model.THREE_PHASE)
_WATER = meter(Kind.WATER, Model.WATER)
_moments = st.datetimes(datetime(2025, 12, 30), datetime(2026, 12, 30)).map(  # noqa: DTZ001
    lambda ts: ts.replace(tzinfo=UTC)
)


@given(_moments, _moments)
def test_registers_never_fall(one: datetime, two: datetime) -> None:
    first, second = sorted((one, two))
    for found, name in ((_FLAT, ACTIVE_IMPORT), (_THREE, _APPARENT), (_WATER, WATER_VOLUME)):
        assert found.register_at(name, first) <= found.register_at(name, second)


@given(st.integers(0, 20_000), st.integers(1, 300))
@settings(max_examples=30)
def test_intervals_add_up_to_the_register(start: int, count: int) -> None:
    for found in (_FLAT, _THREE):
        for c in (1, 9):
            register, interval = Obis(1, 0, c, 8, 0, 255), Obis(1, 0, c, 29, 0, 255)
            total = sum(
                found.interval(interval, quarter(start + number)) for number in range(1, count + 1)
            )
            before = found.register_at(register, quarter(start))
            assert total == found.register_at(register, quarter(start + count)) - before


def test_days_and_months_add_up() -> None:
    for found in (_FLAT, _THREE):
        days = found.rows(DAILY_LOAD_PROFILE, INSTALLED, INSTALLED + timedelta(days=120))
        assert len(days) == 121
        index = [name for _, name, _ in found.columns(BLOCK_LOAD_PROFILE)].index(
            ACTIVE_IMPORT_INTERVAL
        )
        for before, after in pairwise(days[:41]):
            rows = found.rows(BLOCK_LOAD_PROFILE, before.ts + timedelta(seconds=1), after.ts)
            assert len(rows) == 96
            assert rows[-1].ts == after.ts
            energies = [row.values[index - 1] for row in rows]
            assert sum(int(each) for each in energies) == int(after.values[0]) - int(
                before.values[0]
            )


def test_resolution() -> None:
    raw = [steady_meter(7, model=Model.THREE_PHASE).register_at(ACTIVE_IMPORT, quarter(n))
           for n in range(6)]  # fmt: skip
    assert raw == [100, 100, 101, 102, 102, 103]  # 1000, 1007, 1014 ... Wh in units of 10 Wh
    spec: dict[str, Any] = {"model": Model.WATER, "initial": 1000}
    for scaler, divisor in ((None, 1), (-3, 1), (-2, 10), (-1, 100)):
        found = steady_meter(7, scaler=scaler, **spec)
        assert found.register_at(WATER_VOLUME, quarter(5)) == 1035 // divisor
    client = client_of(steady_meter(7, scaler=-2, **spec))
    client.associate()
    assert client.get(3, bytes(WATER_VOLUME), 3) == b"\x00\x02\x02\x0f\xfe\x16\x0d"


def test_rollover() -> None:
    found = steady_meter(initial=950, register_modulus=1000)
    assert [found.register_at(ACTIVE_IMPORT, quarter(n)) for n in range(3)] == [950, 50, 150]
    assert found.interval(ACTIVE_IMPORT_INTERVAL, quarter(1)) == 100


def test_before_installation_and_after_failure() -> None:
    fails = quarter(100) + timedelta(minutes=5)
    found = steady_meter(metering_fails_at=fails)
    assert found.register_at(ACTIVE_IMPORT, INSTALLED - timedelta(days=3)) == 1000
    assert found.register_at(ACTIVE_IMPORT, NOW) == 1000 + 10_000 + 33
    rows = found.rows(BLOCK_LOAD_PROFILE, INSTALLED - timedelta(days=3), NOW)
    assert (rows[0].ts, rows[-1].ts, len(rows)) == (quarter(0), quarter(100), 101)
    assert found.buffered(BLOCK_LOAD_PROFILE, NOW) == rows
    assert rows[0].values[1] == 0
    assert rows[1].values[1] == 100


def test_nothing_is_captured_before_installation() -> None:
    found = steady_meter(installed_at=NOW + timedelta(days=1))
    assert _read(found, quarter(0), NOW) == []
    client = client_of(found)
    client.associate()
    for profile in (BLOCK_LOAD_PROFILE, DAILY_LOAD_PROFILE, BILLING_PROFILE):
        assert client.get(7, bytes(profile), 2) == b"\x00\x01\x00"
    assert _decoded(client.get(3, bytes(ACTIVE_IMPORT), 2)) == 1000


def test_a_wrong_clock_moves_stamps_and_not_energy() -> None:
    found = steady_meter(clock_offset_s=600)
    rows = found.rows(BLOCK_LOAD_PROFILE, quarter(0), quarter(8))
    # Installed 00:00, ten minutes ahead: the row of 00:15 was taken at 00:05 true time.
    assert [row.ts for row in rows[:2]] == [quarter(1), quarter(2)]
    assert [row.values[1] for row in rows[:3]] == [33, 100, 100]
    client = client_of(found)
    client.associate()
    clock = client.get(8, bytes(CLOCK), 2)
    assert clock[3:] == found.dial.octets(NOW + timedelta(seconds=600))


@pytest.mark.parametrize(
    ("deviation", "octets"),
    [
        (Deviation.STANDARD, "FE B6"),
        (Deviation.REVERSED, "01 4A"),
        (Deviation.UNSPECIFIED, "80 00"),
    ],
)
def test_deviations(deviation: Deviation, octets: str) -> None:
    found = steady_meter(deviation=deviation, profile_days=365)
    client = client_of(found)
    client.associate()
    assert client.get(8, bytes(CLOCK), 2)[12:14] == bytes.fromhex(octets)
    rows = _read(found, quarter(10), quarter(12))
    assert len(rows) == 3


def _range(found: VirtualMeter, first: datetime, last: datetime, *columns: bytes) -> bytes:
    return b"\x01\x01" + axdr.structure(
        capture_definition(8, CLOCK, 2),
        axdr.octet_string(found.dial.octets(first)),
        axdr.octet_string(found.dial.octets(last)),
        axdr.array(columns),
    )


def _values(data: Data) -> Any:
    value = data.value
    if isinstance(value, tuple):
        return [_values(each) if isinstance(each, Data) else each for each in value]
    return value


def _decoded(answer: bytes) -> Any:
    assert answer[0] == 0, AssertionError(answer)
    data, end = axdr.decode(answer, 1)
    assert end == len(answer)
    return _values(data)


def _read(
    found: VirtualMeter,
    first: datetime,
    last: datetime,
    profile: Obis = BLOCK_LOAD_PROFILE,
    now: datetime = NOW,
) -> Any:
    client = client_of(found, now=now)
    client.associate(max_info=1024)
    return _decoded(client.get(7, bytes(profile), 2, _range(found, first, last)))


def _shown(found: VirtualMeter, profile: Obis, first: datetime, last: datetime) -> list[list[Any]]:
    def plain(value: int | bytes) -> int | bytes:
        return value[2:] if isinstance(value, bytes) else value

    return [
        [found.dial.octets(row.ts), *map(plain, row.values)]
        for row in found.rows(profile, first, last)
    ]


@given(st.integers(0, 35 * 1440), st.integers(-60, 1600))
@settings(max_examples=40, deadline=None)
def test_a_range_gives_exactly_its_rows(start: int, span: int) -> None:
    first = NOW - timedelta(days=34) + timedelta(minutes=start)
    last = first + timedelta(minutes=span)
    for found, profile in (
        (_FLAT, BLOCK_LOAD_PROFILE),
        (_THREE, BLOCK_LOAD_PROFILE),
        (_WATER, WATER_LOAD_PROFILE),
    ):
        assert _read(found, first, last, profile) == _shown(found, profile, first, min(last, NOW))


@pytest.mark.parametrize("found", [_FLAT, _THREE])
@pytest.mark.parametrize("profile", [DAILY_LOAD_PROFILE, BILLING_PROFILE])
def test_daily_and_billing_by_range(found: VirtualMeter, profile: Obis) -> None:
    first = datetime(2026, 5, 1, tzinfo=IST)
    rows = _read(found, first, NOW, profile)
    assert rows == _shown(found, profile, first, NOW)
    assert len(rows) == (41 if profile == DAILY_LOAD_PROFILE else 2)
    assert len(_read(found, first + timedelta(seconds=1), NOW, profile)) == len(rows) - 1


def test_the_whole_buffer_is_the_newest_rows() -> None:
    found = steady_meter(profile_days=2)
    client = client_of(found)
    client.associate(max_info=2030)
    whole = _decoded(client.get(7, bytes(BLOCK_LOAD_PROFILE), 2))
    assert len(whole) == 192
    assert whole[-1][0] == found.dial.octets(NOW.replace(minute=0, second=0))
    assert _decoded(client.get(7, bytes(BLOCK_LOAD_PROFILE), 7)) == 192
    assert _decoded(client.get(7, bytes(BLOCK_LOAD_PROFILE), 8)) == 192
    assert _decoded(client.get(7, bytes(BLOCK_LOAD_PROFILE), 4)) == 900
    assert _decoded(client.get(7, bytes(BLOCK_LOAD_PROFILE), 5)) == 1
    assert _decoded(client.get(7, bytes(BLOCK_LOAD_PROFILE), 6)) == [8, bytes(CLOCK), 2, 0]
    assert client.get(7, bytes(BLOCK_LOAD_PROFILE), 9) == b"\x01\x03"


@pytest.mark.parametrize(
    ("rows", "columns", "expected"),
    [((1, 0), (1, 0), (192, 8)), ((191, 0), (2, 3), (2, 2)), ((5, 7), (3, 3), (3, 1)),
     ((192, 400), (1, 99), (1, 8)), ((193, 0), (1, 0), (0, 0))],
)  # fmt: skip
@pytest.mark.parametrize("null_timestamps", [False, True])
def test_entries(
    rows: tuple[int, int],
    columns: tuple[int, int],
    expected: tuple[int, int],
    null_timestamps: bool,
) -> None:
    found = steady_meter(profile_days=2, null_timestamps=null_timestamps)
    plain: list[list[Any]] = [
        [found.dial.octets(row.ts), *row.values] for row in found.buffered(BLOCK_LOAD_PROFILE, NOW)
    ]
    wanted = plain[rows[0] - 1 : rows[1] or None]
    if null_timestamps:
        wanted = [*wanted[:1], *([None, *row[1:]] for row in wanted[1:])]
    wanted = [row[columns[0] - 1 : columns[1] or None] for row in wanted]
    selection = b"\x01\x02" + axdr.structure(
        *map(axdr.double_long_unsigned, rows), *map(axdr.long_unsigned, columns)
    )
    client = client_of(found)
    client.associate(max_info=2030)
    answer = _decoded(client.get(7, bytes(BLOCK_LOAD_PROFILE), 2, selection))
    assert answer == wanted
    assert (len(answer), len(answer[0]) if answer else 0) == expected


def test_selections_that_cannot_be_served() -> None:
    found = steady_meter()
    client = client_of(found)
    client.associate(max_info=1024)

    def get(selection: bytes) -> bytes:
        return client.get(7, bytes(BLOCK_LOAD_PROFILE), 2, selection)

    good = _range(found, quarter(1), quarter(2))
    assert get(b"\x01\x03" + good[2:]) == b"\x01\x0d"
    assert get(b"\x01\x01\x00") == b"\x01\x0c"
    assert get(good.replace(bytes(CLOCK), bytes(BILLING_DATE))) == b"\x01\xfa"
    assert get(_range(found, quarter(1), quarter(2), capture_definition(3, ACTIVE_IMPORT, 2))) == (
        b"\x01\xfa"
    )
    assert get(good.replace(b"\x07\xea", b"\x00\x00")) == b"\x01\x0c"
    demanding = {RangeDeviation.REQUIRED: 0, RangeDeviation.REFUSED: 1}
    for rule, fails in demanding.items():
        strict = client_of(steady_meter(range_deviation=rule))
        strict.associate(max_info=1024)
        unset = good.replace(b"\xfe\xb6", b"\x80\x00")
        answers = [strict.get(7, bytes(BLOCK_LOAD_PROFILE), 2, each)[0] for each in (good, unset)]
        assert answers == [fails, 1 - fails]


def test_open_bounds_and_other_deviations() -> None:
    found = steady_meter(profile_days=1)
    client = client_of(found)
    client.associate(max_info=1024)

    def count(first: str, last: str) -> int:
        selection = b"\x01\x01" + axdr.structure(
            capture_definition(8, CLOCK, 2),
            axdr.octet_string(bytes.fromhex(first)),
            axdr.octet_string(bytes.fromhex(last)),
            axdr.array(()),
        )
        return len(_decoded(client.get(7, bytes(BLOCK_LOAD_PROFILE), 2, selection)))

    never = "FF" * 9 + "8000FF"
    assert count(never, never) == 96
    assert count("07EA060AFF09FFFFFF800000", "07EA060AFF09FFFFFF800000") == 4
    assert count("07EAFFFFFFFFFFFFFF8000FF", "07EA060AFFFFFFFFFF8000FF") == 96
    # 04:00 to 04:30 UTC is 09:30 to 10:00 IST.
    assert count("07EA060AFF04000000000000", "07EA060AFF041E0000000000") == 3


def test_scaler_profiles_stand_beside_their_columns() -> None:
    for found in (_FLAT, _THREE):
        client = client_of(found)
        client.associate(max_info=1024)
        for profile in (
            BLOCK_LOAD_PROFILE, DAILY_LOAD_PROFILE, BILLING_PROFILE, INSTANTANEOUS_PROFILE,
        ):  # fmt: skip
            beside = SCALER_PROFILES[profile]
            captured = _decoded(client.get(7, bytes(profile), 3))
            scaled = _decoded(client.get(7, bytes(beside), 3))
            (row,) = _decoded(client.get(7, bytes(beside), 2))
            assert len(row) == len(scaled)
            assert all(attribute == 3 for _, _, attribute, _ in scaled)
            names = [name for _, name, _, _ in scaled]
            assert names == [name for _, name, attribute, _ in captured
                             if name in names and attribute == 2]  # fmt: skip
            if profile == BLOCK_LOAD_PROFILE:
                scaler = 0 if found is _FLAT else 1
                assert row[names.index(bytes(ACTIVE_IMPORT_INTERVAL))] == [scaler, 30]


def test_billing_rows() -> None:
    for found in (_FLAT, _THREE):
        rows = found.rows(BILLING_PROFILE, INSTALLED, NOW)
        assert [row.ts.astimezone(IST).date() for row in rows] == [
            date(2026, month, 1) for month in range(1, 7)
        ]
        names = [(name, attribute) for _, name, attribute in found.columns(BILLING_PROFILE)[1:]]
        for row in rows:
            for c in (1, 9):
                total = row.values[names.index((Obis(1, 0, c, 8, 0, 255), 2))]
                zones = [
                    int(row.values[names.index((Obis(1, 0, c, 8, zone, 255), 2))])
                    for zone in range(1, 9)
                ]
                assert sum(zones) == total
                assert total == found.register_at(Obis(1, 0, c, 8, 0, 255), row.ts)
        # The maximum demand of May is the largest aligned half hour, and says when.
        fine = steady_meter()
        assert fine.rows(BILLING_PROFILE, NOW - timedelta(days=20), NOW)[0].values[19] == 400
        demand = int(rows[-1].values[19])
        at = rows[-1].values[20]
        assert isinstance(at, bytes)
        end_s = found.dial.seconds(at[2:], upper=False)
        half_hour = [
            found.register_at(ACTIVE_IMPORT, datetime.fromtimestamp(end_s - back, UTC))
            for back in (1800, 0)
        ]
        unit = 10 if found is _THREE else 1
        assert abs((half_hour[1] - half_hour[0]) * 2 * unit - demand) <= 2 * unit


def test_half_hour_periods_and_other_zones() -> None:
    found = steady_meter(capture_period_s=1800, profile_days=365)
    rows = _read(found, quarter(0), quarter(8))
    assert [row[2] for row in rows] == [0, 200, 200, 200, 200]
    berlin = ZoneInfo("Europe/Berlin")
    spec: dict[str, Any] = {"zone": berlin, "installed_at": datetime(2026, 1, 1, tzinfo=berlin)}
    away = meter(**spec)
    now = datetime(2026, 11, 1, 12, tzinfo=berlin)
    for day, count in ((date(2026, 10, 25), 100), (date(2026, 10, 24), 96)):
        start = datetime(day.year, day.month, day.day, tzinfo=berlin)
        first = start.astimezone(UTC) + timedelta(seconds=1)
        last = (start + timedelta(days=1)).astimezone(UTC)
        rows = _read(away, first, last, now=now)
        assert len(rows) == count
        assert rows == _shown(away, BLOCK_LOAD_PROFILE, first, last)
        assert sum(row[2] for row in rows) == away.register_at(
            ACTIVE_IMPORT, last
        ) - away.register_at(ACTIVE_IMPORT, start)


def test_specifications_that_cannot_be() -> None:
    for wrong in (
        {"installed_at": NOW.replace(tzinfo=None)},
        {"installed_at": NOW.replace(year=2000)},
        {"capture_period_s": 60},
        {"scaler": -3},
        {"zone": ZoneInfo("Asia/Kathmandu"), "capture_period_s": 1800},
    ):
        with pytest.raises(ValueError, match=r"."):
            meter(**wrong)
    with pytest.raises(ValueError, match="one zone"):
        VirtualMeter(_FLAT.spec, HouseholdLoad(Kind.FLAT, "x", ZoneInfo("UTC")))
    with pytest.raises(KeyError):
        _WATER.register_at(ACTIVE_IMPORT, NOW)
    with pytest.raises(KeyError):
        _FLAT.register_at(Obis.parse("1.0.5.8.0.255"), NOW)
    with pytest.raises(KeyError):
        _FLAT.interval(ACTIVE_IMPORT, NOW)


def test_event_logs_hold_what_happened() -> None:
    opened = INSTALLED + timedelta(days=40, seconds=7)
    found = meter(cover_opened_at=opened, clock_offset_s=60)
    other = meter(serial="S2", seed="another")
    year = INSTALLED, INSTALLED + timedelta(days=360)
    logs = {log: found.rows(log, *year) for log in EVENT_PROFILES}
    for log, events in logs.items():
        assert [row.ts for row in events] == sorted(row.ts for row in events)
        for row in events:
            true = row.ts - timedelta(seconds=60)
            assert row.values[2] == found.register_at(ACTIVE_IMPORT, true)
            assert row.values[0] in METER_EVENTS, log
    assert [(row.ts, row.values[0]) for row in logs[EVENT_PROFILES[5]]] == [
        (opened + timedelta(seconds=60), 251)
    ]
    power = logs[EVENT_PROFILES[2]]
    assert [row.values[0] for row in power] == [101, 102] * (len(power) // 2)
    assert 36 <= len(power) // 2 <= 72
    shared = [row.ts + timedelta(seconds=60) for row in other.rows(EVENT_PROFILES[2], *year)]
    assert [row.ts for row in power] == shared
    assert logs[EVENT_PROFILES[0]] != other.rows(EVENT_PROFILES[0], *year)
    assert other.rows(EVENT_PROFILES[5], *year) == []


def test_a_log_forgets_its_oldest_events() -> None:
    late = INSTALLED + timedelta(days=3000)
    kept = _FLAT.buffered(EVENT_PROFILES[2], late)
    assert kept == _FLAT.rows(EVENT_PROFILES[2], INSTALLED, late)[-200:]
    assert len(kept) == 200


def test_a_cut_cable_stops_counting_and_sets_status() -> None:
    cut = INSTALLED + timedelta(days=30, minutes=20)
    found = meter(Kind.WATER, Model.WATER, cable_cut_at=cut)
    rows = found.rows(WATER_LOAD_PROFILE, cut - timedelta(hours=12), cut + timedelta(hours=12))
    after = [row for row in rows if row.ts > cut]
    assert {row.values[1] for row in rows if row.ts <= cut} == {0}
    assert {row.values[1] for row in after} == {8}
    assert {row.values[0] for row in after} == {found.register_at(WATER_VOLUME, cut)}
