# SPDX-License-Identifier: MIT
"""Why a notebook and a meter differ in a month: what explains the difference, or nothing.

Each cause says how likely the numbers of the notebook are if it holds, beside what we know of the
register day by day. A cause is named only if it explains them to within their last digit, and far
better than chance does. Two that explain them about equally well are both named; three are none.

In: what a notebook says of a unit, what we know of it and of the others. Out: whether they agree,
and the causes. Never: a cause for numbers that agree. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from cloud_ingest.core.notebook_course import Unit
from cloud_ingest.core.notebook_page import Page, PageView
from cloud_ingest.core.notebook_ways import (
    Cause,
    Finding,
    causes,
    digits_of,
    other_flat,
    with_source,
)

EQUALLY: Final = 3.0
"""A cause that is less than so many times likelier than another explains equally well."""
BETTER: Final = 5.0
"""So many times likelier than chance is a cause that is named."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a notebook and a meter stand to each other in a month."""

    agrees: bool | None
    """None: it cannot be said."""
    causes: tuple[Finding, ...] = ()
    """One, or two that explain equally well; none: nothing explains it."""


AGREED: Final = Verdict(agrees=True)


def judge(pages: Mapping[str, Page], units: Mapping[str, Unit]) -> dict[str, Verdict]:
    """Say of each unit whether its page agrees with its meters, and if not, why.

    Args:
        pages: What the notebook says, by unit.
        units: What we know, by unit; of those of the pages and of all others.
    """
    views = {label: PageView(page, units[label]) for label, page in pages.items()}
    odd = {label: view for label, view in views.items() if view.agrees is False}
    return {label: _verdict(view, odd) for label, view in views.items()}


def _verdict(view: PageView, odd: Mapping[str, PageView]) -> Verdict:
    if view.agrees is not False:
        odd_ours = (Finding(Cause.OURS, 1.0),) if view.agrees and view.is_ours_odd else ()
        return Verdict(view.agrees and not odd_ours, odd_ours)
    if view.is_beside and not any(other_flat(view, odd)) and not _is_of_sources(view):
        return AGREED
    return Verdict(agrees=False, causes=_named(view, causes(view, odd)))


def _is_of_sources(view: PageView) -> bool:
    return all(any(with_source(view, each)) for each in view.wrong)


def _named(view: PageView, found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the cause that explains most, and one that explains about as much."""
    best: dict[Cause, Finding] = {}
    for each in found:
        if each.weight > 0 and each.weight > best.get(each.cause, Finding(each.cause, 0.0)).weight:
            best[each.cause] = each
    ranked = sorted(best.values(), key=lambda each: -each.weight)
    chance = 1.0 if view.wrong else 0.0
    for noted in view.wrong:
        chance /= 10 ** len(digits_of(noted.value))
    told = [each for each in ranked if each.weight * EQUALLY > ranked[0].weight]
    if not told or told[0].weight < BETTER * chance or len(told) > 2:
        return ()
    return tuple(told)
