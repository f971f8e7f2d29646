# SPDX-License-Identifier: MIT
"""The intervals of a meter, added up between any two moments of their grid.

A profile of intervals tells what was used in each period of it. Between two moments of its grid the
intervals add up to what the register counted, if all of them are there. Sums of all intervals up
to each moment are kept, so that a difference of two answers for any stretch.

In: ends and amounts of intervals, in any order. Out: their sum between two moments, or None where
one is missing; whether a rise of the register is another. Never: an interval that is off the grid,
or a guess for a missing one. Pure.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import NamedTuple, Self

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class IntervalSums:
    """What a meter's intervals add up to."""

    origin: int
    """The moment at which the first one begins, in seconds since 1970."""
    period_s: int
    counts: tuple[int, ...]
    """How many intervals there are up to each moment of the grid, from the origin on."""
    totals: tuple[int, ...]
    """What they add up to."""
    step: int = 1
    """The smallest difference that an interval shows."""
    per_count: int = 1
    """So many units of an interval are one count of the register."""

    @classmethod
    def of(
        cls,
        intervals: Iterable[tuple[int, int]],
        period_s: int,
        *,
        step: int = 1,
        per_count: int = 1,
    ) -> Self | None:
        """Return the sums of intervals.

        Args:
            intervals: The end of each, in seconds since 1970, and its amount; one for each moment.
            period_s: How long each lasts.
            step: The smallest difference that one shows.
            per_count: So many units of it are one count of the register.

        Returns:
            None where there is no interval, or no period.
        """
        told = dict(intervals)
        if not told or period_s <= 0:
            return None
        phases = Counter(ts % period_s for ts in told)
        phase = min(phases, key=lambda each: (-phases[each], each))
        ends = [ts for ts in told if ts % period_s == phase]
        first = min(ends)
        grid = range(first, max(ends) + period_s, period_s)
        counts = accumulate((ts in told for ts in grid), initial=0)
        totals = accumulate((told.get(ts, 0) for ts in grid), initial=0)
        return cls(first - period_s, period_s, tuple(counts), tuple(totals), step, per_count)

    def holds(self, moment: int) -> bool:
        """Say whether an interval may begin or end at a moment."""
        return (moment - self.origin) % self.period_s == 0

    def moved(self, periods: int) -> Self:
        """Return the same intervals, each of them so many periods later."""
        return replace(self, origin=self.origin + periods * self.period_s)

    def between(self, start: int, end: int) -> int | None:
        """Return what was used from one moment to a later one.

        Returns:
            None where a moment is off the grid, or an interval is missing.
        """
        first, beside = divmod(start - self.origin, self.period_s)
        last, off = divmod(end - self.origin, self.period_s)
        if beside or off or first < 0 or last >= len(self.counts):
            return None
        if self.counts[last] - self.counts[first] != last - first:
            return None
        return self.totals[last] - self.totals[first]

    def agree(self, start: int, end: int, rise: int, step: int) -> bool | None:
        """Say whether the register rose by what the intervals tell.

        Each reading of the register hides less than one step of it, and so may each day of
        intervals that the meter derived from it. Each interval hides less than a step of its own.

        Args:
            start: The earlier moment.
            end: The later one.
            rise: What the register counted between them.
            step: The coarser step of the two readings, in counts.

        Returns:
            None where the intervals do not tell.
        """
        total = self.between(start, end)
        if total is None:
            return None
        length = end - start
        allowed = step * -(-length // DAY_S) * self.per_count
        allowed += self.step * (length // self.period_s)
        return abs(rise * self.per_count - total) <= allowed


class IntervalChannel(NamedTuple):
    """How a channel holds the intervals of a meter."""

    exponent: int
    """A step of its raw value is 10^exponent kWh or kL."""
    weight: int
    period_s: int


@dataclass(frozen=True, slots=True)
class Profile:
    """The intervals of a meter in a stretch of time."""

    channel: IntervalChannel
    rows: Sequence[tuple[int, int]]
    """When each ends, in seconds since 1970, and its raw value."""

    def sums(self, finest: int) -> IntervalSums | None:
        """Return what they add up to, for a register that counts in steps of 10^finest."""
        finer = max(finest - self.channel.exponent, 0)
        factor = 10 ** max(self.channel.exponent - finest, 0)
        return IntervalSums.of(
            ((ts, raw * factor) for ts, raw in self.rows),
            self.channel.period_s,
            step=factor * self.channel.weight,
            per_count=10**finer,
        )
