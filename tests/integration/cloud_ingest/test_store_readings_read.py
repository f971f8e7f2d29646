# SPDX-License-Identifier: MIT
"""What is read from the store: right, through an index, of one society; on both editions."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.core.month import Month, local_days, month_of
from cloud_ingest.core.unit_list import COLUMNS
from cloud_ingest.entries.epochs import add_epoch
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.unit_import import import_units
from cloud_ingest.errors import NotFound, ReadRefused
from cloud_ingest.operate.upkeep import keep_months, upkeep
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store import readings_read
from cloud_ingest.store.connection import Connection, query
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.readings_read import Gap
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.rollups_read import RegisterMonth
from cloud_ingest.store.suspects import BESIDE
from cloud_ingest.usage import balances
from cloud_ingest.usage import so_far as usage
from cloud_ingest.views.completeness import completeness, missing
from cloud_ingest.views.load_curve import Curve, Point, load_curve
from shared_schema.catalogue import ACTIVE_IMPORT_INTERVAL, Service, Unit
from shared_schema.obis import Obis
from shared_schema.readings import Column
from tests.support.fill import fill
from tests.support.gateway import MAKER
from tests.support.pages import block
from tests.support.plans import nodes, parts_of, scans
from tests.support.store import IMPORTED_AT, SOCIETY, ZONE, Site, every, kwh, local, unit_line

JULY = month_of(2026, 7, ZONE)
DAY, HOUR, QUARTER = timedelta(days=1), timedelta(hours=1), timedelta(minutes=15)
NOW = local("2026-08-20 09:00")
INTERVAL_WH = Column(obis=ACTIVE_IMPORT_INTERVAL, scaler=0, unit=Unit.WATT_HOUR)
VOLTAGE = Column(obis=Obis.parse("1.0.12.7.0.255"), scaler=-1, unit=Unit.VOLT)
UNPLANNED = {
    "rollup/days_lost": "all readings of the refreshed days, which the refresh reads anyway",
    "rollup/disagreement": "it holds a month against every reading of it",
    "reading/any_before": "a person recomputes; the first row ends it, no index begins with a time",
    "reading/oldest": "a person recomputes, and nothing is kept of before the range",
}
"""Queries that may scan the readings, and why."""


def society(site: Site) -> int:
    return find_society(site.conn, SOCIETY)


def of(site: Site, subject: str, month: Month = JULY) -> list[usage.DayUsage]:
    return usage.day_usage(
        site.conn, society(site), month, ZONE, subject_type="unit", subject=subject
    )


def reading_queries() -> set[str]:
    """Return the names of the queries that look for readings."""
    looks = re.compile(r"\b(FROM|JOIN|UPDATE)\s+(metering\.)?reading\b", re.IGNORECASE)
    folders = files("cloud_ingest.store").joinpath("queries").iterdir()
    return {
        f"{folder.name}/{text.name.removesuffix('.sql')}"
        for folder in folders
        if folder.is_dir()
        for text in folder.iterdir()
        if looks.search(re.sub(r"--.*", "", text.read_text(encoding="utf-8")))
    }


def test_no_query_scans_the_readings(conn: Connection) -> None:
    fill(conn, "Other", 100, date(2026, 6, 1), days=70, dense=2)
    fill(conn, SOCIETY, 200, date(2026, 6, 1), days=70, dense=2)
    own = find_society(conn, SOCIETY)
    channel = conn.execute("SELECT max(channel_id) FROM channel").fetchone()
    assert channel is not None
    reading = parts_of(conn, "reading")
    codes = {"electricity": "1.0.1.8.0.255", "water": "8.0.1.0.0.255"}
    billed = {
        "services": ["electricity"],
        "codes": [codes["electricity"]],
        "units": [int(Unit.WATT_HOUR)],
        "most_scaler": 9,
        "period_s": 900,
    }
    days = local_days(JULY, ZONE)
    span = {"start": JULY.start, "end": JULY.end, "first": JULY.first, "last": date(2026, 7, 31)}
    nobody = {"society_id": own, "subject_type": None, "subject": None, "subjects": None}
    one = {"society_id": own, "subject_type": "unit", "subject": "U-7", "subjects": ["U-7"]}
    border = {"starts": [JULY.end - QUARTER], "ends": [JULY.end]}
    windows = {
        "channels": [channel[0]],
        "periods_s": [900],
        "start": JULY.end - QUARTER,
        "end": JULY.end,
        **border,
    }
    month = {**span, **codes, "previous": date(2026, 6, 1)}
    due = {
        **span,
        "days": [day for day, _, _ in days],
        "starts": [start for _, start, _ in days],
        "ends": [end for _, _, end in days],
        "until": JULY.end,
        "codes": list(codes.values()),
    }
    rollups_alone = {
        "rollup/register_months": [{**month, **nobody}, {**month, **one}],
        "rollup/last_of_days": [{**span, "channels": [channel[0]]}],
        "rollup/month_intervals": [{"month": JULY.first, "channels": [channel[0]]}],
        "rollup/completeness": [{**due, **nobody}, {**due, **one}],
        "assignment/between": [{**span, **one, "tower": None, "checks": "without"}],
        "assignment/not_rolled_up": [{**span, **one, **billed}],
    }
    for name, asked in rollups_alone.items():
        for parameters in asked:
            plan = nodes(conn, name, parameters)
            assert not scans(plan, reading), name
            assert len(scans(plan, {"assignment_version"})) <= 1, name
    pruned = {
        "reading/last_in_windows": windows,
        "reading/first_in_windows": windows,
        "reading/gaps": windows,
        "reading/by_hand": windows,
        "reading/intervals_in": windows,
        "reading/interval_sums": windows,
        "validation/claims": windows,
        "validation/intervals": windows,
        "reading/interval_steps": {
            "channel": channel[0],
            "start": JULY.end - HOUR,
            "end": JULY.end,
            "origin": JULY.end - HOUR,
            "step_s": 900,
        },
        "dial/rows_beside": {
            "channels": [channel[0]],
            "moments": [JULY.end],
            "reach": HOUR,
            "start": JULY.end - HOUR,
            "end": JULY.end + HOUR,
        },
        "flag/around_silences": {
            "failures": [1],
            "meters": [1],
            "since": [JULY.end - HOUR],
            "until": [JULY.end],
            "first": JULY.end - HOUR,
            "last": JULY.end,
            "registers": list(codes.values()),
        },
        "flag/newest_volts": {
            "since": JULY.end - HOUR,
            "until": JULY.end,
            "now": JULY.end,
            "newest": 3,
            "volt": 35,
            "phases": ["1.0.32.7.0.255", "1.0.52.7.0.255", "1.0.72.7.0.255"],
            "third": "1.0.72.7.0.255",
        },
        "flag/readings_between": {
            "channels": [channel[0]],
            "after": [local("2026-08-09 00:00")],
            "until": [local("2026-08-10 00:00")],
            "first": local("2026-08-09 00:00"),
            "last": local("2026-08-10 00:00"),
        },
    }
    for name, parameters in pruned.items():
        found = scans(nodes(conn, name, parameters), reading)
        assert found, name
        assert all(node["Node Type"] != "Seq Scan" for node in found), name
        assert len({node["Relation Name"] for node in found}) <= 2, name  # of all its chunks
    newest: dict[str, Mapping[str, object] | Sequence[object]] = {
        "reading/latest": {**one, **codes, "now": NOW},
        "reading/newest_channel": ([1, 2, channel[0]],),
        "reading/newest_of_meter": {"meter_id": 1, "obis": codes["electricity"]},
        "reading/neighbours": {"channels": [1, 2, channel[0]], "at": local("2026-07-20 12:00")},
    }
    written = {
        **border,
        "first": 0,
        "last": JULY.end.timestamp(),
        "at": NOW,
        "source": "test",
        "codes": list(codes.values()),
    }
    billed = {
        "start": local("2026-06-19 00:00"),
        "end": local("2026-08-21 00:00"),
        "beside": BESIDE,
        "codes": list(codes.values()),
        "units": [30, 13],
        "exponents": [-3, 0],
        "max_scaler": 9,
    }
    stored = {
        **billed,
        "most_per_s": [0.02, 0.002],
        "units_of_a_tower": 200,
        "electricity": codes["electricity"],
        "w_per_a": 264,
        "channels": [channel[0]],
        "firsts": [int(local("2026-07-20 00:00").timestamp())],
        "lasts": [int(local("2026-07-21 00:00").timestamp())],
        "counts": [97],
        "fastest": [0.01],
    }
    judged = {
        **billed,
        "meters": [1],
        "obis": [codes["electricity"]],
        "ceilings": [20.0],
        "starts": [local("2026-07-20 00:00")],
        "ends": [local("2026-07-21 00:00")],
        "meter": 1,
        "zone": ZONE.key,
    }
    by_key: dict[str, Mapping[str, object] | Sequence[object]] = {
        "reading/incoming_conflicts": written,
        "reading/incoming_elect": written,
        "reading/incoming_restate": written,
        "reading/elect": (1, 0, None, channel[0], JULY.end),
        "reading/said_at": {"ids": [channel[0]], "raws": [1], "at": JULY.end},
        "validation/take_away": (channel[0], JULY.end),
        "validation/disturbed": stored,
        "validation/suspects": judged,
    }
    marked = {"channels": [1, 2], "days": [JULY.first] * 2, "zone": ZONE.key}
    portable = {
        "rollup/day_recompute": marked,
        "rollup/day_forget_set_aside": marked,
        "rollup/day_forget": {**span, "channels": [1, 2], "zone": ZONE.key},
    }
    conn.execute(query("reading/incoming_make"))
    used = portable if open_store(conn).rollups == "portable" else {}
    for name, values in {**newest, **by_key, **used}.items():
        found = scans(nodes(conn, name, values), reading)
        leaves = [node for node in found if node["Node Type"] not in {"Custom Scan", "ModifyTable"}]
        assert leaves, name
        for node in leaves:
            assert node["Node Type"] in {"Index Scan", "Index Only Scan"}, name
            assert node["Index Cond"].startswith(("(channel_id =", "((channel_id =")), name
    assert {*pruned, *newest, *by_key, *portable, *UNPLANNED} == reading_queries()
    (unit,) = scans(nodes(conn, "rollup/register_months", {**month, **one}), {"assignment_version"})
    assert unit["Index Name"] == "assignment_subject"
    probes = [
        node
        for node in nodes(conn, "rollup/register_months", {**month, **one})
        if "channel_id" in node.get("Index Cond", "")
    ]
    assert len(probes) >= 2  # this month and the one before, by channel


def test_a_month_is_the_sum_of_its_days(site: Site) -> None:
    site.units(unit_line("A-1204", "1"))
    start = local("2026-06-28 00:00")
    rows = [
        row
        for row in every(start, local("2026-08-03 00:00"), 1000, 7, HOUR)
        if not local("2026-07-10 05:00") < row[0] < local("2026-07-13 05:00")
    ]
    site.deliver("1", rows)
    refresh(site.conn, NOW)
    (found,) = of(site, "A-1204")
    assert found.month.quantity == kwh(7 * 31 * 24) == sum(found.days.values())
    assert (found.month.since, found.month.until) == (JULY.start, JULY.end)
    assert date(2026, 7, 11) not in found.days
    assert found.days[date(2026, 7, 13)] == kwh(7 * (72 + 24 - 5))  # with what fell into the gap
    assert usage.month_usage(site.conn, society(site), JULY) == [found.month]


def test_days_of_a_voltage_are_read_as_the_page_says(site: Site) -> None:
    site.units(unit_line("A-1", "S-1"))
    rows = [(local("2026-07-05 01:00") + n * HOUR, raw) for n, raw in enumerate((2290, 2310, 2330))]
    site.deliver("S-1", rows, column=VOLTAGE)
    refresh(site.conn, NOW)
    (day,) = site.all(block("reference/sql.md", "sql"))
    assert day == (date(2026, 7, 5), 3, Decimal(229), Decimal(233), Decimal(231))


def test_epochs_count_and_a_fall_does_not(site: Site) -> None:
    site.units(unit_line("A-1204", "1"))
    turn = local("2026-07-10 00:00")
    site.deliver("1", every(local("2026-06-30 00:00"), turn, 900_000, 100, HOUR))
    site.deliver("1", every(turn + HOUR, local("2026-08-02 00:00"), 20, 100, HOUR))
    refresh(site.conn, NOW)
    assert of(site, "A-1204")[0].month.quantity is None
    adds = Decimal(900_000 + 240 * 100 + 80) / 1000
    add_epoch(
        site.conn, SOCIETY, NamedMeter("A-1204", Service.ELECTRICITY),
        starts_at=turn + HOUR, adds=adds, reason="reset", by="caretaker", now=NOW,
    )  # fmt: skip
    (found,) = of(site, "A-1204")
    assert found.month.quantity == kwh(100 * 31 * 24) == sum(found.days.values())


def test_a_meter_that_is_replaced_counts_where_it_hangs(site: Site) -> None:
    change = "2026-07-10 14:30"
    site.units(
        unit_line("A-1204", "1", until=change),
        unit_line("A-1204", "2", since=change),
        unit_line("A-1205", "1", since=change),
    )
    for serial, first in (("1", 1000), ("2", 50)):
        rows = every(local("2026-06-30 00:00"), local("2026-08-02 00:00"), first, 4, 2 * QUARTER)
        site.deliver(serial, rows)
    refresh(site.conn, NOW)
    ends = [(row.month.since, row.month.until) for row in of(site, "A-1204")]
    assert ends == [(JULY.start, local(change)), (local(change), JULY.end)]
    assert sum(row.month.quantity or 0 for row in of(site, "A-1204")) == kwh(2 * 31 * 96)
    for row in (*of(site, "A-1204"), *of(site, "A-1205")):
        assert row.month.quantity == sum(row.days.values())
    assert of(site, "A-1205")[0].month.since == local(change)


def test_another_society_is_not_seen(site: Site) -> None:
    site.units(unit_line("A-1204", "1"))
    path = site.folder / "other.csv"
    path.write_text(f"{','.join(COLUMNS)}\n{unit_line('A-1204', '1')}\n", encoding="utf-8")
    import_units(site.conn, "Other", path, now=IMPORTED_AT)
    site.deliver("1", every(local("2026-06-30 00:00"), local("2026-08-02 00:00"), 0, 5, HOUR))
    refresh(site.conn, NOW)
    other = find_society(site.conn, "Other")
    (row,) = usage.month_usage(site.conn, other, JULY)
    assert row.quantity is None
    assert (row.since, row.until) == (None, None)
    assert [line.at for line in readings_read.latest(site.conn, other, NOW)] == [None]
    with pytest.raises(NotFound):
        completeness(site.conn, other, JULY, ZONE, NOW, subject_type="unit", subject="A-1204")


def test_the_curve_of_registers_and_of_intervals(site: Site) -> None:
    site.units(unit_line("A-1204", "1"), unit_line("A-1205", "2"))
    start, end = local("2026-07-03 00:00"), local("2026-07-04 00:00")
    gap = local("2026-07-03 10:00")
    site.deliver("1", [row for row in every(start, end, 500, 3) if row[0] != gap])
    intervals = [(at, 10 + n) for n, (at, _) in enumerate(every(start + QUARTER, end, 0, 0))]
    site.deliver("2", [row for row in intervals if row[0] != gap], column=INTERVAL_WH)

    def curve(subject: str, step: timedelta) -> Curve:
        (found,) = load_curve(
            site.conn, society(site), subject, Service.ELECTRICITY, start=start, end=end, step=step
        )
        return found

    hourly = curve("A-1204", HOUR)
    assert hourly.basis == "registers"
    assert [p.quantity for p in hourly.points] == [
        *[kwh(12)] * 9, kwh(9), kwh(15), *[kwh(12)] * 13,  # 10:00 is met by 09:45
    ]  # fmt: skip
    quarters = curve("A-1204", QUARTER)
    assert [n for n, p in enumerate(quarters.points) if p.quantity is None] == [39, 40]
    assert quarters.points[39][:2] == (gap - QUARTER, gap)
    assert {p.quantity for p in quarters.points} == {kwh(3), None}
    hourly = curve("A-1205", HOUR)
    assert hourly.basis == "intervals"
    assert hourly.points[9].quantity is None
    assert hourly.points[0].quantity == kwh(10 + 11 + 12 + 13)
    assert [p.quantity is None for p in hourly.points].count(True) == 1
    for step, until in ((QUARTER, start + 40 * DAY), (HOUR, start), (timedelta(minutes=7), end)):
        with pytest.raises(ReadRefused):
            load_curve(
                site.conn, society(site), "A-1204", Service.ELECTRICITY,
                start=start, end=until, step=step,
            )  # fmt: skip


def test_what_is_missing(site: Site) -> None:
    site.units(unit_line("A-1204", "1"), unit_line("A-1205", "2", since="2026-07-10 12:00"))
    first, last = local("2026-07-05 02:00"), local("2026-07-06 03:30")
    rows = every(JULY.start + QUARTER, local("2026-07-11 00:00"), 0, 5)
    site.deliver("1", [row for row in rows if not first < row[0] < last])
    site.deliver("2", [row for row in rows if row[0] > local("2026-07-10 12:00")])
    refresh(site.conn, NOW)
    until = local("2026-07-11 00:00")
    found = completeness(site.conn, society(site), JULY, ZONE, until)
    assert [(one.subject, one.expected, one.present) for one in found] == [
        ("A-1204", 960, 960 - 101),
        ("A-1205", 48, 48),
    ]
    assert [day for day, _, _ in found[0].lacking] == [date(2026, 7, 5), date(2026, 7, 6)]
    assert missing(site.conn, found, ZONE, until) == [(found[0].channel_id, first, last)]
    late = completeness(site.conn, society(site), JULY, ZONE, until + HOUR)
    assert (found[1].channel_id, until, until + HOUR) in missing(
        site.conn, late, ZONE, until + HOUR
    )


def test_each_side_of_a_handover_counts_its_own_quarters(site: Site) -> None:
    handed = "2026-07-10T14:37"
    site.units(
        unit_line("A-1", "1", until=handed),
        unit_line("A-2", "1", since=handed),
        unit_line("A-3", "3", until="2026-07-01T00:10"),
    )
    rows = every(JULY.start + QUARTER, JULY.end, 0, 5)
    lost = (local("2026-07-04 12:00"), local("2026-07-20 12:00"), local("2026-07-20 12:15"))
    kept = [row for row in rows if row[0] not in lost]
    for some in (kept[:2_000], kept[2_000:]):
        site.deliver("1", some)
    site.deliver("3", rows[:1])
    refresh(site.conn, NOW)
    found = completeness(site.conn, society(site), JULY, ZONE, local("2026-07-31 23:59"))
    # 14:37 is 58 whole quarters of the 10th for A-1; 9 h 23 min leave 37 for A-2; 23:59 takes one.
    assert [(one.subject, one.expected, one.present) for one in found] == [
        ("A-1", 9 * 96 + 58, 9 * 96 + 58 - 1),
        ("A-2", 37 + 21 * 96 - 1, 37 + 21 * 96 - 1 - 2),
    ]
    assert [one.lacking for one in found] == [
        ((date(2026, 7, 4), 96, 95),),
        ((date(2026, 7, 20), 96, 94),),
    ]
    assert {(one.manufacturer, one.serial, one.valid_to) for one in found} == {
        (MAKER, "1", local("2026-07-10 14:37")),
        (MAKER, "1", None),
    }


def test_dropped_readings_are_refused_and_not_missing(site: Site, store_dsn: str) -> None:
    site.units(unit_line("A-1204", "1", since="2025-01-01"), unit_line("A-1205", "2"))
    start, line = local("2025-05-01 00:00"), local("2025-06-01 00:00")
    rows = every(start, local("2025-07-01 00:00"), 1000, 10, HOUR)
    gap = local("2025-05-05 10:00")
    site.deliver("1", [row for row in rows if row[0] != gap], period_s=3600)
    refresh(site.conn, NOW)
    may, june = month_of(2025, 5, ZONE), month_of(2025, 6, ZONE)

    def curve(begin: datetime, end: datetime) -> tuple[Point, ...]:
        (found,) = load_curve(
            site.conn, society(site), "A-1204", Service.ELECTRICITY, start=begin, end=end, step=HOUR
        )
        return found.points

    def gaps_of(month: Month) -> list[Gap]:
        found = completeness(site.conn, society(site), month, ZONE, month.end)
        return missing(site.conn, found, ZONE, month.end)

    channel = site.one("SELECT channel_id FROM channel")
    assert curve(start, line)[200].quantity == kwh(10)
    assert gaps_of(may) == [(channel, gap - HOUR, gap + HOUR)]
    keep_months(site.conn, 13)
    upkeep(site.conn, NOW)
    since = "readings are kept from 2025-06-01 on"
    for begin in (start, line - HOUR):
        with pytest.raises(ReadRefused, match=since):
            curve(begin, line)
    with pytest.raises(ReadRefused, match=since):
        gaps_of(may)
    for words in (("usage", "A-1204", "--curve"), ("completeness", "--gaps")):
        told = CliRunner().invoke(
            app, [*words, "--month", "2025-05", "--society", SOCIETY, "--dsn", store_dsn]
        )
        assert (told.exit_code, len(told.output.splitlines())) == (2, 1)
        assert since in told.output
    assert {point.quantity for point in curve(line, local("2025-07-01 00:00"))[1:]} == {kwh(10)}
    assert gaps_of(june) == []
    (counts,) = completeness(site.conn, society(site), may, ZONE, may.end)
    assert (counts.expected, counts.present) == (744, 743)


def test_a_tower_is_held_against_its_bulk_meter(site: Site) -> None:
    site.units(
        unit_line("A-1204", "1"),
        unit_line("A-1205", "2"),
        unit_line("Lift", "3", kind="common"),
        unit_line("Bulk", "4", kind="bulk"),
    )
    for serial, step in (("1", 10), ("2", 20), ("3", 5), ("4", 40)):
        rows = every(local("2026-06-30 00:00"), local("2026-08-02 00:00"), 0, step, HOUR)
        if serial == "2":
            rows = [r for r in rows if not local("2026-07-04 00:00") < r[0] <= local("2026-07-05")]
        site.deliver(serial, rows)
    refresh(site.conn, NOW)
    usages = usage.day_usage(site.conn, society(site), JULY, ZONE)
    ((tower, service, _, month),) = balances.month_balances(row.month for row in usages)
    assert (tower, service) == ("Tower 1", Service.ELECTRICITY)
    assert (month.bulk, month.units) == (kwh(40 * 744), kwh(30 * 744))
    assert (month.common, month.loss) == (kwh(5 * 744), kwh(5 * 744))
    days = {row.day: row.balance for row in balances.day_balances(usages, ZONE)}
    assert days[date(2026, 7, 2)].loss == kwh(5 * 24)
    assert (days[date(2026, 7, 4)].loss, days[date(2026, 7, 4)].units_known) == (None, 1)
    assert sum(day.units for day in days.values()) == month.units


def test_the_commands_show_what_was_read(site: Site, store_dsn: str) -> None:
    site.units(unit_line("A-1204", "1"), unit_line("Bulk", "4", kind="bulk"))
    for serial, step in (("1", 10), ("4", 12)):
        site.deliver(
            serial, every(local("2026-06-30 00:00"), local("2026-08-02 00:00"), 0, step, HOUR)
        )
    refresh(site.conn, NOW)

    def run(*words: str) -> str:
        told = CliRunner().invoke(app, [*words, "--society", SOCIETY, "--dsn", store_dsn])
        assert told.exit_code == 0, told.output
        return told.output

    assert "7.440" in run("usage", "A-1204", "--month", "2026-07")
    days = json.loads(run("usage", "A-1204", "--month", "2026-07", "--days", "--json"))
    assert days["meters"][0]["quantity"] == "7.440"
    assert days["meters"][0]["days"]["2026-07-05"] == "0.240"
    curve = json.loads(
        run("usage", "A-1204", "--month", "2026-07", "--curve", "--step", "1440", "--json")
    )
    assert [point["quantity"] for point in curve["curves"][0]["points"]] == ["0.240"] * 31
    assert "0.240" in run("usage", "A-1204", "--month", "2026-07", "--curve", "--step", "1440")
    towers = json.loads(run("towers", "--month", "2026-07", "--json"))
    assert towers["towers"][0]["loss"] == "1.488"
    assert "1.488" in run("towers", "--month", "2026-07")
    assert "0.048" in run("towers", "--month", "2026-07", "--days")
    lacking = json.loads(run("completeness", "--month", "2026-07", "--gaps", "--json"))
    assert {one["expected"] for one in lacking["channels"]} == {2976}
    assert lacking["gaps"][0]["start"] < lacking["gaps"][0]["end"]
    assert "A-1204" in run("completeness", "--month", "2026-07", "--unit", "A-1204")
    for words in (("Z-9",), ("A-1204", "--step", "30"), ("A-1204", "--service", "water")):
        asked = ["usage", *words, "--month", "2026-07", "--society", SOCIETY, "--dsn", store_dsn]
        assert CliRunner().invoke(app, asked).exit_code == 2, words


moments = st.integers(0, 70 * 24).map(lambda n: local("2026-06-10 00:00") + n * HOUR)


@given(
    st.lists(st.tuples(moments, st.integers(0, 100)), unique_by=lambda row: row[0], max_size=6),
    moments,
    st.none() | moments,
)
def test_usage_from_rollups_equals_usage_from_ends(
    readings: list[tuple[datetime, int]], valid_from: datetime, valid_to: datetime | None
) -> None:
    if valid_from >= JULY.end or (valid_to is not None and valid_to <= max(valid_from, JULY.start)):
        return
    before = max((r for r in readings if r[0] <= JULY.start), default=(None, None))
    inside = [r for r in readings if JULY.start < r[0] <= JULY.end]
    first, last = min(inside, default=(None, None)), max(inside, default=(None, None))
    row = RegisterMonth(
        1, None, "unit", "A", "electricity", "grid", valid_from, valid_to, MAKER, "1", 1, 30, 0, 1,
        900, before[1], before[0], first[1], first[0], last[1], last[0], False, 1,
    )  # fmt: skip
    quick = usage.usage_from_rollup(row)
    ends = usage.ends_of([row], JULY)
    if quick is not None:
        assert not ends.last_in
        measured = usage.measured_of(ends, {})
        assert measured.opening is not None
        assert measured.closing is not None
        assert quick[1:] == (
            measured.opening.ts,
            measured.opening.value,
            measured.closing.ts,
            measured.closing.value,
            measured.quantity,
        )
