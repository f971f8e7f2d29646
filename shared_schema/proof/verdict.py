# SPDX-License-Identifier: MIT
"""What a check of a proof found, by name, and how keys are told.

In: checks and claims. Out: values, for a command, a page or a test. Pure.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Literal

from shared_schema.proof.pack import Key

CheckName = Literal[
    "number",
    "subject",
    "parts",
    "key",
    "signature",
    "block",
    "step",
    "reading",
    "epochs",
    "difference",
    "placed",
    "apart",
    "sum",
    "bounds",
    "trust",
]
ClaimName = Literal[
    "no_number",
    "held",
    "unsigned",
    "beside",
    "edit",
    "self_read",
    "imported",
    "estimate",
    "epoch",
    "revoked",
]


@dataclass(frozen=True, slots=True)
class Check:
    """Something that was looked at."""

    name: CheckName
    about: str
    """Where it stands in the proof, such as ``parts.0.closing``; empty: the whole of it."""
    holds: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that is no gateway's word: the society answers for it."""

    name: ClaimName
    about: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was checked, and what was not checkable."""

    checks: tuple[Check, ...]
    claims: tuple[Claim, ...]
    signed_borders: int
    """How many of the borders that were counted are rows that a gateway signed."""
    borders: int
    trusted: bool
    """A fingerprint was given."""
    followers: tuple[int, ...] = ()
    """Which keys of the proof are trusted because one that was given leads to them."""

    @property
    def state(self) -> Literal["spoilt", "consistent", "untied", "tied"]:
        """``consistent``: all belongs together. ``tied``: and by a key that the reader trusts."""
        failing = {each.name for each in self.checks if not each.holds}
        if failing - {"trust"}:
            return "spoilt"
        if not self.trusted:
            return "consistent"
        return "untied" if failing else "tied"


def normal_fingerprint(text: str) -> str:
    """Return a fingerprint as it was typed, as 64 hex digits, or whatever else it is."""
    return "".join(text.replace(":", "").split()).lower()


def is_fingerprint(text: str) -> bool:
    """Say whether a text is a fingerprint in its normal form."""
    return re.fullmatch(r"[0-9a-f]{64}", text) is not None


def fingerprint_of(key: Key) -> str:
    """Return the SHA-256 of a key, in hex, as the commissioning sheet has it."""
    return hashlib.sha256(bytes.fromhex(key.public_key)).hexdigest()
