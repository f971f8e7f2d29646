# SPDX-License-Identifier: MIT
"""The ways in which days and months could silently be wrong, each tried on both editions."""

import random
import re
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.entries.history import import_history
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.self_read import self_read
from cloud_ingest.errors import (
    ConfigurationError,
    ImportRefused,
    MigrationRefused,
    RecomputeRefused,
    RollupDisagrees,
    UserError,
)
from cloud_ingest.ingest.broker import Broker
from cloud_ingest.month.close import close_month
from cloud_ingest.operate.upkeep import keep_months, upkeep
from cloud_ingest.rollup import refresh as module
from cloud_ingest.rollup.recompute import recompute
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.service.loops import ServiceSettings
from cloud_ingest.service.start import run_service
from cloud_ingest.store.channels import StoreCache
from cloud_ingest.store.commit import commit
from cloud_ingest.store.connection import connect
from cloud_ingest.store.migrate import migrate, open_store
from cloud_ingest.store.migration import migrations
from cloud_ingest.store.partitions import make_partitions
from cloud_ingest.store.readings_write import NewReading, store_readings
from cloud_ingest.store.receipts import stored_ranges
from cloud_ingest.store.zone import repeats_midnight
from shared_schema.catalogue import ACTIVE_IMPORT_INTERVAL, Service, Unit
from shared_schema.quality import Origin, Quality
from shared_schema.readings import Column
from shared_schema.signing import SigningKey
from tests.support.gateway import MAKER, block_line
from tests.support.store import QUARTER, SOCIETY, ZONE, Site, every, kept, kwh, local, unit_line

START, END = local("2026-07-01 00:00"), local("2026-08-01 00:00")
NOW = local("2026-08-05 09:00")
INTERVAL_DWH = Column(obis=ACTIVE_IMPORT_INTERVAL, scaler=-1, unit=Unit.WATT_HOUR)
HOUR, DAY, MICROSECOND = timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)
WITH_STEPS = (
    "Asia/Kolkata",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "America/New_York",
    "America/Santiago",
    "Africa/Cairo",
    "Asia/Beirut",
    "Asia/Kathmandu",
)
"""Some skip an hour at 00:00, some repeat one that ends there, one moves by half an hour."""


@pytest.fixture
def flat(site: Site) -> Site:
    """One flat whose meter counts 10 Wh an hour in July and around, rolled up."""
    site.units(unit_line("A-1204", "1"))
    site.deliver("1", every(START - 2 * DAY, END + 2 * DAY, 1000, 10, HOUR))
    refresh(site.conn, NOW)
    return site


def test_late_rows_show_after_a_refresh_alone(flat: Site) -> None:
    day = "SELECT count, min_raw FROM reading_day WHERE day = '2026-07-04'"
    month = "SELECT count, min_raw FROM reading_month WHERE month = '2026-07-01'"
    late = 2205
    before = flat.one(day), flat.one(month)
    flat.deliver("1", [(START + 3 * DAY + timedelta(minutes=30), late)])
    assert (flat.one(day), flat.one(month)) == before
    refresh(flat.conn, NOW)
    assert (flat.one(day), flat.one(month)) == ((25, late), (before[1][0] + 1, before[1][1]))


class Recorder:
    """Stands where a connection does, and keeps the windows that it is asked to refresh."""

    def __init__(self) -> None:
        self.windows: dict[str, list[tuple[datetime, datetime]]] = {}

    def execute(self, _statement: str, arguments: dict[str, object]) -> None:
        start, end = arguments["start"], arguments["end"]
        assert isinstance(start, datetime)
        assert isinstance(end, datetime)
        self.windows.setdefault(str(arguments["name"]), []).append((start, end))


def windows_of(
    days: Collection[date], zone: ZoneInfo
) -> dict[str, list[tuple[datetime, datetime]]]:
    recorder = Recorder()
    module._refresh_aggregates(recorder, days, zone)  # type: ignore[arg-type]
    return recorder.windows


def day_at(at: datetime, zone: ZoneInfo) -> date:
    """Return the local day of an instant; its 00:00 is the end of the day before."""
    return (at.astimezone(UTC) - MICROSECOND).astimezone(zone).date()


