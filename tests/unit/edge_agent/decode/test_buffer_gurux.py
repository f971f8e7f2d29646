# SPDX-License-Identifier: GPL-2.0-only
"""Our decoding beside that of gurux-dlms: equal wherever it is right, and not where it is wrong.

Each known fault of the library has a test that shows the fault in it, so that a release which
mends it is noticed, and that ours does not share it.
"""

import os
import time
from collections.abc import Iterator
from datetime import UTC

import pytest
from gurux_dlms import GXByteBuffer, GXDLMSClient
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.decode import buffer, layout
from edge_agent.decode.layout import layout_of
from edge_agent.dlms import axdr, request_writer
from edge_agent.dlms.axdr import Zone
from edge_agent.errors import ProtocolViolation
from shared_schema.catalogue import BLOCK_LOAD_PROFILE
from tests.support.buffers import (
    BLUE_BOOK,
    ENERGY,
    NULL,
    PERIOD_S,
    T0,
    VOLTAGE,
    array,
    numbers,
    octets,
    plan,
    stamp,
    structure,
    u32,
)
from tests.support.gurux_profile import Gurux, as_ours, moment


@pytest.fixture
def elsewhere() -> Iterator[None]:
    """A host whose zone is not that of the meters."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "America/New_York"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@given(st.lists(st.tuples(st.booleans(), numbers(), numbers()), min_size=1, max_size=40))
def test_random_profiles_agree_value_by_value(
    content: list[tuple[bool, tuple[bytes, int | None], tuple[bytes, int | None]]],
) -> None:
    sent = [
        structure(
            NULL if null and number else octets(stamp(T0 + number * PERIOD_S, -330)),
            first[0],
            second[0],
        )
        for number, (null, first, second) in enumerate(content)
    ]
    ours = buffer.rows_of(array(sent), plan(ENERGY, VOLTAGE), BLUE_BOOK)
    theirs = as_ours(Gurux(ENERGY, VOLTAGE).read(array(sent)))
    assert ours.bad_time == ours.misfit == 0
    assert [row[0] for row in ours.rows] == [row[0] for row in theirs]
    before: list[int | None] = [None, None]
    for mine, other, (_, *sent_values) in zip(ours.rows, theirs, content, strict=True):
        for at, (raw, value) in enumerate(zip(mine[2:], other[2:], strict=True)):
            if sent_values[at][0] == NULL:  # as in the row before, where the library says None
                assert raw == before[at]
            elif isinstance(value, int) and -(2**63) <= value < 2**63:
                assert raw == value
            else:  # a text, a float or an integer without room: no raw value
                assert raw is None
        before = list(mine[2:])


def test_gurux_gives_null_times_one_time() -> None:
    sent = array(
        [structure(octets(stamp(T0, -330)), u32(1)), *[structure(NULL, u32(n)) for n in (2, 3)]]
    )
    theirs = as_ours(Gurux(ENERGY, period_s=None).read(sent))
    assert {row[0] for row in theirs[1:]} != {T0 + PERIOD_S, T0 + 2 * PERIOD_S}
    assert len({row[0] for row in theirs[1:]}) == 1
    ours = buffer.rows_of(sent, plan(ENERGY, period_s=0), BLUE_BOOK)
    assert (ours.rows, ours.bad_time) == (((T0, None, 1),), 2)
    known = buffer.rows_of(sent, plan(ENERGY), BLUE_BOOK)
    assert [row[0] for row in known.rows] == [T0, T0 + PERIOD_S, T0 + 2 * PERIOD_S]


def test_only_gurux_takes_the_hosts_zone(
    elsewhere: None,  # noqa: ARG001  # the zone of this host
) -> None:
    sent = array([structure(octets(stamp(T0)), u32(1))])
    (row,) = Gurux(ENERGY).read(sent)
    assert moment(row[0]).timestamp() != T0
    assert buffer.rows_of(sent, plan(ENERGY), Zone(330, 1)).rows == ((T0, None, 1),)


def test_a_reversed_deviation_misleads_gurux_alone() -> None:
    sent = array([structure(octets(stamp(T0, 330)), u32(1))])
    (row,) = Gurux(ENERGY).read(sent)
    assert abs(moment(row[0]).astimezone(UTC).timestamp() - T0) == 11 * 3600
    assert buffer.rows_of(sent, plan(ENERGY), Zone(330, -1)).rows == ((T0, None, 1),)


def test_gurux_appends_reads_and_ours_stand_alone() -> None:
    first, second = (array([structure(octets(stamp(T0, -330)), u32(n))]) for n in (1, 2))
    gurux = Gurux(ENERGY)
    gurux.read(first)
    assert [row[1] for row in gurux.read(second)] == [1, 2]
    layout = plan(ENERGY)
    buffer.rows_of(first, layout, BLUE_BOOK)
    assert buffer.rows_of(second, layout, BLUE_BOOK).rows == ((T0, None, 2),)


def test_gurux_scales_by_floats_and_ours_stays_raw() -> None:
    raw = 1_234_567_891
    sent = array([structure(octets(stamp(T0, -330)), u32(raw))])
    gurux = Gurux(ENERGY)
    gurux.client.updateValue(gurux.registers[0], 3, [-3, 30])
    (row,) = gurux.read(sent)
    assert isinstance(row[1], float)
    layout = layout_of(
        BLOCK_LOAD_PROFILE, PERIOD_S, plan(ENERGY).objects, {ENERGY: axdr.Scale(-3, 30)}
    )
    assert layout.columns[0].scaler == -3
    assert buffer.rows_of(sent, layout, BLUE_BOOK).rows == ((T0, None, raw),)


def profile_with(bad: bytes) -> bytes:
    """Three rows; the time of the second is none, that of the third is null."""
    return array(
        [
            structure(octets(stamp(T0, -330)), u32(1)),
            structure(octets(bad), u32(2)),
            structure(NULL, u32(3)),
            structure(octets(stamp(T0 + 3 * PERIOD_S, -330)), u32(4)),
        ]
    )


def test_gurux_makes_january_of_an_impossible_month() -> None:
    bad = bytearray(stamp(T0 + PERIOD_S, -330))
    bad[2] = 13
    sent = profile_with(bytes(bad))
    assert [moment(row[0]).month for row in Gurux(ENERGY).read(sent)] == [3, 1, 1, 3]
    ours = buffer.rows_of(sent, plan(ENERGY), BLUE_BOOK)
    assert [row[2] for row in ours.rows] == [1, 4], "a null time after a bad one is not guessed"
    assert ours.bad_time == 2


def test_an_impossible_hour_costs_gurux_the_whole_read() -> None:
    bad = bytearray(stamp(T0 + PERIOD_S, -330))
    bad[5] = 24
    sent = profile_with(bytes(bad))
    with pytest.raises(ValueError, match="hour"):
        Gurux(ENERGY).read(sent)
    assert [row[2] for row in buffer.rows_of(sent, plan(ENERGY), BLUE_BOOK).rows] == [1, 4]


def test_gurux_raises_bare_exceptions_and_ours_is_translated() -> None:
    no_list = bytes.fromhex("0201 02")  # a list of objects that is a structure
    with pytest.raises(Exception) as theirs:  # noqa: PT011  # that is the point
        GXDLMSClient(True, 32, 17).parseObjects(GXByteBuffer(no_list), True)
    assert type(theirs.value) is Exception
    with pytest.raises(ProtocolViolation):
        layout.capture_objects(no_list)
    with (
        pytest.raises(ProtocolViolation, match="no GET can be written"),
        request_writer.writing("GET", "A-1"),
    ):
        raise theirs.value
