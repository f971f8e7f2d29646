# SPDX-License-Identifier: MIT
"""Dials beside their modules: what is shown, what is compared, and that no bill knows of it."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.core.month import month_of
from cloud_ingest.entries.dial import Compared, compare_dial, import_sheet
from cloud_ingest.entries.epochs import add_epoch
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.self_read import self_read
from cloud_ingest.entries.sheet import read_sheet
from cloud_ingest.errors import DialRefused, SelfReadRefused, UserError
from cloud_ingest.month.close import Closed, close_month
from cloud_ingest.month.report import month_report
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.dials import dial_readings
from cloud_ingest.store.registry import find_society
from cloud_ingest.usage.so_far import month_usage
from cloud_ingest.views.latest import latest
from shared_schema.catalogue import WATER_VOLUME, Service, Unit
from shared_schema.readings import Column
from tests.support.gateway import MAKER
from tests.support.store import SOCIETY, ZONE, Site, every, local, unit_line

START, END = local("2026-07-01 00:00"), local("2026-08-01 00:00")
NOW = local("2026-08-05 09:00")
CHECK = local("2026-07-20 09:20")
HOUR = timedelta(hours=1)
HOURS = 31 * 24
JULY = month_of(2026, 7, ZONE)
PULSES = Column(obis=WATER_VOLUME, scaler=-1, unit=Unit.LITRE, weight=25)
"""2.5 L a pulse."""


def sheet(dial: str = "123.4567", register: str = "0", at: datetime = START, **more: object) -> str:
    """The document of a sheet, with a meter without a dial besides."""
    entry = {
        "at": at.isoformat(),
        "dial_m3": dial,
        "register_m3": register,
    }
    meter = {
        "label": "A-1 water",
        "verdict": "green",
        "dial": entry,
        "examination": {"manufacturer": MAKER, "serial": "1", "registers": []},
        **more,
    }
    other = {"label": "A-2", "dial": None, "examination": None}
    return json.dumps({"gateway": "gw-1", "by": "R. Rao", "meters": [meter, other]})


@pytest.fixture
def watered(site: Site) -> Site:
    """A flat whose module counts a pulse of 2.5 L an hour, from 0 on, in July."""
    site.units(unit_line("A-1", "1", service="water"))
    site.deliver("1", every(START, END, 0, 25, HOUR), column=PULSES)
    return site


def take(site: Site, text: str) -> tuple[list[Compared], int]:
    found, known = import_sheet(site.conn, SOCIETY, read_sheet(text), by=None, now=NOW)
    return list(found), known


def compare(
    site: Site, value: str, at: datetime = CHECK, reason: str = "check", now: datetime = NOW
) -> Compared:
    return compare_dial(
        site.conn,
        SOCIETY,
        NamedMeter("A-1", Service.WATER),
        value=Decimal(value),
        at=at,
        by="caretaker",
        reason=reason,
        now=now,
    )


def close(site: Site) -> Closed:
    return close_month(site.conn, SOCIETY, "2026-07", NOW)


def dials_of(site: Site) -> tuple[Decimal | None, Decimal | None]:
    (line,) = month_report(site.conn, SOCIETY, "2026-07").lines
    (part,) = line.parts
    return part.opening_dial, part.closing_dial


USED = Decimal("2.5") * HOURS / 1000


def test_a_dial_changes_no_consumption(watered: Site) -> None:
    (before,) = close(watered).numbers
    assert dials_of(watered) == (None, None)
    assert take(watered, sheet()) == (
        [Compared("A-1", f"{MAKER} 1", START, Decimal("123.4567"), Decimal(0), None)],
        0,
    )
    again = close(watered)
    assert (again.published, again.numbers) == (0, (before,))
    assert before.quantity == USED
    assert dials_of(watered) == (Decimal("123.4567"), Decimal("123.4567") + USED)
    (line,) = latest(watered.conn, SOCIETY, NOW)
    assert (line.value, line.dial) == (USED, Decimal("123.4567") + USED)
    audit = "SELECT reason, entered_by, deviation FROM dial_reading"
    assert watered.all(audit) == [("commissioned at gw-1", "R. Rao", None)]


def test_the_last_dial_counts_whatever_the_clock_said(watered: Site) -> None:
    compare(watered, "130", now=NOW + timedelta(days=365))
    compare(watered, "131")
    (listed,) = dial_readings(watered.conn, find_society(watered.conn, SOCIETY))
    assert listed.dial == Decimal(131)


def test_of_sheets_the_corrected_one_counts(watered: Site) -> None:
    take(watered, sheet())
    assert take(watered, sheet()) == ([], 1)
    (corrected,), known = take(watered, sheet(dial="124"))
    assert (known, corrected.deviation) == (0, None)
    close(watered)
    assert dials_of(watered)[0] == Decimal(124)
    assert watered.one("SELECT count(*) FROM dial_reading") == 2


def test_a_later_comparison_shows_lost_pulses(watered: Site) -> None:
    take(watered, sheet(dial="100"))
    counted = Decimal("2.5") * ((CHECK - START) // HOUR) / 1000
    found = compare(watered, str(100 + counted + Decimal("0.0125")))
    assert (found.register, found.deviation) == (counted, Decimal("0.0125"))
    (number,) = close(watered).numbers
    assert number.quantity == USED
    assert dials_of(watered) == (Decimal(100), 100 + USED + Decimal("0.0125"))
    back = compare(watered, str(100 + counted), at=CHECK + timedelta(minutes=5), reason="recount")
    assert back.deviation == Decimal("-0.0125")
    assert watered.all("SELECT reason, deviation FROM dial_reading ORDER BY read_at") == [
        ("commissioned at gw-1", None),
        ("check", Decimal("0.0125")),
        ("recount", Decimal("-0.0125")),
    ]


def test_a_register_that_counts_otherwise_is_told_at_once(watered: Site) -> None:
    assert take(watered, sheet(dial="100"))[0][0].against is None
    counted = Decimal("2.5") * ((CHECK - START) // HOUR) / 1000
    against = compare(watered, str(100 + 10 * counted)).against
    assert against is not None
    assert against.is_factor
    assert (against.shown, against.low) == (10 * counted, counted)
    assert compare(watered, str(100 + counted)).against is None


def test_usage_counts_nothing_by_a_register_that_dials_disprove(watered: Site) -> None:
    take(watered, sheet(dial="100"))
    refresh(watered.conn, NOW)
    counted = Decimal("2.5") * ((CHECK - START) // HOUR) / 1000
    for dial, quantity in ((100 + 10 * counted, None), (100 + counted, USED)):
        compare(watered, str(dial))
        (usage,) = month_usage(watered.conn, find_society(watered.conn, SOCIETY), JULY)
        assert usage.quantity == quantity


def test_a_module_that_began_again_keeps_its_dial(site: Site) -> None:
    site.units(unit_line("A-1", "1", service="water"))
    reset = local("2026-07-10 05:00")
    site.deliver("1", every(START, reset - HOUR, 0, 25, HOUR), column=PULSES)
    site.deliver("1", every(reset, END, 0, 25, HOUR), column=PULSES)
    take(site, sheet(dial="50"))
    lost = Decimal("2.5") * ((reset - START) // HOUR) / 1000
    add_epoch(
        site.conn,
        SOCIETY,
        NamedMeter("A-1", Service.WATER),
        starts_at=reset,
        adds=lost,
        reason="new battery",
        by="caretaker",
        now=NOW,
    )
    (number,) = close(site).numbers
    assert number.quantity == USED
    assert dials_of(site) == (Decimal(50), 50 + USED)
    assert compare(site, str(50 + Decimal("2.5") * ((CHECK - START) // HOUR) / 1000)).deviation == 0


def test_a_dial_stands_in_for_its_module(site: Site) -> None:
    site.units(unit_line("A-1", "1", service="water"))
    last = local("2026-07-20 00:00")
    site.deliver("1", every(START, last, 0, 25, HOUR), column=PULSES)
    take(site, sheet())
    register = USED + Decimal("0.0004")
    done = self_read(
        site.conn,
        SOCIETY,
        NamedMeter("A-1", Service.WATER),
        value=Decimal("123.4567") + register,
        at=END,
        by="resident",
        now=NOW,
    )
    assert done.used == USED - Decimal("2.5") * ((last - START) // HOUR) / 1000 + register - USED
    (number,) = close(site).numbers
    assert number.quantity == register
    assert dials_of(site) == (Decimal("123.4567"), Decimal("123.4567") + register)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "no commissioning sheet: the file"),
        ("{}", "no commissioning sheet: gateway"),
        (sheet(dial="x"), "no commissioning sheet: meters.0.dial.dial_m3"),
        (
            sheet(examination={"manufacturer": MAKER, "serial": "9"}),
            "A-1 water: no unit of .* had water meter LNT 9 on 2026-07-01: import it first",
        ),
    ],
)
def test_a_foreign_or_broken_sheet_is_refused(watered: Site, text: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        take(watered, text)
    assert watered.one("SELECT count(*) FROM dial_reading") == 0


def test_a_comparison_needs_its_module_and_a_reason(watered: Site) -> None:
    with pytest.raises(DialRefused, match="not read in the hour before 2026-08-04 09:00"):
        compare(watered, "1", at=local("2026-08-04 09:00"))
    with pytest.raises(DialRefused, match="say why it was compared"):
        compare(watered, "1", reason=" ")
    with pytest.raises(DialRefused, match="is no dial value"):
        compare(watered, "-1")
    with pytest.raises(DialRefused, match="not a time to come"):
        compare(watered, "1", at=NOW + HOUR)
    with pytest.raises(SelfReadRefused, match="no unit 'A-9' has water"):
        compare_dial(
            watered.conn,
            SOCIETY,
            NamedMeter("A-9", Service.WATER),
            value=Decimal(1),
            at=CHECK,
            by="x",
            reason="x",
            now=NOW,
        )


def test_a_dial_at_a_replacement_is_of_the_former_module(site: Site) -> None:
    site.units(
        unit_line("A-1", "1", service="water", until="2026-07-20T09:20"),
        unit_line("A-1", "2", service="water", since="2026-07-20T09:20"),
    )
    site.deliver("1", every(START, CHECK - HOUR / 6, 0, 25, HOUR), column=PULSES)
    assert compare(site, "130").meter == "LNT 1"
    site.deliver("2", [(CHECK, 0)], column=PULSES)
    other = compare_dial(
        site.conn, SOCIETY, NamedMeter("A-1", Service.WATER, serial="2"), value=Decimal(7),
        at=CHECK, by="me", reason="put up", now=NOW,
    )  # fmt: skip
    assert other.meter == "LNT 2"


def test_a_dial_without_its_former_module_names_the_other(site: Site) -> None:
    site.units(
        unit_line("A-1", "1", service="water", until="2026-07-20T09:20"),
        unit_line("A-1", "2", service="water", since="2026-07-20T09:20"),
    )
    site.deliver("2", [(CHECK, 0)], column=PULSES)
    with pytest.raises(DialRefused, match=r"of LNT 2, which hangs there from .*: --meter 2$"):
        compare(site, "7")


@pytest.mark.usefixtures("watered")
def test_the_command_line(store_dsn: str, tmp_path: Path) -> None:
    def run(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(
            app, ["dial", *words, "--society", SOCIETY], env={"IOT_UTILITY_DSN": store_dsn}
        )
        return result.exit_code, result.output

    path = tmp_path / "sheet.json"
    path.write_text(sheet(dial="100"))
    assert run("import", str(path)) == (
        0,
        "A-1: dial 100 kL beside 0 kL of module LNT 1\n1 dial added, 0 known\n",
    )
    code, told = run(
        *("add", "A-1", "101.165", "--at", "2026-07-20 09:20", "--by", "me", "--reason", "check")
    )
    assert code == 0
    assert told == (
        "A-1: dial 101.165 kL beside 1.1625 kL of module LNT 1; since the comparison before the "
        "dial has counted 0.0025 kL more\n"
    )
    code, told = run("list")
    assert told.splitlines()[-1] == (
        "2026-07-20 09:20  A-1   LNT 1   101.165    1.1625  +0.0025  kL  check; me"
    )
    rows = [json.loads(line) for line in run("list", "--json")[1].splitlines()]
    assert [row["offset"] for row in rows] == ["100", "100.0025"]
    assert run("import", str(tmp_path / "none.json"))[0] == 2
