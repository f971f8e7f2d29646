# SPDX-License-Identifier: MIT
"""Work on many meters, in several processes side by side.

In: a function that can be pickled, and what it is called with. Out: its results in that order.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


def usable_processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))


def each(work: Callable[[In], Out], items: Sequence[In], processes: int) -> Iterator[Out]:
    """Yield what the work makes of each item, in their order."""
    processes = min(processes, len(items))
    if processes <= 1:
        yield from map(work, items)
        return
    # "spawn": pyarrow has threads, which a fork would not survive.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, items)
