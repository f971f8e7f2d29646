# SPDX-License-Identifier: GPL-2.0-only
"""Numbers of A-XDR that are no plain integer: BCD, floating point, and differences.

A float becomes the decimal that it prints as: the shortest one that is the same float again.

Source: IEC 62056-6-2 (data types), IEEE 754.

In: a number as its bytes say it, with its type. Out: a whole number, a Decimal, a `Delta`.
Never: a guess. What is no number of its type becomes `Unreadable`, with the bytes that came.
"""

import math
import struct
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from edge_agent.dlms.axdr_types import BCD, DELTAS, FLOATS

APART: Final = frozenset((BCD, *DELTAS, *FLOATS))
"""Types whose bytes are not yet the number."""
_SINGLE: Final = struct.Struct(">f")
_DOUBLE: Final = 24


@dataclass(frozen=True, slots=True)
class Delta:
    """A difference to the value before it in the same column of a profile."""

    by: int


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A value whose bytes are none of its type, such as a BCD digit above 9."""

    came: bytes


def of_bcd(packed: int) -> int | None:
    """Return the number of two decimal digits in one byte; None where one is above 9."""
    high, low = divmod(packed, 16)
    return high * 10 + low if high < 10 and low < 10 else None


def of_float(found: float, tag: int) -> Decimal | None:
    """Return the decimal that a float prints as; None for one that is no number."""
    if not math.isfinite(found):
        return None
    if tag == _DOUBLE:
        return Decimal(repr(found))
    packed = _SINGLE.pack(found)
    texts = (f"{found:.{digits}g}" for digits in range(6, 10))
    return Decimal(next(text for text in texts if _SINGLE.pack(float(text)) == packed))


def apart(tag: int, found: int | float, came: bytes) -> int | Decimal | Delta | Unreadable:
    """Return the number of a type of `APART`.

    Args:
        tag: the type.
        found: its bytes as a whole number or a float.
        came: all its bytes, with the tag.
    """
    number: int | Decimal | Delta | None
    if tag == BCD:
        number = of_bcd(int(found))
    elif tag in DELTAS:
        number = Delta(int(found))
    else:
        number = of_float(found, tag)
    return Unreadable(came) if number is None else number
