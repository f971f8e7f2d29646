# SPDX-License-Identifier: MIT
"""What the other units of a tower used in a closed month, as one number a service.

In: a tower, a month. Out: how many units are known, and the middle one's number. Never: whose it
is.
"""

from typing import NamedTuple

from cloud_ingest.core.month import Month
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows
from shared_schema.message import DecimalText


class Similar(NamedTuple):
    """The units of a tower, beside one of them."""

    service: str
    units: int
    middle: DecimalText


@translating
def similar_units(
    conn: Connection, society_id: int, month: Month, tower: str | None, besides: str
) -> list[Similar]:
    """Return what the middle unit of a tower used, by service."""
    return all_rows(
        conn,
        Similar,
        query("month/similar_units"),
        {
            "society_id": society_id,
            "month": str(month),
            "tower": tower,
            "start": month.start,
            "end": month.end,
            "besides": besides,
        },
    )
