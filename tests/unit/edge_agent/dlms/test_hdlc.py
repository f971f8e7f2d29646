# SPDX-License-Identifier: GPL-2.0-only
"""The frame guard: lets the meter's frames through, and nothing else, whatever comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.dlms.hdlc import (
    Drop,
    Frame,
    FrameGuard,
    check_sequence,
    client_address,
    is_intact,
    server_address,
)
from tests.vectors import hdlc_cosem

CLIENT = client_address(32)
METER = server_address(1, 17)
NEIGHBOUR = server_address(1, 18)
FLAG = b"\x7e"


def bitwise_check(data: bytes) -> bytes:
    """CRC-16/X-25 by its definition, bit by bit."""
    remainder = 0xFFFF
    for byte in data:
        for bit in range(8):
            carry = (remainder ^ (byte >> bit)) & 1
            remainder = (remainder >> 1) ^ (0x8408 if carry else 0)
    return (remainder ^ 0xFFFF).to_bytes(2, "little")


def frame(
    control: int,
    information: bytes = b"",
    *,
    source: bytes = METER,
    destination: bytes = CLIENT,
    segmented: bool = False,
) -> bytes:
    head = destination + source + bytes((control,))
    length = 2 + len(head) + 2 + (len(information) + 2 if information else 0)
    head = (length | 0xA000 | segmented << 11).to_bytes(2, "big") + head
    head += bitwise_check(head)
    if information:
        head += information
        head += bitwise_check(head)
    return FLAG + head + FLAG


informations = st.binary(min_size=0, max_size=300)
noise = st.binary(max_size=40).map(lambda data: data.replace(FLAG, b""))


@given(st.binary(max_size=100))
def test_the_check_sequence_is_the_standards(data: bytes) -> None:
    assert check_sequence(data) == bitwise_check(data)
    assert is_intact(data + bitwise_check(data))


@pytest.mark.parametrize(("data", "check"), hdlc_cosem.FCS_EXAMPLES)
def test_the_check_sequences_of_the_books(data: bytes, check: bytes) -> None:
    assert check_sequence(data) == check


@pytest.mark.parametrize(
    ("logical", "physical", "written"),
    [(1, 17, "0223"), (1, 127, "02ff"), (1, 128, "00020201"), (1, 16381, "0002fefb")],
)
def test_addresses_in_two_and_four_bytes(logical: int, physical: int, written: str) -> None:
    assert server_address(logical, physical) == bytes.fromhex(written)


def test_a_short_address_in_its_long_form() -> None:
    assert server_address(1, 17, size=4) == bytes.fromhex("00020023")


def test_the_frames_of_the_books_pass() -> None:
    guard = FrameGuard(CLIENT, METER)
    answers = [
        hdlc_cosem.UA_1024,
        hdlc_cosem.AARE_ACCEPTED,
        hdlc_cosem.ENERGY,
        hdlc_cosem.LONG_SEGMENT_1,
        hdlc_cosem.LONG_SEGMENT_2,
    ]
    found = guard.feed(b"".join(answers))
    assert [each.control for each in found] == [0x73, 0x30, 0x74, 0xFC, 0xFE]
    assert [each.segmented for each in found] == [False, False, False, True, False]
    assert found[2].information == bytes.fromhex("E6E700 C401C100 06001783BA")
    assert not guard.dropped


@given(st.binary(max_size=400), st.integers(1, 60))
def test_any_garbage_gives_frames_or_nothing(garbage: bytes, step: int) -> None:
    guard = FrameGuard(CLIENT, METER)
    for start in range(0, len(garbage), step):
        for found in guard.feed(garbage[start : start + step]):
            assert isinstance(found, Frame)
    guard.clear()


@given(st.lists(st.sampled_from([0x7E, 0xA0, 0xA7, 0xA8, 0x00, 0x41, 0x02, 0x23, 0x73, 0xFF])))
def test_garbage_of_the_bytes_of_frames_gives_nothing(garbage: list[int]) -> None:
    assert FrameGuard(CLIENT, METER).feed(bytes(garbage)) == []


@given(st.lists(st.tuples(noise, informations), min_size=1, max_size=4), noise, st.data())
def test_frames_are_found_in_noise_and_pieces(
    parts: list[tuple[bytes, bytes]], end: bytes, data: st.DataObject
) -> None:
    line = b"".join(junk + frame(0x30, info) for junk, info in parts) + end
    guard = FrameGuard(CLIENT, METER)
    found: list[Frame] = []
    while line:
        size = data.draw(st.integers(1, len(line)))
        found.extend(guard.feed(line[:size]))
        line = line[size:]
    assert [each.information for each in found] == [info for _, info in parts]


@pytest.mark.parametrize("cut", range(1, 31))
def test_a_broken_frame_never_swallows_the_next(cut: int) -> None:
    guard = FrameGuard(CLIENT, METER)
    whole, broken = frame(0x30, b"next"), frame(0x30, b"lost" * 5)
    assert [each.information for each in guard.feed(broken[:cut] + whole)] == [b"next"]


@given(informations, st.integers(0, 2**32), st.integers(0, 7))
def test_a_flipped_bit_is_never_accepted(info: bytes, place: int, bit: int) -> None:
    damaged = bytearray(frame(0x30, info))
    damaged[place % len(damaged)] ^= 1 << bit
    for found in FrameGuard(CLIENT, METER).feed(bytes(damaged)):
        assert found == Frame(0x30, info, segmented=False)  # only a flag was hit


@given(informations, informations)
def test_another_meters_late_answer_is_never_accepted(late: bytes, own: bytes) -> None:
    guard = FrameGuard(CLIENT, METER)
    found = guard.feed(frame(0x30, late, source=NEIGHBOUR) + frame(0x30, own))
    assert [each.information for each in found] == [own]
    assert guard.dropped == {Drop.OTHER_ADDRESS: 1}


def test_an_answer_to_another_client_is_not_accepted() -> None:
    guard = FrameGuard(CLIENT, METER)
    assert guard.feed(frame(0x30, b"x", destination=client_address(16))) == []
    assert guard.dropped == {Drop.OTHER_ADDRESS: 1}


def test_our_own_echo_is_not_an_answer() -> None:
    guard = FrameGuard(CLIENT, METER)
    echo = frame(0x10, b"request", source=CLIENT, destination=METER)
    assert [each.control for each in guard.feed(echo + frame(0x30, b"answer"))] == [0x30]
    assert guard.dropped == {Drop.ECHO: 1}


@pytest.mark.parametrize(
    ("place", "reason"), [(7, Drop.BAD_HCS), (-3, Drop.BAD_FCS), (-1, Drop.TRUNCATED)]
)
def test_what_is_dropped_is_counted_by_reason(place: int, reason: Drop) -> None:
    damaged = bytearray(frame(0x30, b"information"))
    damaged[place] ^= 0x55
    guard = FrameGuard(CLIENT, METER)
    assert guard.feed(bytes(damaged)) == []
    assert guard.dropped[reason] == 1


def test_an_endless_frame_is_forgotten_and_counted() -> None:
    guard = FrameGuard(CLIENT, METER)
    assert guard.feed(frame(0x30, b"information")[:-4]) == []
    guard.clear()
    assert guard.dropped == {Drop.TRUNCATED: 1}
    assert len(guard.feed(frame(0x30))) == 1


def test_frames_share_a_flag_or_have_one_each() -> None:
    guard = FrameGuard(CLIENT, METER)
    one = frame(0x30, b"a")
    assert len(guard.feed(one + one[1:] + one)) == 3
    assert not guard.dropped
