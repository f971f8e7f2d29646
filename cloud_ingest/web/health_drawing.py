# SPDX-License-Identifier: MIT
"""Days as marks of a strip: what came is the height of a bar, what lacks is the outline above it.

So a strip is read without colours: full, part, an empty outline with a cross, or nothing where
nothing was due. In: days. Out: places on a drawing, in its own units. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from cloud_ingest.views.health import DayShare

STEP: Final = 8
BAR: Final = 6
HEIGHT: Final = 24
LEAST: Final = 2
"""A day with little is seen."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One day on a strip."""

    left: int
    top: int
    """Of the bar; the height of the strip: it has none."""
    kind: Literal["whole", "part", "none", "not-due"]


def marks(days: Iterable[DayShare]) -> tuple[Mark, ...]:
    """Return where each day is drawn."""
    return tuple(_mark(each, number * STEP) for number, each in enumerate(days))


def _mark(each: DayShare, left: int) -> Mark:
    if not each.expected:
        return Mark(left, HEIGHT, "not-due")
    if not each.present:
        return Mark(left, HEIGHT, "none")
    if each.is_whole:
        return Mark(left, 0, "whole")
    height = each.present * HEIGHT // each.expected
    return Mark(left, HEIGHT - min(max(height, LEAST), HEIGHT - LEAST), "part")
