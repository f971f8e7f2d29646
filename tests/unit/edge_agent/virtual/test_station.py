# SPDX-License-Identifier: GPL-2.0-only
"""The link: silence on garbage, one answer to each valid frame, the same answer to the same."""

from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.virtual.hdlc import Deframer, build, fcs16, server_address
from edge_agent.virtual.line import Line
from tests.unit.edge_agent.virtual.steady import AARQ, NOW, Client, client_of, steady_meter
from tests.vectors import hdlc_cosem as vectors

_METER = steady_meter()
_HERE = server_address(1, 17, 2)
_CLIENT = b"\x41"
_pieces = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from(
            [
                vectors.SNRM,
                vectors.AARQ_LLS,
                vectors.GET_LONG,
                vectors.RR_7,
                vectors.DISC,
                vectors.SNRM_FOUR_BYTES,
                b"\x7e",
                b"\x7e\xa7\xff",
            ]
        ),
        st.builds(
            lambda control, info, segmented: build(
                _HERE, _CLIENT, control, info, segmented=segmented
            ),
            st.integers(0, 255),
            st.binary(max_size=40),
            st.booleans(),
        ),
    ),
    max_size=8,
)


@given(_pieces)
@settings(max_examples=300)
def test_garbage_never_raises_and_answers_only_valid_frames(pieces: list[bytes]) -> None:
    station = _METER.station()
    judge = Deframer()
    for piece in pieces:
        mine = [
            frame for frame in judge.feed(piece, 0.0) if frame.destination in station.destinations
        ]
        answer = station.receive(piece, NOW, 0.0)
        answers = Deframer().feed(answer, 0.0)
        assert len(answers) <= len(mine)
        assert sum(len(frame.raw) + 2 for frame in answers) == len(answer)
        for frame in answers:
            assert frame.source in station.destinations
            assert frame.destination in {each.source for each in mine}


@given(st.binary(max_size=200), st.integers(0, 7))
def test_a_damaged_frame_is_dropped(prefix: bytes, bit: int) -> None:
    station = _METER.station()
    frame = bytearray(vectors.SNRM_1024)
    frame[15] ^= 1 << bit  # in the info field: only the FCS can tell
    assert station.receive(bytes(frame), NOW, 0.0) == b""
    # Whatever a prefix without flags says, the frame behind it is heard.
    noise = prefix.replace(b"\x7e", b"")
    assert station.receive(noise + vectors.SNRM, NOW, 0.0) == vectors.UA_128


def test_a_broken_length_does_not_swallow_the_next_frame() -> None:
    station = _METER.station()
    assert station.receive(b"\x7e\xa7\xff" + vectors.SNRM, NOW, 0.0) == vectors.UA_128
    # A header that holds, with a body that never comes: given up after the silence.
    header = b"\xa7\xff" + _HERE + _CLIENT + b"\x10"
    torn = b"\x7e" + header + fcs16(header) + b"\xe6\xe6"
    assert station.receive(torn, NOW, 1.0) == b""
    assert station.receive(vectors.SNRM, NOW, 2.0) == vectors.UA_128


def test_others_are_ignored() -> None:
    station = _METER.station()
    for other in (server_address(1, 18, 2), server_address(2, 17, 2), server_address(1, 18, 4)):
        assert station.receive(build(other, _CLIENT, 0x93), NOW, 0.0) == b""
    everyone = server_address(127, 127, 2)
    assert station.receive(build(everyone, _CLIENT, 0x93), NOW, 0.0) == b""
    assert not station.connected


def test_disconnected_mode() -> None:
    client = client_of(_METER)
    for control in (0x53, 0x10, 0x11):
        answer = client.command(control)
        assert answer is not None
        assert answer.control == 0x1F
    assert client.command(0x00) is None
    assert client.command(0x13) is None


