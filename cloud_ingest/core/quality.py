# SPDX-License-Identifier: MIT
"""How good a month is: held against its own days, intervals and limits, and named for billing.

A month is disproved if its register fell on the way, if its intervals do not add up to it, or if
it is more than its meter and unit can use, or far more than the unit ever used. Then nothing is
counted, unless a person has accepted the number: what is known to be wrong goes to nobody. A sum is
as good as its parts where they are alike.

In: measured months, their days, the intervals and breaks of the same meter, the months before. Out:
a verdict, a month without its quantity, or a `Quality`. Never: another quantity. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from cloud_ingest.core.border import BY_HAND, Border
from cloud_ingest.core.consumption import Measured
from cloud_ingest.core.exact import exactly
from cloud_ingest.core.month import DAY, MICROSECOND, Month
from cloud_ingest.core.register import Epochs, Register
from shared_schema.catalogue import Service
from shared_schema.quality import Origin, Quality, Reason

DISPROOFS = frozenset(
    {
        Reason.REGISTER_DROP,
        Reason.SUM_CHECK,
        Reason.IMPLAUSIBLE,
        Reason.HISTORY,
        Reason.WIDE_BOUNDS,
        Reason.SCALER,
    }
)
"""What makes a quantity known to be wrong, or not known well enough to be billed."""
DOUBTS = DISPROOFS - {Reason.REGISTER_DROP}
"""What a person may know better; a register that falls proves nothing."""
MONTHS_OF_HISTORY: Final = 3
"""So many months tell what a unit uses."""
TIMES_OF_HISTORY: Final = 5
LEAST_RISE: Final[Mapping[Service, Decimal]] = {
    Service.ELECTRICITY: Decimal(5),
    Service.WATER: Decimal("0.5"),
}
"""kWh or kL a day above the greatest mean so far: what is less is no mistake of a meter."""


@dataclass(frozen=True, slots=True)
class Intervals:
    """The intervals of a month added up, in the unit of billing."""

    count: int
    total: Decimal
    period_s: int
    step: Decimal
    """The smallest difference that one interval can show."""


@dataclass(frozen=True, slots=True)
class RegisterBreak:
    """Where a register left its course for good, between two elected readings."""

    before: datetime
    after: datetime
    reason: Reason
    """`REGISTER_DROP` where it fell, `IMPLAUSIBLE` where it rose faster than it can."""
    exponents: tuple[int, int] | None = None
    """By what the readings before and after it count; None: it is not known."""
    values: tuple[Decimal, Decimal] | None = None
    """What these readings said, in kWh or kL; None: it is not known."""

    @property
    def is_rescaled(self) -> bool:
        """Say whether it counts by another scaler from there on."""
        return self.exponents is not None and self.exponents[0] != self.exponents[1]

    def is_explained(self, starts: Iterable[datetime]) -> bool:
        """Say whether an epoch begins at it: a person's word."""
        return any(self.before < starts_at <= self.after for starts_at in starts)


def falls_within(days: Mapping[date, Decimal], step: Decimal) -> bool:
    """Say whether the register fell on the way, though the month as a whole rose.

    Args:
        days: What each day used.
        step: The coarsest step of the meter's registers: each hides less than one of them, and a
            fall of one is none (`core.claim`).
    """
    return any(quantity < -step for quantity in days.values())


def breaks_within(
    measured: Measured, breaks: Iterable[RegisterBreak], epochs: Epochs
) -> frozenset[Reason]:
    """Return what the breaks between the ends of a month disprove, also where it was not read.

    Args:
        measured: The month.
        breaks: Of the meter's register.
        epochs: Of its channels. An epoch at a break is a person's word that explains it.
    """
    start = _end_of(measured.opening, measured.begin)
    end = _end_of(measured.closing, measured.end)
    if start is None or end is None:
        return frozenset()
    starts = _epoch_starts(measured, epochs)
    return frozenset(
        each.reason
        for each in breaks
        if start < each.after and each.before < end and not each.is_explained(starts)
    )


def is_rescaled(measured: Measured, breaks: Iterable[RegisterBreak], epochs: Epochs) -> bool:
    """Say whether a month counts by a scaler that came with a break, and that nobody explained.

    Where a register breaks and counts by another scaler from there on, one of the two is false, and
    the borders behind it agree with one another whichever it is. It counts again when it comes
    back to the scaler before.

    Args:
        measured: The month. Two dials that a person read need no scaler.
        breaks: Of the meter's register, ascending.
        epochs: Of its channels.
    """
    start = _end_of(measured.opening, measured.begin)
    ends = {None if end is None else end.origin for end in (measured.opening, measured.closing)}
    if start is None or ends <= BY_HAND:
        return False
    starts = _epoch_starts(measured, epochs)
    trusted: int | None = None
    for each in breaks:
        if each.after > start:
            break
        if each.exponents is None:
            continue
        former, now = each.exponents
        if each.is_explained(starts) or now == trusted:
            trusted = None
        elif trusted is None and former != now:
            trusted = former
    return trusted is not None


def _end_of(reading: Register | None, border: Border | None) -> datetime | None:
    """Return when an end of a month was read, or else where it lies."""
    if reading is not None:
        return reading.ts
    return None if border is None else border.at


def _epoch_starts(measured: Measured, epochs: Epochs) -> list[datetime]:
    known = measured.closing or measured.opening
    return [] if known is None else [each.starts_at for each in epochs.get(known.channel_id, ())]


