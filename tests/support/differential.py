# SPDX-License-Identifier: MIT
"""Let a history go through stores, and hold what they say against the oracle.

Days and months are compared after each turn of the scheduler for some channels and at the end
for all; then every month is measured as its closing does it, from boundary rows and epochs, and
must equal the difference of its rollups and the sum of its days. A difference is shown with the
channel, the bucket and every arrival that touched it.
"""

import random
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from cloud_ingest.core.border import SELF_READ_WINDOW
from cloud_ingest.core.consumption import Measured, days_of
from cloud_ingest.core.month import month_of
from cloud_ingest.month.count import count_month
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.epochs import epochs_of
from cloud_ingest.store.migrate import migrate
from cloud_ingest.store.readings_write import store_readings
from cloud_ingest.store.rollups_read import day_registers
from shared_schema.catalogue import ACTIVE_IMPORT, Unit
from tests.support.history import History, Life
from tests.support.oracle import Oracle, Row, Used

SHOWN = 3
"""Differences that are shown in full."""
LOOKED_AT = 25
"""Channels that are compared after each turn of the scheduler."""
WH_EXPONENT = -3
AROUND = timedelta(days=5)

Key = tuple[int, date]
"""Channel, bucket."""


@dataclass(slots=True)
class Passage:
    """What went through the stores, so that a test can say that it was worth something."""

    rows: int = 0
    """As they arrived, with repeats and rivals."""
    readings: int = 0
    days: int = 0
    months: int = 0
    turns: int = 0
    late: int = 0
    """Rows of a day that had been rolled up before they came."""
    claims: int = 0
    elections: int = 0
    measured: Counter[str] = field(default_factory=Counter)
    """Months of a meter: proved, withheld, from a placed border, across an epoch, as rollups."""

    def __str__(self) -> str:
        return (
            f"{self.rows:,} rows arrived ({self.late:,} behind their rollup, {self.claims:,} rival "
            f"claims kept, {self.elections:,} elections), {self.readings:,} readings; "
            f"{self.turns} refreshes; {self.days:,} days and {self.months:,} months of channels "
            f"equal; months of meters {dict(sorted(self.measured.items()))}"
        )


def differential(history: History, connections: Mapping[str, Connection]) -> Passage:
    """Send a history through empty databases and compare them with the oracle.

    Args:
        history: The history.
        connections: An empty database for each edition, by its name.

    Raises:
        AssertionError: something differs.
    """
    oracle, passage = Oracle(history), Passage()
    dice = random.Random(f"look {history.seed}")
    channels = [life.channel for life in history.lives]
    stores = [Compared(name, conn, history, oracle) for name, conn in connections.items()]
    for store in stores:
        store.settle()
    rolled_up: set[Key] = set()
    fresh: set[Key] = set()
    for turn in history.turns():
        keys = [(row.channel_id, oracle.day_of(row.ts)) for row in turn.rows]
        passage.late += sum(key in rolled_up for key in keys)
        passage.rows += len(turn.rows)
        fresh.update(keys)
        oracle.take(turn.rows)
        for store in stores:
            store_readings(store.conn, turn.rows, source=f"commit {turn.number}", at=turn.now)
        if turn.refreshes:
            passage.turns += 1
            rolled_up |= fresh
            fresh = set()
            some = dice.sample(channels, min(LOOKED_AT, len(channels)))
            for store in stores:
                refresh(store.conn, turn.now)
                store.compare(some)
    passage.readings = sum(map(len, oracle.held.values()))
    for store in stores:
        passage.days, passage.months = store.compare(channels)
        passage.measured = store.measure()
        beside = store.count("claim"), store.count("election")
        assert (passage.claims, passage.elections) in {(0, 0), beside}, store
        passage.claims, passage.elections = beside
        assert (store.count("reading"), store.count("dirty")) == (passage.readings, 0), store
    return passage


