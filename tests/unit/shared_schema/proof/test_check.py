"""A proof that holds, and every way to spoil one."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_schema.catalogue import Service
from shared_schema.proof.check import check
from shared_schema.proof.pack import NotAProof, Proof, read_proof, write_proof
from shared_schema.proof.verdict import fingerprint_of
from shared_schema.proof.words import number_text
from tests.support.gateway import ENERGY
from tests.support.proof_cases import CASES, case, estimated, flips, plain, rotation, self_read
from tests.support.proof_cases import rollover as rolled_over
from tests.support.proofs import END, HOUR, NEIGHBOUR, START, Maker

SERVICES = pytest.mark.parametrize("service", list(Service))
EVERY_CASE = pytest.mark.parametrize("make", CASES, ids=lambda each: each.__name__)
PLAIN = case(plain)
ROLLED = case(rolled_over)
ESTIMATED = case(estimated)


def failing(proof: Proof, trusted: frozenset[str] = frozenset()) -> set[str]:
    return {each.name for each in check(proof, trusted).checks if not each.holds}


def changed(proof: Proof, path: str, value: Any) -> Proof:
    """The same proof, with one field of it changed."""
    document = json.loads(write_proof(proof))
    at = document
    *way, last = path.split(".")
    for step in way:
        at = at[int(step) if step.isdigit() else step]
    at[int(last) if last.isdigit() else last] = value
    return read_proof(json.dumps(document).encode())


@SERVICES
@EVERY_CASE
def test_a_proof_holds_in_every_case(make: Callable[[Maker], None], service: Service) -> None:
    found = case(make, service)
    assert failing(read_proof(write_proof(found.proof))) == set()
    assert check(found.proof).state == "consistent"


@EVERY_CASE
def test_the_keys_of_the_sheet_tie_it(make: Callable[[Maker], None]) -> None:
    found = case(make)
    verdict = check(found.proof, found.fingerprints)
    assert verdict.state == ("tied" if verdict.signed_borders else "consistent")


def test_of_two_keys_one_alone_ties_nothing() -> None:
    found = case(rotation)
    for each in found.fingerprints:
        assert failing(found.proof, frozenset({each})) == {"trust"}


def test_a_signature_of_what_was_not_counted_ties_nothing() -> None:
    maker = Maker()
    maker.others.append(maker.signed(END, 12_374_755))
    self_read(maker)
    proof = maker.proof()
    (key,) = proof.keys
    verdict = check(proof, {fingerprint_of(key)})
    assert (verdict.state, verdict.signed_borders) == ("untied", 0)


def test_without_a_signature_no_key_ties_it() -> None:
    found = case(self_read)
    assert check(found.proof).signed_borders == 0
    assert failing(found.proof, frozenset({"0" * 64})) == {"trust"}


@pytest.mark.parametrize("name", ["header", "blocks", "signature"])
@pytest.mark.parametrize("index", [0, 1])
def test_every_bit_of_a_signed_byte_is_checked(name: str, index: int) -> None:
    batches = list(PLAIN.proof.batches)
    batch = batches[index]
    line = batch.blocks[0] if name == "blocks" else getattr(batch, name)
    for spoilt in flips(line):
        batches[index] = batch.model_copy(update={name: (spoilt,) if name == "blocks" else spoilt})
        proof = PLAIN.proof.model_copy(update={"batches": tuple(batches)})
        assert check(proof).state == "spoilt", spoilt


def test_every_bit_of_the_number_is_checked() -> None:
    number = PLAIN.proof.number
    assert number is not None
    for spoilt in flips(number.message):
        told = number.model_copy(update={"message": spoilt})
        assert failing(PLAIN.proof.model_copy(update={"number": told})) == {"number"}


def test_a_turned_highest_bit_is_no_text() -> None:
    data = bytearray(write_proof(PLAIN.proof))
    for place in range(0, len(data), 7):
        data[place] ^= 0x80
        with pytest.raises(NotAProof):
            read_proof(bytes(data))
        data[place] ^= 0x80


def number_with(proof: Proof, **values: Any) -> Proof:
    """The number with other fields, and with the hash that fits them."""
    assert proof.number is not None
    line = json.dumps(json.loads(proof.number.message) | values)
    digest = hashlib.sha256(line.encode()).hexdigest()
    return changed(proof, "number", {"message": line, "sha256": digest})


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"quantity": "29.754"}, {"sum", "bounds"}),
        ({"subject": {"type": "unit", "id": "A-1205"}}, {"subject"}),
        ({"month": "2026-09"}, {"subject"}),
        ({"unit": "kL"}, {"subject"}),
        ({"bounds": {"lower": "30", "upper": "31"}}, {"bounds"}),
        ({"parts": []}, {"parts"}),
        ({"quantity": 29.755}, {"number"}),
    ],
)
def test_a_number_that_was_written_anew_is_told(values: dict[str, Any], says: set[str]) -> None:
    assert failing(number_with(PLAIN.proof, **values)) == says


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("parts.0.closing.register", "12374.756", {"parts", "reading", "difference"}),
        ("parts.0.closing.at", "2026-10-31T18:30:01Z", {"parts", "reading"}),
        ("parts.0.closing.adds", "1", {"epochs", "difference"}),
        ("parts.0.closing.signed.row", 0, {"reading"}),
        ("parts.0.closing.signed.row", 2, {"reading"}),
        ("parts.0.closing.signed.column", 1, {"reading"}),
        ("parts.0.closing.signed.block", 1, {"reading"}),
        ("parts.0.closing.signed.batch", 7, {"reading"}),
        ("parts.0.closing.meter.serial", NEIGHBOUR, {"parts", "reading"}),
        ("parts.0.closing.obis", "1.0.2.8.0.255", {"parts", "reading"}),
        ("parts.0.closing.origin", "edit", {"parts", "reading"}),
        ("parts.0.closing.unsigned", "never", {"reading"}),
        ("keys.0.public_key", "00" * 32, {"key", "signature", "block", "reading"}),
        ("keys.0.gateway", "gw-b", {"signature", "block", "reading"}),
        ("month", "2026-09", {"subject"}),
        ("unit", "kL", {"subject"}),
        ("state", "withheld", {"number"}),
    ],
)
def test_what_was_changed_is_named(path: str, value: Any, says: set[str]) -> None:
    assert failing(changed(PLAIN.proof, path, value)) == says


@pytest.mark.parametrize(
    ("path", "value"),
    [("epochs.0.adds", "99999"), ("epochs.0.starts_at", "2026-11-30T00:00:00Z"), ("epochs", [])],
)
def test_what_no_entry_adds_is_told(path: str, value: Any) -> None:
    assert failing(changed(ROLLED.proof, path, value)) == {"epochs"}


def test_a_placed_border_lies_between_its_neighbours() -> None:
    maker = Maker()
    estimated(maker)
    part = maker.parts[0]
    before = maker.signed(END, 12_374_501)
    maker.parts[0] = part.model_copy(
        update={"closing": part.closing.model_copy(update={"before": before})}
    )
    assert failing(maker.proof()) == {"placed"}


def test_a_register_that_fell_is_no_month() -> None:
    maker = Maker()
    maker.part(maker.signed(START, 12_374_755), maker.signed(END, 12_345_000))
    assert failing(maker.proof()) == {"difference"}


def test_a_meter_that_is_counted_twice_is_told() -> None:
    maker = Maker()
    maker.part(maker.signed(START, 1000), maker.signed(END, 2000))
    maker.part(maker.signed(END - HOUR, 1900), maker.signed(END + HOUR, 2100))
    assert failing(maker.proof()) == {"apart"}


def test_a_border_beside_the_months_is_told() -> None:
    maker = Maker()
    maker.part(maker.signed(START + HOUR, 1000), maker.signed(END, 2000))
    assert [(each.name, each.about) for each in check(maker.proof()).claims] == [
        ("beside", "parts.0.opening")
    ]


def test_a_meter_in_another_spelling_is_counted_once() -> None:
    maker = Maker()
    for serial in ("\u00e91", "e\u03011"):
        maker.part(maker.signed(START, 1000, serial), maker.signed(END, 2000, serial))
    assert failing(maker.proof()) == {"apart"}


def test_a_zone_that_nobody_knows_hides_no_border() -> None:
    for opening, told in ((START, []), (START - 24 * HOUR, ["beside"])):
        maker = Maker()
        maker.part(maker.signed(opening, 1000), maker.signed(END, 2000))
        proof = changed(maker.proof(), "zone", "Mars/Phobos")
        assert [each.name for each in check(proof).claims] == told


def test_a_register_has_one_channel() -> None:
    maker = Maker()
    maker.epoch(START - 1000 * HOUR, "500")
    opening = maker.signed(START, 1000).model_copy(update={"channel": 1})
    maker.part(opening, maker.signed(END, 2000, adds="500"))
    assert failing(maker.proof()) == {"epochs"}


def test_another_scaler_may_have_another_channel() -> None:
    maker = Maker()
    maker.column = ENERGY.model_copy(update={"scaler": 1})
    maker.epoch(START - 1000 * HOUR, "500")
    opening = maker.signed(START, 100).model_copy(update={"channel": 1})
    maker.column = ENERGY
    maker.part(opening, maker.signed(END, 2000, adds="500"))
    assert failing(maker.proof()) == set()


def test_a_number_is_of_no_month_after_its_own() -> None:
    assert failing(number_with(PLAIN.proof, since="2026-11")) == {"subject"}
    assert failing(number_with(PLAIN.proof, since="2026-08")) == set()


def test_a_catch_up_names_its_months() -> None:
    told = number_text(number_with(PLAIN.proof, since="2026-08"))
    assert told == "29.755 kWh, version 1, for 2026-08 to 2026-10"


def test_another_gateways_word_is_not_taken() -> None:
    """Who has a key of his own signs whatever he likes; only the fingerprint tells."""
    forged = case(plain)
    assert check(forged.proof).state == "consistent"
    assert failing(forged.proof, PLAIN.fingerprints) == {"trust"}


def test_claims_name_what_nobody_signed() -> None:
    told = {
        make.__name__: [(each.name, each.about) for each in check(case(make).proof).claims]
        for make in CASES
    }
    assert told["plain"] == told["rotation"] == []
    assert told["replacement"] == [
        ("beside", "parts.0.closing"),
        ("beside", "parts.1.opening"),
    ]
    assert told["taken_back"] == [("revoked", "keys.0")]
    assert told["self_read"] == [("self_read", "parts.0.opening"), ("edit", "parts.0.closing")]
    assert told["edited"] == [("edit", "parts.0.closing")]
    assert told["estimated"] == [("estimate", "parts.0.closing")]
    assert told["imported"] == [("imported", "parts.0.opening")]
    assert told["rollover"] == [("epoch", "epochs.0")]


def test_a_field_that_is_not_known_is_refused() -> None:
    document = json.loads(write_proof(PLAIN.proof)) | {"note": "trust me"}
    with pytest.raises(NotAProof, match="note"):
        read_proof(json.dumps(document).encode())


def test_a_file_that_is_too_large_is_refused() -> None:
    with pytest.raises(NotAProof, match="has 4194304 at most"):
        read_proof(b" " * 4_194_305)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=20,
)


@given(st.binary(max_size=400) | JSON.map(lambda each: json.dumps(each).encode()))
def test_garbage_gives_the_one_error(data: bytes) -> None:
    with pytest.raises(NotAProof):
        read_proof(data)


@given(st.data())
def test_any_field_may_hold_anything(data: st.DataObject) -> None:
    document = json.loads(write_proof(ESTIMATED.proof))
    at: Any = document
    while True:
        key = data.draw(st.sampled_from(list(at) if isinstance(at, dict) else range(len(at))))
        if not isinstance(at[key], (dict, list)) or not at[key] or data.draw(st.booleans()):
            break
        at = at[key]
    at[key] = data.draw(JSON | st.sampled_from(["0", "-1.5", "2026-02-30T00:00:00Z", 65535]))
    try:
        proof = read_proof(json.dumps(document).encode())
    except NotAProof:
        return
    assert check(proof).state in {"spoilt", "consistent"}
