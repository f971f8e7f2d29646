# SPDX-License-Identifier: MIT
"""Where a person read a meter near a border of a month that its rollups do not meet.

A dial that a resident reads on the 1st closes the month before it, at its own time. The rollup of
the month ends before that reading, so that the view asks for it: within the window for self-reads,
of the meters that were not read at the border itself. The nearest one counts.

In: the billed registers of a month. Out: readings that a person made, and the ends of a month with
them. Never: a write.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cloud_ingest.core.month import Month
from cloud_ingest.core.register import Register, in_time, tolerance_of
from cloud_ingest.store import readings_read
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.readings_read import HandWindow, Window
from cloud_ingest.store.rollups_read import RegisterMonth
from cloud_ingest.usage.evidence import exponents_of


@dataclass(frozen=True, slots=True)
class Ends:
    """Where a meter's month may open and close, and where only its readings can tell."""

    before: tuple[Register, ...]
    first: tuple[Register, ...]
    last: tuple[Register, ...]
    first_in: tuple[Window, ...]
    last_in: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class NearBorders:
    """What persons read of a channel near the start and the end of a month that nothing met."""

    start: tuple[Register, ...]
    end: tuple[Register, ...]


ByHand = Mapping[int, NearBorders]
"""By channel id."""


def read_by_hand(
    conn: Connection, rows: Iterable[RegisterMonth], month: Month, window: timedelta
) -> ByHand:
    """Return what persons read near the borders that the rollups do not meet."""
    rows = list(rows)
    at_start = _read(conn, (row for row in rows if _lacks_start(row, month)), month.start, window)
    at_end = _read(conn, (row for row in rows if _lacks_end(row, month)), month.end, window)
    return {
        channel_id: NearBorders(
            tuple(at_start.get(channel_id, ())), tuple(at_end.get(channel_id, ()))
        )
        for channel_id in at_start.keys() | at_end.keys()
    }


def _read(
    conn: Connection, rows: Iterable[RegisterMonth], border: datetime, window: timedelta
) -> dict[int, list[Register]]:
    exponents = exponents_of(rows)
    if not exponents:
        return {}
    return readings_read.boundary_readings(
        conn,
        by_hand_in=[HandWindow(border - window, border + window, tuple(exponents))],
        exponents=exponents,
    )


def _lacks_start(row: RegisterMonth, month: Month) -> bool:
    if row.valid_from >= month.start:
        return False
    return row.before_ts is None or row.before_ts < month.start - tolerance_of(row.period_s or 0)


def _lacks_end(row: RegisterMonth, month: Month) -> bool:
    if row.valid_to is not None and row.valid_to <= month.end:
        return False
    return row.last_ts is None or row.last_ts < month.end - tolerance_of(row.period_s or 0)


def ends_by_hand(ends: Ends, rows: Sequence[RegisterMonth], by_hand: ByHand, month: Month) -> Ends:
    """Return the ends of one assignment's month with what persons read near its borders; pure."""
    own = [
        by_hand[row.channel_id]
        for row in rows
        if row.channel_id is not None and row.channel_id in by_hand
    ]
    if not own:
        return ends
    valid_from, valid_to = rows[0].valid_from, rows[0].valid_to

    def serving(readings: Iterable[Register]) -> list[Register]:
        return [
            reading
            for reading in readings
            if valid_from <= reading.ts and (valid_to is None or reading.ts <= valid_to)
        ]

    opening = _nearest(serving(reading for near in own for reading in near.start), month.start)
    closing = _nearest(serving(reading for near in own for reading in near.end), month.end)
    last = max(ends.last, key=in_time, default=None)
    if opening is not None and all(_lacks_start(row, month) for row in rows):
        ends = replace(ends, before=(opening,))
    if (
        closing is not None
        and all(_lacks_end(row, month) for row in rows)
        and (last is None or last.ts < closing.ts)
    ):
        ends = replace(ends, last=(closing,))
    return ends


def _nearest(readings: Iterable[Register], border: datetime) -> Register | None:
    return min(readings, key=lambda each: (abs(each.ts - border), each.ts), default=None)
