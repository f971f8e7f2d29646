# SPDX-License-Identifier: MIT
"""What a flat shows now and then and ends by itself: so much evidence is its habit, and no leak.

Hours of use are less independent than a sum of evidence takes them to be, and of some flats far
less: a big family, a cistern that hangs for an afternoon. The evidence of each run that ended is
remembered, whether it was told or not. The next run must show more; how much more fades with the
weeks, and is bounded, so that a leak that comes back is told some hours later at most. Pure.
"""

import struct

from cloud_ingest.core.rules.water.hours import HOUR_S

MARGIN = 4.0
"""By so many nats a run must exceed those before it."""
MOST_NATS = 8.0
"""The most that is asked for, of a burst and on a fine register."""
FADES_S = 7 * 24 * HOUR_S
"""In so long the habit loses one nat."""
_FORM = struct.Struct("<dd")


class Habit:
    """How much more evidence than others a flat must show, in nats."""

    __slots__ = ("extra", "most", "run")
    SIZE = _FORM.size

    def __init__(self, most: float) -> None:
        self.most = most
        """The most that is asked for."""
        self.extra = 0.0
        self.run = 0.0
        """What will be asked for when the present run has ended."""

    def take(self, span_s: int, excess: float | None) -> None:
        """Let a stretch of time pass.

        Args:
            span_s: How long it was.
            excess: How far the evidence of the present run lies above what is asked of every
                flat; None: none runs.
        """
        self.extra = max(0.0, self.extra - span_s / FADES_S)
        if excess is None:
            self.extra, self.run = max(self.extra, self.run), 0.0
        else:
            self.run = max(self.run, min(excess + MARGIN, self.most))

    def pack(self) -> bytes:
        """Return it as bytes, without loss."""
        return _FORM.pack(self.extra, self.run)

    def restore(self, packed: bytes) -> None:
        """Take over what `pack` packed."""
        self.extra, self.run = _FORM.unpack(packed)
