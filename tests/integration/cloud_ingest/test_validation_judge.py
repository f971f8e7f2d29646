# SPDX-License-Identifier: MIT
"""A false row of a billed register is set aside before days are rolled up; both months are true."""

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from cloud_ingest.core.border import SELF_READ_WINDOW
from cloud_ingest.core.month import parse_month
from cloud_ingest.core.register import Epoch
from cloud_ingest.entries.history import import_history
from cloud_ingest.month.close import close_month
from cloud_ingest.month.count import count_month
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.epochs import store_epoch
from cloud_ingest.store.partitions import compress_chunks
from cloud_ingest.store.readings_write import NewReading, store_readings
from cloud_ingest.store.unjudged import closely, mark_unjudged
from shared_schema.quality import Origin
from shared_schema.readings import Column
from tests.support.gateway import MAKER
from tests.support.store import ENERGY_WH, QUARTER, SOCIETY, ZONE, Site, every, local, unit_line

SERIAL = "S-1"
BEGIN = 12_345_000
FIRST = local("2026-01-01 00:00")
BORDER = local("2026-02-01 00:00")
LAST = local("2026-03-01 00:00")
JANUARY, FEBRUARY = Decimal("29.760"), Decimal("26.880")
NOW = datetime(2026, 3, 2, tzinfo=UTC)

Rows = list[tuple[datetime, int]]


def course() -> Rows:
    """Two months of quarter hours, 10 Wh each."""
    return every(FIRST, LAST, BEGIN, 10)


def with_lies(rows: Rows, lies: Mapping[datetime, int]) -> Rows:
    return [(ts, lies.get(ts, raw)) for ts, raw in rows]


@pytest.fixture
def metered(site: Site) -> Site:
    site.units(unit_line("A-1", SERIAL, since="2025-12-01"))
    return site


def send(site: Site, rows: Sequence[tuple[datetime, int]], *, at_once: int = 700) -> None:
    for number in range(0, len(rows), at_once):
        site.deliver(SERIAL, rows[number : number + at_once])


def months(site: Site, now: datetime = NOW) -> list[Decimal | None]:
    """January and February, as closing counts them."""
    refresh(site.conn, now)
    return [
        counted.measured.quantity
        for name in ("2026-01", "2026-02")
        for counted in count_month(
            site.conn,
            site.one("SELECT society_id FROM society"),
            parse_month(name, ZONE),
            ZONE,
            before={},
            self_read_window=SELF_READ_WINDOW,
            progress=lambda _text: None,
        ).counted
    ]


def set_aside(site: Site) -> list[tuple[datetime, int, str]]:
    return site.all("SELECT ts, raw, rule FROM verdict ORDER BY ts, raw")


def readings(site: Site) -> int:
    return int(site.one("SELECT count(*) FROM reading"))


def hold_rollups(site: Site) -> None:
    """Days and months are what the readings say."""
    assert site.one("SELECT count(*) FROM dirty") == 0
    counted = (
        "SELECT channel_id, ((ts - INTERVAL '1 microsecond') AT TIME ZONE 'Asia/Kolkata')::date, "
        "count(*), sum(raw), min(raw), max(raw) FROM reading GROUP BY 1, 2 ORDER BY 1, 2"
    )
    days = "SELECT channel_id, day, count, sum_raw, min_raw, max_raw FROM reading_day ORDER BY 1, 2"
    assert site.all(days) == site.all(counted)
    a_month = "SELECT sum(count)::int, min(min_raw), max(max_raw) FROM reading_month"
    assert site.one(a_month) == site.one("SELECT count(*)::int, min(raw), max(raw) FROM reading")


LIES = {
    "zero at the border": ({BORDER: 0}, "fall"),
    "100,000 kWh too high at the border": ({BORDER: BEGIN + 100_000_000}, "ceiling"),
    "a fall by 0.1 kWh": ({local("2026-01-17 09:00"): BEGIN + 10}, "fall"),
    "negative": ({local("2026-02-03 12:15"): -5}, "negative"),
    "zero on the last row of a day": ({local("2026-01-11 00:00"): 0}, "fall"),
    "the first row is zero": ({FIRST: 0}, "ceiling"),
}


@pytest.mark.parametrize("name", LIES)
def test_one_false_row_changes_neither_month(metered: Site, name: str) -> None:
    lies, rule = LIES[name]
    rows = course()
    send(metered, with_lies(rows, lies))
    january, february = months(metered)
    assert february == FEBRUARY
    # Nothing was read before the first row: one quarter of an hour later the month opens.
    assert january == (None if FIRST in lies else JANUARY)
    assert set_aside(metered) == [(ts, raw, rule) for ts, raw in lies.items()]
    assert readings(metered) == len(rows) - 1
    hold_rollups(metered)


