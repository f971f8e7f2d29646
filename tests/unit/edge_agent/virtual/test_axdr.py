# SPDX-License-Identifier: GPL-2.0-only
"""A-XDR: known bytes, round trips, and garbage."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.virtual import axdr
from edge_agent.virtual.axdr import AxdrError, Data, Tag

_RANGES = {
    Tag.INTEGER: (-(2**7), 2**7 - 1),
    Tag.LONG: (-(2**15), 2**15 - 1),
    Tag.DOUBLE_LONG: (-(2**31), 2**31 - 1),
    Tag.LONG64: (-(2**63), 2**63 - 1),
    Tag.UNSIGNED: (0, 2**8 - 1),
    Tag.LONG_UNSIGNED: (0, 2**16 - 1),
    Tag.DOUBLE_LONG_UNSIGNED: (0, 2**32 - 1),
    Tag.LONG64_UNSIGNED: (0, 2**64 - 1),
    Tag.ENUM: (0, 2**8 - 1),
}
_numbers = st.sampled_from(sorted(_RANGES)).flatmap(
    lambda tag: st.integers(*_RANGES[tag]).map(lambda value: Data(tag, value))
)
_plain = st.one_of(
    _numbers,
    st.just(Data(Tag.NULL, None)),
    st.booleans().map(lambda value: Data(Tag.BOOLEAN, value)),
    st.binary(max_size=300).map(lambda value: Data(Tag.OCTET_STRING, value)),
    st.binary(min_size=12, max_size=12).map(lambda value: Data(Tag.DATE_TIME, value)),
    st.text(st.characters(codec="ascii"), max_size=20).map(
        lambda value: Data(Tag.VISIBLE_STRING, value)
    ),
    st.lists(st.booleans(), max_size=40).map(lambda value: Data(Tag.BIT_STRING, tuple(value))),
)
_data = st.recursive(
    _plain,
    lambda inner: st.tuples(
        st.sampled_from([Tag.ARRAY, Tag.STRUCTURE]), st.lists(inner, max_size=4)
    ).map(lambda pair: Data(pair[0], tuple(pair[1]))),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("encoded", "text"),
    [
        (axdr.null(), "00"),
        (axdr.boolean(True), "03 FF"),
        (axdr.integer(-3), "0F FD"),
        (axdr.long(-330), "10 FE B6"),
        (axdr.unsigned(200), "11 C8"),
        (axdr.long_unsigned(900), "12 03 84"),
        (axdr.double_long_unsigned(1541050), "06 00 17 83 BA"),
        (axdr.enum(30), "16 1E"),
        (axdr.octet_string(b"\x01\x02"), "09 02 01 02"),
        (axdr.visible_string("D1"), "0A 02 44 31"),
        (axdr.bit_string([True, False, True]), "04 03 A0"),
        (axdr.array([axdr.null()] * 128), "01 81 80" + " 00" * 128),
        (axdr.structure(axdr.integer(0), axdr.enum(30)), "02 02 0F 00 16 1E"),
        (axdr.length(127), "7F"),
        (axdr.length(300), "82 01 2C"),
    ],
)
def test_known_bytes(encoded: bytes, text: str) -> None:
    assert encoded == bytes.fromhex(text)


@given(_data)
def test_round_trip(data: Data) -> None:
    encoded = axdr.encode(data)
    assert axdr.decode(encoded) == (data, len(encoded))
    for cut in range(len(encoded)):
        with pytest.raises(AxdrError):
            axdr.decode(encoded[:cut])


@given(st.binary(max_size=60))
def test_garbage_is_data_or_an_error(garbage: bytes) -> None:
    with contextlib.suppress(AxdrError):
        _, end = axdr.decode(garbage)
        assert 0 < end <= len(garbage)


def test_nesting_ends() -> None:
    with pytest.raises(AxdrError):
        axdr.decode(b"\x02\x01" * 100 + b"\x00")


@pytest.mark.parametrize(
    ("tag", "value"), [(Tag.INTEGER, 128), (Tag.UNSIGNED, -1), (Tag.OCTET_STRING, 1)]
)
def test_what_does_not_fit(tag: Tag, value: int) -> None:
    with pytest.raises(AxdrError):
        axdr.number(tag, value)
    with pytest.raises(AxdrError):
        axdr.encode(Data(tag, value))
