# SPDX-License-Identifier: MIT
"""What a meter says against its own reading: by bits that are known, and never by others."""

from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.claim import Rule
from cloud_ingest.core.judgement import (
    Claims,
    DialChannel,
    Judgement,
    Ruling,
    StoredClaim,
    judge_dial,
)
from cloud_ingest.core.meter_status import NEAR_S, NO_BITS, StatusBits, replaceable
from shared_schema.quality import Origin

QUARTER_S: Final = 900
BITS: Final = StatusBits(invalid=0b101, clock=0b10)
METER: Final = tuple(Origin).index(Origin.METER)
SELF_READ: Final = tuple(Origin).index(Origin.SELF_READ)
CHANNELS: Final = (DialChannel(1, -3, 1), DialChannel(2, -2, 1))


def course(statuses: dict[int, int], length: int = 40) -> list[StoredClaim]:
    """Quarter hours of 10 Wh each, some with a status."""
    return [
        StoredClaim(1, QUARTER_S * n, 1000 + 10 * n, METER, statuses.get(n)) for n in range(length)
    ]


def judged(
    said: Sequence[StoredClaim], bits: StatusBits = BITS, rulings: Sequence[Ruling] = ()
) -> Judgement:
    claims = Claims({}, said, rulings)
    return judge_dial(claims, CHANNELS, Decimal(72), bits)


def rules(judgement: Judgement) -> dict[int, Rule]:
    return {each.claim.ts // QUARTER_S: each.rule for each in judgement.unsound}


@pytest.mark.parametrize(
    ("status", "rule"),
    [
        (None, None),
        (0, None),
        (0b1000, None),
        (0b1, Rule.STATUS),
        (0b100, Rule.STATUS),
        (0b10, Rule.CLOCK),
        (0b110, Rule.STATUS),
        (-1, Rule.STATUS),
    ],
)
def test_a_status_doubts_by_known_bits(status: int | None, rule: Rule | None) -> None:
    assert BITS.rule(status) is rule


def test_nothing_is_concluded_from_unknown_bits() -> None:
    assert NO_BITS.rule(0xFFFF) is None


def test_bits_are_told_as_the_list_names_them() -> None:
    assert BITS.parameters() == {"invalid_bits": "0 2", "clock_bits": "1"}


def test_a_sound_claim_of_the_same_moment_replaces() -> None:
    assert replaceable([5], [5]) == {5}


@pytest.mark.parametrize(
    "gap", [(NEAR_S, NEAR_S, True), (NEAR_S + 1, 1, False), (1, NEAR_S + 1, False)]
)
def test_sound_claims_replace_within_a_day(gap: tuple[int, int, bool]) -> None:
    before, after, is_replaced = gap
    assert replaceable([0], [-before, after]) == ({0} if is_replaced else set())


def test_a_doubted_claim_between_sound_ones_is_set_aside() -> None:
    assert rules(judged(course({20: 4, 30: 2}))) == {20: Rule.STATUS, 30: Rule.CLOCK}


def test_the_neighbours_of_a_doubted_claim_are_told() -> None:
    said = course({20: 4})
    (each,) = judged(said).unsound
    assert (each.before, each.after) == (said[19], said[21])


def test_the_newest_claim_is_kept_though_doubted() -> None:
    said = course({39: 4})
    found = judged(said)
    assert found.unsound == ()
    assert [each.claim for each in found.doubted] == [said[39]]


def test_a_register_that_doubts_itself_always_is_kept() -> None:
    found = judged(course(dict.fromkeys(range(40), 2)))
    assert found.unsound == ()
    assert len(found.doubted) == len(found.elected) == 40


def test_doubted_claims_bear_no_break_out() -> None:
    said = course(dict.fromkeys(range(20, 30), 4))
    said[20:30] = [claim._replace(raw=5_000_000 + n) for n, claim in enumerate(said[20:30])]
    assert judged(said).breaks == ()


def test_a_rival_without_doubt_is_elected() -> None:
    said = [*course({20: 4}), StoredClaim(1, 20 * QUARTER_S, 1205, METER)]
    assert judged(said).elected[1, 20 * QUARTER_S].raw == 1205


def test_a_dial_is_taken_before_a_doubted_claim() -> None:
    said = [*course({39: 4}), StoredClaim(1, 39 * QUARTER_S, 1391, SELF_READ)]
    assert judged(said).elected[1, 39 * QUARTER_S].raw == 1391


def test_a_false_number_has_its_own_rule() -> None:
    said = course({20: 4})
    said[20] = said[20]._replace(raw=0)
    assert rules(judged(said)) == {20: Rule.FALL}


def test_what_a_person_restored_is_not_doubted() -> None:
    said = course({20: 4})
    word = Ruling(1, said[20].ts, said[20].raw, METER, "restore", 1)
    found = judged(said, rulings=[word])
    assert (found.unsound, found.doubted) == ((), ())


@st.composite
def histories(draw: st.DrawFn) -> list[StoredClaim]:
    """A course with doubts, false rows, rivals and rows of a coarse channel."""
    said = course(draw(st.dictionaries(st.integers(0, 39), st.sampled_from([1, 2, 6, 8]))))
    for n in draw(st.sets(st.integers(0, 39), max_size=4)):
        said[n] = said[n]._replace(raw=draw(st.sampled_from([0, 900, 99_000_000])))
    for n in draw(st.sets(st.integers(0, 39), max_size=4)):
        status = draw(st.sampled_from([None, 1, 2]))
        channel_id, raw = draw(st.sampled_from([(1, 1003 + 10 * n), (2, 100 + n)]))
        said.append(StoredClaim(channel_id, QUARTER_S * n, raw, METER, status))
    keys = {claim.key: claim for claim in said}
    return list(keys.values())


@given(histories(), st.randoms(use_true_random=False))
def test_every_order_gives_the_same(said: list[StoredClaim], random: Random) -> None:
    first = judged(said)
    random.shuffle(said)
    assert judged(said) == first


@given(histories())
def test_no_claim_is_lost(said: list[StoredClaim]) -> None:
    found = judged(said)
    elected = set(found.elected.values())
    unsound = {each.claim for each in found.unsound}
    assert not elected & unsound
    assert {each.claim for each in found.doubted} <= elected
    doubted = {claim for claim in elected if BITS.rule(claim.status) is not None}
    assert doubted == {each.claim for each in found.doubted}


@given(histories())
def test_what_is_elected_is_judged_the_same_again(said: list[StoredClaim]) -> None:
    found = judged(said)
    again = judge_dial(
        Claims(found.elected, [claim for claim in said if claim not in found.elected.values()]),
        CHANNELS,
        Decimal(72),
        BITS,
    )
    assert again.elected == found.elected
