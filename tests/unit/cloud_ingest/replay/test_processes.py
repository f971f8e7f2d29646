# SPDX-License-Identifier: MIT
"""Work side by side: in order, and one line where a process dies."""

import os
import signal
import time
from collections.abc import Generator
from multiprocessing import active_children

import pytest

from cloud_ingest.errors import UserError
from cloud_ingest.replay.processes import each


def twice(number: int) -> int:
    return 2 * number


def sleep(number: int) -> int:
    time.sleep(number)
    return number


def die(number: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL if number else 0)


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_the_items(processes: int) -> None:
    assert list(each(twice, [3, 1, 2], processes)) == [6, 2, 4]


def test_a_killed_process_is_one_line() -> None:
    with pytest.raises(UserError, match="was killed: free some memory"):
        list(each(die, [1, 1], 2))


def test_nothing_needs_no_process() -> None:
    assert list(each(twice, [])) == []


def test_work_that_nobody_waits_for_ends_at_once() -> None:
    found = each(sleep, [0, 3600, 3600], 2)
    assert next(found) == 0
    assert isinstance(found, Generator)
    found.close()
    assert not active_children()
