# SPDX-License-Identifier: MIT
"""Exact sums: addition and subtraction that lose no digit.

Decimal rounds silently at the precision of its context, 28 digits by default. Within `exactly`,
nothing that fits 200 digits is rounded, and what does not fit raises. Pure.
"""

from contextlib import AbstractContextManager
from decimal import Context, DivisionByZero, Inexact, InvalidOperation, Overflow, localcontext

DIGITS = 200
"""A register has 19 digits and a scaler of ±9, an epoch's offset as much: sums stay far below."""

_EXACT = Context(prec=DIGITS, traps=[DivisionByZero, Inexact, InvalidOperation, Overflow])


def exactly() -> AbstractContextManager[Context]:
    """Return a context in which a result that would have to be rounded raises `Inexact`."""
    return localcontext(_EXACT)


def widely() -> AbstractContextManager[Context]:
    """Return a context of the same width for what cannot be exact, such as a percentage."""
    return localcontext(Context(prec=DIGITS, traps=[DivisionByZero, InvalidOperation, Overflow]))
