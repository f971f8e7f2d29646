# SPDX-License-Identifier: MIT
"""Samples: messages as an earlier version sent them, and a count in place of what is random."""

import itertools
import os
import random
from collections.abc import Iterable
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "vectors" / "messages"


def sample(name: str) -> bytes:
    """Return a file of kept messages."""
    return (FOLDER / name).read_bytes()


def as_sample(messages: Iterable[tuple[str, bytes]]) -> bytes:
    """Return messages as a file keeps them: a title above each, an empty line below.

    No message holds an empty line.
    """
    return b"".join(title.encode() + b"\n" + payload + b"\n\n" for title, payload in messages)


def count_for_random(patch: pytest.MonkeyPatch) -> None:
    """Make salts, nonces and ids the numbers from 1 on, in the order in which they are drawn."""
    numbers = itertools.count(1)

    def urandom(size: int) -> bytes:
        return next(numbers).to_bytes(size, "big")

    patch.setattr(os, "urandom", urandom)
    patch.setattr(random, "_urandom", urandom)