DAYS = st.sets(st.dates(date(2020, 1, 1), date(2035, 12, 31)), min_size=1, max_size=8)
CLOSE_DAYS = st.builds(
    lambda first, steps: {first + step * DAY for step in steps},
    st.dates(date(2020, 1, 1), date(2035, 12, 31)),
    st.sets(st.integers(0, 70), min_size=1, max_size=8),
)


@given(DAYS | CLOSE_DAYS, st.sampled_from(WITH_STEPS))
def test_no_window_cuts_a_bucket(days: set[date], zone_name: str) -> None:
    zone = ZoneInfo(zone_name)
    windows = windows_of(days, zone)
    for start, end in windows["reading_day_c"]:
        for border in (start, end):
            assert day_at(border, zone) == day_at(border - MICROSECOND, zone) + DAY
    for start, end in windows["reading_month_c"]:
        for border in (start, end):
            first, before = day_at(border, zone), day_at(border - MICROSECOND, zone)
            assert (first.day, before) == (1, first - DAY)
    for day in days:
        month = day.replace(day=1)
        assert any(
            day_at(start, zone) <= day < day_at(end, zone)
            for start, end in windows["reading_day_c"]
        )
        assert any(
            day_at(start, zone) <= month < day_at(end, zone)
            for start, end in windows["reading_month_c"]
        )


@pytest.mark.parametrize("zone_name", WITH_STEPS)
def test_the_database_sees_the_same_borders(empty_dsn: str, zone_name: str) -> None:
    dice, zone = random.Random(zone_name), ZoneInfo(zone_name)
    days = {date(2020, 1, 1) + dice.randrange(5800) * DAY for _ in range(300)}
    days |= {date(2020, 1, 1) + number * DAY for number in range(5800) if _steps(number, zone)}
    of = [windows_of([day], zone) for day in days]
    borders = {
        bucket: sorted({border for one in of for window in one[name] for border in window})
        for bucket, name in (("day", "reading_day_c"), ("month", "reading_month_c"))
    }
    with connect(empty_dsn) as conn:
        bucket_of = "date_trunc(%(bucket)s, border - %(tick)s, %(zone)s) + %(tick)s"
        if migrate(conn).rollups == "continuous":
            bucket_of = (
                'time_bucket(%(width)s::interval, border, %(zone)s, "offset" => %(tick)s::interval)'
            )
        for bucket, all_of in borders.items():
            cut = conn.execute(
                f"SELECT border FROM unnest(%(borders)s::timestamptz[]) AS border "  # noqa: S608
                f"WHERE {bucket_of} <> border".encode(),
                {
                    "borders": all_of,
                    "bucket": bucket,
                    "width": f"1 {bucket}",
                    "zone": zone_name,
                    "tick": MICROSECOND,
                },
            ).fetchall()
            assert len(all_of) > 50
            assert cut == []


def _steps(number: int, zone: ZoneInfo) -> bool:
    day = datetime(2020, 1, 1, tzinfo=zone) + number * DAY
    return day.utcoffset() != (day + DAY).utcoffset()


def test_month_and_day_are_made_from_one_zone(empty_dsn: str) -> None:
    for migration in migrations():
        for bucket in re.findall(r"time_bucket\(([^)]*)\)", migration.text):
            assert bucket.split(", ")[2] == "{zone}", migration.name
    with connect(empty_dsn) as conn:
        rollups = migrate(conn, zone="Australia/Lord_Howe").rollups
        zone = ZoneInfo("Australia/Lord_Howe")
        at = int(datetime(2028, 1, 30, tzinfo=zone).timestamp())
        rows = [NewReading(1, at + 1800 * n, n, None, Origin.METER) for n in range(48 * 70)]
        store_readings(conn, rows, source="test", at=NOW)
        refresh(conn, datetime(2028, 5, 1, tzinfo=UTC))
        assert (
            conn.execute(
                "SELECT month, min_ts, max_ts, count FROM reading_month ORDER BY 1"
            ).fetchall()
            == conn.execute(
                "SELECT date_trunc('month', day)::date, min(min_ts), max(max_ts), "
                "sum(count)::bigint FROM reading_day GROUP BY 1 ORDER BY 1"
            ).fetchall()
        )
        if rollups == "continuous":
            definitions = conn.execute(
                "SELECT view_definition FROM timescaledb_information.continuous_aggregates"
            ).fetchall()
            zones = [re.findall(r"'(\w+/\w+)'::text", text) for (text,) in definitions]
            assert len(zones) == 2
            assert {one for found in zones for one in found} == {"Australia/Lord_Howe"}
        with pytest.raises(MigrationRefused, match="not of Asia/Kolkata"):
            migrate(conn, zone="Asia/Kolkata")


