# SPDX-License-Identifier: MIT
"""Quarter-hourly registers made of hourly ones: each hour is split as a donor's hour was.

A donor is a meter that was read every quarter of an hour. An hour takes the course of one of the
donor's hours that moved about as much. What comes out has real hours and another flat's quarters:
what the rules make of it is indicative.

In: hourly readings, a donor's readings, a seeded generator. Out: readings. Pure.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from random import Random
from typing import Final

from cloud_ingest.scoring.known import LONGEST_KNOWN_S, Reading

QUARTER_S: Final = 900
SHORTEST_HOUR_S: Final = 45 * 60
NEIGHBOURS: Final = 30
"""Among so many of the donor's hours that moved about as much, one is drawn."""

Quarters = tuple[int, ...]
"""What each of the four quarters of an hour moved."""


def quarters_of(donors: Iterable[Sequence[Reading]]) -> list[Quarters]:
    """Return the hours of donors in which the register moved, by how much it moved."""
    return sorted((hour for donor in donors for hour in _whole_hours(donor) if any(hour)), key=sum)


def _whole_hours(donor: Sequence[Reading]) -> Iterator[Quarters]:
    """Yield the hours of which each quarter is known."""
    moved = [
        closing - opening if end_s - start_s == QUARTER_S and closing >= opening else None
        for (start_s, opening), (end_s, closing) in pairwise(donor)
    ]
    for at in range(0, len(moved), 4):
        known = tuple(each for each in moved[at : at + 4] if each is not None)
        if len(known) == 4:
            yield known


def split(
    readings: Sequence[Reading], donors: Sequence[Quarters], rng: Random
) -> Iterator[Reading]:
    """Yield readings, three more within each known hour.

    Args:
        readings: In seconds and millilitres.
        donors: As `quarters_of` returns them.
        rng: Draws the donor of each hour.
    """
    volumes = [sum(hour) for hour in donors]
    yield from readings[:1]
    for (start_s, opening), (end_s, closing) in pairwise(readings):
        moved, span_s = closing - opening, end_s - start_s
        if SHORTEST_HOUR_S <= span_s <= LONGEST_KNOWN_S and moved >= 0:
            nearest = bisect_left(volumes, moved)
            least = max(0, min(nearest - NEIGHBOURS // 2, len(donors) - NEIGHBOURS))
            quarters = rng.choice(donors[least : least + NEIGHBOURS])
            for quarter, volume in enumerate(accumulate(quarters[:3]), 1):
                yield start_s + span_s * quarter // 4, opening + moved * volume // sum(quarters)
        yield end_s, closing
