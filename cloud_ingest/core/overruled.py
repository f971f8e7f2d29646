# SPDX-License-Identifier: MIT
"""Readings that count only because a person restored them: a rule speaks against each.

A register is judged once more as if nobody had restored anything. What is then unsound, doubted or
behind a break is overruled: a number that it closes or opens is a person's, and says so. Where an
epoch explains a fall, no rule speaks against the reading behind it any more. What a person made,
such as an edit or a self-read, says so by itself.

In: the claims of a register, what is elected of them, how they are judged. Out: the overruled ones
with their rule. Pure.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from cloud_ingest.core.border import BY_HAND
from cloud_ingest.core.judgement import Claims, Judgement, UnsoundClaim
from shared_schema.quality import Origin

_BY_HAND: Final = frozenset(tuple(Origin).index(origin) for origin in BY_HAND)


def overruled(
    claims: Claims, found: Judgement, judge: Callable[[Claims], Judgement]
) -> tuple[UnsoundClaim, ...]:
    """Return the elected claims that only a person's word keeps.

    Args:
        claims: All that was said in a stretch of time.
        found: What is elected of it.
        judge: How claims are judged.
    """
    restored = {
        ruling.key
        for ruling in claims.rulings
        if ruling.kind == "restore" and ruling.origin not in _BY_HAND
    }
    counting = restored & {claim.key for claim in found.elected.values()}
    if not counting:
        return ()
    rulings = [ruling for ruling in claims.rulings if ruling.kind != "restore"]
    unsaid = judge(replace(claims, rulings=rulings))
    behind = (UnsoundClaim(each.after, each.rule, each.before, None) for each in unsaid.breaks)
    return tuple(
        each for each in (*unsaid.unsound, *unsaid.doubted, *behind) if each.claim.key in counting
    )
