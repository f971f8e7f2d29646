# SPDX-License-Identifier: GPL-2.0-only
"""The overlap of two polls: what is read again, and what of it is new."""

from edge_agent.meters.model import ProfileToRead
from edge_agent.poll.memory import MeterFacts
from edge_agent.poll.overlap import OVERLAP_S, REREAD_S, Overlap
from shared_schema.catalogue import BLOCK_LOAD_PROFILE

QUARTERLY = ProfileToRead(obis=BLOCK_LOAD_PROFILE)
DAILY = ProfileToRead(obis=BLOCK_LOAD_PROFILE, every="day")
MARK = 900_000
ROWS = ((MARK - 900, None, 1), (MARK, None, 2))


def overlap(facts: MeterFacts, limit: float = MARK + 900) -> Overlap:
    return Overlap(facts, BLOCK_LOAD_PROFILE, limit)


def after_a_poll() -> MeterFacts:
    """What is known after a poll that read up to `MARK` and settled its rows."""
    facts = MeterFacts()
    it = overlap(facts, MARK)
    it.settle(MARK - 2 * OVERLAP_S, MARK)
    it.remember(MARK, ROWS)
    return facts


def test_a_first_window_begins_where_rows_are_unsettled() -> None:
    assert overlap(MeterFacts()).start(QUARTERLY, MARK) == MARK - OVERLAP_S - REREAD_S
    assert overlap(MeterFacts()).start(DAILY, MARK) == MARK - OVERLAP_S


def test_a_window_begins_with_the_newest_row_known() -> None:
    assert overlap(after_a_poll()).start(QUARTERLY, MARK) == MARK


def test_once_an_hour_rows_are_read_until_they_are_settled() -> None:
    late = overlap(after_a_poll(), MARK + REREAD_S)
    assert late.newest_known(MARK) is None
    assert late.start(QUARTERLY, MARK) == MARK - OVERLAP_S


def test_rows_of_an_earlier_poll_are_not_sent_again() -> None:
    new = (MARK + 900, None, 3)
    assert list(overlap(after_a_poll()).unsent(MARK, [*ROWS, new])) == [new]


def test_rows_are_sent_again_when_the_watermark_did_not_move() -> None:
    assert list(overlap(after_a_poll()).unsent(MARK - 900, ROWS)) == list(ROWS)
    assert list(overlap(after_a_poll()).unsent(None, ROWS)) == list(ROWS)


def test_a_row_that_is_gone_or_changed_is_seen() -> None:
    it = overlap(after_a_poll())
    assert not it.differs(MARK, MARK - 900, MARK, ROWS)
    assert it.differs(MARK, MARK - 900, MARK, ROWS[:1])
    assert it.differs(MARK, MARK, MARK, [(MARK, None, 9)])
    assert not it.differs(MARK, MARK + 1, MARK + 900, [])


def test_a_forgotten_profile_is_sent_anew() -> None:
    facts = after_a_poll()
    overlap(facts).forget()
    assert list(overlap(facts).unsent(MARK, ROWS)) == list(ROWS)
