# SPDX-License-Identifier: MIT
"""Registers of 1 L and finer: what an hour of flow shows, and what the hours together say.

Unknown time neither adds to a run nor breaks it; at most half a day of it is bridged. A run that
begins right behind unknown time may be older: up to two hours of that count for its length, not
for its evidence.

In: hours, one after the other. Out: a verdict on each. Owns: the use of the flat, and a track for
each hypothesis.
"""

import struct
from datetime import datetime

from cloud_ingest.core.rules.water.episode import Finding, Verdict
from cloud_ingest.core.rules.water.habit import MOST_NATS, Habit
from cloud_ingest.core.rules.water.hours import BRIDGED_S, HOUR_S, LONGEST_S, Hour
from cloud_ingest.core.rules.water.hypotheses import (
    REFILL,
    STEADY,
    UNEVEN,
    Band,
    floor_evidence,
    refill_evidence,
)
from cloud_ingest.core.rules.water.meter import WaterMeter
from cloud_ingest.core.rules.water.night import Nights
from cloud_ingest.core.rules.water.points import CAREFUL, THRESHOLDS, Point, Thresholds
from cloud_ingest.core.rules.water.strong import Strong
from cloud_ingest.core.rules.water.track import MOST_S, Track, pack_tracks, unpack_tracks
from cloud_ingest.core.rules.water.use import EDGES, NOT_LEARNT_AFTER_S, Use, bin_of

LEAD_S = 2 * HOUR_S
DRY_TO_END_S = 2 * HOUR_S - 1080
"""Two dry hours end what was raised; hours of 3599 s are hours."""
REFILL_DRY_S = 6624
"""A slow refill is never dry for longer: refills up to 110 minutes apart."""
SHORT_S = 50 * 60
"""In a shorter hour one step of the register is worth much more an hour."""
NO_HISTORY_H = 14 * 24
"""A flat with fewer hours is also judged by the makers' plain rule."""
PLAIN_S = 24 * HOUR_S - 1080
PLAIN_L_PER_H = 3.5
"""The makers' 3.8 L on a register of 1 L."""

BANDS = (*STEADY, *UNEVEN)
SLOW = frozenset(i for i, (first, _) in enumerate(BANDS) if EDGES[first - 1] < PLAIN_L_PER_H)
CAREFUL_NATS = (
    *[CAREFUL.steady_nats] * len(STEADY),
    *[CAREFUL.uneven_nats] * len(UNEVEN),
    *[CAREFUL.refill_nats] * len(REFILL),
)
PLAIN_BAND = next(i for i, (first, _) in enumerate(BANDS) if EDGES[first - 1] >= PLAIN_L_PER_H)
FIRST_REFILL = len(BANDS)
TRACKS = FIRST_REFILL + len(REFILL)
BURST, RUN_ON = TRACKS, TRACKS + 1
NONE = 255
HABIT_S = 10 * HOUR_S
"""A shorter run says nothing of the habit of a flat."""


