# SPDX-License-Identifier: MIT
"""What the rules look at: who has which meter now, and what its register said.

In: a time, meters. Out: rows as values. Never: a judgement: `cloud_ingest.core.rules` makes it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows, scalar, scalars
from shared_schema.catalogue import Service
from shared_schema.events import EventKind
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
class ServingRegister:
    """A register of a meter that serves a unit, a common area or a tower now."""

    channel_id: int
    unit: int
    scaler: int
    weight: int
    """The raw value is a count of pulses times this."""
    society_id: int
    society: str
    tower: str | None
    subject_type: str
    subject: str
    source: str
    valid_from: datetime
    manufacturer: str
    serial: str
    q4_m3_h: Decimal | None
    """The overload flow of a water meter; None: it is not known."""
    last_reading: int | None
    """Of the meter, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, its beginning excluded, in seconds since 1970."""

    after: int
    until: int


@translating
def serving_registers(
    conn: Connection, obis: Obis, channels: Collection[int], now: datetime
) -> list[ServingRegister]:
    """Return the registers that serve the same subjects as some do, by subject."""
    arguments = {"obis": str(obis), "channels": list(channels), "now": now}
    return all_rows(conn, ServingRegister, query("flag/serving_registers"), arguments)


@translating
def readings_between(
    conn: Connection, spans: Mapping[int, Span]
) -> dict[int, list[tuple[int, int]]]:
    """Return what elected readings of registers say, each in its own stretch of time.

    Args:
        conn: The store.
        spans: By channel.

    Returns:
        Seconds since 1970 and raw values, ascending, of each channel that has any.
    """
    if not spans:
        return {}
    after = [datetime.fromtimestamp(span.after, UTC) for span in spans.values()]
    until = [datetime.fromtimestamp(span.until, UTC) for span in spans.values()]
    rows = conn.execute(
        query("flag/readings_between"),
        {
            "channels": list(spans),
            "after": after,
            "until": until,
            "first": min(after),
            "last": max(until),
        },
        binary=True,
    )
    found: dict[int, list[tuple[int, int]]] = {}
    for channel_id, ts, raw in rows:
        found.setdefault(channel_id, []).append((ts, raw))
    return found


@translating
def unserved(
    conn: Connection, service: Service, kinds: Collection[EventKind], now: datetime
) -> list[tuple[int, str, str]]:
    """Return whose flags are open though the meter that shows it does not serve them now.

    Returns:
        Society, subject type and subject.
    """
    arguments = {"service": service, "kinds": list(kinds), "now": now}
    return conn.execute(query("flag/unserved"), arguments).fetchall()


@translating
def assigned_meters(conn: Connection, now: datetime) -> list[AssignedMeter]:
    """Return every assignment that is valid now."""
    return all_rows(conn, AssignedMeter, query("flag/assigned_meters"), {"now": now})


@translating
def newest_reading(conn: Connection) -> datetime | None:
    """Return when anything was last heard, or None."""
    newest: datetime | None = scalar(conn, "SELECT max(last_reading_at) FROM meter")
    return newest


@translating
def delivered_societies(conn: Connection, since: datetime) -> set[int]:
    """Return the societies whose gateways all said, after ``since``, that nothing waits."""
    return set(scalars(conn, query("flag/delivered_societies"), {"since": since}))
