# SPDX-License-Identifier: MIT
"""The hint of crossed meters: exchanged pairs give one, sound flats and empty ones none."""

from collections.abc import Sequence
from random import Random

from cloud_ingest.core.rules.crossed import Activity, CrossedHint, crossed_hints
from cloud_ingest.scoring.crossed_score import dwelling

DAYS = 56
Flats = dict[str, Activity]


def tower(seed: int = 5, flats: int = 16) -> tuple[Flats, Flats]:
    rng = Random(seed)
    made = {str(number): dwelling(rng, DAYS) for number in range(flats)}
    return {n: own[0] for n, own in made.items()}, {n: own[1] for n, own in made.items()}


def exchanged(meters: Flats, first: str, second: str) -> Flats:
    return {**meters, first: meters[second], second: meters[first]}


def pairs(hints: Sequence[CrossedHint]) -> list[tuple[str, str]]:
    return [(hint.first, hint.second) for hint in hints]


def test_exchanged_water_meters_give_a_hint() -> None:
    water, electricity = tower()
    (hint,) = crossed_hints(exchanged(water, "3", "7"), electricity)
    assert (hint.first, hint.second) == ("3", "7")
    assert hint.own < hint.exchanged
    assert 0 < hint.lower < hint.exchanged - hint.own < hint.upper


def test_exchanged_electricity_meters_give_a_hint() -> None:
    water, electricity = tower()
    assert pairs(crossed_hints(water, exchanged(electricity, "3", "7"))) == [("3", "7")]


def test_sound_flats_give_no_hint() -> None:
    assert not crossed_hints(*tower())


def test_both_services_exchanged_cannot_be_seen() -> None:
    water, electricity = tower()
    both = exchanged(water, "3", "7"), exchanged(electricity, "3", "7")
    assert not crossed_hints(*both)


def test_a_few_days_give_no_hint() -> None:
    water, electricity = tower()
    short = {n: own[:20] for n, own in exchanged(water, "3", "7").items()}
    assert not crossed_hints(short, electricity)


def test_a_known_pair_stays_with_less_evidence() -> None:
    water, electricity = tower(flats=8)
    crossed = exchanged(water, "2", "6")
    assert not crossed_hints(crossed, electricity)
    assert pairs(crossed_hints(crossed, electricity, {("2", "6")})) == [("2", "6")]


def test_a_known_pair_that_is_corrected_goes() -> None:
    assert not crossed_hints(*tower(), {("3", "7")})


def test_unknown_days_are_left_out() -> None:
    water, electricity = tower()
    crossed = exchanged(water, "3", "7")
    crossed["3"] = [None if day % 9 == 0 else own for day, own in enumerate(crossed["3"])]
    (hint,) = crossed_hints(crossed, electricity)
    assert hint.days == DAYS - 7


def test_empty_flats_give_no_hint() -> None:
    water, electricity = tower()
    nothing = [[0.0] * 24] * DAYS
    assert not crossed_hints({**water, "3": nothing, "7": nothing}, electricity)


def test_a_flat_with_one_service_is_left_out() -> None:
    water, electricity = tower()
    crossed = exchanged(water, "3", "7")
    del electricity["7"]
    assert not crossed_hints(crossed, electricity)


def test_no_flats_give_no_hint() -> None:
    assert not crossed_hints({}, {})
