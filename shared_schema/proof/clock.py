# SPDX-License-Identifier: MIT
"""Times of a proof as the society's clocks show them.

In: a zone, times in UTC. Out: text. Never: the time of now. Pure.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_EASTERNMOST, _WESTERNMOST = timedelta(hours=14), timedelta(hours=12)


class Clock:
    """Writes times as the society's clocks show them; in UTC where its zone is not known here."""

    def __init__(self, zone: str) -> None:
        try:
            self._zone: tzinfo = ZoneInfo(zone)
            self._mark = ""
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self._zone, self._mark = UTC, " UTC"

    def is_first_of(self, month: str, moment: str) -> bool:
        """Say whether a time is the 00:00 with which a month begins; in an unknown zone, of any."""
        if not self._mark:
            return self.text(moment) == f"{month}-01 00:00"
        try:
            first = datetime.fromisoformat(f"{month}-01T00:00:00Z")
            ahead = first - datetime.fromisoformat(f"{moment[:19]}Z")
        except ValueError:
            return False
        return -_WESTERNMOST <= ahead <= _EASTERNMOST

    def text(self, moment: str) -> str:
        """Write a time; one that no calendar has as it stands."""
        try:
            at = datetime.fromisoformat(moment).astimezone(self._zone)
        except (ValueError, OverflowError):
            return moment
        seconds = f"{at:%Y-%m-%d %H:%M:%S}".removesuffix(":00")
        return f"{seconds}{self._mark}"


def month_after(month: str) -> str:
    """Return the month after one, both as ``YYYY-MM``."""
    year, number = map(int, month.split("-"))
    return f"{year + number // 12:04}-{number % 12 + 1:02}"
