# SPDX-License-Identifier: MIT
"""A treasurer's notebook: its past months as imported history, and a month beside ours."""

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cloud_ingest.cli.command_line import app
from cloud_ingest.core.month import parse_month
from cloud_ingest.core.notebook_table import Who
from cloud_ingest.core.notebook_ways import Cause
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.notebook import Flats, Way, import_notebook, read_notebook
from cloud_ingest.entries.self_read import self_read
from cloud_ingest.errors import ImportRefused
from cloud_ingest.month.close import close_month
from cloud_ingest.month.parallel import compare
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.registry import find_society
from shared_schema.catalogue import Service
from tests.support.store import SOCIETY, ZONE, Site, every, local, unit_line

HOUR = timedelta(hours=1)
NOW = local("2026-07-21 09:00")
START = local("2026-05-25 00:00")
ELECTRICITY = Service.ELECTRICITY
READINGS = "SELECT ts, raw, origin FROM reading ORDER BY channel_id, ts"


@pytest.fixture
def tower(site: Site) -> Site:
    """Flats whose gateway reads them since 25 May, 0.3 kWh an hour and more."""
    site.units(*(unit_line(f"A-10{n}", str(n)) for n in range(1, 5)))
    for number in range(1, 5):
        rows = every(START, local("2026-07-10 00:00"), 1_000_000 * number, 100 + 200 * number, HOUR)
        site.deliver(str(number), rows, period_s=3600)
    refresh(site.conn, NOW)
    return site


def notebook(site: Site, *lines: str, name: str = "notebook.csv") -> Path:
    path = site.folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def take(site: Site, path: Path, *, apply: bool = True, way: Way | None = None) -> tuple[int, ...]:
    done = import_notebook(site.conn, SOCIETY, path, way or Way(ELECTRICITY), NOW, apply=apply)
    return done.rows, done.new, done.duplicates, done.conflicts


def command(dsn: str, *words: str | Path) -> Result:
    text = [str(word) for word in words]
    return CliRunner().invoke(
        app, ["notebook", *text, "--dsn", dsn, "--society", SOCIETY], env={"COLUMNS": "80"}
    )


def test_a_flat_of_the_named_tower_is_meant(site: Site) -> None:
    site.units(unit_line("101", "1", tower="A"), unit_line("B-101", "2", tower="Tower B"))
    flats = Flats(site.conn, find_society(site.conn, SOCIETY), ELECTRICITY)
    assert flats.subject_of(Who("101", "Wing A")) == "101"
    assert flats.subject_of(Who("101", "B")) == "B-101"
    assert flats.subject_of(Who("101")) == "101"


def test_a_label_as_it_stands_is_that_flat(site: Site) -> None:
    site.units(unit_line("1-101", "1"), unit_line("11-01", "2"))
    flats = Flats(site.conn, find_society(site.conn, SOCIETY), ELECTRICITY)
    assert [flats.subject_of(Who(text)) for text in ("1-101", "11-01", "1101")] == [
        "1-101",
        "11-01",
        None,
    ]


def test_a_meter_of_another_flat_takes_no_reading(tower: Site) -> None:
    lines = ("Flat,Meter No.,1/4/26", "A-101,2,700")
    with pytest.raises(ImportRefused) as caught:
        take(tower, notebook(tower, *lines))
    assert "meter 2 did not serve A-101" in str(caught.value.lines)


def test_a_column_of_another_service_is_not_taken(tower: Site) -> None:
    lines = ("Flat,Water Reading 1/4/26", "A-101,700")
    with pytest.raises(ImportRefused) as caught:
        take(tower, notebook(tower, *lines))
    assert "is of water, not electricity" in str(caught.value.lines)


def test_two_readings_of_a_day_are_not_compared(tower: Site) -> None:
    path = notebook(
        tower, "Flat,Date,Reading", "A-101,1/6/26,9", "A-101,1/6/26,8", "A-101,1/7/26,9",
        "A-102,1/6/26,2067", "A-102,1/7/26,2427",
    )  # fmt: skip
    found = compare(
        tower.conn, find_society(tower.conn, SOCIETY), read_notebook(path), Way(ELECTRICITY),
        month=parse_month("2026-06", ZONE), zone=ZONE,
    )  # fmt: skip
    assert [line.unit for line in found.lines] == ["A-102"]
    assert "it is not compared" in found.faults[0]


