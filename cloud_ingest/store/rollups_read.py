# SPDX-License-Identifier: MIT
"""Days and months of channels, as the rollups have them.

On every edition they show what was refreshed and nothing newer. A day that a commit has changed
since waits for a refresh: who must not wait reads the readings of these days instead.

In: a society, or channels that were found through it, and a stretch of time. Out: rows as values.
Never: a sum of quantities, a decision: `cloud_ingest.core` and `cloud_ingest.views` make them.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.month import DAY, Month, bucket_start, day_of, midnight, previous_month
from cloud_ingest.core.quality import Intervals
from cloud_ingest.core.register import DayRegister
from cloud_ingest.store.channels import Channel
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.readings_read import BILLED_CODES, Window, boundary_readings, interval_sums
from cloud_ingest.store.rows import all_rows
from shared_schema.catalogue import ACTIVE_IMPORT_INTERVAL

Waiting = Mapping[int, Sequence[date]]
"""Of channels by id: the days that a commit has changed, and no refresh has rolled up since."""
NOTHING_WAITS: Final[Waiting] = {}
COUNTED_CODES: Final = (*BILLED_CODES.values(), str(ACTIVE_IMPORT_INTERVAL))
"""The channels whose intervals are counted."""


class RegisterMonth(NamedTuple):
    """One billed register of an assignment in a month, from the rollups.

    Of a meter without such a channel all from ``channel_id`` on is None.
    """

    assignment_id: int
    tower: str | None
    subject_type: SubjectKind
    subject: str
    service: str
    source: str
    valid_from: datetime
    valid_to: datetime | None
    manufacturer: str
    serial: str
    channel_id: int | None
    unit: int | None
    scaler: int | None
    weight: int | None
    period_s: int | None
    before_raw: int | None
    """The last register before the month, however long before."""
    before_ts: datetime | None
    first_raw: int | None
    first_ts: datetime | None
    last_raw: int | None
    last_ts: datetime | None
    has_epochs: bool | None
    meter_id: int
    parent: str | None = None
    """The subject of the bulk meter above it; None: the tower's own."""


class DayCount(NamedTuple):
    """How many intervals a channel should have on a day, and how many it has."""

    day: date
    expected: int
    present: int


class ChannelCompleteness(NamedTuple):
    """How many intervals a channel should have, and how many it has."""

    tower: str | None
    subject_type: SubjectKind
    subject: str
    service: str
    source: str
    manufacturer: str
    serial: str
    valid_from: datetime
    valid_to: datetime | None
    channel_id: int
    obis: str
    period_s: int
    expected: int
    present: int
    lacking_days: list[date] | None
    """The days that lack some, in any order; None: no day does."""
    lacking_expected: list[int] | None
    lacking_present: list[int] | None

    @property
    def lacking(self) -> tuple[DayCount, ...]:
        """Each day that lacks some, ascending."""
        days, expected = self.lacking_days or (), self.lacking_expected or ()
        found = zip(days, expected, self.lacking_present or (), strict=True)
        return tuple(map(DayCount._make, sorted(found)))


@translating
def register_months(
    conn: Connection,
    society_id: int,
    month: Month,
    *,
    subject_type: SubjectKind | None = None,
    subjects: Collection[str] | None = None,
) -> list[RegisterMonth]:
    """Return the billed registers of a month's assignments, of all subjects or of some."""
    return all_rows(
        conn,
        RegisterMonth,
        query("rollup/register_months"),
        {
            "society_id": society_id,
            "start": month.start,
            "end": month.end,
            "first": month.first,
            "previous": previous_month(month.first),
            "subject_type": subject_type,
            "subjects": None if subjects is None else list(subjects),
            **BILLED_CODES,
        },
        binary=True,
        prepare=False,  # a plan that serves one unit and ten thousand serves neither
    )


@translating
def waiting_days(conn: Connection, channels: Collection[int], last: date) -> Waiting:
    """Return which days of channels wait for a refresh, up to ``last``; ascending."""
    found: dict[int, list[date]] = {}
    rows = conn.execute(
        """
        SELECT DISTINCT channel_id, day
        FROM dirty CROSS JOIN LATERAL unnest(channels) AS own (channel_id)
        WHERE day <= %s AND channel_id = ANY(%s::int[])
        ORDER BY channel_id, day
        """,
        (last, sorted(channels)),
    )
    for channel_id, day in rows:
        found.setdefault(channel_id, []).append(day)
    return found


