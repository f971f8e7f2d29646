# SPDX-License-Identifier: MIT
"""What the rules look at: who has which meter now, and the newest stretch of its register.

In: a time, meters. Out: rows as values. Never: a judgement: `cloud_ingest.core.rules` makes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows, scalar, scalars
from shared_schema.obis import Obis


@dataclass(frozen=True, slots=True)
class AssignedMeter:
    """A meter that serves a subject now."""

    society_id: int
    society: str
    tower: str | None
    subject_type: str
    subject: str
    service: str
    source: str
    legacy: bool
    valid_from: datetime
    meter_id: int
    manufacturer: str
    serial: str
    last_reading_at: datetime | None


@dataclass(frozen=True, slots=True)
class Register:
    """A stretch of one register: (seconds since 1970, raw), ascending."""

    meter_id: int
    unit: int
    scaler: int
    readings: tuple[tuple[int, int], ...]


@translating
def assigned_meters(conn: Connection, now: datetime) -> list[AssignedMeter]:
    """Return every assignment that is valid now."""
    return all_rows(conn, AssignedMeter, query("flag/assigned_meters"), {"now": now})


@translating
def registers(conn: Connection, obis: Obis, since: Mapping[int, datetime]) -> list[Register]:
    """Return what each meter's register said from a time on; several where its scaler changed.

    Args:
        conn: A connection.
        obis: The register.
        since: From when on, by meter.
    """
    if not since:
        return []
    rows = conn.execute(
        query("flag/registers"),
        {
            "obis": str(obis),
            "meters": list(since),
            "since": list(since.values()),
            "start": min(since.values()),
        },
    )
    found: dict[tuple[int, int], tuple[int, int, list[tuple[int, int]]]] = {}
    for meter_id, channel_id, unit, scaler, ts, raw in rows:
        found.setdefault((meter_id, channel_id), (unit, scaler, []))[2].append((ts, raw))
    return [
        Register(meter_id, unit, scaler, tuple(readings))
        for (meter_id, _channel_id), (unit, scaler, readings) in found.items()
    ]


@translating
def newest_reading(conn: Connection) -> datetime | None:
    """Return when anything was last heard, or None."""
    newest: datetime | None = scalar(conn, "SELECT max(last_reading_at) FROM meter")
    return newest


@translating
def delivered_societies(conn: Connection, since: datetime) -> set[int]:
    """Return the societies whose gateways all said, after ``since``, that nothing waits."""
    return set(scalars(conn, query("flag/delivered_societies"), {"since": since}))
