# SPDX-License-Identifier: GPL-2.0-only
"""When a profile is due: with each capture period, or more rarely, because line time matters.

Meters that are read once an hour have their turn at different times of it, so that no poll
cycle has to bear all of them.

In: a profile of a model, its watermark, the time. Out: whether a new row can be there.
Pure: no clock, no line. Times are seconds since 1970, UTC.
"""

from datetime import UTC, datetime
from typing import Final
from zlib import crc32

from edge_agent.meters.model import ProfileToRead

BEHIND_S: Final = 600
"""How far the clocks may stand behind a watermark before it goes back."""
HOUR_S: Final = 3600


def is_due(
    wanted: ProfileToRead,
    *,
    period_s: int,
    mark: int | None,
    tried_at: float | None,
    limit: float,
    shift_s: int,
    label: str,
) -> bool:
    """Tell whether a row after the watermark can be there.

    Args:
        wanted: the profile.
        period_s: its capture period.
        mark: up to when its rows are read; None: nothing is.
        tried_at: when a poll asked for it last, with or without success.
        limit: the time that no row passes.
        shift_s: how far the meter's local time is ahead of UTC.
        label: of the meter.
    """
    turn_s = crc32(label.encode()) % HOUR_S
    sparse = wanted.every in {"hour", "month"}
    if sparse and tried_at is not None and _hour(tried_at, turn_s) == _hour(limit, turn_s):
        return False
    if mark is None or limit < mark - BEHIND_S:
        return True
    match wanted.every:
        case "hour":
            return _hour(mark, turn_s) != _hour(limit, turn_s)
        case "day":
            return (limit + shift_s) // 86400 * 86400 - shift_s > mark
        case "month":
            local = datetime.fromtimestamp(limit + shift_s, UTC)
            first = datetime(local.year, local.month, 1, tzinfo=UTC)
            return first.timestamp() - shift_s > mark
        case _:
            return limit >= mark + period_s


def _hour(at: float, turn_s: int) -> int:
    return int(at - turn_s) // HOUR_S
