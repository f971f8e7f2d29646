# SPDX-License-Identifier: MIT
"""What stands of the months before one although it would change, and when registers began anew.

In: a society, a month, meters. Out: messages as they were sent, times of epochs. Never: a write.
"""

from collections.abc import Collection
from datetime import datetime

from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import scalars
from shared_schema.billing import MonthlyConsumption


@translating
def changing_before(conn: Connection, society_id: int, month: str) -> list[MonthlyConsumption]:
    """Return the last numbers before a month that stand although they would change."""
    arguments = {"society_id": society_id, "month": month}
    lines = scalars(conn, query("month/changing_before"), arguments)
    return [MonthlyConsumption.from_line(line) for line in lines]


@translating
def epoch_times(
    conn: Connection, society_id: int, meters: Collection[tuple[str, str]]
) -> dict[tuple[str, str], list[datetime]]:
    """Return when registers of meters began to count from elsewhere, by manufacturer and serial."""
    found: dict[tuple[str, str], list[datetime]] = {}
    for manufacturer, serial, starts_at in conn.execute(
        """
        SELECT DISTINCT manufacturer, serial, starts_at
        FROM unnest(%s::text[], %s::text[]) AS own (manufacturer, serial)
        JOIN meter USING (manufacturer, serial)
        JOIN channel USING (meter_id)
        JOIN epoch USING (channel_id)
        WHERE society_id = %s
        """,
        ([each for each, _ in meters], [each for _, each in meters], society_id),
    ):
        found.setdefault((manufacturer, serial), []).append(starts_at)
    return found
