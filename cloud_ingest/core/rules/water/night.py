# SPDX-License-Identifier: MIT
"""Nights with water running in each known hour from 02:00 to 05:00.

Alone they raise nothing: one such night in twenty is a party, a baby, or a dishwasher. They stand
in the evidence of a leak, where a resident finds them easier to believe than a likelihood. Pure.
"""

import struct

FIRST_HOUR = 2
LAST_HOUR = 4
MOST = 255
_FORM = struct.Struct("<BB?")


class Nights:
    """How many nights in a row had flow throughout."""

    __slots__ = ("broken", "count", "hours")
    SIZE = _FORM.size

    def __init__(self) -> None:
        self.count = self.hours = 0
        self.broken = False

    def add(self, hour_of_day: int, *, dry: bool) -> None:
        """Take in a known hour."""
        if FIRST_HOUR <= hour_of_day <= LAST_HOUR:
            self.hours = min(self.hours + 1, MOST)
            self.broken = self.broken or dry
        elif self.hours:
            self.count = 0 if self.broken else min(self.count + 1, MOST)
            self.hours, self.broken = 0, False

    def pack(self) -> bytes:
        """Return it as bytes, without loss."""
        return _FORM.pack(self.count, self.hours, self.broken)

    @classmethod
    def unpack(cls, packed: bytes) -> "Nights":
        """Return what `pack` packed."""
        nights = cls()
        nights.count, nights.hours, nights.broken = _FORM.unpack(packed)
        return nights
