# SPDX-License-Identifier: MIT
"""A fixture that runs on for hours, several times a day: a valve that sticks now and then.

Each hour above 90 L counts with its excess, cut at 110 L, and with how unlikely so strong a flow
is for this flat at this time. Both are summed over a day. Pure.
"""

import struct
from collections import deque
from typing import NamedTuple

from cloud_ingest.core.rules.water.hours import HOUR_S
from cloud_ingest.core.rules.water.track import Track

DAY_S = 24 * HOUR_S + 1080
FROM_L_PER_H = 90.0
MOST_L = 110.0
MOST_HOURS = 50
MOST_WHOLE_L = 2**16 - 1
_FORM = struct.Struct("<IHHH")


class RunOnHour(NamedTuple):
    """An hour above 90 L."""

    start_s: int
    excess_cl: int
    """Centilitres that count."""
    evidence: int
    """In thousandths of a nat."""
    litres: int


class RunOn:
    """The strong hours of the newest day."""

    __slots__ = ("hours",)

    def __init__(self) -> None:
        self.hours: deque[RunOnHour] = deque(maxlen=MOST_HOURS)

    def add(self, start_s: int, span_s: int, litres: float, evidence: int) -> None:
        """Take in an hour."""
        excess = litres - FROM_L_PER_H * span_s / HOUR_S
        if excess > 0:
            excess_cl, whole_l = round(100 * min(excess, MOST_L)), min(round(litres), MOST_WHOLE_L)
            self.hours.append(RunOnHour(start_s, excess_cl, evidence, whole_l))

    def forget(self, now_s: int) -> None:
        """Forget what is older than a day."""
        while self.hours and self.hours[0].start_s < now_s - DAY_S:
            self.hours.popleft()

    def lasts(self, litres: float, nats: float) -> bool:
        """Say whether the day shows so much."""
        return (
            sum(each.excess_cl for each in self.hours) >= 100 * litres
            and sum(each.evidence for each in self.hours) >= 1000 * nats
        )

    def as_track(self) -> Track:
        """Return the strong hours of the day as a run."""
        return Track(
            known_s=len(self.hours) * HOUR_S,
            since_s=self.hours[0].start_s if self.hours else 0,
            decilitres=10 * sum(each.litres for each in self.hours),
            start_known=True,
        )

    def pack(self) -> bytes:
        """Return the hours as bytes, without loss."""
        return bytes([len(self.hours)]) + b"".join(_FORM.pack(*each) for each in self.hours)

    @classmethod
    def unpack(cls, packed: bytes) -> tuple["RunOn", bytes]:
        """Return what `pack` packed, and the bytes behind it."""
        run_on = cls()
        end = 1 + packed[0] * _FORM.size
        run_on.hours.extend(map(RunOnHour._make, _FORM.iter_unpack(packed[1:end])))
        return run_on, packed[end:]
