# SPDX-License-Identifier: GPL-2.0-only
"""Decoding: exactly what the meter said, a bad row alone, and no exception but the one."""

import struct
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.decode import buffer, layout, rows
from edge_agent.decode.layout import CaptureObject, layout_of
from edge_agent.dlms import axdr
from edge_agent.dlms.axdr import Zone
from edge_agent.errors import ProtocolViolation
from shared_schema.catalogue import BLOCK_LOAD_PROFILE, CLOCK
from shared_schema.obis import Obis
from shared_schema.readings import EARLIEST_TS, LATEST_TS, Column, reached_at
from tests.support.buffers import (
    BLUE_BOOK,
    ENERGY,
    NULL,
    PERIOD_S,
    T0,
    VOLTAGE,
    array,
    capture,
    length,
    numbers,
    octets,
    plan,
    stamp,
    structure,
    u16,
    u32,
)
from tests.vectors import hdlc_cosem

IST = timezone(timedelta(minutes=330))
REVERSED = Zone(330, -1)
IGNORED = Zone(330, 0)
POWER = Obis.parse("1.0.1.7.0.255")


# --- encoders written from the Blue Book, apart from the code under test


# --- times


@pytest.mark.parametrize(
    ("deviation", "zone"),
    [
        (-330, BLUE_BOOK),
        (330, REVERSED),
        (None, BLUE_BOOK),
        (None, REVERSED),
        (0, IGNORED),
        (330, IGNORED),
    ],
)
def test_the_deviation_is_read_with_either_sign(deviation: int | None, zone: Zone) -> None:
    assert axdr.epoch_s(stamp(T0, deviation), zone) == T0


def test_the_wrong_sign_is_eleven_hours_off() -> None:
    found = axdr.epoch_s(stamp(T0, 330), BLUE_BOOK)
    assert found is not None
    assert found - T0 == 11 * 3600


@given(
    st.integers(EARLIEST_TS, LATEST_TS - 1),
    st.sampled_from([BLUE_BOOK, REVERSED, Zone(-570, 1), Zone(0, -1), IGNORED]),
    st.booleans(),
)
def test_what_is_asked_for_is_what_is_read(ts: int, zone: Zone, with_deviation: bool) -> None:
    written = axdr.date_time(ts, zone, with_deviation=with_deviation)
    assert axdr.epoch_s(written, zone) == ts


@pytest.mark.parametrize(
    ("place", "value"),
    [(2, 13), (2, 0xFF), (3, 0), (3, 31), (5, 24), (5, 0xFF), (6, 60), (7, 60), (9, 0x30)],
)
def test_a_time_that_is_none(place: int, value: int) -> None:
    written = bytearray(stamp(int(datetime(2026, 2, 10, tzinfo=UTC).timestamp()), -330))
    written[place] = value
    assert axdr.epoch_s(bytes(written), BLUE_BOOK) is None


def test_a_clock_marked_invalid_tells_no_time() -> None:
    assert axdr.epoch_s(stamp(T0, -330, status=0x01), BLUE_BOOK) is None
    assert axdr.epoch_s(stamp(T0, -330, status=0x02), BLUE_BOOK) == T0  # only doubtful
    assert axdr.epoch_s(stamp(T0, -330, status=0xFF), BLUE_BOOK) == T0  # not specified


@given(st.binary(max_size=14))
def test_any_bytes_are_a_time_or_none(data: bytes) -> None:
    found = axdr.epoch_s(data, BLUE_BOOK)
    assert found is None or EARLIEST_TS <= found < LATEST_TS


# --- values


def test_the_values_of_the_books() -> None:
    assert axdr.integer(hdlc_cosem.ENERGY[-8:-3]) == 1_541_050
    assert axdr.scaler_unit(axdr.value(hdlc_cosem.SCALER_UNIT[-9:-3])) == axdr.Scale(0, 30)
    clock = axdr.value(hdlc_cosem.CLOCK[-17:-3])
    assert isinstance(clock, bytes)
    local = datetime(2026, 6, 10, 10, 7, 30, tzinfo=IST)
    assert axdr.epoch_s(clock, BLUE_BOOK) == int(local.timestamp())


