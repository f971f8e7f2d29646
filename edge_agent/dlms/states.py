# SPDX-License-Identifier: GPL-2.0-only
"""The states of a session as one table: the state, and what was sent or heard, give the next state.

Out: `NEXT`, and the names in it.
Never: a line, a clock; a decision about what to send.
"""

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """How the connection stands."""

    CLOSED = "closed"
    """The meter holds no connection of ours."""
    CONNECTING = "connecting"
    CONNECTED = "connected"
    """Nothing is under way."""
    SENDING = "sending"
    """A piece of a request is out; the meter tells the gateway to go on."""
    ASKING = "asking"
    """A whole request is out; its answer comes."""
    LOST = "lost"
    """An answer was missed, or the meter said no: it may hold the connection, or not."""
    SENDING_AGAIN = "sending over a lost connection"
    ASKING_AGAIN = "asking over a lost connection"
    DISCONNECTING = "disconnecting"


class Event(StrEnum):
    """What was sent or heard."""

    SNRM = "SNRM"
    PIECE = "piece of a request"
    REQUEST = "request"
    DISC = "DISC"
    UA = "UA"
    DM = "DM"
    FRMR = "FRMR"
    READY = "receive-ready"
    BUSY = "receive-not-ready"
    """The meter has the request and no answer yet. Receive-ready after a whole request says so
    too."""
    AGAIN = "request not taken"
    """The meter was not ready and did not take what was sent."""
    ANSWER = "answer"
    SILENCE = "silence"
    RIVAL = "answer of another meter"


_IDLE: Final = {
    Event.PIECE: State.SENDING,
    Event.REQUEST: State.ASKING,
    Event.DISC: State.DISCONNECTING,
    Event.RIVAL: State.LOST,
}
_IDLE_AGAIN: Final = {
    **_IDLE,
    Event.PIECE: State.SENDING_AGAIN,
    Event.REQUEST: State.ASKING_AGAIN,
}
UNANSWERED: Final = {
    Event.DM: State.LOST,
    Event.FRMR: State.LOST,
    Event.SILENCE: State.LOST,
}
_SENDING: Final = {Event.BUSY: State.SENDING, Event.AGAIN: State.SENDING, **UNANSWERED}
_ASKING: Final = {Event.BUSY: State.ASKING, Event.AGAIN: State.ASKING, **UNANSWERED}
_SENDING_AGAIN: Final = dict.fromkeys((Event.BUSY, Event.AGAIN), State.SENDING_AGAIN)
_ASKING_AGAIN: Final = dict.fromkeys((Event.BUSY, Event.AGAIN), State.ASKING_AGAIN)
NEXT: Final[dict[State, dict[Event, State]]] = {
    State.CLOSED: {Event.SNRM: State.CONNECTING, Event.RIVAL: State.CLOSED},
    State.CONNECTING: {
        Event.UA: State.CONNECTED,
        Event.DM: State.CLOSED,
        Event.FRMR: State.CLOSED,
        Event.SILENCE: State.CLOSED,
        Event.RIVAL: State.CLOSED,
        Event.SNRM: State.CONNECTING,
    },
    State.CONNECTED: _IDLE,
    State.SENDING: {Event.READY: State.CONNECTED, **_SENDING, **_IDLE},
    State.ASKING: {Event.ANSWER: State.CONNECTED, **_ASKING, **_IDLE},
    State.LOST: _IDLE_AGAIN,
    State.SENDING_AGAIN: {
        Event.READY: State.LOST,
        **_SENDING_AGAIN,
        **UNANSWERED,
        **_IDLE_AGAIN,
    },
    State.ASKING_AGAIN: {
        Event.ANSWER: State.LOST,
        **_ASKING_AGAIN,
        **UNANSWERED,
        **_IDLE_AGAIN,
    },
    State.DISCONNECTING: {
        Event.UA: State.CLOSED,
        Event.DM: State.CLOSED,
        Event.FRMR: State.CLOSED,
        Event.SILENCE: State.CLOSED,
        Event.RIVAL: State.CLOSED,
    },
}
"""State -> what was sent or heard -> next state.

A transport that fails leaves the state as it is, so a request or DISC may follow each state in
which one is under way.
"""
SOUND: Final = frozenset((State.CONNECTED, State.SENDING, State.ASKING))
"""Nothing was missed: the association stands."""
