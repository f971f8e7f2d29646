# SPDX-License-Identifier: MIT
"""What the commands show of a month: `usage`, `towers`, `completeness` and `report` agree."""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.core.month import month_of
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.named_reading import NamedReading, Word
from cloud_ingest.entries.readings import rule_on_reading
from cloud_ingest.entries.self_read import self_read
from cloud_ingest.entries.units import Named, take_back
from cloud_ingest.errors import NotFound
from cloud_ingest.month.close import close_month
from cloud_ingest.month.published import shown_month
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.registry import find_society
from shared_schema.catalogue import Service
from tests.support.store import SOCIETY, ZONE, Site, every, kwh, local, unit_line

START, END = local("2026-07-01 00:00"), local("2026-08-01 00:00")
BEFORE, AFTER = START - timedelta(days=2), END + timedelta(days=2)
NOW = local("2026-08-05 09:00")
HOUR = timedelta(hours=1)
JULY = month_of(2026, 7, ZONE)
REPLACED = local("2026-07-10 14:00")

Run = Callable[..., Any]


@pytest.fixture
def run(store_dsn: str) -> Run:
    """Run a command and read its JSON."""

    def told(*words: str) -> Any:
        result = CliRunner().invoke(
            app, [*words, "--json", "--society", SOCIETY, "--dsn", store_dsn]
        )
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return told


def read_dial(site: Site, unit: str, value: str, at: datetime) -> None:
    self_read(
        site.conn,
        SOCIETY,
        NamedMeter(unit, Service.ELECTRICITY),
        value=Decimal(value),
        at=at,
        by="resident",
        now=NOW,
    )


def legacy(unit: str, serial: str, tower: str) -> str:
    return unit_line(unit, serial, tower=tower).replace(",no,", ",yes,")


@pytest.fixture
def society(site: Site) -> Site:
    """Two towers in which July went differently for each unit."""
    site.units(
        unit_line("A-1", "1"),
        unit_line("A-2", "2"),
        unit_line("A-3", "3", until="2026-07-10T14:00+05:30"),
        unit_line("A-3", "4", since="2026-07-10T14:00+05:30"),
        unit_line("A-4", "5", tower="Tower 2"),
        unit_line("A-6", "11", until="2026-07-16"),
        unit_line("A-6", "11", since="2026-07-16", tower="Tower 2"),
        unit_line("A-7", "12", until="2026-07-20T14:37+05:30"),
        unit_line("A-8", "12", since="2026-07-20T14:37+05:30"),
        unit_line("A-9", "13"),
        legacy("C-0304", "6", "Tower 2"),
        unit_line("C-0305", "7", tower="Tower 2"),
        unit_line("Lift", "8", kind="common"),
        unit_line("Bulk 1", "9", kind="bulk"),
        unit_line("Bulk 2", "10", kind="bulk", tower="Tower 2"),
    )
    for serial, step in (
        ("1", 10),
        ("2", 20),
        ("8", 5),
        ("9", 100),
        ("10", 300),
        ("11", 10),
        ("12", 60),
    ):
        site.deliver(serial, every(BEFORE, AFTER, 1000, step, HOUR))
    site.deliver("3", every(BEFORE, REPLACED, 1000, 10, HOUR))
    site.deliver("4", every(REPLACED, AFTER, 0, 10, HOUR))
    site.deliver("5", every(BEFORE, AFTER, 1000, 30, HOUR))
    rows = every(BEFORE, AFTER, 1000, 10, HOUR)
    site.deliver("13", [(at, 0 if at == END else raw) for at, raw in rows])
    site.deliver("7", every(BEFORE, START + 3 * HOUR, 1000, 30, HOUR))
    read_dial(site, "C-0304", "1000", START + 8 * HOUR)
    read_dial(site, "C-0304", "1173.348", END + 8 * HOUR)
    named = NamedReading(
        NamedMeter("A-2", Service.ELECTRICITY), END, value=kwh(1007 + 20 * 33 * 24)
    )
    with site.conn.transaction():
        rule_on_reading(site.conn, SOCIETY, named, Word("enter", "manager", "a photo"), NOW)
    return site


