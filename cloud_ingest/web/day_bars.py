# SPDX-License-Identifier: MIT
"""The days of a month as bars: a bar is as wide as its time and as large as its use.

What was counted from one register to the next is one bar. Over a gap it is wide and low: its
height is the use of a day. A day without a measurement has none.

In: stretches of `views.unit_page`. Out: places on a drawing, in its own units. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from cloud_ingest.core.consumption import Stretch
from cloud_ingest.core.month import Month, midnight

WIDTH: Final = 720
HEIGHT: Final = 150
FOOT: Final = 22
"""Below the bars, for the days."""
GAP_FROM: Final = timedelta(hours=36)
"""A stretch so long is a gap: no register ended a day of it."""
_DAY: Final = timedelta(days=1)


class Shape(StrEnum):
    """How a bar is drawn: a class of its own, so that nobody needs to see colours."""

    MEASURED = "measured"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class Bar:
    """One stretch, where it is drawn."""

    stretch: Stretch
    shape: Shape
    left: float
    width: float
    height: float
    a_day: Decimal
    """The use of a day in it."""

    @property
    def top(self) -> float:
        """Where it begins, from above."""
        return HEIGHT - self.height


def most_a_day(*drawn: Iterable[Stretch]) -> Decimal:
    """Return the largest use of a day, which fills the height."""
    return max((_a_day(each) for some in drawn for each in some), default=Decimal(0))


def bars(
    stretches: Sequence[Stretch], span: Month, most: Decimal, width_of: Month | None = None
) -> tuple[Bar, ...]:
    """Return the bars of a month; what lies outside of it is cut at its border.

    Args:
        stretches: In the order of time.
        span: Their month.
        width_of: The month that fills the width; None: their own. Days then stand below days.
        most: The use of a day that fills the height.
    """
    whole = _seconds(width_of or span)
    found: list[Bar] = []
    for each in stretches:
        start = max(each.start, span.start)
        end = min(each.end, span.end, span.start + timedelta(seconds=whole))
        if end <= start:
            continue
        a_day = _a_day(each)
        found.append(
            Bar(
                each,
                Shape.GAP if each.end - each.start >= GAP_FROM else Shape.MEASURED,
                (start - span.start).total_seconds() / whole * WIDTH,
                (end - start).total_seconds() / whole * WIDTH,
                float(max(a_day, Decimal(0)) / most) * HEIGHT if most > 0 else 0.0,
                a_day,
            )
        )
    return tuple(found)


def _seconds(span: Month) -> float:
    return (span.end - span.start).total_seconds()


def _a_day(stretch: Stretch) -> Decimal:
    seconds = Decimal(str((stretch.end - stretch.start).total_seconds()))
    whole = Decimal(str(_DAY.total_seconds()))
    return stretch.quantity * whole / max(seconds, whole)  # a part of a day is no whole one


def day_marks(span: Month, zone: ZoneInfo) -> list[tuple[float, str]]:
    """Return where the first, and each fifth day of a month begins, with its number."""
    whole = _seconds(span)
    days = (span.end.astimezone(zone).date() - span.first).days
    marks = [1, *range(5, days + 1, 5)]
    return [
        (
            (midnight(span.first.replace(day=each), zone) - span.start).total_seconds()
            / whole
            * WIDTH,
            str(each),
        )
        for each in marks
    ]


def flagged(span: Month, since: datetime, until: datetime | None) -> tuple[float, float]:
    """Return where a flag begins on the drawing of a month, and how long it is there."""
    start, end = max(since, span.start), min(until or span.end, span.end)
    left = (start - span.start).total_seconds() / _seconds(span) * WIDTH
    return left, max((end - start).total_seconds() / _seconds(span) * WIDTH, 2.0)


def short(amount: Decimal) -> Decimal:
    """Return an amount with three digits: what a scale says."""
    with localcontext() as context:
        context.prec = 3
        return +amount
