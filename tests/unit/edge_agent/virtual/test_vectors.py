# SPDX-License-Identifier: GPL-2.0-only
"""The virtual meter answers the hand-made vectors byte by byte."""

from dataclasses import replace

import pytest

from edge_agent.virtual.hdlc import Deframer, fcs16
from tests.unit.edge_agent.virtual.steady import NOW, SPEC, steady_meter
from tests.vectors import hdlc_cosem as vectors


def _crc(data: bytes) -> bytes:
    """ISO/IEC 13239, bit by bit."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8408 if crc & 1 else 0)
    return (crc ^ 0xFFFF).to_bytes(2, "little")


FRAMES = {
    name: value
    for name, value in vars(vectors).items()
    if isinstance(value, bytes) and value[:1] == b"\x7e"
}


@pytest.mark.parametrize(("data", "check"), vectors.FCS_EXAMPLES)
def test_fcs_examples(data: bytes, check: bytes) -> None:
    assert _crc(data) == check
    assert fcs16(data) == check


@pytest.mark.parametrize("name", FRAMES)
def test_frames_hold_by_the_definition(name: str) -> None:
    frame = FRAMES[name]
    assert frame[0] == frame[-1] == 0x7E
    assert frame[1] & 0xF0 == 0xA0
    assert int.from_bytes(frame[1:3], "big") & 0x7FF == len(frame) - 2
    assert _crc(frame[1:-3]) == frame[-3:-1]
    (parsed,) = Deframer().feed(frame, 0.0)
    assert parsed.raw == frame[1:-1]
    if parsed.info:
        header = 2 + len(parsed.destination) + len(parsed.source) + 1
        assert _crc(parsed.raw[:header]) == parsed.raw[header : header + 2]


@pytest.mark.parametrize("conversation", [vectors.SESSION, vectors.BLOCK_SESSION])
def test_conversation(conversation: tuple[tuple[bytes, bytes], ...]) -> None:
    station = steady_meter().station()
    for number, (request, response) in enumerate(conversation):
        assert station.receive(request, NOW, float(number)).hex(" ") == response.hex(" ")


def test_conversation_byte_by_byte() -> None:
    station = steady_meter().station()
    for number, (request, response) in enumerate(vectors.SESSION):
        heard = b"".join(
            station.receive(request[at : at + 1], NOW, number + at / 1000)
            for at in range(len(request))
        )
        assert heard == response


def test_conversation_with_every_answer_lost_once() -> None:
    station = steady_meter().station()
    for number, (request, response) in enumerate(vectors.SESSION[:-2]):
        assert station.receive(request, NOW, number * 2.0) == response
        assert station.receive(request, NOW, number * 2.0 + 1) == response


def test_wrong_password() -> None:
    station = steady_meter(password=b"87654321").station()
    station.receive(vectors.SNRM, NOW, 0.0)
    assert station.receive(vectors.AARQ_LLS, NOW, 1.0) == vectors.AARE_WRONG_PASSWORD
    # There is no association: the next request is an exception, whatever it asks for.
    answer = station.receive(vectors.GET_CLOCK, NOW, 2.0)
    assert bytes.fromhex("E6E700D80101") in answer


def test_negotiation() -> None:
    station = steady_meter().station()
    assert station.receive(vectors.SNRM_1024, NOW, 0.0) == vectors.UA_1024
    small = steady_meter(max_info=128).station()
    assert small.receive(vectors.SNRM_1024, NOW, 0.0) == vectors.UA_128


def test_addresses() -> None:
    far = steady_meter(address=300).station()
    assert far.receive(vectors.SNRM_FOUR_BYTES, NOW, 0.0) == vectors.UA_FOUR_BYTES
    assert far.receive(vectors.SNRM, NOW, 1.0) == b""
    meter = steady_meter()
    assert meter.station(alone=True).receive(vectors.SNRM_ONE_BYTE, NOW, 0.0) == (
        vectors.UA_ONE_BYTE
    )
    assert meter.station().receive(vectors.SNRM_ONE_BYTE, NOW, 0.0) == b""
    assert replace(SPEC).address == 17