def close(site: Site, now: datetime = NOW) -> None:
    close_month(site.conn, SOCIETY, "2026-07", now)


def held_against_each_other(
    run: Run,
) -> dict[str, Decimal | None]:
    """Hold the four commands against each other; return what each subject used."""
    report = run("report", "2026-07")
    used: dict[str, Decimal | None] = {}
    for line in report["lines"]:
        kind, subject = line["subject_type"], line["subject"]
        usage = run("usage", subject, "--month", "2026-07", "--subject-type", kind)
        (number,) = [each for each in usage["numbers"] if each["service"] == line["service"]]
        assert number["quantity"] == line["quantity"]
        own = [each for each in usage["meters"] if each["service"] == line["service"]]
        if line["quantity"] is None:
            assert all(each["quantity"] is None for each in own)
            used[subject] = None
            continue
        assert sum(Decimal(each["quantity"]) for each in own) == Decimal(line["quantity"])
        for meter in own:
            days = [Decimal(value) for value in meter["days"].values()]
            assert sum(days) == Decimal(meter["quantity"])
        used[subject] = Decimal(line["quantity"])
    told = {(each["tower"], each["service"]): each for each in report["reconciliations"]}
    towers = run("towers", "--month", "2026-07")["towers"]
    same = ("bulk", "units", "common", "loss", "units_known", "units_total")
    assert {(each["tower"], each["service"]): [each[name] for name in same] for each in towers} == {
        key: [each[name] for name in same] for key, each in told.items()
    }
    days = run("towers", "--month", "2026-07", "--days")["towers"]
    for key, each in told.items():
        own = [day for day in days if (day["tower"], day["service"]) == key]
        for name in ("units", "common", "bulk"):
            if each[name] is not None:
                assert sum(Decimal(day[name] or 0) for day in own) == Decimal(each[name])
    lacks = run("completeness", "--month", "2026-07")
    assert lacks["published"] == sum(1 for line in report["lines"] if line["quantity"] is not None)
    assert {each["subject"] for each in lacks["others"]} == {
        subject for subject, quantity in used.items() if quantity is None
    }
    return used


def test_four_commands_agree_on_a_closed_month(society: Site, run: Run) -> None:
    close(society)
    hours = 31 * 24
    assert held_against_each_other(run) == {
        "A-1": kwh(10 * hours),
        "A-2": kwh(20 * hours + 7),
        "A-3": kwh(10 * hours),
        "A-4": kwh(30 * hours),
        "A-6": kwh(10 * hours),
        "A-7": kwh(60 * (19 * 24 + 14) + 37),
        "A-8": kwh(60 * hours - 60 * (19 * 24 + 14) - 37),
        "A-9": kwh(10 * hours),
        "C-0304": Decimal("173.348"),
        "C-0305": None,
        "Lift": kwh(5 * hours),
    }


def test_four_commands_agree_after_a_number_was_taken_back(society: Site, run: Run) -> None:
    close(society)
    take_back(
        society.conn,
        SOCIETY,
        Named("A-1", Service.ELECTRICITY),
        by="manager",
        reason="the meter is of A-12",
        now=NOW + HOUR,
        apply=True,
    )
    society.units(unit_line("A-12", "1"), now=NOW + HOUR)
    close(society, NOW + 2 * HOUR)
    used = held_against_each_other(run)
    assert used["A-1"] is None
    assert used["A-12"] == kwh(10 * 31 * 24)
    (number,) = run("usage", "A-1", "--month", "2026-07")["numbers"]
    assert (number["state"], number["version"], number["quantity"]) == ("withdrawn", 2, None)


