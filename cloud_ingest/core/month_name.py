# SPDX-License-Identifier: MIT
"""A month as people name it: October, Oct 2025, 2026-10, or none at all.

In: what a person typed, the society's zone, the time. Out: the month, or its name. Pure.

Raises: CloseRefused.
"""

import re
from datetime import datetime
from difflib import get_close_matches
from typing import Final
from zoneinfo import ZoneInfo

from cloud_ingest.core.month import Month, ended_month, month_of, running_month
from cloud_ingest.errors import CloseRefused

MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July", "August"),
    *("September", "October", "November", "December"),
)
LEAST_LETTERS: Final = 3
_DIGITS: Final = re.compile(r"(20[0-9]{2})[-/.](0?[1-9]|1[0-2])|(0?[1-9]|1[0-2])[-/.](20[0-9]{2})")
_WORD: Final = re.compile(r"([^\W\d_]+)\.?(?:[\s,'-]+(20[0-9]{2}))?")


def named_month(text: str | None, zone: ZoneInfo, now: datetime) -> Month:
    """Return the month that a person means.

    Args:
        text: ``2026-10``, ``10/2026``, ``October``, ``oct 2025``; without a year it is the last
            one that has begun; None: the last month that has ended.
        zone: The society's.
        now: The time.

    Raises:
        CloseRefused: it is no month.
    """
    if text is None:
        return ended_month(now, zone)
    running = running_month(now, zone).first
    typed = text.strip()
    if match := _DIGITS.fullmatch(typed):
        year, month = (match[1], match[2]) if match[1] else (match[4], match[3])
        return month_of(int(year), int(month), zone)
    match = _WORD.fullmatch(typed)
    number = None if match is None else _number_of(match[1])
    if match is None or number is None:
        like = get_close_matches(typed.split()[0].title(), MONTHS, 1) if typed else []
        name = like[0] if like else MONTHS[running.month - 1]
        raise CloseRefused(
            f"{text[:20]!r} is not a month: write it as {name} or as {running:%Y-%m}"
        )
    year = int(match[2]) if match[2] else running.year - (number > running.month)
    return month_of(year, number, zone)


def month_name(month: Month, zone: ZoneInfo, now: datetime) -> str:
    """Return the name of a month; with its year unless it began within a year before the time."""
    local = now.astimezone(zone)
    age = 12 * (local.year - month.first.year) + local.month - month.first.month
    name = MONTHS[month.first.month - 1]
    return name if 0 <= age < len(MONTHS) else f"{name} {month.first.year}"


def _number_of(word: str) -> int | None:
    typed = word.lower()
    if len(typed) < LEAST_LETTERS:
        return None
    found = [n for n, name in enumerate(MONTHS, 1) if name.lower().startswith(typed[:9])]
    return found[0] if len(found) == 1 else None