@pytest.mark.parametrize("zone_name", ["America/Havana", "Atlantic/Azores"])
def test_a_zone_whose_midnight_comes_twice_is_refused(empty_dsn: str, zone_name: str) -> None:
    with connect(empty_dsn) as conn:
        with pytest.raises(MigrationRefused, match=f"clocks of {zone_name} go back over 00:00"):
            migrate(conn, zone=zone_name)
        assert migrate(conn, zone="Asia/Kolkata").applied
    assert not any(repeats_midnight(ZoneInfo(name)) for name in WITH_STEPS)


def test_a_wrong_zone_stops_the_service_at_its_start(empty_dsn: str) -> None:
    with connect(empty_dsn) as conn:
        migrate(conn, zone="Asia/Kolkata")
        with pytest.raises(ConfigurationError, match="of Asia/Kolkata, not of Europe/Berlin"):
            open_store(conn, zone="Europe/Berlin")
    nobody = Broker("127.0.0.1", 1)
    settings = ServiceSettings(empty_dsn, nobody, SigningKey.generate(), zone="Europe/Berlin")
    for check in (True, False):
        with pytest.raises(ConfigurationError, match="of Asia/Kolkata, not of Europe/Berlin"):
            run_service(settings, check=check, verbose=False, say=print)
    words = ["close-month", "2026-07", "--society", SOCIETY, "--dsn", empty_dsn]
    result = CliRunner().invoke(app, words, env={"IOT_UTILITY_ZONE": "Europe/Berlin"})
    assert (result.exit_code, "not of Europe/Berlin" in result.output) == (2, True)


def tamper(site: Site, rollup: str, change: str) -> None:
    """Change rows of a rollup where they are kept."""
    table = rollup
    if site.one("SELECT rollups FROM store") == "continuous":
        table = site.one(
            "SELECT materialization_hypertable_schema || '.' || materialization_hypertable_name "
            "FROM timescaledb_information.continuous_aggregates WHERE view_name = %s",
            f"{rollup}_c",
        )
    site.conn.execute(f"UPDATE {table} SET {change}".encode())  # noqa: S608


@pytest.mark.parametrize("touched", ["a late row", "a changed row", "a row that is gone", "a day"])
def test_a_rollup_that_nobody_marked_stops_the_closing(flat: Site, touched: str) -> None:
    at = START + 9 * DAY + timedelta(minutes=30)
    channel = flat.one("SELECT channel_id FROM channel")
    if touched == "a late row":
        flat.conn.execute("INSERT INTO reading VALUES (%s, %s, 3170, NULL, 1)", (channel, at))
    elif touched == "a changed row":
        flat.conn.execute("UPDATE reading SET raw = raw + 1 WHERE ts = %s", (START + 9 * DAY,))
    elif touched == "a row that is gone":
        flat.conn.execute("DELETE FROM reading WHERE ts = %s", (START + 9 * DAY,))
    else:
        tamper(flat, "reading_day", f"min_raw = 0 WHERE min_ts > '{at}'")
    with pytest.raises(RollupDisagrees, match=r"2026-07 is not closed: .* \(LNT 1, 1.0.1.8.0"):
        close_month(flat.conn, SOCIETY, "2026-07", NOW)
    assert flat.one("SELECT (SELECT count(*) FROM month_number) + count(*) FROM outbox") == 0


