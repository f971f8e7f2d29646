# SPDX-License-Identifier: GPL-2.0-only
"""Bits of a status word: an event when one is set, none while it stays so."""

import pytest

from edge_agent.meters.model import StatusBit
from edge_agent.poll.status_bits import events_of
from shared_schema.catalogue import PROFILE_STATUS, StatusEvent, event_name

BITS = (StatusBit(bit=3, means="cable_cut"),)


def test_only_a_bit_that_changes_is_an_event() -> None:
    rows = ((0, 0, 5), (900, 0x8, 5), (1800, 0xA, 5), (2700, 2, 5), (3600, 9, 5))
    assert events_of(rows, rows, BITS, from_the_first=False) == (
        (900, StatusEvent.CABLE_CUT),
        (2700, StatusEvent.CABLE_CUT + 1),
        (3600, StatusEvent.CABLE_CUT),
    )


@pytest.mark.parametrize("event", StatusEvent)
def test_each_event_of_the_catalogue_can_be_named(event: StatusEvent) -> None:
    bits = (StatusBit.model_validate({"bit": 0, "means": event.name.lower()}),)
    rows = ((0, 0, 5), (900, 1, 5), (1800, 0, 5))
    found = events_of(rows, rows, bits, from_the_first=False)
    assert found == ((900, event), (1800, event + 1))
    names = [event_name(PROFILE_STATUS, code or 0) for _, code in found]
    assert names[1] == f"{names[0]}: over"


def test_a_row_of_the_overlap_is_not_said_again() -> None:
    rows = ((0, 0, 5), (900, 8, 5), (1800, 8, 5))
    assert events_of(rows, rows[2:], BITS, from_the_first=False) == ()


def test_a_first_row_counts_only_where_history_begins() -> None:
    rows = ((900, 8, 5), (1800, None, 5), (2700, 8, 5))
    assert events_of(rows, rows, BITS, from_the_first=True) == ((900, StatusEvent.CABLE_CUT),)
    assert events_of(rows, rows, BITS, from_the_first=False) == ()
