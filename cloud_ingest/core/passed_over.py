# SPDX-License-Identifier: MIT
"""Which claims near a border do not meet it, and why.

In: the readings around a cut, and what meets it. Out: each other claim with a kind. Pure.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from cloud_ingest.core.around import Around
from cloud_ingest.core.border import PROMPT, NotElected, PassedOver, Why
from cloud_ingest.core.register import Register, in_time
from shared_schema.quality import Origin

_PRECEDENCE: Final = {origin: place for place, origin in enumerate(Origin)}


def passed_over(
    around: Around, chosen: Register | None, *, is_published: bool
) -> Iterator[PassedOver]:
    """Yield every claim near a cut that is not taken, in the order of time."""
    reach = max(PROMPT, around.known.rules.self_read_window)
    sound = sorted(set(around.known.sound), key=in_time)
    elected = {each.ts: each for each in sound}
    found = [
        PassedOver(each, _why_not(around, each, chosen, is_published=is_published))
        for each in sound
        if each != chosen and around.distance(each) <= reach
    ]
    found += [
        PassedOver(each.claim, _why_not_elected(each, elected), each.rule)
        for each in set(around.known.not_elected)
        if around.distance(each.claim) <= reach
    ]
    yield from sorted(found, key=_order)


def _order(each: PassedOver) -> tuple[object, ...]:
    claim = each.claim
    return (*in_time(claim), _PRECEDENCE[claim.origin], claim.raw, each.why, each.rule or "")


def _why_not_elected(claim: NotElected, elected: Mapping[datetime, Register]) -> Why:
    if claim.is_set_aside:
        return Why.SET_ASIDE
    if claim.rule is not None:
        return Why.UNSOUND
    taken = elected.get(claim.claim.ts)
    if taken is None:
        return Why.NOT_ELECTED
    is_worse = _PRECEDENCE[taken.origin] < _PRECEDENCE[claim.claim.origin]
    return Why.WORSE_ORIGIN if is_worse else Why.RIVAL


def _why_not(
    around: Around, claim: Register, chosen: Register | None, *, is_published: bool
) -> Why:
    if chosen is not None and claim.ts == chosen.ts:
        return Why.CLOSED_ELSEWHERE if is_published else Why.RIVAL
    if chosen is None:
        return Why.AFTER if claim.ts > around.cut.at else Why.OUT_OF_REACH
    if is_published and around.distance(claim) <= around.distance(chosen):
        return Why.CLOSED_ELSEWHERE
    if chosen.origin is Origin.ESTIMATE and claim in (around.before, around.after):
        return Why.BESIDE
    is_before = chosen.ts <= around.cut.at
    return Why.AFTER if is_before and claim.ts > around.cut.at else Why.FARTHER