class Fine:
    """What is remembered of a meter with a fine register."""

    __slots__ = (
        "before",
        "dry_s",
        "flow_s",
        "gap_s",
        "habit",
        "nights",
        "strong",
        "told",
        "tracks",
        "unknown_s",
        "use",
    )
    _FORM = struct.Struct("<BBIIII")

    def __init__(self) -> None:
        self.use = Use()
        self.nights = Nights()
        self.strong = Strong()
        self.habit = Habit(MOST_NATS)
        self.tracks = [Track() for _ in range(TRACKS)]
        self.told = NONE
        """The track that the newest finding spoke of."""
        self.before: int | None = None
        """The bin of the hour before; None: unknown."""
        self.gap_s = 0
        """How long it has been unknown."""
        self.unknown_s = 0
        """How much was unknown since the last dry hour."""
        self.dry_s = 0
        self.flow_s = 0
        """How much flow is known since the last dry hour."""

    def take(self, hour: Hour, meter: WaterMeter, point: Point) -> Verdict:
        """Judge one more hour."""
        self.strong.run_on.forget(hour.end_s)
        if hour.anew:
            self.strong.begin_anew()
            self._unknown(MOST_S)
            return Verdict(over=True)
        if hour.litres is None:
            self._unknown(hour.span_s)
            return Verdict()
        self._known(hour, hour.litres, meter)
        self.habit.take(hour.span_s, self._excess())
        finding = self._finding(hour, THRESHOLDS[point], common=meter.common)
        return Verdict(finding, over=finding is None and self.dry_s >= DRY_TO_END_S)

    def _unknown(self, span_s: int) -> None:
        self.before = None
        self.gap_s = min(self.gap_s + span_s, MOST_S)
        self.unknown_s = min(self.unknown_s + span_s, MOST_S)
        if self.unknown_s > BRIDGED_S:
            self._end_all()
        for track in self.tracks:
            track.dry_s = 0

    def _end_all(self) -> None:
        self.unknown_s = self.flow_s = 0
        for track in (*self.tracks, self.strong.burst):
            track.end()

    def _known(self, hour: Hour, litres: float, meter: WaterMeter) -> None:
        span_s = hour.span_s
        rate = litres * HOUR_S / span_s
        hour_bin = bin_of(rate)
        middle = datetime.fromtimestamp((hour.start_s + hour.end_s) // 2, meter.zone)
        if hour_bin == 0:
            self.dry_s = min(self.dry_s + span_s, MOST_S)
            self.flow_s = self.unknown_s = 0
        else:
            self.dry_s = 0
            self.flow_s = min(self.flow_s + span_s, MOST_S)
        if span_s > LONGEST_S:
            self._end_all()
        else:
            self.nights.add(middle.hour, dry=hour_bin == 0)
            self._weigh(hour, litres, hour_bin, middle.hour)
            if self.before is not None:
                learn = self.flow_s <= NOT_LEARNT_AFTER_S
                self.use.add(middle.hour, self.before, hour_bin, learn=learn)
        self.before, self.gap_s = hour_bin, 0

    def _weigh(self, hour: Hour, litres: float, hour_bin: int, hour_of_day: int) -> None:
        """Add what this hour says to the track of each hypothesis."""
        high_bin = hour_bin
        if hour.span_s < SHORT_S and litres > 0:
            high_bin = bin_of((litres + 1) * HOUR_S / hour.span_s - 1)
        told = self.tracks[self.told] if self.told in range(FIRST_REFILL) else None
        leaks = told.least / 10 if told is not None and told.known_s else 0.0
        self.strong.add(hour, hour_of_day, self.use, self.before, leaks=leaks)
        refilling = any(track.known_s for track in self.tracks[FIRST_REFILL:])
        if high_bin == 0 and not refilling:
            for track in self.tracks[:FIRST_REFILL]:
                track.end()
            return
        shares = self.use.shares(hour_of_day, self.before)
        dry = self.use.dry_shares(hour_of_day)
        for index, band in enumerate(BANDS):
            if high_bin < band[0]:
                self.tracks[index].end()
            else:
                said = floor_evidence(band, hour_bin, shares, dry[self._used_above(band)])
                self._add(index, hour, litres, said)
        for index, band in enumerate(REFILL, start=FIRST_REFILL):
            if (
                after_none := self._refills(self.tracks[index], hour, shows=hour_bin >= band[0])
            ) is not None:
                used = dry[self._used_above(band)]
                said = refill_evidence(band, hour_bin, shares, used, after_none=after_none)
                self._add(index, hour, litres, said)

    def _used_above(self, band: Band) -> bool:
        """Say whether people used water in the hour before: it was above the band of the leak."""
        return self.before is not None and self.before > band[1]

    @staticmethod
    def _refills(track: Track, hour: Hour, *, shows: bool) -> bool | None:
        """Say whether the hour before showed no refill; None: the track does not run."""
        after_none = track.dry_s > 0
        if shows:
            track.dry_s = 0
            return after_none
        if not track.known_s:
            return None
        track.dry_s += hour.span_s
        if track.dry_s <= REFILL_DRY_S:
            return after_none
        track.end()
        return None

    def _add(self, index: int, hour: Hour, litres: float, evidence: int) -> None:
        track = self.tracks[index]
        if not track.known_s:
            start_known = self.before is not None
            track.begin(hour.start_s - min(self.gap_s, LEAD_S), start_known=start_known)
        track.add(hour.span_s, litres, evidence)

    def _finding(self, hour: Hour, limits: Thresholds, *, common: bool) -> Finding | None:
        met = self._met(hour.end_s, limits, common=common)
        if not met:
            self.told = NONE
            return None
        if BURST in met:
            return self._speak(BURST, "burst", "burst", hour)
        if self.told not in met:
            self.told = max(met, key=lambda index: self._track(index).evidence)
        return self._speak(self.told, "leak", met[self.told], hour)

    def _met(self, now_s: int, limits: Thresholds, *, common: bool) -> dict[int, str]:
        """Return the tracks that show a leak, and what it looks like."""
        met: dict[int, str] = {}
        extra = self.habit.extra
        if not common and self.strong.run_on.lasts(limits.run_on_litres, limits.run_on_nats):
            met[RUN_ON] = "run-on"
        for index in range(FIRST_REFILL, TRACKS):
            if self.tracks[index].lasts(
                now_s, limits.refill_h, limits.refill_known_h, limits.refill_nats
            ):
                met[index] = "refill"
        for index in range(FIRST_REFILL):
            nats = extra + (limits.steady_nats if index < len(STEADY) else limits.uneven_nats)
            track, known_h = self.tracks[index], limits.steady_known_h
            if index not in SLOW:
                if track.lasts(now_s, limits.steady_h, known_h, nats):
                    met[index] = "steady" if index < len(STEADY) else "uneven"
            elif track.lasts(now_s, limits.slow_h, limits.slow_known_h, nats) or track.lasts(
                now_s, limits.steady_h, known_h, limits.slow_sure_nats + extra
            ):
                met[index] = "slow"
        if self.tracks[PLAIN_BAND].known_s >= PLAIN_S and self.use.hours < NO_HISTORY_H:
            met.setdefault(PLAIN_BAND, "plain")
        if not common and self.strong.bursts(now_s, limits):
            met[BURST] = "burst"
        return met

    def _excess(self) -> float | None:
        """Return how far the best run lies above what is asked of every flat; None: there is none.

        Told by the careful limits at either point: a habit is the flat's.
        """
        runs = (
            track.evidence / 1000 - CAREFUL_NATS[index]
            for index, track in enumerate(self.tracks)
            if track.known_s >= HABIT_S
        )
        return max(runs, default=None)

    def _track(self, index: int) -> Track:
        if index == RUN_ON:
            return self.strong.run_on.as_track()
        return self.strong.burst if index == BURST else self.tracks[index]

    def _speak(self, index: int, kind: str, part: str, hour: Hour) -> Finding:
        track = self._track(index)
        detail = {**track.detail(part, hour.rate), "nights": self.nights.count}
        return Finding(kind, "alarm", track.since_s, detail)

    def pack(self) -> bytes:
        """Return all of it as bytes, without loss."""
        before = NONE if self.before is None else self.before
        head = self._FORM.pack(
            self.told, before, self.gap_s, self.unknown_s, self.dry_s, self.flow_s
        )
        return b"".join(
            (
                head,
                self.nights.pack(),
                self.habit.pack(),
                self.strong.pack(),
                pack_tracks(self.tracks),
                self.use.pack(),
            )
        )

    @classmethod
    def unpack(cls, packed: bytes) -> "Fine":
        """Return what `pack` packed; of b"" a new memory."""
        fine = cls()
        if not packed:
            return fine
        fine.told, before, fine.gap_s, fine.unknown_s, fine.dry_s, fine.flow_s = (
            cls._FORM.unpack_from(packed)
        )
        fine.before = None if before == NONE else before
        here = cls._FORM.size
        fine.nights = Nights.unpack(packed[here : here + Nights.SIZE])
        here += Nights.SIZE
        fine.habit.restore(packed[here : here + Habit.SIZE])
        fine.strong, rest = Strong.unpack(packed[here + Habit.SIZE :])
        fine.tracks, rest = unpack_tracks(rest, TRACKS)
        fine.use, _ = Use.unpack(rest)
        return fine