@given(st.binary(max_size=60))
def test_any_bytes_are_a_value_or_violation(data: bytes) -> None:
    for read in (axdr.value, axdr.integer, axdr.text, layout.capture_objects):
        try:
            read(data)
        except ProtocolViolation:
            continue


@given(st.binary(max_size=200))
def test_any_bytes_are_rows_or_the_one_error(data: bytes) -> None:
    layout = plan(ENERGY, VOLTAGE, status=True)
    for candidate in (data, b"\x01\x02" + data, b"\x01\x01\x02\x04" + data):
        try:
            buffer.rows_of(candidate, layout, BLUE_BOOK)
        except ProtocolViolation:
            continue


def test_an_array_in_arrays_without_end_is_refused() -> None:
    with pytest.raises(ProtocolViolation):
        axdr.value(b"\x01\x01" * 5000 + NULL)


def test_a_register_of_floats_is_no_raw_value() -> None:
    with pytest.raises(ProtocolViolation):
        axdr.integer(b"\x17" + struct.pack(">f", 1.5))
    assert axdr.integer(NULL) is None


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\x09\x05 L123", "L123"),
        (b"\x0a\x04GSE\x00", "GSE"),
        (u32(12345678), "12345678"),
    ],
)
def test_name_plate_entries(data: bytes, name: str) -> None:
    assert axdr.text(data) == name


