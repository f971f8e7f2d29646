# SPDX-License-Identifier: MIT
"""The choice of a border: one value for both sides of a cut, or none.

The first of these that applies meets a cut:

1. the sound reading at the moment itself; at a month's 00:00 the nearest one within the jitter of a
   poll cycle, before it or behind it;
2. at an end of an assignment, and at a month's 00:00 of which a reading was set aside, or at which
   its meter is never read: a value that is placed between the sound readings on both sides, each at
   most a day away;
3. the last sound reading at or before it, within one capture period and the jitter;
4. where a meter comes or goes, its first or last reading, within a day, or within the window for
   self-reads if a person made it; where it comes and served nobody until then, its first one,
   however late;
5. the nearest reading that a person made within that window, at its own time; at a month's 00:00
   none that is nearer to an end of an assignment, for it stands for that.

What the meter itself doubts meets a cut as any other does, and marks it, without bounds. So does a
dial that a person read beside a month's 00:00. Of one moment the finest steps count. A reading in
coarser steps than others around it hides less than one of its own, and is bounded so; if it shows
less than a finer one right before it, it meets nothing.

Nothing is placed across a break of the register. If the month before is closed, the next one opens
where it closed.

The order and the grouping of the claims do not matter.

In: what is known of one meter's billed register, a cut. Out: a `Border`. Never: a reading whose
time is moved. Pure.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from cloud_ingest.core.around import Around
from cloud_ingest.core.border import (
    BY_HAND,
    JITTER,
    PROMPT,
    Border,
    Cut,
    Known,
)
from cloud_ingest.core.exact import exactly
from cloud_ingest.core.passed_over import passed_over
from cloud_ingest.core.placing import share_until, true_check
from cloud_ingest.core.plausible import in_steps
from cloud_ingest.core.register import Register, in_time
from shared_schema.billing import EstimateMethod
from shared_schema.quality import Origin, Reason


def choose_borders(
    known: Known, cuts: Iterable[Cut], published: Register | None = None
) -> dict[datetime, Border]:
    """Return what meets each cut of a month, by its moment.

    A cut that would be met before the one ahead of it is met by the same value: nothing is counted
    twice.

    Args:
        known: What is known of the meter's register around them.
        cuts: Ascending; the first one opens the month.
        published: What closed the month before, if it is closed.
    """
    found: dict[datetime, Border] = {}
    former: Border | None = None
    for cut in cuts:
        border = choose_border(known, cut, published if former is None else None)
        if (
            former is not None
            and former.chosen is not None
            and border.chosen is not None
            and border.chosen.ts < former.chosen.ts
        ):
            same = former.chosen, former.low, former.high
            border = replace(border, chosen=same[0], low=same[1], high=same[2], placed_by=None)
        found[cut.at] = border
        former = border if border.chosen is not None else former
    return found


def choose_border(known: Known, cut: Cut, published: Register | None = None) -> Border:
    """Return what meets a cut.

    Args:
        known: What is known of the meter's register around it.
        cut: The moment.
        published: What closed the month before, where the cut opens a month.
    """
    around = _around(known, cut)
    before, after = around.before, around.after
    placed = None if published is not None else _placed_first(around)
    chosen, method = (published or _read(around), None) if placed is None else placed
    low, high, reasons = _stated(around, chosen)
    if _leans_on(around, chosen, known.doubted):
        low, high, reasons = None, None, reasons | {Reason.METER_STATUS}
    if _leans_on(around, chosen, known.overruled):
        reasons |= {Reason.RESTORED}
    return Border(
        at=cut.at,
        chosen=chosen,
        low=low,
        high=high,
        reasons=reasons,
        passed_over=tuple(passed_over(around, chosen, is_published=published is not None)),
        before=before,
        after=after,
        placed_by=method,
    )


def register_at(known: Known, at: datetime, value: Decimal, origin: Origin) -> Register | None:
    """Return the register that a number names as its end, among the channels that are known.

    Args:
        known: What is known of the meter's register.
        at: When it was read, or where it is placed.
        value: What the dial said, in kWh or kL.
        origin: Who said it.

    Returns:
        The sound reading itself, if it is known; else its like; None where no channel shows it.
    """
    sound = sorted(known.sound, key=lambda each: (abs(each.ts - at), *in_time(each)))
    for each in sound:
        if each.ts == at and each.value == value:
            return each
    for each in sound:
        raw = in_steps(value, each.exponent)
        if raw is not None:
            return Register(each.channel_id, at, raw, origin, each.exponent)
    return None


def _around(known: Known, cut: Cut) -> Around:
    """Return the readings that may meet a cut, one for each moment, ascending.

    Of two channels the one with the finest steps counts, of those the newest. One in coarser steps
    that shows less than a finer one within a capture period before it tells nothing.
    """
    by_moment = sorted(known.sound, key=lambda each: (each.ts, -each.exponent, each.channel_id))
    every = Around(known, cut, tuple({each.ts: each for each in by_moment}.values()))
    if len({each.exponent for each in every.readings}) <= 1:
        return every
    kept: list[Register] = []
    for each in every.readings:
        finer = next((one for one in reversed(kept) if one.exponent < each.exponent), None)
        if finer is None or not _is_below(every, each, finer):
            kept.append(each)
    return Around(known, cut, tuple(kept))


def _is_below(around: Around, coarse: Register, finer: Register) -> bool:
    """Say whether a reading shows less than a finer one right before it, by less than its step."""
    if coarse.ts - finer.ts > around.known.rules.tolerance + JITTER:
        return False
    with exactly():
        return around.count(coarse) < around.count(finer)


def _placed_first(around: Around) -> tuple[Register, EstimateMethod] | None:
    """Return the value that is placed at a cut, if it takes one before any reading beside it."""
    cut = around.cut
    nearest = min(map(around.distance, around.readings), default=None)
    if nearest is not None and nearest <= (JITTER if cut.is_month else timedelta()):
        return None
    is_hidden = any(
        (each.rule is not None or each.is_set_aside) and around.distance(each.claim) <= JITTER
        for each in around.known.not_elected
    )
    takes_one = is_hidden or cut.begins or cut.ends or _is_between_polls(around)
    return _place(around) if takes_one else None


def _is_between_polls(around: Around) -> bool:
    """Say whether a cut lies between two readings of which the meter has none between them."""
    before, after, rules = around.before, around.after, around.known.rules
    if before is None or after is None or not {before.origin, after.origin} <= {Origin.METER}:
        return False
    is_near = around.distance(before) <= rules.tolerance + JITTER
    return not is_near and after.ts - before.ts <= rules.period + JITTER


def _read(around: Around) -> Register | None:
    """Return the reading that meets a cut."""
    cut, rules = around.cut, around.known.rules
    before, after = around.before, around.after
    beside = [each for each in (before, after) if each is not None]
    nearest = min(beside, key=around.distance, default=None)
    if nearest is not None and cut.is_month and around.distance(nearest) <= JITTER:
        return nearest
    if before is not None and around.distance(before) <= rules.tolerance + JITTER:
        return before
    is_read_before = before is not None and around.reaches(before)
    is_read_after = after is not None and around.reaches(after)
    if cut.begins and not is_read_before and (is_read_after or not cut.ends):
        return after
    if cut.ends and is_read_before and not is_read_after:
        return before
    by_hand = [
        each
        for each in around.readings
        if each.origin in BY_HAND
        and around.distance(each) <= rules.self_read_window
        and all(around.distance(each) <= abs(each.ts - other) for other in cut.others)
    ]
    return min(by_hand, key=around.distance, default=None)


def _place(around: Around) -> tuple[Register, EstimateMethod] | None:
    """Return the value between the readings on both sides of a cut, in whole steps."""
    before, after, at = around.before, around.after, around.cut.at
    if (
        before is None
        or after is None
        or max(around.distance(before), around.distance(after)) > PROMPT
        or not around.is_joined(before, after)
    ):
        return None
    finer = min(before, after, key=lambda each: each.exponent)
    known = around.known
    with exactly():
        zero = around.count(Register(finer.channel_id, at, 0, Origin.ESTIMATE, finer.exponent))
        low, high = around.count(before), around.count(after)
        check = true_check(
            before.ts, after.ts, known.check, high - low, Decimal(1).scaleb(finer.exponent)
        )
    share, method = share_until(before.ts, after.ts, at, known.intervals, check)
    with exactly():
        steps = int((high - low).scaleb(-finer.exponent))
        moved = (steps * share.numerator * 2 + share.denominator) // (share.denominator * 2)
        raw = int((low - zero).scaleb(-finer.exponent)) + moved
        if raw < 0:  # the register began anew in between: it says nothing negative
            raw = 0
            if zero > high:
                return None
    return Register(finer.channel_id, at, raw, Origin.ESTIMATE, finer.exponent), method


def _leans_on(around: Around, chosen: Register | None, questioned: frozenset[Register]) -> bool:
    """Say whether a cut is met by one of some readings, or placed between one and another."""
    if chosen is None:
        return False
    is_placed = chosen.origin is Origin.ESTIMATE
    leaned_on = (around.before, around.after) if is_placed else (chosen,)
    return not questioned.isdisjoint(leaned_on)


def _stated(
    around: Around, chosen: Register | None
) -> tuple[Decimal | None, Decimal | None, frozenset[Reason]]:
    """Return the bounds of the true register at a cut, and what is to be said of its border."""
    cut, rules = around.cut, around.known.rules
    comes_or_goes = cut.begins or cut.ends
    if chosen is None:
        reasons = frozenset({Reason.INCOMPLETE}) if comes_or_goes else frozenset[Reason]()
        return *_bounds(around, None), reasons
    if chosen not in around.known.sound:
        is_placed = chosen.origin is Origin.ESTIMATE
        reason = Reason.BORDER_PLACED if is_placed else Reason.LATE_CHANGE
        return *_bounds(around, None, chosen), frozenset({reason})
    away = around.distance(chosen)
    is_dial = chosen.origin in BY_HAND and (
        chosen.origin is Origin.SELF_READ or away > rules.tolerance + JITTER
    )
    is_exact = away <= (JITTER if cut.is_month else timedelta())
    if is_exact:
        count = around.count(chosen)
        return count, _sum(count, around.hidden(chosen)), frozenset()
    if is_dial and cut.is_month and not _stands_alone(around, chosen):
        return None, None, frozenset({Reason.SELF_READ})
    if away > rules.tolerance + JITTER:
        is_alone = comes_or_goes and _stands_alone(around, chosen)
        reasons = frozenset({Reason.INCOMPLETE}) if is_alone or not is_dial else frozenset()
    else:
        reasons = frozenset() if is_dial else frozenset({Reason.NEAR_BORDER})
    return *_bounds(around, chosen), reasons


def _stands_alone(around: Around, chosen: Register) -> bool:
    """Say whether nothing was read on the other side of a cut at which a meter comes or goes."""
    other = around.after if chosen.ts <= around.cut.at else around.before
    is_end = around.cut.ends if chosen.ts <= around.cut.at else around.cut.begins
    return is_end and (other is None or not around.reaches(other))


def _bounds(
    around: Around, chosen: Register | None, stands: Register | None = None
) -> tuple[Decimal | None, Decimal | None]:
    """Return between what the true register at a cut lies: by the sound readings on both sides.

    Args:
        around: What is known around the cut.
        chosen: The sound reading that meets it; None: none does.
        stands: What meets it instead, as it is placed or published.
    """
    before, after = around.before, around.after
    if before is not None and before.ts == around.cut.at:
        after = before
    if before is not None and before != chosen and not around.reaches(before):
        before = None
    if after is not None and after != chosen and not around.reaches(after):
        after = None
    if before is not None and after is not None and not around.is_joined(before, after):
        before, after = (before, None) if chosen is None or chosen == before else (None, after)
    low, high = _between(around, before, after)
    if low is not None and before is None and after is not None:
        low = max(low, _least(around, after))
    taken = chosen or stands
    if taken is None or low is None or high is None:
        return low, high
    count = around.count(taken)
    return min(low, count), max(high, count)


def _least(around: Around, after: Register) -> Decimal:
    """Return what the register showed long before a cut, if it rose from there; else no bound."""
    long_before = around.before
    if long_before is None or not around.is_joined(long_before, after):
        return around.count(replace(after, raw=0))
    return around.count(long_before)


def _between(
    around: Around, before: Register | None, after: Register | None
) -> tuple[Decimal | None, Decimal | None]:
    """Return the bounds that two readings set, or one and the ceiling of its meter."""
    at = around.cut.at
    low = None if before is None else around.count(before)
    high = None if after is None else _sum(around.count(after), around.hidden(after))
    if low is not None and high is None and before is not None:
        most = around.most(at - before.ts)
        high = None if most is None else _sum(_sum(low, around.hidden(before)), most)
    elif low is None and after is not None:
        most = around.most(after.ts - at)
        zero = around.count(Register(after.channel_id, at, 0, after.origin, after.exponent))
        shown = around.count(after)
        low = min(shown, zero if most is None else max(zero, _sum(shown, -most)))
    return low, high


def _sum(one: Decimal, other: Decimal) -> Decimal:
    with exactly():
        return one + other
