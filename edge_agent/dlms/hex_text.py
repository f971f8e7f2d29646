# SPDX-License-Identifier: GPL-2.0-only
"""Bytes as a person reads them in a message: hexadecimal, and never more than fit on a line.

In: bytes. Out: a text.
Pure. Never: the bytes of a secret; whoever calls knows what they are.
"""

from typing import Final

_MOST_BYTES: Final = 32


def as_hex(data: bytes) -> str:
    """Return bytes for a person to compare: at most 32 of them, and how many there are."""
    if not data:
        return "nothing"
    if len(data) <= _MOST_BYTES:
        return data.hex(" ")
    return f"{data[:_MOST_BYTES].hex(' ')} … ({len(data)} bytes)"
