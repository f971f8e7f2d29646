# SPDX-License-Identifier: GPL-2.0-only
"""Batches in flight: sent, and not receipted yet; how many may be out, and when to send them again.

The window holds so few batches that the queue waits at the edge, not in the broker. While
no receipt comes at all the store is away: then one batch alone is sent again as a probe, so
that a night's outage does not fill the broker with copies. A batch that stays without a
receipt while the store answers others is put aside, so that it cannot hold the rest up; it
is tried again, ever more rarely.

In: what was sent, refused and receipted, with the time of each. Out: how many new batches may
go, and which old ones are due again. Pure: no clock, no socket, no file.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

WINDOW = 32
RESEND_AFTER_S = 30.0
RESEND_LIMIT_S = 600.0
PATIENCE = 3
"""Sends that the store may leave without a receipt, while it answers others."""
_JITTER = 0.25


@dataclass(slots=True)
class _Sent:
    sent_at: float
    due_at: float
    sends: int = 1
    passed_over: int = 0
    aside: bool = False


class Flight:
    """The batches that are out. Times are of one monotonic clock, in seconds."""

    def __init__(
        self,
        *,
        window: int = WINDOW,
        resend_after_s: float = RESEND_AFTER_S,
        resend_limit_s: float = RESEND_LIMIT_S,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.window = window
        self.resend_after_s = resend_after_s
        self.resend_limit_s = resend_limit_s
        self._chance = chance
        self._sent: dict[int, _Sent] = {}
        self._heard_at = -math.inf
        self._probe_at = -math.inf
        self._probes = 0

    def __contains__(self, seq: object) -> bool:
        return seq in self._sent

    @property
    def out(self) -> int:
        """How many batches the window holds."""
        return sum(not sent.aside for sent in self._sent.values())

    @property
    def aside(self) -> int:
        """How many batches the store does not receipt although it answers others."""
        return len(self._sent) - self.out

    @property
    def room(self) -> int:
        """How many batches may be sent that are not out."""
        return max(0, self.window - self.out)

    def sent(self, seq: int, now: float) -> None:
        """Note that a batch was given to the broker."""
        sent = self._sent.get(seq)
        if sent is None:
            self._sent[seq] = _Sent(now, now + self._delay(1))
            return
        sent.sends += 1
        sent.aside = False
        sent.sent_at = now
        sent.due_at = now + self._delay(sent.sends)

    def due_again(self, now: float, limit: int) -> list[int]:
        """Return what to send again now; each of them must then be `sent` or `dropped`."""
        again: list[int] = []
        probe: int | None = None
        others: list[int] = []
        for seq in sorted(self._sent, reverse=True):
            sent = self._sent[seq]
            if sent.due_at > now:
                continue
            if sent.aside:
                others.append(seq)
            elif self._heard_at < sent.sent_at:
                probe = seq if probe is None else probe
            elif sent.passed_over + 1 >= PATIENCE:
                self._put_aside(sent, now)
            elif len(again) < limit:
                sent.passed_over += 1
                again.append(seq)
        if probe is not None and now >= self._probe_at and len(again) < limit:
            self._probes += 1
            self._probe_at = now + self._delay(self._probes + 1)
            again.append(probe)
        return again + others[: max(0, min(self.room, limit - len(again)))]

    def dropped(self, seq: int) -> None:
        """Note that a batch is no longer kept."""
        self._sent.pop(seq, None)

    def refused(self, seq: int, now: float, *, lasting: bool) -> None:
        """Note that the broker did not take a batch.

        Args:
            seq: which batch.
            now: when.
            lasting: the broker refuses this batch itself; otherwise any batch now, as while
                nobody subscribes.
        """
        sent = self._sent.get(seq)
        if sent is None:
            return
        if lasting:
            self._put_aside(sent, now)
        else:
            del self._sent[seq]

    def receipted(self, covers: Callable[[int], bool], now: float) -> int:
        """Take out what the store has; return how many batches that were."""
        done = [seq for seq in self._sent if covers(seq)]
        for seq in done:
            del self._sent[seq]
        for sent in self._sent.values():
            if self._heard_at < sent.sent_at and sent.due_at <= now:
                # The store is back and may be reading what waited in the broker.
                sent.due_at = now + self.resend_after_s
        self._heard_at = now
        self._probe_at = now
        self._probes = 0
        return len(done)

    def clear(self) -> None:
        """Forget everything: a new link, or a new store, begins with nothing out."""
        self._sent.clear()
        self._probe_at = -math.inf
        self._probes = 0

    def _put_aside(self, sent: _Sent, now: float) -> None:
        sent.aside = True
        sent.due_at = now + self._delay(sent.sends + 1)

    def _delay(self, sends: int) -> float:
        delay = min(self.resend_limit_s, self.resend_after_s * 2.0 ** min(sends - 1, 30))
        return delay * (1 + _JITTER * self._chance())
