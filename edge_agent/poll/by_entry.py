# SPDX-License-Identifier: GPL-2.0-only
"""Reading a profile's rows by their place, for meters that refuse to select them by time.

Places count from 1 in the order of the buffer. Reading goes from the newest row back. A row that
comes meanwhile moves all others in a full buffer; so it costs one row that is read twice.

Source: IEC 62056-6-2, profile generic, entry_descriptor.

In: a link to a meter, how its profile is read, a time. Out: the rows from that time on.
Never: more rows than these, but for the rest of the last `AT_ONCE`.
"""

from collections.abc import Sequence
from typing import Final

from edge_agent.decode import buffer, rows
from edge_agent.decode.layout import Layout
from edge_agent.decode.rows import Decoded
from edge_agent.dlms import axdr
from edge_agent.dlms.axdr import Zone
from edge_agent.errors import ProtocolViolation
from edge_agent.poll.meter_link import MeterLink
from edge_agent.poll.meter_session import attribute_of

AT_ONCE: Final = 16
"""Rows in one request."""


def entries(link: MeterLink, plan: Layout, first: int, last: int, zone: Zone) -> Decoded:
    """Read the rows at these places, both included.

    Raises:
        AccessDenied: the meter does not give them.
        BusError, MeterError: they cannot be read.
    """
    data = link.read(lambda reader: reader.get_entries(plan.profile, first, last))
    return buffer.rows_of(data, plan, zone)


def rows_since(link: MeterLink, plan: Layout, start: int | None, zone: Zone) -> Decoded:
    """Read the rows of a profile from a time on.

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
    found: set[rows.Row] = set()
    parts: list[Decoded] = []
    for newest in range(0, count, AT_ONCE):
        oldest = min(newest + AT_ONCE, count)
        places = (newest + 1, oldest) if plan.descending else (count - oldest + 1, count - newest)
        part = entries(link, plan, *places, zone)
        found.update(part.rows)
        parts.append(part)
        if start is not None and any((row[0] or 0) < start for row in part.rows):
            break
    kept = [row for row in found if start is None or (row[0] or 0) >= start]
    return together(tuple(sorted(kept, key=lambda row: row[0] or 0)), parts)


def together(kept: tuple[rows.Row, ...], parts: Sequence[Decoded]) -> Decoded:
    """Return rows with what was lost of all the answers that they came in."""
    return Decoded(
        kept,
        sum(each.bad_time for each in parts),
        sum(each.misfit for each in parts),
        sum(each.no_code for each in parts),
        taken=sum(each.taken for each in parts),
        refused=sum(each.refused for each in parts),
        refused_as=next((each.refused_as for each in parts if each.refused), ""),
        floats=frozenset[int]().union(*(each.floats for each in parts)),
        no_floats=any(each.no_floats for each in parts),
    )
