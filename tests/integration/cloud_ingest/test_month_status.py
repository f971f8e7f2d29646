# SPDX-License-Identifier: MIT
"""Where a month stands, as a treasurer reads it."""

import json
import shlex
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.cli.month_status_text import status_text
from cloud_ingest.core.month import month_of
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.self_read import self_read
from cloud_ingest.month.close import close_month
from cloud_ingest.month.status import month_status
from cloud_ingest.store.month_runs import LastTurn, put_turn
from cloud_ingest.store.registry import find_society
from shared_schema.catalogue import Service
from tests.support.monitored import gateway_status
from tests.support.store import SOCIETY, ZONE, Site, every, local, unit_line

START, END = local("2026-07-01 00:00"), local("2026-08-01 00:00")
JULY = month_of(2026, 7, ZONE)
LOST = local("2026-07-24 05:00")
HOUR, WINDOW = timedelta(hours=1), timedelta(days=3)
NINE = END + 9 * HOUR


def said(site: Site, now: datetime) -> list[str]:
    """Return the paragraphs of a status, each as one line."""
    found = month_status(site.conn, SOCIETY, JULY, now, window=WINDOW)
    text = status_text(found, ZONE, now)
    assert max(map(len, text.splitlines())) <= 80
    return [" ".join(part.replace("\\\n", "").split()) for part in text.split("\n\n")]


def commands(site: Site, now: datetime) -> Iterator[list[str]]:
    """Return the commands of a status as a shell takes them apart."""
    for part in said(site, now):
        if "cloud-ingest " in part:
            yield shlex.split("cloud-ingest " + part.rpartition("cloud-ingest ")[2])


def read_dial(site: Site, unit: str, value: int, at: datetime) -> None:
    meter = NamedMeter(unit, Service.ELECTRICITY)
    self_read(site.conn, SOCIETY, meter, value=Decimal(value), at=at, by="resident", now=at + HOUR)


@pytest.fixture
def society(site: Site) -> Site:
    """Flats that are read, one that went silent in July, and two that their residents read."""
    site.units(
        unit_line("A-1", "1"),
        unit_line("A-2", "2"),
        unit_line("Tower 1 lift", "4", kind="common"),
        *(unit_line(f"C-{n}", f"{n}").replace(",no,", ",yes,") for n in (8, 9)),
    )
    for serial in ("1", "4"):
        site.deliver(serial, every(START, END + 5 * HOUR, 1000, 10, HOUR))
    site.deliver("2", every(START, LOST, 1000, 10, HOUR))
    for unit in ("C-8", "C-9"):
        read_dial(site, unit, 100, START + 8 * HOUR)
    return site


def test_a_month_that_runs_says_who_is_not_read(society: Site) -> None:
    sentence, gateway, dials, instead = said(society, local("2026-07-26 09:00"))
    assert sentence == (
        "July so far: 4 of 5 are read, 1 is not: A-2 electricity, offline since 24 Jul; "
        "2 dials to be read from 29 Jul on"
    )
    assert gateway.startswith("Gateway gw-a was never heard: 1 meter waits for it, A-2 electri")
    assert dials.startswith(
        "2 dials have to be read from 29 Jul to 4 Aug: C-8 electricity, C-9 electricity."
    )
    assert instead.startswith("Or, in place of what is silent, 1 dial can be read")


def test_a_month_to_come_has_not_begun(society: Site) -> None:
    sentence, *_ = said(society, local("2026-06-20 09:00"))
    assert sentence == "July 2026 has not begun: it begins on 1 Jul"


def test_a_month_that_was_never_closed_says_so(society: Site) -> None:
    read_dial(society, "C-8", 150, END + 8 * HOUR)
    early, late = said(society, END + timedelta(minutes=20)), said(society, NINE)
    assert late[0] == (
        "July is not closed: 3 of 5 are read at its end, 2 are not: A-2 electricity, offline "
        "since 24 Jul, and 1 more; 1 dial still to be read by 4 Aug"
    )
    assert early[-1].startswith("The month can be closed from 1 Aug 01:00 on:")
    assert late[-1] == (
        "Close the month; what is missing is withheld, and may follow: "
        f"cloud-ingest close-month 2026-07 --society '{SOCIETY}'"
    )


def test_a_closed_month_is_one_sentence(society: Site) -> None:
    for unit in ("C-8", "C-9"):
        read_dial(society, unit, 150, END + 8 * HOUR)
    close_month(society.conn, SOCIETY, "2026-07", NINE)
    sentence, *_ = said(society, NINE)
    assert sentence == "July: 4 of 5 final, 1 withheld: A-2 electricity, offline since 24 Jul"


def test_a_silent_meter_of_a_heard_gateway_is_looked_at(society: Site) -> None:
    gateway_status(society.conn, "gw-a", NINE)
    close_month(society.conn, SOCIETY, "2026-07", NINE)
    assert any(
        each.startswith(
            "Look at the power and the wires of what is silent. Or, in its place, 1 dial can be "
            "read by 4 Aug: A-2 electricity."
        )
        for each in said(society, NINE)
    )


def test_a_month_in_which_nothing_is_missing_is_one_line(site: Site) -> None:
    site.units(unit_line("A-1", "1"))
    site.deliver("1", every(START, END, 1000, 10, HOUR))
    close_month(site.conn, SOCIETY, "2026-07", NINE)
    gateway_status(site.conn, "gw-a", NINE)
    assert said(site, NINE) == ["July: all 1 final"]