@dataclass(frozen=True, slots=True)
class Compared:
    """A store that is held against the oracle."""

    name: str
    conn: Connection = field(repr=False)
    history: History
    oracle: Oracle = field(repr=False)

    def settle(self) -> None:
        migrate(self.conn, zone=self.history.zone.key)
        lives = self.history.lives
        ids = [life.channel for life in lives]
        obis = str(ACTIVE_IMPORT)
        with self.conn.transaction(), self.conn.cursor() as cursor:
            cursor.execute(
                "INSERT INTO society (society_id, name) OVERRIDING SYSTEM VALUE VALUES (1, 'S')"
            )
            cursor.execute(
                "INSERT INTO meter (meter_id, society_id, manufacturer, serial) "
                "OVERRIDING SYSTEM VALUE "
                "SELECT id, 1, 'LNT', id::text FROM unnest(%s::int[]) AS id",
                (ids,),
            )
            cursor.executemany(
                "INSERT INTO channel (channel_id, meter_id, obis, unit, scaler, kind, period_s) "
                "OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s, 0, 'register', %s)",
                [
                    (life.channel, life.channel, obis, Unit.WATT_HOUR, life.period_s)
                    for life in lives
                ],
            )
            cursor.executemany(
                "INSERT INTO assignment (society_id, subject_type, subject, label, service, "
                "source, meter_id, valid_from, valid_to, author, reason, recorded_at) VALUES "
                "(1, 'unit', %s, %s, 'electricity', 'grid', %s, to_timestamp(%s), "
                "to_timestamp(%s), 'me', 'test', now())",
                [
                    (life.subject, life.subject, life.channel, life.installed, life.removed)
                    for life in lives
                ],
            )
            cursor.executemany(
                "INSERT INTO epoch "
                "(channel_id, starts_at, offset_raw, reason, author, recorded_at) VALUES "
                "(%s, to_timestamp(%s), %s, 'rollover', 'me', to_timestamp(%s))",
                [
                    (life.channel, starts_at, lost + wrong, starts_at - wrong)
                    for life in lives
                    for starts_at, lost in life.epochs
                    for wrong in (7, 0)  # recorded wrongly first
                ],
            )

    def count(self, table: str) -> int:
        (row,) = self.conn.execute(f"SELECT count(*) FROM {table}".encode())  # noqa: S608
        return int(row[0])

    def compare(self, channels: Collection[int]) -> tuple[int, int]:
        """Hold all days and months of some channels; return how many there are."""
        of_days = [row for channel in sorted(channels) for row in self.oracle.days(channel)]
        of_months = [row for channel in sorted(channels) for row in self.oracle.months(channel)]
        for bucket, expected in (("day", of_days), ("month", of_months)):
            found = self.stored(bucket, channels)
            if found != expected:
                raise AssertionError(self._differences(bucket, expected, found))
        return len(of_days), len(of_months)

    def stored(self, bucket: str, channels: Collection[int]) -> list[Row]:
        statement = (
            f"SELECT channel_id, {bucket}, first_raw, last_raw, "  # noqa: S608
            "extract(epoch FROM min_ts)::bigint, extract(epoch FROM max_ts)::bigint, "
            "count, sum_raw, min_raw, max_raw "
            f"FROM reading_{bucket} WHERE channel_id = ANY(%s::int[]) ORDER BY 1, 2"
        )
        return [
            (*row[:7], int(row[7]), *row[8:])
            for row in self.conn.execute(statement.encode(), (sorted(channels),))
        ]

    def _differences(self, bucket: str, expected: Sequence[Row], found: Sequence[Row]) -> str:
        wanted = {(row[0], row[1]): row for row in expected}
        got = {(row[0], row[1]): row for row in found}
        keys = sorted(key for key in wanted | got if wanted.get(key) != got.get(key))
        lines = [f"{self.name}: {len(keys)} {bucket}s differ from the oracle ({self.history})"]
        for channel, first in keys[:SHOWN]:
            lines += [
                f"{bucket} {first} of channel {channel}: "
                "first, last, min_ts, max_ts, count, sum, min, max",
                f"  expected  {wanted.get((channel, first), ())[2:]}",
                f"  got       {got.get((channel, first), ())[2:]}",
                *self.arrivals(channel, first, bucket),
            ]
        return "\n".join(lines)

    def arrivals(self, channel: int, first: date, bucket: str) -> list[str]:
        """Return a line for each row that touched a bucket, in the order in which they came."""
        lines: list[str] = []
        for turn in self.history.turns():
            came = [
                row
                for row in turn.rows
                if row.channel_id == channel and self._bucket(row.ts, bucket) == first
            ]
            lines += [
                f"  commit {turn.number} at {turn.now:%Y-%m-%d %H:%M}Z: {self._local(row.ts)} "
                f"({row.ts}) {row.raw} by {row.origin}"
                for row in sorted(came, key=lambda row: row.ts)
            ]
            if turn.refreshes and lines and not lines[-1].startswith("  refresh"):
                lines.append(f"  refresh after commit {turn.number}")
        return lines

    def _bucket(self, ts: int, bucket: str) -> date:
        day = self.oracle.day_of(ts)
        return day if bucket == "day" else day.replace(day=1)

    def _local(self, ts: int) -> str:
        return datetime.fromtimestamp(ts, self.history.zone).isoformat()

    def measure(self) -> Counter[str]:
        """Hold every month of every meter against the oracle, its days, and the rollups."""
        lives = {life.channel: life for life in self.history.lives}
        exponents = dict.fromkeys(lives, WH_EXPONENT)
        epochs = epochs_of(self.conn, exponents)
        rolled_up = {(row[0], row[1]): row for row in self.stored("month", lives)}
        seen: Counter[str] = Counter()
        for first in sorted({first for _, first in rolled_up}):
            month = month_of(first.year, first.month, self.history.zone)
            days = day_registers(self.conn, exponents, first - AROUND, month.end.date() + AROUND)
            for counted in count_month(
                self.conn,
                1,
                month,
                self.history.zone,
                before={},
                self_read_window=SELF_READ_WINDOW,
                progress=lambda _text: None,
            ).counted:
                life, measured = lives[counted.assignment.meter_id], counted.measured
                told = self.oracle.used(life, first)
                by_day = days_of(measured, days.get(life.channel, ()), epochs, self.history.zone)
                if _as_used(measured, by_day) != told:
                    lines = [
                        f"{self.name}: {month} of channel {life.channel} ({self.history})",
                        f"  expected  {told}",
                        f"  got       {measured} {by_day}",
                        *self.arrivals(life.channel, first, "month"),
                    ]
                    raise AssertionError("\n".join(lines))
                seen.update(_held(life, first, told, rolled_up))
                ends = (measured.begin, measured.end)
                seen["placed"] += any(end is not None and end.is_placed for end in ends)
        return seen


