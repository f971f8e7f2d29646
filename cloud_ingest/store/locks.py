# SPDX-License-Identifier: MIT
"""The advisory locks of a store, in one place: each purpose has a number of its own."""

from enum import IntEnum, unique


@unique
class Lock(IntEnum):
    """What one session at a time does in a database."""

    MIGRATION = 0x696F7455
    ROLLUP = 0x696F7456
    """Refresh, recomputation, retention."""
    CLOSING = 0x696F7457
    """Of a month."""
    ELECTION = 0x696F7458
    """Of another claim, within a transaction."""
    KEEPER = 0x696F7459
    """Held as long as the worker lives that does for all what follows from readings."""
    PARTITION = 0x697F7457
    """Taken by the function ``make_reading_partition`` of the store."""
