# SPDX-License-Identifier: MIT
"""The intervals of meters, against which their registers are held.

In: meters, a stretch of time. Out: their intervals, and whose registers these spoke against before.
Never: a write.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from cloud_ingest.core.claim import Rule
from cloud_ingest.core.interval_sums import IntervalChannel, Profile
from cloud_ingest.store.channels import channels_of_meters
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import scalars
from shared_schema.billing import billing_exponent
from shared_schema.catalogue import ACTIVE_IMPORT_INTERVAL, BILLED_REGISTER, Service

SUMMED_REGISTER: Final = str(BILLED_REGISTER[Service.ELECTRICITY])
"""What intervals add up to."""
_INTERVAL: Final = str(ACTIVE_IMPORT_INTERVAL)


@translating
def profile_of(conn: Connection, meter_id: int, start: datetime, end: datetime) -> Profile | None:
    """Return the intervals that end in a stretch of time.

    Returns:
        None where there are none, or two channels hold some.
    """
    channels = {
        each.channel_id: IntervalChannel(exponent, each.weight, each.period_s)
        for each in channels_of_meters(conn, [meter_id], [_INTERVAL])
        if (exponent := billing_exponent(Service.ELECTRICITY, each.unit, each.scaler)) is not None
    }
    if not channels:
        return None
    found: dict[int, list[tuple[int, int]]] = {}
    arguments = {"channels": sorted(channels), "start": start, "end": end}
    for channel_id, ts, raw in conn.execute(query("validation/intervals"), arguments, binary=True):
        found.setdefault(channel_id, []).append((ts, raw))
    if len(found) != 1:
        return None
    ((channel_id, rows),) = found.items()
    return Profile(channels[channel_id], tuple(sorted(rows)))


@translating
def spoken_against(
    conn: Connection, meters: Collection[int], start: datetime, end: datetime
) -> set[int]:
    """Return the meters of whose registers intervals spoke against a claim in a stretch of time."""
    arguments = {
        "meters": sorted(meters),
        "start": start,
        "end": end,
        "rule": Rule.SUM_CHECK.value,
    }
    return set(scalars(conn, query("validation/spoken_against"), arguments))
