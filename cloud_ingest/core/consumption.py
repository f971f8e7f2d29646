# SPDX-License-Identifier: MIT
"""What a meter counted in a month: the difference of two registers, proved or withheld.

The rules:
- A border is met by the last reading at or before it, within one capture period. Otherwise
  the nearest self-read meets it, within the window for self-reads, at its own time.
- A month opens where the one before was closed.
- A meter that was put in or taken out within the month opens or closes at the first or last
  reading that it gave while it was in. That reading lies within a day of the change, or within
  the window if a person read it. Any other proves nothing of the time between.
- Two registers are compared as N = raw + offset of the epoch at their time. A register that
  falls without an epoch proves nothing; there is no negative consumption.
- Pulse weights that differ at the two ends need an epoch that joins them.
- Without both ends there is no number.

No time is moved, nothing is rounded, no float is used.

In: readings of one meter's billed register (all of them, or those around the borders: the
answer is the same), its epochs, the month, the time in which it was installed. Out: opening,
closing, quantity, reasons. Pure: no clock, environment, log, socket or driver.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from cloud_ingest.core.exact import exactly
from cloud_ingest.core.month import Month, day_of
from cloud_ingest.core.register import (
    CAPTURE_PERIOD,
    DayRegister,
    Epochs,
    Register,
    in_time,
    normalised,
)
from shared_schema.quality import Origin, Reason

SELF_READ_WINDOW = timedelta(days=3)
PROMPT = timedelta(days=1)
"""How soon after its installation a meter must be read, or before its removal."""

BY_HAND = frozenset({Origin.EDIT, Origin.SELF_READ})
"""Made by a person, hours or days from the moment that is meant."""
_REASON_OF_ORIGIN: dict[Origin, Reason] = {
    Origin.SELF_READ: Reason.SELF_READ,
    Origin.IMPORTED: Reason.IMPORTED,
}


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time; ``end`` None is open."""

    start: datetime
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What a border may be met by."""

    tolerance: timedelta = CAPTURE_PERIOD
    self_read_window: timedelta = SELF_READ_WINDOW


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
    doubted: Decimal | None = None
    """What the quantity would be, if a person said that it is right in spite of the reasons."""


@dataclass(frozen=True, slots=True)
class _End:
    """One end of a month: the reading that meets it, if there is one, and what to say of it."""

    reading: Register | None
    reasons: frozenset[Reason] = frozenset()


def at_border(readings: Iterable[Register], border: datetime, rules: Rules) -> Register | None:
    """Return the reading that stands for a border, or None."""
    last: Register | None = None
    nearest: Register | None = None
    for reading in sorted(readings, key=in_time):
        if timedelta() <= border - reading.ts <= rules.tolerance:
            last = reading
        if reading.origin in BY_HAND:
            distance = abs(reading.ts - border)
            if distance <= rules.self_read_window and (
                nearest is None or distance < abs(nearest.ts - border)
            ):
                nearest = reading
    return last or nearest


def measure(
    readings: Iterable[Register],
    epochs: Epochs,
    month: Month,
    installed: Span,
    rules: Rules,
    *,
    opens_at: datetime | None = None,
) -> Measured:
    """Return what a meter counted in a month.

    Args:
        readings: Of the meter's billed register, in any order.
        epochs: Of its channels.
        month: The month.
        installed: When the meter served this subject; it overlaps the month.
        rules: What a border may be met by.
        opens_at: Where the month before was closed, if it was.
    """
    inside = sorted(
        (
            reading
            for reading in readings
            if installed.start <= reading.ts
            and (installed.end is None or reading.ts <= installed.end)
        ),
        key=in_time,
    )
    begin = _opening(inside, month, installed, rules, opens_at)
    finish = _closing(inside, month, installed, rules)
    opening, closing = begin.reading, finish.reading
    if opening is not None and closing is not None and closing.ts <= opening.ts:
        closing = None
    reasons = set(begin.reasons | finish.reasons)
    if opening is None:
        reasons.add(Reason.NO_OPENING)
    if closing is None:
        reasons.add(Reason.NO_CLOSING)
    for end in (opening, closing):
        if end is not None and end.origin in _REASON_OF_ORIGIN:
            reasons.add(_REASON_OF_ORIGIN[end.origin])
    return between(opening, closing, epochs, frozenset(reasons))


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


def _opening(
    inside: Sequence[Register],
    month: Month,
    installed: Span,
    rules: Rules,
    opens_at: datetime | None,
) -> _End:
    if installed.start < month.start:
        before = [reading for reading in inside if reading.ts == opens_at]
        return _End(before[-1] if before else at_border(inside, month.start, rules))
    part = {Reason.PART_OF_MONTH} if installed.start > month.start else set[Reason]()
    first = next((reading for reading in inside if reading.ts < month.end), None)
    if first is not None and first.ts - installed.start > _allowed_delay(first, rules):
        return _End(None, frozenset(part | {Reason.INCOMPLETE}))
    return _End(first, frozenset(part))


def _closing(inside: Sequence[Register], month: Month, installed: Span, rules: Rules) -> _End:
    if installed.end is None or installed.end > month.end:
        return _End(at_border(inside, month.end, rules))
    part = {Reason.PART_OF_MONTH} if installed.end < month.end else set[Reason]()
    last = inside[-1] if inside and inside[-1].ts > month.start else None
    if last is not None and installed.end - last.ts > _allowed_delay(last, rules):
        return _End(None, frozenset(part | {Reason.INCOMPLETE}))
    return _End(last, frozenset(part))


def _allowed_delay(reading: Register, rules: Rules) -> timedelta:
    """Return how far from its meter's installation or removal a reading may stand for it."""
    return max(PROMPT, rules.self_read_window) if reading.origin in BY_HAND else PROMPT