@translating
def day_registers(
    conn: Connection, exponents: dict[int, int], first: date, last: date
) -> dict[int, list[DayRegister]]:
    """Return the last register of each day from the rollups, by channel."""
    found: dict[int, list[DayRegister]] = {}
    arguments = {"channels": sorted(exponents), "first": first, "last": last}
    rows = conn.execute(query("rollup/last_of_days"), arguments, binary=True)
    for channel_id, day, max_ts, raw in rows.fetchall():
        own = found.get(channel_id)
        if own is None:
            own = found[channel_id] = []
        own.append(DayRegister(channel_id, day, max_ts, raw, exponents[channel_id]))
    return found


@translating
def day_registers_now(
    conn: Connection,
    exponents: dict[int, int],
    first: date,
    last: date,
    *,
    waiting: Waiting,
    zone: ZoneInfo,
) -> dict[int, list[DayRegister]]:
    """Return the last register of each day, by channel; of days that wait, from their readings.

    Args:
        conn: The store.
        exponents: Of the channels.
        first: The first day.
        last: The last day, included.
        waiting: Which days of which channels wait for a refresh.
        zone: Of the days.
    """
    found = day_registers(conn, exponents, first, last)
    windows = [
        Window(channel_id, bucket_start(day, zone), midnight(day + DAY, zone))
        for channel_id in exponents.keys() & waiting.keys()
        for day in waiting[channel_id]
        if first <= day <= last
    ]
    if not windows:
        return found
    told = boundary_readings(conn, last_in=windows, first_in=(), by_hand_in=(), exponents=exponents)
    for channel_id in {window.channel_id for window in windows}:
        found[channel_id] = [
            each for each in found.get(channel_id, ()) if each.day not in waiting[channel_id]
        ] + [
            DayRegister(channel_id, day_of(each.ts, zone), each.ts, each.raw, each.exponent)
            for each in told.get(channel_id, ())
        ]
    return found


@translating
def intervals_of_month(
    conn: Connection,
    own: Collection[Channel],
    exponents: dict[int, int],
    month: Month,
    *,
    waiting: Waiting = NOTHING_WAITS,
) -> dict[int, Intervals]:
    """Return the intervals of a month by meter; none for a meter with two such channels.

    Args:
        conn: The store.
        own: The channels that hold intervals.
        exponents: Theirs.
        month: The month.
        waiting: Which days of which channels are to be taken from their readings.
    """
    by_id = {channel.channel_id: channel for channel in own}
    late = {
        channel_id
        for channel_id in by_id.keys() & waiting.keys()
        if any(day.replace(day=1) == month.first for day in waiting[channel_id])
    }
    found: dict[int, list[Intervals]] = {}
    arguments = {"channels": sorted(by_id.keys() - late), "month": month.first}
    rows = conn.execute(query("rollup/month_intervals"), arguments).fetchall()
    told = [Window(channel_id, month.start, month.end) for channel_id in sorted(late)]
    rows += [(each.channel_id, each.intervals, each.total) for each in interval_sums(conn, told)]
    for channel_id, count, total in rows:
        channel, exponent = by_id[channel_id], exponents[channel_id]
        found.setdefault(channel.meter_id, []).append(
            Intervals(
                count, total.scaleb(exponent), channel.period_s, type(total)(1).scaleb(exponent)
            )
        )
    return {meter_id: sums[0] for meter_id, sums in found.items() if len(sums) == 1}


@translating
def completeness_of_channels(
    conn: Connection,
    society_id: int,
    days: Sequence[tuple[date, datetime, datetime]],
    until: datetime,
    *,
    subject_type: SubjectKind | None = None,
    subject: str | None = None,
) -> list[ChannelCompleteness]:
    """Count the intervals of billed registers and of the active import, from the rollups.

    Args:
        conn: The store.
        society_id: The society.
        days: Local days with their starts and ends, ascending.
        until: Nothing is expected after it.
        subject_type: Of one kind of subject.
        subject: Of one subject.
    """
    return all_rows(
        conn,
        ChannelCompleteness,
        query("rollup/completeness"),
        {
            "society_id": society_id,
            "days": [day for day, _, _ in days],
            "starts": [start for _, start, _ in days],
            "ends": [end for _, _, end in days],
            "start": days[0][1],
            "end": days[-1][2],
            "first": days[0][0],
            "last": days[-1][0],
            "until": until,
            "codes": list(COUNTED_CODES),
            "subject_type": subject_type,
            "subject": subject,
        },
    )
