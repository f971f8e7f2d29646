# SPDX-License-Identifier: MIT
"""Where billed registers of meters break, for months and views.

In: meters. Out: their breaks. Never: a write; `cloud_ingest.store.judgements` keeps the table.
"""

from collections.abc import Collection

from cloud_ingest.core.quality import RegisterBreak
from cloud_ingest.store.connection import Connection, translating
from shared_schema.quality import Reason

_REASON_OF_RULE = {"fall": Reason.REGISTER_DROP, "ceiling": Reason.IMPLAUSIBLE}


@translating
def breaks_of(conn: Connection, meters: Collection[int]) -> dict[int, list[RegisterBreak]]:
    """Return the breaks of meters, by meter id, ascending."""
    found: dict[int, list[RegisterBreak]] = {}
    for meter_id, before, after, rule in conn.execute(
        """
        SELECT meter_id, (neighbours -> 'before' ->> 'ts')::timestamptz, ts, rule
        FROM register_break WHERE meter_id = ANY(%s::int[]) ORDER BY meter_id, ts
        """,
        (sorted(meters),),
    ):
        each = RegisterBreak(before, after, _REASON_OF_RULE[rule])
        found.setdefault(meter_id, []).append(each)
    return found
