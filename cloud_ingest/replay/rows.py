# SPDX-License-Identifier: MIT
"""Registers as a file gives them: the rows of each meter, 16 bytes a row. Pure."""

from array import array
from dataclasses import dataclass, field
from typing import Final

ML: Final = 1000
"""Millilitres of a litre."""


@dataclass(frozen=True, slots=True)
class MeterRows:
    """What one meter's register showed, in the order of the file."""

    meter: str
    clock_s: "array[int]" = field(default_factory=lambda: array("q"))
    """The naive local time, in seconds as if it were UTC."""
    register_ml: "array[int]" = field(default_factory=lambda: array("q"))


@dataclass(frozen=True, slots=True)
class Registers:
    """All that a file holds."""

    meters: tuple[MeterRows, ...]
    """In the order of their first rows."""
    empty_rows: int
    """Rows that were passed over, because a cell of them is empty or no number."""