def test_each_table_of_a_month_says_its_units(society: Site, store_dsn: str) -> None:
    def told(*words: str) -> str:
        result = CliRunner().invoke(
            app,
            [*words, "--society", SOCIETY, "--month", "2026-07"],
            env={"IOT_UTILITY_DSN": store_dsn, "COLUMNS": "120"},
        )
        return result.output

    close(society)
    assert "0.240 kWh" in told("usage", "A-1", "--days")
    assert "0.010 kWh" in told("usage", "A-1", "--curve")
    assert re.search(r"electricity\n +kWh", told("towers"))
    lacks = told("usage", "C-0305")
    assert (lacks.endswith("  -\n"), "- kWh" in lacks) == (True, False), lacks


def test_a_unit_that_a_closed_month_lacks_is_answered_with_labels(society: Site) -> None:
    close(society)
    with pytest.raises(NotFound, match="there is A-3; if its meter"):
        shown_month(
            society.conn,
            find_society(society.conn, SOCIETY),
            month_of(2026, 7, ZONE),
            ZONE,
            subject="A-33",
        )


def test_the_days_of_a_catch_up_add_up_to_it(site: Site, run: Run) -> None:
    site.units(unit_line("A-1", "1"))
    rows = every(BEFORE, AFTER + 31 * 24 * HOUR, 1000, 10, HOUR)
    site.deliver("1", [row for row in rows if abs(row[0] - END) > 40 * HOUR])
    for month in ("2026-07", "2026-08"):
        close_month(site.conn, SOCIETY, month, local("2026-09-02 09:00"))
    (meter,) = run("usage", "A-1", "--month", "2026-08")["meters"]
    assert Decimal(meter["quantity"]) == kwh(10 * 62 * 24)
    assert sum(map(Decimal, meter["days"].values())) == kwh(10 * 62 * 24)
    assert min(meter["days"]) == "2026-07-01"
    (withheld,) = run("usage", "A-1", "--month", "2026-07")["numbers"]
    assert (withheld["state"], withheld["estimate"]["method"]) == ("withheld", "good_days")


def test_an_open_month_counts_what_closing_will(society: Site, run: Run) -> None:
    refresh(society.conn, NOW)
    words = ("towers", "--month", "2026-07")
    so_far = run(*words)
    units = {unit: run("usage", unit, "--month", "2026-07") for unit in ("A-2", "A-3", "C-0304")}
    assert (so_far["state"], units["A-2"]["state"]) == ("open", "open")
    close(society)
    published = run(*words)
    assert published["state"] == "closed"
    same = ("tower", "bulk", "common", "units_known", "units_total")
    (here,), (there,) = (
        [[row[name] for name in same] for row in told["towers"] if row["tower"] == "Tower 1"]
        for told in (so_far, published)
    )
    assert here == there
    for unit, shown in units.items():
        assert run("usage", unit, "--month", "2026-07")["meters"] == shown["meters"]


def test_a_self_read_after_the_month_closes_it_in_the_views(site: Site, run: Run) -> None:
    site.units(legacy("C-0304", "6", "Tower 2"))
    read_dial(site, "C-0304", "1000", START - 20 * HOUR)
    read_dial(site, "C-0304", "1100", START + 300 * HOUR)
    read_dial(site, "C-0304", "1173.348", END + 8 * HOUR)
    refresh(site.conn, NOW)
    (meter,) = run("usage", "C-0304", "--month", "2026-07")["meters"]
    assert (meter["quantity"], meter["until"]) == ("173.348", "2026-08-01T08:00:00+05:30")
    assert meter["days"] == {"2026-07-13": "100.000", "2026-08-01": "73.348"}


def test_a_month_says_what_it_knows_of_a_dial_without_intervals(society: Site, run: Run) -> None:
    close(society)
    lacks = run("completeness", "--month", "2026-07", "--unit", "C-0304")
    assert (lacks["published"], lacks["others"], lacks["channels"]) == (1, [], [])


def test_a_unit_that_came_after_closing_is_not_in_the_month(society: Site, store_dsn: str) -> None:
    close(society)
    society.units(unit_line("A-99", "99"))
    words = ["usage", "A-99", "--month", "2026-07", "--society", SOCIETY, "--dsn", store_dsn]
    refused = CliRunner().invoke(app, words)
    assert refused.exit_code == 2
    assert "close the month again" in refused.stderr
