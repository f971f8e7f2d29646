# SPDX-License-Identifier: GPL-2.0-only
"""The exchange of frames: its table of states, and what a session may send in which."""

import pytest
from pydantic import SecretStr

from edge_agent.dlms.exchange import Exchange, Traffic
from edge_agent.dlms.peer import Peer
from edge_agent.dlms.session import Session
from edge_agent.dlms.states import NEXT, SOUND, Event, State
from edge_agent.errors import BusTimeout, SessionLost
from shared_schema.catalogue import ACTIVE_IMPORT, SERIAL_NUMBER
from tests.unit.edge_agent.wire import Wire

SENT = {Event.SNRM, Event.PIECE, Event.REQUEST, Event.DISC}
WAITING = set(State) - {State.CLOSED, State.CONNECTED, State.LOST}
READER = Peer("A-1", 17, client=32, password=SecretStr("12345678"))


def test_the_table_has_every_state() -> None:
    assert set(NEXT) == set(State)


@pytest.mark.parametrize("state", sorted(WAITING))
def test_a_silence_ends_every_wait(state: State) -> None:
    assert NEXT[state][Event.SILENCE] not in WAITING


@pytest.mark.parametrize("state", State)
def test_another_meter_leaves_no_sound_session(state: State) -> None:
    assert NEXT[state][Event.RIVAL] not in SOUND


@pytest.mark.parametrize("state", sorted({State.LOST, State.ASKING_AGAIN, State.SENDING_AGAIN}))
def test_a_lost_session_is_never_sound_again(state: State) -> None:
    assert not SOUND & set(NEXT[state].values())


IDLE = State.CONNECTED


def test_only_an_answer_makes_a_session_idle() -> None:
    ways = {(state, event) for state in SOUND for event, to in NEXT[state].items() if to is IDLE}
    heard = {(state, event) for state, event in ways if event not in SENT}
    assert heard == {(State.SENDING, Event.READY), (State.ASKING, Event.ANSWER)}


def test_nothing_is_asked_before_the_connection() -> None:
    wire = Wire()
    with pytest.raises(SessionLost, match="A-1: the session is closed"):
        Session(wire, READER).get(SERIAL_NUMBER, 1, 2)
    assert wire.sent == []


def test_a_request_may_follow_a_silence() -> None:
    wire = Wire()
    with Session(wire, READER) as meter:
        wire.answers = lambda _data: b""
        with pytest.raises(BusTimeout):
            meter.get(SERIAL_NUMBER, 1, 2)
        wire.answers = lambda data: data
        assert meter.get(ACTIVE_IMPORT, 3, 2)
    assert wire.sent[-1][6] == 0x53, "DISC, without a release"
    assert wire.sent[-2][9:13] == b"\xe6\xe6\x00\xc0"


def test_live_objects_show_their_state() -> None:
    wire = Wire()
    session = Session(wire, READER)
    assert repr(session) == "<Session with A-1 as client 32: closed>"
    with session:
        assert repr(session) == "<Session with A-1 as client 32: connected, associated>"
    exchange = Exchange(wire, READER, Traffic())
    assert repr(exchange) == "<Exchange with A-1: closed>"
