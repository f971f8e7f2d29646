# SPDX-License-Identifier: MIT
"""Whether the row that closes a month is the last one known, and far from the course of its unit.

A false row below the ceiling shows only by the rows behind it. Where there is none yet, the course
of the unit is held against it: what was used a day up to the last row, beside what was used on each
day of the weeks before.

In: a measured month, the last register of each day around it. Out: a word. Never: a verdict, for
heavy use may be true. Pure.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from cloud_ingest.core.consumption import Measured
from cloud_ingest.core.month import DAY, MICROSECOND
from cloud_ingest.core.quality import LEAST_RISE
from cloud_ingest.core.register import DayRegister, Epochs, Register, offset_at
from shared_schema.catalogue import Service
from shared_schema.quality import Origin, Reason

TIMES_OF_COURSE: Final = 2
"""So many times its heaviest day a unit does not use at once, and `LEAST_RISE` more."""
LEAST_DAYS: Final = 7
"""So many days tell the course of a unit."""
WAIT: Final = timedelta(days=3)
"""So long after its border a number waits for the next row; a dial may be so late as well."""


def is_unconfirmed(
    measured: Measured, days: Iterable[DayRegister], epochs: Epochs, service: Service
) -> bool:
    """Say whether a month closes with the last row known, and that departs from the course.

    Args:
        measured: The month.
        days: The last register of each day, from before the month to after it.
        epochs: Of its channels.
        service: What is counted.
    """
    closing = measured.closing
    if measured.quantity is None or closing is None or closing.origin is not Origin.METER:
        return False
    known = list(days)
    if any(row.last_ts > closing.ts for row in known):
        return False
    finest = min([closing.exponent, *(row.exponent for row in known)])
    read = sorted(
        (row.last_ts, _counted(row.last_ts, row.last_raw, row, epochs, finest))
        for row in known
        if row.last_ts < closing.ts
    )
    last = (closing.ts, _counted(closing.ts, closing.raw, closing, epochs, finest))
    course = [_used_a_day(*pair) for pair in pairwise(read)]
    if len(course) < LEAST_DAYS:
        return False
    most = max(course)
    least = int(LEAST_RISE[service].scaleb(-finest))
    return _used_a_day(read[-1], last) > max(most * TIMES_OF_COURSE, most + least)


def waits(measured: Measured, now: datetime) -> bool:
    """Say whether a month is not sent yet, because the row behind its last one may still come."""
    end = measured.end
    is_unsure = Reason.UNCONFIRMED in measured.reasons and measured.quantity is not None
    return is_unsure and end is not None and now < end.at + WAIT


def _counted(
    at: datetime, raw: int, row: DayRegister | Register, epochs: Epochs, finest: int
) -> int:
    """Return what a register counted in steps of 10^finest: a closing asks for very many."""
    offset = offset_at(epochs.get(row.channel_id, ()), at)
    return int((raw + offset) * 10 ** (row.exponent - finest))


def _used_a_day(before: tuple[datetime, int], after: tuple[datetime, int]) -> int:
    """Return what was used a day between two registers, for at least a day, in whole steps."""
    length = max(after[0] - before[0], DAY)
    return (after[1] - before[1]) * (DAY // MICROSECOND) // (length // MICROSECOND)
