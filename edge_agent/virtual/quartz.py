# SPDX-License-Identifier: GPL-2.0-only
"""The clock of a meter as it runs: it may be ahead, gain or lose, and be set.

In: true times. Out: what the clock shows, and when it first showed a time. Owns when it was
set. Never reads the host's clock.

A row is captured when the clock first reaches its stamp: one that is set back does not capture
a row twice, one that is set forward captures what it leaps over at that moment.
"""

from bisect import bisect_right
from typing import NamedTuple

_DAY_S = 86400
_ROUNDING_S = 1e-6
"""A float of seconds since 1970 is this exact."""


class _Piece(NamedTuple):
    start: float
    """True time, seconds since 1970."""
    ahead_s: float
    """How far the clock is ahead then."""


class Quartz:
    """Seconds since 1970, true and shown. What it showed before it was set stays."""

    def __init__(self, start: float, ahead_s: float, drift_s_per_day: float) -> None:
        """Start a clock.

        Args:
            start: True time, seconds since 1970.
            ahead_s: How far it is ahead then.
            drift_s_per_day: What it gains in a day.
        """
        self._gain = drift_s_per_day / _DAY_S
        self._pieces = [_Piece(start, ahead_s)]

    @property
    def changes(self) -> int:
        """How often it was set."""
        return len(self._pieces) - 1

    @property
    def is_true(self) -> bool:
        """Whether it always showed the true time, and always will."""
        return not (self._gain or self.changes or self._pieces[0].ahead_s)

    def ahead_s(self, at: float) -> float:
        """Return how far it is ahead at a true time."""
        place = bisect_right(self._pieces, at, key=lambda piece: piece.start) - 1
        piece = self._pieces[max(0, place)]
        return piece.ahead_s + self._gain * (at - piece.start)

    def shows(self, at: float) -> float:
        """Return what it shows at a true time."""
        return at + self.ahead_s(at)

    def set(self, at: float, shown: float) -> None:
        """Set it, at a true time not before it was set last."""
        self._pieces.append(_Piece(at, shown - at))

    def reached(self, shown: float) -> float:
        """Return the true time at which it first showed a time, or a later one."""
        for place, piece in enumerate(self._pieces):
            # shown = at + ahead + gain * (at - start), solved for `at`.
            at = piece.start + (shown - piece.start - piece.ahead_s) / (1 + self._gain)
            if place:
                at = max(at, piece.start)
            if place + 1 == len(self._pieces) or at <= self._pieces[place + 1].start + _ROUNDING_S:
                return at
        raise AssertionError("the last piece has no end")

    def highest(self, at: float) -> float:
        """Return the latest time that it showed up to a true time."""
        found = self.shows(at)
        for piece in self._pieces[1:]:
            if piece.start <= at:
                before = self._pieces[self._pieces.index(piece) - 1]
                lasted = piece.start - before.start
                found = max(found, piece.start + before.ahead_s + self._gain * lasted)
        return found
