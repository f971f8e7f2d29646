# SPDX-License-Identifier: MIT
"""What the store must say of a history: plain loops over sorted dicts, no SQL, no code of ours.

It knows three rules: which of several claims is elected; that a day runs from after its 00:00 to
the next 00:00; that a month's consumption is the difference of two registers at its borders.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from cloud_ingest.store.readings_write import NewReading
from shared_schema.quality import Origin
from tests.support.history import DAY_S, HOUR_S, History, Life, midnights

PRECEDENCE = {Origin.EDIT: 0, Origin.METER: 1, Origin.SELF_READ: 2}
SELF_READ_S = 3 * DAY_S

Row = tuple[int, date, int, int, int, int, int, int, int, int]
"""Channel, bucket, first, last, least and greatest time, count, sum, least, greatest."""


@dataclass(frozen=True, slots=True)
class Used:
    """What a meter counted in a month; ``wh`` is None where it cannot be proved."""

    opening: int | None
    closing: int | None
    wh: int | None
    days: dict[date, int] = field(default_factory=dict)


class Oracle:
    """The elected claims of a history so far."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.dates = [history.first + timedelta(days=n) for n in range(-40, history.days + 40)]
        self.midnights = midnights(history.zone, self.dates[0], len(self.dates))
        self.held: dict[int, dict[int, tuple[int, int]]] = {
            life.channel: {} for life in history.lives
        }

    def take(self, rows: Iterable[NewReading]) -> None:
        """Take one commit: the better origin wins, then the first, of edits the newest."""
        best: dict[tuple[int, int], tuple[int, int]] = {}
        for row in rows:
            key, claim = (row.channel_id, row.ts), (PRECEDENCE[row.origin], row.raw)
            best[key] = min(best.get(key, claim), claim)
        for (channel, ts), claim in best.items():
            held = self.held[channel]
            if ts not in held or claim[0] < held[ts][0] or (claim[0] == 0 and held[ts][0] == 0):
                held[ts] = claim

    def day_of(self, ts: int) -> date:
        return self.dates[bisect_left(self.midnights, ts) - 1]

    def days(self, channel: int) -> list[Row]:
        return self._roll_up(channel, {day: day for day in self.dates})

    def months(self, channel: int) -> list[Row]:
        return self._roll_up(channel, {day: day.replace(day=1) for day in self.dates})

    def _roll_up(self, channel: int, bucket_of: dict[date, date]) -> list[Row]:
        buckets: dict[date, list[tuple[int, int]]] = {}
        for ts, (_, raw) in sorted(self.held[channel].items()):
            buckets.setdefault(bucket_of[self.day_of(ts)], []).append((ts, raw))
        found: list[Row] = []
        for bucket, points in buckets.items():
            raws = [raw for _, raw in points]
            ends = (raws[0], raws[-1], points[0][0], points[-1][0])
            found.append((channel, bucket, *ends, len(raws), sum(raws), min(raws), max(raws)))
        return found

    def used(self, life: Life, month: date) -> Used:
        """Return what a meter counted in a month, and on which days."""
        following = (month + timedelta(days=32)).replace(day=1)
        zone = self.history.zone
        (start,), (end,) = midnights(zone, month, 0), midnights(zone, following, 0)
        held = self.held[life.channel]
        inside = [
            ts
            for ts in sorted(held)
            if life.installed <= ts and (life.removed is None or ts <= life.removed)
        ]
        if life.installed < start:
            opening = self._border(life, inside, start)
        else:
            opening = next((ts for ts in inside if ts < end), None)
            if opening is not None and opening - life.installed > self._patience(life, opening):
                opening = None
        if life.removed is None or life.removed > end:
            closing = self._border(life, inside, end)
        else:
            closing = inside[-1] if inside and inside[-1] > start else None
            if closing is not None and life.removed - closing > self._patience(life, closing):
                closing = None
        if opening is not None and closing is not None and closing <= opening:
            closing = None
        if opening is None or closing is None:
            return Used(opening, closing, None)
        wh = self._counted_on(life, closing) - self._counted_on(life, opening)
        if wh < 0:
            return Used(opening, closing, None)
        return Used(opening, closing, wh, self._by_day(life, inside, opening, closing))

    def _border(self, life: Life, inside: list[int], border: int) -> int | None:
        """Return the last reading within a capture period, else the nearest of a person."""
        punctual = [ts for ts in inside if border - min(life.period_s, HOUR_S) <= ts <= border]
        if punctual:
            return punctual[-1]
        held = self.held[life.channel]
        by_hand = [
            (abs(ts - border), ts)
            for ts in inside
            if held[ts][0] != PRECEDENCE[Origin.METER] and abs(ts - border) <= SELF_READ_S
        ]
        return min(by_hand)[1] if by_hand else None

    def _patience(self, life: Life, ts: int) -> int:
        by_meter = self.held[life.channel][ts][0] == PRECEDENCE[Origin.METER]
        return DAY_S if by_meter else SELF_READ_S

    def _counted_on(self, life: Life, ts: int) -> int:
        offset = 0
        for starts_at, lost in life.epochs:
            if starts_at <= ts:
                offset = lost
        return self.held[life.channel][ts][1] + offset

    def _by_day(self, life: Life, inside: list[int], opening: int, closing: int) -> dict[date, int]:
        last_of: dict[date, int] = {}
        for ts in inside:
            if opening < ts <= closing:
                last_of[self.day_of(ts)] = self._counted_on(life, ts)
        days: dict[date, int] = {}
        before = self._counted_on(life, opening)
        for day, counted in last_of.items():
            days[day] = counted - before
            before = counted
        return days
