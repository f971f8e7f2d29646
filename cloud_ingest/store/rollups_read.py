# SPDX-License-Identifier: MIT
"""Days and months of channels, as the rollups have them.

On every edition they show what was refreshed and nothing newer. Only `disagreement` looks at
readings: it holds a month against them.

In: a society, or channels that were found through it, and a stretch of time. Out: rows as values.
Never: a sum of quantities, a decision: `cloud_ingest.core` and `cloud_ingest.views` make them.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.month import Month, local_days
from cloud_ingest.core.quality import Intervals
from cloud_ingest.core.register import DayRegister
from cloud_ingest.store.channels import Channel
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.readings_read import BILLED_CODES
from cloud_ingest.store.rows import all_rows, one_row
from shared_schema.catalogue import ACTIVE_IMPORT_INTERVAL


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


@dataclass(frozen=True, slots=True)
class RollupFigures:
    """The figures of a day or month: by its rollup, or by its readings."""

    first_raw: int
    last_raw: int
    min_ts: datetime
    max_ts: datetime
    count: int
    sum_raw: Decimal
    min_raw: int
    max_raw: int


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A day or month whose rollup and readings have different figures."""

    channel_id: int
    bucket: str
    day: date
    manufacturer: str
    serial: str
    obis: str
    waits: bool
    """A commit has marked it since: it only has to be refreshed."""
    told: RollupFigures | None
    """By the readings; None: there are none."""
    rolled_up: RollupFigures | None
    """None: there is no such rollup."""


def figures(columns: dict[str, Any], prefix: str) -> RollupFigures | None:
    """Take the figures whose columns begin with a prefix out of a row; None where all are null."""
    found = {each.name: columns.pop(f"{prefix}_{each.name}") for each in fields(RollupFigures)}
    return None if found["count"] is None else RollupFigures(**found)


def describe_figures(one: RollupFigures | None, other: RollupFigures | None) -> str:
    """Return for a person what ``one`` says, with whatever tells it apart from ``other``; pure."""
    if one is None:
        return "nothing"
    text = f"{one.count} readings up to {one.last_raw}"
    if other is None or (one.count, one.last_raw) != (other.count, other.last_raw):
        return text
    mine, theirs = asdict(one), asdict(other)
    return ", ".join(
        [text, *(f"{name} {mine[name]}" for name in mine if mine[name] != theirs[name])]
    )


def _disagreement(**columns: Any) -> Disagreement:
    told, rolled_up = figures(columns, "told"), figures(columns, "rolled")
    return Disagreement(told=told, rolled_up=rolled_up, **columns)


@translating
def register_months(
    conn: Connection,
    society_id: int,
    month: Month,
    *,
    subject_type: SubjectKind | None = None,
    subject: str | None = None,
) -> list[RegisterMonth]:
    """Return the billed registers of a month's assignments, of all subjects or of one."""
    return all_rows(
        conn,
        RegisterMonth,
        query("rollup/register_months"),
        {
            "society_id": society_id,
            "start": month.start,
            "end": month.end,
            "first": month.first,
            "previous": (month.first - timedelta(days=1)).replace(day=1),
            "subject_type": subject_type,
            "subject": subject,
            **BILLED_CODES,
        },
        binary=True,
        prepare=False,  # a plan that serves one unit and ten thousand serves neither
    )


@translating
def day_registers(
    conn: Connection, exponents: dict[int, int], first: date, last: date
) -> dict[int, list[DayRegister]]:
    """Return the last register of each day from the rollups, by channel."""
    found: dict[int, list[DayRegister]] = {}
    rows = conn.execute(
        query("rollup/last_of_days"), {"channels": sorted(exponents), "first": first, "last": last}
    )
    for channel_id, day, max_ts, raw in rows.fetchall():
        found.setdefault(channel_id, []).append(
            DayRegister(channel_id, day, max_ts, raw, exponents[channel_id])
        )
    return found


@translating
def intervals_of_month(
    conn: Connection, own: Collection[Channel], exponents: dict[int, int], month: Month
) -> dict[int, Intervals]:
    """Return the intervals of a month by meter; none for a meter with two such channels."""
    by_id = {channel.channel_id: channel for channel in own}
    found: dict[int, list[Intervals]] = {}
    rows = conn.execute(
        query("rollup/month_intervals"), {"channels": sorted(by_id), "month": month.first}
    )
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
            "codes": [*BILLED_CODES.values(), str(ACTIVE_IMPORT_INTERVAL)],
            "subject_type": subject_type,
            "subject": subject,
        },
    )


@translating
def disagreement(
    conn: Connection, channel_ids: Collection[int], month: Month, zone: ZoneInfo
) -> Disagreement | None:
    """Return the first rollup of a month that is not what its readings say, or None."""
    days = local_days(month, zone)
    return one_row(
        conn,
        _disagreement,
        query("rollup/disagreement"),
        {
            "channels": sorted(channel_ids),
            "zone": zone.key,
            "start": month.start,
            "end": month.end,
            "first": days[0][0],
            "last": days[-1][0],
        },
    )
