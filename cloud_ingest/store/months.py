# SPDX-License-Identifier: MIT
"""What closing a month reads from the store, and what it writes there.

In: a society and a month. Out: assignments, boundary readings, epochs, rollups, and the
numbers of earlier closings. It decides nothing: `cloud_ingest.consumption` does.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from cloud_ingest.consumption import DayRegister, Epoch, Intervals, Month, Register
from cloud_ingest.reconcile import SubjectKind
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import ORIGINS
from shared_schema.billing import BillingManifest, MonthlyConsumption, Reconciliation
from shared_schema.catalogue import Service
from shared_schema.message import MeterId


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


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A rollup that is not what its readings say."""

    channel_id: int
    day: date
    bucket: str
    told: int | None
    rolled_up: int | None
    told_count: int | None
    rolled_up_count: int | None
    manufacturer: str
    serial: str
    obis: str
    waits: bool
    """A commit has marked it since: it only has to be refreshed."""


@dataclass(frozen=True, slots=True)
class KeptNumber:
    """A number with the bytes in which it was sent, and the hash by which a manifest names them."""

    number: MonthlyConsumption
    line: bytes
    sha256: str


@translating
def assignments(
    conn: Connection, society_id: int, start: datetime, end: datetime
) -> list[Assignment]:
    """Return who had which meter at any time between ``start`` and ``end``."""
    rows = conn.execute(
        query("month_assignments"), {"society_id": society_id, "start": start, "end": end}
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
    rows = conn.execute(query("month_channels"), {"meters": sorted(meters), "codes": sorted(codes)})
    return [Channel(*row) for row in rows]


@translating
def epochs(conn: Connection, channel_ids: Collection[int]) -> dict[int, list[Epoch]]:
    """Return the epochs of channels, ascending."""
    found: dict[int, list[Epoch]] = {}
    for channel_id, starts_at, offset in conn.execute(
        query("month_epochs"), (sorted(channel_ids),)
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

    for name, windows in (("reading_last", last_in), ("reading_first", first_in)):
        take(conn.execute(query(name), _arrays(windows)))
    for start, end in by_hand_in:
        arguments = {"channels": sorted(exponents), "start": start, "end": end}
        take(conn.execute(query("reading_by_hand"), arguments))
    return {channel_id: list(readings) for channel_id, readings in found.items()}


def _arrays(windows: Collection[Window]) -> dict[str, list[object]]:
    return {
        "channels": [window.channel_id for window in windows],
        "starts": [window.start for window in windows],
        "ends": [window.end for window in windows],
    }


@translating
def day_registers(
    conn: Connection, exponents: dict[int, int], first: date, last: date
) -> dict[int, list[DayRegister]]:
    """Return the last register of each day from the rollups, by channel."""
    found: dict[int, list[DayRegister]] = {}
    rows = conn.execute(
        query("month_days"), {"channels": sorted(exponents), "first": first, "last": last}
    )
    for channel_id, day, max_ts, raw in rows:
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
    rows = conn.execute(query("month_intervals"), {"channels": sorted(by_id), "month": month.first})
    for channel_id, count, total in rows:
        channel, exponent = by_id[channel_id], exponents[channel_id]
        found.setdefault(channel.meter_id, []).append(
            Intervals(
                count, total.scaleb(exponent), channel.period_s, type(total)(1).scaleb(exponent)
            )
        )
    return {meter_id: sums[0] for meter_id, sums in found.items() if len(sums) == 1}


@translating
def disagreement(
    conn: Connection, channel_ids: Collection[int], month: Month, zone: ZoneInfo
) -> Disagreement | None:
    """Return the first rollup of a month that is not what its readings say, or None."""
    row = conn.execute(
        query("rollup_disagreement"),
        {
            "channels": sorted(channel_ids),
            "zone": zone.key,
            "start": month.start,
            "end": month.end,
            "first": month.first,
            "last": (month.first + timedelta(days=32)).replace(day=1) - timedelta(days=1),
        },
    ).fetchone()
    return None if row is None else Disagreement(*row)


@translating
def numbers(conn: Connection, society_id: int, month: str) -> list[KeptNumber]:
    """Return the newest version of each number of a month, also of one now withheld."""
    rows = conn.execute(query("month_numbers"), {"society_id": society_id, "month": month})
    return [
        KeptNumber(MonthlyConsumption.from_line(line), bytes(line), digest) for line, digest in rows
    ]


@translating
def current(conn: Connection, society_id: int, month: str) -> list[MonthlyConsumption]:
    """Return the numbers that the manifest of a month names; none for one that is open."""
    closed = manifest(conn, society_id, month)
    if closed is None:
        return []
    named = {(entry.subject, entry.service, entry.version) for entry in closed.entries}
    return [
        kept.number
        for kept in numbers(conn, society_id, month)
        if (kept.number.subject, kept.number.service, kept.number.version) in named
    ]


@translating
def version_floor(conn: Connection) -> int:
    """Return the least version that a number gets: above all that a restore has forgotten."""
    row = conn.execute(query("version_floor")).fetchone()
    assert row is not None  # noqa: S101
    return int(row[0])


@translating
def add_number(conn: Connection, society_id: int, number: MonthlyConsumption) -> KeptNumber:
    """Keep a number and return it as it is sent."""
    line = number.to_line()
    digest = hashlib.sha256(line).hexdigest()
    conn.execute(
        query("month_number_add"),
        {
            "society_id": society_id,
            "month": number.month,
            "subject_type": number.subject.type.value,
            "subject": number.subject.id,
            "service": number.service.value,
            "version": number.version,
            "quantity": number.quantity,
            "quality": number.quality.value,
            "message": line,
            "sha256": digest,
            "closed_at": number.closed_at,
        },
    )
    return KeptNumber(number, line, digest)


@translating
def reconciliations(conn: Connection, society_id: int, month: str) -> list[Reconciliation]:
    """Return the reconciliations of a month."""
    rows = conn.execute(query("month_reconciliations"), {"society_id": society_id, "month": month})
    return [Reconciliation.from_line(row[0]) for row in rows]


@translating
def put_reconciliation(conn: Connection, society_id: int, result: Reconciliation) -> bytes:
    """Keep a reconciliation and return the bytes that are sent."""
    line = result.to_line()
    conn.execute(
        query("month_reconciliation_put"),
        {
            "society_id": society_id,
            "month": result.month,
            "tower": result.tower,
            "service": result.service.value,
            "message": line,
            "closed_at": result.closed_at,
        },
    )
    return line


@translating
def manifest(conn: Connection, society_id: int, month: str) -> BillingManifest | None:
    """Return the manifest of a closed month, or None for one that is open."""
    row = conn.execute(
        query("month_close_read"), {"society_id": society_id, "month": month}
    ).fetchone()
    return None if row is None else BillingManifest.from_line(row[0])


@translating
def put_manifest(conn: Connection, society_id: int, made: BillingManifest) -> bytes:
    """Note that a month was closed and return the bytes that are sent."""
    line = made.to_line()
    conn.execute(
        query("month_close_put"),
        {
            "society_id": society_id,
            "month": made.month,
            "closed_at": made.closed_at,
            "manifest": line,
        },
    )
    return line