def is_implausible(measured: Measured, most_per_day: Decimal) -> bool:
    """Say whether a month is more than its meter and unit can use between its two readings.

    Args:
        measured: The month.
        most_per_day: What cannot be exceeded in a day. It counts for at least a day: a load of
            some minutes may be far above the mean of a day.
    """
    if measured.quantity is None or measured.opening is None or measured.closing is None:
        return False
    length = max(measured.closing.ts - measured.opening.ts, DAY)
    with exactly():
        most = most_per_day * (length // MICROSECOND)
        return measured.quantity * (DAY // MICROSECOND) > most


def past_findings(
    measured: Measured,
    means: Sequence[Decimal],
    service: Service,
    step: Decimal,
    *,
    is_alone: bool = True,
) -> frozenset[Reason]:
    """Return what the months before say of a month.

    Args:
        measured: The month.
        means: What the same subject used a day in each of the months before, in kWh or kL.
        service: What it used.
        step: The coarsest step of the meter's registers.
        is_alone: No other meter counts the same: it is not a generator that nobody needed.

    Returns:
        `HISTORY` where it is far more than the subject ever used; `STUCK` where nothing was
        counted, though something was counted every day before.
    """
    opening, closing = measured.opening, measured.closing
    if len(means) < MONTHS_OF_HISTORY or opening is None or closing is None:
        return frozenset()
    if measured.quantity is None:
        return frozenset()
    if measured.quantity == 0:
        is_whole = is_alone and Reason.PART_OF_MONTH not in measured.reasons
        return frozenset({Reason.STUCK}) if is_whole and min(means) > step else frozenset()
    most = max(means)
    limit = max(most * TIMES_OF_HISTORY, most + LEAST_RISE[service])
    length = max(closing.ts - opening.ts, DAY)
    with exactly():
        is_more = measured.quantity * (DAY // MICROSECOND) > limit * (length // MICROSECOND)
    return frozenset({Reason.HISTORY}) if is_more else frozenset()


def with_findings(
    measured: Measured, found: Iterable[Reason], *, accepted: Decimal | None = None
) -> Measured:
    """Return a month with what was found of it; without its quantity where that is disproved.

    Args:
        measured: The month.
        found: Of it.
        accepted: The quantity that a person has accepted in spite of what was found; another
            quantity is doubted again.
    """
    reasons = measured.reasons.union(found)
    against = reasons & DISPROOFS
    if not against:
        return replace(measured, reasons=reasons)
    counted = measured.doubted if measured.quantity is None else measured.quantity
    may_be_right = against <= DOUBTS
    if may_be_right and accepted is not None and counted == accepted:
        return replace(measured, quantity=counted, reasons=reasons, doubted=None)
    doubted = counted if may_be_right else None
    return replace(measured, quantity=None, reasons=reasons, doubted=doubted)


def sum_check(
    measured: Measured, intervals: Intervals, month: Month, register_step: Decimal
) -> bool | None:
    """Hold the intervals of a month against its register, or against the bounds of its use.

    Each reading of the register hides less than one step of it, and so may each day of
    intervals that the meter derived from it.

    Returns:
        Whether they agree; None where they cannot be compared: an interval is missing, or the
        month was not read at its borders.
    """
    if (
        measured.quantity is None
        or measured.opening is None
        or measured.closing is None
        or measured.opening.ts != month.start
        or measured.closing.ts != month.end
        or intervals.period_s <= 0
    ):
        return None
    length = month.end - month.start
    if intervals.count * timedelta(seconds=intervals.period_s) != length:
        return None
    lower = measured.quantity if measured.lower is None else measured.lower
    upper = measured.quantity if measured.upper is None else measured.upper
    with exactly():
        allowed = register_step * -(-length // DAY) + intervals.step
        return lower - allowed <= intervals.total <= upper + allowed


def is_exact(measured: Measured) -> bool:
    """Say whether the truth is the quantity itself."""
    is_open = measured.reasons & {Reason.INCOMPLETE, Reason.LATE_CHANGE, Reason.METER_STATUS}
    return measured.lower == measured.upper and not is_open


def quality_of(measured: Measured) -> Quality:
    """Return how good one meter's month is: as its ends were found.

    A month that is not exact is derived, whoever read its ends: the truth lies between its bounds.
    """
    if measured.quantity is None:
        return Quality.MISSING
    if measured.reasons & {Reason.NO_OPENING, Reason.NO_CLOSING}:
        return Quality.ESTIMATED
    ends = {end.origin for end in (measured.opening, measured.closing) if end is not None}
    if Origin.ESTIMATE in ends or not is_exact(measured):
        return Quality.DERIVED
    if Origin.EDIT in ends or Reason.RESTORED in measured.reasons:
        return Quality.EDITED
    if Origin.SELF_READ in ends:
        return Quality.SELF_READ
    return Quality.RAW if Origin.IMPORTED in ends else Quality.VALIDATED


def combined_quality(qualities: Iterable[Quality]) -> Quality:
    """Return how good a sum is: as good as its parts, where they are alike."""
    kinds = set(qualities)
    for worst in (Quality.MISSING, Quality.ESTIMATED):
        if worst in kinds:
            return worst
    return kinds.pop() if len(kinds) == 1 else Quality.MIXED
