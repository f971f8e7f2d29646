# SPDX-License-Identifier: MIT
"""What explains a number: every version that was sent, and what persons entered of its meters.

In: a subject's month, or meters and a stretch of time. Out: messages as they were sent, entries
with author and reason. Never: a write, a decision.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.number_words import NumberKey
from cloud_ingest.store.rows import all_rows, scalars
from shared_schema.billing import MonthlyConsumption, MonthlyWithdrawal
from shared_schema.message import MeterId

EntryKind = Literal[
    "set_aside",
    "restore",
    "enter",
    "self_read",
    "epoch",
    "dial",
    "assignment",
    "assignment_taken_back",
]


@dataclass(frozen=True, slots=True)
class KeptEntry:
    """What a person entered of a meter."""

    kind: EntryKind
    meter_id: int
    channel_id: int | None
    at: datetime
    """The moment of which it is."""
    until: datetime | None
    """Of an assignment: up to when."""
    raw: int | None
    """Of an epoch: what is added from then on."""
    origin: int | None
    """Of the reading that was ruled on."""
    value: Decimal | None
    """What a dial showed."""
    subject: str | None
    """Of an assignment: whom the meter serves."""
    author: str
    reason: str
    recorded_at: datetime
    entry_order: int


@translating
def heard_of_subject(
    conn: Connection, society_id: int, month: str, key: NumberKey
) -> dict[int, int]:
    """Return the last entry that each version of a subject's month knew."""
    arguments = (society_id, month, key.subject_type, key.subject, key.service.value)
    rows = conn.execute(
        """
        SELECT version, heard_order FROM (
          SELECT society_id, month, subject_type, subject, service, version, heard_order
          FROM month_number
          UNION ALL
          SELECT society_id, month, subject_type, subject, service, version, heard_order
          FROM month_withdrawal
        ) AS sent WHERE society_id = %s AND month = %s
          AND subject_type = %s AND subject = %s AND service = %s
        """,
        arguments,
    )
    return dict(rows)


@translating
def sent_of_subject(
    conn: Connection, society_id: int, month: str, key: NumberKey
) -> list[MonthlyConsumption | MonthlyWithdrawal]:
    """Return every message of a subject's month, in the order of versions."""
    arguments = (society_id, month, key.subject_type, key.subject, key.service.value)
    numbers = scalars(
        conn,
        """
        SELECT message FROM month_number WHERE society_id = %s AND month = %s
          AND subject_type = %s AND subject = %s AND service = %s
        """,
        arguments,
    )
    withdrawals = scalars(
        conn,
        """
        SELECT message FROM month_withdrawal WHERE society_id = %s AND month = %s
          AND subject_type = %s AND subject = %s AND service = %s
        """,
        arguments,
    )
    found: list[MonthlyConsumption | MonthlyWithdrawal] = [
        *map(MonthlyConsumption.from_line, numbers),
        *map(MonthlyWithdrawal.from_line, withdrawals),
    ]
    return sorted(found, key=lambda each: each.version)


@translating
def entries_of_meters(
    conn: Connection, meters: Collection[int], start: datetime, end: datetime
) -> list[KeptEntry]:
    """Return what persons entered of meters for times in a window, the oldest entry first."""
    arguments = {"meters": sorted(meters), "start": start, "end": end}
    return all_rows(conn, KeptEntry, query("month/entries"), arguments)


@translating
def meter_ids(conn: Connection, society_id: int, meters: Collection[MeterId]) -> dict[int, MeterId]:
    """Return meters by their ids."""
    return {
        meter_id: MeterId(manufacturer=manufacturer, serial=serial)
        for meter_id, manufacturer, serial in conn.execute(
            """
            SELECT m.meter_id, m.manufacturer, m.serial
            FROM unnest(%s::text[], %s::text[]) AS own (manufacturer, serial)
            JOIN meter AS m USING (manufacturer, serial) WHERE m.society_id = %s
            """,
            (
                [meter.manufacturer for meter in meters],
                [meter.serial for meter in meters],
                society_id,
            ),
        )
    }
