# SPDX-License-Identifier: GPL-2.0-only
"""Sealing and opening: the books' vectors, the meter's own code, and changed bytes."""

import pytest
from gurux_dlms.enums import Security
from gurux_dlms.GXDLMSChipperingStream import GXDLMSChipperingStream
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge_agent.dlms.ciphering import Opener, decipher, is_proof, proof, seal, with_length
from edge_agent.dlms.security import (
    Keys,
)
from edge_agent.errors import (
    ProtocolViolation,
)
from edge_agent.virtual import security as meter
from tests.vectors import security as vectors

KEYS = Keys(vectors.ENCRYPTION_KEY, vectors.AUTHENTICATION_KEY)
TITLE = vectors.METER_TITLE
FROM_METER = [each for each in vectors.INSIDE if each.title == TITLE]
titles = st.binary(min_size=8, max_size=8)
numbers = st.integers(0, 2**32 - 1)


def _around(vector: vectors.Ciphered) -> bytes:
    tag = {0x08: 0x28, 0xC4: 0xCC, 0xC7: 0xCF}[vector.plain[0]]
    return bytes((tag, len(vector.content))) + vector.content


@pytest.mark.parametrize("vector", FROM_METER)
def test_the_answers_of_the_books_are_opened(vector: vectors.Ciphered) -> None:
    number = int.from_bytes(vector.content[1:5], "big")
    assert decipher(_around(vector), KEYS, TITLE, -1, "A-1") == (vector.plain, number)


def test_the_initiate_response_of_the_books() -> None:
    vector = vectors.BOOK_INITIATE_RESPONSE
    assert decipher(_around(vector), KEYS, TITLE, -1, "A-1")[0] == vector.plain


@pytest.mark.parametrize("vector", [*vectors.PROOFS, *vectors.ANSWERS])
def test_the_proofs_of_the_books(vector: vectors.Proof) -> None:
    number = int.from_bytes(vector.answer[1:5], "big")
    assert proof(KEYS, vector.title, number, vector.challenge) == vector.answer
    assert is_proof(vector.answer, KEYS, vector.title, vector.challenge)
    assert not is_proof(vector.answer, KEYS, vector.title, vector.challenge + b"x")
    assert not is_proof(vector.answer[:-1], KEYS, vector.title, vector.challenge)
    assert not is_proof(b"", KEYS, vector.title, vector.challenge)


@st.composite
def key_sets(draw: st.DrawFn) -> tuple[Keys, meter.KeySet]:
    suite = draw(st.sampled_from((0, 1, 2)))
    size = 32 if suite == 2 else 16
    encryption, authentication = (draw(st.binary(min_size=size, max_size=size)) for _ in "12")
    return Keys(encryption, authentication, suite), meter.KeySet(encryption, authentication, suite)


@given(key_sets(), titles, numbers, st.binary(max_size=600), st.booleans())
def test_what_the_meters_own_code_ciphers_is_opened(
    both: tuple[Keys, meter.KeySet], title: bytes, number: int, data: bytes, general: bool
) -> None:
    keys, its_keys = both
    plain = b"\xc4\x01\xc1\x00" + data
    vault = meter.Vault(its_keys, title, counters={}, general=general)
    vault._own = number - 1
    assert decipher(vault.close_response(plain), keys, title, number - 1, "A-1") == (plain, number)


@given(key_sets(), titles, numbers, st.binary(max_size=300))
def test_the_meters_own_code_opens_sealed_requests(
    both: tuple[Keys, meter.KeySet], title: bytes, number: int, plain: bytes
) -> None:
    keys, its_keys = both
    content = seal(keys, title, number, plain)
    assert meter.unseal(its_keys, title, content) == (number, plain)
    assert with_length(content) == meter.Vault._sized(content)


@settings(max_examples=20)
@given(key_sets(), titles, numbers, st.binary(min_size=1, max_size=100))
def test_the_librarys_own_aes_seals_the_same(
    both: tuple[Keys, meter.KeySet], title: bytes, number: int, plain: bytes
) -> None:
    keys, _ = both
    content = seal(keys, title, number, plain)
    stream = GXDLMSChipperingStream(
        Security.AUTHENTICATION_ENCRYPTION,
        True,
        bytearray(keys.encryption),
        bytearray(content[:1] + keys.authentication),
        bytearray(title + content[1:5]),
        None,
    )
    stream.write(bytearray(plain))
    hidden = bytes(stream.flushFinalBlock())
    assert content == content[:5] + hidden + bytes(stream.tag)


@pytest.mark.parametrize("vector", [*vectors.BOOK, *vectors.INSIDE])
def test_the_books_are_sealed(vector: vectors.Ciphered) -> None:
    number = int.from_bytes(vector.content[1:5], "big")
    assert seal(KEYS, vector.title, number, vector.plain) == vector.content


@given(key_sets(), titles, numbers, st.binary(max_size=64))
def test_both_sides_make_the_same_proof(
    both: tuple[Keys, meter.KeySet], title: bytes, number: int, challenge: bytes
) -> None:
    keys, its_keys = both
    assert proof(keys, title, number, challenge) == meter.gmac(its_keys, title, number, challenge)


@given(st.integers(0, 8 * len(vectors.AE_CLOCK) - 1))
def test_one_changed_bit_gives_no_value(bit: int) -> None:
    changed = bytearray(vectors.AE_CLOCK)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ProtocolViolation):
        decipher(bytes(changed), KEYS, TITLE, -1, "A-1")


@given(st.binary(max_size=80))
@example(b"")
@example(vectors.AE_CLOCK[:6])
@example(b"\xdb\x08" + TITLE)
@example(b"\xdb\x88" + TITLE)
def test_any_bytes_are_a_violation(data: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        decipher(data, KEYS, TITLE, -1, "A-1")


@pytest.mark.parametrize(
    ("apdu", "said"),
    [
        ("C4 01 C1 00 06 00 17 83 BA", "does not cipher"),
        ("DC 08 4D4D4D0000000001 05 3000000001", "general-ded-ciphering, under a dedicated key"),
        ("D4 05 3000000001", "ded-get-response, under a dedicated key"),
        ("DD 00", "general-ciphering, under a key that it names itself"),
        ("CC 1A 10" + vectors.AE_ENERGY[3:].hex(), "in another way"),  # authenticated alone
        ("CC 1A 20" + vectors.AE_ENERGY[3:].hex(), "in another way"),  # encrypted alone
        ("CC 1A 00" + vectors.AE_ENERGY[3:].hex(), "in another way"),
        ("CC 1A 31" + vectors.AE_ENERGY[3:].hex(), "in another way"),  # of suite 1
        ("CF" + vectors.AE_ENERGY[1:].hex(), "another answer than it says"),
        ("DB 08" + vectors.CLIENT_TITLE.hex() + vectors.AE_ENERGY[1:].hex(), "another system"),
    ],
)
def test_an_answer_that_is_not_protected_as_agreed(apdu: str, said: str) -> None:
    with pytest.raises(ProtocolViolation, match=said):
        decipher(bytes.fromhex(apdu), KEYS, TITLE, -1, "A-1")


def test_each_answer_is_opened_once_and_in_order() -> None:
    opener = Opener(KEYS, TITLE, "A-1")
    opener.open(vectors.AE_CLOCK)
    opener.open(vectors.AE_ENERGY)
    for old in (vectors.AE_ENERGY, vectors.AE_CLOCK):
        with pytest.raises(ProtocolViolation, match="before"):
            opener.open(old)
    assert opener.open(vectors.COUNTER_ERROR) == vectors.COUNTER_ERROR
