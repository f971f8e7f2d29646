# SPDX-License-Identifier: GPL-2.0-only
"""A clock that drifts and is set: what it showed stays, and each row is captured once."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_agent.virtual import axdr
from edge_agent.virtual.cosem import AccessError, AccessResult, Attribute
from edge_agent.virtual.counter import SecuritySpec
from edge_agent.virtual.meter import VirtualMeter
from edge_agent.virtual.quartz import Quartz
from edge_agent.virtual.security import KeySet
from shared_schema.catalogue import (
    ACTIVE_IMPORT,
    ACTIVE_IMPORT_INTERVAL,
    BLOCK_LOAD_PROFILE,
    CLOCK,
    SERIAL_NUMBER,
)
from tests.unit.edge_agent.virtual.steady import (
    AARQ,
    INSTALLED,
    NOW,
    PUBLIC_AARQ,
    client_of,
    steady_meter,
)

KEYS = SecuritySpec(KeySet(bytes(16), bytes(16)), b"GEN00001")
TIME = Attribute(8, bytes(CLOCK), 2, None)
SHIFT = Attribute(8, bytes(CLOCK), 6, None)


@given(
    st.integers(-600, 600),
    st.floats(-100, 100),
    st.lists(st.tuples(st.integers(1, 500_000), st.integers(-900, 900)), max_size=5),
    st.integers(0, 3_000_000),
)
@example(0, 46.0, [(5, 0)], 5)
def test_a_time_is_reached_once(
    ahead_s: int, drift: float, sets: list[tuple[int, int]], later: int
) -> None:
    quartz = Quartz(0.0, ahead_s, drift)
    at = 0.0
    for after, offset in sets:
        at += after
        quartz.set(at, at + offset)
    shown = quartz.highest(later)
    reached = quartz.reached(shown)
    assert reached <= later + 1e-3
    assert quartz.highest(reached) == pytest.approx(shown, abs=1e-3)


def test_drift_and_setting() -> None:
    quartz = Quartz(0.0, 10.0, 4.0)
    assert quartz.ahead_s(0) == 10
    assert quartz.ahead_s(86400 * 5) == pytest.approx(30)
    quartz.set(86400 * 5, 86400 * 5)
    assert quartz.ahead_s(86400 * 5 - 1) == pytest.approx(30, abs=0.01)
    assert quartz.ahead_s(86400 * 6) == pytest.approx(4)


def test_each_row_is_captured_once_over_clock_changes() -> None:
    meter = steady_meter(security=KEYS)
    for minutes, shift_s in ((-8, -600), (3, 700), (90, -900)):
        shift(meter, NOW + timedelta(minutes=minutes), shift_s)
    rows = meter.buffered(BLOCK_LOAD_PROFILE, NOW + timedelta(hours=2))
    stamps = [row.ts for row in rows]
    assert stamps == sorted(set(stamps))
    assert {later - one for one, later in pairwise(stamps)} == {timedelta(minutes=15)}
    at = NOW + timedelta(hours=2)
    energy = [column[1] for column in meter.columns(BLOCK_LOAD_PROFILE)].index(
        ACTIVE_IMPORT_INTERVAL
    ) - 1
    total = sum(int(row.values[energy]) for row in rows)
    before = meter.register_at(ACTIVE_IMPORT, stamps[0] - timedelta(minutes=15))
    assert 0 <= meter.register_at(ACTIVE_IMPORT, at) - before - total < 2 * 100


def shift(meter: VirtualMeter, at: datetime, by_s: int) -> None:
    meter._device.act(SHIFT, axdr.Data(axdr.Tag.LONG, by_s), at)


def test_the_utility_sets_the_time() -> None:
    meter = steady_meter(clock_offset_s=75, security=KEYS)
    octets = meter.dial.octets(NOW + timedelta(seconds=2))
    meter._device.write(TIME, axdr.Data(axdr.Tag.OCTET_STRING, octets), NOW)
    assert meter.clock_at(NOW) == NOW + timedelta(seconds=2)
    assert meter.clock_at(NOW - timedelta(hours=1)) == NOW - timedelta(hours=1, seconds=-75)
    later = NOW + timedelta(days=40)
    assert meter.clock_at(later) == later + timedelta(seconds=2)


@pytest.mark.parametrize(
    ("value", "result"),
    [
        (axdr.Data(axdr.Tag.LONG, 3), AccessResult.TYPE_UNMATCHED),
        (axdr.Data(axdr.Tag.OCTET_STRING, b"\x07\xea"), AccessResult.OTHER_REASON),
        (axdr.Data(axdr.Tag.OCTET_STRING, b"\xff" * 12), AccessResult.OTHER_REASON),
    ],
)
def test_what_is_no_time_is_not_taken(value: axdr.Data, result: AccessResult) -> None:
    meter = steady_meter()
    with pytest.raises(AccessError) as caught:
        meter._device.write(TIME, value, NOW)
    assert caught.value.result is result
    with pytest.raises(AccessError):
        shift(meter, NOW, 901)
    assert meter.clock_at(NOW) == NOW


def test_nothing_else_can_be_changed() -> None:
    device = steady_meter()._device
    null = axdr.Data(axdr.Tag.NULL, None)
    for class_id, name, attribute in ((1, SERIAL_NUMBER, 2), (7, BLOCK_LOAD_PROFILE, 2)):
        with pytest.raises(AccessError, match="READ_WRITE_DENIED"):
            device.write(Attribute(class_id, bytes(name), attribute, None), null, NOW)
        with pytest.raises(AccessError, match="READ_WRITE_DENIED"):
            device.act(Attribute(class_id, bytes(name), 1, None), null, NOW)
    with pytest.raises(AccessError, match="UNDEFINED"):
        device.write(Attribute(3, bytes(SERIAL_NUMBER), 2, None), null, NOW)


@pytest.mark.parametrize(("client", "aarq"), [(16, PUBLIC_AARQ), (32, AARQ)])
def test_other_clients_are_refused(client: int, aarq: bytes) -> None:
    meter = steady_meter()
    found = client_of(meter, client=client)
    found.associate(aarq)
    octets = meter.dial.octets(NOW + timedelta(seconds=90))
    clock = b"\x00\x08" + bytes(CLOCK)
    answer = found.request(b"\xc1\x01\xc1" + clock + b"\x02\x00\x09\x0c" + octets)
    assert answer == b"\xc5\x01\xc1\x03"
    answer = found.request(b"\xc3\x01\xc1" + clock + b"\x06\x01\x10\x00\x5a")
    assert answer == b"\xc7\x01\xc1\x03\x00"
    assert meter.clock_at(NOW) == NOW


def test_drift_moves_rows_and_not_registers() -> None:
    meter = steady_meter(clock_drift_s_per_day=90.0)
    days = (NOW - INSTALLED).total_seconds() / 86400
    ahead = meter.clock_at(NOW) - NOW
    assert ahead.total_seconds() == pytest.approx(days * 90, abs=1)
    assert meter.register_at(ACTIVE_IMPORT, NOW) == steady_meter().register_at(ACTIVE_IMPORT, NOW)
    last = meter.buffered(BLOCK_LOAD_PROFILE, NOW)[-1].ts
    assert last <= meter.clock_at(NOW).astimezone(UTC) < last + timedelta(minutes=15)
