# SPDX-License-Identifier: MIT
"""Python's collector of cycles, paused while a month is closed.

A closing of 10,000 units makes a million values that live until its end, none of them in a cycle.
The collector walks over all of them again and again, and finds nothing: half of the time.

In: a block of work. Out: the same, without the collector. Never: a longer pause than the block.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause the collector within the block; what is in no cycle is freed all the same."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
