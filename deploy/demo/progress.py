# SPDX-License-Identifier: MIT
"""How far the back-fill is, as the store says it."""

from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

PROGRESS = """
WITH own AS (SELECT society_id FROM society WHERE name = %s),
     smart AS (
       SELECT DISTINCT meter.meter_id, meter.last_reading_at
       FROM meter JOIN assignment USING (meter_id)
       WHERE meter.society_id = (TABLE own) AND NOT assignment.legacy),
     said AS (
       SELECT gateway_status.payload FROM gateway_status JOIN gateway USING (gateway_id)
       WHERE gateway.society_id = (TABLE own) AND gateway_status.state = 'online'
         AND gateway_status.payload ->> 'meters_behind' IS NOT NULL)
SELECT (SELECT coalesce(sum(reading_day.count), 0)::bigint
        FROM reading_day JOIN channel USING (channel_id) JOIN smart USING (meter_id)) AS readings,
       (SELECT count(*) FROM smart) AS meters,
       (SELECT count(last_reading_at) FROM smart) AS heard,
       (SELECT count(*) FROM said) AS gateways,
       (SELECT sum((payload ->> 'meters_behind')::int)::int FROM said) AS behind,
       (SELECT sum((payload ->> 'spooled')::int)::int FROM said) AS spooled,
       (SELECT count(*) FROM dirty) AS dirty
"""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the back-fill is."""

    readings: int
    meters: int
    meters_heard: int
    behind: int | None
    """Meters whose history still waits; None until every gateway has said it."""
    spooled: int
    dirty: int

    @property
    def settled(self) -> bool:
        """Whether everything was read, stored and rolled up."""
        return self.behind == 0 and self.spooled == 0 and self.dirty == 0


def read_progress(connection: Connection[Any], society: str, gateways: int) -> Progress:
    """Ask the store.

    Args:
        connection: To the database of the store.
        society: Whose meters are counted.
        gateways: How many it has; before each has said how far it is, nobody knows.
    """
    connection.execute("SET search_path TO metering")
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(PROGRESS, [society]).fetchone()
    assert row is not None  # noqa: S101  a SELECT without FROM has one row
    return Progress(
        readings=row["readings"],
        meters=row["meters"],
        meters_heard=row["heard"],
        behind=row["behind"] if row["gateways"] == gateways else None,
        spooled=row["spooled"] or 0,
        dirty=row["dirty"],
    )
