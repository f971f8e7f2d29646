# SPDX-License-Identifier: MIT
"""What is known of a meter, and whether it really leaks: told without any rule that is scored.

A stretch between two readings is known if it is an hour and a half at most and the register did
not fall in it. A meter really leaks if in ten nights in a row every known hour from 02:00 to
05:00 had a flow.

In: readings in millilitres. Out: seconds, a verdict. Pure.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

LONGEST_KNOWN_S = 90 * 60
NIGHT_HOURS = range(2, 5)
NIGHTS_OF_A_LEAK = 10

Reading = tuple[int, int]


def known_stretches(readings: Sequence[Reading]) -> Iterator[tuple[int, int, int]]:
    """Yield (start, end, millilitres) of each known stretch."""
    for (start_s, opening), (end_s, closing) in pairwise(readings):
        if 0 < end_s - start_s <= LONGEST_KNOWN_S and closing >= opening:
            yield start_s, end_s, closing - opening


def known_s(readings: Sequence[Reading], since_s: int, until_s: int) -> int:
    """Return how many seconds between two moments are known."""
    return sum(
        max(0, min(end_s, until_s) - max(start_s, since_s))
        for start_s, end_s, _ in known_stretches(readings)
    )


def really_leaks(readings: Sequence[Reading], zone: ZoneInfo) -> bool:
    """Say whether the meter had so many nights in a row without a dry hour."""
    moved: dict[int, dict[int, int]] = {}
    for start_s, end_s, moved_ml in known_stretches(readings):
        middle = datetime.fromtimestamp((start_s + end_s) // 2, zone)
        if middle.hour in NIGHT_HOURS:
            hours = moved.setdefault(middle.toordinal(), {})
            hours[middle.hour] = hours.get(middle.hour, 0) + moved_ml
    return _longest_row(all(hours.values()) for hours in moved.values()) >= NIGHTS_OF_A_LEAK


def _longest_row(nights: Iterable[bool]) -> int:
    longest = row = 0
    for flowed in nights:
        row = row + 1 if flowed else 0
        longest = max(longest, row)
    return longest
