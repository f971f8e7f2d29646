# SPDX-License-Identifier: GPL-2.0-only
"""Watermarks: up to when each profile of a meter was read, and what it captured then.

Both move with the rows that they speak of.

In: the spool's open database. Out: marks, read and moved. Owns the tables ``watermark`` and
``captured``.
Never: a transaction of its own.
"""

import sqlite3
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from edge_agent.decode.layout import Captured
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from shared_schema.readings import Observation

Move = Callable[[sqlite3.Connection], None]
"""Writes a change of state, within the transaction of what is spooled with it."""


@dataclass(frozen=True, slots=True)
class Noted:
    """What the gateway saw of a meter, and the state that moves with it."""

    seen: tuple[Observation, ...]
    move: Move


@dataclass(frozen=True, slots=True)
class Moved:
    """What moves with the rows of one meter."""

    meter: MeterId
    watermarks: Mapping[Obis, int]
    captures: Mapping[Obis, Captured]
    noted: Noted | None

    def __bool__(self) -> bool:
        return bool(self.watermarks or self.captures or self.noted)

    def write(self, database: sqlite3.Connection) -> None:
        """Move it, within a transaction."""
        meter = (self.meter.manufacturer, self.meter.serial)
        database.executemany(
            "INSERT OR REPLACE INTO watermark VALUES (?, ?, ?, ?)",
            [(*meter, str(profile), ts) for profile, ts in self.watermarks.items()],
        )
        database.executemany(
            "INSERT OR REPLACE INTO captured VALUES (?, ?, ?, ?, ?)",
            [
                (*meter, str(profile), found.digest, " ".join(map(str, found.columns)))
                for profile, found in self.captures.items()
            ],
        )
        if self.noted is not None:
            self.noted.move(database)


def later(
    kept: Mapping[Obis, int], read: Mapping[Obis, int], rewound: Collection[Obis]
) -> dict[Obis, int]:
    """Return the watermarks that change something: the later ones, and those that go back.

    Args:
        kept: what the spool has.
        read: up to when each profile was read (s, UTC).
        rewound: the profiles whose watermark goes back, if it is earlier.
    """
    return {
        profile: ts
        for profile, ts in read.items()
        if profile in rewound or ts > kept.get(profile, ts - 1)
    }


def watermarks(database: sqlite3.Connection, meter: MeterId) -> dict[Obis, int]:
    """Return, for each profile of a meter, up to which time (s, UTC) its rows are kept."""
    found = database.execute(
        "SELECT profile, ts FROM watermark WHERE manufacturer = ? AND serial = ?",
        (meter.manufacturer, meter.serial),
    ).fetchall()
    return {Obis.parse(profile): ts for profile, ts in found}


def captures(database: sqlite3.Connection, meter: MeterId) -> dict[Obis, Captured]:
    """Return, for each profile of a meter, what it captured when its rows were last kept."""
    found = database.execute(
        "SELECT profile, digest, columns FROM captured WHERE manufacturer = ? AND serial = ?",
        (meter.manufacturer, meter.serial),
    ).fetchall()
    return {
        Obis.parse(profile): Captured(digest, tuple(map(Obis.parse, columns.split())))
        for profile, digest, columns in found
    }
