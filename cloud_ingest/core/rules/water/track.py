# SPDX-License-Identifier: MIT
"""One hypothesis of a leak, and the evidence for it since its unbroken run began. Pure."""

import struct
from dataclasses import dataclass

from cloud_ingest.core.rules.water.episode import Detail
from cloud_ingest.core.rules.water.hours import HOUR_S

MOST_EVIDENCE = 60_000
MOST_S = 2**32 - 1
_FORM = struct.Struct("<HIIIIH?")
SIZE = _FORM.size


@dataclass(slots=True)
class Track:
    """The run of hours that one hypothesis explains; it has none while `known_s` is 0."""

    evidence: int = 0
    """The logarithm of leak against no leak, in thousandths of a nat."""
    known_s: int = 0
    since_s: int = 0
    decilitres: int = 0
    least: int = 0
    """The least flow of an hour in it, in decilitres an hour."""
    dry_s: int = 0
    """How long it has been dry at its end."""
    start_known: bool = False

    def end(self) -> None:
        """Forget the run: an hour contradicts it."""
        self.evidence = self.known_s = self.dry_s = 0

    def begin(self, since_s: int, *, start_known: bool) -> None:
        """Begin a run."""
        self.evidence = self.known_s = self.decilitres = self.dry_s = 0
        self.since_s, self.least, self.start_known = since_s, MOST_S, start_known

    def add(self, span_s: int, litres: float, evidence: int) -> None:
        """Add an hour and what it says for the hypothesis, or against it."""
        if span_s < HOUR_S:
            evidence = evidence * span_s // HOUR_S
        self.evidence = max(0, min(self.evidence + evidence, MOST_EVIDENCE))
        self.known_s += span_s
        self.decilitres = min(self.decilitres + round(10 * litres), MOST_S)
        self.least = min(self.least, round(10 * litres * HOUR_S / span_s))

    def lasts(self, now_s: int, hours: float, known_h: float, evidence: float) -> bool:
        """Say whether it has run so long, with so much of it known, and weighs so much."""
        return (
            self.known_s >= known_h * HOUR_S
            and now_s - self.since_s >= hours * HOUR_S
            and self.evidence >= 1000 * evidence
        )

    def detail(self, part: str, rate: float | None) -> Detail:
        """Return what is told of it, with the flow of the newest hour."""
        return {
            "part": part,
            "rate_l_per_h": None if rate is None else round(rate, 1),
            "least_l_per_h": self.least / 10,
            "litres": self.decilitres / 10,
            "known_h": round(self.known_s / HOUR_S, 1),
            "start_known": self.start_known,
        }

    def pack(self) -> bytes:
        """Return the run as bytes, without loss."""
        return _FORM.pack(
            self.evidence,
            self.known_s,
            self.since_s,
            self.decilitres,
            self.least,
            self.dry_s,
            self.start_known,
        )


def pack_tracks(tracks: list[Track]) -> bytes:
    """Return tracks as bytes: a bit for each that runs, and those that do."""
    running = sum(1 << index for index, track in enumerate(tracks) if track.known_s)
    return running.to_bytes(4, "little") + b"".join(t.pack() for t in tracks if t.known_s)


def unpack_tracks(packed: bytes, count: int) -> tuple[list[Track], bytes]:
    """Return the tracks that `pack_tracks` packed, and the bytes behind them."""
    running, here = int.from_bytes(packed[:4], "little"), 4
    tracks: list[Track] = []
    for index in range(count):
        if running >> index & 1:
            tracks.append(Track(*_FORM.unpack_from(packed, here)))
            here += SIZE
        else:
            tracks.append(Track())
    return tracks, packed[here:]
