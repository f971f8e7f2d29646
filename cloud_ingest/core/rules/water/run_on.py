# SPDX-License-Identifier: MIT
"""A fixture that runs on for hours, several times a day: a valve that sticks now and then.

Each hour above 90 L counts with its excess, cut at 110 L, and with how unlikely so strong a flow
is for this flat at this time. Both are summed over a day. Pure.
"""

import struct
from collections import deque

from cloud_ingest.core.rules.water.hours import HOUR_S
from cloud_ingest.core.rules.water.track import Track

DAY_S = 24 * HOUR_S + 1080
FROM_L_PER_H = 90.0
MOST_L = 110.0
MOST_HOURS = 50
_FORM = struct.Struct("<IHH")


class RunOn:
    """The strong hours of the newest day."""

    __slots__ = ("hours",)

    def __init__(self) -> None:
        self.hours: deque[tuple[int, int, int]] = deque(maxlen=MOST_HOURS)
        """Start, excess in centilitres, evidence in thousandths of a nat."""

    def add(self, start_s: int, span_s: int, litres: float, evidence: int) -> None:
        """Take in an hour."""
        excess = litres - FROM_L_PER_H * span_s / HOUR_S
        if excess > 0:
            self.hours.append((start_s, round(100 * min(excess, MOST_L)), evidence))

    def forget(self, now_s: int) -> None:
        """Forget what is older than a day."""
        while self.hours and self.hours[0][0] < now_s - DAY_S:
            self.hours.popleft()

    def lasts(self, litres: float, nats: float) -> bool:
        """Say whether the day shows so much."""
        return (
            sum(excess for _, excess, _ in self.hours) >= 100 * litres
            and sum(evidence for _, _, evidence in self.hours) >= 1000 * nats
        )

    def as_track(self) -> Track:
        """Return the day as a run: only what is beyond 90 L an hour counts."""
        centilitres = sum(excess for _, excess, _ in self.hours)
        since_s = self.hours[0][0] if self.hours else 0
        known_s = len(self.hours) * HOUR_S
        return Track(known_s=known_s, since_s=since_s, decilitres=centilitres // 10)

    def pack(self) -> bytes:
        """Return the hours as bytes, without loss."""
        return bytes([len(self.hours)]) + b"".join(_FORM.pack(*each) for each in self.hours)

    @classmethod
    def unpack(cls, packed: bytes) -> tuple["RunOn", bytes]:
        """Return what `pack` packed, and the bytes behind it."""
        run_on = cls()
        end = 1 + packed[0] * _FORM.size
        run_on.hours.extend(_FORM.iter_unpack(packed[1:end]))
        return run_on, packed[end:]
