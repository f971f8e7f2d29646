# SPDX-License-Identifier: MIT
"""Registers of 1 L and finer: what an hour of flow shows.

The makers' plain rule, a burst, a slow refill and a run-on fixture. Unknown time neither adds to
a run nor breaks it, and at most half a day of it is bridged.
"""

import struct
from collections import deque

from cloud_ingest.core.rules.water.episode import Finding, Verdict
from cloud_ingest.core.rules.water.hours import HOUR_S, Hour
from cloud_ingest.core.rules.water.meter import WaterMeter
from cloud_ingest.core.rules.water.points import THRESHOLDS, Point, Thresholds

SLACK_S = 1080
"""Hours of 3599 s are hours: so much may be missing of all that are asked for."""
BRIDGED_S = 12 * HOUR_S
DRY_TO_CLEAR_S = 2 * HOUR_S - SLACK_S


class Run:
    """An unbroken run of hours that meet one condition."""

    __slots__ = ("known_s", "least", "litres", "since_s", "start_known", "unknown_s")
    _FORM = struct.Struct("<IIIdd?")
    SIZE = _FORM.size

    def __init__(self) -> None:
        self.since_s = self.known_s = self.unknown_s = 0
        self.least = self.litres = 0.0
        self.start_known = False

    def take(self, hour: Hour, *, met: bool | None) -> None:
        """Add an hour: met, not met, or None where that is not known."""
        if met is None:
            self.unknown_s += hour.span_s
            if self.unknown_s > BRIDGED_S or hour.anew:
                self.__init__()  # type: ignore[misc]
        elif not met:
            self.__init__()  # type: ignore[misc]
            self.start_known = True
        else:
            if not self.known_s:
                self.since_s, self.least, self.unknown_s = hour.start_s, hour.rate or 0.0, 0
            self.known_s += hour.span_s
            self.litres += hour.litres or 0.0
            self.least = min(self.least, hour.rate or 0.0)

    def lasts(self, hours: float) -> bool:
        """Say whether so many hours of it are known."""
        return self.known_s >= hours * HOUR_S - SLACK_S

    def finding(self, kind: str, part: str, rate: float | None) -> Finding:
        """Return what this run shows."""
        detail: dict[str, str | int | float | None] = {
            "part": part,
            "rate_l_per_h": None if rate is None else round(rate, 1),
            "least_l_per_h": round(self.least, 1),
            "litres": round(self.litres, 1),
            "known_h": round(self.known_s / HOUR_S, 1),
            "start_known": self.start_known,
        }
        return Finding(kind, "alarm", self.since_s, detail)

    def pack(self) -> bytes:
        """Return the run as bytes, without loss."""
        return self._FORM.pack(
            self.since_s, self.known_s, self.unknown_s, self.least, self.litres, self.start_known
        )

    @classmethod
    def unpack(cls, packed: bytes) -> "Run":
        """Return the run that `pack` packed."""
        run = cls()
        (
            run.since_s,
            run.known_s,
            run.unknown_s,
            run.least,
            run.litres,
            run.start_known,
        ) = cls._FORM.unpack(packed)
        return run


class Fine:
    """The runs of one meter, and its newest day."""

    __slots__ = ("burst", "day", "dry_s", "plain", "refill")
    _DAY = struct.Struct("<IHd")

    def __init__(self) -> None:
        self.plain, self.burst, self.refill = Run(), Run(), Run()
        self.day: deque[tuple[int, int, float]] = deque(maxlen=32)
        """End, length and litres of the newest hours that are known."""
        self.dry_s = 0
        """How long it has been dry."""

    def take(self, hour: Hour, meter: WaterMeter, point: Point) -> Verdict:
        """Judge one more hour."""
        del meter
        limits = THRESHOLDS[point]
        rate = hour.rate
        if rate is not None:
            self.dry_s = self.dry_s + hour.span_s if rate < limits.plain_l else 0
            if hour.span_s < 2 * HOUR_S:
                self.day.append((hour.end_s, hour.span_s, hour.litres or 0.0))
        self.plain.take(hour, met=None if rate is None else rate >= limits.plain_l)
        self.burst.take(hour, met=None if rate is None else rate >= limits.burst_l)
        self.refill.take(hour, met=None if rate is None else self.dry_s < DRY_TO_CLEAR_S)
        over = self.dry_s >= DRY_TO_CLEAR_S or hour.anew
        return Verdict(None if over else self._finding(hour, limits), over=over)

    def _finding(self, hour: Hour, limits: Thresholds) -> Finding | None:
        rate = hour.rate
        if self.burst.lasts(limits.burst_h):
            return self.burst.finding("burst", "burst", rate)
        if self.plain.lasts(limits.plain_h):
            return self.plain.finding("leak", "plain", rate)
        if self.refill.lasts(limits.refill_h):
            return self.refill.finding("leak", "refill", rate)
        if self._run_on(hour.end_s) >= limits.run_on_l:
            return self.refill.finding("leak", "run-on", rate)
        return None

    def _run_on(self, now_s: int) -> float:
        return sum(
            min(max(litres - 90 * span_s / HOUR_S, 0.0), 110.0)
            for end_s, span_s, litres in self.day
            if end_s - span_s >= now_s - 24 * HOUR_S - SLACK_S
        )

    def pack(self) -> bytes:
        """Return all of it as bytes, without loss."""
        runs = self.plain.pack() + self.burst.pack() + self.refill.pack()
        head = struct.pack("<IB", min(self.dry_s, 2**32 - 1), len(self.day))
        return head + runs + b"".join(self._DAY.pack(*each) for each in self.day)

    @classmethod
    def unpack(cls, packed: bytes) -> "Fine":
        """Return what `pack` packed; of b"" a new memory."""
        fine = cls()
        if not packed:
            return fine
        fine.dry_s, size = struct.unpack_from("<IB", packed)
        here = 5
        fine.plain = Run.unpack(packed[here : (here := here + Run.SIZE)])
        fine.burst = Run.unpack(packed[here : (here := here + Run.SIZE)])
        fine.refill = Run.unpack(packed[here : (here := here + Run.SIZE)])
        for index in range(size):
            fine.day.append(cls._DAY.unpack_from(packed, here + index * cls._DAY.size))
        return fine
