# SPDX-License-Identifier: MIT
"""How this very flat uses water: the share of hours by flow, part of the day, and hour before.

Hours are counted by their litres an hour (18 bins), by eight parts of the day, and by what the
hour before them was (nearly dry, some flow, much), because water that runs goes on running. A row
of counts is halved when it is full, so that the newest months weigh most. Until a flat has a
history, its rows are those of other households (`prior`), with the weight of twenty hours.

An hour is learnt two days later, and never one that stood deep in an unbroken run: else a leak
would teach the flat that it leaks. Pure, and bounded.
"""

from bisect import bisect_right
from collections import deque

from cloud_ingest.core.rules.water.hours import HOUR_S
from cloud_ingest.core.rules.water.prior import PRIOR

EDGES = (0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 7, 9, 11.5, 15, 20, 27, 36, 50, 70, 100, 150)
"""Where the bins of litres an hour begin, but for the first one, which is dry."""
BINS = len(EDGES) + 1
PARTS = (0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 7, 7)
"""The part of the day of each hour; the second one is the night, from 02:00 to 06:00."""
CLASSES = 3
NEARLY_DRY = 2
"""The last bin of an hour that is nearly dry; half an hour's rounding lies within it."""
SOME_FLOW = 9
ROWS = len(PRIOR)
PRIOR_WEIGHT = 20.0
FULL = 200
"""So many hours in one row, and all of it is halved."""
DELAY = 48
NOT_LEARNT_AFTER_S = 14 * HOUR_S
"""Hours so deep in an unbroken run are not learnt."""
NOTHING = 255
"""In the queue: an hour that is not learnt."""

_PRIOR = [[PRIOR_WEIGHT * each / sum(row) for each in row] for row in PRIOR]


def bin_of(litres_an_hour: float) -> int:
    """Return the bin of a flow."""
    return bisect_right(EDGES, litres_an_hour)


def row_of(hour_of_day: int, before: int) -> int:
    """Return the row of an hour: its part of the day, and the bin of the hour before it."""
    kind = 0 if before <= NEARLY_DRY else 1 if before <= SOME_FLOW else 2
    return PARTS[hour_of_day] * CLASSES + kind


class Use:
    """The counts of one flat."""

    __slots__ = ("counts", "queue", "totals")
    SIZE = ROWS * BINS

    def __init__(self) -> None:
        self.counts = [bytearray(BINS) for _ in range(ROWS)]
        self.totals = [0] * ROWS
        self.queue: deque[tuple[int, int]] = deque()
        """Rows and bins of the hours that are to be learnt, oldest first."""

    @property
    def hours(self) -> int:
        """How many hours weigh in it."""
        return sum(self.totals)

    def shares(self, hour_of_day: int, before: int | None) -> list[float]:
        """Return the share of hours below each bin, and 1.0 as the last one.

        Args:
            hour_of_day: The hour, 0 to 23.
            before: The bin of the hour before; None: whatever it was.
        """
        if before is not None:
            return self._shares(row_of(hour_of_day, before))
        first = PARTS[hour_of_day] * CLASSES
        rows = [self._shares(row) for row in range(first, first + CLASSES)]
        return [sum(each) / CLASSES for each in zip(*rows, strict=True)]

    def dry_shares(self, hour_of_day: int) -> tuple[float, float]:
        """Return how often people use next to no water, after an hour without use and with some."""
        first = PARTS[hour_of_day] * CLASSES
        return self._dry_share(first), self._dry_share(first + 1)

    def _shares(self, row: int) -> list[float]:
        total = self.totals[row] + PRIOR_WEIGHT
        here = 0.0
        shares = [here]
        for prior, count in zip(_PRIOR[row], self.counts[row], strict=True):
            here += (prior + count) / total
            shares.append(here)
        return shares

    def _dry_share(self, row: int) -> float:
        prior, counts = _PRIOR[row], self.counts[row]
        dry = prior[0] + prior[1] + counts[0] + counts[1]
        return dry / (self.totals[row] + PRIOR_WEIGHT)

    def add(self, hour_of_day: int, before: int, hour_bin: int, *, learn: bool) -> None:
        """Put an hour into the queue, and learn the one that leaves it."""
        row = row_of(hour_of_day, before)
        self.queue.append((row, hour_bin) if learn else (NOTHING, NOTHING))
        if len(self.queue) > DELAY:
            row, hour_bin = self.queue.popleft()
            if row != NOTHING:
                self._learn(row, hour_bin)

    def _learn(self, row: int, hour_bin: int) -> None:
        counts = self.counts[row]
        if self.totals[row] >= FULL:
            counts[:] = bytes(each // 2 for each in counts)
            self.totals[row] = sum(counts)
        counts[hour_bin] += 1
        self.totals[row] += 1

    def pack(self) -> bytes:
        """Return the counts as bytes, without loss."""
        queued = bytes(number for pair in self.queue for number in pair)
        return b"".join(self.counts) + bytes([len(self.queue)]) + queued

    @classmethod
    def unpack(cls, packed: bytes) -> tuple["Use", bytes]:
        """Return the counts that `pack` packed, and the bytes behind them."""
        use = cls()
        for row in range(ROWS):
            use.counts[row][:] = packed[row * BINS : (row + 1) * BINS]
            use.totals[row] = sum(use.counts[row])
        end = cls.SIZE + 1 + 2 * packed[cls.SIZE]
        queued = iter(packed[cls.SIZE + 1 : end])
        use.queue.extend(zip(queued, queued, strict=True))
        return use, packed[end:]
