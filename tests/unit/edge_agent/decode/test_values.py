# SPDX-License-Identifier: GPL-2.0-only
"""Values that are no plain integers: BCD, differences, floats; and work that is bounded."""

import struct
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.decode import buffer, layout, runs
from edge_agent.dlms import axdr, axdr_numbers, compact_array
from edge_agent.errors import FloatRefused, ProtocolViolation, ValueRefused
from tests.support.buffers import (
    BLUE_BOOK,
    ENERGY,
    NULL,
    PERIOD_S,
    T0,
    VOLTAGE,
    array,
    length,
    octets,
    plan,
    stamp,
    structure,
    u32,
)

AVERAGE = VOLTAGE
DAY = 1773100800 - 5 * 3600 - 1800  # a local midnight


def column(*sent: bytes) -> list[int | None]:
    """Return a column of these values, one row each."""
    rows = [structure(octets(stamp(T0 + n * PERIOD_S)), each) for n, each in enumerate(sent)]
    return [row[2] for row in buffer.rows_of(array(rows), plan(ENERGY), BLUE_BOOK).rows]


def test_bcd_is_two_digits_in_one_byte() -> None:
    assert axdr.integer(bytes.fromhex("0D42")) == 42
    assert column(bytes.fromhex("0D42"), bytes.fromhex("0D99")) == [42, 99]


@pytest.mark.parametrize("sent", ["0D4A", "0DA1", "0DFF"])
def test_a_digit_above_nine_is_refused(sent: str) -> None:
    with pytest.raises(ValueRefused, match=bytes.fromhex(sent).hex(" ")):
        axdr.integer(bytes.fromhex(sent))
    assert column(u32(7), bytes.fromhex(sent), u32(8)) == [7, None, 8]


def test_a_refused_value_says_what_came() -> None:
    row = structure(octets(stamp(T0)), b"\x0d\xa1")
    found = buffer.rows_of(array([row] * 5), plan(ENERGY), BLUE_BOOK)
    assert (found.refused, found.refused_as) == (5, f"{ENERGY} is 0d a1")


