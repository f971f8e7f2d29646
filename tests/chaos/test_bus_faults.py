# SPDX-License-Identifier: GPL-2.0-only
"""A bad bus: whatever happens on it, no value is booked to a wrong meter or a wrong time.

Most polls run in the line's own time, so that a silence of seconds costs nothing; some go through
terminals.
"""

from pathlib import Path

import pytest

from tests.support.bad_bus import hold_a_bad_bus, line_time, password, through_terminals
from tests.support.line_time import LineTime

__all__ = ["line_time", "password"]
pytestmark = pytest.mark.slow

POLLS = 1_500
"""In the tests; `make bench` does ten thousand."""


def test_no_value_is_booked_wrongly(line_time: LineTime, password: Path, tmp_path: Path) -> None:
    hold_a_bad_bus(tmp_path, password, line_time, POLLS)


def test_no_value_is_booked_wrongly_through_terminals(tmp_path: Path) -> None:
    found = through_terminals(tmp_path, seed=20260310, terminals=4, polls=100, unplug_every_s=15.0)
    print(*found, sep="\n")
    assert [value for one in found for value in one.wrong] == []
    assert sum(one.reopened for one in found) > 0
    assert sum(one.rows for one in found) > 0
    assert sum(one.registers for one in found) > 0