@pytest.mark.parametrize("data", [b"\x09\x02\xff\xfe", b"\x09\x03a\x1bb", NULL, b"\x01\x00"])
def test_name_plate_entries_that_are_none(data: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        axdr.text(data)


# --- profiles


@given(
    st.lists(
        st.tuples(st.booleans(), numbers(), numbers(), st.integers(0, 255)), min_size=1, max_size=60
    ),
    st.sampled_from([BLUE_BOOK, REVERSED]),
)
def test_random_profiles_agree_with_the_encoders(
    content: list[tuple[bool, tuple[bytes, int | None], tuple[bytes, int | None], int]], zone: Zone
) -> None:
    deviation = -330 * zone.deviation_sign
    sent: list[bytes] = []
    expected: list[tuple[int | None, ...]] = []
    for number, (null, first, second, status) in enumerate(content):
        ts = T0 + number * PERIOD_S
        time = NULL if null and number else octets(stamp(ts, deviation))
        sent.append(structure(time, first[0], second[0], b"\x11" + bytes([status])))
        before = expected[-1][2:] if expected else (None, None)
        raws = [
            old if item == NULL else value
            for (item, value), old in zip((first, second), before, strict=True)
        ]
        expected.append((ts, status, *raws))
    found = buffer.rows_of(array(sent), plan(ENERGY, VOLTAGE, status=True), zone)
    assert found == rows.Decoded(tuple(expected))


@given(st.integers(1, 400), st.integers(0, 399))
def test_long_runs_of_one_shape(count: int, odd: int) -> None:
    sent = [structure(octets(stamp(T0 + 900 * n, -330)), u32(n), u16(n)) for n in range(count)]
    if odd < count:
        sent[odd] = structure(octets(stamp(T0 + 900 * odd, -330)), u32(odd), NULL)
    found = buffer.rows_of(array(sent), plan(ENERGY, VOLTAGE), BLUE_BOOK)
    assert found.rows == tuple(
        (T0 + 900 * n, None, n, (n - 1 if n else None) if n == odd else n) for n in range(count)
    )


def test_the_rows_of_the_books() -> None:
    start = hdlc_cosem.BLOCK_LOAD_RANGE.index(bytes.fromhex("0103"))
    found = buffer.rows_of(hdlc_cosem.BLOCK_LOAD_RANGE[start:-3], plan(ENERGY), BLUE_BOOK)
    first = int(datetime(2026, 6, 10, 9, 30, tzinfo=IST).timestamp())
    assert found.rows == ((first, None, 100), (first + 900, None, 100), (first + 1800, None, 100))


def test_a_date_time_with_its_own_tag() -> None:
    sent = array([structure(b"\x19" + stamp(T0, -330), u32(7))])
    assert buffer.rows_of(sent, plan(ENERGY), BLUE_BOOK).rows == ((T0, None, 7),)


def test_a_bad_date_costs_its_row_only() -> None:
    bad = bytearray(stamp(T0 + 900, -330))
    bad[2] = 13
    sent = [
        structure(octets(stamp(T0, -330)), u32(1)),
        structure(octets(bytes(bad)), u32(2)),
        structure(octets(stamp(T0 + 1800, -330)), u32(3)),
    ]
    found = buffer.rows_of(array(sent), plan(ENERGY), BLUE_BOOK)
    assert found.rows == ((T0, None, 1), (T0 + 1800, None, 3))
    assert found.bad_time == 1


def test_null_times_after_a_bad_one_are_lost() -> None:
    sent = [
        structure(octets(stamp(T0, -330)), u32(1)),
        structure(octets(bytes(12)), u32(2)),
        structure(NULL, u32(3)),
        structure(octets(stamp(T0 + 9000, -330)), u32(4)),
        structure(NULL, u32(5)),
    ]
    found = buffer.rows_of(array(sent), plan(ENERGY), BLUE_BOOK)
    assert found.rows == ((T0, None, 1), (T0 + 9000, None, 4), (T0 + 9900, None, 5))
    assert found.bad_time == 2


def test_null_times_need_a_period_and_a_predecessor() -> None:
    first = structure(octets(stamp(T0, -330)), u32(1))
    null = structure(NULL, u32(2))
    assert buffer.rows_of(array([first, null]), plan(ENERGY, period_s=0), BLUE_BOOK).bad_time == 1
    assert buffer.rows_of(array([null, first]), plan(ENERGY), BLUE_BOOK).rows == ((T0, None, 1),)


def test_null_times_count_back_from_the_newest_row() -> None:
    layout = replace(plan(ENERGY), descending=True)
    rows = [structure(octets(stamp(T0)), u32(3)), structure(NULL, u32(2)), structure(NULL, u32(1))]
    found = buffer.rows_of(array(rows), layout, BLUE_BOOK)
    assert found.rows == (
        (T0 - 2 * PERIOD_S, None, 1),
        (T0 - PERIOD_S, None, 2),
        (T0, None, 3),
    )


@pytest.mark.parametrize("descending", [True, False])
def test_null_times_of_turned_rows_are_lost(descending: bool) -> None:
    layout = replace(plan(ENERGY), descending=descending)
    step = PERIOD_S if descending else -PERIOD_S
    rows = [
        structure(octets(stamp(T0)), u32(1)),
        structure(NULL, u32(2)),
        structure(octets(stamp(T0 + 2 * step)), u32(3)),
    ]
    found = buffer.rows_of(array(rows), layout, BLUE_BOOK)
    assert {row[2] for row in found.rows} == {1, 3}
    assert found.bad_time == 1


def test_a_value_that_does_not_matter_is_none() -> None:
    rows = [structure(octets(stamp(T0)), b"\xff", u32(1))] * 2
    found = buffer.rows_of(array(rows), plan(ENERGY, VOLTAGE), BLUE_BOOK)
    assert found.rows == ((T0, None, None, 1),) * 2
    assert axdr.integer(b"\xff") is None


def test_a_compact_array_holds_what_an_array_holds() -> None:
    rows = [structure(octets(stamp(T0 + PERIOD_S * n)), u32(n), u16(230), NULL) for n in range(200)]
    description = b"\x02\x04\x09\x06\x12\x00"
    content = b"".join(
        b"\x0c" + stamp(T0 + PERIOD_S * n) + n.to_bytes(4, "big") + (230).to_bytes(2, "big")
        for n in range(200)
    )
    compact = b"\x13" + description + length(len(content)) + content
    layout = plan(ENERGY, VOLTAGE, POWER)
    expected = buffer.rows_of(array(rows), layout, BLUE_BOOK)
    assert len(expected.rows) == 200
    assert buffer.rows_of(compact, layout, BLUE_BOOK) == expected
    assert axdr.value(compact) == axdr.value(array(rows))
    with pytest.raises(ProtocolViolation):
        buffer.rows_of(compact[:-1], layout, BLUE_BOOK)


@pytest.mark.parametrize(
    "data",
    [
        "13",
        "1302",
        "130201",
        "130012 00",
        "1300020000",
        "131203000102",
        "13010001120300010203",
        "13" + "01ffff" * 12 + "0001ff",
    ],
)
def test_a_compact_array_that_is_none(data: str) -> None:
    with pytest.raises(ProtocolViolation):
        axdr.value(bytes.fromhex(data))


@given(st.binary(max_size=60))
def test_any_compact_array_expands_or_is_a_violation(data: bytes) -> None:
    try:
        axdr.value(b"\x13" + data)
    except ProtocolViolation:
        return


def test_null_values_keep_their_column() -> None:
    sent = array([structure(octets(stamp(T0, -330)), NULL, u32(2), u32(3))])
    found = buffer.rows_of(sent, plan(ENERGY, VOLTAGE, POWER), BLUE_BOOK)
    assert found.rows == ((T0, None, None, 2, 3),)


def test_rows_of_another_width_are_counted_and_lost() -> None:
    good = structure(octets(stamp(T0, -330)), u32(1))
    sent = array([structure(octets(stamp(T0, -330)), u32(9), u32(9)), good, u32(7)])
    found = buffer.rows_of(sent, plan(ENERGY), BLUE_BOOK)
    assert found.rows == ((T0, None, 1),)
    assert found.misfit == 2


def test_rows_come_out_in_order_of_time() -> None:
    sent = [structure(octets(stamp(T0 - 900 * n, -330)), u32(n)) for n in range(5)]
    found = buffer.rows_of(array(sent), plan(ENERGY), BLUE_BOOK)
    assert [row[2] for row in found.rows] == [4, 3, 2, 1, 0]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x11\x80", 0x80),
        (b"\x12\x01\x02", 0x0102),
        (b"\x04\x10\x80\x01", 0x8001),
        (b"\x09\x02\x80\x01", 0x8001),
        (NULL, None),
        (b"\x02\x01\x11\x05", None),
    ],
)
def test_the_status_is_the_rows_and_no_column(sent: bytes, status: int | None) -> None:
    row = structure(octets(stamp(T0, -330)), u32(1), sent)
    layout = plan(ENERGY, status=True)
    assert [column.obis for column in layout.columns] == [ENERGY]
    assert buffer.rows_of(array([row]), layout, BLUE_BOOK).rows == ((T0, status, 1),)


