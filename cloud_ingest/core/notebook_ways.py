# SPDX-License-Identifier: MIT
"""The ways in which the numbers of a notebook come to be wrong, each with how likely it makes them.

In: a page that does not agree, beside its unit. Out: causes with weights, in the same measure.
Never: a choice between them: `core.notebook_cause` makes it. Pure.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise, product
from typing import Final

from cloud_ingest.core.notebook_course import Span, far_days, likelihood, near_days
from cloud_ingest.core.notebook_page import USED_SLACK, Noted, PageView
from cloud_ingest.core.plausible import typed_step


class Cause(StrEnum):
    """Why a notebook differs."""

    DATE = "another date"
    DIGITS = "digits exchanged"
    MISREAD = "a digit misread"
    POINT = "a decimal point left out"
    FACTOR = "a factor"
    FLATS = "two flats exchanged"
    REPEATED = "the reading before, again"
    ROLLOVER = "rollover"
    REPLACED = "replaced meter"
    SOURCE = "another source included"
    SUM = "subtraction"
    OURS = "our own number"


USUAL: Final[Mapping[Cause, float]] = {
    **dict.fromkeys(Cause, 1.0),
    Cause.MISREAD: 0.5,
}
"""How usual a cause is beside the others."""
FACTORS: Final = tuple(
    Decimal(text)
    for text in (
        *("10", "100", "1000", "0.1", "0.01", "0.001"),
        *("2", "5", "15", "20", "30", "40", "50", "60", "80", "120", "160", "200"),
        *("0.5", "0.2", "0.05", "0.025"),
    )
)
"""Pulse weights, ratios of current transformers, and kWh beside Wh."""
POINTS: Final = (1, 2, 3)
DIALS: Final = (4, 5, 6, 7, 8)
"""Digits of a dial that rolls over."""
BOTH_FLATS: Final = 20.0
"""That two flats are explained at once speaks for it so much."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A cause and how it explains the numbers."""

    cause: Cause
    weight: float
    day: date | None = None
    """Of another date."""
    number: Decimal | None = None
    """What should have been written, a factor, what another source counted."""
    other: str = ""
    """Another flat, or a meter."""
    written: Decimal | None = None
    """The reading that is wrong."""


def causes(view: PageView, odd: Mapping[str, PageView]) -> Iterator[Finding]:
    """Yield all that explains a page; ``odd``: all pages that do not agree."""
    if not view.wrong:
        yield from _of_difference(view)
        return
    yield from _each(view, Cause.DATE, _other_date)
    yield from _each(view, Cause.DIGITS, _exchange)
    yield from _each(view, Cause.MISREAD, _misread)
    yield from _each(view, Cause.POINT, _left_out_point)
    yield from _each(view, Cause.ROLLOVER, _beyond_dial)
    yield from _each(view, Cause.SOURCE, with_source)
    yield from _each(view, Cause.REPLACED, _old_meter)
    yield from _factors(view)
    yield from _repeated(view)
    yield from other_flat(view, odd)


Ways = Callable[[PageView, Noted], Iterator[Finding]]


def _each(view: PageView, cause: Cause, ways: Ways) -> Iterator[Finding]:
    """Yield how a cause explains each reading that does not fit, all of them at once."""
    parts = []
    for noted in view.wrong:
        own = list(ways(view, noted))
        if not own:
            return
        best = max(own, key=lambda each: each.weight)
        parts.append((sum(each.weight for each in own), best))
    weight = USUAL[cause]
    for part, _ in parts:
        weight *= part
    last = parts[-1][1]
    written = view.wrong[-1].value
    yield Finding(cause, weight, last.day, last.number, last.other, written)


def _other_date(view: PageView, noted: Noted) -> Iterator[Finding]:
    step = typed_step(noted.value)
    for day, often in far_days(noted.day):
        weight = likelihood(noted.value, step, iter([(view.unit.day(day), often)]))
        if weight:
            yield Finding(Cause.DATE, weight, day=day)


def digits_of(value: Decimal) -> str:
    """Return the digits of a number without its point."""
    return "".join(map(str, value.as_tuple().digits))


def _with_digits(value: Decimal, digits: Sequence[str]) -> Decimal:
    exponent = value.as_tuple().exponent
    return Decimal("".join(digits)).scaleb(exponent if isinstance(exponent, int) else 0)


def _exchange(view: PageView, noted: Noted) -> Iterator[Finding]:
    digits = f"0{digits_of(noted.value)}"  # 02270 is written as 2270
    step = typed_step(noted.value)
    for at in range(len(digits) - 1):
        if digits[at] == digits[at + 1]:
            continue
        true = _with_digits(
            noted.value, (*digits[:at], digits[at + 1], digits[at], *digits[at + 2 :])
        )
        if weight := view.near(noted, true, step):
            yield Finding(Cause.DIGITS, weight / (len(digits) - 1), number=true)


def _misread(view: PageView, noted: Noted) -> Iterator[Finding]:
    digits = digits_of(noted.value)
    step = typed_step(noted.value)
    for at, digit in product(range(len(digits)), "0123456789"):
        if digit == digits[at]:
            continue
        true = _with_digits(noted.value, (*digits[:at], digit, *digits[at + 1 :]))
        if weight := view.near(noted, true, step):
            yield Finding(Cause.MISREAD, weight / (9 * len(digits)), number=true)


def _left_out_point(view: PageView, noted: Noted) -> Iterator[Finding]:
    for places in POINTS:
        true = noted.value.scaleb(-places)
        if weight := view.near(noted, true, typed_step(true)):
            yield Finding(Cause.POINT, weight / len(POINTS), number=true)


