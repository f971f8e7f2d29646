# SPDX-License-Identifier: GPL-2.0-only
"""Profile generic, class 7: a buffer of captured rows with selective access.

In: a range over the sort object or entry numbers, and the columns wanted. Out: the encoded
array. Owns nothing: a `Rows` gives the rows. Never filters row by row: rows are numbered, a
range is two numbers.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from edge_agent.virtual import axdr
from edge_agent.virtual.axdr import Data, Tag
from edge_agent.virtual.clock import UNSPECIFIED, Dial
from edge_agent.virtual.cosem import (
    AccessError,
    AccessResult,
    Selection,
    capture_definition,
    parse_definition,
)
from edge_agent.virtual.objects import Asking
from shared_schema.catalogue import CLOCK, Unit
from shared_schema.obis import Obis


class Column(NamedTuple):
    """One capture object."""

    class_id: int
    name: Obis
    attribute: int = 2
    scaler: int | None = None
    unit: Unit | None = None
    """None, with the scaler, for times, texts and bits."""


class RangeDeviation(StrEnum):
    """What a meter does with the deviation in the bounds of a range."""

    ANY = "any"
    REQUIRED = "required"
    REFUSED = "refused"


class Rows(Protocol):
    """The rows of one profile: numbered without gaps, oldest first."""

    @property
    def columns(self) -> Sequence[Column]:
        """What is captured."""

    @property
    def period_s(self) -> int:
        """Capture period, seconds; 0 for rows that are not periodic."""

    @property
    def capacity(self) -> int:
        """How many rows the buffer holds."""

    def span(self, now: datetime) -> tuple[int, int]:
        """Return the number of the oldest row there is, and of the one after the newest."""

    def between(self, first_s: int, last_s: int) -> list[tuple[int, int]]:
        """Return the numbers of the rows stamped in [first, last], as half-open spans in order.

        Args:
            first_s: Seconds since 1970 on the meter's clock.
            last_s: The same; the bound belongs to the range.
        """

    def encode(self, start: int, end: int, picked: Sequence[int] | None, now: datetime) -> bytes:
        """Return the encoded rows of a half-open span, one after the other.

        Args:
            start: Number of the first row.
            end: Number behind the last row.
            picked: Indices of the columns wanted; None for all.
            now: The true time, for rows that are made when they are read.
        """


class ProfileGeneric:
    """One profile object."""

    class_id = 7
    version = 1
    attributes = 8

    def __init__(
        self,
        name: Obis,
        rows: Rows,
        dial: Dial,
        *,
        public: bool = False,
        deviation: RangeDeviation = RangeDeviation.ANY,
        ranges: bool = True,
        clock_last: bool = False,
    ) -> None:
        """Set up a profile over its rows.

        Args:
            name: The logical name.
            rows: The rows.
            dial: How the meter writes and reads times.
            public: Whether the public client may read it.
            deviation: What the meter demands of the bounds of a range.
            ranges: Whether rows may be selected by a range.
            clock_last: Whether the first column is shown as the last one.
        """
        self.name = name
        self.public = public
        self.selectors = {2: (1, 2) if ranges else (2,)}
        self._rows = rows
        self._dial = dial
        self._deviation = deviation
        count = len(rows.columns)
        moved = clock_last and count > 1 and rows.columns[0].class_id == 8
        self._order = (*range(1, count), 0) if moved else tuple(range(count))
        self._clock_last = moved

    def read(  # noqa: PLR0911  # one return for each attribute
        self, attribute: int, selection: Selection | None, asking: Asking
    ) -> bytes:
        """Return one attribute.

        Raises:
            AccessError: there is no such attribute, or the selection cannot be served.
        """
        rows = self._rows
        if attribute == 2:
            return self._buffer(selection, asking.now)
        if selection is not None:
            raise AccessError(AccessResult.SCOPE_OF_ACCESS_VIOLATED)
        if attribute == 3:
            return axdr.array(
                capture_definition(each.class_id, each.name, each.attribute)
                for each in (rows.columns[index] for index in self._order)
            )
        if attribute == 4:
            return axdr.double_long_unsigned(rows.period_s)
        if attribute == 5:
            return axdr.enum(1)  # first in, first out
        if attribute == 6:
            if not rows.columns or rows.capacity == 1:
                return capture_definition(0, Obis(0, 0, 0, 0, 0, 0), 0)
            first = rows.columns[0]
            return capture_definition(first.class_id, first.name, first.attribute)
        if attribute == 7:
            start, end = rows.span(asking.now)
            return axdr.double_long_unsigned(end - start)
        if attribute == 8:
            return axdr.double_long_unsigned(rows.capacity)
        raise AccessError(AccessResult.READ_WRITE_DENIED)

    def _buffer(self, selection: Selection | None, now: datetime) -> bytes:
        start, end = self._rows.span(now)
        picked: Sequence[int] | None = None
        spans = [(start, end)]
        if selection is not None:
            parameters = _fields(selection.parameters)
            if selection.selector not in self.selectors[2]:
                raise AccessError(AccessResult.SCOPE_OF_ACCESS_VIOLATED)
            if selection.selector == 1:
                spans, picked = self._range(parameters)
            else:
                first, last, picked = self._entries(parameters, start, end)
                spans = [(first, last)]
        cut = [(max(start, first), min(end, last)) for first, last in spans]
        held = [(first, last) for first, last in cut if first < last]
        count = sum(last - first for first, last in held)
        head = b"\x01" + axdr.length(count)
        encode = self._rows.encode
        found = head + b"".join(encode(first, last, picked, now) for first, last in held)
        return _rotated(found) if self._clock_last and (picked is None or 0 in picked) else found

    def _range(self, fields: Sequence[Data]) -> tuple[list[tuple[int, int]], Sequence[int] | None]:
        """Serve a range_descriptor: restricting object, from, to, selected columns."""
        if len(fields) != 4 or not self._rows.columns:
            raise AccessError(AccessResult.TYPE_UNMATCHED)
        restricting = parse_definition(fields[0])
        own = self._rows.columns[0]
        allowed = ((8, bytes(CLOCK), 2, 0), (own.class_id, bytes(own.name), own.attribute, 0))
        if restricting not in allowed:
            raise AccessError(AccessResult.OTHER_REASON)
        first = self._bound(fields[1], upper=False)
        last = self._bound(fields[2], upper=True)
        return self._rows.between(first, last), self._picked(fields[3])

    def _bound(self, data: Data, *, upper: bool) -> int:
        octets = data.value
        if data.tag not in (Tag.OCTET_STRING, Tag.DATE_TIME) or not isinstance(octets, bytes):
            raise AccessError(AccessResult.TYPE_UNMATCHED)
        try:
            seconds = self._dial.seconds(octets, upper=upper)
        except ValueError as error:
            raise AccessError(AccessResult.TYPE_UNMATCHED) from error
        set_ = int.from_bytes(octets[9:11], "big", signed=True) != UNSPECIFIED
        if self._deviation is (RangeDeviation.REFUSED if set_ else RangeDeviation.REQUIRED):
            raise AccessError(AccessResult.OTHER_REASON)
        return seconds

    def _picked(self, data: Data) -> Sequence[int] | None:
        wanted = _fields(data)
        if not wanted:
            return None
        indices = {
            (each.class_id, bytes(each.name), each.attribute): index
            for index, each in enumerate(self._rows.columns)
        }
        try:
            return sorted({indices[parse_definition(each)[:3]] for each in wanted})
        except KeyError as error:
            raise AccessError(AccessResult.OTHER_REASON) from error

    def _entries(
        self, fields: Sequence[Data], start: int, end: int
    ) -> tuple[int, int, Sequence[int] | None]:
        """Serve an entry_descriptor: rows and columns count from 1, 0 is the last one."""
        numbers = [field.value for field in fields if isinstance(field.value, int)]
        if len(fields) != 4 or len(numbers) != 4:
            raise AccessError(AccessResult.TYPE_UNMATCHED)
        from_row, to_row, from_column, to_column = numbers
        if min(numbers) < 0 or from_row < 1 or from_column < 1:
            raise AccessError(AccessResult.OTHER_REASON)
        columns = len(self._rows.columns)
        last_column = min(to_column or columns, columns)
        picked = None
        if (from_column, last_column) != (1, columns):
            picked = sorted(self._order[from_column - 1 : last_column])
            if not picked:
                raise AccessError(AccessResult.OTHER_REASON)
        last_row = start + to_row if to_row else end
        return start + from_row - 1, last_row, picked


def _rotated(buffer: bytes) -> bytes:
    """Return rows with the first element of each behind the others."""
    rows = (_fields(row) for row in _fields(axdr.decode(buffer)[0]))
    return axdr.array(
        axdr.structure(*map(axdr.encode, (*fields[1:], fields[0]))) for fields in rows
    )


def _fields(data: Data) -> tuple[Data, ...]:
    """Return the elements of an array or a structure.

    Raises:
        AccessError: it is neither.
    """
    if data.tag in (Tag.ARRAY, Tag.STRUCTURE) and isinstance(data.value, tuple):
        return tuple(item for item in data.value if isinstance(item, Data))
    raise AccessError(AccessResult.TYPE_UNMATCHED)
