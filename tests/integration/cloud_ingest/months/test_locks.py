# SPDX-License-Identifier: MIT
"""Months that are approved and opened again in any order, beside months that never were.

One history is played twice: with its approvals and reopenings, and without them. After each step
no border is torn: what registers moved is what is charged and what is nobody's. After the last
reopening and closing, both societies have the same numbers.
"""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_ingest.month.waiting import waiting_numbers
from cloud_ingest.store.connection import connect
from shared_schema.billing import MonthlyConsumption
from tests.integration.cloud_ingest.months.stage import Stage
from tests.support.lies import DEEPER
from tests.support.received import Line, Number, Received, read_received
from tests.support.store import SOCIETY, ZONE, Site, Templates

MONTHS = ("2026-01", "2026-02", "2026-03")
BEGIN = """
unit A-1 meter 1
unit B-1 meter 2 to 2026-02-10
rows 1
  every 1 h 40 from 2026-01-01 00:00 at 12,345,000 to 2026-04-01 06:00
  without 2026-02-01 00:00
  without 2026-03-01 00:00
rows 2
  every 1 h 40 from 2026-01-01 00:00 at 12,345,000 to 2026-02-09 23:00
  without 2026-01-31 20:00 to 2026-02-01 00:00
"""
# 744 hours of 40 Wh to 1 February, 1,416 to 1 March.
EVENTS = (
    "rows 1\n  every 1 h 40 from 2026-02-01 00:00 at 12,374,760 to 2026-02-01 00:00",
    "rows 1\n  every 1 h 40 from 2026-03-01 00:00 at 12,401,640 to 2026-03-01 00:00",
    "rows 2\n  every 1 h 40 from 2026-01-31 20:00 at 12,374,600 to 2026-02-01 00:00",
    "enter A-1 12374.755 at 2026-02-01 00:00",
    "unit B-1 meter 2 to 2026-01-20\nunit C-1 meter 2 from 2026-01-20 to 2026-02-10",
    "unit A-1 meter 1 to 2026-02-20\nunit D-1 meter 1 from 2026-02-20",
)
STEPS = st.lists(
    st.sampled_from([*(("close", month) for month in MONTHS), *(("lock", m) for m in MONTHS)]),
    min_size=2,
    max_size=3,
)
HISTORIES = st.permutations(EVENTS).flatmap(
    lambda events: st.tuples(st.just(events[:4]), st.lists(STEPS, min_size=4, max_size=4))
)


class Played:
    """One society to which a history happens."""

    def __init__(self, stage: Stage, *, locks: bool) -> None:
        self.stage = stage
        self._locks = locks
        self._locked: set[str] = set()
        stage.act(BEGIN)
        for month in MONTHS:
            stage.act(f"close {month}")

    def received(self) -> Received:
        """Return what consumers hold; no border of it is torn."""
        received = read_received(self.stage.site.conn)
        assert list(received.faults()) == []
        return received

    def step(self, what: str, month: str) -> None:
        """Close a month; or approve it, or open it again."""
        if what == "close":
            self.stage.act(f"close {month}")
        elif self._locks:
            self.stage.act(f"{'reopen' if month in self._locked else 'approve'} {month}")
            self._locked ^= {month}

    def end(self) -> dict[Line, object]:
        """Open and close every month, accept what is held, and return what stands."""
        for month in sorted(self._locked):
            self.stage.act(f"reopen {month}")
        for _ in range(2):
            for month in MONTHS:
                self.stage.act(f"close {month}")
            for each in waiting_numbers(self.stage.site.conn, SOCIETY):
                still = waiting_numbers(self.stage.site.conn, SOCIETY)
                if each.state == "held" and each in still:
                    self.stage.act(f"accept {each.month} {each.subject}")
        received = self.stage._received()
        return {line: said_of(number) for line, number in received.numbers.items()}


def said_of(number: Number) -> object:
    """Return what of a number may not hang on approvals."""
    if not isinstance(number, MonthlyConsumption):
        return None
    borders = [(part.opening, part.closing) for part in number.parts]
    return (number.quantity, number.quality, number.reasons, number.bounds, number.since, borders)


def test_locks_leave_no_trace(store_server: str, templates: Templates, tmp_path: Path) -> None:
    @settings(max_examples=2 * DEEPER)
    @given(HISTORIES)
    def hold(history: tuple[list[str], list[list[tuple[str, str]]]]) -> None:
        with (
            templates.copy(store_server) as first,
            templates.copy(store_server) as second,
            connect(first) as one,
            connect(second) as other,
        ):
            locked = Played(Stage(Site(one, tmp_path), ZONE), locks=True)
            free = Played(Stage(Site(other, tmp_path), ZONE), locks=False)
            for event, steps in zip(*history, strict=True):
                for played in (locked, free):
                    for what, month in steps[:1]:
                        played.step(what, month)
                    played.stage.act(event)
                    for what, month in steps[1:]:
                        played.step(what, month)
                    played.received()
            told, plain = locked.end(), free.end()
            assert {key: each for key, each in told.items() if each} == {
                key: each for key, each in plain.items() if each
            }

    hold()