PAST = (
    "Lake View CHS,,,",
    ",,,",
    "Flat No.,1/3/26,1 Apr 2026,01-05-2026",
    'A 101 ,700,"0,800",900',
    "a-102,1500,१६००,-",
    "Total,2200,2400,900",
)


def test_past_months_become_imported_history(tower: Site) -> None:
    path = notebook(tower, *PAST)
    before = tower.all(READINGS)
    assert take(tower, path, apply=False) == (5, 0, 0, 0)
    assert tower.all(READINGS) == before
    assert take(tower, path) == (5, 5, 0, 0)
    assert take(tower, path) == (5, 0, 5, 0)
    assert tower.all("SELECT ts, raw FROM reading WHERE origin = 3 ORDER BY ts, raw") == [
        (local("2026-03-01 00:00"), 700_000),
        (local("2026-03-01 00:00"), 1_500_000),
        (local("2026-04-01 00:00"), 800_000),
        (local("2026-04-01 00:00"), 1_600_000),
        (local("2026-05-01 00:00"), 900_000),
    ]
    assert tower.all("SELECT file, rows FROM history_import") == [("notebook.csv", 5)]
    (number,) = [
        each
        for each in close_month(tower.conn, SOCIETY, "2026-03", NOW).numbers
        if each.subject.id == "A-101"
    ]
    assert f"{number.quantity:f}" == "100.000"


def test_the_meter_s_own_reading_stays(tower: Site) -> None:
    assert take(tower, notebook(tower, "Flat,1/6/26", "A-101,1049")) == (1, 0, 0, 1)
    at = local("2026-06-01 00:00")
    assert tower.one("SELECT origin FROM reading WHERE ts = %s AND raw < 2000000", at) == 1


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (("A-101,7", "A-999,8"), "B3: no unit 'A-999' has electricity: there is A-10"),
        (("A-101,7", "A-102,12.3456"), "B3: A-102: value '12.3456' is finer than 0.001 kWh"),
        (("A-101,7", "A-102,closed"), "B3: 'closed' is no reading of A-102"),
    ],
)
def test_nothing_of_a_bad_notebook_is_taken(tower: Site, lines: tuple[str, ...], says: str) -> None:
    before = tower.all(READINGS)
    with pytest.raises(ImportRefused) as caught:
        take(tower, notebook(tower, "Flat,1/3/26", *lines))
    assert "1 bad cell beside 1 good reading" in str(caught.value)
    assert caught.value.lines[0].startswith(says)
    assert tower.all(READINGS) == before


def test_a_day_before_its_meter_came_is_named(tower: Site) -> None:
    with pytest.raises(ImportRefused) as caught:
        take(tower, notebook(tower, "Flat,1/3/25", "A-101,7"))
    (line,) = caught.value.lines
    assert line == (
        "B2: no electricity meter served A-101 on 2025-03-01: see its dates in the list of units"
    )


def test_two_sheets_must_say_the_same_of_a_day(tower: Site) -> None:
    told = "flat=A,day=B,reading=C"
    path = notebook(tower, "A-101,1/3/26,7", "A-101,1/3/26,8")
    with pytest.raises(ImportRefused) as caught:
        take(tower, path, way=Way(ELECTRICITY, told))
    assert caught.value.lines == ("C2: A-101 shows 8 on 2026-03-01, but 7 in C1",)


MONTH = (
    "Flat,1/6/26,1/7/26",
    "A-101,1050,1266",
    "A-102,2084,2449",
    "A-103,3117,3261",
    "A-104,4151,4799",
)


def test_a_parallel_month_names_what_differs(tower: Site, store_dsn: str) -> None:
    path = notebook(tower, *MONTH)
    answer = command(store_dsn, "compare", path, "--month", "2026-06")
    assert answer.exit_code == 0, answer.output
    assert answer.output.splitlines() == [
        "June 2026, which is not closed yet, electricity: 3 of 4 agree; 1 differs: A-103.",
        "",
        "Unit   Notebook     Ours   Differs  Likely cause",
        "A-103       144  504.000  -360.000  digits exchanged: 3261 for 3621",
    ]
    close_month(tower.conn, SOCIETY, "2026-06", NOW)
    told = json.loads(command(store_dsn, "compare", path, "--month", "2026-06", "--json").output)
    assert told["closed"] is True
    (odd,) = [each for each in told["units"] if not each["agrees"]]
    assert (odd["unit"], odd["ours"], odd["difference"]) == ("A-103", "504.000", "-360.000")
    assert [each["cause"] for each in odd["causes"]] == ["digits exchanged"]