@pytest.mark.parametrize("rollup", ["reading_day", "reading_month"])
def test_a_wrong_rollup_of_intervals_stops_the_closing(flat: Site, rollup: str) -> None:
    flat.deliver("1", every(START + QUARTER, END, 25, 0), column=INTERVAL_DWH)
    (number,) = close_month(flat.conn, SOCIETY, "2026-07", NOW).numbers
    assert (number.quality, number.reasons) == (Quality.VALIDATED, ())
    sent = flat.all("SELECT * FROM outbox ORDER BY 1")
    channel = flat.one("SELECT channel_id FROM channel WHERE kind = 'interval'")
    tamper(flat, rollup, f"sum_raw = sum_raw * 2 WHERE channel_id = {channel}")
    with pytest.raises(RollupDisagrees) as caught:
        close_month(flat.conn, SOCIETY, "2026-07", NOW)
    count, told = (96, 2400) if rollup == "reading_day" else (2976, 74400)
    assert (
        f"(LNT 1, {ACTIVE_IMPORT_INTERVAL}) says {count} readings up to 25, sum_raw {2 * told}, "
        f"but its readings say {count} readings up to 25, sum_raw {told}:"
    ) in str(caught.value)
    assert "cloud-ingest recompute --month 2026-07" in str(caught.value)
    assert flat.all("SELECT * FROM outbox ORDER BY 1") == sent
    recompute(flat.conn, date(2026, 7, 1), date(2026, 7, 31), NOW)
    assert close_month(flat.conn, SOCIETY, "2026-07", NOW).published == 0


def test_a_day_that_is_marked_again_closes(flat: Site) -> None:
    flat.conn.execute("DELETE FROM reading WHERE ts = %s", (START + 9 * DAY + HOUR,))
    with pytest.raises(RollupDisagrees):
        close_month(flat.conn, SOCIETY, "2026-07", NOW)
    flat.deliver("1", [(START + 9 * DAY + HOUR, 1000 + 10 * (11 * 24 + 1))])
    closed = close_month(flat.conn, SOCIETY, "2026-07", NOW)
    assert closed.numbers[0].quantity == kwh(10 * 31 * 24)


def test_dropping_raw_data_leaves_the_old_months(site: Site) -> None:
    site.units(unit_line("A-1204", "1", since="2025-01-01"))
    first, last = local("2025-03-20 00:00"), local("2026-08-05 00:00")
    site.deliver("1", every(first, last, 1000, 10, DAY / 2))
    refresh(site.conn, NOW)
    days, months = (
        "SELECT * FROM reading_day ORDER BY 1, 2",
        "SELECT * FROM reading_month ORDER BY 2",
    )
    before = site.all(days), site.all(months)
    assert len(before[1]) == 18
    keep_months(site.conn, 13)
    assert upkeep(site.conn, NOW).dropped > 0
    line = local("2025-06-01 00:00")  # the 00:00 of it closes May
    assert kept(site.conn) == (13, line)
    plain = open_store(site.conn).tables == "partitions"
    oldest = site.one("SELECT min(ts) FROM reading")
    assert oldest > line if plain else oldest > line - 7 * DAY
    assert (site.all(days), site.all(months)) == before

    refresh(site.conn, NOW)
    assert (site.all(days), site.all(months)) == before
    if plain:
        make_partitions(site.conn, StoreCache(), [int(local("2025-04-10 06:00").timestamp())])
    channel = site.one("SELECT channel_id FROM channel")
    site.conn.execute(
        "INSERT INTO reading VALUES (%s, %s, 5, NULL, 1)", (channel, local("2025-04-10 06:00"))
    )
    for day in ("2025-04-10", "2025-05-31", "2025-06-01"):
        site.conn.execute("INSERT INTO dirty (day, channels) VALUES (%s, %s)", (day, [channel]))
    refresh(site.conn, NOW)
    assert site.one("SELECT count(*) FROM dirty") == 0
    assert (site.all(days), site.all(months)) == before

    with pytest.raises(RecomputeRefused, match="no longer keeps all readings"):
        recompute(site.conn, date(2025, 4, 10), date(2025, 5, 31), NOW)
    again = recompute(site.conn, date(2025, 3, 1), date(2026, 8, 5), NOW)
    assert (again.first, again.cut) == (date(2025, 6, 1), True)
    assert (again.days_changed, again.months_changed) == (0, 0)
    assert (site.all(days), site.all(months)) == before

    upkeep(site.conn, NOW)
    assert site.one("SELECT min(ts) FROM reading") == oldest
    assert (site.all(days), site.all(months)) == before
    assert close_month(site.conn, SOCIETY, "2025-07", NOW).numbers[0].quantity == kwh(10 * 2 * 31)


