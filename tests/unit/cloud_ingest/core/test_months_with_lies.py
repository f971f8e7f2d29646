# SPDX-License-Identifier: MIT
"""Whole months of registers that lie: judged, bordered and measured by the core alone.

The limit: a lie is *large* if it is farther from the truth than 72 kW could count between the true
rows beside it (`tests.support.lies`). A large lie is never billed as the truth. What is smaller
cannot be told from use; `docs/explanation/validation.md` says so.
"""

from decimal import Decimal

from hypothesis import given, settings

from cloud_ingest.core.border import Cut, Known, NotElected, Rules
from cloud_ingest.core.border_choice import choose_borders
from cloud_ingest.core.claim import Rule
from cloud_ingest.core.consumption import Measured, measure
from cloud_ingest.core.judgement import Claims, DialChannel, Judgement, StoredClaim, judge_dial
from cloud_ingest.core.quality import (
    RegisterBreak,
    breaks_within,
    is_implausible,
    quality_of,
    with_findings,
)
from cloud_ingest.core.rating import MOST_PER_HOUR
from cloud_ingest.core.register import Register
from shared_schema.catalogue import Service
from shared_schema.quality import Origin, Quality, Reason
from tests.support.lies import BORDERS, DEEPER, MOMENTS, MONTHS, SCALERS, History, Said, histories

METER = tuple(Origin).index(Origin.METER)
CHANNELS = [DialChannel(channel_id=s, exponent=s - 3, weight=1) for s in SCALERS]
MOST = MOST_PER_HOUR[Service.ELECTRICITY]
BREAKS = {
    Rule.FALL: Reason.REGISTER_DROP,
    Rule.NEGATIVE: Reason.REGISTER_DROP,
    Rule.CEILING: Reason.IMPLAUSIBLE,
}


def judged(claims: tuple[Said, ...]) -> Judgement:
    stored = [StoredClaim(s.scaler, int(s.at.timestamp()), s.raw, METER) for s in claims]
    return judge_dial(Claims({}, stored), CHANNELS, MOST)


def register(claim: StoredClaim, at: dict[int, Said]) -> Register:
    return Register(
        claim.channel_id, at[claim.ts].at, claim.raw, Origin.METER, claim.channel_id - 3
    )


def months(history: History) -> list[Measured]:
    """January and February, as a closing counts them, without a store."""
    verdict = judged(history.claims)
    at = {int(each.at.timestamp()): each for each in history.claims}
    sound = [register(each, at) for each in verdict.elected.values()]
    hidden = [NotElected(register(each.claim, at), each.rule) for each in verdict.unsound]
    breaks = [
        RegisterBreak(at[each.before.ts].at, at[each.after.ts].at, BREAKS[each.rule])
        for each in verdict.breaks
    ]
    known = Known(sound, {}, hidden, (), Rules(most_per_hour=MOST))
    borders = choose_borders(known, [Cut(border, is_month=True) for border in BORDERS])
    found = []
    for n, month in enumerate(MONTHS):
        measured = measure(borders[BORDERS[n]], borders[BORDERS[n + 1]], {}, month)
        reasons = set(breaks_within(measured, breaks, {}))
        if is_implausible(measured, Decimal(500)):
            reasons.add(Reason.IMPLAUSIBLE)
        found.append(with_findings(measured, reasons))
    return found


def faults(history: History) -> list[str]:
    """What of the two months is not as the society may expect it."""
    found = []
    for n, measured in enumerate(months(history)):
        truth, what = history.used(n), f"{MONTHS[n]}: {measured.quantity}"
        if measured.quantity is None:
            continue
        lower = measured.quantity if measured.lower is None else measured.lower
        upper = measured.quantity if measured.upper is None else measured.upper
        if not lower <= truth <= upper:
            found.append(f"{what}: the truth, {truth}, is outside of {lower} to {upper}")
        if measured.quantity != truth:
            if not measured.reasons:
                found.append(f"{what}: not exact ({truth}), and no word of it")
            if quality_of(measured) is Quality.VALIDATED:
                found.append(f"{what}: validated, and not the truth, {truth}")
    return found


@settings(max_examples=200)
@given(histories())
def test_no_large_lie_is_billed(history: History) -> None:
    assert faults(history) == []


@settings(max_examples=200 * DEEPER)
@given(histories(most_lies=8))
def test_no_large_lie_of_many_is_billed(history: History) -> None:
    assert faults(history) == []


@settings(max_examples=200 * DEEPER)
@given(histories(most_lies=3, beside_reset=True))
def test_no_large_lie_beside_a_reset_is_billed(history: History) -> None:
    assert faults(history) == []


BORDER = MOMENTS.index(BORDERS[1])
COURSE = tuple(9_000_000 + n * 10 for n in range(len(MOMENTS)))
"""10 Wh from each moment to the next."""


def reset_at(reset: int, false: dict[int, int], rivals: dict[int, int]) -> History:
    """A reset; false rows, and rivals of true ones, by their moments."""
    shown = {n: wh - (COURSE[reset] if n >= reset else 0) for n, wh in enumerate(COURSE)} | false
    said = [*shown.items(), *rivals.items()]
    claims = tuple(sorted(Said(MOMENTS[n], 0, wh) for n, wh in said))
    return History(MOMENTS, COURSE, (), reset, frozenset(), claims, ())


def test_a_false_row_that_nothing_contradicts_moves_a_reset() -> None:
    """The limit: the border says what the register says behind a reset a quarter hour later."""
    history = reset_at(BORDER + 1, {BORDER: 0}, {})
    january, february = months(history)
    assert january.quantity is None
    assert february.quantity == history.used(1) - Decimal("0.010")


def test_a_rival_on_the_former_course_makes_a_reset_uncertain() -> None:
    january, february = months(reset_at(BORDER + 1, {}, {BORDER: 0}))
    assert (january.quantity, february.quantity) == (None, None)


def test_a_dip_right_before_a_reset_makes_it_uncertain() -> None:
    """Three rows on the former course between them may be the false ones."""
    former = {BORDER + n: COURSE[BORDER + n] + 10 for n in (0, 1, 2)}
    january, february = months(reset_at(BORDER - 1, former, {}))
    assert (january.quantity, february.quantity) == (None, None)


def test_a_course_of_four_rows_behind_a_dip_is_certain() -> None:
    history = reset_at(BORDER + 2, {BORDER - 3: 0}, {})
    january, february = months(history)
    assert january.quantity == history.used(0)
    assert february.quantity is None


@settings(max_examples=150)
@given(histories(may_reset=False))
def test_two_months_add_up(history: History) -> None:
    """What the two are charged is what the register moved from the first border to the last."""
    january, february = months(history)
    if january.quantity is None or february.quantity is None:
        return
    first, last = january.opening, february.closing
    assert first is not None
    assert last is not None
    assert january.quantity + february.quantity == last.value - first.value


@settings(max_examples=150)
@given(histories(most_lies=2, may_reset=False, may_miss=False))
def test_a_few_lies_withhold_nothing(history: History) -> None:
    assert [each.quantity is None for each in months(history)] == [False, False]


@settings(max_examples=100)
@given(histories())
def test_the_verdict_knows_no_order(history: History) -> None:
    in_order = judged(history.claims)
    as_they_came = judged(tuple(history.claims[n] for commit in history.commits for n in commit))
    assert in_order == as_they_came
