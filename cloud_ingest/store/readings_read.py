# SPDX-License-Identifier: MIT
"""Read readings and rollups: the one place where a number begins.

In: a society, or channels that were found through it, and a stretch of time. Out: rows as
values. It decides nothing and adds nothing up: `core.consumption`, `views.usage`
and the rules do. Every query is served by an index, and every look at ``reading`` is bounded by
constants of time, so that the chunks or partitions beside them are not touched
(docs/reference/sql.md names each).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.month import Month, local_days
from cloud_ingest.core.quality import Intervals
from cloud_ingest.core.register import DayRegister, Epoch, Register
from cloud_ingest.errors import ReadRefused
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.readings_write import ORIGINS
from shared_schema.catalogue import ACTIVE_IMPORT_INTERVAL, BILLED_REGISTER, Service
from shared_schema.message import MeterId

_CODES = {
    "electricity": str(BILLED_REGISTER[Service.ELECTRICITY]),
    "water": str(BILLED_REGISTER[Service.WATER]),
}


@dataclass(frozen=True, slots=True)
class Assignment:
    """A meter where it hung for a time."""

    assignment_id: int
    tower: str | None
    subject_type: SubjectKind
    subject: str
    service: Service
    source: str
    legacy: bool
    valid_from: datetime
    valid_to: datetime | None
    meter_id: int
    meter: MeterId
    last_reading_at: datetime | None


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of a meter, with e of value = raw * 10^e in the unit of billing."""

    channel_id: int
    meter_id: int
    obis: str
    unit: int
    scaler: int
    weight: int
    """The raw value is a count of pulses times this; 1: it is what the meter says."""
    period_s: int


@dataclass(frozen=True, slots=True)
class Window:
    """Where a reading is looked for; both ends belong to it."""

    channel_id: int
    start: datetime
    end: datetime


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
    lacking: tuple[tuple[date, int, int], ...]
    """(day, expected, present) of each day that lacks some."""


class Gap(NamedTuple):
    """A stretch without readings, from the last one before it to the first one after it."""

    channel_id: int
    start: datetime
    end: datetime


class Latest(NamedTuple):
    """The newest billed register of a meter; None where there is none."""

    tower: str | None
    subject_type: SubjectKind
    subject: str
    service: str
    source: str
    manufacturer: str
    serial: str
    legacy: bool
    at: datetime | None
    raw: int | None
    origin: int | None
    unit: int | None
    scaler: int | None


@dataclass(frozen=True, slots=True)
class Said:
    """What a rollup says of its readings, or they of themselves."""

    first_raw: int
    last_raw: int
    min_ts: datetime
    max_ts: datetime
    count: int
    sum_raw: Decimal
    min_raw: int
    max_raw: int


def said(row: Sequence[Any]) -> Said | None:
    """Return what the columns of a rollup say, or None where there was no such row."""
    return None if row[0] is None else Said(*row)


def shown(one: Said | None, other: Said | None) -> str:
    """Return for a person what ``one`` says, with whatever tells it apart from ``other``."""
    if one is None:
        return "nothing"
    text = f"{one.count} readings up to {one.last_raw}"
    if other is None or (one.count, one.last_raw) != (other.count, other.last_raw):
        return text
    mine, theirs = asdict(one), asdict(other)
    return ", ".join(
        [text, *(f"{name} {mine[name]}" for name in mine if mine[name] != theirs[name])]
    )


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A rollup that is not what its readings say."""

    channel_id: int
    bucket: str
    day: date
    manufacturer: str
    serial: str
    obis: str
    waits: bool
    """A commit has marked it since: it only has to be refreshed."""
    told: Said | None
    rolled_up: Said | None


@translating
def assignments(
    conn: Connection,
    society_id: int,
    start: datetime,
    end: datetime,
    *,
    subject_type: SubjectKind | None = None,
    subject: str | None = None,
) -> list[Assignment]:
    """Return who had which meter at any time between ``start`` and ``end``, or what one had."""
    rows = conn.execute(
        query("registry/assignments_between"),
        {
            "society_id": society_id,
            "start": start,
            "end": end,
            "subject_type": subject_type,
            "subject": subject,
        },
    )
    return [
        Assignment(
            assignment_id=row[0],
            tower=row[1],
            subject_type=row[2],
            subject=row[3],
            service=Service(row[4]),
            source=row[5],
            legacy=row[6],
            valid_from=row[7],
            valid_to=row[8],
            meter_id=row[9],
            meter=MeterId(manufacturer=row[10], serial=row[11]),
            last_reading_at=row[12],
        )
        for row in rows
    ]


@translating
def channels(conn: Connection, meters: Collection[int], codes: Collection[str]) -> list[Channel]:
    """Return the channels of meters that hold the given codes."""
    rows = conn.execute(
        query("registry/channels_of_meters"), {"meters": sorted(meters), "codes": sorted(codes)}
    )
    return [Channel(*row) for row in rows]


@translating
def epochs(conn: Connection, channel_ids: Collection[int]) -> dict[int, list[Epoch]]:
    """Return the epochs of channels, ascending."""
    found: dict[int, list[Epoch]] = {}
    for channel_id, starts_at, offset in conn.execute(
        query("registry/epochs"), (sorted(channel_ids),)
    ):
        found.setdefault(channel_id, []).append(Epoch(starts_at, offset))
    return found


@translating
def boundary_readings(
    conn: Connection,
    *,
    last_in: Collection[Window],
    first_in: Collection[Window],
    by_hand_in: Collection[tuple[datetime, datetime]],
    exponents: dict[int, int],
) -> dict[int, list[Register]]:
    """Return the readings around borders, by channel.

    Args:
        conn: The store.
        last_in: Where the last reading counts.
        first_in: Where the first reading counts.
        by_hand_in: Where every reading that a person made counts.
        exponents: e of value = raw * 10^e for each channel that is asked about.
    """
    found: dict[int, set[Register]] = {}

    def take(rows: Iterable[Sequence[object]]) -> None:
        for channel_id, ts, raw, origin in rows:
            assert isinstance(channel_id, int) and isinstance(origin, int)  # noqa: S101, PT018
            assert isinstance(ts, datetime) and isinstance(raw, int)  # noqa: S101, PT018
            found.setdefault(channel_id, set()).add(
                Register(channel_id, ts, raw, ORIGINS[origin], exponents[channel_id])
            )

    for name, windows in (
        ("reading/last_in_windows", last_in),
        ("reading/first_in_windows", first_in),
    ):
        if windows:
            take(conn.execute(query(name), _arrays(windows)))
    for start, end in by_hand_in:
        arguments = {"channels": sorted(exponents), "start": start, "end": end}
        take(conn.execute(query("reading/by_hand"), arguments))
    return {channel_id: list(readings) for channel_id, readings in found.items()}


def _arrays(windows: Collection[Window]) -> dict[str, object]:
    return {
        "channels": [window.channel_id for window in windows],
        "starts": [window.start for window in windows],
        "ends": [window.end for window in windows],
        "start": min(window.start for window in windows),
        "end": max(window.end for window in windows),
    }


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
def intervals(
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
def register_months(
    conn: Connection,
    society_id: int,
    month: Month,
    *,
    subject_type: SubjectKind | None = None,
    subject: str | None = None,
) -> list[RegisterMonth]:
    """Return the billed registers of a month's assignments, of all subjects or of one."""
    rows = conn.cursor(binary=True).execute(
        query("rollup/register_months"),
        {
            "society_id": society_id,
            "start": month.start,
            "end": month.end,
            "first": month.first,
            "previous": (month.first - timedelta(days=1)).replace(day=1),
            "subject_type": subject_type,
            "subject": subject,
            **_CODES,
        },
        prepare=False,  # a plan that serves one unit and ten thousand serves neither
    )
    return [RegisterMonth._make(row) for row in rows.fetchall()]


