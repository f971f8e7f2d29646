# SPDX-License-Identifier: GPL-2.0-only
"""Reading a profile's rows by their place, for meters that refuse to select them by time.

Places count from 1 in the order of the buffer. Reading goes from the newest row back. A row that
comes meanwhile moves all others in a full buffer; so it costs one row that is read twice.

Rows are asked for in halves if their bytes cannot be decoded, if they are too many for one answer,
or if the answer was cut short. A row that cannot be read alone either is left out.

Source: IEC 62056-6-2, profile generic, entry_descriptor.

In: a link to a meter, how its profile is read, a time. Out: the rows from that time on.
Never: more rows than these, but for the rest of the last `AT_ONCE`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edge_agent.decode import buffer
from edge_agent.decode.layout import Layout
from edge_agent.decode.rows import Decoded, Row, joined
from edge_agent.dlms import axdr
from edge_agent.dlms.axdr import Zone
from edge_agent.errors import ProtocolViolation
from edge_agent.poll.meter_link import MeterLink
from edge_agent.poll.meter_session import attribute_of
from edge_agent.poll.unreadable import Unreadable

AT_ONCE: Final = 16
"""Rows in one request."""
MAX_ENTRIES: Final = 100_000
"""Rows of one profile: quarters of an hour for nearly three years."""


def entries(link: MeterLink, plan: Layout, first: int, last: int, zone: Zone) -> Decoded:
    """Read the rows at these places, both included.

    Raises:
        AccessDenied: the meter does not give them.
        BusError, MeterError: they cannot be read.
    """
    data = link.read(lambda reader: reader.get_entries(plan.profile, first, last))
    return buffer.rows_of(data, plan, zone)


@dataclass(frozen=True, slots=True)
class Entry:
    """A place whose row cannot be read."""

    place: int
    error: ProtocolViolation


class _Parts:
    """What came of the requests for one profile."""

    def __init__(self, link: MeterLink, plan: Layout, zone: Zone) -> None:
        self.read: list[Decoded] = []
        self.left_out: list[Entry] = []
        self._unreadable = Unreadable()
        self._link, self._plan, self._zone = link, plan, zone

    def add(self, first: int, last: int) -> list[Row]:
        """Read the rows at these places, at once or in halves, and return them.

        Raises:
            AccessDenied, BusError, MeterError: as `entries`.
            ProtocolViolation: too many of them cannot be read.
        """
        try:
            found = entries(self._link, self._plan, first, last, self._zone)
        except ProtocolViolation as error:
            self._unreadable.see(error)
            if first < last:
                middle = (first + last) // 2
                return self.add(first, middle) + self.add(middle + 1, last)
            self._link.look()  # it is these bytes that fail, and nothing else
            self._unreadable.leave_out()
            self.left_out.append(Entry(first, error))
            return []
        if 0 < found.came < last - first + 1:  # the answer was cut short
            middle = (first + last) // 2
            return self.add(first, middle) + self.add(middle + 1, last)
        self.read.append(found)
        return list(found.rows)


def rows_since(
    link: MeterLink, plan: Layout, start: int | None, zone: Zone
) -> tuple[Decoded, Sequence[Entry]]:
    """Read the rows of a profile from a time on; return them, and the places that were left out.

    Args:
        link: the meter.
        plan: how its rows are read, and whether the newest one comes first.
        start: seconds since 1970; None reads all.
        zone: how it writes times.

    Raises:
        AccessDenied: the meter does not say how many rows it has, or does not give them.
        BusError, MeterError: they cannot be read.
    """
    count = axdr.integer(link.read(attribute_of(plan.profile, 7, 7)))
    if count is None:
        raise ProtocolViolation(f"profile {plan.profile} does not say how many rows it has")
    if count > MAX_ENTRIES:
        raise ProtocolViolation(
            f"profile {plan.profile} says that it has {count} rows, more than any meter keeps"
        )
    found: set[Row] = set()
    parts = _Parts(link, plan, zone)
    for newest in range(0, count, AT_ONCE):
        oldest = min(newest + AT_ONCE, count)
        places = (newest + 1, oldest) if plan.descending else (count - oldest + 1, count - newest)
        part = parts.add(*places)
        found.update(part)
        if start is not None and any((row[0] or 0) < start for row in part):
            break
    kept = [row for row in found if start is None or (row[0] or 0) >= start]
    return joined(kept, parts.read), parts.left_out