def test_a_false_row_with_nothing_behind_it_waits_for_no_other(metered: Site) -> None:
    day = local("2026-01-11 00:00")
    rows = with_lies(course(), {day: 0})
    send(metered, [row for row in rows if row[0] <= day])
    refresh(metered.conn, day + QUARTER)
    assert [(ts, raw) for ts, raw, _ in set_aside(metered)] == [(day, 0)]
    send(metered, [row for row in rows if row[0] > day])
    assert months(metered) == [JANUARY, FEBRUARY]
    assert [(ts, raw) for ts, raw, _ in set_aside(metered)] == [(day, 0)]
    hold_rollups(metered)


def test_a_row_with_a_wrong_scaler_is_set_aside_in_its_own_channel(metered: Site) -> None:
    rows = [row for row in course() if row[0] != BORDER]
    send(metered, rows)
    wrong = Column(obis=ENERGY_WH.obis, scaler=1, unit=ENERGY_WH.unit)
    metered.deliver(SERIAL, [(BORDER, BEGIN + 10 * 31 * 96)], column=wrong)
    assert months(metered) == [JANUARY, FEBRUARY]
    assert [(ts, rule) for ts, _, rule in set_aside(metered)] == [(BORDER, "ceiling")]
    assert readings(metered) == len(rows)
    hold_rollups(metered)


def test_a_late_false_row_changes_no_closed_month(metered: Site) -> None:
    send(metered, [row for row in course() if row[0] != BORDER])
    for name in ("2026-01", "2026-02"):
        close_month(metered.conn, SOCIETY, name, NOW)
    numbers = "SELECT month, version, quantity FROM month_number ORDER BY 1, 2"
    before = metered.all(numbers)
    assert [row[1] for row in before] == [1, 1]
    metered.deliver(SERIAL, [(BORDER, 0)])
    for name in ("2026-01", "2026-02"):
        close_month(metered.conn, SOCIETY, name, NOW + timedelta(hours=1))
    assert metered.all(numbers) == before
    assert [(ts, raw) for ts, raw, _ in set_aside(metered)] == [(BORDER, 0)]


def test_an_unsound_reading_is_kept_with_why(metered: Site) -> None:
    send(metered, with_lies(course()[:200], {course()[100][0]: 0}))
    refresh(metered.conn, NOW)
    at = course()[100][0]
    assert metered.one("SELECT ts, raw, origin FROM claim") == (at, 0, 1)
    parameters, neighbours = metered.one("SELECT parameters, neighbours FROM verdict")
    assert parameters == {"most_per_hour": "72", "service": "electricity"}
    assert (neighbours["before"]["raw"], neighbours["after"]["raw"]) == (BEGIN + 990, BEGIN + 1010)
    assert metered.one("SELECT old_raw, new_raw FROM election") == (0, None)


def test_the_same_false_row_again_changes_nothing(metered: Site) -> None:
    rows = with_lies(course()[:200], {course()[100][0]: 0})
    send(metered, rows)
    refresh(metered.conn, NOW)
    again = metered.deliver(SERIAL, rows[90:110])
    assert (again.new, again.duplicates, again.conflicts) == (0, 20, 0)
    assert metered.one("SELECT count(*) FROM dirty") == 0
    assert readings(metered) == 199


def test_claims_that_later_rows_bear_out_are_elected_again(metered: Site) -> None:
    rows = course()[:110]
    reset = [(ts, raw if n < 100 else 10 * (n - 100)) for n, (ts, raw) in enumerate(rows)]
    send(metered, reset[:102])
    refresh(metered.conn, NOW)
    assert (len(set_aside(metered)), readings(metered)) == (2, 100)
    send(metered, reset[102:])
    refresh(metered.conn, NOW)
    assert (set_aside(metered), readings(metered)) == ([], 110)
    assert metered.one("SELECT count(*) FROM claim") == 0
    assert metered.one("SELECT ts, rule FROM register_break") == (rows[100][0], "fall")
    hold_rollups(metered)


def test_a_jump_for_good_is_a_break_that_an_epoch_explains(metered: Site) -> None:
    rows = course()[:300]
    send(metered, [(ts, raw if n < 200 else raw + 10**8) for n, (ts, raw) in enumerate(rows)])
    refresh(metered.conn, NOW)
    breaks = "SELECT ts, rule FROM register_break"
    assert metered.all(breaks) == [(rows[200][0], "ceiling")]
    channel = metered.one("SELECT channel_id FROM channel")
    explained = Epoch(rows[200][0], -(10**8))
    store_epoch(metered.conn, channel, explained, reason="reset", by="me", now=NOW)
    refresh(metered.conn, NOW)
    assert metered.all(breaks) == []


