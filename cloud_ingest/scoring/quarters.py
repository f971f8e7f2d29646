# SPDX-License-Identifier: MIT
"""Quarter-hourly registers made of hourly ones: each hour is split as a donor's hour was.

A donor is a meter that was read every quarter of an hour. An hour takes the course of one of the
donor's hours that moved about as much. What comes out has real hours and another flat's quarters:
what the rules make of it is indicative.

In: hourly readings, a donor's readings, a seeded generator. Out: readings. Pure.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from random import Random
from typing import Final

from cloud_ingest.scoring.known import LONGEST_KNOWN_S, Reading

QUARTER_S: Final = 900
SHORTEST_HOUR_S: Final = 45 * 60
NEIGHBOURS: Final = 30
"""Among so many of the donor's hours that moved about as much, one is drawn."""

Course = tuple[int, int, int, int]
"""What each quarter of an hour moved."""


def courses_of(donor: Sequence[Reading]) -> list[Course]:
    """Return the hours of a donor in which the register moved, by how much it moved."""
    quarters = [
        closing - opening if end_s - start_s == QUARTER_S and closing >= opening else None
        for (start_s, opening), (end_s, closing) in pairwise(donor)
    ]
    found: list[Course] = []
    for at in range(0, len(quarters) - 3, 4):
        first, second, third, fourth = quarters[at : at + 4]
        if None not in {first, second, third, fourth} and (first or second or third or fourth):
            found.append((first or 0, second or 0, third or 0, fourth or 0))
    return sorted(found, key=sum)


def split(readings: Sequence[Reading], donors: Sequence[Course], rng: Random) -> Iterator[Reading]:
    """Yield readings, three more within each known hour.

    Args:
        readings: In seconds and millilitres.
        donors: As `courses_of` returns them.
        rng: Draws the donor of each hour.
    """
    volumes = [sum(course) for course in donors]
    yield from readings[:1]
    for (start_s, opening), (end_s, closing) in pairwise(readings):
        moved, span_s = closing - opening, end_s - start_s
        if SHORTEST_HOUR_S <= span_s <= LONGEST_KNOWN_S and moved >= 0:
            nearest = bisect_left(volumes, moved)
            least = max(0, min(nearest - NEIGHBOURS // 2, len(donors) - NEIGHBOURS))
            course = rng.choice(donors[least : least + NEIGHBOURS])
            for quarter, volume in enumerate(accumulate(course[:3]), 1):
                yield start_s + span_s * quarter // 4, opening + moved * volume // sum(course)
        yield end_s, closing