def test_what_is_read_meanwhile_asks_for_another_closing(society: Site) -> None:
    close_month(society.conn, SOCIETY, "2026-07", NINE)
    society.deliver("2", every(LOST + HOUR, END + 7 * HOUR, 10000, 10, HOUR))
    read_dial(society, "C-9", 150, END + 8 * HOUR)
    gateway_status(society.conn, "gw-a", NINE)
    *_, last = said(society, NINE)
    assert last == (
        "2 numbers can be final now, because what lacked is read meanwhile: A-2 electricity, "
        "C-9 electricity. Close the month again: "
        f"cloud-ingest close-month 2026-07 --society '{SOCIETY}'"
    )
    close_month(society.conn, SOCIETY, "2026-07", NINE)
    assert said(society, NINE)[0].startswith("July: 4 of 5 final, 1 withheld: C-8 electricity,")


def test_what_nobody_can_read_any_more_is_entered(society: Site) -> None:
    close_month(society.conn, SOCIETY, "2026-07", NINE)
    late = END + timedelta(days=8)
    (entered,) = [words for words in commands(society, late) if words[1] == "reading"]
    assert entered[2:6] == ["enter", "A-2", "--service", "electricity"]
    assert "self-read" not in " ".join(said(society, late))


def test_a_number_in_doubt_says_what_to_look_at(site: Site) -> None:
    site.units(unit_line("A-5", "5"), unit_line("Pump", "6", kind="common"))
    site.deliver("5", every(START, END, 1000, 30_000, HOUR))
    rows = every(START, END + 5 * HOUR, 100_000, 10, HOUR)
    site.deliver("6", [(at, raw if at < LOST else raw - 90_000) for at, raw in rows])
    close_month(site.conn, SOCIETY, "2026-07", NINE)
    sentence, *_ = said(site, NINE)
    assert "withheld: A-5 electricity, more than it can use, and 1 more" in sentence
    found = [words for words in commands(site, NINE) if words[1] == "explain"]
    assert [words[2] for words in found] == ["A-5", "Pump"]
    assert "--subject-type" in found[1]


def test_a_society_without_meters_has_nothing_to_count(site: Site) -> None:
    site.units(unit_line("A-1", "1", since="2026-09-01"))
    assert said(site, NINE)[0] == "July: no meter was in service"


def test_json_has_everything(society: Site, store_dsn: str) -> None:
    close_month(society.conn, SOCIETY, "2026-07", NINE)
    result = CliRunner().invoke(app, ["month", "status", "2026-07", "--json", "--dsn", store_dsn])
    found = json.loads(result.stdout)
    assert (found["society"], found["final"], found["phase"]) == (SOCIETY, 2, "closed")
    assert [each["subject"] for each in found["missing"]] == ["A-2", "C-8", "C-9"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("Juli",), "'Juli' is not a month: write it as July or as"),
        (("July", "--society", "Lake Wiew"), "no society is called 'Lake Wiew': there is"),
        ((), "which society? give --society with one of 'Hill Top', 'Lake View'"),
    ],
)
def test_a_treasurers_slip_is_one_line(
    site: Site, store_dsn: str, words: tuple[str, ...], says: str
) -> None:
    Site(site.conn, site.folder, "Hill Top", "gw-b")
    result = CliRunner().invoke(app, ["month", "status", *words, "--dsn", store_dsn])
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr


def test_one_command_explains_all_of_a_flat(society: Site, store_dsn: str) -> None:
    society.units(unit_line("A-1", "77", service="water", source="main"))
    close_month(society.conn, SOCIETY, "2026-07", NINE)
    asked = ["explain", "A-1", "--month", "2026-07", "--dsn", store_dsn]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    answers = [line for line in result.stdout.splitlines() if ", July 2026: " in line]
    assert [answer.split(",")[0] for answer in answers] == ["A-1 electricity", "A-1 water"]
    lift = ["explain", "Tower 1 lift", "--month", "July 2026", "--dsn", store_dsn]
    assert "Tower 1 lift (common area) electricity" in CliRunner().invoke(app, lift).stdout


def test_a_closing_that_was_refused_is_told_first(society: Site) -> None:
    why = "2026-07 is not closed: a rollup differs: cloud-ingest recompute --month 2026-07"
    society_id = find_society(society.conn, SOCIETY)
    put_turn(society.conn, society_id, "2026-07", LastTurn({}, 0, END + HOUR, why))
    sentence, refused, *_ = said(society, NINE)
    assert (
        "2 of 5 are read at its end, 3 are not, and its last closing was refused: A-2" in sentence
    )
    assert refused == f"It could not be closed on 1 Aug 01:00, and is as it was before: {why}"


def test_every_command_that_is_given_is_one(society: Site) -> None:
    close_month(society.conn, SOCIETY, "2026-07", NINE)
    given = [each for now in (NINE, END + timedelta(days=8)) for each in commands(society, now)]
    assert {words[1] for words in given} >= {"gateway", "self-read", "reading"}
    for words in given:
        assert CliRunner().invoke(app, [*words[1:], "--help"]).exit_code == 0, words
