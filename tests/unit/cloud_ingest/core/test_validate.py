# SPDX-License-Identifier: MIT
"""Which claims of a register are sound: the lies are set aside, and nothing else."""

import random
from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.claim import Claim, Rule, violated
from cloud_ingest.core.validate import BREAK_COST, LATE_S, RETURN_COST, Verdict, judge

QUARTER_S = 900
CEILING = Fraction(72_000, 3600)
"""72 kW in Wh a second."""
MOST = 18_000
"""Wh in a quarter of an hour."""
METER, SELF_READ = 1, 2
BEGIN = 12_345_000


def course(length: int, step: int = 10) -> list[Claim]:
    return [Claim(QUARTER_S * n, METER, BEGIN + step * n) for n in range(length)]


def with_lies(rows: Sequence[Claim], lies: dict[int, int]) -> list[Claim]:
    return [row._replace(counted=lies.get(n, row.counted)) for n, row in enumerate(rows)]


def set_aside(verdict: Verdict) -> dict[int, Rule]:
    return {each.claim.ts // QUARTER_S: each.rule for each in verdict.unsound}


@pytest.mark.parametrize(
    ("lies", "rules"),
    [
        ({100: 0}, {100: Rule.FALL}),
        ({100: BEGIN + 100_000_000}, {100: Rule.CEILING}),
        ({100: BEGIN + 1000 - 100}, {100: Rule.FALL}),
        ({100: -5}, {100: Rule.NEGATIVE}),
        ({0: 0}, {0: Rule.CEILING}),
        ({199: 0}, {199: Rule.FALL}),
        ({199: 2 * BEGIN}, {199: Rule.CEILING}),
        ({100: 0, 102: 0, 104: 5}, dict.fromkeys((100, 102, 104), Rule.FALL)),
        (dict.fromkeys(range(100, 130), 0), dict.fromkeys(range(100, 130), Rule.FALL)),
    ],
    ids=["zero", "spike", "dip", "negative", "first", "last", "last spike", "thrice", "stretch"],
)
def test_a_lie_is_set_aside_by_its_rule(lies: dict[int, int], rules: dict[int, Rule]) -> None:
    verdict = judge(with_lies(course(200), lies), CEILING)
    assert set_aside(verdict) == rules
    assert verdict.breaks == ()


@pytest.mark.parametrize(("fall", "are_false"), [(1, False), (2, True)])
def test_a_fall_of_one_step_is_none(fall: int, are_false: bool) -> None:
    """A dial that stands still between two digits; a meter whose water was pushed back a little."""
    rows = course(100, step=0)
    lies = dict.fromkeys((30, 31, 32, 50), BEGIN - fall)
    verdict = judge(with_lies(rows, lies), CEILING)
    assert set(set_aside(verdict)) == (set(lies) if are_false else set())
    assert verdict.breaks == ()


@pytest.mark.parametrize(("apart_s", "false"), [(290, 1), (LATE_S, 1), (LATE_S + 1, 0)])
def test_of_two_clocks_the_late_reading_is_set_aside(apart_s: int, false: int) -> None:
    """One meter, read by two clocks: 61,497; 61,532 and what is late beside it; 61,616."""
    pair = Claim(3600, METER, 61_532), Claim(3600 + apart_s, METER, 61_510)
    rows = [Claim(0, METER, 61_497), *pair, Claim(7200, METER, 61_616)]
    assert [each.claim for each in judge(rows, CEILING).unsound] == [pair[false]]


def test_a_spike_is_set_aside_however_soon_a_row_follows() -> None:
    rows = [Claim(60 * n, METER, BEGIN + n) for n in range(100)]
    rows[50] = rows[50]._replace(counted=BEGIN + 60)
    assert [each.claim for each in judge(rows, CEILING).unsound] == [rows[50]]


def test_a_fall_of_one_step_for_good_is_no_break() -> None:
    rows = with_lies(course(100, step=0), {n: BEGIN - 1 - (n > 70) for n in range(40, 100)})
    assert judge(rows, CEILING) == Verdict(tuple(rows), (), (), ())


def test_a_sound_claim_within_a_false_stretch_is_elected() -> None:
    lies = {n: 0 for n in range(100, 130) if n not in {110, 111, 120}}
    verdict = judge(with_lies(course(200), lies), CEILING)
    assert set(set_aside(verdict)) == set(lies)


def test_an_unsound_claim_names_its_neighbours() -> None:
    rows = with_lies(course(5), {2: 0})
    (found,) = judge(rows, CEILING).unsound
    assert (found.claim, found.before, found.after) == (rows[2], rows[1], rows[3])


@pytest.mark.parametrize("after", [0, 4 * BEGIN])
def test_a_course_that_is_left_for_good_breaks(after: int) -> None:
    rows = with_lies(course(60), {n: after + n for n in range(30, 60)})
    verdict = judge(rows, CEILING)
    assert verdict.unsound == ()
    assert [(b.before, b.after) for b in verdict.breaks] == [(rows[29], rows[30])]


def test_a_small_jump_for_good_sets_nothing_aside() -> None:
    rows = course(60)
    jumped = [
        row if n < 30 else row._replace(counted=row.counted + 20_000) for n, row in enumerate(rows)
    ]
    verdict = judge(jumped, CEILING)
    assert verdict.unsound == ()
    assert [each.rule for each in verdict.breaks] == [Rule.CEILING]


def test_the_end_of_a_course_needs_as_many_claims_as_a_break_costs() -> None:
    for length in range(1, BREAK_COST + 1):
        rows = with_lies(course(40), {n: n for n in range(40 - length, 40)})
        verdict = judge(rows, CEILING)
        assert (len(verdict.unsound), len(verdict.breaks)) == (
            (length, 0) if length < BREAK_COST else (0, 1)
        )


def test_of_two_rivals_the_lower_count_is_elected() -> None:
    rows = course(10)
    rival = rows[5]._replace(counted=rows[5].counted + 3)
    verdict = judge([*rows, rival], CEILING)
    assert verdict.elected == tuple(rows)
    assert verdict.rivals == (rival,)
    assert verdict.unsound == ()


def test_a_sound_rival_stands_for_an_unsound_first_choice() -> None:
    rows = with_lies(course(10), {5: 0})
    rival = Claim(rows[5].ts, SELF_READ, BEGIN + 50)
    verdict = judge([*rows, rival], CEILING)
    assert verdict.elected[5] == rival
    assert set_aside(verdict) == {5: Rule.FALL}


def test_what_a_person_vouched_for_is_elected() -> None:
    rows = course(40)
    vouched = Claim(rows[20].ts, 0, 77, vouched=True)
    verdict = judge([*rows, vouched], CEILING)
    assert verdict.elected[20] == vouched
    assert [b.rule for b in verdict.breaks] == [Rule.FALL, Rule.CEILING]


def test_a_vouched_claim_breaks_the_course_and_sets_nothing_aside() -> None:
    before, after = Claim(0, SELF_READ, 100), Claim(QUARTER_S, SELF_READ, 40, vouched=True)
    verdict = judge([before, after], CEILING)
    assert (verdict.elected, verdict.unsound) == ((before, after), ())
    assert [each.rule for each in verdict.breaks] == [Rule.FALL]


def test_a_coarse_claim_behind_a_fine_one_is_no_fall() -> None:
    fine, coarse = Claim(0, METER, 12_345_678), Claim(1, METER, 12_345_000, step=1000)
    assert violated(fine, coarse, CEILING) is None
    assert violated(fine, coarse._replace(counted=12_344_000), CEILING) is Rule.FALL
    assert violated(coarse, fine._replace(ts=1), CEILING) is None
    assert violated(coarse, fine._replace(ts=1, counted=12_347_221), CEILING) is Rule.CEILING


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Claim], dict[int, int]]:
    """Draw a register that tells the truth, and lies in it, each farther off than it can count."""
    dice = random.Random(draw(st.integers(0, 2**32)))
    length = draw(st.integers(30, 300))
    count, rows = draw(st.integers(0, 10**7)), list[Claim]()
    for n in range(length):
        count += dice.randrange(0, 40)
        rows.append(Claim(QUARTER_S * n, METER, count))
    lies: dict[int, int] = {}
    for at in draw(st.lists(st.integers(0, length - 1), max_size=4)):
        run = draw(st.sampled_from((1, 1, 1, 2, 3)))
        own = range(at, min(at + run, length))
        if any(abs(n - other) < 8 for n in own for other in lies):
            continue
        kind = draw(st.sampled_from(("dip", "spike", "zero", "negative")))
        if kind in {"dip", "zero"} and (at < 20 or rows[at].counted < 10**6):
            kind = "negative"
        spike = MOST * length + dice.randrange(10**8)
        dip = dice.randrange(MOST, 10**6)
        for n in own:
            true = rows[n].counted
            lies[n] = {"dip": true - dip, "spike": true + spike, "zero": 0, "negative": -1 - n}[
                kind
            ]
    return rows, lies


