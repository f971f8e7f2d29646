# SPDX-License-Identifier: MIT
"""The month that a command is asked to show: one that has begun, or is closed.

What was published is shown whatever the clock says: it may have been set back.

In: a society, a month as people name it, the time. Out: the month. Never: a write.

Raises: CloseRefused.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from cloud_ingest.core.month import Month, begun_month
from cloud_ingest.core.month_name import named_month
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.manifests import is_closed


def month_to_show(
    conn: Connection, society_id: int, text: str, zone: ZoneInfo, now: datetime
) -> Month:
    """Return the month that a person means, of which there is something to show.

    Raises:
        CloseRefused: it is none, or it is open and has not begun.
    """
    month = named_month(text, zone, now)
    if is_closed(conn, society_id, str(month)):
        return month
    return begun_month(str(month), zone, now)
