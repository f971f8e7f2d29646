# SPDX-License-Identifier: GPL-2.0-only
"""Bits of a profile's status that become events: a cable was cut, the meter sees a leak.

In: rows of a profile, and which bit means what. Out: rows ``(ts, code)`` of `PROFILE_STATUS`.
Pure. Never: an event for a bit that stays as it was.
"""

from collections.abc import Collection, Sequence

from edge_agent.decode.rows import Row
from edge_agent.meters.model import StatusBit
from shared_schema.catalogue import StatusEvent


def events_of(
    rows: Sequence[Row], fresh: Collection[Row], bits: Sequence[StatusBit], *, from_the_first: bool
) -> tuple[Row, ...]:
    """Return an event for each bit that a new row sets or clears and the row before did not.

    Args:
        rows: rows of a profile, ascending by time, with those of the overlap.
        fresh: those of them that are new.
        bits: what bits mean.
        from_the_first: whether no row was ever read before the first of these.
    """
    found: list[Row] = []
    new = set(fresh)
    for bit in bits:
        code = StatusEvent[bit.means.upper()]
        before = False if from_the_first else None
        for row in rows:
            if row[1] is None:
                continue
            is_set = bool(row[1] >> bit.bit & 1)
            if before is not None and is_set != before and row in new:
                found.append((row[0], int(code) if is_set else code + 1))
            before = is_set
    return tuple(sorted(found, key=lambda row: row[0] or 0))
