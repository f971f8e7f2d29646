# SPDX-License-Identifier: MIT
"""The lines of a tower's balance as bars, each where the one before it ended.

What came in lies above, and where it went below it, so that both ends meet. What passed a sub-bulk
meter is a bar, and what it became lies below that bar. What is not known has no bar.

In: lines of `views.tower_picture`. Out: places on a drawing, in its own units. Pure.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from cloud_ingest.core.balance import NOTHING
from cloud_ingest.core.exact import widely
from cloud_ingest.views.tower_picture import Line, LineKind

WIDTH: Final = 340
"""So that a telephone shows a letter as large as it is drawn."""
ROW: Final = 40
_IN: Final = frozenset(
    {LineKind.METER, LineKind.BY_HAND, LineKind.OF_UNITS, LineKind.GIVEN_BACK, LineKind.CAME_IN}
)


@dataclass(frozen=True, slots=True)
class Bar:
    """One line, where it is drawn."""

    line: Line
    top: int
    left: int
    width: int
    whisker: tuple[int, int] | None
    """From where to where the end of the bar may be; None: nobody says."""

    @property
    def has_bar(self) -> bool:
        """Whether there is a number to draw."""
        return self.line.quantity is not None


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A line from where to where it goes, in its own unit."""

    line: Line
    start: Decimal
    end: Decimal

    @property
    def doubt(self) -> Decimal:
        """By how much its end may be elsewhere."""
        found = self.line.uncertainty
        is_known = self.line.quantity is not None and found is not None
        return (found.total or NOTHING) if is_known and found is not None else NOTHING


def bars(lines: Sequence[Line]) -> tuple[Bar, ...]:
    """Return where each line is drawn."""
    with widely():
        found = list(_stretches(lines))
        ends = [each.start for each in found] + [each.end for each in found]
        ends += [each.end + sign * each.doubt for each in found for sign in (-1, 1)]
        low, high = min(ends, default=NOTHING), max(ends, default=NOTHING)
        scale = WIDTH / (high - low) if high > low else NOTHING

        def at(amount: Decimal) -> int:
            return int((amount - low) * scale)

        return tuple(_bar(each, number, at) for number, each in enumerate(found))


def _bar(each: _Stretch, number: int, at: Callable[[Decimal], int]) -> Bar:
    start, end = sorted((at(each.start), at(each.end)))
    whisker = None
    if each.doubt:
        whisker = at(each.end - each.doubt), at(each.end + each.doubt)
    return Bar(each.line, number * ROW, start, max(end - start, 1), whisker)


def _stretches(lines: Sequence[Line]) -> Iterator[_Stretch]:
    came = NOTHING
    reached: list[Decimal] = [NOTHING]
    for line in lines:
        amount = line.quantity or NOTHING
        if line.kind is LineKind.CAME_IN:
            yield _Stretch(line, NOTHING, amount)
        elif line.kind in _IN:
            yield _Stretch(line, came, came + amount)
            came += amount
        elif line.kind is LineKind.IN_ALL:
            yield _Stretch(line, came - amount, came)
        else:
            del reached[line.depth + 1 :]
            start = reached[line.depth]
            yield _Stretch(line, start, start + amount)
            reached[line.depth] = start + amount
            if line.kind is LineKind.SUB_BULK:
                reached.append(start)
