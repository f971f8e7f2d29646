# SPDX-License-Identifier: GPL-2.0-only
"""Proofs of high level security, against what gurux-dlms computes by itself."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from gurux_dlms.ecdsa import GXEcdsa, GXPrivateKey, GXPublicKey
from gurux_dlms.enums import Authentication
from gurux_dlms.GXSecure import GXSecure
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.dlms.hls import Hls, Mechanism, Side, is_proof, proof

TITLES = st.binary(min_size=8, max_size=8)
CHALLENGES = st.binary(min_size=8, max_size=64)
KEYS = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]


class Settings:
    """As much of the library's settings as it looks at."""

    def __init__(self, mechanism: Mechanism) -> None:
        self.authentication = Authentication(mechanism)


def theirs(hls: Hls, sender: Side, receiver: Side) -> bytes:
    secret: bytes = hls.secret
    if hls.mechanism is Mechanism.SHA256:
        secret += sender.title + receiver.title + receiver.challenge + sender.challenge
    settings: Any = Settings(hls.mechanism)
    return bytes(GXSecure.secure(settings, None, 0, bytearray(receiver.challenge), secret))


@given(
    st.sampled_from([Mechanism.MD5, Mechanism.SHA1, Mechanism.SHA256]),
    st.binary(min_size=1, max_size=64),
    st.builds(Side, TITLES, CHALLENGES),
    st.builds(Side, TITLES, CHALLENGES),
)
def test_hashes_are_those_of_the_library(
    mechanism: Mechanism, secret: bytes, client: Side, meter: Side
) -> None:
    hls = Hls(mechanism, secret)
    assert proof(hls, client, meter) == theirs(hls, client, meter)
    assert is_proof(hls, theirs(hls, meter, client), meter, client)


@given(st.binary(min_size=16, max_size=16), st.builds(Side, TITLES, CHALLENGES))
def test_aes_agrees_with_the_librarys(key: bytes, meter: Side) -> None:
    client = Side(b"", b"c" * 16)
    hls = Hls(Mechanism.AES, key)
    assert proof(hls, client, meter) == theirs(hls, client, meter)


def test_aes_of_a_standard_vector() -> None:
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")  # FIPS 197 / SP 800-38A, F.1.1
    meter = Side(
        b"", bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
    )
    found = proof(Hls(Mechanism.AES, key), Side(b"", b""), meter)
    assert found.hex() == "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf"


def raw(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_numbers().private_value.to_bytes(32, "big")


def public(key: ec.EllipticCurvePrivateKey) -> Any:
    numbers = key.public_key().public_numbers()
    point = b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
    return GXPublicKey.fromRawBytes(point)


def test_signatures_and_the_librarys_verify_each_other() -> None:
    ours, its = KEYS
    client, meter = Side(b"CLIENT01", b"c" * 16), Side(b"METER001", b"m" * 16)
    hls = Hls(Mechanism.ECDSA, keys=(ours, its.public_key()))
    signed = b"CLIENT01METER001" + b"m" * 16 + b"c" * 16
    assert GXEcdsa(public(ours)).verify(proof(hls, client, meter), signed)
    answer = GXEcdsa(GXPrivateKey.fromRawBytes(raw(its))).sign(
        b"METER001CLIENT01" + b"c" * 16 + b"m" * 16
    )
    assert is_proof(hls, answer, meter, client)


@pytest.mark.parametrize("mechanism", Mechanism)
def test_a_proof_holds_for_its_challenges_alone(mechanism: Mechanism) -> None:
    ours, its = KEYS
    client, meter = Side(b"CLIENT01", b"c" * 16), Side(b"METER001", b"m" * 16)
    signs = mechanism is Mechanism.ECDSA
    hls, of_meter = (
        Hls(mechanism, b"0123456789abcdef", (own, other.public_key()) if signs else None)
        for own, other in ((ours, its), (its, ours))
    )
    answer = proof(of_meter, meter, client)
    assert is_proof(hls, answer, meter, client)
    assert not is_proof(hls, answer, meter, Side(client.title, b"d" * 16))
    assert not is_proof(hls, answer[:-1], meter, client)
    assert not is_proof(hls, bytes(len(answer)), meter, client)
    assert not is_proof(hls, proof(hls, client, meter), meter, client)  # our own, sent back


def test_no_secret_is_shown() -> None:
    shown = repr(Hls(Mechanism.SHA256, b"abracadabra", (KEYS[0], KEYS[1].public_key())))
    assert "abracadabra" not in shown
    assert "PrivateKey" not in shown


def test_what_the_library_cannot_do() -> None:
    """P-384 and key agreement are broken in it: they are not offered."""
    key = GXPrivateKey.fromRawBytes(bytes(47) + b"\x05")
    with pytest.raises(ValueError, match="Invalid private key scheme"):
        GXEcdsa(key).sign(b"x")
    ours = GXPrivateKey.fromRawBytes(raw(KEYS[0]))
    with pytest.raises(ValueError, match="invalid literal"):
        GXEcdsa(ours).generateSecret(public(KEYS[1]))
