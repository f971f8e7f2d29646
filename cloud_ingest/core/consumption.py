# SPDX-License-Identifier: MIT
"""What a meter counted for its subject in a month: the difference of two borders, or nothing.

The rules:
- Each end of the stretch in which a meter served its subject has a border (`core.border`): the
  month's 00:00, or the moment at which an assignment begins or ends.
- Two registers are compared as N = raw + offset of the epoch at their time. A register that
  falls without an epoch proves nothing; there is no negative consumption.
- Pulse weights that differ at the two ends need an epoch that joins them.
- Without both ends there is no number.
- Where an end is not exact, the truth lies between bounds.

No time is moved, no reading is rounded, no float is used.

In: two borders, epochs, the days of a register. Out: opening, closing, quantity, bounds, reasons.
Pure: no clock, environment, log, socket or driver.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cloud_ingest.core.border import JITTER, PROMPT, Border
from cloud_ingest.core.exact import exactly
from cloud_ingest.core.month import Month, day_of
from cloud_ingest.core.register import DayRegister, Epochs, Register, normalised
from shared_schema.quality import Origin, Reason

_LAST_TS = attrgetter("last_ts")
_REASON_OF_ORIGIN: dict[Origin, Reason] = {
    Origin.SELF_READ: Reason.SELF_READ,
    Origin.IMPORTED: Reason.IMPORTED,
}


@dataclass(frozen=True, slots=True)
class Measured:
    """What a meter counted; `quantity` is None where it cannot be proved.

    The truth lies from ``lower`` to ``upper``. They are the quantity itself where both ends are
    exact, and None where nothing bounds it.
    """

    opening: Register | None
    closing: Register | None
    quantity: Decimal | None
    reasons: frozenset[Reason] = frozenset()
    lower: Decimal | None = None
    upper: Decimal | None = None
    covers_from: date | None = None
    """The 1st of the first month that a catch-up covers; None: one month."""
    begin: Border | None = None
    """The border that opens it, with what was not taken; None: it was not asked for one."""
    end: Border | None = None
    doubted: Decimal | None = None
    """What the quantity would be, if a person said that it is right in spite of the reasons."""


def measure(begin: Border, end: Border, epochs: Epochs, month: Month) -> Measured:
    """Return what a meter counted between two borders of a month.

    Args:
        begin: Where it began to serve its subject in the month.
        end: Where it ceased to.
        epochs: Of its channels.
        month: The month.
    """
    opening, closing = begin.chosen, end.chosen
    is_part = begin.at > month.start or end.at < month.end
    if opening is not None and closing is not None:
        # A meter that came or went within a day of the month's border may have one reading there.
        is_one = is_part and opening.ts - begin.at <= PROMPT
        is_behind = closing.ts < opening.ts or (closing.ts == opening.ts and not is_one)
        closing = None if is_behind else closing
    reasons = set(begin.reasons | end.reasons)
    if is_part:
        reasons.add(Reason.PART_OF_MONTH)
    if opening is None:
        reasons.add(Reason.NO_OPENING)
    if closing is None:
        reasons.add(Reason.NO_CLOSING)
    for reading in (opening, closing):
        if reading is not None and reading.origin in _REASON_OF_ORIGIN:
            reasons.add(_REASON_OF_ORIGIN[reading.origin])
    counted = between(opening, closing, epochs, frozenset(reasons))
    lower, upper = _bounds(begin, end)
    return replace(counted, lower=lower, upper=upper, begin=begin, end=end)


def _bounds(begin: Border, end: Border) -> tuple[Decimal | None, Decimal | None]:
    """Return between what the truth lies."""
    lower = upper = None
    with exactly():
        if end.low is not None and begin.high is not None:
            lower = max(end.low - begin.high, Decimal(0))
        if end.high is not None and begin.low is not None:
            upper = end.high - begin.low
    return lower, upper


def between(
    opening: Register | None,
    closing: Register | None,
    epochs: Epochs,
    reasons: frozenset[Reason] = frozenset(),
) -> Measured:
    """Return what was counted from one reading to a later one; nothing where it fell."""
    if opening is None or closing is None:
        return Measured(opening, closing, None, reasons)
    with exactly():
        quantity = normalised(closing, epochs) - normalised(opening, epochs)
    if quantity < 0:
        return Measured(opening, closing, None, reasons | {Reason.REGISTER_DROP})
    return Measured(opening, closing, quantity, reasons)


def is_reweighed(measured: Measured, weights: Mapping[int, int | None], epochs: Epochs) -> bool:
    """Say whether a meter gave both ends with different pulse weights that no epoch joins.

    Args:
        measured: The month.
        weights: The pulse weight of each of the meter's channels, by id.
        epochs: Of these channels.
    """
    ends = {end.origin for end in (measured.opening, measured.closing) if end is not None}
    return ends <= {Origin.METER, Origin.ESTIMATE} and has_two_weights(measured, weights, epochs)


def has_two_weights(measured: Measured, weights: Mapping[int, int | None], epochs: Epochs) -> bool:
    """Say whether the ends have different weights that no epoch joins, whoever gave them."""
    opening, closing = measured.opening, measured.closing
    if opening is None or closing is None:
        return False
    return weights[opening.channel_id] != weights[closing.channel_id] and not any(
        opening.ts < epoch.starts_at <= closing.ts for epoch in epochs.get(closing.channel_id, ())
    )


def rises_plainly(measured: Measured, days: Iterable[DayRegister], epochs: Epochs) -> bool:
    """Say whether one register rises from day to day through a month, as its raw counts tell.

    Nearly every meter has one channel without an epoch, and its counts need no arithmetic.
    False only says that `days_of` has to look.
    """
    opening, closing = measured.opening, measured.closing
    if opening is None or closing is None or epochs.get(closing.channel_id):
        return False
    if (opening.channel_id, opening.exponent) != (closing.channel_id, closing.exponent):
        return False
    last = opening.raw
    for row in sorted(days, key=_LAST_TS):
        if (row.channel_id, row.exponent) != (closing.channel_id, closing.exponent):
            return False
        if opening.ts < row.last_ts < closing.ts:
            if row.last_raw < last:
                return False
            last = row.last_raw
    return last <= closing.raw


class Stretch(NamedTuple):
    """What was counted from one register to the next that ends a day."""

    start: datetime
    end: datetime
    day: date
    """In which it lands: that of its end."""
    quantity: Decimal


def stretches_of(
    measured: Measured, days: Iterable[DayRegister], epochs: Epochs, zone: ZoneInfo
) -> tuple[Stretch, ...]:
    """Cut a measured month where its days have registers: N - lag(N).

    What was counted over a gap is one stretch. They add up to the month exactly, whatever was
    missed.

    Args:
        measured: The month; without a quantity it has no stretches.
        days: The rollups of its channels; those outside are ignored.
        epochs: Of its channels.
        zone: The society's.
    """
    opening, closing = measured.opening, measured.closing
    if opening is None or closing is None or measured.quantity is None:
        return ()
    inner = sorted(
        (row for row in days if opening.ts < row.last_ts < closing.ts),
        key=lambda row: (row.last_ts, row.channel_id),
    )
    ends_at = closing.ts
    if measured.end is not None and measured.end.at <= closing.ts <= measured.end.at + JITTER:
        ends_at = measured.end.at  # a poll that came late belongs to the day that it closes
    points = [
        (opening.ts, day_of(opening.ts, zone), normalised(opening, epochs)),
        *((row.last_ts, row.day, normalised(row, epochs)) for row in inner),
        (closing.ts, day_of(ends_at, zone), normalised(closing, epochs)),
    ]
    with exactly():
        return tuple(
            Stretch(start, end, day, after - before)
            for (start, _, before), (end, day, after) in pairwise(points)
        )


def by_day(stretches: Iterable[Stretch]) -> dict[date, Decimal]:
    """Add stretches up by the days in which they land."""
    found: dict[date, Decimal] = {}
    with exactly():
        for each in stretches:
            found[each.day] = found.get(each.day, Decimal(0)) + each.quantity
    return found


def days_of(
    measured: Measured, days: Iterable[DayRegister], epochs: Epochs, zone: ZoneInfo
) -> dict[date, Decimal]:
    """Cut a measured month into the days that have data.

    What was counted over a gap lands in the next day that has data.
    """
    return by_day(stretches_of(measured, days, epochs, zone))
