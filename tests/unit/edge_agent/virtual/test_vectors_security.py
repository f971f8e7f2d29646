# SPDX-License-Identifier: GPL-2.0-only
"""The virtual meter answers the hand-made ciphered vectors byte by byte.

The vectors themselves are held by GCM as NIST SP 800-38D defines it, over single blocks of AES.
"""

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.virtual.counter import SecuritySpec
from edge_agent.virtual.meter import VirtualMeter
from edge_agent.virtual.security import CounterTooLow, KeySet, Vault, gmac, seal, unseal
from edge_agent.virtual.server import Server
from tests.unit.edge_agent.virtual.steady import NOW, steady_meter
from tests.vectors import security as vectors

KEYS = KeySet(vectors.ENCRYPTION_KEY, vectors.AUTHENTICATION_KEY)


def _block(key: bytes, block: bytes) -> int:
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305  # one block
    return int.from_bytes(encryptor.update(block), "big")


def _times(x: int, y: int) -> int:
    """Multiply in GF(2^128), bit by bit, the first bit the most significant."""
    product = 0
    for bit in range(127, -1, -1):
        if y >> bit & 1:
            product ^= x
        x = x >> 1 ^ (0xE1 << 120 if x & 1 else 0)
    return product


def _gcm(key: bytes, nonce: bytes, plain: bytes, associated: bytes) -> bytes:
    """Return ciphertext and whole tag."""
    stream = b"".join(
        _block(key, nonce + number.to_bytes(4, "big")).to_bytes(16, "big")
        for number in range(2, 2 + -(-len(plain) // 16))
    )
    hidden = bytes(a ^ b for a, b in zip(plain, stream, strict=False))
    h, state = _block(key, bytes(16)), 0
    sizes = (8 * len(associated)).to_bytes(8, "big") + (8 * len(hidden)).to_bytes(8, "big")
    for part in (associated, hidden, sizes):
        padded = part + bytes(-len(part) % 16)
        for at in range(0, len(padded), 16):
            state = _times(state ^ int.from_bytes(padded[at : at + 16], "big"), h)
    tag = state ^ _block(key, nonce + b"\x00\x00\x00\x01")
    return hidden + tag.to_bytes(16, "big")


@pytest.mark.parametrize("vector", [*vectors.BOOK, *vectors.INSIDE])
def test_ciphered_vectors_hold_by_the_definition(vector: vectors.Ciphered) -> None:
    head, counter = vector.content[:1], vector.content[1:5]
    found = _gcm(
        vectors.ENCRYPTION_KEY,
        vector.title + counter,
        vector.plain,
        head + vectors.AUTHENTICATION_KEY,
    )
    assert head + counter + found[:-4] == vector.content
    number = int.from_bytes(counter, "big")
    assert seal(KEYS, vector.title, number, vector.plain) == vector.content
    assert unseal(KEYS, vector.title, vector.content) == (number, vector.plain)


@pytest.mark.parametrize("vector", [*vectors.PROOFS, *vectors.ANSWERS])
def test_proofs_hold_by_the_definition(vector: vectors.Proof) -> None:
    head, counter = vector.answer[:1], vector.answer[1:5]
    associated = head + vectors.AUTHENTICATION_KEY + vector.challenge
    found = _gcm(vectors.ENCRYPTION_KEY, vector.title + counter, b"", associated)
    assert head + counter + found[:12] == vector.answer
    number = int.from_bytes(counter, "big")
    assert gmac(KEYS, vector.title, number, vector.challenge) == vector.answer


def _meter(**fields: object) -> VirtualMeter:
    spec = SecuritySpec(KEYS, vectors.METER_TITLE, **fields)  # type: ignore[arg-type]
    return steady_meter(security=spec)


def test_low_level_security_with_authenticated_encryption() -> None:
    server = Server(_meter()._device)
    server.connect(32)
    for request, response in vectors.AE_ASSOCIATION:
        assert server.request(request, NOW).hex(" ") == response.hex(" ")


def test_gmac(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Vault, "challenge", lambda _self: vectors.STOC)
    server = Server(_meter()._device)
    server.connect(48)
    for request, response in vectors.GMAC_ASSOCIATION:
        assert server.request(request, NOW).hex(" ") == response.hex(" ")


def test_a_meter_that_does_not_explain() -> None:
    meter = _meter(explains=False, reader_counter=0x101)
    server = Server(meter._device)
    server.connect(32)
    answer = server.request(vectors.AE_AARQ, NOW)
    assert answer.endswith(bytes.fromhex("A203020101A305A103020101"))
    assert meter.vault is not None
    assert meter.vault.taken[32] == 0x101


def test_before_the_handshake_ends_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Vault, "challenge", lambda _self: vectors.STOC)
    server = Server(_meter()._device)
    server.connect(48)
    server.request(vectors.GMAC_AARQ, NOW)
    assert server.request(vectors.GMAC_GET_ENERGY, NOW).hex() == "d80101"


def test_another_challenge_is_not_answered_by_an_old_proof() -> None:
    server = Server(_meter()._device)
    server.connect(48)
    server.request(vectors.GMAC_AARQ, NOW)
    answer = server.request(vectors.REPLY_TO_HLS, NOW)
    assert len(answer) == 2 + 5 + 5 + 12  # a result and no data
    assert server.request(vectors.GMAC_GET_ENERGY, NOW).hex() == "d80101"


def test_a_ciphered_association_says_nothing_in_clear() -> None:
    server = Server(_meter()._device)
    server.connect(32)
    plain = bytes.fromhex("C001C100030100010800FF0200")
    server.request(vectors.AE_AARQ, NOW)
    assert server.request(plain, NOW).hex() == "d80101"


@pytest.mark.parametrize("at", [2, 6, 10, 20, 31])
def test_a_changed_byte_is_no_request(at: int) -> None:
    server = Server(_meter()._device)
    server.connect(32)
    server.request(vectors.AE_AARQ, NOW)
    changed = bytearray(vectors.AE_GET_CLOCK)
    changed[at] ^= 1
    assert server.request(bytes(changed), NOW).hex() == "d80105"
    assert server.request(vectors.AE_GET_CLOCK, NOW) == vectors.AE_CLOCK


def test_counters_are_shown_to_everyone() -> None:
    server = Server(_meter(utility_counter=7)._device)
    server.connect(32)
    server.request(vectors.AE_AARQ, NOW)
    server.connect(16)
    aarq = "601DA109060760857405080101BE10040E01000000065F1F0400007E1F04B0"
    server.request(bytes.fromhex(aarq), NOW)
    asked = "C001C1000100002B01{:02X}FF0200"
    assert server.request(bytes.fromhex(asked.format(2)), NOW).hex() == "c401c1000600000101"
    assert server.request(bytes.fromhex(asked.format(3)), NOW).hex() == "c401c1000600000007"


def test_keys_are_not_shown() -> None:
    assert "d0d1" not in repr(_meter().spec).lower()
    assert "\\x01" not in repr(KEYS)


_HEADS = [
    b"\x60",
    b"\xc8",
    b"\xcb",
    b"\xdb\x08" + vectors.CLIENT_TITLE,
    vectors.AE_GET_CLOCK[:10],
    vectors.AE_AARQ[:60],
    vectors.GMAC_AARQ[:70],
]


@given(
    st.sampled_from((32, 48)),
    st.lists(
        st.one_of(
            st.sampled_from((vectors.AE_AARQ, vectors.GMAC_AARQ, vectors.AE_GET_CLOCK)),
            st.tuples(st.sampled_from(_HEADS), st.binary(max_size=40)).map(b"".join),
        ),
        max_size=6,
    ),
)
def test_any_apdu_has_an_answer(client: int, apdus: list[bytes]) -> None:
    server = Server(_meter()._device)
    server.connect(client)
    for apdu in apdus:
        assert server.request(apdu, NOW)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_a_counter_is_taken_once_and_only_upwards(numbers: list[int]) -> None:
    vault = _meter().vault
    assert vault is not None
    last = 0
    for number in numbers:
        content = seal(KEYS, vectors.CLIENT_TITLE, number, b"\xc0")
        if number > last:
            assert vault.open(content, vectors.CLIENT_TITLE, 32) == b"\xc0"
            last = number
        else:
            with pytest.raises(CounterTooLow) as caught:
                vault.open(content, vectors.CLIENT_TITLE, 32)
            assert caught.value.expected == last + 1
        assert vault.taken[32] == last
