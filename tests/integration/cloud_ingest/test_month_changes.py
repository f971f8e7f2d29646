# SPDX-License-Identifier: MIT
"""What changed of a month after it was closed: from what to what, by whom and why."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.cli.month_changes_text import changes_text
from cloud_ingest.core.month import month_of
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.self_read import self_read
from cloud_ingest.entries.units import Named, take_back
from cloud_ingest.month.changes_after import MonthChanges, month_changes, settles_at
from cloud_ingest.month.close import close_month
from cloud_ingest.month.decision import SaidOfNumber, decide
from cloud_ingest.month.exported import month_export
from cloud_ingest.month.status import month_status
from cloud_ingest.month.status_words import status_sentence
from cloud_ingest.settings_society import RunRules
from cloud_ingest.store.number_words import NumberKey
from shared_schema.billing import Approval
from shared_schema.catalogue import Service
from tests.support.store import SOCIETY, ZONE, Site, every, local, unit_line

START, END, AUGUST_END = (local(f"2026-{month}-01 00:00") for month in ("07", "08", "09"))
JULY, AUGUST = month_of(2026, 7, ZONE), month_of(2026, 8, ZONE)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NINE = END + 9 * HOUR
LATER = AUGUST_END + 4 * DAY
A1 = NumberKey("unit", "A-1", Service.ELECTRICITY)


def close(site: Site, now: datetime, month: str = "2026-07") -> None:
    close_month(site.conn, SOCIETY, month, now)


def changes(site: Site, since: datetime | None = None, month: str = "2026-07") -> MonthChanges:
    span = JULY if month == "2026-07" else AUGUST
    return month_changes(site.conn, SOCIETY, span, since)


def told(found: MonthChanges) -> list[str]:
    """Return the paragraphs, each as one line."""
    text = changes_text(found, ZONE, LATER)
    assert max(map(len, text.splitlines())) <= 80
    return [" ".join(part.replace("\\\n", "").split()) for part in text.split("\n\n")]


def read_dial(
    site: Site, value: str, at: datetime, now: datetime, force: str | None = None
) -> None:
    self_read(
        site.conn,
        SOCIETY,
        NamedMeter("A-1", Service.ELECTRICITY),
        value=Decimal(value),
        at=at,
        by="caretaker",
        now=now,
        force_because=force,
    )


@pytest.fixture
def flat(site: Site) -> Site:
    """A flat whose meter was read up to the last day of July, and from 2 August on."""
    site.units(unit_line("A-1", "1"), unit_line("A-2", "2"))
    site.deliver("1", every(START, END - 20 * HOUR, 100_000, 100, HOUR))
    site.deliver("2", every(START, END, 100_000, 100, HOUR))
    return site


def test_an_open_month_has_not_changed(flat: Site) -> None:
    assert told(changes(flat)) == [
        "July is not closed: nothing was sent, and nothing can have changed"
    ]


def test_nothing_changed_is_one_sentence(flat: Site) -> None:
    close(flat, NINE)
    close(flat, LATER)
    assert told(changes(flat)) == ["July: no number changed after it was closed on 1 Aug 09:00"]


def test_a_number_that_came_late_was_missing(flat: Site) -> None:
    close(flat, NINE)
    flat.deliver("1", every(END - 19 * HOUR, END, 172_500, 100, HOUR))
    close(flat, LATER)
    sentence, number = told(changes(flat))
    assert sentence == (
        "July: 1 number changed after it was closed on 1 Aug 09:00; in all electricity +74.400 kWh"
    )
    assert number == (
        "A-1 electricity: 74.400 kWh, which was missing before "
        "5 Sep 00:00, version 1: nobody asked for it: readings came later."
    )
    assert changes(flat, since=LATER).numbers == ()


def test_a_dial_that_was_read_again_has_its_person(flat: Site) -> None:
    read_dial(flat, "175.400", END + 8 * HOUR, NINE)
    close(flat, NINE)
    read_dial(flat, "174.400", END + 8 * HOUR, NINE + DAY, "the photo says 174.4")
    close(flat, NINE + DAY)
    sentence, number = told(changes(flat))
    assert sentence.endswith("in all electricity -1.000 kWh")
    assert number == (
        "A-1 electricity: from 75.400 to 74.400 kWh (-1.000) 2 Aug 09:00, version 2: "
        'on 2 Aug 09:00 caretaker gave a dial: "the photo says 174.4". The end of meter '
        "LNT 1 was 175.400 kWh of 1 Aug 08:00, read from the dial by a person; it is "
        "174.400 kWh of 1 Aug 08:00, "
        "entered by a person."
    )


def test_the_list_of_units_takes_back_and_gives(flat: Site) -> None:
    close(flat, NINE)
    named = Named("A-2", Service.ELECTRICITY)
    take_back(
        flat.conn, SOCIETY, named, by="manager", reason="it is of A-3", now=NINE + DAY, apply=True
    )
    flat.units(unit_line("A-3", "2"), now=NINE + DAY)
    close(flat, LATER)
    _, taken, given = told(changes(flat))
    assert taken.startswith("A-2 electricity: taken back, it was 74.400 kWh 5 Sep 00:00, version 2")
    assert 'on 2 Aug 09:00 manager took a line of the list of units back: "it is of A-3"' in taken
    assert given.startswith("A-3 electricity: 74.400 kWh, which was missing before")
    assert "changed the list of units" in given
    assert sum(changes(flat).sums.values()) == 0


def test_what_waits_stands_below_what_changed(flat: Site) -> None:
    read_dial(flat, "180.400", END + 8 * HOUR, NINE)
    close(flat, NINE)
    flat.deliver("1", every(END - 19 * HOUR, END, 172_500, 100, HOUR))
    close(flat, NINE + DAY)
    sentence, waits = told(changes(flat))
    assert sentence.startswith("July: no number changed")
    assert waits.startswith(
        "1 change waits for a decision; what was sent stands: "
        "A-1 electricity: 80.400 kWh would become 74.400 kWh"
    )
    word = SaidOfNumber("2026-07", A1, "accept", "treasurer", "the dial was wrong")
    decide(flat.conn, SOCIETY, word, NINE + 2 * DAY, apply=True)
    _, number = told(changes(flat))
    assert 'on 3 Aug 09:00 treasurer accepted the number: "the dial was wrong".' in number


def test_a_month_that_begins_elsewhere_names_the_one_before(flat: Site) -> None:
    read_dial(flat, "174.900", END + 8 * HOUR, NINE)
    flat.deliver("1", every(END + DAY, AUGUST_END, 176_900, 100, HOUR))
    flat.deliver("2", every(END + HOUR, AUGUST_END, 174_500, 100, HOUR))
    close(flat, NINE)
    close(flat, AUGUST_END + 9 * HOUR, "2026-08")
    flat.deliver("1", [(END, 174_400)])
    close(flat, LATER)
    july, august = changes(flat), changes(flat, month="2026-08")
    assert [each.changes[0].cause.root for each in july.numbers] == ["readings"]
    (begun,) = august.numbers
    assert (begun.subject, begun.difference) == ("A-1", Decimal("0.500"))
    assert "July now ends elsewhere, and this month begins there." in told(august)[1]


def test_a_rule_that_disbelieves_a_border_is_named(flat: Site) -> None:
    flat.deliver("1", every(END - 19 * HOUR, END - HOUR, 172_500, 100, HOUR))
    flat.deliver("1", [(END, 174_900)])
    close(flat, NINE)
    flat.deliver("1", every(END, END + 6 * HOUR, 174_400, 100, HOUR))
    close(flat, LATER)
    (number,) = [each for each in changes(flat).numbers if each.subject == "A-1"]
    assert number.changes[-1].cause.root == "rule"
    assert (
        "a reading at a border is no longer believed: the register falls" in told(changes(flat))[1]
    )


def test_json_has_each_version_and_the_sums(flat: Site, store_dsn: str) -> None:
    close(flat, NINE)
    flat.deliver("1", every(END - 19 * HOUR, END, 172_500, 100, HOUR))
    close(flat, LATER)
    result = CliRunner().invoke(
        app, ["month", "changes", "2026-07", "--since", "2026-08-01", "--json", "--dsn", store_dsn]
    )
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["sums"] == {"electricity": "74.400"}
    assert found["numbers"][0]["changes"][0]["kind"] == "sent_late"


def test_a_provisional_number_becomes_final(flat: Site) -> None:
    flat.deliver("1", [(END - 19 * HOUR, 172_500)])
    close_month(flat.conn, SOCIETY, "2026-07", NINE, estimates="sent")
    found = month_status(flat.conn, SOCIETY, JULY, NINE, window=3 * DAY)
    assert status_sentence(found, ZONE, NINE) == "July: 1 of 2 final, 1 provisional"
    exported = month_export(flat.conn, SOCIETY, JULY)
    assert [each.status.value for each in exported.numbers] == ["provisional", "final"]
    flat.deliver("1", every(END - 18 * HOUR, END, 172_600, 100, HOUR))
    close_month(flat.conn, SOCIETY, "2026-07", LATER, estimates="sent")
    _, number = told(changes(flat))
    assert "it was an estimate, and its border is read now." in number


def test_an_approved_month_says_by_whom(flat: Site) -> None:
    close(flat, NINE)
    found = month_status(flat.conn, SOCIETY, JULY, NINE, window=3 * DAY)
    word = Approval(by="treasurer", at=NINE + 2 * DAY)
    assert status_sentence(replace(found, approved=word), ZONE, LATER).startswith(
        "July: 1 of 2 final, approved by treasurer on 3 Aug, 1 withheld: A-1 electricity"
    )


def test_a_month_that_closes_by_itself_is_not_late_before_six(flat: Site) -> None:
    close(flat, END + HOUR)
    flat.deliver("1", every(END - 19 * HOUR, END, 172_500, 100, HOUR))
    close(flat, END + 2 * HOUR)
    assert len(changes(flat).numbers) == 1
    settled = settles_at(RunRules(), JULY, ZONE)
    assert settled == END + 6 * HOUR
    assert month_changes(flat.conn, SOCIETY, JULY, settled_at=settled).numbers == ()
