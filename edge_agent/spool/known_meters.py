# SPDX-License-Identifier: GPL-2.0-only
"""Which meter answered last at each address, so that another one is noticed.

In: the spool's open database. Out: the identity at an address. Owns the table ``known_meter``.
Never: a transaction of its own.
"""

import sqlite3

from shared_schema.message import MeterId

Place = tuple[str, int, int]
"""Bus, physical and logical address."""


def at(database: sqlite3.Connection, place: Place) -> MeterId | None:
    """Return the meter that answered last at a place, or None before the first time."""
    row = database.execute(
        "SELECT manufacturer, serial FROM known_meter"
        " WHERE bus = ? AND address = ? AND logical_address = ?",
        place,
    ).fetchone()
    return MeterId(manufacturer=row[0], serial=row[1]) if row else None


def remember(database: sqlite3.Connection, place: Place, meter: MeterId) -> None:
    """Keep which meter answers at a place."""
    database.execute(
        "INSERT OR REPLACE INTO known_meter VALUES (?, ?, ?, ?, ?)",
        (*place, meter.manufacturer, meter.serial),
    )
