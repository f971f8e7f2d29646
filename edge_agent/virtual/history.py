# SPDX-License-Identifier: GPL-2.0-only
"""What the profiles of a meter over time have in common.

In: a counter and what is captured. Out: rows by number, encoded for the line or as plain
values. Owns the encoded rows of the days last read. Never knows what a column means.

Rows of one profile have one width, so that a range of rows is a slice of bytes.
"""

import struct
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise, repeat, starmap
from typing import NamedTuple

from edge_agent.virtual.clock import day_stamps, midnight
from edge_agent.virtual.counter import Counter
from edge_agent.virtual.loads import utc
from edge_agent.virtual.profile import Column
from shared_schema.obis import Obis

_CACHED_DAYS = 8
_TYPES = {"B": 0x11, "H": 0x12, "I": 0x06}
"""A-XDR tags of the plain unsigned types by their `struct` letter; T is a date-time."""
_NO_END = 1 << 62
_LAST_SECOND = 250_000_000_000
"""Within year 9892: a bound of a range beyond it is cut to it."""
Value = int | bytes


class Row(NamedTuple):
    """One captured row as it truly is."""

    ts: datetime
    """Aware, UTC: the stamp, on the meter's own clock."""
    values: tuple[Value, ...]
    """The columns after the first, raw; times as encoded octet strings."""


class Captured(NamedTuple):
    """One column with the letter of its type: B, H, I of `struct`, or T."""

    column: Column
    letter: str


def obis(text: str) -> Obis:
    """Return A.B.C.D.E with F 255."""
    return Obis.parse(f"{text}.255")


class History(ABC):
    """Rows numbered by time: the number of a row decides its stamp."""

    def __init__(self, counter: Counter, captured: Sequence[Captured]) -> None:
        """Set up the rows; the first column is the stamp."""
        self._counter = counter
        self.columns: Sequence[Column] = tuple(each.column for each in captured)
        letters = [each.letter for each in captured]
        self._struct = struct.Struct(
            ">16s" + "".join("14s" if each == "T" else f"B{each}" for each in letters[1:])
        )
        self._letters = tuple(letters[1:])
        self._head = bytes((2, len(letters)))
        edges = [2]
        for letter in letters:
            width = 14 if letter == "T" else 1 + struct.calcsize(letter)
            edges.append(edges[-1] + width)
        self._cuts = list(pairwise(edges))

    @property
    @abstractmethod
    def period_s(self) -> int:
        """Capture period, seconds."""

    @property
    @abstractmethod
    def capacity(self) -> int:
        """How many rows the buffer holds."""

    @abstractmethod
    def stamp(self, number: int) -> int:
        """Return the stamp of a row, seconds since 1970 on the meter's clock without jumps."""

    @abstractmethod
    def number(self, seconds: int) -> int:
        """Return the number of the first row that is stamped at or after a time."""

    @abstractmethod
    def values(self, start: int, end: int) -> list[tuple[Value, ...]]:
        """Return the columns after the first of the rows in [start, end)."""

    @property
    def first(self) -> int:
        """The number of the first row that was ever captured."""
        return self.number(int(self._counter.quartz.shows(self._counter.installed_s)))

    @property
    def behind_last(self) -> int:
        """The number behind the last row that will ever be captured."""
        fails_s = self._counter.fails_s
        if fails_s is None:
            return _NO_END
        return self.number(int(self._counter.quartz.highest(fails_s)) + 1)

    def span(self, now: datetime) -> tuple[int, int]:
        """Return the rows in the buffer at a true time, as a half-open span."""
        reached = self.number(int(self._counter.quartz.highest(now.timestamp())) + 1)
        end = min(reached, self.behind_last)
        start = max(self.first, end - self.capacity)
        return min(start, end), end

    def between(self, first_s: int, last_s: int) -> list[tuple[int, int]]:
        """Return the rows stamped in [first, last], seconds on the meter's clock, as spans."""
        first_s = min(max(first_s, 0), _LAST_SECOND)
        last_s = min(max(last_s, 0), _LAST_SECOND)
        at, end = self.number(first_s), self.number(last_s + 1)
        spans: list[tuple[int, int]] = []
        for start, behind, shift_s in self._jumped():
            spans.append((at, min(start, end)))
            at = max(at, behind)
            shifted = (self.number(max(0, each - shift_s)) for each in (first_s, last_s + 1))
            low, high = shifted
            spans.append((max(start, low), min(behind, high)))
        spans.append((at, end))
        return sorted((low, high) for low, high in spans if low < high)

    def shown(self, number: int) -> int:
        """Return the stamp that a row carries, seconds since 1970 on the meter's clock."""
        shift_s = sum(each for start, end, each in self._jumped() if start <= number < end)
        return self.stamp(number) + shift_s

    def _jumped(self) -> list[tuple[int, int, int]]:
        """Return the rows captured in each jump of the clock, and how far their stamps are off."""
        shows = self._counter.quartz.shows
        return [
            (
                self.number(int(shows(int(jump.since.timestamp())))),
                self.number(int(shows(int(jump.until.timestamp())))),
                jump.days * 86400,
            )
            for jump in self._counter.spec.clock_jumps
        ]

    def truth(self, start: int, end: int) -> list[Row]:
        """Return the rows in [start, end) as plain values."""
        if end <= start:
            return []
        return [
            Row(utc(self.shown(number)), values)
            for number, values in zip(range(start, end), self.values(start, end), strict=True)
        ]

    def encode(self, start: int, end: int, picked: Sequence[int] | None, now: datetime) -> bytes:  # noqa: ARG002  # captured rows do not depend on it
        """Return the encoded rows in [start, end), whole or the picked columns of each."""
        if not (self._counter.spec.null_timestamps and self.period_s):
            rows = self._timed(start, end)
            return rows if picked is None else self._pick(rows, picked)
        # The first row of an answer keeps its stamp, the others have null-data there.
        size = self._struct.size
        rows = self._timed(start, end)
        kept, others = rows[:size], rows[size:]
        nulled = [
            self._head + b"\x00" + others[at + 16 : at + size] for at in range(0, len(others), size)
        ]
        if picked is None:
            return kept + b"".join(nulled)
        shifted = [(2, 3), *((left - 13, right - 13) for left, right in self._cuts[1:])]
        head = bytes((2, len(picked)))
        cuts = [shifted[index] for index in picked]
        return self._pick(kept, picked) + b"".join(
            head + b"".join(row[left:right] for left, right in cuts) for row in nulled
        )

    def _timed(self, start: int, end: int) -> bytes:
        dial = self._counter.dial
        stamps = [
            b"\x09\x0c" + dial.octets(utc(self.shown(number))) for number in range(start, end)
        ]
        return self._pack(stamps, self.values(start, end))

    def _pack(self, stamps: Sequence[bytes], rows: Sequence[tuple[Value, ...]]) -> bytes:
        head = self._head
        columns: list[Iterable[Value]] = [[head + stamp for stamp in stamps]]
        for letter, column in zip(self._letters, zip(*rows, strict=True), strict=True):
            if letter != "T":
                columns.append(repeat(_TYPES[letter], len(rows)))
            columns.append(column)
        return b"".join(starmap(self._struct.pack, zip(*columns, strict=True)))

    def _pick(self, rows: bytes, picked: Sequence[int]) -> bytes:
        head = bytes((2, len(picked)))
        cuts = [self._cuts[index] for index in picked]
        return b"".join(
            head + b"".join(rows[at + left : at + right] for left, right in cuts)
            for at in range(0, len(rows), self._struct.size)
        )


