# SPDX-License-Identifier: MIT
"""What meters are made for, for the ceilings of months and views.

In: meters. Out: the ratings of those that have one. Never: a write; the list of units brings them.
"""

from collections.abc import Collection

from cloud_ingest.core.judgement import Rating
from cloud_ingest.store.connection import Connection, translating


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
