# SPDX-License-Identifier: MIT
"""What a meter counted in a month: the difference of two registers, proved or withheld.

In: readings of one meter's billed register (all of them, or those around the borders: the
answer is the same), its epochs, the month, the time in which it was installed. Out: opening,
closing, quantity, reasons. Pure: no clock, environment, log, socket or driver.

The rules:
- A border is met by the last reading at or before it, within one capture period. Otherwise
  by the self-read that is nearest to it, within the window for self-reads, at its own time.
- A month opens where the one before was closed.
- A meter that was put in or taken out within the month opens or closes at the first or last
  reading that it gave while it was in: within a day of that, or within the window where a
  person read it. Later or earlier, it does not prove what was used from or until then.
- What is compared is N = raw + offset of the epoch at its time. A register that drops
  without an epoch is suspect; a negative consumption does not exist.
- Without both ends there is no number.

No time is moved, nothing is rounded, no float is used.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from cloud_ingest.core.exact import exactly
from shared_schema.catalogue import Service, Unit
from shared_schema.quality import Origin, Quality, Reason

CAPTURE_PERIOD = timedelta(seconds=900)
"""Where a channel does not say, or says more than an hour: a midnight row of a daily profile
is exact, and a day is no tolerance for the end of a month."""
LONGEST_TOLERANCE = timedelta(hours=1)
SELF_READ_WINDOW = timedelta(days=3)
PROMPT = timedelta(days=1)
"""How soon after its installation a meter must be read, or before its removal."""
MAX_SCALER = 9
"""Beyond ± this a scaler is a fault of the meter: 10^10 Wh is what a power station counts by."""

BY_HAND = frozenset({Origin.EDIT, Origin.SELF_READ})
"""Made by a person, hours or days from the moment that is meant."""
_TOLD: dict[Origin, Reason] = {
    Origin.SELF_READ: Reason.SELF_READ,
    Origin.IMPORTED: Reason.IMPORTED,
}
_EXPONENTS: dict[tuple[Service, int], int] = {
    (Service.ELECTRICITY, Unit.WATT_HOUR): -3,
    (Service.WATER, Unit.CUBIC_METRE): 0,
    (Service.WATER, Unit.LITRE): -3,
}


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time; ``end`` None is open."""

    start: datetime
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month of the society: its borders are local 00:00 of two firsts."""

    first: date
    start: datetime
    end: datetime

    def __str__(self) -> str:
        return f"{self.first:%Y-%m}"


@dataclass(frozen=True, slots=True)
class Register:
    """One reading of a billed register; its value is raw * 10^exponent kWh or kL."""

    channel_id: int
    ts: datetime
    raw: int
    origin: Origin
    exponent: int

    @property
    def value(self) -> Decimal:
        """What the dial says, in the unit of billing."""
        return Decimal(self.raw).scaleb(self.exponent)


@dataclass(frozen=True, slots=True)
class DayRegister:
    """The last reading of a local day, as the rollup has it."""

    channel_id: int
    day: date
    last_ts: datetime
    last_raw: int
    exponent: int


@dataclass(frozen=True, slots=True)
class Epoch:
    """What is added to a channel's raw register from a time on."""

    starts_at: datetime
    offset_raw: int


Epochs = Mapping[int, Sequence[Epoch]]
"""By channel id, ascending."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a border may be met by."""

    tolerance: timedelta = CAPTURE_PERIOD
    self_read_window: timedelta = SELF_READ_WINDOW


@dataclass(frozen=True, slots=True)
class Measured:
    """What a meter counted; `quantity` is None where it cannot be proved."""

    opening: Register | None
    closing: Register | None
    quantity: Decimal | None
    reasons: frozenset[Reason] = frozenset()


@dataclass(frozen=True, slots=True)
class Intervals:
    """The intervals of a month added up, in the unit of billing."""

    count: int
    total: Decimal
    period_s: int
    step: Decimal
    """The smallest difference that one interval can show."""


def month_of(year: int, month: int, zone: ZoneInfo) -> Month:
    """Return a calendar month in a zone."""
    first = date(year, month, 1)
    following = (first + timedelta(days=32)).replace(day=1)
    return Month(first, _midnight(first, zone), _midnight(following, zone))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def local_days(month: Month, zone: ZoneInfo) -> list[tuple[date, datetime, datetime]]:
    """Return the days of a month with their starts and ends, which are local midnights."""
    found: list[tuple[date, datetime, datetime]] = []
    day, start = month.first, month.start
    while start < month.end:
        following = day + timedelta(days=1)
        end = _midnight(following, zone)
        found.append((day, start, end))
        day, start = following, end
    return found


def day_of(ts: datetime, zone: ZoneInfo) -> date:
    """Return the local day that a reading belongs to: 00:00 closes the day before."""
    return (ts.astimezone(UTC) - timedelta(microseconds=1)).astimezone(zone).date()


def billing_exponent(service: Service, unit: int, scaler: int) -> int | None:
    """Return e of value = raw * 10^e in kWh or kL.

    Returns:
        None for a unit that is not billed, and for a scaler that no meter has.
    """
    own = _EXPONENTS.get((service, unit))
    return None if own is None or abs(scaler) > MAX_SCALER else own + scaler


