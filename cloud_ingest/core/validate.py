# SPDX-License-Identifier: MIT
"""Which claims of a cumulative register are sound, and where its course breaks.

Two claims are *consistent* if the later may follow the earlier (`core.claim`). A false claim is
inconsistent with a neighbour, while the claims around it are consistent with one another: the
register returns to its former course. A fall or a jump from which it does not return is a *break*:
a reset, another meter, or a fault; a person judges it.

The verdict is the cheapest explanation of all claims. A moment that is set aside costs 1, a
stretch of them after which the register returns to its course at most `RETURN_COST`, and 1 more for
each `LONG_RETURN_S` that it lasts, a break `BREAK_COST`. Of two that cost the same, the one that
keeps the later claims is taken; of two claims within `LATE_S`, the one that keeps the earlier. What
a person vouched for is never set aside. The order and the grouping in which claims came do not
matter.

A register returns to its course if it rises no faster across a stretch than a part of its ceiling:
else moments could be set aside until a jump for good had time enough to be counted. A lie that is
smaller than what the register can count between its neighbours cannot be seen.

In: the claims of one register as counts on one dial (epochs are applied), and the most that it
counts a second. Out: what is elected at each moment, what is unsound and by which rule, breaks.
Never: a changed count, or a claim that is dropped. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby, pairwise
from typing import Final

from cloud_ingest.core.claim import Claim, Rule, violated

BREAK_COST: Final = 4
VOUCHED_BREAK_COST: Final = 1
"""Of a break at a claim that a person vouched for: the person knows better."""
RETURN_COST: Final = 6
"""Less than two breaks: a stretch that returns to its course is false as one."""
LONG_RETURN_S: Final = 3 * 86_400
"""A stretch costs 1 more for each time that it lasts so long: a month of true rows is not set aside
where a false row before it and a reset behind it look alike."""
EDGE: Final = 6
"""Moments on either side of an inconsistency among which the false one is looked for."""
MOST_RUNS: Final = 32
"""Undisturbed runs that one false stretch may hold."""
_VOUCHED_COST: Final = 1_000_000
LATE_S: Final = 600
"""Of two moments so close that contradict each other the second is late: a value may be told after
its time, and never before it."""

Cost = tuple[int, int]
"""What is set aside and broken; then how far the elected claims are from the first choice, and how
many moments are set aside that another follows within `LATE_S`."""


@dataclass(frozen=True, slots=True)
class Unsound:
    """A claim that is not elected, and why."""

    claim: Claim
    rule: Rule
    before: Claim | None
    """The elected claim before it."""
    after: Claim | None


@dataclass(frozen=True, slots=True)
class Break:
    """Where a register leaves its course for good."""

    before: Claim
    after: Claim
    """The first claim that nobody can take for its former course."""
    rule: Rule


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which claims of a register are elected, which are not and why, and where it breaks."""

    elected: tuple[Claim, ...]
    unsound: tuple[Unsound, ...]
    rivals: tuple[Claim, ...]
    """Sound, but another claim of the same moment is elected."""
    breaks: tuple[Break, ...]


def judge(claims: Iterable[Claim], ceiling: Fraction) -> Verdict:
    """Return the cheapest explanation of a register's claims.

    Args:
        claims: In any order.
        ceiling: The most counts a second.
    """
    every = sorted(set(claims))
    possible = [claim for claim in every if claim.counted >= 0 or claim.vouched]
    moments = [_choices(own) for _, own in groupby(possible, key=lambda claim: claim.ts)]
    elected = _readmitted(_cheapest(moments, ceiling), moments, ceiling)
    unsound, rivals = _left_over(every, elected, ceiling)
    return Verdict(tuple(elected), unsound, rivals, _breaks(elected, unsound, ceiling))


