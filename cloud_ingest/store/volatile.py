# SPDX-License-Identifier: MIT
"""Volatile readings: the newest of each meter and register, kept beside the readings.

In: what may be shown. Out: one row a register. Never: a reading, a rollup, evidence.
"""

from collections.abc import Sequence
from datetime import datetime

from cloud_ingest.core.volatile import Shown
from cloud_ingest.store.connection import Connection, query, translating


@translating
def put_volatile(conn: Connection, shown: Sequence[Shown], received_at: datetime) -> None:
    """Keep what is newer than what is kept.

    Raises:
        StoreUnavailable: nothing is sure to be kept.
    """
    if not shown:
        return
    newest = {(each.meter_id, each.obis): each for each in sorted(shown, key=lambda one: one.ts)}
    rows = [newest[key] for key in sorted(newest)]
    conn.execute(
        query("reading/put_volatile"),
        {
            "meters": [each.meter_id for each in rows],
            "codes": [each.obis for each in rows],
            "times": [each.ts for each in rows],
            "raws": [each.raw for each in rows],
            "scalers": [each.scaler for each in rows],
            "units": [each.unit for each in rows],
            "at": received_at,
        },
    )