def _beyond_dial(view: PageView, noted: Noted) -> Iterator[Finding]:
    for digits in DIALS:
        for true in (noted.value - 10**digits, noted.value + 10**digits):
            if weight := view.near(noted, true, typed_step(noted.value)):
                yield Finding(Cause.ROLLOVER, weight / (2 * len(DIALS)), number=true)


def with_source(view: PageView, noted: Noted) -> Iterator[Finding]:
    """Yield how the meters of other sources explain a reading."""
    step = typed_step(noted.value)
    for day, often in near_days(noted.day):
        other = view.unit.other_day(day)
        if other is None or other.high <= 0:
            continue
        spans = [span.plus(other) for span in view.unit.day(day)]
        if weight := likelihood(noted.value, step, iter([(spans, often)])):
            yield Finding(Cause.SOURCE, weight / 2, number=other.low)
    opening, closing = view.page.opening, view.page.closing
    if noted is not closing or opening is None or len(view.wrong) > 1:
        return
    before, after, own = (
        view.unit.other_day(opening.day),
        view.unit.other_day(noted.day),
        view.used_span,
    )
    if before is None or after is None or own is None or after.high <= before.low:
        return
    span = own.plus(Span(after.low - before.high, after.high - before.low))
    if span.holds(noted.value - opening.value, step):
        yield Finding(Cause.SOURCE, 0.5 / span.counts(step), number=after.low - before.low)


def _old_meter(view: PageView, noted: Noted) -> Iterator[Finding]:
    """The dial of a meter that was taken down, or the new one's added to it."""
    for before, after in pairwise(view.unit.courses):
        last, first = max(before.at), min(after.at)
        step = typed_step(noted.value)
        for number, span in (
            (before.at[last], Span(before.at[last], before.at[last])),
            *(
                (before.at[last], each.plus(Span(*[before.at[last] - after.at[first]] * 2)))
                for day, _ in near_days(noted.day)
                for each in after.day(day)
            ),
        ):
            if span.holds(noted.value, step):
                weight = 0.1 / span.counts(step)
                yield Finding(Cause.REPLACED, weight, day=last, number=number, other=before.meter)


def _factors(view: PageView) -> Iterator[Finding]:
    """Both dials in another scale, or what they counted."""
    page = view.page
    opening, closing, span = page.opening, page.closing, view.used_span
    if opening is None or closing is None:
        return
    rare = USUAL[Cause.FACTOR] / len(FACTORS)
    chance = 10.0 ** -len(digits_of(opening.value)) if opening in view.wrong else 1.0
    moved = closing.value - opening.value
    is_counted = (
        closing in view.wrong
        and span is not None
        and span.low > 0
        and moved >= 10 * typed_step(moved)
    )
    for factor in FACTORS:
        if len(view.wrong) == 2:
            weight = rare
            for noted in view.wrong:
                weight *= view.near(noted, noted.value, typed_step(noted.value), factor)
            yield Finding(Cause.FACTOR, weight, number=factor)
        if is_counted:
            yield Finding(Cause.FACTOR, rare * chance * view.counted(moved, factor), number=factor)


def _repeated(view: PageView) -> Iterator[Finding]:
    opening, closing = view.page.opening, view.page.closing
    if opening is None or closing is None or view.wrong != (closing,):
        return
    if opening.value == closing.value:
        yield Finding(Cause.REPEATED, USUAL[Cause.REPEATED] / 2, number=opening.value)


def other_flat(view: PageView, odd: Mapping[str, PageView]) -> Iterator[Finding]:
    """Yield the flats whose readings a page has, and that have its own."""
    for label, other in odd.items():
        if other is view or not other.wrong or not all(map(other.may_show, view.wrong)):
            continue
        weight = USUAL[Cause.FLATS] * BOTH_FLATS / max(1, len(odd) - 1)
        for noted in view.wrong:
            weight *= other.near(noted, noted.value, typed_step(noted.value))
        if all(view.unit.fits(each.value, each.day) for each in other.wrong):
            yield Finding(Cause.FLATS, weight, other=label)


# Both readings fit, and what was used does not.


def _of_difference(view: PageView) -> Iterator[Finding]:
    opening, closing, says = view.page.opening, view.page.closing, view.page.says
    if opening is None or closing is None or says is None:
        yield from _of_use(view)
        return
    turned = view.turned
    if turned is not None:
        cause = Cause.REPLACED if len(view.serving) > 1 else Cause.ROLLOVER
        if abs(says) == abs(closing.value - opening.value):
            yield Finding(cause, 1.0, other=turned.meter, number=view.unit.used)
        return
    moved = closing.value - opening.value
    own = view.unit.used
    other = _other_use(view)
    step = typed_step(says)
    if other is not None and abs(says - moved - other) <= max(2 * step, other * USED_SLACK):
        yield Finding(Cause.SOURCE, 1.0, number=other)
    for factor in FACTORS:
        if moved and says and abs(says - moved * factor) <= step * max(factor, Decimal(1)):
            yield Finding(Cause.FACTOR, 0.5, number=factor)
    yield Finding(Cause.SUM, 0.1, number=moved if own is None else own)


def _other_use(view: PageView) -> Decimal | None:
    opening, closing = view.page.opening, view.page.closing
    if opening is None or closing is None:
        return None
    before, after = view.unit.other_day(opening.day), view.unit.other_day(closing.day)
    return None if before is None or after is None else after.low - before.low


def _of_use(view: PageView) -> Iterator[Finding]:
    """The notebook has no readings, only what was used."""
    says, used = view.page.says, view.unit.used
    if not says or not used:
        return
    for factor in FACTORS:
        if abs(says - used * factor) <= max(typed_step(says), used * factor * 2 / 31):
            yield Finding(Cause.FACTOR, 1.0, number=factor)