def _breaks(
    elected: Sequence[Claim], unsound: Sequence[Unsound], ceiling: Fraction
) -> tuple[Break, ...]:
    """Return where a register leaves its course, between where that is certain.

    What was set aside soon behind a break, or beside its first claim, may be the former course, and
    what was elected before it false. So may what was set aside right before it be the new course.
    """
    found: list[Break] = []
    until = elected[-1].ts if elected else 0
    for at in range(len(elected) - 1, 0, -1):
        before, after = elected[at - 1 : at + 1]
        rule = violated(before, after, ceiling)
        if rule is None:
            continue
        limit = after.ts if after.vouched else min(until, after.ts + LONG_RETURN_S)
        former = [
            each.claim.ts
            for each in unsound
            if after.ts <= each.claim.ts < limit and violated(before, each.claim, ceiling) is None
        ]
        last = max(former, default=before.ts)
        sure = (each for each in elected if last < each.ts <= until and not each.vouched)
        first = before if after.vouched else _first_sure(elected[:at], after, unsound, ceiling)
        found.append(Break(first, next(sure, after) if former else after, rule))
        until = first.ts
    return tuple(reversed(found))


def _first_sure(
    elected: Sequence[Claim], after: Claim, unsound: Sequence[Unsound], ceiling: Fraction
) -> Claim:
    """Return the last of the claims before a break that nobody can take for false.

    The last ones may be, too few for a course, if one before them that was set aside lies on the
    course behind the break.
    """
    place = len(elected) - 1
    for at in range(place, max(place - BREAK_COST + 1, 0), -1):
        since, claim = elected[at - 1], elected[at]
        if claim.vouched or violated(since, claim, ceiling):
            break
        own = (each.claim for each in unsound if since.ts < each.claim.ts <= claim.ts)
        if any(one.counted >= 0 and not violated(one, after, ceiling) for one in own):
            place = at - 1
    return elected[place]


def _readmitted(
    elected: Sequence[Claim], moments: Sequence[Sequence[Claim]], ceiling: Fraction
) -> list[Claim]:
    """Return what is elected with the claims that fit into a false stretch.

    A stretch costs the same whatever its length, so that sound claims may have been set aside
    with it.
    """
    if len(elected) == len(moments):
        return list(elected)
    kept = list(elected[:1])
    left = iter(moments)
    for following in elected[1:]:
        fits = violated(kept[-1], following, ceiling) is None
        for own in left:
            if own[0].ts >= following.ts:
                break
            if fits and own[0].ts > kept[-1].ts:
                chosen = next(
                    (claim for claim in own if _fits(kept[-1], claim, following, ceiling)), None
                )
                kept += [] if chosen is None else [chosen]
        kept.append(following)
    return kept


def _fits(before: Claim, claim: Claim, after: Claim, ceiling: Fraction) -> bool:
    """Say whether a claim is consistent with the elected ones on both sides."""
    return violated(before, claim, ceiling) is None and violated(claim, after, ceiling) is None


def _choices(moment: Iterable[Claim]) -> tuple[Claim, ...]:
    """Return what may be elected of one moment: what a person vouched for, else all."""
    own = tuple(moment)
    return tuple(claim for claim in own if claim.vouched) or own


def _left_over(
    every: Sequence[Claim], elected: Sequence[Claim], ceiling: Fraction
) -> tuple[tuple[Unsound, ...], tuple[Claim, ...]]:
    """Tell what is unsound from what is only not the first choice of its moment."""
    unsound: list[Unsound] = []
    rivals: list[Claim] = []
    at = 0
    chosen = set(elected)
    for claim in every:
        if claim in chosen:
            continue
        while at < len(elected) and elected[at].ts < claim.ts:
            at += 1
        before = elected[at - 1] if at else None
        is_moment = at < len(elected) and elected[at].ts == claim.ts
        later = at + is_moment
        after = elected[later] if later < len(elected) else None
        rule = _rule(claim, before, after, ceiling)
        if rule is None and is_moment:
            rivals.append(claim)
        else:
            unsound.append(Unsound(claim, rule or Rule.FALL, before, after))
    return tuple(unsound), tuple(rivals)


def _rule(
    claim: Claim, before: Claim | None, after: Claim | None, ceiling: Fraction
) -> Rule | None:
    if claim.counted < 0:
        return Rule.NEGATIVE
    found = None if before is None else violated(before, claim, ceiling)
    return found or (None if after is None else violated(claim, after, ceiling))