def _as_used(measured: Measured, by_day: Mapping[date, Decimal]) -> Used:
    opening, closing = measured.opening, measured.closing
    return Used(
        None if opening is None else int(opening.ts.timestamp()),
        None if closing is None else int(closing.ts.timestamp()),
        None if measured.quantity is None else int(measured.quantity.scaleb(-WH_EXPONENT)),
        {day: int(kwh.scaleb(-WH_EXPONENT)) for day, kwh in by_day.items()},
    )


def _held(life: Life, first: date, used: Used, rolled_up: Mapping[Key, Row]) -> list[str]:
    """Hold a month against the sum of its days and its rollups; return what was held."""
    opening, closing, wh = used.opening, used.closing, used.wh
    if opening is None or closing is None or wh is None:
        return ["withheld"]
    assert sum(used.days.values()) == wh, (life.channel, first, used)
    held = ["proved"]
    if any(opening < starts_at <= closing for starts_at, _ in life.epochs):
        held.append("across an epoch")
    ends = _bucket_ends(life, first, rolled_up)
    if opening in ends and closing in ends:
        assert ends[closing] - ends[opening] == wh, (life.channel, first, used)
        held.append("equal to their rollups")
    return held


def _bucket_ends(life: Life, first: date, rolled_up: Mapping[Key, Row]) -> dict[int, int]:
    """Return what was counted on by the ends of a month's rollup, and of the one before."""
    ends: dict[int, int] = {}
    for month in ((first - timedelta(days=1)).replace(day=1), first):
        if (life.channel, month) in rolled_up:
            _, _, first_raw, last_raw, min_ts, max_ts, *_ = rolled_up[life.channel, month]
            ends |= {min_ts: first_raw, max_ts: last_raw}
    return {
        at: raw + max((lost for starts_at, lost in life.epochs if starts_at <= at), default=0)
        for at, raw in ends.items()
    }