def test_a_late_reading_among_dropped_ones_shrinks_no_rollup(site: Site) -> None:
    site.units(*(unit_line(f"A-{n}", n, since="2026-01-01") for n in "12"))
    first = local("2026-02-01 00:00")
    for serial in "12":
        site.deliver(serial, every(first + 6 * HOUR, first + 28 * DAY, 1000, 10, 6 * HOUR))
    refresh(site.conn, NOW)
    days = "SELECT * FROM reading_day ORDER BY 1, 2"
    months = "SELECT * FROM reading_month ORDER BY 1, 2"
    before = site.all(days), site.all(months)
    assert [row[6] for row in before[1]] == [112, 112]
    border = local("2026-02-20 00:00")
    if open_store(site.conn).tables == "hypertable":
        site.conn.execute("SELECT drop_chunks('reading', older_than => %s)", (border,))
    else:
        site.conn.execute("DELETE FROM reading WHERE ts <= %s", (border,))
    left = site.one("SELECT count(*) FROM reading")
    assert 0 < left < 224
    oldest = site.one("SELECT min(ts) FROM reading")
    late = [oldest - 9 * DAY + HOUR, oldest - HOUR, oldest + HOUR]
    site.deliver("1", [(at, 991 + 10 * ((at - first) // (6 * HOUR))) for at in late])
    refresh(site.conn, NOW)
    assert site.one("SELECT count(*) FROM dirty") == 0
    after = site.all(days), site.all(months)
    changed = [
        (was[:2], was[6], now[6])
        for was, now in zip(before[0], after[0], strict=True)
        if was != now
    ]
    day = (oldest - MICROSECOND).astimezone(ZONE).date()
    assert [(key[1], *counts) for key, *counts in changed] == [(day, 4, 6)]
    assert [row[6] for row in after[1]] == [114, 112]


def test_a_read_older_than_retention_is_refused(site: Site) -> None:
    site.units(unit_line("A-1204", "1", since="2025-01-01"))
    site.deliver("1", every(local("2025-05-01 00:00"), NOW, 1000, 10, DAY))
    keep_months(site.conn, 13)
    upkeep(site.conn, NOW)
    line = local("2025-06-01 00:00")
    before = site.all("SELECT * FROM reading ORDER BY 1, 2")

    late = [(line - 12 * HOUR, 7), (line, 8), (line + HOUR, 9)]
    payload = site.gateway.seal(block_line("1", late))
    done = commit(site.conn, [site.verdict(payload, NOW)])
    assert (done.batches, done.new, done.quarantined, len(done.streams)) == (1, 1, 1, 1)
    assert site.one("SELECT reason FROM quarantine") == "too_old"
    assert "from when on readings are kept" in site.one("SELECT detail FROM quarantine")
    (stream,) = done.streams
    assert stored_ranges(site.conn, stream.gateway_id, stream.stream)[-1][1] == 2
    assert site.one("SELECT count(*) FROM reading") == len(before) + 1

    channel = site.one("SELECT channel_id FROM channel")
    for at in (line, line - HOUR):
        edit = NewReading(channel, int(at.timestamp()), 5, None, Origin.EDIT)
        with pytest.raises(UserError, match="older than what the store keeps"):
            store_readings(site.conn, [edit], source="an operator", at=NOW)
    with pytest.raises(UserError, match="older than what the store keeps"):
        self_read(
            site.conn,
            SOCIETY,
            NamedMeter("A-1204", Service.ELECTRICITY),
            value=Decimal("0.9"),
            at=line - HOUR,
            by="a resident",
            now=NOW,
            force_because="the gateway was away",
        )
    file = site.folder / "registers.csv"
    file.write_text(
        "manufacturer,serial,obis,unit,scaler,ts,raw\n"
        f"{MAKER},1,1.0.1.8.0.255,Wh,0,2025-05-31T23:00,9\n"
    )
    with pytest.raises(ImportRefused, match="nothing was imported") as caught:
        import_history(site.conn, SOCIETY, file, NOW)
    assert "older than what the store keeps" in caught.value.lines[0]
    assert site.one("SELECT count(*) FROM reading") == len(before) + 1
    assert site.one("SELECT (SELECT count(*) FROM self_read) + count(*) FROM history_import") == 0
    for month in ("2025-05", "2025-06"):
        with pytest.raises(
            UserError, match=f"{month} cannot be closed: readings are kept from 2025-06-01 on"
        ):
            close_month(site.conn, SOCIETY, month, NOW)
