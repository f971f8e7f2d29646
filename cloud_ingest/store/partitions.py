# SPDX-License-Identifier: MIT
"""The months of readings on plain PostgreSQL: a partition has to be there before its first row.

In: times. Out: partitions, which the society's months cut to the microsecond. TimescaleDB makes
its chunks itself, and nothing happens here.
"""

from collections.abc import Collection
from datetime import date

from cloud_ingest.store.channels import Known
from cloud_ingest.store.connection import Connection, query, translating


@translating
def make_partitions(conn: Connection, known: Known, times: Collection[int]) -> list[date]:
    """Make the partitions that readings of these times need; return the months that were new.

    Args:
        conn: The store. Inside of a transaction others wait for its end where they make one.
        known: What need not be asked; it is added to.
        times: Seconds since 1970.
    """
    store = known.of(conn)
    if store.tables != "partitions":
        return []
    wanted = {known.day(ts, store.zone).replace(day=1) for ts in times}
    if known.months is None:
        known.months = {row[0] for row in conn.execute(query("partitions_list"))}
    missing = sorted(wanted - known.months)
    for month in missing:
        conn.execute(query("partition_make"), (month,))
        known.months.add(month)
    return missing
