# SPDX-License-Identifier: GPL-2.0-only
"""High level security beside GMAC: what each side answers to the other's challenge.

Source: IEC 62056-5-3 (DLMS UA 1000-2), HLS mechanisms 2, 3, 4, 6 and 7. The standard leaves
mechanism 2 to the maker; here it is AES-128 of the challenge, block by block, as gurux-dlms and
many Indian meters have it. No meter has proven any of them.

Why by hand: gurux-dlms draws the nonces of its signatures from a generator that can be foretold,
which gives the private key away, and prints that key.

In: the secret or the keys of one association, titles, challenges. Out: proofs, verdicts.
Never: a secret in a `repr` or an error; a clock, a file, a driver.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from enum import IntEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256

_BLOCK_BYTES = 16
_HALF_BYTES = 32
"""Of a signature on P-256: r, and s."""


class Mechanism(IntEnum):
    """Authentication mechanisms, by the last arc of their object identifier."""

    AES = 2
    MD5 = 3
    SHA1 = 4
    SHA256 = 6
    ECDSA = 7


@dataclass(frozen=True, slots=True)
class Hls:
    """By what both sides of an association prove themselves."""

    mechanism: Mechanism
    secret: bytes = field(repr=False, default=b"")
    """Of all but ECDSA; 16 bytes with AES."""
    keys: tuple[ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey] | None = field(
        repr=False, default=None
    )
    """Of ECDSA, on P-256: the client's private key, the meter's public one."""


@dataclass(frozen=True, slots=True)
class Side:
    """What one side of an association brought."""

    title: bytes
    """Its system title; empty where it gave none."""
    challenge: bytes


def proof(hls: Hls, sender: Side, receiver: Side) -> bytes:
    """Return what a side answers to the challenge of the other one, f(challenge).

    Args:
        hls: the mechanism, and the keys of the sender.
        sender: who proves itself.
        receiver: whose challenge is answered.
    """
    challenge = receiver.challenge
    if hls.keys is not None:
        signature = hls.keys[0].sign(_signed(sender, receiver), ec.ECDSA(SHA256()))
        r, s = decode_dss_signature(signature)
        return r.to_bytes(_HALF_BYTES, "big") + s.to_bytes(_HALF_BYTES, "big")
    if hls.mechanism is Mechanism.AES:
        padded = challenge + bytes(-len(challenge) % _BLOCK_BYTES)
        # Meters encrypt each block for itself: it is a challenge, not a message.
        aes = Cipher(algorithms.AES(hls.secret), modes.ECB()).encryptor()  # noqa: S305
        return aes.update(padded) + aes.finalize()
    if hls.mechanism is Mechanism.SHA256:
        return hashlib.sha256(hls.secret + _signed(sender, receiver)).digest()
    digest = hashlib.md5 if hls.mechanism is Mechanism.MD5 else hashlib.sha1
    return digest(challenge + hls.secret).digest()


def is_proof(hls: Hls, value: bytes, sender: Side, receiver: Side) -> bool:
    """Return whether this is what the other side, the sender, answers to our challenge."""
    if hls.keys is None:
        return hmac.compare_digest(proof(hls, sender, receiver), value)
    if len(value) != 2 * _HALF_BYTES:
        return False
    r, s = (int.from_bytes(half, "big") for half in (value[:_HALF_BYTES], value[_HALF_BYTES:]))
    signature = encode_dss_signature(r, s)
    try:
        hls.keys[1].verify(signature, _signed(sender, receiver), ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _signed(sender: Side, receiver: Side) -> bytes:
    return sender.title + receiver.title + receiver.challenge + sender.challenge