@given(st.integers(0, 99))
def test_all_bcd_numbers(number: int) -> None:
    assert axdr.integer(bytes((13, number // 10 << 4 | number % 10))) == number


def test_bytes_that_are_left_are_told_in_hex() -> None:
    with pytest.raises(ValueRefused, match="bytes are left after the value: 06 00 00 00 01 aa"):
        axdr.integer(u32(1) + b"\xaa")
    with pytest.raises(ValueRefused) as refused:
        axdr.value(b"\x09\x02ab" + bytes(500))
    assert len(str(refused.value)) < 160


@pytest.mark.parametrize(
    ("tag", "code", "by"),
    [(28, "b", -5), (29, "h", -300), (30, "i", 70000), (31, "B", 200), (32, "H", 60000),
     (33, "I", 3_000_000)],
)  # fmt: skip
def test_a_difference_adds_to_the_value_before(tag: int, code: str, by: int) -> None:
    delta = bytes((tag,)) + struct.pack(">" + code, by)
    assert column(u32(500_000), delta, NULL, delta) == [
        500_000,
        500_000 + by,
        500_000 + by,
        500_000 + 2 * by,
    ]


def test_a_difference_without_a_value_before_is_refused() -> None:
    assert column(b"\x1f\x05", u32(7), b"\x0a\x01x", b"\x1f\x05") == [None, 7, None, None]
    with pytest.raises(ValueRefused):
        axdr.integer(b"\x1f\x05")


def test_a_difference_beyond_its_type_is_refused() -> None:
    assert column(u32(2**32 - 1), b"\x1f\x05", b"\x1f\x01", u32(4)) == [2**32 - 1, None, None, 4]
    assert column(u32(1), b"\x1c\xfe") == [1, None]


def test_long_runs_of_differences() -> None:
    assert column(u32(0), *[b"\x1f\x02"] * 300) == [2 * n for n in range(301)]


@pytest.mark.parametrize(
    ("sent", "text"),
    [(b"\x17" + struct.pack(">f", 230.45), "230.45"), (b"\x18" + struct.pack(">d", 0.1), "0.1"),
     (b"\x17" + struct.pack(">f", 1e-7), "1E-7"),
     (b"\x17" + struct.pack(">f", 16777216), "16777216")],
)  # fmt: skip
def test_a_float_is_the_decimal_that_it_prints_as(sent: bytes, text: str) -> None:
    assert axdr.value(sent) == Decimal(text)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float_comes_back_from_its_decimal(number: float) -> None:
    found = axdr_numbers.of_float(number, 23)
    assert found is not None
    assert struct.pack(">f", float(found)) == struct.pack(">f", number)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_float_that_is_no_number_is_refused(number: float) -> None:
    with pytest.raises(ValueRefused):
        axdr.value(b"\x17" + struct.pack(">f", number))


def test_a_register_of_floats_is_refused_by_its_kind() -> None:
    with pytest.raises(FloatRefused, match=r"230\.45"):
        axdr.integer(b"\x17" + struct.pack(">f", 230.45))


def test_a_column_of_floats_counts_in_small_parts() -> None:
    sent = array(
        [
            structure(octets(stamp(T0)), b"\x17" + struct.pack(">f", 230.45)),
            structure(octets(stamp(T0 + PERIOD_S)), u32(231)),
            structure(octets(stamp(T0 + 2 * PERIOD_S)), b"\x17" + struct.pack(">f", 1e30)),
        ]
    )
    before = plan(AVERAGE)
    unknown = buffer.rows_of(sent, before, BLUE_BOOK)
    assert unknown.floats == {1}
    known = before.with_floats(unknown.floats)
    found = buffer.rows_of(sent, known, BLUE_BOOK)
    assert known.columns[0].scaler == before.columns[0].scaler - layout.FLOAT_DIGITS
    assert [row[2] for row in found.rows] == [230_450_000_000, 231 * 10**9, None]
    assert (found.floats, found.refused) == (frozenset(), 1)


@pytest.mark.parametrize(
    ("sent", "raw"),
    [
        (230.4499969482422, 230_449_996_948),
        (-0.0000000005, 0),
        (-0.0000000015, -2),
        (9_223_372_037.0, None),
        (1e300, None),
        (5e-324, 0),
    ],
)
def test_a_float_is_rounded_to_nine_decimals(sent: float, raw: int | None) -> None:
    rows = array([structure(octets(stamp(T0)), b"\x18" + struct.pack(">d", sent))])
    found = buffer.rows_of(rows, plan(AVERAGE).with_floats({1}), BLUE_BOOK)
    assert [row[2] for row in found.rows] == [raw]
    assert found.refused == (raw is None)


def test_a_billed_column_of_floats_is_refused() -> None:
    sent = array([structure(octets(stamp(T0)), b"\x17" + struct.pack(">f", 1.5))])
    found = buffer.rows_of(sent, plan(ENERGY), BLUE_BOOK)
    assert (found.rows, found.no_floats, found.floats) == (((T0, None, None),), True, frozenset())


@pytest.mark.parametrize("sent", [1e300, 5e-324, -1.5])
def test_a_float_that_is_refused_is_told_in_few_digits(sent: float) -> None:
    with pytest.raises(FloatRefused) as refused:
        axdr.integer(b"\x18" + struct.pack(">d", sent))
    assert len(str(refused.value)) < 80
    assert str(Decimal(repr(sent))) in str(refused.value)


# --- times


def test_hour_24_is_midnight_of_the_next_day() -> None:
    written = bytearray(stamp(DAY - 86400, -330))
    written[5] = 24
    assert axdr.epoch_s(bytes(written), BLUE_BOOK) == DAY


@pytest.mark.parametrize(
    ("place", "value"),
    [(3, 0xFD), (3, 0xFE), (3, 0xFF), (2, 0xFD), (2, 0xFE), (6, 0xFF), (7, 60), (5, 25)],
)
def test_a_stamp_that_is_no_one_moment(place: int, value: int) -> None:
    written = bytearray(stamp(DAY, -330))
    written[place] = value
    assert axdr.epoch_s(bytes(written), BLUE_BOOK) is None


@pytest.mark.parametrize("place", [7, 8])
def test_seconds_and_hundredths_may_be_unspecified(place: int) -> None:
    written = bytearray(stamp(DAY, -330))
    written[place] = 0xFF
    assert axdr.epoch_s(bytes(written), BLUE_BOOK) == DAY


# --- compact arrays


def test_a_compact_array_of_nested_types() -> None:
    described = b"\x02\x03\x01\x00\x02\x11\x02\x02\x12\x04\x0a"  # 2 u8; u16 and bits; text
    content = (b"\x01\x02" + b"\x00\x03" + b"\x09\x80\x80" + b"\x01a") * 2
    sent = b"\x13" + described + length(len(content)) + content
    assert axdr.value(sent) == [[[1, 2], [3, b"\x80\x80"], b"a"]] * 2


def test_a_compact_array_of_numbers_of_all_types() -> None:
    sent = b"\x13\x02\x03\x0d\x1f\x17\x06\x42\x05" + struct.pack(">f", 1.5)
    assert axdr.value(sent) == [[42, axdr_numbers.Delta(5), Decimal("1.5")]]


# --- work is bounded by what came


def test_a_compact_array_writes_no_more_than_came_allows() -> None:
    for head in (
        b"\x01\xff\xff\x00",
        b"\x01\xff\xff" * 11 + b"\x00",
        b"\x02\x7f" + b"\x01\xff\xff\x00" * 127,
    ):
        sent = b"\x13\x02\x02" + head + b"\x11\x02\x01\x02"
        with pytest.raises(ProtocolViolation):
            compact_array.expand(sent)


@given(st.binary(max_size=80))
def test_no_compact_array_becomes_much_more_than_it_was(data: bytes) -> None:
    sent = b"\x13" + data
    try:
        plain, _ = compact_array.expand(sent)
    except ProtocolViolation:
        return
    assert len(plain) <= 8 * len(sent) + 16


def test_an_attribute_larger_than_any_is_not_read() -> None:
    for sent in (array([NULL] * 70_000), b"\x09" + length(70_000) + bytes(70_000)):
        with pytest.raises(ProtocolViolation):
            layout.capture_objects(sent)


def test_rows_of_too_many_shapes_are_refused_by_their_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [
        structure(*[NULL if n >> bit & 1 else b"\x11\x01" for bit in range(16)])
        for n in range(2**16 - 1)
    ]
    work = 0
    whole = runs._heads

    def heads(data: bytes, at: int, count: int) -> tuple[bytes, ...] | None:
        nonlocal work
        work += count
        return whole(data, at, count)

    monkeypatch.setattr(runs, "_heads", heads)
    with pytest.raises(ProtocolViolation):
        list(runs.runs(array(rows[:12_000]), 16))
    assert work <= runs.MAX_WORK


@pytest.mark.parametrize("count", [runs.MAX_ROWS + 1, 10**6])
def test_more_rows_than_a_meter_sends_are_refused(count: int) -> None:
    with pytest.raises(ProtocolViolation):
        list(runs.runs(array([b"\x02\x00"] * count), 0))


@pytest.mark.parametrize("status", ["04 08 81", "04 0B 8120", "09 00", "0A 02 4142", "11 05"])
def test_a_month_of_any_status_is_read_at_once(status: str) -> None:
    sent = [
        structure(octets(stamp(T0 + n * PERIOD_S)), u32(n), bytes.fromhex(status))
        for n in range(3360)
    ]
    found = buffer.rows_of(array(sent), plan(ENERGY, status=True), BLUE_BOOK)
    assert len(found.rows) == 3360


def test_a_row_of_nested_values_is_no_larger_than_an_attribute() -> None:
    nested = structure(octets(stamp(T0)), array([NULL] * 20_000))
    with pytest.raises(ProtocolViolation):
        buffer.rows_of(array([nested]), plan(ENERGY), BLUE_BOOK)


def test_ten_thousand_rows_are_read() -> None:
    assert len(column(*[u32(n) for n in range(10_001)])) == 10_001