class Periodic(History):
    """Rows at every capture period. A row's number is its stamp in periods since 1970."""

    def __init__(self, counter: Counter, captured: Sequence[Captured]) -> None:
        """Set up a load profile."""
        super().__init__(counter, captured)
        self._period_s = counter.spec.capture_period_s
        self._days: dict[tuple[date, int], bytes] = {}

    @property
    def period_s(self) -> int:
        """Capture period, seconds."""
        return self._period_s

    @property
    def capacity(self) -> int:
        """How many rows the buffer holds."""
        return self._counter.spec.profile_days * 86400 // self._period_s

    def stamp(self, number: int) -> int:
        """Return the stamp of a row, seconds since 1970 on the meter's clock."""
        return number * self._period_s

    def number(self, seconds: int) -> int:
        """Return the number of the first row that is stamped at or after a time."""
        return -(-seconds // self._period_s)

    @abstractmethod
    def day_values(self, day: date) -> list[tuple[Value, ...]]:
        """Return the columns after the first of one local day's rows, 00:15 to 00:00."""

    def values(self, start: int, end: int) -> list[tuple[Value, ...]]:
        """Return the columns after the first of the rows in [start, end)."""
        found: list[tuple[Value, ...]] = []
        for day, first, last in self._by_day(start, end):
            found.extend(self.day_values(day)[first:last])
        return found

    def _by_day(self, start: int, end: int) -> list[tuple[date, int, int]]:
        """Cut [start, end) by local days: the day, its first row wanted, and behind the last."""
        zone, period_s = self._counter.spec.zone, self._period_s
        found: list[tuple[date, int, int]] = []
        while start < end:
            day = datetime.fromtimestamp(start * period_s - 1, zone).date()
            zero = midnight(day, zone) // period_s + 1
            behind = midnight(day + timedelta(days=1), zone) // period_s + 1
            stop = min(end, behind)
            found.append((day, start - zero, stop - zero))
            start = stop
        return found

    def _timed(self, start: int, end: int) -> bytes:
        if self._counter.spec.clock_jumps:
            return super()._timed(start, end)
        size = self._struct.size
        return b"".join(
            self._day(day)[first * size : last * size]
            for day, first, last in self._by_day(start, end)
        )

    def _day(self, day: date) -> bytes:
        key = (day, self._counter.quartz.changes)
        found = self._days.get(key)
        if found is None:
            if len(self._days) >= _CACHED_DAYS:
                self._days.clear()
            stamps = day_stamps(day, self._counter.dial, self._period_s)
            found = self._days[key] = self._pack(stamps, self.day_values(day))
        return found
