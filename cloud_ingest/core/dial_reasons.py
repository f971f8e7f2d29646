# SPDX-License-Identifier: MIT
"""Why a dial value is doubtful, and what was probably read instead.

A dial of step s that shows n says that the register lies in [n, n + s). It is doubtful if that
lies wholly below the reading before it or above the one after it, or if more would have been used
than the unit can, or usually does, since the one or until the other. Then the usual mistakes are
tried on the digits: what would be plausible had it been so is named as a question. None is claimed
where none fits.

In: the digits, what the dial showed before and shows later, what the unit uses, the dials nearby.
Out: remarks, the doubt first and the likely reasons behind it. Never: a decision. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from cloud_ingest.core.dial_text import MOST_DIGITS, DialText
from cloud_ingest.core.exact import exactly, widely
from shared_schema.catalogue import Service

TIMES_USUAL: Final = 4
"""So many times its usual use a day is worth a question."""
QUIET_PER_DAY: Final = {Service.ELECTRICITY: Decimal(15), Service.WATER: Decimal("1.5")}
"""kWh or kL a day that nobody is asked about."""
UNKNOWN_PER_DAY: Final = {Service.ELECTRICITY: Decimal(40), Service.WATER: Decimal(4)}
"""The same of a unit of which no usual use is known."""
HOURS_A_DAY: Final = 24
_MOST_SHIFTED: Final = 3
"""By so many places a decimal point may be lost."""


class DialDoubt(StrEnum):
    """What is to be said of a dial value."""

    BELOW = "below"
    """It is below the reading before it."""
    ABOVE = "above"
    """It is above a later reading."""
    TOO_MUCH = "too_much"
    """More would have been used than the unit can."""
    UNUSUAL = "unusual"
    """More would have been used than the unit usually does."""
    TOO_LITTLE = "too_little"
    """What would be left until a later reading is more than the unit usually uses."""
    ROLLOVER = "rollover"
    """The dial turned over."""
    DIGITS_EXCHANGED = "digits_exchanged"
    """Two digits next to each other changed places."""
    DECIMAL_POINT = "decimal_point"
    """The point stands elsewhere."""
    DIGIT_MISSING = "digit_missing"
    """A digit was left out."""
    DIGIT_TOO_MANY = "digit_too_many"
    """A digit was read twice, or one of another dial."""
    NEIGHBOUR = "neighbour"
    """The meter nearby would show this."""


class Remark(NamedTuple):
    """One thing that is to be said, with its values."""

    doubt: DialDoubt
    meant: Decimal | None = None
    """What the dial would then have shown; of `NEIGHBOUR` what that dial showed last."""
    beside: datetime | None = None
    """When the reading was, beside which it is doubtful."""
    used: Decimal | None = None
    neighbour: str | None = None
    """For the manager's eyes alone."""


class Shown(NamedTuple):
    """What a dial showed at a time, had it neither rolled over nor been reset since."""

    at: datetime
    value: Decimal


class NearbyDial(NamedTuple):
    """The dial of another unit."""

    subject: str
    shown: Shown


@dataclass(frozen=True, slots=True)
class DialPast:
    """What is known of a dial and of its unit."""

    service: Service
    most_per_day: Decimal
    """What the unit cannot exceed in a day."""
    before: Shown | None = None
    after: Shown | None = None
    usual_per_day: Decimal | None = None
    is_unit: bool = True
    """A common area or a bulk meter may use many times as much."""
    whole_digits: int | None = None
    """How many the dial has before its point."""
    nearby: Sequence[NearbyDial] = field(default=())

    def most_usual(self) -> Decimal:
        """Return what the unit uses in a day at most, without anybody asking."""
        if not self.is_unit:
            return self.most_per_day
        if self.usual_per_day is None:
            return min(UNKNOWN_PER_DAY[self.service], self.most_per_day)
        with exactly():
            usual = self.usual_per_day * TIMES_USUAL
        return min(max(usual, QUIET_PER_DAY[self.service]), self.most_per_day)


def dial_remarks(read: DialText, at: datetime, past: DialPast) -> tuple[Remark, ...]:
    """Return what is to be said of a dial value; nothing: it is plausible.

    Args:
        read: What it shows.
        at: When it was read.
        past: What is known of it.
    """
    doubt = _doubt(read, at, past)
    if doubt is None:
        return ()
    return (doubt, *_likely(read, at, past))