def test_an_epoch_lets_what_it_explains_be_elected(metered: Site) -> None:
    rows = [(ts, raw if n < 100 else n) for n, (ts, raw) in enumerate(course()[:102])]
    send(metered, rows)
    refresh(metered.conn, NOW)
    assert readings(metered) == 100
    channel = metered.one("SELECT channel_id FROM channel")
    explained = Epoch(rows[100][0], BEGIN + 900)
    store_epoch(metered.conn, channel, explained, reason="reset", by="me", now=NOW)
    refresh(metered.conn, NOW)
    assert (readings(metered), set_aside(metered)) == (102, [])


def test_a_day_of_lies_alone_has_no_rollup(metered: Site) -> None:
    rows = [row for row in course()[: 96 * 20] if row[0].minute == 30 and row[0].hour % 6 == 0]
    day = [ts for ts, _ in rows if local("2026-01-09 00:00") < ts <= local("2026-01-10 00:00")]
    send(metered, with_lies(rows, dict.fromkeys(day, 0)))
    refresh(metered.conn, NOW)
    assert len(set_aside(metered)) == len(day) > 2
    assert metered.all("SELECT * FROM reading_day WHERE day = '2026-01-09'") == []
    hold_rollups(metered)


@pytest.mark.parametrize("higher_first", [True, False])
@pytest.mark.parametrize("commits", [1, 2])
@pytest.mark.parametrize("between", [True, False], ids=["refreshed between", "at once"])
def test_of_two_rivals_the_lower_is_elected(
    metered: Site, higher_first: bool, commits: int, between: bool
) -> None:
    rows = course()[:200]
    send(metered, rows[:100] + rows[101:])
    at, raw = rows[100]
    rivals = [(at, raw + 5), (at, raw)] if higher_first else [(at, raw), (at, raw + 5)]
    if commits == 1:
        channel = metered.one("SELECT channel_id FROM channel")
        said = [NewReading(channel, int(ts.timestamp()), r, None, Origin.METER) for ts, r in rivals]
        store_readings(metered.conn, said, source="x", at=NOW)
    else:
        for rival in rivals:
            metered.deliver(SERIAL, [rival])
            if between:
                refresh(metered.conn, NOW)
    refresh(metered.conn, NOW)
    assert metered.one("SELECT raw FROM reading WHERE ts = %s", at) == raw
    assert metered.one("SELECT raw FROM claim WHERE ts = %s", at) == raw + 5
    assert set_aside(metered) == []
    hold_rollups(metered)


@pytest.mark.parametrize("origin", [Origin.METER, Origin.SELF_READ, Origin.IMPORTED])
def test_a_lie_is_set_aside_from_whatever_origin(metered: Site, origin: Origin) -> None:
    rows = course()[:200]
    send(metered, rows[:100] + rows[101:])
    refresh(metered.conn, NOW)
    channel = metered.one("SELECT channel_id FROM channel")
    lie = NewReading(channel, int(rows[100][0].timestamp()), 7, None, origin)
    store_readings(metered.conn, [lie], source="somebody", at=NOW)
    refresh(metered.conn, NOW)
    assert [(ts, raw) for ts, raw, _ in set_aside(metered)] == [(rows[100][0], 7)]
    hold_rollups(metered)


def test_an_imported_history_is_judged(metered: Site, tmp_path: Path) -> None:
    rows = with_lies(course()[:200], {course()[100][0]: BEGIN * 10})
    lines = [
        f"{MAKER},{SERIAL},1.0.1.8.0.255,Wh,0,{ts:%Y-%m-%dT%H:%M:%SZ},{raw}" for ts, raw in rows
    ]
    path = tmp_path / "history.csv"
    path.write_text("\n".join(["manufacturer,serial,obis,unit,scaler,ts,raw", *lines]) + "\n")
    assert import_history(metered.conn, SOCIETY, path, NOW).new == 200
    refresh(metered.conn, NOW)
    assert [(ts, raw) for ts, raw, _ in set_aside(metered)] == [(rows[100][0], BEGIN * 10)]
    hold_rollups(metered)


