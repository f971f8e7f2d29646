# SPDX-License-Identifier: GPL-2.0-only
"""The room for readings, as a forecast: how many days without the cloud the disk bears.

What a day takes is measured in the spool. While the cloud confirms what it has, the spool keeps it
for some days and then forgets it; while it does not, everything stays.

In: bytes. Out: a judgement, in words. Pure.
"""

from dataclasses import dataclass
from typing import Final, Literal

MB: Final = 1024 * 1024
LEAST_FREE: Final = 64 * MB
FEW_DAYS: Final = 14
"""An outage may last so long before somebody comes."""
LEAST_DAYS: Final = 2


@dataclass(frozen=True, slots=True)
class Room:
    """The room of a spool. Sizes in bytes."""

    free: int
    """On its disk."""
    used: int
    """By the spool."""
    reusable: int
    """Of that, by what the cloud has: it gives way first."""
    most: int
    """That the spool may have."""
    keep_days: int
    """How long it keeps what the cloud has."""
    a_day: int | None
    """What a day takes; None: nobody knows yet."""

    @property
    def days(self) -> int | None:
        """For how many more days without the cloud there is room."""
        if not self.a_day:
            return None
        grows = max(0, min(self.free - LEAST_FREE, self.most - self.used))
        return (grows + self.reusable) // self.a_day

    @property
    def level(self) -> Literal["ok", "warn", "fail"]:
        """Whether a person must act."""
        days = self.days
        if self.free < LEAST_FREE or (days is not None and days < LEAST_DAYS):
            return "fail"
        is_little = self.free < self.most - self.used if days is None else days < FEW_DAYS
        return "warn" if is_little else "ok"

    @property
    def said(self) -> str:
        """What is the case."""
        free = f"{self.free // MB} MB are free"
        if self.a_day is None or self.days is None:
            return f"{free}, the spool may grow by {max(0, self.most - self.used) // MB} MB"
        held = min(self.most, self.a_day * self.keep_days)
        return (
            f"{free}; a day of readings takes {self.a_day / MB:.1f} MB: without the cloud there is "
            f"room for {self.days} days, with it the spool holds {held // MB} MB"
        )

    @property
    def advice(self) -> str:
        """What to do."""
        if self.level == "ok":
            return ""
        if self.free >= LEAST_FREE and self.most - self.used < self.free - LEAST_FREE:
            return "raise spool_max_mb: the disk has more room than the spool may take"
        return "make room, or take a larger card"
