# SPDX-License-Identifier: MIT
"""What commits tell of what they stored suffices: a judge of everything finds nothing to change."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from cloud_ingest.core.register import Epoch
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.billed_registers import SERVICE_OF
from cloud_ingest.store.channels import StoreCache
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.epochs import store_epoch
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.partitions import make_partitions
from cloud_ingest.store.readings_write import NewReading, Rows, store_readings, store_rows
from cloud_ingest.store.suspects import Suspect
from cloud_ingest.validation.judge import judge_suspects
from shared_schema.quality import Origin
from tests.support.store import Site, local, unit_line

START = local("2026-01-29 00:00")
HOURS = 24 * 6
NOW = datetime(2026, 3, 1, tzinfo=UTC)
MONTHS = [date(2026, month, 1) for month in (1, 2, 3)]
EPOCH_S, HOUR_S = int(START.timestamp()), 3600
METER = 1
Row = tuple[int, int, int, int | None]

WATER = ("8.0.1.0.0.255", 13, (-3,), 60)
ENERGY = ("1.0.1.8.0.255", 30, (0,), 900)
REGISTERS = {  # serial: obis, unit, scalers of its channels, the most steps an hour
    **{f"E-{n}": ENERGY for n in range(9)},
    **{f"W-{n}": WATER for n in range(4)},
    "E-9": ("1.0.1.8.0.255", 30, (0, 1), 900),
}


@pytest.fixture
def channels(site: Site) -> dict[str, list[int]]:
    """Meters with their billed channels."""
    site.units(
        *(
            unit_line(f"A-{serial}", serial, service="water" if serial[0] == "W" else "electricity",
                      source="main" if serial[0] == "W" else "grid", since="2025-12-01")
            for serial in REGISTERS
        )
    )  # fmt: skip
    found: dict[str, list[int]] = {}
    for serial, (obis, unit, scalers, _) in REGISTERS.items():
        found[serial] = [
            site.one(
                "INSERT INTO channel (meter_id, obis, unit, scaler, kind, period_s) "
                "SELECT meter_id, %s, %s, %s, 'register', 3600 FROM meter WHERE serial = %s "
                "RETURNING channel_id",
                *(obis, unit, scaler, serial),
            )
            for scaler in scalers
        ]
    return found


def histories(dice: random.Random, channels: dict[str, list[int]]) -> dict[int, list[Row]]:
    """Registers with few lies, alone and in stretches, or for good; in any of their channels."""
    found: dict[int, list[Row]] = {}
    for serial, (_, _, _, most) in REGISTERS.items():
        count = dice.randrange(10**5, 10**7)
        true = [count := count + dice.choice([0, dice.randrange(most)]) for _ in range(HOURS)]
        told = list(true)
        for _ in range(dice.choice([0, 1, 1, 2])):
            at, length = dice.randrange(HOURS), dice.choice([1, 1, 1, 2, 3, 9, HOURS])
            small = -dice.randrange(most // 4, most)
            lie = dice.choice([small, small, small, 0, None, 10**9, 300 * most])
            for n in range(at, min(at + length, HOURS)):
                told[n] = -5 if lie is None else true[n] + lie if lie else n - at
        for n, said in enumerate(told):
            if dice.random() < 0.05:
                continue
            own = dice.choice(channels[serial])
            raw = said // 10 if own != channels[serial][0] else said
            rows = found.setdefault(own, [])
            rows.append((EPOCH_S + HOUR_S * n, METER, raw, None))
            if dice.random() < 0.5 / HOURS:
                rival = raw + dice.choice([1, -1, 7, 10**7])
                rows.append((EPOCH_S + HOUR_S * n, METER, rival, None))
    return found


def commits(dice: random.Random, rows: dict[int, list[Row]]) -> list[Rows]:
    """Parts of the rows: mostly in order, with what comes late, and again."""
    every = sorted(
        (ts, channel, row) for channel, own in rows.items() for row in own for ts in row[:1]
    )
    late = [each for each in every if dice.random() < 0.1]
    again = dice.sample(every, len(every) // 20)
    parts: list[Rows] = []
    for source in ([each for each in every if each not in late], late, again):
        if source is not every and dice.random() < 0.5:
            dice.shuffle(source)
        while source:
            own: Rows = {}
            for _, channel, row in (
                source.pop(0)
                for _ in range(min(len(source), dice.choice([1, 7, 7, 14, 14, 14, 100])))
            ):
                own.setdefault(channel, []).append(row)
            parts.append(own)
    if dice.random() < 0.5:
        dice.shuffle(parts)
    return parts


class Worker:
    """A connection with what it knows; it may hold its transaction open."""

    def __init__(self, conn: Connection) -> None:
        self.conn, self.cache = conn, StoreCache()

    def store(self, rows: Rows) -> None:
        make_partitions(self.conn, self.cache, {row[0] for own in rows.values() for row in own})
        store_rows(self.conn, rows, self.cache, source="x", at=NOW)


@contextmanager
def worker(dsn: str) -> Iterator[Worker]:
    with connect(dsn) as conn:
        yield Worker(conn)


def state(site: Site) -> dict[str, list[Any]]:
    return {
        "reading": site.all("SELECT channel_id, ts, raw, origin FROM reading ORDER BY 1, 2"),
        "claim": site.all("SELECT channel_id, ts, raw, origin FROM claim ORDER BY 1, 2, 3, 4"),
        "verdict": site.all("SELECT channel_id, ts, raw, rule FROM verdict ORDER BY 1, 2, 3"),
        "break": site.all("SELECT meter_id, obis, ts, rule FROM register_break ORDER BY 1, 2, 3"),
    }


def hold_all_is_judged(site: Site) -> None:
    assert site.one("SELECT count(*) FROM unjudged") == 0
    before = state(site)
    meters = [meter_id for (meter_id,) in site.all("SELECT meter_id FROM meter")]
    every = [
        Suspect(meter, code, month) for meter in meters for code in SERVICE_OF for month in MONTHS
    ]
    judge_suspects(site.conn, every, open_store(site.conn), NOW)
    after = state(site)
    for what in before:
        assert after[what] == before[what], what


@pytest.mark.parametrize("seed", range(6))
def test_a_judge_of_everything_finds_nothing_more(
    site: Site, store_dsn: str, channels: dict[str, list[int]], seed: int
) -> None:
    dice = random.Random(seed)
    told = histories(dice, channels)
    with worker(store_dsn) as first, worker(store_dsn) as second:
        workers = [first, second]
        for number, part in enumerate(commits(dice, told)):
            busy = dice.choice(workers)
            with busy.conn.transaction():
                busy.store(part)
                if dice.random() < 0.1:
                    refresh(site.conn, NOW)  # it does not see what is stored
            if dice.random() < 0.3:
                refresh(site.conn, NOW)
            if dice.random() < 0.05:
                busy.cache.forget()  # as a restart does
            if number % 20 == 7 and seed % 2:
                _say(site, dice, channels)
    refresh(site.conn, NOW)
    hold_all_is_judged(site)


def _say(site: Site, dice: random.Random, channels: dict[str, list[int]]) -> None:
    """Let a person enter a dial, an edit or an epoch."""
    channel = dice.choice([each for own in channels.values() for each in own])
    ts = EPOCH_S + HOUR_S * dice.randrange(HOURS) + dice.choice([0, 60])
    if dice.random() < 0.3:
        epoch = Epoch(datetime.fromtimestamp(ts, UTC), dice.choice([0, 10**8, -(10**8)]))
        at = NOW + timedelta(seconds=dice.randrange(10**6))
        store_epoch(site.conn, channel, epoch, reason="r", by="me", now=at)
        return
    near = site.all("SELECT raw FROM reading WHERE channel_id = %s AND ts <= to_timestamp(%s) "
                    "ORDER BY ts DESC LIMIT 1", channel, ts)  # fmt: skip
    raw = (near[0][0] if near else 10**6) + dice.choice([0, 5, -5, 10**9])
    origin = dice.choice([Origin.SELF_READ, Origin.IMPORTED, Origin.EDIT])
    said = NewReading(channel, ts, raw, None, origin)
    store_readings(site.conn, [said], source="a person", at=NOW)
