# SPDX-License-Identifier: GPL-2.0-only
"""The flow of batches from the spool to a link: which go next, and when the broker is spared.

A broker that refuses is offered one batch at a time, each time after a longer pause, until it
takes one again.

In: the spool, what is in flight, the broker's answers. Out: the batches to send now.
Never: a batch forgotten; a socket.
"""

import random
from collections.abc import Iterator
from typing import Final

from edge_agent.publish.in_flight import Flight
from edge_agent.publish.mqtt import Answer
from edge_agent.spool.batches import Spooled
from edge_agent.spool.spool import Spool

_REFUSED_S: Final = (1.0, 30.0)


class BatchFlow:
    """What is sent of the spool, over all links. Times are of one monotonic clock, in seconds."""

    def __init__(self, spool: Spool, flight: Flight) -> None:
        self._spool = spool
        self._flight = flight
        self._paused_until = 0.0
        self.refusals = 0
        """Batches that the broker did not take, since it last took one."""

    def __repr__(self) -> str:
        return f"<BatchFlow, {self._flight.out} out, {self.refusals} refused>"

    def next(self, now: float, slots: int, *, is_any_out: bool) -> Iterator[Spooled]:
        """Yield what may be sent now: what is due again, then live, then backlog.

        A batch counts as sent when the next one is asked for.

        Args:
            now: the time.
            slots: how many messages the broker takes now.
            is_any_out: whether the broker still owes the answer to a batch of this link.
        """
        if self.refusals:
            slots = 0 if is_any_out or now < self._paused_until else min(slots, 1)
        if slots <= 0:
            return
        for seq in self._flight.due_again(now, slots):
            spooled = self._spool.get(seq)
            if spooled is None:
                self._flight.dropped(seq)
                continue
            yield spooled
            self._flight.sent(seq, now)
            slots -= 1
        for spooled in self._spool.due(min(slots, self._flight.room), skip=self._flight):
            yield spooled
            self._flight.sent(spooled.seq, now)

    def answered(self, seq: int, answer: Answer, now: float) -> str:
        """Note the broker's answer to a batch; return what is wrong, empty for nothing."""
        if not (answer.is_refusal or answer.nobody_listens):
            self.refusals = 0
            return ""
        self.refusals += 1
        self._paused_until = now + back_off(self.refusals, *_REFUSED_S)
        self._flight.refused(seq, now, lasting=not answer.nobody_listens)
        if answer.nobody_listens:
            return "nobody subscribes to this gateway's readings: is the cloud's ingest running?"
        return f"it refuses batch {seq}: {answer.text}"


def back_off(attempt: int, first_s: float, last_s: float) -> float:
    """Return how long to wait before an attempt: longer each time, and never the same twice."""
    if attempt <= 0:
        return first_s * random.random()  # noqa: S311
    return min(last_s, first_s * 2.0 ** min(attempt - 1, 30)) * (1 + random.random()) / 2  # noqa: S311