def is_reweighed(measured: Measured, weights: Mapping[int, int | None], epochs: Epochs) -> bool:
    """Say whether a meter gave both ends with different pulse weights that no epoch joins.

    Args:
        measured: The month.
        weights: The pulse weight of each of the meter's channels, by id.
        epochs: Of these channels.
    """
    ends = {end.origin for end in (measured.opening, measured.closing) if end is not None}
    return ends == {Origin.METER} and has_two_weights(measured, weights, epochs)


def has_two_weights(measured: Measured, weights: Mapping[int, int | None], epochs: Epochs) -> bool:
    """Say whether the ends have different weights that no epoch joins, whoever gave them."""
    opening, closing = measured.opening, measured.closing
    if opening is None or closing is None:
        return False
    return weights[opening.channel_id] != weights[closing.channel_id] and not any(
        opening.ts < epoch.starts_at <= closing.ts for epoch in epochs.get(closing.channel_id, ())
    )


def days_of(
    measured: Measured, days: Iterable[DayRegister], epochs: Epochs, zone: ZoneInfo
) -> dict[date, Decimal]:
    """Cut a measured month into the days that have data: N - lag(N).

    What was counted over a gap lands in the next day that has data. The days add up to the
    month exactly, whatever was missed.

    Args:
        measured: The month; without a quantity it has no days.
        days: The rollups of its channels; those outside are ignored.
        epochs: Of its channels.
        zone: The society's.
    """
    opening, closing = measured.opening, measured.closing
    if opening is None or closing is None or measured.quantity is None:
        return {}
    inner = sorted(
        (row for row in days if opening.ts < row.last_ts < closing.ts),
        key=lambda row: (row.last_ts, row.channel_id),
    )
    points = [
        (day_of(opening.ts, zone), normalised(opening, epochs)),
        *((row.day, normalised(row, epochs)) for row in inner),
        (day_of(closing.ts, zone), normalised(closing, epochs)),
    ]
    found: dict[date, Decimal] = {}
    with exactly():
        for (_, before), (day, after) in pairwise(points):
            found[day] = found.get(day, Decimal(0)) + after - before
    return found