def test_an_edit_is_a_persons_word(metered: Site) -> None:
    rows = course()[:200]
    send(metered, rows)
    channel = metered.one("SELECT channel_id FROM channel")
    edit = NewReading(channel, int(rows[100][0].timestamp()), 7, None, Origin.EDIT)
    store_readings(metered.conn, [edit], source="me", at=NOW)
    refresh(metered.conn, NOW)
    assert metered.one("SELECT raw FROM reading WHERE ts = %s", rows[100][0]) == 7
    assert set_aside(metered) == []


def rule(site: Site, kind: str, ts: datetime, raw: int) -> None:
    """Let a person say something of a claim of the meter, and judge it."""
    site.conn.execute(
        "INSERT INTO ruling (channel_id, ts, origin, raw, kind, author, reason, ruled_at) "
        "SELECT channel_id, %s, 1, %s, %s, 'me', 'seen', now() FROM channel",
        (ts, raw, kind),
    )
    channel = site.one("SELECT channel_id FROM channel")
    mark_unjudged(site.conn, [closely(channel, int(ts.timestamp()), int(ts.timestamp()))])
    refresh(site.conn, NOW)


def test_the_newest_word_of_a_person_counts(metered: Site) -> None:
    rows = course()[:200]
    send(metered, rows)
    at, raw = rows[100]
    elected = "SELECT count(*) FROM reading WHERE ts = %s"
    for kind, there in (("set_aside", 0), ("restore", 1), ("set_aside", 0)):
        rule(metered, kind, at, raw)
        assert metered.one(elected, at) == there, kind
        hold_rollups(metered)
    again = metered.deliver(SERIAL, rows[95:105])
    assert (again.new, metered.one(elected, at)) == (0, 0)


def test_a_restored_lie_is_elected(metered: Site) -> None:
    at = course()[100][0]
    send(metered, with_lies(course()[:200], {at: 0}))
    refresh(metered.conn, NOW)
    rule(metered, "restore", at, 0)
    assert metered.one("SELECT raw FROM reading WHERE ts = %s", at) == 0
    assert set_aside(metered) == [(at, 0, "fall")], "the rule that a person overruled"


@pytest.mark.parametrize(
    "store_server", [pytest.param("timescale", marks=pytest.mark.timescale)], indirect=True
)
def test_a_late_lie_in_a_compressed_chunk_is_set_aside(metered: Site) -> None:
    rows = [row for row in course() if row[0] != BORDER]
    send(metered, rows)
    refresh(metered.conn, NOW)
    assert compress_chunks(metered.conn, NOW) > 5
    metered.deliver(SERIAL, [(BORDER, 0)])
    assert months(metered) == [JANUARY, FEBRUARY]
    assert [(ts, raw) for ts, raw, _ in set_aside(metered)] == [(BORDER, 0)]
    hold_rollups(metered)


@pytest.mark.parametrize("seed", range(3))
def test_random_lies_in_random_order_change_no_month(metered: Site, seed: int) -> None:
    """Rows come shuffled, in commits and refreshes of any size; exactly the lies are set aside."""
    dice = random.Random(seed)
    count, rows = dice.randrange(10**6, 10**8), Rows()
    for ts, _ in every(FIRST, LAST, 0, 0):
        count += dice.randrange(60)
        rows.append((ts, count))
    true = dict(rows)
    lies: dict[datetime, int] = {}
    while len(lies) < 12:
        at = dice.randrange(20, len(rows) - 5)
        for ts, raw in rows[at : at + dice.choice([1, 1, 1, 2, 3])]:
            lies[ts] = dice.choice([0, -1, raw - 30_000, raw + 10**8 * dice.randrange(1, 5)])
    lies.pop(BORDER, None)
    told = with_lies(rows, lies)
    channel = _channel_of(metered, told[0])
    dice.shuffle(told)
    while told:
        part = [told.pop() for _ in range(min(len(told), dice.randrange(50, 1500)))]
        said = [
            NewReading(channel, int(ts.timestamp()), raw, None, Origin.METER) for ts, raw in part
        ]
        store_readings(metered.conn, said, source="x", at=NOW)
        if dice.random() < 0.6:
            refresh(metered.conn, NOW)
    assert months(metered) == [
        Decimal(true[BORDER] - true[FIRST]).scaleb(-3),
        Decimal(true[LAST] - true[BORDER]).scaleb(-3),
    ]
    assert {(ts, raw) for ts, raw, _ in set_aside(metered)} == set(lies.items())
    hold_rollups(metered)


def _channel_of(site: Site, row: tuple[datetime, int]) -> int:
    site.deliver(SERIAL, [row])
    return int(site.one("SELECT channel_id FROM channel"))
