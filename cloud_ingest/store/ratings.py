# SPDX-License-Identifier: MIT
"""What meters are made for: the ceilings of what they can count, as the list of units has them.

In: meters, or a society. Out: the ratings of those that have one.
"""

from collections.abc import Collection
from typing import Any

from cloud_ingest.core.rating import Rating
from cloud_ingest.core.unit_list import Meter
from cloud_ingest.core.unit_list import Rating as ListedRating
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.rows import all_rows

ListedRatings = dict[Meter, ListedRating]


@translating
def ratings_of(conn: Connection, meters: Collection[int]) -> dict[int, Rating]:
    """Return the ratings of meters, by meter id; of the others nothing is known."""
    rows = conn.execute(
        """
        SELECT meter_id, phases, max_current_a, q4_m3_h FROM meter
        WHERE meter_id = ANY(%s::int[]) AND num_nonnulls(phases, max_current_a, q4_m3_h) > 0
        """,
        (sorted(meters),),
    )
    return {meter_id: Rating(*own) for meter_id, *own in rows}


@translating
def listed_ratings(conn: Connection, society_id: int) -> ListedRatings:
    """Return what the meters of a society are made for, as far as it is known."""
    rows = all_rows(
        conn,
        _rated,
        """
        SELECT manufacturer, serial, phases, max_current_a, q4_m3_h, invalid_bits, clock_bits
        FROM meter
        WHERE society_id = %s
          AND num_nonnulls(phases, max_current_a, q4_m3_h, invalid_bits, clock_bits) > 0
        """,
        (society_id,),
    )
    return dict(rows)


def _rated(*, manufacturer: str, serial: str, **columns: Any) -> tuple[Meter, ListedRating]:
    return (manufacturer, serial), ListedRating(**columns)


@translating
def rate_meter(conn: Connection, society_id: int, meter: Meter, rating: ListedRating) -> None:
    """Note what a meter is made for."""
    conn.execute(
        """
        UPDATE meter SET phases = %s, max_current_a = %s, q4_m3_h = %s, invalid_bits = %s,
          clock_bits = %s
        WHERE society_id = %s AND manufacturer = %s AND serial = %s
        """,
        (*rating, society_id, *meter),
    )
