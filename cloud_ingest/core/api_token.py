# SPDX-License-Identifier: MIT
"""A token of a program that uses the API: what it may do, and how it is written.

A token is ``metering_SELECTOR_SECRET``: the selector finds its row, the secret proves it. The
secret is 32 random bytes, so that one round of SHA-256 keeps it: nobody can try them all.

In: random bytes, or what a caller presents. Out: the token's text, its selector and the digest of
its secret. Pure.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

SELECTOR_BYTES: Final = 6
SECRET_BYTES: Final = 32

_TEXT = re.compile(r"metering_([0-9a-f]{12})_([0-9a-f]{64})")


class Scope(StrEnum):
    """What a token may do."""

    UNITS_WRITE = "units:write"
    MONTHS_READ = "months:read"
    BILLING_READ = "billing:read"
    SELF_READS_WRITE = "self-reads:write"
    SELF_READS_DECIDE = "self-reads:decide"
    EVENTS_READ = "events:read"
    EVENTS_WRITE = "events:write"
    MONTHS_APPROVE = "months:approve"
    USAGE_READ = "usage:read"
    HEALTH_READ = "health:read"
    CURVES_READ = "curves:read"


@dataclass(frozen=True, slots=True)
class Presented:
    """A token, taken apart."""

    selector: str
    digest: bytes = field(repr=False)


def token_text(selector: bytes, secret: bytes) -> str:
    """Write a token."""
    return f"metering_{selector.hex()}_{secret.hex()}"


def read_token(text: str) -> Presented | None:
    """Take a token apart; None: it is none."""
    match = _TEXT.fullmatch(text)
    if match is None:
        return None
    return Presented(match[1], hashlib.sha256(bytes.fromhex(match[2])).digest())


def is_same(digest: bytes, kept: bytes) -> bool:
    """Say whether two digests are the same, in a time that says nothing of either."""
    return hmac.compare_digest(digest, kept)