def test_a_column_of_another_date_is_told(tower: Site, store_dsn: str) -> None:
    lines = ["Flat,1/6/26,1/7/26", "A-101,1050,1330", "A-102,2084,2550"]
    path = notebook(tower, *lines, "A-103,3117,3770", "A-104,4151,4990")
    answer = command(store_dsn, "compare", path, "--month", "2026-06").output
    assert "another date: 1330 was shown about 9 Jul" in " ".join(answer.split())
    assert "Most of them were read on another date" in " ".join(answer.split())


def test_days_that_wait_for_a_refresh_are_compared(tower: Site) -> None:
    tower.deliver("1", every(local("2026-07-10 01:00"), local("2026-07-15 00:00"), 1, 1, HOUR))
    path = notebook(tower, *MONTH)
    society_id = find_society(tower.conn, SOCIETY)
    found = compare(
        tower.conn,
        society_id,
        read_notebook(path),
        Way(ELECTRICITY),
        month=parse_month("2026-06", ZONE),
        zone=ZONE,
    )
    assert [each.verdict.agrees for each in found.lines] == [True, True, False, True]


def test_a_replaced_meter_and_a_dial_that_is_read_are_compared(tower: Site) -> None:
    at = local("2026-06-15 12:00")
    tower.units(
        *(unit_line(f"A-10{n}", str(n)) for n in (2, 3, 4)),
        unit_line("A-101", "1", until="2026-06-15T12:00"),
        unit_line("A-101", "9", since="2026-06-15T12:00"),
        "Tower 1,unit,A-105,electricity,grid,,,yes,2026-01-01,",
    )
    tower.deliver("9", every(at, local("2026-07-10 00:00"), 3_000, 300, HOUR), period_s=3600)
    for day, value in (("2026-06-01 10:00", 500), ("2026-07-01 11:00", 620)):
        self_read(
            tower.conn,
            SOCIETY,
            NamedMeter("A-105", ELECTRICITY),
            value=Decimal(value),
            at=local(day),
            by="Asha",
            now=NOW,
        )
    lines = ["Flat,1/6/26,1/7/26", "A-101,1050,116", "A-105,500,620", "A-102,2084,2448"]
    found = compare(
        tower.conn,
        find_society(tower.conn, SOCIETY),
        read_notebook(notebook(tower, *lines)),
        Way(ELECTRICITY),
        month=parse_month("2026-06", ZONE),
        zone=ZONE,
    )
    told = {each.unit: [f.cause for f in each.verdict.causes] for each in found.lines}
    assert told == {"A-101": [Cause.REPLACED], "A-102": [], "A-105": []}
    assert found.lacking == ("A-103", "A-104")
    assert {each.unit: each.ours for each in found.lines}["A-105"] == 120


def test_read_shows_what_is_understood(tower: Site, store_dsn: str) -> None:
    path = notebook(tower, *PAST, "A-999,1,2,3")
    answer = command(store_dsn, "read", path, "--check")
    assert answer.exit_code == 0, answer.output
    assert answer.output.splitlines() == [
        "notebook.csv: 3 flats, 8 readings of 1 Mar 2026 to 1 May 2026.",
        "",
        "Sheet  Column  Heading     Holds",
        "-      A       Flat No.    the flat",
        "-      B       1/3/26      reading, 1 Mar 2026",
        "-      C       1 Apr 2026  reading, 1 Apr 2026",
        "-      D       01-05-2026  reading, 1 May 2026",
        "",
        "Left out:",
        "  A6: Total",
        "",
        "Not right:",
        "  B7: no unit 'A-999' has electricity: there is A-101, A-102, A-103, A-104",
    ]


def test_a_notebook_is_imported_by_command(tower: Site, store_dsn: str) -> None:
    path = notebook(tower, *PAST)
    answer = command(store_dsn, "import", path)
    assert "nothing is stored yet: give --yes" in " ".join(answer.output.split())
    answer = command(store_dsn, "import", path, "--yes", "--time", "09:30")
    assert "5 new, 0 known, 0 beside another" in " ".join(answer.output.split())
    assert tower.one("SELECT min(ts) FROM reading") == local("2026-03-01 09:30")
    assert command(store_dsn, "import", path, "--time", "9h").exit_code == 2
    assert command(store_dsn, "compare", path, "--month", "2026-01").exit_code == 2
