# SPDX-License-Identifier: MIT
"""The sound readings around a cut of a meter's register, and what lies between them.

In: what is known of the register, a cut. Out: the readings on both sides, how far they are, what
the register counted, what its meter cannot exceed. Pure.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Final

from cloud_ingest.core.border import BY_HAND, JITTER, PROMPT, Cut, Known
from cloud_ingest.core.exact import exactly
from cloud_ingest.core.month import MICROSECOND
from cloud_ingest.core.register import Register, normalised

_MICROSECONDS: Final = Decimal(timedelta(hours=1) // MICROSECOND)
"""Of an hour."""
_FINEST: Final = Decimal("0.000001")
"""kWh or kL: what a ceiling allows is rounded up to it."""


@dataclass(frozen=True, slots=True)
class Around:
    """The sound readings around a cut, one for each moment, ascending."""

    known: Known
    cut: Cut
    readings: tuple[Register, ...]

    @property
    def before(self) -> Register | None:
        """The last one at or before the cut."""
        return next((each for each in reversed(self.readings) if each.ts <= self.cut.at), None)

    @property
    def after(self) -> Register | None:
        """The first one behind it."""
        return next((each for each in self.readings if each.ts > self.cut.at), None)

    def distance(self, reading: Register) -> timedelta:
        """Return how far a reading is from the cut."""
        return abs(reading.ts - self.cut.at)

    def reaches(self, reading: Register) -> bool:
        """Say whether a reading may stand for the cut where its meter comes or goes."""
        window = self.known.rules.self_read_window
        reach = max(PROMPT, window) if reading.origin in BY_HAND else PROMPT
        return self.distance(reading) <= reach

    def count(self, reading: Register) -> Decimal:
        """Return N of a reading."""
        return normalised(reading, self.known.epochs)

    def hidden(self, reading: Register) -> Decimal:
        """Return by how much the register may be above a reading that has coarser steps."""
        finest = min((each.exponent for each in self.readings), default=reading.exponent)
        if reading.exponent <= finest:
            return Decimal(0)
        with exactly():
            return Decimal(1).scaleb(reading.exponent) - Decimal(1).scaleb(finest)

    def most(self, length: timedelta) -> Decimal | None:
        """Return what the meter cannot exceed in a time."""
        most = self.known.rules.most_per_hour
        if most is None:
            return None
        return (most * (length // MICROSECOND) / _MICROSECONDS).quantize(_FINEST, ROUND_CEILING)

    def is_joined(self, before: Register, after: Register) -> bool:
        """Say whether a register may have risen from one reading to a later one."""
        with exactly():
            rise = self.count(after) - self.count(before)
        most = self.most(after.ts - before.ts + JITTER)
        return rise >= 0 and (most is None or rise <= most)
