# SPDX-License-Identifier: GPL-2.0-only
"""Bits of a profile's status that become events, such as a module whose cable was cut.

In: rows of a profile, and which bit means what. Out: rows ``(ts, code)`` of `PROFILE_STATUS`.
Pure. Never: an event for a bit that was set before and stays set.
"""

from collections.abc import Collection, Sequence

from edge_agent.decode.rows import Row
from edge_agent.meters.model import StatusBit
from shared_schema.catalogue import CABLE_CUT

_CODES = {"cable_cut": CABLE_CUT}


def events_of(
    rows: Sequence[Row], fresh: Collection[Row], bits: Sequence[StatusBit], *, from_the_first: bool
) -> tuple[Row, ...]:
    """Return an event for each bit that a new row sets and the row before did not.

    Args:
        rows: rows of a profile, ascending by time, with those of the overlap.
        fresh: those of them that are new.
        bits: what bits mean.
        from_the_first: whether no row was ever read before the first of these.
    """
    found: list[Row] = []
    new = set(fresh)
    for bit in bits:
        before = False if from_the_first else None
        for row in rows:
            if row[1] is None:
                continue
            is_set = bool(row[1] >> bit.bit & 1)
            if is_set and before is False and row in new:
                found.append((row[0], _CODES[bit.means]))
            before = is_set
    return tuple(sorted(found, key=lambda row: row[0] or 0))
