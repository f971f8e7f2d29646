# SPDX-License-Identifier: GPL-2.0-only
"""Frames of odd meters: not ready, without the final bit, rejecting, in dribbles."""

import contextlib
import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from edge_agent.dlms import exchange, request_writer
from edge_agent.dlms.hdlc import bare_frame, check_sequence
from edge_agent.dlms.peer import Peer
from edge_agent.dlms.session import Session
from edge_agent.errors import AgentError, AssociationRefused, MeterBusy, SessionLost
from shared_schema.catalogue import CLOCK
from tests.unit.edge_agent.wire import Script
from tests.vectors import hdlc_cosem as vectors

PEER = Peer("A-1", 17, client=32, password=SecretStr("12345678"))
TO_US = bytes((0x41, 0x02, 0x23))
ANSWER = 0x52
"""Control of the answer to the first GET: N(R) 2, N(S) 1, final."""
VALUE = bytes.fromhex("e6e700 c401c1 00 1100")


def frame(control: int, information: bytes = b"", *, segmented: bool = False) -> bytes:
    if not information:
        return bare_frame(TO_US, control)
    head = bytes((0xA8 if segmented else 0xA0, 10 + len(information) - 1 + 1)) + TO_US
    head += bytes((control,))
    head += check_sequence(head)
    return b"\x7e" + head + information + check_sequence(head + information) + b"\x7e"


RR_2, RNR_2, RNR_1 = frame(0x51), frame(0x55), frame(0x35)
"""Receive-ready and receive-not-ready, which take the request; and one that does not."""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "BUSY_PAUSE_S", 0.0)
    monkeypatch.setattr(request_writer, "_invoke_ids", itertools.repeat(1))


def read(*answers: bytes) -> tuple[bytes, list[bytes]]:
    script = Script(vectors.UA_1024, vectors.AARE_ACCEPTED, *answers)
    with Session(script, PEER) as meter:
        return meter.get(CLOCK, 8, 2), script.sent[2:]


@pytest.mark.parametrize("pauses", [1, 3, 8])
@pytest.mark.parametrize("pause", [RNR_2, RR_2], ids=["RNR", "RR"])
def test_a_meter_that_is_not_ready_is_polled(pause: bytes, pauses: int) -> None:
    value, sent = read(*[pause] * pauses, frame(ANSWER, VALUE))
    assert value == b"\x11\x00"
    assert {each[6] for each in sent[1 : pauses + 1]} == {0x31}, "receive-ready"


def test_what_a_busy_meter_did_not_take_is_sent_again() -> None:
    value, sent = read(RNR_1, frame(ANSWER, VALUE))
    assert value == b"\x11\x00"
    assert sent[0] == sent[1]


def test_a_meter_that_stays_busy_is_left() -> None:
    with pytest.raises(MeterBusy, match="not ready"):
        read(*[RNR_2] * 20)


def test_an_answer_after_not_ready_without_turn_is_awaited() -> None:
    value, sent = read(frame(0x45) + frame(ANSWER, VALUE))
    assert (value, len(sent)) == (b"\x11\x00", 1)


def test_an_answer_without_the_final_bit_counts() -> None:
    assert read(frame(ANSWER & 0xEF, VALUE))[0] == b"\x11\x00"
    assert read(frame(ANSWER & 0xEF, VALUE) + RR_2)[0] == b"\x11\x00"


PIECES = (VALUE[:6], VALUE[6:])


def test_pieces_that_come_unasked_are_joined() -> None:
    first, second = PIECES
    value, sent = read(frame(0x42, first, segmented=True) + frame(0x54, second))
    assert (value, len(sent)) == (b"\x11\x00", 1)


def test_a_piece_behind_a_lost_turn_is_asked_for() -> None:
    first, second = PIECES
    value, sent = read(frame(0x42, first, segmented=True), frame(0x54, second))
    assert (value, len(sent)) == (b"\x11\x00", 2)
    assert sent[1][6] == 0x51


def test_numbers_go_on_behind_unasked_pieces() -> None:
    first, second = PIECES
    script = Script(
        vectors.UA_1024,
        vectors.AARE_ACCEPTED,
        frame(0x42, first, segmented=True) + frame(0x54, second),
        frame(0x76, VALUE),
    )
    with Session(script, PEER) as meter:
        assert meter.get(CLOCK, 8, 2) == meter.get(CLOCK, 8, 2)
    assert script.sent[3][6] == 0x74, "N(R) 3, N(S) 2"


@pytest.mark.parametrize(
    ("control", "said"),
    [(0x97, "FRMR"), (0x87, "FRMR"), (0x1F, "no longer"), (0x0F, "no longer")],
)
def test_a_session_that_the_meter_ends_is_lost(control: int, said: str) -> None:
    with pytest.raises(SessionLost, match=said):
        read(frame(control))


def test_a_rejected_connection_is_a_refusal() -> None:
    with pytest.raises(AssociationRefused), Session(Script(frame(0x97)), PEER):
        pass


def test_a_ua_without_the_final_bit_connects() -> None:
    script = Script(frame(0x63), vectors.AARE_ACCEPTED, frame(ANSWER, VALUE))
    with Session(script, PEER) as meter:
        assert meter.get(CLOCK, 8, 2) == b"\x11\x00"


class Dribble(Script):
    """A meter whose answer comes in pieces of three bytes, each a while after the other."""

    turnaround_s = 0.5

    def __init__(self, *answers: bytes) -> None:
        super().__init__(*answers)
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def receive(self, timeout_s: float) -> bytes:
        if not self._waiting:
            self.now += timeout_s
            return b""
        self.now += 0.1
        data, self._waiting = self._waiting[:3], self._waiting[3:]
        return data


def test_an_answer_in_dribbles_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Dribble(vectors.UA_1024, vectors.AARE_ACCEPTED, frame(ANSWER, VALUE))
    monkeypatch.setattr(exchange, "time", script)
    with Session(script, PEER) as meter:
        assert meter.get(CLOCK, 8, 2) == b"\x11\x00"
    assert len(script.sent) == 5


def _frames() -> st.SearchStrategy[bytes]:
    controls = st.integers(0, 255)
    information = st.one_of(
        st.just(VALUE), st.binary(max_size=20), st.binary(max_size=8).map(VALUE.__add__)
    )
    return st.builds(frame, controls, information, segmented=st.booleans())


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(_frames(), max_size=3).map(b"".join), max_size=6))
def test_any_frames_give_a_value_or_the_one_error(answers: list[bytes]) -> None:
    with contextlib.suppress(AgentError), _silent():
        read(*answers)


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    said = Said()
    with contextlib.redirect_stdout(said):
        yield


class Said:
    """A standard output on which nothing may be said."""

    def write(self, text: str) -> int:
        raise AssertionError(text)

    def flush(self) -> None:
        return