def hours_between(earlier: datetime, later: datetime) -> Decimal:
    """Return the whole hours between two readings, at least a day's."""
    return Decimal(max((later - earlier) // timedelta(hours=1), HOURS_A_DAY))


def _doubt(read: DialText, at: datetime, past: DialPast) -> Remark | None:
    before, after = past.before, past.after
    if before is not None and read.most <= before.value:
        return Remark(DialDoubt.BELOW, before.value, before.at)
    if after is not None and read.value > after.value:
        return Remark(DialDoubt.ABOVE, after.value, after.at)
    if after is not None and (left := _left(read, at, after, past)) is not None:
        return Remark(DialDoubt.TOO_LITTLE, None, after.at, left)
    if before is None:
        return None
    with exactly():
        used = read.value - before.value
        hours = hours_between(before.at, at)
        for doubt, most in (
            (DialDoubt.TOO_MUCH, past.most_per_day),
            (DialDoubt.UNUSUAL, past.most_usual()),
        ):
            if used * HOURS_A_DAY > most * hours:
                return Remark(doubt, None, before.at, used)
    return None


def _left(read: DialText, at: datetime, after: Shown, past: DialPast) -> Decimal | None:
    """Return what was used until a later reading where that is too much, or None."""
    with exactly():
        left = after.value - read.most
        return (
            left if left * HOURS_A_DAY > past.most_usual() * hours_between(at, after.at) else None
        )


def _is_plausible(read: DialText, at: datetime, past: DialPast) -> bool:
    return past.before is not None and _doubt(read, at, past) is None


def _expected(at: datetime, past: DialPast) -> Decimal:
    """Return about what the dial should show."""
    if past.before is None:
        return Decimal(0)
    with widely():
        used = (past.usual_per_day or 0) * hours_between(past.before.at, at) / HOURS_A_DAY
        return past.before.value + used


def _fits(read: DialText, whole_digits: int | None) -> bool:
    """Say whether a dial has as many digits."""
    return whole_digits is None or len(read.whole.lstrip("0")) <= whole_digits


def _likely(read: DialText, at: datetime, past: DialPast) -> Iterable[Remark]:
    """Give the usual mistakes that would explain a value, of each kind the nearest to the usual."""
    expected = _expected(at, past)
    tried: tuple[tuple[DialDoubt, Iterable[DialText]], ...] = (
        (DialDoubt.ROLLOVER, _turned_over(read, past.whole_digits)),
        (DialDoubt.DIGITS_EXCHANGED, _exchanged(read)),
        (DialDoubt.DECIMAL_POINT, _shifted(read)),
        (DialDoubt.DIGIT_MISSING, _with_one_more(read)),
        (DialDoubt.DIGIT_TOO_MANY, _with_one_less(read)),
    )
    for doubt, candidates in tried:
        plausible = [
            each.value
            for each in candidates
            if _is_plausible(each, at, past)
            and (doubt is DialDoubt.ROLLOVER or _fits(each, past.whole_digits))
        ]
        if plausible:
            yield Remark(doubt, min(plausible, key=lambda each: abs(each - expected)))
    for nearby in past.nearby:
        own = DialPast(past.service, past.most_per_day, nearby.shown, is_unit=past.is_unit)
        if _is_plausible(read, at, own):
            yield Remark(DialDoubt.NEIGHBOUR, nearby.shown.value, neighbour=nearby.subject)
            return


def _turned_over(read: DialText, whole_digits: int | None) -> Iterable[DialText]:
    if whole_digits is not None and _fits(read, whole_digits):
        yield DialText("1" + read.whole.lstrip("0").rjust(whole_digits, "0"), read.parts)


def _exchanged(read: DialText) -> Iterable[DialText]:
    digits = read.digits
    for place in range(len(digits) - 1):
        one, other = digits[place], digits[place + 1]
        if one != other:
            yield read.with_digits(digits[:place] + other + one + digits[place + 2 :])


def _shifted(read: DialText) -> Iterable[DialText]:
    """Give the value with its point elsewhere, the nearest place first."""
    digits, cut = read.digits, len(read.whole)
    for places in range(1, _MOST_SHIFTED + 1):
        if cut + places <= MOST_DIGITS:
            whole = digits.ljust(cut + places, "0")
            yield DialText(whole[: cut + places], digits[cut + places :])
        if cut - places > 0:
            yield DialText(digits[: cut - places], digits[cut - places :])


def _with_one_more(read: DialText) -> Iterable[DialText]:
    digits = read.digits
    if len(digits) >= MOST_DIGITS:
        return
    for place in range(len(digits) + 1):
        for digit in "0123456789":
            yield read.with_digits(digits[:place] + digit + digits[place:])


def _with_one_less(read: DialText) -> Iterable[DialText]:
    digits = read.digits
    if len(digits) < 2:
        return
    for place in range(len(digits)):
        yield read.with_digits(digits[:place] + digits[place + 1 :])
