# SPDX-License-Identifier: GPL-2.0-only
"""Ten thousand polls on a bad bus: what `tests/chaos/test_bus_faults.py` does, at full length."""

import time
from pathlib import Path

from tests.chaos.test_bus_faults import hold_a_bad_bus, line_time, password
from tests.support.line_time import LineTime

__all__ = ["line_time", "password"]
POLLS = 10_000


def test_ten_thousand_polls_and_no_value_in_a_wrong_place(
    line_time: LineTime,  # the fixture
    password: Path,  # the same
    tmp_path: Path,
) -> None:
    begun = time.process_time()
    hold_a_bad_bus(tmp_path, password, line_time, POLLS)
    print(f"  {(time.process_time() - begun) / POLLS * 1e3:.1f} ms of processor time a poll")
