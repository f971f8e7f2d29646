# SPDX-License-Identifier: GPL-2.0-only
"""Bits of a status word: an event when one is set, none while it stays so."""

from edge_agent.meters.model import StatusBit
from edge_agent.poll.status_bits import events_of
from shared_schema.catalogue import CABLE_CUT

BITS = (StatusBit(bit=3, means="cable_cut"),)


def test_only_a_bit_that_was_clear_before_is_an_event() -> None:
    rows = ((0, 0, 5), (900, 0x8, 5), (1800, 0xA, 5), (2700, 2, 5), (3600, 9, 5))
    assert events_of(rows, rows, BITS, from_the_first=False) == (
        (900, CABLE_CUT),
        (3600, CABLE_CUT),
    )


def test_a_row_of_the_overlap_is_not_said_again() -> None:
    rows = ((0, 0, 5), (900, 8, 5), (1800, 8, 5))
    assert events_of(rows, rows[2:], BITS, from_the_first=False) == ()


def test_a_first_row_counts_only_where_history_begins() -> None:
    rows = ((900, 8, 5), (1800, None, 5), (2700, 8, 5))
    assert events_of(rows, rows, BITS, from_the_first=True) == ((900, CABLE_CUT),)
    assert events_of(rows, rows, BITS, from_the_first=False) == ()
