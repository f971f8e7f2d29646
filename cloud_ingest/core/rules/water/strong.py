# SPDX-License-Identifier: MIT
"""Strong flows on a register of any step: a burst, and a fixture that runs on. Pure.

Both are weighed by how rare their hours are for the flat: a big family's evening is no burst.
"""

from cloud_ingest.core.rules.water.habit import MOST_NATS, Habit
from cloud_ingest.core.rules.water.hours import HOUR_S, Hour
from cloud_ingest.core.rules.water.hypotheses import burst_evidence, strong_evidence
from cloud_ingest.core.rules.water.points import CAREFUL, Thresholds
from cloud_ingest.core.rules.water.run_on import FROM_L_PER_H, RunOn
from cloud_ingest.core.rules.water.track import Track, pack_tracks, unpack_tracks
from cloud_ingest.core.rules.water.use import Use

BURST_L_PER_H = 85.0


class Strong:
    """The strong hours of one flat: those in a row, and those of the newest day."""

    __slots__ = ("burst", "habit", "run_on")

    def __init__(self) -> None:
        self.burst = Track()
        self.habit = Habit(MOST_NATS)
        self.run_on = RunOn()

    def add(
        self, hour: Hour, hour_of_day: int, use: Use, before: int | None, *, leaks: float
    ) -> None:
        """Take in a known hour.

        Args:
            hour: The hour.
            hour_of_day: When it was, 0 to 23.
            use: What the flat uses otherwise.
            before: The bin of the hour before; None: not known.
            leaks: Litres an hour of a leak that is told already: a burst comes upon it.
        """
        litres = hour.litres or 0.0
        rate = litres * HOUR_S / hour.span_s
        if rate < BURST_L_PER_H + leaks:
            self.burst.end()
        else:
            if not self.burst.known_s:
                self.burst.begin(hour.start_s, start_known=before is not None)
            said = burst_evidence(rate - leaks, use.shares(hour_of_day, before))
            self.burst.add(hour.span_s, litres, said)
        if rate > FROM_L_PER_H:
            said = strong_evidence(rate, use.shares(hour_of_day, None))
            self.run_on.add(hour.start_s, hour.span_s, litres, said)
        shows = self.burst.evidence / 1000 - CAREFUL.burst_nats
        self.habit.take(hour.span_s, shows if self.burst.known_s else None)

    def begin_anew(self) -> None:
        """Forget the strong hours of another register; the habit is the flat's."""
        self.burst.end()
        self.run_on = RunOn()

    def bursts(self, now_s: int, limits: Thresholds) -> bool:
        """Say whether a burst shows."""
        nats = limits.burst_nats + self.habit.extra
        return self.burst.lasts(now_s, limits.burst_h, limits.burst_known_h, nats)

    def pack(self) -> bytes:
        """Return all of it as bytes, without loss."""
        return self.habit.pack() + pack_tracks([self.burst]) + self.run_on.pack()

    @classmethod
    def unpack(cls, packed: bytes) -> tuple["Strong", bytes]:
        """Return what `pack` packed, and the bytes behind it."""
        strong = cls()
        strong.habit.restore(packed[: Habit.SIZE])
        (strong.burst,), rest = unpack_tracks(packed[Habit.SIZE :], 1)
        strong.run_on, rest = RunOn.unpack(rest)
        return strong, rest
