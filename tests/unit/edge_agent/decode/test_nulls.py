# SPDX-License-Identifier: GPL-2.0-only
"""Null-data compression: what a null in a row of a profile means, from bytes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.decode import buffer
from edge_agent.decode.layout import CaptureObject, Layout, layout_of
from shared_schema.catalogue import CLOCK
from shared_schema.obis import Obis
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
    u16,
    u32,
)

LOG = Obis.parse("0.0.99.98.0.255")
EVENT = Obis.parse("0.0.96.11.0.255")
PAIR = plan(ENERGY, VOLTAGE)
LATER = T0 + PERIOD_S


def time(ts: int) -> bytes:
    return octets(stamp(ts, -330))


FIRST = structure(time(T0), u32(50), u16(2304))


def rows(*sent: bytes, layout: Layout = PAIR) -> tuple[tuple[int | None, ...], ...]:
    return buffer.rows_of(array(sent), layout, BLUE_BOOK).rows


def test_a_row_of_nulls_is_the_row_before_one_period_on() -> None:
    sent = bytes.fromhex(
        "0102 0203 090C" + stamp(T0, -330).hex() + "06 00000032 12 0900 0203 00 00 00"
    )
    found = buffer.rows_of(sent, PAIR, BLUE_BOOK)
    assert found.rows == ((T0, None, 50, 2304), (LATER, None, 50, 2304))


def test_a_day_of_nulls_is_96_rows() -> None:
    found = rows(FIRST, *[structure(NULL, NULL, NULL)] * 95)
    assert found == tuple((T0 + n * PERIOD_S, None, 50, 2304) for n in range(96))


def test_a_null_in_the_first_row_is_missing() -> None:
    sent = structure(time(T0), NULL, u16(1)), structure(NULL, NULL, NULL)
    assert rows(*sent) == ((T0, None, None, 1), (LATER, None, None, 1))


def test_a_model_may_say_that_null_is_missing() -> None:
    layout = replace(PAIR, nulls_repeat=False)
    found = rows(FIRST, structure(NULL, NULL, u16(7)), layout=layout)
    assert found == ((T0, None, 50, 2304), (LATER, None, None, 7))


def test_nulls_after_a_lost_row_are_missing() -> None:
    lost = structure(octets(bytes(12)), u32(60), u16(2305))
    narrow = structure(time(LATER), u32(60))
    for between in (lost, narrow):
        found = rows(FIRST, between, structure(time(T0 + 9000), NULL, u16(3)))
        assert found == ((T0, None, 50, 2304), (T0 + 9000, None, None, 3))


def test_nothing_is_carried_from_one_answer_to_the_next() -> None:
    rows(FIRST)
    assert rows(structure(time(LATER), NULL, NULL)) == ((LATER, None, None, None),)


def test_a_value_that_does_not_matter_is_not_the_one_before() -> None:
    assert rows(FIRST, structure(NULL, b"\xff", NULL))[1] == (LATER, None, None, 2304)


def test_a_null_after_a_refused_value_is_missing() -> None:
    text = structure(NULL, b"\x0a\x02ab", NULL)
    assert rows(FIRST, text, structure(NULL, NULL, NULL))[2][2] is None


def test_a_status_is_repeated_as_well() -> None:
    layout = plan(ENERGY, status=True)
    sent = structure(time(T0), u32(1), b"\x04\x08\x81"), structure(NULL, u32(2), NULL)
    assert rows(*sent, layout=layout) == ((T0, 0x81, 1), (LATER, 0x81, 2))


def test_an_event_log_repeats_its_code() -> None:
    objects = (CaptureObject(8, CLOCK, 2, 0), CaptureObject(1, EVENT, 2, 0))
    layout = layout_of(LOG, 0, objects, {})
    sent = structure(time(T0), u16(101)), structure(time(T0 + 60), NULL)
    assert rows(*sent, layout=layout) == ((T0, 101), (T0 + 60, 101))
    found = buffer.rows_of(array(sent[1:]), layout, BLUE_BOOK)
    assert (found.rows, found.no_code) == ((), 1)


def test_nulls_of_the_newest_first_repeat_the_row_sent_before() -> None:
    layout = replace(PAIR, descending=True)
    found = rows(FIRST, structure(NULL, u32(49), NULL), layout=layout)
    assert found == ((T0 - PERIOD_S, None, 49, 2304), (T0, None, 50, 2304))


def test_a_column_of_nulls_stays_missing() -> None:
    sent = [structure(time(T0 + n * PERIOD_S), NULL, u16(n)) for n in range(9)]
    assert [row[2] for row in rows(*sent)] == [None] * 9


def test_a_compact_array_has_a_column_of_nulls() -> None:
    content = b"".join(b"\x0c" + stamp(T0 + n * PERIOD_S) + bytes([0, n]) for n in range(9))
    sent = b"\x13\x02\x03\x09\x00\x12" + length(len(content)) + content
    found = buffer.rows_of(sent, PAIR, BLUE_BOOK).rows
    assert [row[2:] for row in found] == [(None, n) for n in range(9)]


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=1, max_size=60), st.booleans())
def test_what_is_compressed_is_what_was_meant(
    meant: list[tuple[int, int, int]], descending: bool
) -> None:
    layout = replace(plan(ENERGY, VOLTAGE, status=True), descending=descending)
    step = -PERIOD_S if descending else PERIOD_S
    sent: list[bytes] = []
    before: tuple[int, int, int] | None = None
    for each in meant:
        items = [
            NULL if before is not None and new == old else u32(new)
            for new, old in zip(each, before or each, strict=True)
        ]
        sent.append(structure(NULL if before else time(T0), *items))
        before = each
    found = buffer.rows_of(array(sent), layout, BLUE_BOOK)
    expected = [(T0 + n * step, each[2], *each[:2]) for n, each in enumerate(meant)]
    assert found.rows == tuple(sorted(expected))


# --- filled times


def test_a_filled_time_that_is_stated_costs_its_row() -> None:
    null = structure(NULL, NULL, NULL)
    stated = structure(time(T0 + 2 * PERIOD_S), u32(9), u16(9))
    found = buffer.rows_of(array([FIRST, null, null, stated]), PAIR, BLUE_BOOK)
    assert [row[0] for row in found.rows] == [T0, LATER, T0 + 2 * PERIOD_S]
    assert (found.rows[-1][2:], found.taken, found.bad_time) == ((9, 9), 1, 0)


def test_filled_times_out_of_order_cost_their_rows() -> None:
    null = structure(NULL, NULL, NULL)
    stated = structure(time(T0 + 1200), u32(9), NULL)
    found = buffer.rows_of(array([FIRST, null, null, null, stated, null]), PAIR, BLUE_BOOK)
    assert [row[0] for row in found.rows] == [T0, LATER, T0 + 1200, T0 + 2100]
    assert (found.taken, found.rows[2][3]) == (2, None)


def test_a_time_that_is_filled_twice_is_nobodys() -> None:
    null = structure(NULL, u32(7), NULL)
    found = buffer.rows_of(array([FIRST, null, FIRST, null]), PAIR, BLUE_BOOK)
    assert [row[0] for row in found.rows] == [T0, T0, LATER]
    assert found.taken == 1


@pytest.mark.parametrize("descending", [True, False])
def test_filled_times_before_a_gap_stay(descending: bool) -> None:
    step = -PERIOD_S if descending else PERIOD_S
    layout = replace(PAIR, descending=descending)
    stated = structure(time(T0 + 9 * step), u32(9), u16(9))
    found = buffer.rows_of(array([FIRST, structure(NULL, NULL, NULL), stated]), layout, BLUE_BOOK)
    assert {row[0] for row in found.rows} == {T0, T0 + step, T0 + 9 * step}
    assert found.taken == 0
