# SPDX-License-Identifier: GPL-2.0-only
"""The rows of a profile or of registers: values as the meter said them.

Raw values are whole numbers, times are seconds since 1970 in UTC; a missing value is None, never 0.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from shared_schema.obis import Obis
from shared_schema.readings import Column

Row = tuple[int | None, ...]
"""``(ts, status or None, raw or None, …)``; ts in seconds since 1970, UTC."""


@dataclass(frozen=True, slots=True)
class MeterRows:
    """Rows of one profile of one meter, ascending by time."""

    profile: Obis | None
    """None: registers that were read when asked."""
    period_s: int
    """The capture period in seconds; 0 for registers."""
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Decoded:
    """The rows of one buffer, ascending by time, and what was lost of it."""

    rows: tuple[Row, ...]
    bad_time: int = 0
    """Rows whose time is missing, impossible, or invalid by the meter's own word."""
    misfit: int = 0
    """Rows that do not have as many values as the profile has captured objects."""
    no_code: int = 0
    """Rows of an event log that do not say what happened."""
    taken: int = 0
    """Rows without a time whose time, filled by the capture period, is that of another row, is
    not before the time that the next row states, or is none that was asked for."""
    rivals: int = field(default=0, compare=False)
    """Times of a profile of values for which two rows say different ones: all of them are kept."""
    deviations: frozenset[int] = field(default=frozenset(), compare=False)
    """What the rows state as their deviation, in minutes; see `axdr.deviations`."""
    refused: int = field(default=0, compare=False)
    """Values that came and are no whole number: they are missing."""
    refused_as: str = field(default="", compare=False)
    """Which the first of them was, and what came."""
    floats: frozenset[int] = field(default=frozenset(), compare=False)
    """Captured objects that hold floats, of which the layout does not know it."""
    no_floats: bool = field(default=False, compare=False)
    """A column that is billed holds floats, of which no count can be made."""

    @property
    def came(self) -> int:
        """How many rows the buffer held, those that were lost included."""
        return len(self.rows) + self.bad_time + self.misfit + self.no_code + self.taken


def joined(kept: Iterable[Row], parts: Sequence[Decoded]) -> Decoded:
    """Return rows, ascending by time, with what was lost of all the buffers that they came in."""
    return Decoded(
        tuple(sorted(kept, key=lambda row: row[0] or 0)),
        sum(each.bad_time for each in parts),
        sum(each.misfit for each in parts),
        sum(each.no_code for each in parts),
        taken=sum(each.taken for each in parts),
        rivals=sum(each.rivals for each in parts),
        deviations=frozenset[int]().union(*(each.deviations for each in parts)),
        refused=sum(each.refused for each in parts),
        refused_as=next((each.refused_as for each in parts if each.refused), ""),
        floats=frozenset[int]().union(*(each.floats for each in parts)),
        no_floats=any(each.no_floats for each in parts),
    )
