# SPDX-License-Identifier: GPL-2.0-only
"""The values of a profile's rows: raw whole numbers, in the order of the profile's columns.

A row is made of its own values and of those of the row before, which stand in for nulls and to
which differences are added. A shape of plain integers and nulls is picked at C speed.

Source: IEC 62056-6-2 (profile generic; data types delta-integer … delta-double-long-unsigned).

In: the values of a row, their types, those of the row before. Out: ``(ts, status, raw, …)``.
Never: a guess. A value that is no whole number is None, and `Values` counts it.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from operator import itemgetter
from typing import Final, NamedTuple

from edge_agent.decode.layout import (
    FLOAT_DIGITS,
    Layout,
    counts_floats,
    may_be_float,
    of_floats,
)
from edge_agent.decode.rows import Row
from edge_agent.dlms.axdr import RAW_LIMIT, Value, Zone, epoch_s, integer, number
from edge_agent.dlms.axdr_numbers import Delta, Unreadable
from edge_agent.dlms.axdr_types import (
    BCD,
    DATE_TIMES,
    DELTAS,
    DONT_CARE,
    INTEGERS,
    NULL,
    READERS,
)
from edge_agent.dlms.hex_text import as_hex
from edge_agent.errors import ValueRefused
from shared_schema.obis import Obis
from shared_schema.readings import REACHED_AT, Column

_PLAIN: Final = frozenset(INTEGERS) - {BCD, 21}
"""Types whose values are raw values as they are."""
_NOTHING: Final = frozenset((NULL, DONT_CARE))


class Pick(NamedTuple):
    """What makes a row of the values of one shape."""

    row: Callable[[int, Sequence[Value], Row], Row]
    """Takes the time, the values, and what the row before held."""
    is_relative: bool
    """It adds to the values of the row before."""
    kinds: Mapping[int, int]
    """For the columns that state a number: its type."""


class Values:
    """Makes the rows of one buffer, and counts what it leaves out."""

    def __init__(self, plan: Layout, zone: Zone) -> None:
        """Begin with nothing left out."""
        self.refused = 0
        """Values that came and are no whole number."""
        self.refused_as = ""
        """Which the first of them was, and what came."""
        self.floats: set[int] = set()
        """Which captured objects hold floats and are not known to."""
        self.no_floats = False
        """A column that is billed holds floats."""
        self.nothing: Row = (None,) * (1 + len(plan.places))
        """What a row that was lost says of the next: no status, no value."""
        self._plan = plan
        self._zone = zone
        self._kinds: dict[int, int] = {}
        self._picks: dict[tuple[int, ...], Pick] = {}
        attributes = {p: c.attribute for p, c in zip(plan.places, plan.columns, strict=True)}
        self._times = {place for place, each in attributes.items() if each == REACHED_AT}
        self._weights = {
            place: each.weight
            for place, each in zip(plan.places, plan.columns, strict=True)
            if each.weight > 1
        }

    def pick(self, tags: tuple[int, ...]) -> Pick:
        """Return what makes a row of a shape; from now on its types are those of the columns."""
        found = self._picks.get(tags)
        if found is None:
            found = self._picks[tags] = self._picker(tags)
        self._kinds.update(found.kinds)
        return found

    def _picker(self, tags: tuple[int, ...]) -> Pick:
        places, status_at = self._plan.places, self._plan.status_at
        apart = self._times | set(self._weights) | self._plan.floats
        repeated = {
            place: len(tags) + number
            for number, place in enumerate((status_at, *places))
            if place is not None and tags[place] == NULL and self._plan.nulls_repeat
        }
        is_plain = all(
            tags[place] in _NOTHING or (tags[place] in _PLAIN and place not in apart)
            for place in places
        )
        wanted = _getter([repeated.get(place, place) for place in places])
        status_from = None if status_at is None else repeated.get(status_at, status_at)

        def plain(ts: int, row: Sequence[Value], _held: Row) -> Row:
            status = None if status_at is None else _status(row[status_at])
            return (ts, status, *wanted(row))

        def repeating(ts: int, row: Sequence[Value], held: Row) -> Row:
            both = (*row, *held)
            status = None if status_from is None else _status(both[status_from])
            return (ts, status, *wanted(both))

        def careful(ts: int, row: Sequence[Value], held: Row) -> Row:
            both = (*row, *held)
            raws = [
                both[repeated[place]] if place in repeated else self._raw(place, tags, both, before)
                for place, before in zip(places, held[1:], strict=True)
            ]
            return (ts, None if status_from is None else _status(both[status_from]), *raws)  # type: ignore[arg-type]

        make = careful if not is_plain else repeating if repeated else plain
        kinds = {place: tags[place] for place in places if tags[place] in INTEGERS}
        return Pick(make, any(tags[place] in DELTAS for place in places), kinds)

    def _raw(
        self, place: int, tags: Sequence[int], row: Sequence[Value], before: int | None
    ) -> int | None:
        """Return a raw value; None for what is none, which is counted."""
        found = row[place]
        if found is None:
            return None
        raw: int | None = None
        if place in self._times:
            if tags[place] in DATE_TIMES and isinstance(found, bytes):
                return epoch_s(found, self._zone)
        elif isinstance(found, Decimal):
            raw = self._of_float(place, found)
            if raw is None and place in self.floats:
                return None
        elif isinstance(found, Delta):
            raw = self._after(place, found, before)
        elif isinstance(found, int) and tags[place] in INTEGERS and found < RAW_LIMIT:
            raw = raw_of_pulses(found, self._weight(place))
        if raw is None:
            self._refuse(place, found)
        return raw

    def _weight(self, place: int) -> int:
        return 10**FLOAT_DIGITS if place in self._plan.floats else self._weights.get(place, 1)

    def _of_float(self, place: int, found: Decimal) -> int | None:
        """Return a float as a count of 10^-`FLOAT_DIGITS`; None where it is none, or not known."""
        if place not in self._plan.floats:
            code = self._plan.objects[place].obis
            known = may_be_float(code) and place not in self._weights
            if known and place in self._plan.countable:
                self.floats.add(place)
            self.no_floats = self.no_floats or not known
            return None
        return _raw_of_float(found)

    def _after(self, place: int, found: Delta, before: int | None) -> int | None:
        """Return the value before and the difference; None beyond the range of its type."""
        kind = self._kinds.get(place)
        if before is None or kind is None or place in self._plan.floats:
            return None
        weight = self._weight(place)
        count = before // weight + found.by
        low, high = _range(kind)
        return raw_of_pulses(count, weight) if low <= count <= high else None

    def _refuse(self, place: int, found: Value) -> None:
        if not self.refused:
            self.refused_as = f"{self._plan.objects[place].obis} is {_shown(found)}"
        self.refused += 1


def raw_of_pulses(count: int, weight: int) -> int | None:
    """Return the raw value of a count of pulses; None where it has more than 64 bits."""
    raw = count * weight
    return raw if -RAW_LIMIT <= raw < RAW_LIMIT else None


def _raw_of_float(found: Decimal) -> int | None:
    """Return a float as a count of 10^-`FLOAT_DIGITS`, rounded; None beyond 64 bits."""
    counted = found.scaleb(FLOAT_DIGITS)
    if abs(counted) >= RAW_LIMIT:
        return None
    return int(counted.to_integral_value(ROUND_HALF_EVEN))


def register_number(obis: Obis, data: bytes) -> int | Decimal | None:
    """Return what a register holds; None for null.

    Raises:
        FloatRefused: it is a float, and of a register that is no momentary value.
        ValueRefused: it is no number.
    """
    return number(data) if may_be_float(obis) else integer(data)


def register_value(column: Column, found: int | Decimal) -> tuple[Column, int]:
    """Return the number of a register as its raw value, and the column that it is of.

    Raises:
        ValueRefused: it has more digits than a raw value.
    """
    if isinstance(found, Decimal):
        raw = _raw_of_float(found) if counts_floats(column) else None
        column = column if raw is None else of_floats(column)
    else:
        raw = raw_of_pulses(found, column.weight)
    if raw is None:
        raise ValueRefused(f"{found} has more digits than are kept of a register")
    return column, raw


def _getter(indices: Sequence[int]) -> Callable[[Sequence[Value]], tuple[int | None, ...]]:
    if len(indices) > 1:
        return itemgetter(*indices)
    return lambda row: tuple(row[each] for each in indices)  # type: ignore[misc]


def _range(tag: int) -> tuple[int, int]:
    """Return the lowest and the highest number of a type."""
    if tag == BCD:
        return 0, 99
    bits = 8 * READERS[tag].size
    return (
        (-(1 << bits - 1), (1 << bits - 1) - 1) if INTEGERS[tag].islower() else (0, (1 << bits) - 1)
    )


def _status(found: Value) -> int | None:
    """Return a status word as a number; bits and octets count from the first, high byte."""
    if isinstance(found, bytes) and 0 < len(found) <= 7:
        return int.from_bytes(found, "big")
    return found if isinstance(found, int) and -RAW_LIMIT <= found < RAW_LIMIT else None


def _shown(found: Value) -> str:
    """Write what came in the place of a number."""
    match found:
        case Unreadable(came):
            return as_hex(came)
        case bytes():
            return f"octets {as_hex(found)}"
        case Delta(by):
            return f"a difference of {by} without a value to add it to"
        case Decimal():
            return f"the float {found:.12g}"
        case list():
            return f"an array or structure of {len(found)}"
        case _:
            return str(found)
