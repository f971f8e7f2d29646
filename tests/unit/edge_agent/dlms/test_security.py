# SPDX-License-Identifier: GPL-2.0-only
"""Opening what a meter ciphers: the books' vectors, the meter's own code, and changed bytes."""

import contextlib

import pytest
from gurux_dlms.enums import Security
from gurux_dlms.GXDLMSChipperingStream import GXDLMSChipperingStream
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge_agent.dlms.aare import acceptance, refusal
from edge_agent.dlms.apdu import method_result
from edge_agent.dlms.ciphering import Opener, decipher, is_proof, proof, seal, sized
from edge_agent.dlms.security import (
    Ciphering,
    Keys,
    Mode,
    client_title,
    counter_object,
    parse_key,
)
from edge_agent.errors import (
    ConfigurationError,
    CounterRefused,
    PasswordRefused,
    ProtocolViolation,
    Unexplained,
)
from edge_agent.virtual import security as meter
from shared_schema.obis import Obis
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
def test_what_is_sealed_is_opened_by_the_meters_own_code(
    both: tuple[Keys, meter.KeySet], title: bytes, number: int, plain: bytes
) -> None:
    keys, its_keys = both
    content = seal(keys, title, number, plain)
    assert meter.unseal(its_keys, title, content) == (number, plain)
    assert sized(content) == meter.Vault._sized(content)


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


def test_the_acceptance_of_the_books() -> None:
    found = acceptance(vectors.GMAC_AARE, "A-1")
    assert (found.title, found.challenge) == (TITLE, vectors.STOC)
    assert found.initiate == vectors.GMAC_AARE[-33:]
    assert acceptance(vectors.AE_AARE, "A-1").challenge == b""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("05080103", "05080101", "without ciphering"),
        ("A40A0408" + TITLE.hex(), "A40A0408" + "00" * 7, "half|system title|not readable"),
        ("A40A0408" + TITLE.hex(), "", "system title"),
        ("BE230421", "BE230521", "terms"),
    ],
)
def test_an_acceptance_with_other_terms(old: str, new: str, said: str) -> None:
    changed = vectors.AE_AARE.hex().upper().replace(old.upper(), new)
    with pytest.raises(ProtocolViolation, match=said):
        acceptance(bytes.fromhex(changed), "A-1")


@given(st.binary(max_size=40))
def test_any_aare_is_read_or_a_violation(tail: bytes) -> None:
    with contextlib.suppress(ProtocolViolation):
        acceptance(b"\x61" + tail, "A-1")


def test_refusals_by_what_helps() -> None:
    assert isinstance(refusal(bytes.fromhex("D80105"), "A-1", 32), PasswordRefused)
    found = refusal(vectors.COUNTER_ERROR, "A-1", 32)
    assert isinstance(found, CounterRefused)
    assert not isinstance(found, PasswordRefused)
    assert found.expected == 0x104
    for answer in ("D80103", "D801", "D8", "D8010600"):
        assert isinstance(refusal(bytes.fromhex(answer), "A-1", 32), Unexplained)
    terms = refusal(bytes.fromhex("0E010602"), "A-1", 32)
    assert not isinstance(terms, PasswordRefused | CounterRefused)


def test_the_reply_of_the_meter() -> None:
    assert method_result(bytes.fromhex("C701C1000100090161"), "A-1") == (0, b"a")
    assert method_result(bytes.fromhex("C701C1FA00"), "A-1") == (250, b"")
    assert method_result(bytes.fromhex("C701C10000"), "A-1") == (0, b"")
    for answer in ("C401C10000", "C701", "C701C1000100090261"):
        with pytest.raises(ProtocolViolation):
            method_result(bytes.fromhex(answer), "A-1")


@pytest.mark.parametrize(
    ("text", "suite", "key"),
    [
        (b"000102030405060708090A0B0C0D0E0F\n", 0, bytes(range(16))),
        (b"00 01 02 03 04 05 06 07\n08 09 0a 0b 0c 0d 0e 0f", 0, bytes(range(16))),
        (b"AAAAAAAAAAAAAAAA\r\n", 0, b"A" * 16),
        (b"0123456789012345", 1, b"0123456789012345"),
        (b"ab" * 32, 2, b"\xab" * 32),
        (b"z" * 32, 2, b"z" * 32),
    ],
)
def test_keys_as_digits_or_characters(text: bytes, suite: int, key: bytes) -> None:
    assert parse_key(text, suite, "the key") == key


@pytest.mark.parametrize("text", [b"", b"secret", b"zz" * 16, b"ab" * 15, b"ab" * 32])
def test_what_is_no_key_is_not_shown(text: bytes) -> None:
    with pytest.raises(ConfigurationError, match="the key must hold 32 hexadecimal") as caught:
        parse_key(text, 0, "the key")
    assert not text or text.decode() not in str(caught.value)


def test_keys_are_never_shown() -> None:
    for shown in (repr(KEYS), str(KEYS), repr(Ciphering(KEYS, TITLE, gmac=True))):
        assert "\\x0a" not in shown
        assert "\\xd1" not in shown
        assert "d0d1" not in shown.lower()


def test_a_title_belongs_to_one_place() -> None:
    titles = {client_title(f"gw-1/riser-1/1/{address}/32") for address in range(1, 500)}
    assert len(titles) == 499
    assert {len(title) for title in titles} == {8}


def test_counters_and_modes() -> None:
    assert counter_object(32) == Obis(0, 0, 43, 1, 2, 255)
    assert counter_object(48) == Obis(0, 0, 43, 1, 3, 255)
    assert [mode for mode in Mode if mode.ciphered] == [
        Mode.LLS_AE,
        Mode.HLS_GMAC,
        Mode.HLS_SHA256,
        Mode.HLS_ECDSA,
    ]
    assert [mode for mode in Mode if not mode.has_password] == [
        Mode.NONE,
        Mode.HLS_GMAC,
        Mode.HLS_ECDSA,
    ]
    assert [mode for mode in Mode if mode.usual] == [
        Mode.NONE,
        Mode.LLS,
        Mode.LLS_AE,
        Mode.HLS_GMAC,
    ]
