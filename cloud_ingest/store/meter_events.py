# SPDX-License-Identifier: MIT
"""The events of meters: what their own logs noted, and what gateways saw of them.

What a meter's log captured with an event (voltage, energy) stays in the signed block.

In: accepted batches. Out: rows of ``meter_event``, and them again for a person. Never: a flag, a
ticket, a judgement: those are `cloud_ingest.store.events` and `cloud_ingest.core.rules`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from typing import Any

from cloud_ingest.core.accept import Accepted
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.rows import all_rows
from shared_schema.obis import Obis


@dataclass(frozen=True, slots=True)
class StoredMeterEvent:
    """One event of a meter, by its own log or by its gateway (`catalogue.GATEWAY_LOG`)."""

    manufacturer: str
    serial: str
    log: Obis
    at: datetime
    """By the meter's clock, or by the gateway's; aware."""
    code: int
    detail: dict[str, Any] | None
    """What the gateway saw, as `shared_schema.readings.Observation`; None in a meter's log."""


@translating
def store_meter_events(conn: Connection, deliveries: Sequence[Accepted]) -> None:
    """Add the events of accepted batches, within the caller's transaction."""
    rows = [
        (block.meter_id, str(block.log), float(row[0]), row[1], detail, delivery.received_at)
        for delivery in deliveries
        for block in delivery.events
        for row, detail in zip(block.rows, block.details or repeat(None), strict=False)
        if row[0] is not None  # `accept` lets none through
    ]
    if rows:
        names = ("meters", "logs", "times", "codes", "details", "received")
        columns = map(list, zip(*rows, strict=True))
        conn.execute(query("event/meter_event_add"), dict(zip(names, columns, strict=True)))


@translating
def list_meter_events(
    conn: Connection,
    society: str,
    *,
    since: datetime,
    serial: str | None = None,
    codes: Sequence[int] = (),
    limit: int = 1000,
) -> list[StoredMeterEvent]:
    """Return events of a society's meters, newest first.

    Args:
        conn: The store.
        society: The society's name.
        since: From when on, aware.
        serial: Of one meter.
        codes: Only these; empty: all.
        limit: How many at most.

    Raises:
        NotFound: no such society.
    """
    find_society(conn, society)
    return all_rows(
        conn,
        _stored_meter_event,
        query("event/meter_events"),
        {
            "society": society,
            "serial": serial,
            "codes": list(codes) or None,
            "since": since,
            "limit": limit,
        },
    )


def _stored_meter_event(*, log: str, **columns: Any) -> StoredMeterEvent:
    return StoredMeterEvent(log=Obis.parse(log), **columns)
