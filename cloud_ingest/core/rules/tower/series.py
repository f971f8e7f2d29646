# SPDX-License-Identifier: MIT
"""What the meters of one place counted on each day, from registers at the ends of days. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

THOUSAND = 1000
"""Registers are in kL or kWh, series in litres or watt hours."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One meter while it hung at a place."""

    since: date | None
    """Its first day; None: it hung there before."""
    until: date | None
    """Its last day; None: it hangs there still."""
    registers: Mapping[date, Decimal]
    """What its register showed at the end of each day on which it was read then."""


def series_of(pieces: Iterable[Piece], first: date, days: int) -> tuple[float | None, ...]:
    """Return what a place's meters counted together on each day; None: one was not read.

    Before a meter came and after it went, it counts nothing.
    """
    series = [_series(piece, first, days) for piece in pieces]
    return tuple(
        None if None in some else sum(each for each in some if each is not None)
        for some in zip(*series, strict=True)
    )


def _series(piece: Piece, first: date, days: int) -> Sequence[float | None]:
    found: list[float | None] = []
    before = piece.registers.get(first - timedelta(days=1))
    for number in range(days):
        day = first + timedelta(days=number)
        if (piece.since and day < piece.since) or (piece.until and day > piece.until):
            found.append(0.0)
            continue
        now = piece.registers.get(day)
        if now is None or before is None or now < before:
            found.append(None)
        else:
            found.append(float((now - before) * THOUSAND))
        before = before if now is None else now
    return found