def test_half_a_row_refuses_the_whole_buffer() -> None:
    whole = array([structure(octets(stamp(T0 + 900 * n, -330)), u32(n)) for n in range(9)])
    assert len(buffer.rows_of(whole, plan(ENERGY), BLUE_BOOK).rows) == 9
    for cut in range(len(whole)):
        with pytest.raises(ProtocolViolation):
            buffer.rows_of(whole[:cut], plan(ENERGY), BLUE_BOOK)
    with pytest.raises(ProtocolViolation):
        buffer.rows_of(whole + NULL, plan(ENERGY), BLUE_BOOK)


# --- layouts


def test_capture_objects_as_a_meter_lists_them() -> None:
    sent = array(
        [
            structure(u16(8), octets(bytes(CLOCK)), b"\x0f\x02", u16(0)),
            structure(u16(3), octets(bytes(ENERGY)), b"\x0f\x02", u16(0)),
        ]
    )
    assert layout.capture_objects(sent) == capture(ENERGY)


def test_only_values_become_columns_and_each_code_once() -> None:
    demand = Obis.parse("1.0.1.6.0.255")
    objects = (
        CaptureObject(8, CLOCK, 2, 0),
        CaptureObject(4, demand, 5, 0),  # when it was
        CaptureObject(4, demand, 2, 0),
        CaptureObject(1, Obis.parse("0.0.96.1.0.255"), 2, 0),
        CaptureObject(3, ENERGY, 2, 1),  # a part of it
        CaptureObject(3, VOLTAGE, 2, 0),
        CaptureObject(3, VOLTAGE, 2, 0),
    )
    scalers = dict.fromkeys((demand, ENERGY, VOLTAGE), axdr.Scale(0, 27))
    layout = layout_of(BLOCK_LOAD_PROFILE, 900, objects, scalers)
    assert layout.columns == (
        reached_at(demand),
        Column(obis=demand, scaler=0, unit=27),
        Column(obis=VOLTAGE, scaler=0, unit=27),
    )
    assert layout.places == (1, 2, 5)


