# SPDX-License-Identifier: MIT
"""Fill a store with a society of any size, without gateways: for plans and for benches.

Every unit has one electricity meter whose register is read at each local midnight, and every
quarter of an hour on the last days. Rollups are made and statistics taken.
"""

from datetime import UTC, date, datetime, time, timedelta

from cloud_ingest.store.channels import StoreCache
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.partitions import make_partitions
from cloud_ingest.store.registry import ensure_society
from cloud_ingest.store.rollups_write import compute_days, compute_months, refresh_aggregate

DAY = timedelta(days=1)

_METERS = """
WITH made AS (
  INSERT INTO meter (society_id, manufacturer, serial, last_reading_at)
  SELECT %(society_id)s, 'VIRTUAL', 'F' || n, %(end)s FROM generate_series(1, %(meters)s) AS n
  RETURNING meter_id, serial
), hung AS (
  INSERT INTO assignment (society_id, tower, subject_type, subject, label, service, source,
                          meter_id, valid_from, author, reason, recorded_at)
  SELECT %(society_id)s, 'Tower ' || 1 + substr(serial, 2)::int %% 10, 'unit',
         'U-' || substr(serial, 2), 'U-' || substr(serial, 2), 'electricity', 'grid', meter_id,
         %(start)s, 'me', 'test', %(start)s
  FROM made
)
INSERT INTO channel (meter_id, obis, unit, scaler, kind, period_s)
SELECT meter_id, '1.0.1.8.0.255', 30, 0, 'register', 900 FROM made ORDER BY meter_id
RETURNING channel_id
"""
_READINGS = """
INSERT INTO reading (channel_id, ts, raw, origin)
SELECT c, ts, 1000 * c + (extract(epoch FROM ts - %(zero)s) / 900)::bigint * (c %% 97), 1
FROM generate_series(%(start)s::timestamptz, %(end)s::timestamptz, %(step)s::interval) AS ts,
     unnest(%(channels)s::int[]) AS c
ON CONFLICT DO NOTHING
"""


def fill(
    conn: Connection, society: str, meters: int, first: date, *, days: int, dense: int
) -> None:
    """Give a new society ``meters`` units whose meters are read from ``first`` on.

    Args:
        conn: A migrated store.
        society: Its name; its units are ``U-1``, ``U-2`` … in ten towers.
        meters: How many.
        first: The local day of the first reading, at its 00:00.
        days: How long.
        dense: On how many of the last days it is read every quarter of an hour.
    """
    store = open_store(conn)
    start, dense_from, end = (
        datetime.combine(day, time(), store.zone).astimezone(UTC)
        for day in (first, first + (days - dense) * DAY, first + days * DAY)
    )
    stretch = range(int(start.timestamp()), int(end.timestamp()) + 86400, 86400)
    make_partitions(conn, StoreCache(), stretch)
    society_id = ensure_society(conn, society)
    who = {"society_id": society_id, "meters": meters, "start": start, "end": end}
    channels = [row[0] for row in conn.execute(_METERS, who)]
    for since, step in ((start, DAY), (dense_from, timedelta(minutes=15))):
        conn.execute(
            _READINGS,
            {"zero": start, "start": since, "end": end, "step": step, "channels": channels},
        )
    roll_up(conn, channels, first - DAY, first + days * DAY)
    conn.execute("ANALYZE")


def roll_up(conn: Connection, channels: list[int], first: date, last: date) -> None:
    """Make the rollups of some days of channels, and the months that these lie in."""
    store = open_store(conn)
    days = [first + DAY * number for number in range((last - first).days + 1)]
    months = sorted({day.replace(day=1) for day in days})
    if store.rollups == "continuous":
        start = datetime.combine(months[0], time(), store.zone) + timedelta(microseconds=1)
        after = (months[-1] + timedelta(days=32)).replace(day=1)
        end = datetime.combine(after, time(), store.zone) + timedelta(microseconds=1)
        refresh_aggregate(conn, "day", start, end, force=True)
        refresh_aggregate(conn, "month", start, end, force=True)
        return
    compute_days(conn, [(channel, day) for channel in channels for day in days], store.zone)
    compute_months(conn, [(channel, month) for channel in channels for month in months])
