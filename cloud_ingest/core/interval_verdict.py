# SPDX-License-Identifier: MIT
"""Which claims of a register its meter's intervals speak against.

A false register disagrees with the intervals on both sides, and they agree without it. A false
interval lies between two true registers, and disagrees once. So what disagrees comes in *runs*, and
the length of a run tells what is false:

- one pair: an interval, or a jump for good; nothing is set aside;
- two pairs: the register between them; three: the two between them;
- four: the first and the last of the three between them, where the middle one is true;
- more: the intervals themselves.

Intervals are doubted sooner than a register. A run counts only if what is left of it agrees. It
does not count where another pair disagrees within a day, where the same intervals a period sooner
or later would agree with all of it, or where one tells of no use: it was told with the next. Where
they speak against more than `MOST` moments, they count for nothing. What a person vouched for is
never set aside.

Claims that the intervals speak against are left out, and the others are judged again without them:
a rival, or a true claim that was set aside beside a false one, takes their place.

In: the claims of one register as counts on one dial, the most that it counts a second, the sums of
its intervals. Out: a verdict. Never: an order or a grouping in which claims came. Pure.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Final

from cloud_ingest.core.claim import Claim, Rule
from cloud_ingest.core.interval_sums import DAY_S, IntervalSums
from cloud_ingest.core.validate import Unsound, Verdict, judge

MOST: Final = 4
"""Moments that intervals may speak against; where it is more, the intervals are at fault."""
QUIET: Final = 2
"""Pairs on either side of a run that do not disagree, and all of a day."""
FALSE_OF_RUN: Final = {2: (1,), 3: (1, 2), 4: (1, 3)}
"""By how many pairs disagree in a row: which of their claims are false; the first is number 0."""


def judge_with_intervals(
    claims: Iterable[Claim], ceiling: Fraction, sums: IntervalSums | None
) -> Verdict:
    """Return the verdict on a register's claims and on what its intervals say of them.

    Args:
        claims: In any order.
        ceiling: The most counts a second.
        sums: What the meter's intervals add up to; None: there are none.
    """
    left = set(claims)
    alone = verdict = judge(left, ceiling)
    aside: set[Claim] = set()
    while sums is not None and (found := _spoken_against(verdict.elected, sums)):
        aside |= found
        if len({claim.ts for claim in aside}) > MOST:
            return alone
        verdict = judge(left - aside, ceiling)
    return _with(verdict, aside) if aside else verdict


def _spoken_against(elected: Sequence[Claim], sums: IntervalSums) -> set[Claim]:
    """Return the elected claims that the intervals speak against."""
    rows = [claim for claim in elected if sums.holds(claim.ts)]
    against = [_agree(sums, *pair) is False for pair in pairwise(rows)]
    times = [claim.ts for claim in rows]
    found: set[Claim] = set()
    for start, end in _runs(against):
        since = min(bisect_left(times, times[start] - DAY_S), start - QUIET)
        until = max(bisect_right(times, times[end] + DAY_S) - 1, end + QUIET)
        if not any(against[max(since, 0) : start]) and not any(against[end:until]):
            found.update(_false_of(rows[start : end + 1], sums))
    return found


def _runs(against: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Yield where pairs that disagree begin, and behind which they end."""
    start = None
    for at, disagrees in enumerate([*against, False]):
        if disagrees and start is None:
            start = at
        elif not disagrees and start is not None:
            yield start, at
            start = None


def _false_of(run: Sequence[Claim], sums: IntervalSums) -> list[Claim]:
    """Return what is false of claims each of which disagrees with the next."""
    false = [run[at] for at in FALSE_OF_RUN.get(len(run) - 1, ())]
    if not false or any(claim.vouched for claim in false):
        return []
    true = [claim for claim in run if claim not in false]
    is_other_period = any(_all_agree(sums.moved(by), run) for by in (-1, 1))
    tells_nothing = any(sums.between(before.ts, after.ts) == 0 for before, after in pairwise(run))
    is_doubted = is_other_period or tells_nothing or not _all_agree(sums, true)
    return [] if is_doubted else false


def _all_agree(sums: IntervalSums, rows: Sequence[Claim]) -> bool:
    return all(_agree(sums, *pair) for pair in pairwise(rows))


def _agree(sums: IntervalSums, before: Claim, after: Claim) -> bool | None:
    rise, step = after.counted - before.counted, max(before.step, after.step)
    return sums.agree(before.ts, after.ts, rise, step)


def _with(verdict: Verdict, aside: Iterable[Claim]) -> Verdict:
    """Return a verdict with what the intervals speak against."""
    elected = verdict.elected
    times = [claim.ts for claim in elected]
    unsound = list(verdict.unsound)
    for claim in aside:
        before, after = bisect_left(times, claim.ts), bisect_right(times, claim.ts)
        unsound.append(
            Unsound(
                claim,
                Rule.SUM_CHECK,
                elected[before - 1] if before else None,
                elected[after] if after < len(elected) else None,
            )
        )
    unsound.sort(key=lambda each: each.claim)
    return Verdict(elected, tuple(unsound), verdict.rivals, verdict.breaks)
