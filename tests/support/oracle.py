# SPDX-License-Identifier: MIT
"""What the store must say of a history: plain loops over sorted dicts, no SQL.

It knows three rules: that what is elected is a function of all claims, whatever their order; that
a day runs from after its 00:00 to the next 00:00; that a month's consumption is the difference of
two registers at its borders. Which claims are sound, `core.judgement` says, which has tests of its
own; the rest is no code of ours.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from cloud_ingest.core.judgement import Claims, DialChannel, StoredClaim, judge_dial
from cloud_ingest.core.register import Epoch
from cloud_ingest.store.readings_write import NewReading
from shared_schema.quality import Origin
from tests.support.history import DAY_S, HOUR_S, History, Life, midnights

PRECEDENCE = {Origin.EDIT: 0, Origin.METER: 1, Origin.SELF_READ: 2}
SELF_READ_S = 3 * DAY_S
MOST_PER_HOUR = Decimal(72)
"""kWh: all subjects are units."""

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
        self.lives = {life.channel: life for life in history.lives}
        self.held: dict[int, dict[int, tuple[int, int]]] = {channel: {} for channel in self.lives}
        """By channel and time: the precedence of the elected claim, and its value."""
        self.breaks: dict[tuple[int, date], list[tuple[int, int]]] = {}
        """By channel and month: before and after each break that no epoch explains."""
        self._said: dict[int, dict[int, list[StoredClaim]]] = {
            channel: {} for channel in self.lives
        }
        """All claims; of one moment the newest edit first."""

    def take(self, rows: Iterable[NewReading]) -> None:
        """Take one commit, and elect anew in the months around what it says."""
        touched: set[tuple[int, date]] = set()
        for row in rows:
            claim = StoredClaim(row.channel_id, row.ts, row.raw, PRECEDENCE[row.origin])
            own = self._said[row.channel_id].setdefault(row.ts, [])
            if claim in own:
                own.remove(claim)
            own.insert(0, claim)
            first = self.day_of(row.ts).replace(day=1)
            touched.update((row.channel_id, _month_after(first, n)) for n in (-1, 0, 1))
        for channel, month in touched:
            self._elect(channel, month)

    def _elect(self, channel: int, month: date) -> None:
        """Judge a month with the one before and the one after; keep what it says of the month."""
        zone, life = self.history.zone, self.lives[channel]
        before, start, end, after = (
            midnights(zone, _month_after(month, n), 0)[0] for n in (-1, 0, 1, 2)
        )
        said = self._said[channel]
        claims = [claim for ts in sorted(said) if before < ts <= after for claim in said[ts]]
        epochs = [Epoch(datetime.fromtimestamp(at, UTC), lost) for at, lost in life.epochs]
        judged = judge_dial(
            Claims({}, claims), [DialChannel(channel, -3, 1, epochs)], MOST_PER_HOUR
        )
        self.breaks[channel, month] = [
            (each.before.ts, each.after.ts)
            for each in judged.breaks
            if start < each.after.ts <= end
            and not any(each.before.ts < at <= each.after.ts for at, _ in life.epochs)
        ]
        held = self.held[channel]
        for ts in [ts for ts in held if start < ts <= end]:
            del held[ts]
        for (_, ts), claim in judged.elected.items():
            if start < ts <= end:
                held[ts] = (claim.origin, claim.raw)

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
        by_day = self._by_day(life, inside, opening, closing)
        broken = any(
            opening < after <= closing
            for (channel, _), breaks in self.breaks.items()
            if channel == life.channel
            for _, after in breaks
        )
        if broken or min(by_day.values(), default=0) < 0:
            return Used(opening, closing, None)
        return Used(opening, closing, wh, by_day)

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


def _month_after(first: date, months: int) -> date:
    return date(
        first.year + (first.month - 1 + months) // 12, (first.month - 1 + months) % 12 + 1, 1
    )
