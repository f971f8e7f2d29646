"""Keys that follow one another: what the fingerprint of one of them ties, and what was forged."""

import json
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_schema.proof.check import check
from shared_schema.proof.pack import Proof, read_proof, write_proof
from shared_schema.proof.signatures import Signatures
from shared_schema.proof.succession import SignedBy, Step, followed, holding
from shared_schema.proof.verdict import fingerprint_of
from shared_schema.signing import fingerprint, generate_key, key_id
from tests.support.gateway import Sealer
from tests.support.proof_cases import case, flips, plain, succession
from tests.support.proofs import END, HOUR, START, Maker

SUCCESSION = case(succession)
FIRST = fingerprint_of(SUCCESSION.proof.keys[0])
STEPS = (1, 3)
"""Of its batches, those that name a next key."""


def test_the_first_key_vouches_for_those_that_follow() -> None:
    verdict = check(SUCCESSION.proof, {FIRST})
    assert (verdict.state, verdict.followers) == ("tied", (1, 2))


@pytest.mark.parametrize(("given", "untied"), [(1, {0}), (2, {0, 2})])
def test_a_later_key_vouches_for_none_before_it(given: int, untied: set[int]) -> None:
    verdict = check(SUCCESSION.proof, {fingerprint_of(SUCCESSION.proof.keys[given])})
    failing_at = {each.about for each in verdict.checks if not each.holds}
    assert verdict.state == "untied"
    assert failing_at == {f"batches.{index}" for index in untied}


@given(st.lists(st.integers(0, 99), min_size=1, max_size=8, unique=True), st.data())
def test_a_key_leads_to_those_behind_it_alone(names: list[int], data: st.DataObject) -> None:
    keys = [("gw-a", f"{name}") for name in names]
    steps = data.draw(st.permutations([Step(*pair) for pair in pairwise(keys)]))
    batches = [SignedBy(key, "s", seq) for seq, key in enumerate(keys)]
    assert all(holding(steps, keys, data.draw(st.permutations(batches))))
    at = data.draw(st.integers(0, len(keys) - 1))
    assert followed({keys[at]}, steps) == frozenset(keys[at:])
    if at:
        back = [*steps, Step(keys[-1], keys[at - 1])]
        assert not all(holding(back, keys, batches))


def test_what_the_next_key_alone_signed_is_tied_by_it() -> None:
    maker = Maker()
    first = maker.sealer.key.public_key()
    maker.know(maker.sealer.key)
    maker.name_next()
    plain(maker)
    proof = maker.proof()
    for each in proof.keys:
        assert check(proof, {fingerprint_of(each)}).state == "tied"
    assert check(proof, {fingerprint(first)}).followers == (1,)


@pytest.mark.parametrize("step", STEPS)
def test_without_its_step_a_key_is_tied_to_none(step: int) -> None:
    maker = Maker()
    succession(maker)
    document = json.loads(write_proof(maker.proof()))
    empty = maker.batches[step - 1].model_dump(mode="json")
    document["batches"][step] = empty  # the places of the others stay
    proof = read_proof(json.dumps(document).encode())
    assert check(proof, {fingerprint_of(proof.keys[0])}).state == "untied"


def forged(make: Callable[[Maker], None]) -> tuple[Proof, str]:
    """A proof whose first key signed its opening, and that key's fingerprint."""
    maker = Maker()
    opening = maker.signed(START, 12_345_000)
    trusted = fingerprint(maker.sealer.key.public_key())
    make(maker)
    maker.part(opening, maker.signed(END, 12_374_755))
    return maker.proof(), trusted


def names_itself(maker: Maker) -> None:
    maker.sealer.key = generate_key()
    maker.name_next(maker.sealer.key)


def of_a_strangers_key(maker: Maker) -> None:
    maker.sealer.key = generate_key()
    maker.know(maker.sealer.key)
    maker.name_next()


def of_another_gateway(maker: Maker) -> None:
    """The trusted key signs for gw-b too, and names there what then signs for gw-a."""
    own, first = maker.sealer, maker.sealer.key
    maker.sealer = Sealer("gw-b", first)
    maker.name_next()
    successor = maker.sealer.key
    maker.keys["at gw-b"] = maker.keys.pop(key_id(successor.public_key()))
    maker.know(first)
    maker.keys["first at gw-b"] = maker.keys.pop(key_id(first.public_key()))
    own.key = first
    maker.sealer = own
    maker.know(first)
    own.key = successor


def in_a_loop(maker: Maker) -> None:
    first = maker.sealer.key
    maker.name_next()
    maker.name_next(first)
    maker.sealer.key = generate_key()
    maker.know(maker.sealer.key)


def in_a_loop_of_streams(maker: Maker) -> None:
    first = maker.sealer.key
    maker.name_next()
    maker.sealer = Sealer("gw-a", maker.sealer.key)
    maker.name_next(first)
    maker.sealer = Sealer("gw-a", first)


def twice(maker: Maker) -> None:
    first = maker.sealer.key
    maker.name_next()
    maker.sealer.key = first
    maker.name_next()


def with_the_former_key_at_work(maker: Maker) -> None:
    first = maker.sealer.key
    maker.name_next()
    maker.others.append(maker.signed(END - HOUR, 12_374_000))
    maker.sealer.key = first


def of_a_key_that_the_proof_lacks(maker: Maker) -> None:
    first = maker.sealer.key
    maker.name_next()
    del maker.keys[key_id(maker.sealer.key.public_key())]
    maker.sealer.key = first


@pytest.mark.parametrize(
    ("make", "state"),
    [
        (names_itself, "spoilt"),
        (of_a_strangers_key, "untied"),
        (of_another_gateway, "untied"),
        (in_a_loop, "spoilt"),
        (in_a_loop_of_streams, "spoilt"),
        (twice, "spoilt"),
        (with_the_former_key_at_work, "spoilt"),
        (of_a_key_that_the_proof_lacks, "spoilt"),
    ],
)
def test_a_forged_step_leads_nowhere(make: Callable[[Maker], None], state: str) -> None:
    proof, trusted = forged(make)
    verdict = check(proof, {trusted})
    assert verdict.state == state
    assert {each.name for each in verdict.checks if not each.holds} <= {"step", "trust"}


def test_until_the_next_key_signs_the_former_one_does() -> None:
    maker = Maker()
    opening, first = maker.signed(START, 12_345_000), maker.sealer.key
    maker.name_next()
    successor, maker.sealer.key = maker.sealer.key, first
    maker.others.append(maker.signed(END - HOUR, 12_374_000))
    maker.sealer.key = successor
    maker.part(opening, maker.signed(END, 12_374_755))
    assert check(maker.proof(), {fingerprint(first.public_key())}).state == "tied"


@pytest.mark.parametrize("name", ["header", "blocks", "signature"])
def test_every_bit_of_a_step_is_checked(name: str) -> None:
    batch = SUCCESSION.proof.batches[STEPS[0]]
    line = batch.blocks[0] if name == "blocks" else getattr(batch, name)
    for spoilt in (line, *flips(line)):
        told = {name: (spoilt,) if name == "blocks" else spoilt}
        proof = SUCCESSION.proof.model_copy(update={"batches": (batch.model_copy(update=told),)})
        assert all(each.holds for each in Signatures(proof).checks()) == (spoilt == line), spoilt