@translating
def interval_steps(
    conn: Connection, within: Window, origin: datetime, step_s: int
) -> dict[int, tuple[int, int]]:
    """Add up the intervals of a channel that end in a window, in steps of a time.

    Returns:
        By number of the step, counted from ``origin``: how many, and their raw sum.
    """
    rows = conn.execute(
        query("reading/interval_steps"),
        {
            "channel": within.channel_id,
            "start": within.start,
            "end": within.end,
            "origin": origin,
            "step_s": step_s,
        },
    )
    return {step: (count, int(total)) for step, count, total in rows}


@translating
def latest(conn: Connection, society_id: int, now: datetime) -> list[Latest]:
    """Return the newest billed register of every meter that is assigned now."""
    rows = conn.execute(query("reading/latest"), {"society_id": society_id, "now": now, **_CODES})
    return [Latest._make(row) for row in rows.fetchall()]


@translating
def completeness(
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
        society_id: Whose.
        days: Local days with their starts and ends, ascending.
        until: Nothing is expected after it.
        subject_type: Of one kind of subject.
        subject: Of one subject.
    """
    rows = conn.execute(
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
            "codes": [*_CODES.values(), str(ACTIVE_IMPORT_INTERVAL)],
            "subject_type": subject_type,
            "subject": subject,
        },
    )
    return [
        ChannelCompleteness._make(
            (*row[:-3], tuple(sorted(zip(*(part or () for part in row[-3:]), strict=True))))
        )
        for row in rows
    ]


@translating
def require_kept(conn: Connection, since: datetime) -> None:
    """Refuse to look for readings of a time after ``since`` that the store has let go.

    Raises:
        ReadRefused: readings are kept from a later time on.
    """
    row = conn.execute(query("store_retention")).fetchone()
    if row is not None and row[1] is not None and since < row[1]:
        raise ReadRefused(
            f"readings are kept from {row[1].astimezone(ZoneInfo(row[2])):%Y-%m-%d} on: of before "
            "there are days and months alone"
        )


@translating
def gaps(conn: Connection, windows: Collection[Window], periods_s: Collection[int]) -> list[Gap]:
    """Return where in each window readings are more than one and a half periods apart.

    Args:
        conn: The store.
        windows: Where to look; the start is taken for a reading, and so is the end.
        periods_s: The capture period of each window's channel.
    """
    if not windows:
        return []
    rows = conn.execute(query("reading/gaps"), {**_arrays(windows), "periods_s": list(periods_s)})
    return [Gap._make(row) for row in rows]


@translating
def disagreement(
    conn: Connection, channel_ids: Collection[int], month: Month, zone: ZoneInfo
) -> Disagreement | None:
    """Return the first rollup of a month that is not what its readings say, or None."""
    days = local_days(month, zone)
    row = conn.execute(
        query("rollup/disagreement"),
        {
            "channels": sorted(channel_ids),
            "zone": zone.key,
            "start": month.start,
            "end": month.end,
            "first": days[0][0],
            "last": days[-1][0],
        },
    ).fetchone()
    if row is None:
        return None
    return Disagreement(*row[:7], *map(said, (row[7:15], row[15:])))