def test_another_client_does_not_use_the_link() -> None:
    client = client_of(_METER)
    client.associate()
    stranger = Client(client.station, client=16)
    answer = stranger.command(0x11)
    assert answer is not None
    assert answer.control == 0x1F
    assert client.get(8, bytes((0, 0, 1, 0, 0, 255)), 2)[:1] == b"\x00"


def test_inactivity_closes_the_link() -> None:
    client = client_of(_METER)
    client.associate()
    client.tick += 119
    answer = client.command(0x31)
    assert answer is not None
    assert answer.control & 0x0F == 0x01
    client.tick += 121
    answer = client.command(0x31)
    assert answer is not None
    assert answer.control == 0x1F


def test_segmented_request() -> None:
    client = client_of(_METER)
    client.connect()
    message = b"\xe6\xe6\x00" + AARQ
    answer = client.command(0x10, message[:20], segmented=True)
    assert answer is not None
    assert answer.control == 0x31  # RR, N(R) 1
    answer = client.command(0x12, message[20:])
    assert answer is not None
    assert answer.control == 0x50  # I, N(S) 0, N(R) 2
    assert answer.info.startswith(b"\xe6\xe7\x00\x61\x29")


def test_out_of_sequence_and_rejects() -> None:
    client = client_of(_METER)
    client.associate()
    answer = client.command(0x34 | 0x04, b"\xe6\xe6\x00")  # N(S) 6 where 1 is awaited
    assert answer is not None
    assert answer.control == 0x31
    answer = client.command(0x92, b"\xe6\xe6\x00\xc0")  # N(R) 4 where 1 was sent
    assert answer is not None
    assert answer.control == 0x97
    assert answer.info[0] == 0x92
    assert not client.station.connected
    client.associate()
    answer = client.command(0x32, bytes(129))
    assert answer is not None
    assert answer.control == 0x97


def test_a_client_that_repeats_itself_hears_the_same() -> None:
    client = client_of(_METER)
    client.associate()
    get = b"\xe6\xe6\x00\xc0\x01\xc1\x00\x0f\x00\x00\x28\x00\x00\xff\x02\x00"
    first = client.command(0x32, get)
    client.now = client.now.replace(hour=12)
    assert client.command(0x32, get) == first
    second = client.command(0x51)
    assert second is not None
    assert second.segmented
    assert client.command(0x51) == second
    third = client.command(0x71)
    assert third is not None
    assert third.control >> 1 & 7 == 3
    assert client.command(0x71) == third


def test_every_station_of_a_line_answers_for_itself() -> None:
    meters = [steady_meter(address=address, serial=f"S{address}") for address in (17, 300, 18)]
    line = Line([meter.station() for meter in meters])
    for meter in meters:
        size = 2 if meter.spec.address < 128 else 4
        line.write(build(server_address(1, meter.spec.address, size), _CLIENT, 0x93), 0.0)
        (answer,) = Deframer().feed(line.advance(NOW, 0.0), 0.0)
        assert answer.source == server_address(1, meter.spec.address, size)
    line.write(build(server_address(1, 99, 2), _CLIENT, 0x93), 0.0)
    assert line.advance(NOW, 0.0) == b""


def test_pace_echo_and_turnaround() -> None:
    line = Line([_METER.station()], baud=1000, turnaround_s=0.5, echo=True)
    line.write(vectors.SNRM, 10.0)
    assert line.advance(NOW, 10.0) == b""
    sent = len(vectors.SNRM) * 0.01
    assert line.due() == 10.0 + sent
    assert line.advance(NOW, 10.0 + sent + 1e-9) == vectors.SNRM
    assert line.advance(NOW, 10.0 + sent + 0.5) == b""
    end = 10.0 + sent + 0.5 + len(vectors.UA_128) * 0.01
    early = line.advance(NOW, end - 0.05)
    assert vectors.UA_128.startswith(early)
    assert 20 < len(early) < len(vectors.UA_128)
    assert early + line.advance(NOW, end + 1e-9) == vectors.UA_128
    assert line.due() is None
