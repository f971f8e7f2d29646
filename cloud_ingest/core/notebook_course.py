# SPDX-License-Identifier: MIT
"""What the dials of a unit showed day by day, as far as we know, and how well a number fits it.

A notebook says a day, rarely an hour, and who reads may come a day early or late. So a reading may
be of any moment of its day, or of one shortly beside it. A dial of whole units shows n from n up to
n + 1, and some people round: n stands for what lies from n - 1/2 to n + 1.

In: registers at midnights, in the unit of billing, as their dials show them. Out: whether a number
fits a day, and how likely it is there. Never: a moment between two readings that is made up. Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from cloud_ingest.core.month import DAY
from cloud_ingest.core.plausible import typed_step

SLACK = 2
"""Days beside the one that is written in which a reading is still of that day."""
GAP = 7
"""Days without a register across which one tells of the other side."""
REACH = 35
"""Days: a reading of another date is of the month before or after at most."""
BESIDE: Final = {0: 0.5, -1: 0.15, 1: 0.15, -2: 0.1, 2: 0.1}
"""How often a reading is of its own day, or of one beside it: 1 in all."""


class Span(NamedTuple):
    """What a dial showed in a stretch of time, from its lowest to its highest."""

    low: Decimal
    high: Decimal

    def holds(self, value: Decimal, step: Decimal) -> bool:
        """Say whether a number of a step can have been read in it."""
        return self.low - step < value <= self.high + step / 2

    def counts(self, step: Decimal) -> int:
        """Return how many different numbers can."""
        return int((self.high - self.low) / step) + 1

    def times(self, factor: Decimal) -> "Span":
        """Return the same in another scale."""
        return Span(self.low * factor, self.high * factor)

    def plus(self, other: "Span") -> "Span":
        """Return what two dials showed together."""
        return Span(self.low + other.low, self.high + other.high)


@dataclass(frozen=True, slots=True)
class Course:
    """One meter's dial at the midnights that we know, while it served its unit."""

    meter: str
    at: Mapping[date, Decimal]
    """At 00:00 of a day."""

    def day(self, day: date) -> tuple[Span, ...]:
        """Return what it showed on a day: two spans where it began anew; none: not known.

        Of a day within a gap it is what it showed in all of the gap.
        """
        first, last = day, day + DAY
        for _ in range(GAP):
            if first not in self.at:
                first -= DAY
            if last not in self.at:
                last += DAY
        return self.between(first, last) if {first, last} <= self.at.keys() else ()

    def between(self, first: date, last: date) -> tuple[Span, ...]:
        """Return what it showed from one midnight to another."""
        known = [
            self.at[day]
            for day in (first + DAY * number for number in range((last - first).days + 1))
            if day in self.at
        ]
        if len(known) < 2:
            return ()
        if known[-1] < known[0]:
            return (Span(known[0], max(known)), Span(Decimal(0), known[-1]))
        return (Span(known[0], known[-1]),)


@dataclass(frozen=True, slots=True)
class Unit:
    """What we know of a unit: its meters in the order of time, and those of other sources."""

    label: str
    courses: tuple[Course, ...]
    others: tuple[Course, ...] = ()
    used: Decimal | None = None
    """What we say that it used in the month."""
    borders: tuple[date, date] | None = None
    """The days with which that month and the next one begin."""

    def day(self, day: date) -> tuple[Span, ...]:
        """Return what its dials showed on a day."""
        return tuple(span for course in self.courses for span in course.day(day))

    def other_day(self, day: date) -> Span | None:
        """Return what the meters of its other sources showed together; None: not known."""
        spans = [span for course in self.others for span in course.day(day)[:1]]
        if not spans:
            return None
        total = spans[0]
        for span in spans[1:]:
            total = total.plus(span)
        return total

    def is_known(self, day: date) -> bool:
        """Say whether anything is known of a day or of those beside it."""
        return any(self.day(day + DAY * beside) for beside in BESIDE)

    def fits(self, value: Decimal, day: date) -> bool:
        """Say whether a number can have been read on a day, or shortly beside it."""
        step = typed_step(value)
        return any(
            span.holds(value, step) for beside in BESIDE for span in self.day(day + DAY * beside)
        )


def near_days(day: date) -> Iterator[tuple[date, float]]:
    """Yield a day and those beside it, each with how often a reading is of it."""
    for beside, often in BESIDE.items():
        yield day + DAY * beside, often


def far_days(day: date) -> Iterator[tuple[date, float]]:
    """Yield the days that another date can be."""
    often = 1 / (2 * (REACH - SLACK))
    for beside in range(SLACK + 1, REACH + 1):
        yield day - DAY * beside, often
        yield day + DAY * beside, often


def likelihood(
    value: Decimal, step: Decimal, days: Iterator[tuple[Sequence[Span], float]]
) -> float:
    """Return how likely a number is if it was read on one of some days."""
    return sum(
        often / span.counts(step)
        for spans, often in days
        for span in spans
        if span.holds(value, step)
    )