def scaled_absurdly(service: Service, unit: int, scaler: int) -> bool:
    """Say whether it is only the scaler for which a register cannot be billed."""
    return (service, unit) in _EXPONENTS and abs(scaler) > MAX_SCALER


def tolerance_of(period_s: int) -> timedelta:
    """Return how far before a border the last register may lie."""
    period = timedelta(seconds=period_s)
    return period if timedelta() < period <= LONGEST_TOLERANCE else CAPTURE_PERIOD


def normalised(reading: Register | DayRegister, epochs: Epochs) -> Decimal:
    """Return N: what the register would say had it never rolled over or been reset."""
    ts, raw = (
        (reading.ts, reading.raw)
        if isinstance(reading, Register)
        else (reading.last_ts, reading.last_raw)
    )
    offset = 0
    for epoch in epochs.get(reading.channel_id, ()):
        if epoch.starts_at <= ts:
            offset = epoch.offset_raw
    return Decimal(raw + offset).scaleb(reading.exponent)


def at_border(readings: Iterable[Register], border: datetime, rules: Rules) -> Register | None:
    """Return the reading that stands for a border, or None."""
    last: Register | None = None
    nearest: Register | None = None
    for reading in sorted(readings, key=_in_time):
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
        key=_in_time,
    )
    reasons: set[Reason] = set()
    opening = _opening(inside, month, installed, reasons, rules=rules, opens_at=opens_at)
    closing = _closing(inside, month, installed, reasons, rules=rules)
    if opening is not None and closing is not None and closing.ts <= opening.ts:
        closing = None
    if opening is None:
        reasons.add(Reason.NO_OPENING)
    if closing is None:
        reasons.add(Reason.NO_CLOSING)
    for end in (opening, closing):
        if end is not None and end.origin in _TOLD:
            reasons.add(_TOLD[end.origin])
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
    reasons: set[Reason],
    *,
    rules: Rules,
    opens_at: datetime | None,
) -> Register | None:
    if installed.start < month.start:
        before = [reading for reading in inside if reading.ts == opens_at]
        return before[-1] if before else at_border(inside, month.start, rules)
    if installed.start > month.start:
        reasons.add(Reason.PART_OF_MONTH)
    first = next((reading for reading in inside if reading.ts < month.end), None)
    if first is not None and first.ts - installed.start > _promptly(first, rules):
        reasons.add(Reason.INCOMPLETE)
        return None
    return first


def _closing(
    inside: Sequence[Register],
    month: Month,
    installed: Span,
    reasons: set[Reason],
    *,
    rules: Rules,
) -> Register | None:
    if installed.end is None or installed.end > month.end:
        return at_border(inside, month.end, rules)
    if installed.end < month.end:
        reasons.add(Reason.PART_OF_MONTH)
    last = inside[-1] if inside and inside[-1].ts > month.start else None
    if last is not None and installed.end - last.ts > _promptly(last, rules):
        reasons.add(Reason.INCOMPLETE)
        return None
    return last


def _promptly(reading: Register, rules: Rules) -> timedelta:
    """Return how far from its meter's installation or removal a reading may stand for it."""
    return max(PROMPT, rules.self_read_window) if reading.origin in BY_HAND else PROMPT


def _in_time(reading: Register) -> tuple[datetime, int]:
    return (reading.ts, reading.channel_id)


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
    between = sorted(
        (row for row in days if opening.ts < row.last_ts < closing.ts),
        key=lambda row: (row.last_ts, row.channel_id),
    )
    points = [
        (day_of(opening.ts, zone), normalised(opening, epochs)),
        *((row.day, normalised(row, epochs)) for row in between),
        (day_of(closing.ts, zone), normalised(closing, epochs)),
    ]
    found: dict[date, Decimal] = {}
    with exactly():
        for (_, before), (day, after) in pairwise(points):
            found[day] = found.get(day, Decimal(0)) + after - before
    return found


def drops(days: Mapping[date, Decimal]) -> bool:
    """Say whether the register fell on the way, though the month as a whole rose."""
    return any(quantity < 0 for quantity in days.values())


def sum_check(
    measured: Measured, intervals: Intervals, month: Month, register_step: Decimal
) -> bool | None:
    """Hold the intervals of a month against its register.

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
    with exactly():
        allowed = register_step * -(-length // timedelta(days=1)) + intervals.step
        return abs(intervals.total - measured.quantity) <= allowed


def quality_of(measured: Measured) -> Quality:
    """Return how good one meter's month is."""
    if measured.quantity is None:
        return Quality.MISSING
    if measured.reasons & {Reason.REGISTER_DROP, Reason.SUM_CHECK}:
        return Quality.SUSPECT
    ends = {end.origin for end in (measured.opening, measured.closing) if end is not None}
    if Origin.EDIT in ends:
        return Quality.EDITED
    if Origin.SELF_READ in ends:
        return Quality.SELF_READ
    return Quality.RAW if Origin.IMPORTED in ends else Quality.VALIDATED


def combined_quality(qualities: Iterable[Quality]) -> Quality:
    """Return how good a sum is: as good as its parts, where they are alike."""
    kinds = set(qualities)
    for decisive in (Quality.MISSING, Quality.SUSPECT):
        if decisive in kinds:
            return decisive
    return kinds.pop() if len(kinds) == 1 else Quality.MIXED