def test_a_value_without_a_scaler_is_no_column() -> None:
    layout = layout_of(
        BLOCK_LOAD_PROFILE, 900, capture(ENERGY, VOLTAGE), {ENERGY: axdr.Scale(1, 30)}
    )
    assert [(column.obis, column.scaler) for column in layout.columns] == [(ENERGY, 1)]


def test_the_clock_need_not_come_first() -> None:
    objects = (CaptureObject(3, ENERGY, 2, 0), CaptureObject(8, CLOCK, 2, 0))
    layout = layout_of(BLOCK_LOAD_PROFILE, 900, objects, {ENERGY: axdr.Scale(0, 30)})
    sent = array([structure(u32(5), octets(stamp(T0, -330))), structure(u32(6), NULL)])
    assert buffer.rows_of(sent, layout, BLUE_BOOK).rows == ((T0, None, 5), (T0 + 900, None, 6))


@pytest.mark.parametrize("objects", [capture(ENERGY)[1:], capture()])
def test_a_profile_needs_a_time_and_a_value(objects: tuple[CaptureObject, ...]) -> None:
    with pytest.raises(ProtocolViolation):
        layout_of(BLOCK_LOAD_PROFILE, 900, objects, {ENERGY: axdr.Scale(0, 30)})


def test_a_scaler_profile_gives_each_code_its_scaler() -> None:
    objects = tuple(CaptureObject(3, obis, 3, 0) for obis in (ENERGY, VOLTAGE, POWER))
    sent = array([structure(b"\x02\x02\x0f\x01\x16\x1e", b"\x02\x02\x0f\xfe\x16\x23", NULL)])
    assert layout.scaler_profile(sent, objects) == {
        ENERGY: axdr.Scale(1, 30),
        VOLTAGE: axdr.Scale(-2, 35),
    }


def test_the_range_selector_is_the_books() -> None:
    first = axdr.date_time(
        int(datetime(2026, 6, 10, 9, 30, tzinfo=IST).timestamp()), BLUE_BOOK, with_deviation=True
    )
    assert first == bytes.fromhex("07EA060AFF 091E00FF FEB600")
    selector = axdr.range_selector(first, first)
    # Selector 1, the restricting clock and both bounds, as in the vector; all columns.
    start = hdlc_cosem.GET_BLOCK_LOAD_RANGE.index(bytes.fromhex("01010204")) + 1
    books = hdlc_cosem.GET_BLOCK_LOAD_RANGE[start:]
    assert selector[:21] == books[:21]
    assert selector == books[:21] + b"\x09\x0c" + first + b"\x09\x0c" + first + b"\x01\x00"
