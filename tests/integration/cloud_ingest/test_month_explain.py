# SPDX-License-Identifier: MIT
"""Explaining a number: each border, each claim not taken, each version and what changed it."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.cli.explain_text import explanation_text
from cloud_ingest.core.border import Why
from cloud_ingest.core.claim import Rule
from cloud_ingest.entries.epochs import add_epoch
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.named_reading import NamedReading, Word
from cloud_ingest.entries.self_read import self_read
from cloud_ingest.entries.units import Named, take_back
from cloud_ingest.errors import CloseRefused, NotFound
from cloud_ingest.month.close import close_month
from cloud_ingest.month.correction import correct_reading
from cloud_ingest.month.explain import Asked, explain
from cloud_ingest.month.explanation import Explanation
from cloud_ingest.rollup.refresh import refresh
from shared_schema.catalogue import ACTIVE_IMPORT, Service, Unit
from shared_schema.quality import Origin, Reason
from shared_schema.readings import Column
from tests.support.store import SOCIETY, ZONE, Site, every, kwh, local, unit_line

START, END = local("2026-07-01 00:00"), local("2026-08-01 00:00")
BEFORE, AFTER = START - timedelta(days=1), END + timedelta(days=2)
NOW = local("2026-08-05 09:00")
LATER = local("2026-09-02 09:00")
HOUR = timedelta(hours=1)
FIRST = 12_345_000
TRUE = FIRST + 10 * 32 * 24
"""The register at the end of July."""


def told(site: Site, unit: str = "A-1", month: str = "2026-07") -> Explanation:
    return explain(site.conn, Asked(SOCIETY, month, unit, Service.ELECTRICITY), NOW)


def close(site: Site, hours: int = 0) -> None:
    close_month(site.conn, SOCIETY, "2026-07", NOW + hours * HOUR)


def rule(site: Site, word: Word, value: int | None, hours: int) -> None:
    meter = NamedMeter("A-1", Service.ELECTRICITY)
    named = NamedReading(meter, END, value=None if value is None else kwh(value))
    correct_reading(site.conn, SOCIETY, named, word, NOW + hours * HOUR, apply=True)


@pytest.fixture
def false_border(site: Site) -> Site:
    """One flat whose register reads 0 at the end of July."""
    site.units(unit_line("A-1", "1"))
    rows = every(BEFORE, AFTER, FIRST, 10, HOUR)
    site.deliver("1", [(at, 0 if at == END else raw) for at, raw in rows], period_s=3600)
    refresh(site.conn, NOW)
    return site


def test_a_false_reading_is_told_with_its_rule(false_border: Site) -> None:
    close(false_border)
    found = told(false_border)
    (meter,) = found.meters
    assert found.number is not None
    assert (found.number.state, found.number.quantity) == ("published", kwh(10 * 31 * 24))
    assert meter.end is not None
    assert meter.end.taken is not None
    assert (meter.end.taken.origin, meter.end.taken.value) == (Origin.ESTIMATE, kwh(TRUE))
    assert (meter.end.low, meter.end.high) == (kwh(TRUE - 10), kwh(TRUE + 10))
    (not_taken,) = [each for each in meter.end.not_taken if each.rule is not None]
    assert (not_taken.reading.value, not_taken.why) == (kwh(0), Why.UNSOUND)
    assert not_taken.rule is Rule.FALL


def test_versions_say_what_changed_and_who_said_so(false_border: Site) -> None:
    close(false_border)
    rule(false_border, Word("enter", "manager", "photo of the dial"), TRUE + 3, 1)
    waits = told(false_border).now
    assert waits is not None
    assert (waits.agrees, waits.quantity) == (False, kwh(10 * 31 * 24 + 3))
    assert [(each.kind, each.word.by) for each in waits.entries] == [("enter", "manager")]
    close(false_border, 2)
    found = told(false_border)
    first, second = found.versions
    assert (first.quantity, second.quantity) == (kwh(10 * 31 * 24), kwh(10 * 31 * 24 + 3))
    assert (first.changes, first.entries) == ((), ())
    (change,) = second.changes
    assert change.side == "closing"
    assert change.before is not None
    assert change.after is not None
    assert (change.before.origin, change.after.origin) == (Origin.ESTIMATE, Origin.EDIT)
    (entry,) = second.entries
    assert (entry.value, entry.word.why) == (kwh(TRUE + 3), "photo of the dial")
    assert found.now is not None
    assert found.now.agrees


def test_a_reading_that_a_person_set_aside_names_the_person(false_border: Site) -> None:
    rule(false_border, Word("enter", "manager", "wrong digit"), TRUE + 3, 1)
    rule(false_border, Word("set_aside", "treasurer", "it was the neighbour's"), TRUE + 3, 2)
    (meter,) = told(false_border).meters
    assert meter.end is not None
    words = [each.reading.word for each in meter.end.not_taken if each.why is Why.SET_ASIDE]
    assert [(word.by, word.why) for word in words if word is not None] == [
        ("treasurer", "it was the neighbour's")
    ]


def test_a_withheld_month_names_the_readings_on_both_sides(site: Site) -> None:
    site.units(unit_line("A-1", "1"))
    site.deliver("1", every(BEFORE, END - 100 * HOUR, FIRST, 10, HOUR), period_s=3600)
    close(site)
    found = told(site)
    (meter,) = found.meters
    assert found.number is not None
    assert found.number.state == "withheld"
    assert meter.end is not None
    assert (meter.end.taken, meter.quantity) == (None, None)
    assert meter.end.before is not None
    assert meter.end.before.at == END - 100 * HOUR


def test_a_month_behind_another_scaler_says_what_to_do(site: Site, store_dsn: str) -> None:
    site.units(unit_line("A-1", "1"))
    change = START - 5 * 24 * HOUR
    site.deliver("1", every(START - 10 * 24 * HOUR, change, FIRST, 10, HOUR), period_s=3600)
    later = every(change + HOUR, AFTER, FIRST + 10 * 121, 10, HOUR)
    tens = Column(obis=ACTIVE_IMPORT, scaler=1, unit=Unit.WATT_HOUR)
    site.deliver("1", later, column=tens, period_s=3600)
    close(site)
    store = ["--society", SOCIETY, "--dsn", store_dsn]
    asked = ["explain", "--unit", "A-1", "--service", "electricity", "--month", "2026-07"]
    told = " ".join(CliRunner().invoke(app, [*asked, *store]).output.split())
    assert "jumped for good, faster than its meter can count, and counts by another scaler" in told
    assert "Between 2026-06-26 00:00 (12346.200 kWh) and 2026-06-26 01:00 (123462.10 kWh)" in told
    assert "What to do: look at the meter's scaler and pulse weight" in told
    report = CliRunner().invoke(app, ["report", "2026-07", *store]).output
    assert "  scaler: look at the meter's scaler and pulse weight" in report


def test_a_catch_up_names_the_months_that_it_covers(site: Site) -> None:
    site.units(unit_line("A-1", "1"))
    rows = every(BEFORE, AFTER + 31 * 24 * HOUR, FIRST, 10, HOUR)
    gap = 40 * HOUR
    site.deliver("1", [row for row in rows if abs(row[0] - END) > gap], period_s=3600)
    for month in ("2026-07", "2026-08"):
        close_month(site.conn, SOCIETY, month, LATER)
    july, august = (
        explain(site.conn, Asked(SOCIETY, month, "A-1", Service.ELECTRICITY), LATER)
        for month in ("2026-07", "2026-08")
    )
    assert july.number is not None
    assert july.number.estimate is not None
    assert august.number is not None
    assert (august.number.since, august.number.quantity) == ("2026-07", kwh(10 * 62 * 24))
    assert [each.month for each in august.number.shares] == ["2026-07", "2026-08"]
    (meter,) = august.meters
    assert meter.begin is not None
    assert meter.begin.at == START
    assert (july.now is not None, august.now is not None) == (True, True)
    assert [each.now.agrees for each in (july, august) if each.now is not None] == [True, True]


def test_a_withdrawn_number_names_who_took_its_meter_back(false_border: Site) -> None:
    close(false_border)
    take_back(
        false_border.conn,
        SOCIETY,
        Named("A-1", Service.ELECTRICITY),
        by="manager",
        reason="the meter is of C-9",
        now=NOW + HOUR,
        apply=True,
    )
    false_border.units(unit_line("C-9", "1"), now=NOW + HOUR)
    close(false_border, 2)
    found = told(false_border)
    assert found.number is not None
    assert (found.number.state, found.meters) == ("withdrawn", ())
    words = [(each.kind, each.word.by, each.word.why) for each in found.versions[1].entries]
    assert ("assignment_taken_back", "manager", "the meter is of C-9") in words
    assert told(false_border, "C-9").meters[0].quantity == kwh(10 * 31 * 24)


def test_a_dial_and_an_epoch_name_who_gave_them(site: Site) -> None:
    site.units(unit_line("A-1", "1").replace(",no,", ",yes,"))
    dials = [("900", START), ("990", local("2026-07-12 08:00")), ("10", local("2026-07-20 08:00"))]
    for value, at in [*dials, ("40", END + 8 * HOUR)]:
        self_read(
            site.conn,
            SOCIETY,
            NamedMeter("A-1", Service.ELECTRICITY),
            value=Decimal(value),
            at=at,
            by="resident",
            now=NOW,
            force_because="it turned over",
        )
    add_epoch(
        site.conn,
        SOCIETY,
        NamedMeter("A-1", Service.ELECTRICITY),
        starts_at=local("2026-07-20 08:00"),
        adds=Decimal(1000),
        reason="three digits",
        by="caretaker",
        now=NOW,
    )
    refresh(site.conn, NOW)
    (meter,) = told(site).meters
    assert meter.quantity == Decimal(140)
    assert meter.end is not None
    assert meter.end.taken is not None
    assert meter.end.taken.word is not None
    assert meter.end.taken.word.by == "resident"
    epochs = [each for each in meter.entries if each.kind == "epoch"]
    assert [(each.value, each.word.by) for each in epochs] == [(Decimal("1000.000"), "caretaker")]


def test_an_open_month_says_what_would_be_counted(false_border: Site) -> None:
    found = told(false_border)
    assert (found.closed_at, found.number, found.versions) == (None, None, ())
    assert found.now is not None
    assert (found.now.quantity, found.now.agrees) == (kwh(10 * 31 * 24), True)
    assert found.now.reasons == (Reason.BORDER_PLACED,)


def test_what_cannot_be_explained_is_refused(false_border: Site) -> None:
    for unit, month, says in (
        ("A-11", "2026-07", "'A-11' had no electricity meter in 2026-07: .* there is A-1"),
        ("A-1", "2025-07", "its meters served it at another time"),
        ("A-1", "2026-09", "2026-09 has not begun"),
    ):
        with pytest.raises((NotFound, CloseRefused), match=says):
            told(false_border, unit, month)


def test_a_month_whose_readings_are_gone_keeps_its_versions(false_border: Site) -> None:
    close(false_border)
    false_border.conn.execute("UPDATE store SET kept_from = '2026-08-02T00:00Z'")
    found = told(false_border)
    assert (found.meters, found.now) == ((), None)
    assert [each.quantity for each in found.versions] == [kwh(10 * 31 * 24)]


def test_the_command_line(false_border: Site, store_dsn: str) -> None:
    close(false_border)
    rule(false_border, Word("enter", "manager", "photo of the dial"), TRUE + 3, 1)
    close(false_border, 2)
    words = ["explain", "--unit", "A-1", "--service", "electricity", "--month", "2026-07"]
    said = CliRunner().invoke(app, [*words, "--society", SOCIETY, "--dsn", store_dsn])
    assert said.exit_code == 0, said.output
    assert max(map(len, said.output.splitlines())) <= 80
    for part in (
        "7.443 kWh was published as version 2 on 2026-08-05 11:00",
        'entered by manager on 2026-08-05 10:00:\n    "photo of the dial"',
        "Not taken: 0.000 kWh, from the meter: the register falls",
        "Version 2, 2026-08-05 11:00: 7.443 kWh, 0.003 more",
    ):
        assert part in said.output
    plain = CliRunner().invoke(app, [*words, "--society", SOCIETY, "--dsn", store_dsn, "--json"])
    document = json.loads(plain.stdout)
    assert document["versions"][1]["entries"][0]["word"]["by"] == "manager"
    assert document["meters"][0]["meter"] == "LNT 1"
    assert document["meters"][0]["end"]["taken"]["value"] == "12352.683"


FEBRUARY, MARCH = "2026-02", "2026-03"
YEAR = local("2026-01-01 00:00")
SPRING = local("2026-04-05 09:00")


@pytest.fixture
def held_month(site: Site) -> Site:
    """January ends 3.024 kWh too high, as a row of March shows: its withdrawal is held.

    By hand: 4 Wh an hour from 12,345,000 Wh on; 12,347,976 on 1 February, 12,350,664 on 1 March.
    """
    site.units(unit_line("A-1", "1", since="2025-12-01"))
    site.deliver("1", every(YEAR, local("2026-01-30 12:00"), FIRST, 4, HOUR), period_s=3600)
    site.deliver("1", [(local("2026-02-01 00:00"), FIRST + 6_000)], period_s=3600)
    for month in ("2026-01", FEBRUARY):
        close_month(site.conn, SOCIETY, month, SPRING)
    rows = every(local("2026-03-01 00:00"), local("2026-04-02 00:00"), FIRST + 5_664, 4, HOUR)
    site.deliver("1", rows, period_s=3600)
    for month in (FEBRUARY, MARCH):
        close_month(site.conn, SOCIETY, month, SPRING + HOUR)
    return site


def spring(site: Site, month: str) -> Explanation:
    asked = Asked(SOCIETY, month, "A-1", Service.ELECTRICITY)
    return explain(site.conn, asked, SPRING + 2 * HOUR)


def test_a_held_number_shows_what_was_billed(held_month: Site) -> None:
    found = spring(held_month, "2026-01")
    (billed,) = found.billed
    assert (billed.opening.register_value, billed.closing.register_value) == (
        kwh(FIRST),
        kwh(FIRST + 6_000),
    )
    assert found.number is not None
    assert found.number.held is not None
    assert found.now is not None
    (change,) = found.now.changes
    assert change.before == billed.closing
    assert (change.side, change.after) == ("closing", None)


@pytest.mark.parametrize("month", [FEBRUARY, MARCH])
def test_what_waits_names_the_month_to_decide(held_month: Site, month: str) -> None:
    found = spring(held_month, month)
    assert found.waits_for == ("2026-01",)
    text = explanation_text(found, ZONE)
    assert "decide on 2026-01 first" in text
    assert "close-month" not in text
    assert "epoch add" not in text


def test_a_register_that_may_be_new_names_the_commands(site: Site) -> None:
    """Three rows below those before are set aside: the fourth would make a break of them."""
    site.units(unit_line("A-1", "1"))
    site.deliver("1", every(BEFORE, END - 5 * HOUR, FIRST, 10, HOUR), period_s=3600)
    site.deliver("1", every(END, END + 2 * HOUR, 5, 10, HOUR), period_s=3600)
    close(site)
    text = explanation_text(told(site), ZONE)
    assert "reading restore" in text
    assert "epoch add" in text


def test_a_closed_month_is_shown_whatever_the_clock_says(false_border: Site) -> None:
    close(false_border)
    asked = Asked(SOCIETY, "2026-07", "A-1", Service.ELECTRICITY)
    shown = explain(false_border.conn, asked, local("2026-06-01 00:00"))
    assert shown.number == told(false_border).number


def test_an_entry_stands_with_its_version_whatever_the_clock_said(false_border: Site) -> None:
    close(false_border, hours=24 * 365)
    rule(false_border, Word("enter", "caretaker", "read the dial"), TRUE + 3, 1)
    close(false_border, hours=2)
    first, second = told(false_border).versions
    assert first.entries == ()
    assert [entry.kind for entry in second.entries] == ["enter"]
