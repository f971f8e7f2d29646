# SPDX-License-Identifier: MIT
"""What the store must say of a history: plain loops over sorted dicts, no SQL.

It knows four rules: that what is elected is a function of all claims, whatever their order; that
a day runs from after its 00:00 to the next 00:00; that a month's consumption is the difference of
two registers at its borders; and what meets a border, as docs/explanation/borders.md tells it.
Which claims are sound, the history knows, for it holds the truth: what a meter alone said of a
moment is sound if it is true, and is not if it is a planted lie. Where a person or a rival made it
ambiguous, `core.judgement` says it, which has tests of its own; the rest is no code of ours.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from cloud_ingest.core.judgement import Claims, DialChannel, StoredClaim, judge_dial
from cloud_ingest.core.register import Epoch
from cloud_ingest.store.readings_write import NewReading
from shared_schema.quality import Origin
from tests.support.history import DAY_S, HOUR_S, History, Life, midnights

PRECEDENCE = {Origin.EDIT: 0, Origin.METER: 1, Origin.SELF_READ: 2}
SELF_READ_S = 3 * DAY_S
MOST_PER_HOUR = Decimal(72)
"""kWh: all subjects are units."""
MOST_WH_PER_HOUR = 72_000
POLL_S = 60
"""By so much a poll may miss its moment."""
QUIET = 3
"""Moments on either side at which nobody says anything but the meter: what it says is plain."""

Row = tuple[int, date, int, int, int, int, int, int, int, int]
"""Channel, bucket, first, last, least and greatest time, count, sum, least, greatest."""


@dataclass(frozen=True, slots=True)
class Used:
    """What a meter counted in a month; ``wh`` is None where it cannot be proved."""

    opening: int | None
    """When it was read, or where it is placed."""
    closing: int | None
    wh: int | None
    days: dict[date, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Met:
    """What meets a border: when it was read or where it is placed, and what was counted by then."""

    ts: int
    wh: int


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
            and not each.is_vouched
            and not any(each.before.ts < at <= each.after.ts for at, _ in life.epochs)
        ]
        held = self.held[channel]
        for ts in [ts for ts in held if start < ts <= end]:
            del held[ts]
        for (_, ts), claim in judged.elected.items():
            if start < ts <= end:
                held[ts] = (claim.origin, claim.raw)
        self._correct(life, [ts for ts in sorted(said) if before < ts <= after], start, end)

    def _correct(self, life: Life, moments: list[int], start: int, end: int) -> None:
        """Let the truth decide what is held of a month, at each moment at which it is plain."""
        said, held = self._said[life.channel], self.held[life.channel]
        alone = [
            all(claim.raw == life.lies.get(ts, life.true_at(ts)) for claim in said[ts])
            for ts in moments
        ]
        for place in range(QUIET, len(moments) - QUIET):
            ts = moments[place]
            if not start < ts <= end or not all(alone[place - QUIET : place + QUIET + 1]):
                continue
            if ts in life.lies:
                held.pop(ts, None)
            else:
                held[ts] = (min(claim.origin for claim in said[ts]), life.true_at(ts))

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
        cuts = sorted(
            {start, end}
            | {at for at in (life.installed, life.removed) if at and start <= at <= end}
        )
        times, met = sorted(held), dict[int, Met | None]()
        former: Met | None = None
        for cut in cuts:
            found = self._meet(life, times, cut, is_first=cut in (start, end))
            if former is not None and found is not None and found.ts < former.ts:
                found = former
            met[cut], former = found, found or former
        ends_at = end if life.removed is None else min(life.removed, end)
        opening, closing = met[max(life.installed, start)], met[ends_at]
        if opening is not None and closing is not None and closing.ts <= opening.ts:
            closing = None
        if opening is None or closing is None:
            opened, closed = (None if each is None else each.ts for each in (opening, closing))
            return Used(opened, closed, None)
        wh = closing.wh - opening.wh
        by_day = self._by_day(life, times, opening, closing, ends_at)
        broken = any(
            opening.ts < after <= closing.ts
            for (channel, _), breaks in self.breaks.items()
            if channel == life.channel
            for _, after in breaks
        )
        if broken or wh < 0 or min(by_day.values()) < -1:  # a dial may stand between two digits
            return Used(opening.ts, closing.ts, None)
        return Used(opening.ts, closing.ts, wh, by_day)

    def _meet(self, life: Life, times: list[int], cut: int, *, is_first: bool) -> Met | None:
        """Return what meets a cut: the first rule of docs/explanation/borders.md that applies."""
        place = bisect_right(times, cut)
        last, following = times[:place][-1:], times[place:][:1]
        changes = cut in (life.installed, life.removed)
        # The moment itself, or at a first what a poll just missed it by.
        for ts in sorted(last + following, key=lambda ts: abs(ts - cut)):
            if ts == cut or (is_first and abs(ts - cut) <= POLL_S):
                return self._met(life, ts)
        # Between both sides, where the meter changes hands or the row of the moment was set aside.
        if last and following and (changes or self._is_set_aside(life, cut)):
            placed = self._between(life, last[0], following[0], cut)
            if placed is not None:
                return placed
        # The last row before it, no older than a poll.
        if last and cut - last[0] <= min(life.period_s, HOUR_S) + POLL_S:
            return self._met(life, last[0])
        # The first row of a meter that came, the last one of a meter that went.
        near = [ts for ts in last + following if abs(ts - cut) <= self._patience(life, ts)]
        if len(near) == 1 and near == (following if cut == life.installed else last) and changes:
            return self._met(life, near[0])
        # What a person read.
        by_hand = [
            (abs(ts - cut), ts)
            for ts in times
            if self._is_by_hand(life, ts) and abs(ts - cut) <= SELF_READ_S
        ]
        return self._met(life, min(by_hand)[1]) if by_hand else None

    def _is_set_aside(self, life: Life, cut: int) -> bool:
        """Say whether something was said of a moment, and nothing of it is believed."""
        said, held = self._said[life.channel], self.held[life.channel]
        return any(ts in said and ts not in held for ts in range(cut - POLL_S, cut + POLL_S + 1))

    def _between(self, life: Life, last: int, following: int, cut: int) -> Met | None:
        """Return the share of time of what was counted between two rows, to the nearest step."""
        low, high = self._counted_on(life, last), self._counted_on(life, following)
        most = MOST_WH_PER_HOUR * (following - last + POLL_S) / HOUR_S
        if max(cut - last, following - cut) > DAY_S or not 0 <= high - low <= most:
            return None
        share = Fraction(cut - last, following - last)
        counted = low + math.floor((high - low) * share + Fraction(1, 2))
        zero = self._offset(life, cut)  # no register shows less than nothing
        return None if zero > high else Met(cut, max(counted, zero))

    def _is_by_hand(self, life: Life, ts: int) -> bool:
        return self.held[life.channel][ts][0] != PRECEDENCE[Origin.METER]

    def _patience(self, life: Life, ts: int) -> int:
        return SELF_READ_S if self._is_by_hand(life, ts) else DAY_S

    def _met(self, life: Life, ts: int) -> Met:
        return Met(ts, self._counted_on(life, ts))

    def _offset(self, life: Life, ts: int) -> int:
        return max((lost for starts_at, lost in life.epochs if starts_at <= ts), default=0)

    def _counted_on(self, life: Life, ts: int) -> int:
        return self.held[life.channel][ts][1] + self._offset(life, ts)

    def _by_day(
        self, life: Life, times: list[int], opening: Met, closing: Met, border: int
    ) -> dict[date, int]:
        """Return what each day counted; a poll just behind a border belongs to what it closes."""
        last_of: dict[date, int] = {}
        for ts in times:
            if opening.ts < ts < closing.ts:
                last_of[self.day_of(ts)] = self._counted_on(life, ts)
        is_late = border < closing.ts <= border + POLL_S
        last_of[self.day_of(border if is_late else closing.ts)] = closing.wh
        days: dict[date, int] = {}
        before = opening.wh
        for day, counted in last_of.items():
            days[day] = counted - before
            before = counted
        return days


def _month_after(first: date, months: int) -> date:
    return date(
        first.year + (first.month - 1 + months) // 12, (first.month - 1 + months) % 12 + 1, 1
    )