@given(histories())
def test_exactly_the_lies_are_set_aside(drawn: tuple[list[Claim], dict[int, int]]) -> None:
    rows, lies = drawn
    verdict = judge(with_lies(rows, lies), CEILING)
    assert set(set_aside(verdict)) == set(lies)
    assert verdict.breaks == ()
    assert verdict.elected == tuple(row for n, row in enumerate(rows) if n not in lies)


@given(st.integers(0, 2**32), st.sampled_from((1, 10, 1000)))
def test_nothing_is_set_aside_of_a_true_register(seed: int, step: int) -> None:
    """With gaps of any length, times of any second, a coarse step, and loads up to the ceiling."""
    dice = random.Random(seed)
    ts, true, rows = 0, dice.randrange(10**7), list[Claim]()
    for _ in range(500):
        passed = dice.choice([1, 60, 900, 900, 900, 3600, 86_400, dice.randrange(1, 10**6)])
        ts += passed
        true += int(CEILING * passed * dice.choice([0, 0, 1, dice.randrange(100), 100]) / 100)
        rows.append(Claim(ts, METER, true // step * step, step))
    verdict = judge(rows, CEILING)
    assert (verdict.unsound, verdict.breaks) == ((), ())


@given(histories(), st.data())
def test_a_reset_for_good_is_a_break_beside_lies(
    drawn: tuple[list[Claim], dict[int, int]], data: st.DataObject
) -> None:
    rows, lies = drawn
    at = data.draw(st.integers(20, len(rows) - 8))
    if rows[at].counted < 10**6 or any(abs(at - n) < 8 for n in lies):
        return
    true = [row if n < at else row._replace(counted=row.counted - rows[at].counted)
            for n, row in enumerate(rows)]  # fmt: skip
    told = {n: lie if n < at or lie < 0 else lie + 10**9 for n, lie in lies.items()}
    verdict = judge(with_lies(true, told), CEILING)
    if len(lies) >= RETURN_COST:  # as well explained by a longer stretch: still, it is no course
        assert verdict.breaks
        return
    assert set(set_aside(verdict)) == set(lies)
    assert [(b.before, b.after, b.rule) for b in verdict.breaks] == [
        (true[at - 1], true[at], Rule.FALL)
    ]


any_claims = st.lists(
    st.builds(
        Claim,
        st.integers(0, 12).map(lambda n: n * QUARTER_S),
        st.integers(0, 3),
        st.integers(-50, 50).map(lambda n: n * MOST // 10),
        st.sampled_from((1, 1, 1000)),
        st.booleans(),
    ),
    max_size=20,
)


@given(any_claims, st.randoms(use_true_random=False))
def test_every_order_and_grouping_gives_the_same(claims: list[Claim], dice: random.Random) -> None:
    verdict = judge(claims, CEILING)
    shuffled = [*claims, *dice.sample(claims, len(claims) // 2)]
    dice.shuffle(shuffled)
    assert judge(shuffled, CEILING) == verdict


@given(any_claims)
def test_every_claim_is_elected_or_listed(claims: list[Claim]) -> None:
    verdict = judge(claims, CEILING)
    listed = [*verdict.elected, *(each.claim for each in verdict.unsound), *verdict.rivals]
    assert sorted(listed) == sorted(set(claims))


@given(any_claims)
def test_a_vouched_moment_is_always_elected(claims: list[Claim]) -> None:
    elected = {claim.ts: claim for claim in judge(claims, CEILING).elected}
    for claim in claims:
        if claim.vouched:
            assert elected[claim.ts].vouched


@given(any_claims)
def test_elected_claims_are_consistent_but_for_breaks(claims: list[Claim]) -> None:
    verdict = judge(claims, CEILING)
    pairs = zip(verdict.elected, verdict.elected[1:], strict=False)
    found = [(a, b) for a, b in pairs if violated(a, b, CEILING) is not None]
    assert found == [(each.before, each.after) for each in verdict.breaks]


def reset_behind_zeros(zeros: int, true_rows: int) -> list[Claim]:
    """Rows of zero from the 100th on, then true ones again, then a reset for good."""
    lies = dict.fromkeys(range(100, 100 + zeros), 0)
    since = 100 + zeros + true_rows
    return with_lies(course(200), lies | {n: 10 * (n - since) for n in range(since, 200)})


def test_a_break_ends_where_no_row_agrees_with_before() -> None:
    """Three zeros, two true rows, a reset: who believes the zeros sets the two aside."""
    verdict = judge(reset_behind_zeros(zeros=3, true_rows=2), CEILING)
    assert set_aside(verdict) == dict.fromkeys((103, 104), Rule.CEILING)
    (each,) = verdict.breaks
    assert (each.before.ts // QUARTER_S, each.after.ts // QUARTER_S) == (99, 105)


def test_a_lie_behind_a_break_does_not_move_it() -> None:
    rows = reset_behind_zeros(zeros=0, true_rows=0)
    plain = judge(rows, CEILING)
    assert judge(with_lies(rows, {110: BEGIN * 3}), CEILING).breaks == plain.breaks


def test_no_break_reaches_over_the_next_one() -> None:
    """A reset, a jump for good, and a row on the first course: it moves neither of the two."""
    jump = {n: 3 * BEGIN + n for n in range(130, 200)}
    rows = with_lies(reset_behind_zeros(zeros=0, true_rows=0), jump | {140: BEGIN + 1_400})
    breaks = judge(rows, CEILING).breaks
    found = [(each.before.ts // QUARTER_S, each.after.ts // QUARTER_S) for each in breaks]
    assert found == [(99, 100), (129, 130)]
