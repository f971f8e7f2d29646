# SPDX-License-Identifier: MIT
"""How whole the days of gateways and their meters are.

To count the meters of a large society takes seconds, so the days of its gateways are kept, and
counted anew by the hourly care of the store. The meters of one gateway are counted when asked.

In: a society, days that are over. Out: counts. Never: a reading.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from cloud_ingest.core.month import DAY, midnight
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rollups_read import COUNTED_CODES
from cloud_ingest.store.rows import all_rows, scalar, scalars

Days = Sequence[tuple[date, datetime, datetime]]
"""Local days with their starts and ends, ascending."""
SHOWN_DAYS: Final = 30


class CountedDay(NamedTuple):
    """How many intervals should be there of a day, and how many are."""

    gateway_id: int
    meter_id: int | None
    """None: of all meters behind the gateway."""
    day: date
    expected: int
    present: int


class ServingMeter(NamedTuple):
    """A meter, and what it serves now."""

    meter_id: int
    manufacturer: str
    serial: str
    last_reading_at: datetime | None
    gateway: str | None
    """None: nobody has read it, and no gateway is bound to it."""
    tower: str | None
    subject_type: str
    subject: str
    service: str
    source: str


def days_before(now: datetime, zone: ZoneInfo) -> Days:
    """Return the last days that are over, with their starts and ends; pure."""
    today = now.astimezone(zone).date()
    days = [today - back * DAY for back in range(SHOWN_DAYS, 0, -1)]
    return [(day, midnight(day, zone), midnight(day + DAY, zone)) for day in days]


@translating
def count_days(
    conn: Connection,
    society_id: int,
    days: Days,
    *,
    gateway_id: int | None = None,
    meter_id: int | None = None,
    each_meter: bool = False,
) -> list[CountedDay]:
    """Count the days of gateways, or of each of their meters; None stands for any."""
    arguments = {
        "society_id": society_id,
        "days": [day for day, _, _ in days],
        "starts": [start for _, start, _ in days],
        "ends": [end for _, _, end in days],
        "start": days[0][1],
        "end": days[-1][2],
        "first": days[0][0],
        "last": days[-1][0],
        "codes": list(COUNTED_CODES),
        "gateway_id": gateway_id,
        "meter_id": meter_id,
        "each_meter": each_meter,
    }
    cursor = conn.execute(query("health/days"), arguments, prepare=False)
    return [
        CountedDay(gateway, meter, *of_day)
        for gateway, meter, *by_day in cursor
        for of_day in zip(*by_day, strict=True)
    ]


@translating
def renew_gateway_days(conn: Connection, days: Days, now: datetime) -> None:
    """Count the days of all gateways anew, and keep them."""
    with conn.transaction():
        for society_id in scalars(conn, "SELECT society_id FROM society ORDER BY 1"):
            counted = count_days(conn, society_id, days)
            conn.execute("DELETE FROM gateway_day WHERE society_id = %s", (society_id,))
            conn.execute(
                """
                INSERT INTO gateway_day (society_id, gateway_id, day, expected, present, counted_at)
                SELECT %s, gateway_id, day, expected, present, %s
                FROM unnest(%s::int[], %s::date[], %s::bigint[], %s::bigint[])
                  AS new (gateway_id, day, expected, present)
                """,
                (
                    society_id,
                    now,
                    [each.gateway_id for each in counted],
                    [each.day for each in counted],
                    [each.expected for each in counted],
                    [each.present for each in counted],
                ),
            )


@translating
def kept_gateway_days(conn: Connection, society_id: int, first: date) -> list[CountedDay]:
    """Return the days of a society's gateways as they were counted last; there may be none."""
    return all_rows(
        conn,
        CountedDay,
        """
        SELECT gateway_id, NULL::int AS meter_id, day, expected, present FROM gateway_day
        WHERE society_id = %s AND day >= %s ORDER BY gateway_id, day
        """,
        (society_id, first),
    )


@translating
def days_counted_at(conn: Connection, society_id: int) -> datetime | None:
    """Return when a society's days were counted last; None: they were not."""
    found: datetime | None = scalar(
        conn, "SELECT max(counted_at) FROM gateway_day WHERE society_id = %s", (society_id,)
    )
    return found


@translating
def gateway_ids(conn: Connection, society_id: int) -> dict[str, int]:
    """Return the ids of a society's gateways by their names."""
    found = conn.execute(
        "SELECT name, gateway_id FROM gateway WHERE society_id = %s", (society_id,)
    )
    return dict(found.fetchall())


@translating
def serving_meters(
    conn: Connection,
    society_id: int,
    now: datetime,
    *,
    gateway: str | None = None,
    manufacturer: str | None = None,
    serial: str | None = None,
) -> list[ServingMeter]:
    """Return the meters that serve something now; None stands for any."""
    arguments = {
        "society_id": society_id,
        "now": now,
        "gateway": gateway,
        "manufacturer": manufacturer,
        "serial": serial,
    }
    return all_rows(conn, ServingMeter, query("health/meters"), arguments, prepare=False)