def _cheapest(moments: Sequence[Sequence[Claim]], ceiling: Fraction) -> list[Claim]:
    """Return one claim for each moment that the cheapest explanation keeps."""
    candidates, run_of = _candidates(moments, ceiling)
    if not candidates:
        return [own[0] for own in moments]
    skipped = _skipping(moments)
    slow = ceiling / BREAK_COST
    best: list[tuple[Cost, int]] = []
    for at, (moment, claim) in enumerate(candidates):
        choice = moments[moment].index(claim)
        found: tuple[Cost, int] = (_sum(skipped[moment], (0, choice)), -1)
        for before in range(at - 1, -1, -1):
            earlier, other = candidates[before]
            if run_of[at] - run_of[before] > MOST_RUNS:
                break
            if earlier == moment:
                continue
            gap, early = _between(skipped[earlier + 1], skipped[moment])
            if _is_middle(run_of, before, at):
                step, early = 0, 0
            elif violated(other, claim, slow if gap else ceiling):
                step = gap + (VOUCHED_BREAK_COST if claim.vouched else BREAK_COST)
            else:
                most = RETURN_COST + (claim.ts - other.ts) // LONG_RETURN_S
                step = min(gap, most) if gap < _VOUCHED_COST else gap
            total = _sum(best[before][0], (step, early + choice))
            if total < found[0] or (total == found[0] and found[1] < 0):
                found = (total, before)
        best.append(found)
    ends = [
        (_sum(best[at][0], _between(skipped[moment + 1], skipped[-1])), -at)
        for at, (moment, _) in enumerate(candidates)
    ]
    return _chain(moments, candidates, run_of, best, -min(ends)[1])


def _skipping(moments: Sequence[Sequence[Claim]]) -> list[Cost]:
    """Return for each moment what it costs to set aside all moments before it."""
    costs: list[Cost] = [(0, 0)]
    for at, own in enumerate(moments, 1):
        is_vouched = any(claim.vouched for claim in own)
        is_early = at < len(moments) and moments[at][0].ts - own[0].ts <= LATE_S
        costs.append(_sum(costs[-1], (_VOUCHED_COST if is_vouched else 1, int(is_early))))
    return costs


def _sum(one: Cost, other: Cost) -> Cost:
    return one[0] + other[0], one[1] + other[1]


def _between(one: Cost, other: Cost) -> Cost:
    return other[0] - one[0], other[1] - one[1]


def _candidates(
    moments: Sequence[Sequence[Claim]], ceiling: Fraction
) -> tuple[list[tuple[int, Claim]], list[int]]:
    """Return the claims among which a false one may be, and the undisturbed run of each.

    The moments in the middle of an undisturbed run are kept in any case.
    """
    starts = [0]
    for at in range(1, len(moments)):
        is_single = len(moments[at - 1]) == 1 == len(moments[at])
        if not is_single or violated(moments[at - 1][0], moments[at][0], ceiling):
            starts.append(at)
    if len(starts) == 1 and all(len(own) == 1 for own in moments):
        return [], []
    candidates: list[tuple[int, Claim]] = []
    run_of: list[int] = []
    for run, (first, end) in enumerate(pairwise([*starts, len(moments)])):
        near = {*range(first, min(first + EDGE, end)), *range(max(first, end - EDGE), end)}
        for moment in sorted(near):
            for claim in moments[moment]:
                candidates.append((moment, claim))
                run_of.append(run)
    return candidates, run_of


def _is_middle(run_of: Sequence[int], before: int, at: int) -> bool:
    """Say whether two candidates are the ends of the middle of one run, which is kept."""
    return before == at - 1 and run_of[before] == run_of[at]


def _chain(
    moments: Sequence[Sequence[Claim]],
    candidates: Sequence[tuple[int, Claim]],
    run_of: Sequence[int],
    best: Sequence[tuple[Cost, int]],
    last: int,
) -> list[Claim]:
    path = [last]
    while best[path[-1]][1] != -1:
        path.append(best[path[-1]][1])
    path.reverse()
    kept = [candidates[path[0]][1]]
    for before, at in pairwise(path):
        if _is_middle(run_of, before, at):
            kept += [own[0] for own in moments[candidates[before][0] + 1 : candidates[at][0]]]
        kept.append(candidates[at][1])
    return kept
