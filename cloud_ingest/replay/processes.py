# SPDX-License-Identifier: MIT
"""Work on many meters, in several processes side by side.

In: a function that can be pickled, and what it is called with. Out: its results in that order.
"""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context
from typing import TypeVar

from cloud_ingest.errors import UserError

In = TypeVar("In")
Out = TypeVar("Out")


def each(
    work: Callable[[In], Out], items: Sequence[In], processes: int | None = None
) -> Iterator[Out]:
    """Yield what the work makes of each item, in their order.

    Args:
        work: What is done; a function that can be pickled.
        items: Of what, each by itself.
        processes: How many side by side; None: one for each processor that may be used.
    """
    processes = min(processes or len(os.sched_getaffinity(0)), len(items))
    if processes <= 1:
        yield from map(work, items)
        return
    # "spawn": pyarrow has threads, which a fork would not survive.
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _leave_ctrl_c_to_the_parent)
    try:
        with pool:
            try:
                yield from pool.map(work, items)
            except BaseException:
                _end_at_once()
                raise
    except BrokenProcessPool:
        raise UserError(
            "a process that judged meters was killed: free some memory, or give --processes 1"
        ) from None


def _end_at_once() -> None:
    """Do not wait for the items that are being worked on: nobody asks for them any more."""
    for child in active_children():
        child.terminate()


def _leave_ctrl_c_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
