# SPDX-License-Identifier: GPL-2.0-only
"""A ciphered session whose invocation counter follows the meter's.

The gateway asks the meter how far it has counted at the first contact, after a refusal, and when
the meter refuses the counter. The meter shows its counters to the public client. Nobody
authenticates what it says there: a liar on the bus can make a counter jump, which uses numbers
up, but cannot make one fall.

In: the meter, its counter. Out: an open session.
Owns: when to ask the meter for its counter.
Never: a second try with a password or keys that the meter refused; a counter lowered.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType

from edge_agent.dlms import axdr
from edge_agent.dlms.exchange import Traffic, Transport
from edge_agent.dlms.invocation_counter import Counter
from edge_agent.dlms.peer import Peer
from edge_agent.dlms.security import PUBLIC_CLIENT, counter_object
from edge_agent.dlms.session import Session
from edge_agent.errors import (
    AccessDenied,
    AssociationRefused,
    CounterRefused,
    ProtocolViolation,
    Unexplained,
)

_DATA = 1
_MARGIN = 16
"""Numbers that a first contact skips: a gateway that lost its memory may have sent some that the
meter never heard."""


class CipheredSession:
    """Opens a ciphered session; use it in a ``with`` statement."""

    def __init__(
        self,
        transport: Transport,
        peer: Peer,
        traffic: Traffic,
        counter: Counter,
        *,
        pause_s: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Set up what opens the session.

        Args:
            transport: what carries the bytes.
            peer: the meter, with keys.
            traffic: all sessions add here what they cost.
            counter: the counter of this client at this meter.
            pause_s: rest between a public association and the ciphered one, seconds.
            sleep: waits this many seconds.
        """
        self._transport = transport
        self._peer = peer
        self._traffic = traffic
        self._counter = counter
        self._pause_s = pause_s
        self._sleep = sleep
        self._session: Session | None = None

    def __repr__(self) -> str:
        peer = self._peer
        state = "closed" if self._session is None else "open"
        return f"<CipheredSession with {peer.label} as client {peer.client}: {state}>"

    def __enter__(self) -> Session:
        """Associate; once more if the meter refuses and has counted further than the gateway.

        Raises:
            PasswordRefused: the meter does not take the password or the keys.
            AssociationRefused: it refuses for another reason.
            NoCounter: there is no number that may be used.
            BusError, ProtocolViolation: as `Session`.
        """
        first_contact = not self._counter.is_sure
        if first_contact:
            self._counter.follow(self._meters_count() + _MARGIN)
        try:
            return self._associate()
        except CounterRefused as error:
            last = error.expected - 1
            if not self._counter.follow(last if first_contact else max(last, self._meters_count())):
                raise
            return self._associate()
        except Unexplained:
            if first_contact or not self._counter.follow(self._meters_count()):
                raise
            return self._associate()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.__exit__(kind, error, trace)

    def _associate(self) -> Session:
        session = Session(self._transport, self._peer, self._traffic, self._counter)
        try:
            self._session = session.__enter__()
        except AssociationRefused:
            self._counter.mark(sure=False)
            raise
        self._counter.mark(sure=True)
        return self._session

    def _meters_count(self) -> int:
        """Return the last counter that the meter took, by its own word; -1 if it has none.

        Raises:
            BusError: the meter does not answer.
        """
        public = replace(
            self._peer, client=PUBLIC_CLIENT, password=None, ciphering=None, hls=None, title=b""
        )
        last: int | None = None
        with (
            contextlib.suppress(AccessDenied, AssociationRefused, ProtocolViolation),
            Session(self._transport, public, self._traffic) as meter,
        ):
            last = axdr.integer(meter.get(counter_object(self._peer.client), _DATA, 2))
        self._sleep(self._pause_s)
        return -1 if last is None else last
