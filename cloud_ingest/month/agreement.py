# SPDX-License-Identifier: MIT
"""The agreement of rollups and readings, without which no month is counted.

In: channels and a month, within one snapshot. Out: nothing. Never: a repair: a person looks for who
changed them.

Raises: RollupDisagrees.
"""

from collections.abc import Collection
from zoneinfo import ZoneInfo

from cloud_ingest.core.month import Month
from cloud_ingest.errors import RollupDisagrees
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.rollups_held import describe_figures, disagreement


def hold_rollups(conn: Connection, channels: Collection[int], month: Month, zone: ZoneInfo) -> None:
    """Hold the rollups of channels in a month against their readings.

    Raises:
        RollupDisagrees: a rollup is not what its readings say.
    """
    wrong = disagreement(conn, channels, month, zone)
    if wrong is None:
        return
    raise RollupDisagrees(
        f"{month} is not closed: the {wrong.bucket} rollup of {wrong.day} of channel "
        f"{wrong.channel_id} ({wrong.manufacturer} {wrong.serial}, {wrong.obis}) says "
        f"{describe_figures(wrong.rolled_up, wrong.told)}, but its readings say "
        f"{describe_figures(wrong.told, wrong.rolled_up)}: find out who changed them, run "
        f"cloud-ingest recompute --month {month}, and close again"
    )
