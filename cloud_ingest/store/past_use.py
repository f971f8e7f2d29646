# SPDX-License-Identifier: MIT
"""What subjects used before a month, by the numbers that were published of it.

In: a society and months. Out: the quantity of each whole month. Never: a month without a number, or
of which the meter counted only a part.
"""

from decimal import Decimal
from typing import NamedTuple

from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows


class PastUse(NamedTuple):
    """What a subject used in each of some months."""

    subject_type: str
    subject: str
    service: str
    months: list[str]
    quantities: list[Decimal]


@translating
def past_use(conn: Connection, society_id: int, first: str, until: str) -> list[PastUse]:
    """Return what subjects used from a month on, until another, which is not among them."""
    arguments = {"society_id": society_id, "first": first, "until": until}
    return all_rows(conn, PastUse, query("month/past_use"), arguments)
