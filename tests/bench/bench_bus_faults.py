# SPDX-License-Identifier: GPL-2.0-only
"""Ten thousand polls on a bad bus: what `tests/chaos/test_bus_faults.py` does, at full length.

Once in the line's own time, and once through twenty terminals side by side.
"""

import time
from pathlib import Path

from tests.support.bad_bus import hold_a_bad_bus, line_time, password, through_terminals
from tests.support.line_time import LineTime

__all__ = ["line_time", "password"]
POLLS = 10_000
TERMINALS = 20
SEED = 20260310
UNPLUG_EVERY_S = 120.0
"""Once in some three cycles, as in the line's own time."""


def test_ten_thousand_polls_and_no_value_in_a_wrong_place(
    line_time: LineTime,  # the fixture
    password: Path,  # the same
    tmp_path: Path,
) -> None:
    begun = time.process_time()
    hold_a_bad_bus(tmp_path, password, line_time, POLLS)
    print(f"  {(time.process_time() - begun) / POLLS * 1e3:.1f} ms of processor time a poll")


def test_ten_thousand_polls_through_terminals(tmp_path: Path) -> None:
    found = through_terminals(
        tmp_path,
        seed=SEED,
        terminals=TERMINALS,
        polls=POLLS // TERMINALS,
        unplug_every_s=UNPLUG_EVERY_S,
    )
    cycles, missed = (sum(getattr(one, name) for one in found) for name in ("cycles", "missed"))
    print(
        f"\n{sum(one.polls for one in found)} polls through {TERMINALS} terminals: "
        f"{sum(one.rows for one in found)} rows and {sum(one.registers for one in found)} sets of "
        f"registers held against the truth, {sum(len(one.wrong) for one in found)} values wrong"
        f"\n  the devices vanished {sum(one.reopened for one in found)} times; "
        f"{missed} of {cycles} cycles of healthy meters were missed"
    )
    assert [each for one in found for each in one.wrong] == []
    assert missed == 0
    assert all(one.reopened for one in found)
