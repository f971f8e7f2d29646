# SPDX-License-Identifier: MIT
"""A register is held against its intervals: one false row of it is set aside, nothing else."""

import random
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import accumulate

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_ingest.core.claim import Claim, Rule
from cloud_ingest.core.interval_sums import IntervalSums
from cloud_ingest.core.interval_verdict import judge_with_intervals
from cloud_ingest.core.validate import judge

HOUR_S, DAY_S = 3600, 86_400
CEILING = Fraction(72_000, 3600)
METER, SELF_READ = 1, 2
LENGTH = 60
"""Days of the register; each has 24 intervals."""


def intervals(use: int = 400, hours: int = LENGTH * 24) -> dict[int, int]:
    return {HOUR_S * (n + 1): use for n in range(hours)}


def course(use: int = 400) -> list[Claim]:
    return [Claim(DAY_S * n, METER, 10**6 + 24 * use * n) for n in range(LENGTH)]


def lied(rows: Sequence[Claim], lies: dict[int, int]) -> list[Claim]:
    return [row._replace(counted=row.counted + lies.get(n, 0)) for n, row in enumerate(rows)]


def set_aside(
    rows: Iterable[Claim], told: dict[int, int], period_s: int = HOUR_S
) -> dict[int, Rule]:
    verdict = judge_with_intervals(rows, CEILING, IntervalSums.of(told.items(), period_s))
    assert verdict.breaks == ()
    return {each.claim.ts // DAY_S: each.rule for each in verdict.unsound}


@pytest.mark.parametrize("lie", [5000, -5000, 26, -26])
def test_a_lie_below_the_ceiling_is_set_aside(lie: int) -> None:
    rows = lied(course(), {31: lie})
    assert judge(rows, CEILING).unsound == ()
    assert set_aside(rows, intervals()) == {31: Rule.SUM_CHECK}


def test_two_false_rows_in_turn_are_set_aside() -> None:
    rows = lied(course(), {31: 5000, 32: 4000})
    assert set_aside(rows, intervals()) == dict.fromkeys((31, 32), Rule.SUM_CHECK)


def test_two_rows_that_are_false_alike_are_kept() -> None:
    """As the same happens where two intervals are false."""
    assert set_aside(lied(course(), {31: 5000, 32: 5000}), intervals()) == {}


def test_one_false_interval_sets_nothing_aside() -> None:
    assert set_aside(course(), intervals() | {HOUR_S * 700: 9000}) == {}


def test_false_intervals_in_a_row_set_nothing_aside() -> None:
    told = intervals() | {HOUR_S * n: 9000 for n in range(600, 800)}
    assert set_aside(course(), told) == {}


@pytest.mark.parametrize("use", [0, 40, 4000])
def test_intervals_of_another_scaler_set_nothing_aside(use: int) -> None:
    assert set_aside(course(), intervals(use)) == {}


def test_a_jump_for_good_sets_nothing_aside() -> None:
    rows = lied(course(), dict.fromkeys(range(31, LENGTH), 5000))
    assert set_aside(rows, intervals()) == {}


@pytest.mark.parametrize("missing", [24 * 31, 24 * 31 + 1])
def test_a_missing_interval_compares_nothing(missing: int) -> None:
    told = intervals()
    del told[HOUR_S * missing]
    assert set_aside(lied(course(), {31: 5000}), told) == {}


def test_one_step_of_each_is_allowed() -> None:
    """Of the register 10, of 24 intervals 24."""
    rows = [row._replace(step=10) for row in course()]
    told = intervals()
    assert set_aside(lied(rows, {31: 34}), told) == {}
    assert set_aside(lied(rows, {31: 35}), told) == {31: Rule.SUM_CHECK}


def test_a_true_row_between_two_false_ones_is_kept() -> None:
    rows = lied(course(), {31: 5000, 33: -4000})
    assert set_aside(rows, intervals()) == dict.fromkeys((31, 33), Rule.SUM_CHECK)


def test_three_false_rows_in_turn_are_kept() -> None:
    assert set_aside(lied(course(), {31: 5000, 32: 4000, 33: 7000}), intervals()) == {}


def test_more_than_four_false_moments_are_kept() -> None:
    lies = dict.fromkeys(range(8, 48, 8), 5000)
    assert set_aside(lied(course(), lies), intervals()) == {}
    del lies[8]
    assert set_aside(lied(course(), lies), intervals()) == dict.fromkeys(lies, Rule.SUM_CHECK)


def test_what_disagrees_close_by_leaves_a_doubt() -> None:
    told = intervals()
    for day, is_told in ((33, {}), (34, {31: Rule.SUM_CHECK})):
        false = told | {DAY_S * day + HOUR_S: 9000}
        assert set_aside(lied(course(), {31: 5000}), false) == is_told


def test_the_intervals_on_both_sides_are_enough() -> None:
    told = {ts: used for ts, used in intervals().items() if 30 * DAY_S < ts <= 32 * DAY_S}
    assert set_aside(lied(course(), {31: 5000}), told) == {31: Rule.SUM_CHECK}


def hourly(told: dict[int, int]) -> list[Claim]:
    """A register that is read at each end of its intervals, and is right."""
    counted = accumulate((told[ts] for ts in sorted(told)), initial=10**6)
    return [Claim(ts, METER, own) for ts, own in zip((0, *sorted(told)), counted, strict=True)]


@pytest.mark.parametrize("seed", range(5))
def test_a_profile_that_is_wrong_for_a_day_condemns_no_register(seed: int) -> None:
    dice = random.Random(seed)
    true = {HOUR_S * (n + 1): dice.randrange(0, 900) for n in range(LENGTH * 24)}
    wrong = {HOUR_S * n: dice.randrange(0, 900) for n in range(24 * 31 + 1, 24 * 32 + 1)}
    verdict = judge_with_intervals(
        hourly(true), CEILING, IntervalSums.of((true | wrong).items(), HOUR_S)
    )
    assert verdict.unsound == ()


@pytest.mark.parametrize("periods", [-1, 1])
@pytest.mark.parametrize("spikes", [(700,), (700, 702, 711)])
def test_intervals_that_are_a_period_off_condemn_no_register(
    periods: int, spikes: tuple[int, ...]
) -> None:
    """One hour of use in an empty flat is told beside its hour."""
    true = intervals(4) | {HOUR_S * n: 3000 for n in spikes}
    told = {ts + periods * HOUR_S: used for ts, used in true.items()}
    verdict = judge_with_intervals(hourly(true), CEILING, IntervalSums.of(told.items(), HOUR_S))
    assert verdict.unsound == ()


def test_an_interval_that_is_told_with_the_next_condemns_no_register() -> None:
    true = intervals()
    told = true | {HOUR_S * 700: 0, HOUR_S * 701: 800}
    verdict = judge_with_intervals(hourly(true), CEILING, IntervalSums.of(told.items(), HOUR_S))
    assert verdict.unsound == ()


@pytest.mark.parametrize(("later", "found"), [(20, set[int]()), (30, {700})])
def test_what_disagrees_within_a_day_leaves_a_doubt(later: int, found: set[int]) -> None:
    true = intervals()
    told = true | {HOUR_S * (700 + later): 9000}
    rows = lied(hourly(true), {700: 300})
    verdict = judge_with_intervals(rows, CEILING, IntervalSums.of(told.items(), HOUR_S))
    assert {each.claim.ts // HOUR_S for each in verdict.unsound} == found


def test_readings_off_the_grid_do_not_hide_a_false_one() -> None:
    between = [Claim(DAY_S * n + 7 * 60, METER, 10**6 + 9600 * n) for n in range(LENGTH)]
    rows = [*lied(course(), {31: 5000}), *(row for row in between if row.ts // DAY_S != 31)]
    assert set_aside(rows, intervals()) == {31: Rule.SUM_CHECK}


def test_intervals_longer_than_the_register_s_compare_nothing() -> None:
    told = {3 * DAY_S * (n + 1): 3 * 9600 for n in range(LENGTH // 3)}
    assert set_aside(lied(course(), {31: 5000}), told, 3 * DAY_S) == {}


def test_intervals_off_the_grid_count_for_nothing() -> None:
    told = intervals() | {HOUR_S * n + 7: 9999 for n in range(500)}
    assert set_aside(lied(course(), {31: 5000}), told) == {31: Rule.SUM_CHECK}


def test_a_rival_that_the_intervals_bear_out_is_elected() -> None:
    rows = lied(course(), {31: 5000})
    true = Claim(rows[31].ts, SELF_READ, course()[31].counted)
    sums = IntervalSums.of(intervals().items(), HOUR_S)
    verdict = judge_with_intervals([*rows, true], CEILING, sums)
    assert verdict.elected[31] == true
    assert [(each.claim, each.rule) for each in verdict.unsound] == [(rows[31], Rule.SUM_CHECK)]


def test_what_a_person_vouched_for_stands_against_the_intervals() -> None:
    rows = lied(course(), {31: 5000})
    rows[31] = rows[31]._replace(vouched=True)
    assert set_aside(rows, intervals()) == {}


def test_the_true_row_is_kept_where_a_fall_leaves_it_open() -> None:
    """Of a fall alone the later row is kept, and that one is false."""
    rows = lied(course(), {31: -9700})
    assert set(set_aside(rows, {HOUR_S: 1})) == {30}
    assert set(set_aside(rows, intervals())) == {31}


def test_sums_are_counted_in_finer_units() -> None:
    told = {ts: 10 * amount for ts, amount in intervals().items()}
    sums = IntervalSums.of(told.items(), HOUR_S, per_count=10)
    verdict = judge_with_intervals(lied(course(), {31: 5}), CEILING, sums)
    assert [each.claim.ts for each in verdict.unsound] == [31 * DAY_S]


def test_without_a_period_there_are_no_sums() -> None:
    assert IntervalSums.of([(0, 1)], 0) is None
    assert IntervalSums.of([], HOUR_S) is None


@st.composite
def mixed(draw: st.DrawFn) -> tuple[list[Claim], dict[int, int], set[int]]:
    """Draw a register with small lies, and false or missing intervals away from them."""
    dice = random.Random(draw(st.integers(0, 2**32)))
    told = {HOUR_S * (n + 1): dice.randrange(0, 900) for n in range(LENGTH * 24)}
    rows = [Claim(0, METER, 10**6)]
    for n in range(1, LENGTH):
        used = sum(told[HOUR_S * hour] for hour in range(24 * (n - 1) + 1, 24 * n + 1))
        rows.append(Claim(DAY_S * n, METER, rows[-1].counted + used))
    days = sorted(draw(st.sets(st.integers(2, LENGTH // 8 - 1), max_size=4)))
    lies = {8 * day: dice.choice((-1, 1)) * dice.randrange(1000, 5000) for day in days}
    for spoilt in draw(st.sets(st.integers(2, LENGTH // 8 - 1), max_size=3)):
        hour = HOUR_S * (24 * (8 * spoilt + 3) + dice.randrange(1, 24))
        if draw(st.booleans()):
            told[hour] += 5000
        else:
            del told[hour]
    return lied(rows, lies), told, set(lies)


@settings(max_examples=30, suppress_health_check=[HealthCheck.large_base_example])
@given(mixed(), st.integers(0, 2**32))
def test_exactly_the_lies_are_set_aside_in_every_order(
    drawn: tuple[list[Claim], dict[int, int], set[int]], seed: int
) -> None:
    rows, told, lies = drawn
    dice = random.Random(seed)
    shuffled, mixed_up = [*rows, *rows[:5]], list(told.items())
    dice.shuffle(shuffled)
    dice.shuffle(mixed_up)
    assert set(set_aside(shuffled, dict(mixed_up))) == lies
