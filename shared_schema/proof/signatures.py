# SPDX-License-Identifier: MIT
"""What the gateways of a proof signed: headers, their blocks, and the keys that follow one another.

In: a `Proof`, fingerprints. Out: checks; blocks whose signature and hash hold. Never: an exception.
Pure.
"""

import base64
import hashlib
from collections.abc import Iterator, Set
from typing import TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared_schema.errors import MalformedMessage
from shared_schema.proof.pack import Key, Proof, SignedBatch
from shared_schema.proof.signed import (
    Lines,
    SignatureOf,
    SignedBlock,
    SignedHeader,
    SignedKeyChange,
)
from shared_schema.proof.succession import GatewayKey, SignedBy, Step, followed, holding
from shared_schema.proof.verdict import Check, fingerprint_of

_Line = TypeVar("_Line", bound=Lines)


class Signatures:
    """Looks at the signed lines of one proof; `checks` comes first."""

    def __init__(self, proof: Proof) -> None:
        self._proof = proof
        self._headers: list[SignedHeader | None] = []
        """Of each batch; None: its signature does not hold."""
        self._steps: dict[tuple[int, int], Step] = {}
        """Blocks that name a next key, of those whose signature and hash hold."""
        self.blocks: dict[tuple[int, int], SignedBlock | None] = {}
        """Those whose signature and hash hold; None: it holds, and has no readings."""

    def checks(self) -> Iterator[Check]:
        """Check keys, signatures, blocks and steps from a key to its next one."""
        for index, key in enumerate(self._proof.keys):
            yield Check("key", f"keys.{index}", fingerprint_of(key)[:16] == key.key)
        for index, batch in enumerate(self._proof.batches):
            header = self._verified_header(batch)
            self._headers.append(header)
            yield Check("signature", f"batches.{index}", header is not None)
            for place, line in enumerate(batch.blocks):
                named = () if header is None else header.blocks
                holds = hashlib.sha256(line.encode()).hexdigest() in named
                yield Check("block", f"batches.{index}.blocks.{place}", holds)
                if holds:
                    self.blocks[index, place] = _read(SignedBlock, line)
                    self._note_step(index, place, line)
        yield from self._successions()

    def followers(self, trusted: Set[str]) -> tuple[int, ...]:
        """Return which keys are trusted because one whose fingerprint was given leads to them."""
        tied = self._tied(trusted)
        return tuple(
            index
            for index, key in enumerate(self._proof.keys)
            if _key_of(key) in tied and fingerprint_of(key) not in trusted
        )

    def trust(self, trusted: Set[str], *, is_borne: bool) -> Iterator[Check]:
        """Check by whose key each batch with more than next keys is signed.

        Args:
            trusted: Fingerprints.
            is_borne: A border is signed, or there is none.
        """
        tied = self._tied(trusted)
        told = [index for index in range(len(self._headers)) if not self._only_names(index)]
        if not told or not is_borne:
            yield Check("trust", "", holds=False)
        for index in told:
            yield Check("trust", f"batches.{index}", self._signer(index) in tied)

    def _verified_header(self, batch: SignedBatch) -> SignedHeader | None:
        """Return the header, if one of the gateway's keys signed it."""
        try:
            header = SignedHeader.read(batch.header)
            signature = base64.b64decode(SignatureOf.read(batch.signature).signature)
        except MalformedMessage:
            return None
        key = self._key(header)
        if key is None or not _signed(batch.header, signature, key.public_key):
            return None
        return header

    def _key(self, header: SignedHeader) -> Key | None:
        """Return the key that a header names."""
        named = (header.gateway, header.key)
        return next((key for key in self._proof.keys if (key.gateway, key.key) == named), None)

    def _signer(self, index: int) -> GatewayKey | None:
        header = self._headers[index]
        key = None if header is None else self._key(header)
        return None if key is None else _key_of(key)

    def _note_step(self, index: int, place: int, line: str) -> None:
        named, signer = _read(SignedKeyChange, line), self._signer(index)
        if named is not None and signer is not None:
            self._steps[index, place] = Step(signer, (signer[0], named.successor))

    def _successions(self) -> Iterator[Check]:
        keys = {_key_of(key) for key in self._proof.keys}
        signed = [
            SignedBy(signer, header.stream, header.seq)
            for index, header in enumerate(self._headers)
            if header is not None and (signer := self._signer(index)) is not None
        ]
        holds = holding(list(self._steps.values()), keys, signed)
        for (index, place), is_so in zip(self._steps, holds, strict=True):
            yield Check("step", f"batches.{index}.blocks.{place}", is_so)

    def _tied(self, trusted: Set[str]) -> frozenset[GatewayKey]:
        given = {_key_of(key) for key in self._proof.keys if fingerprint_of(key) in trusted}
        return followed(given, list(self._steps.values()))

    def _only_names(self, index: int) -> bool:
        """Say whether nothing of a batch is shown but next keys: no reading rests on it."""
        places = range(len(self._proof.batches[index].blocks))
        return all((index, place) in self._steps for place in places)


def _read(model: type[_Line], line: str) -> _Line | None:
    try:
        return model.read(line)
    except MalformedMessage:
        return None


def _key_of(key: Key) -> GatewayKey:
    return key.gateway, key.public_key


def _signed(header: str, signature: bytes, public_key: str) -> bool:
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(signature, header.encode())
    except (InvalidSignature, ValueError):
        return False
    return True
