# SPDX-License-Identifier: MIT
"""A page of a notebook beside what we know of its unit: which of its numbers fit, and which do not.

In: two readings or what was used, and the courses of a unit's meters. Out: whether they agree.
Never: a cause: `core.notebook_cause` has it. Pure.
"""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Final, NamedTuple

from cloud_ingest.core.notebook_course import Course, Span, Unit, likelihood, near_days
from cloud_ingest.core.plausible import typed_step

USED_SLACK: Final = Decimal(5) / 31
"""Of what was used in a month: that much may lie in the days beside its borders."""


class Noted(NamedTuple):
    """A dial as a notebook has it."""

    day: date
    value: Decimal


@dataclass(frozen=True, slots=True)
class Page:
    """What a notebook says of a unit in a month."""

    opening: Noted | None = None
    closing: Noted | None = None
    used: Decimal | None = None
    """None: it is the difference of the two."""

    @property
    def says(self) -> Decimal | None:
        """What it says was used."""
        if self.used is not None or self.opening is None or self.closing is None:
            return self.used
        return self.closing.value - self.opening.value

    @property
    def readings(self) -> tuple[Noted, ...]:
        """Its readings, opening first."""
        return tuple(each for each in (self.opening, self.closing) if each is not None)


@dataclass
class PageView:
    """A page beside its unit."""

    page: Page
    unit: Unit
    wrong: tuple[Noted, ...] = field(init=False)
    """The readings that do not fit their day."""
    agrees: bool | None = field(init=False)
    _reach: dict[date, tuple[Decimal, Decimal]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        page, unit = self.page, self.unit
        self.wrong = tuple(each for each in page.readings if not unit.fits(each.value, each.day))
        if not all(unit.is_known(each.day) for each in page.readings):
            self.agrees = None
        elif page.opening is None or page.closing is None:
            self.agrees = None if unit.used is None or page.says is None else self._fits_used()
        else:
            self.agrees = not self.wrong and self._adds_up()

    def _adds_up(self) -> bool:
        """Say whether the difference of two dials of one meter is what was used."""
        opening, closing, says = self.page.opening, self.page.closing, self.page.says
        if opening is None or closing is None or says is None:
            return False
        difference = closing.value - opening.value
        return (
            difference >= 0
            and abs(says - difference) <= max(typed_step(says), typed_step(difference))
            and self.turned is None
        )

    @property
    def is_beside(self) -> bool:
        """Say whether a dial stands off its register, and counts the same."""
        if len(self.wrong) < 2 or self.page.says is None:
            return False
        span = self.used_span
        return span is not None and span.low > 0 and span.holds(self.page.says, Decimal(1))

    @property
    def is_ours_odd(self) -> bool:
        """Say whether it is our own number that is not what our register moved."""
        opening, closing, used, span = (
            self.page.opening,
            self.page.closing,
            self.unit.used,
            self.used_span,
        )
        if opening is None or closing is None or used is None or span is None:
            return False
        is_same = (opening.day, closing.day) == self.unit.borders
        return is_same and not span.holds(used, Decimal(1))

    def _fits_used(self) -> bool:
        used, says = self.unit.used, self.page.says
        if used is None or says is None:
            return False
        return abs(says - used) <= max(2 * typed_step(says), used * USED_SLACK)

    @property
    def serving(self) -> list[Course]:
        """The meters that served between the two readings, in the order of time."""
        opening, closing = self.page.opening, self.page.closing
        if opening is None or closing is None:
            return []
        return [
            course
            for course in self.unit.courses
            if any(opening.day <= day <= closing.day for day in course.at)
        ]

    @property
    def turned(self) -> Course | None:
        """The meter that began anew, or that another one followed, between the two readings."""
        opening, closing = self.page.opening, self.page.closing
        if opening is None or closing is None:
            return None
        serving = self.serving
        if len(serving) > 1:
            return serving[0]
        for course in serving:
            shown = [course.at[d] for d in sorted(course.at) if opening.day <= d <= closing.day]
            if any(after < before for before, after in pairwise(shown)):
                return course
        return None

    @property
    def used_span(self) -> Span | None:
        """What one meter counted between the two readings, each of its day or shortly beside it."""
        opening, closing = self.page.opening, self.page.closing
        if opening is None or closing is None or self.turned is not None:
            return None
        starts = [span for day, _ in near_days(opening.day) for span in self.unit.day(day)]
        ends = [span for day, _ in near_days(closing.day) for span in self.unit.day(day)]
        if not starts or not ends:
            return None
        low = min(span.low for span in ends) - max(span.high for span in starts)
        return Span(max(low, Decimal(0)), max(s.high for s in ends) - min(s.low for s in starts))

    def may_show(self, noted: Noted) -> bool:
        """Say whether a number lies where the dials stood about its day; a thousand units ask."""
        if noted.day not in self._reach:
            spans = [span for day, _ in near_days(noted.day) for span in self.unit.day(day)]
            low = min((span.low for span in spans), default=Decimal(1))
            self._reach[noted.day] = low - 1, max((s.high for s in spans), default=Decimal(0)) + 1
        low, high = self._reach[noted.day]
        return low <= noted.value <= high

    def counted(self, value: Decimal, times: Decimal) -> float:
        """Return how likely a number is for what was counted between the two readings."""
        opening, closing = self.page.opening, self.page.closing
        if opening is None or closing is None or self.turned is not None:
            return 0.0
        return likelihood(
            value,
            typed_step(value),
            (
                (
                    [
                        Span(last.low - first.high, last.high - first.low).times(times)
                        for first in self.unit.day(start)
                        for last in self.unit.day(end)
                    ],
                    often * how_often,
                )
                for start, often in near_days(opening.day)
                for end, how_often in near_days(closing.day)
            ),
        )

    def near(
        self, noted: Noted, value: Decimal, step: Decimal, times: Decimal = Decimal(1)
    ) -> float:
        """Return how likely a number is on the day of a reading, or shortly beside it."""
        return likelihood(
            value,
            step,
            (
                ([span.times(times) for span in self.unit.day(day)], often)
                for day, often in near_days(noted.day)
            ),
        )
