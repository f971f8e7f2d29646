# SPDX-License-Identifier: MIT
"""Water and generator hours that persons enter: kept word by word, and a part of the balance."""

import json
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.core.balance import GENERATOR
from cloud_ingest.entries.by_hand import Said, enter_by_hand, say_again
from cloud_ingest.errors import HandEntryRefused, NotFound
from cloud_ingest.month.close import close_month
from shared_schema.balance import Reconciliation
from shared_schema.catalogue import WATER_VOLUME, Service, Unit
from shared_schema.readings import Column
from tests.support.store import SOCIETY, Site, every, local, unit_line

LITRES = Column(obis=WATER_VOLUME, scaler=0, unit=Unit.LITRE)
HOUR = timedelta(hours=1)
START, END = local("2026-07-01 00:00"), local("2026-08-01 00:00")
NOW = local("2026-08-05 09:00")


@pytest.fixture
def wet(site: Site) -> Site:
    """A tower whose inlet gives 10 L an hour, and whose flat takes 12."""
    water = {"service": "water"}
    site.units(
        unit_line("A-1", "1", tower="A", **water),
        unit_line("Inlet", "2", tower="A", kind="bulk", **water),
    )
    for serial, step in (("1", 12), ("2", 10)):
        site.deliver(serial, every(START - HOUR, END + HOUR, 500, step, HOUR), column=LITRES)
    return site


def enter(site: Site, amount: str, at: str = "2026-07-09 10:00", **more: str) -> Said:
    return enter_by_hand(
        site.conn,
        SOCIETY,
        "A",
        more.get("source", "tanker"),
        Decimal(amount),
        at=local(at),
        by="caretaker",
        reason="bill 7",
        now=NOW,
    )


def again(site: Site, number: int, amount: str | None, **more: bool) -> Said:
    return say_again(
        site.conn,
        SOCIETY,
        number,
        None if amount is None else Decimal(amount),
        is_generator=more.get("is_generator", False),
        by="manager",
        reason="typing error",
        now=NOW,
    )


def closed(site: Site, now: datetime = NOW) -> Reconciliation:
    (found,) = close_month(site.conn, SOCIETY, "2026-07", now).reconciliations
    return found


def test_a_tanker_is_a_part_of_what_came_in(wet: Site) -> None:
    alone = closed(wet)
    assert (alone.bulk, alone.loss) == (Decimal("7.440"), Decimal("-1.488"))
    said = enter(wet, "10")
    assert (said.entry.number, said.closed) == (1, ("2026-07",))
    found = closed(wet, NOW + HOUR)
    assert (found.version, found.bulk, found.loss) == (2, Decimal("17.440"), Decimal("8.512"))
    assert [(each.source, each.quantity, each.by) for each in found.supplies] == [
        ("main", Decimal("7.440"), ()),
        ("tanker", Decimal(10), ("caretaker",)),
    ]
    assert "Tanker: 10 kL entered by hand by caretaker." in found.sentence


def test_a_later_word_holds_and_all_are_kept(wet: Site) -> None:
    enter(wet, "10")
    assert again(wet, 1, "9").former is not None
    enter(wet, "3", "2026-07-10 10:00")
    assert closed(wet).bulk == Decimal("19.440")
    again(wet, 1, None)
    assert closed(wet, NOW + HOUR).bulk == Decimal("10.440")
    with pytest.raises(HandEntryRefused, match="was taken back by manager"):
        again(wet, 1, "9")
    rows = wet.all("SELECT amount, author, reason FROM hand_entry WHERE number = 1 ORDER BY 1")
    assert [row[1:] for row in rows].count(("manager", "typing error")) == 2


@pytest.mark.parametrize(
    ("amount", "at", "source", "fault"),
    [
        ("0", "2026-07-09 10:00", "tanker", "is not above 0"),
        ("-4", "2026-07-09 10:00", "tanker", "is not above 0"),
        ("10001", "2026-07-09 10:00", "tanker", "at most 10000 kL"),
        ("745", "2026-07-09 10:00", GENERATOR, "at most 744 hours"),
        ("1.0001", "2026-07-09 10:00", "tanker", "with 3 digits"),
        ("1", "2026-09-09 10:00", "tanker", "in the future"),
        ("1", "2026-07-09 10:00", "lake", "is no source: tanker, borewell, main"),
    ],
)
def test_what_cannot_be_is_refused(
    wet: Site, amount: str, at: str, source: str, fault: str
) -> None:
    with pytest.raises(HandEntryRefused, match=fault):
        enter(wet, amount, at, source=source)
    assert wet.one("SELECT count(*) FROM hand_entry") == 0


def test_the_same_twice_is_one(wet: Site) -> None:
    enter(wet, "10")
    with pytest.raises(HandEntryRefused, match="entry 1 of caretaker says the same already"):
        enter(wet, "10")
    assert enter(wet, "10", "2026-07-09 15:00").entry.number == 2


def test_an_entry_is_of_its_society_and_kind(wet: Site) -> None:
    enter(wet, "10")
    with pytest.raises(NotFound, match="no such entry 1"):
        again(wet, 1, "9", is_generator=True)
    wet.conn.execute("INSERT INTO society (name) VALUES ('Other')")
    with pytest.raises(NotFound, match="Other has no such entry 1"):
        say_again(wet.conn, "Other", 1, None, is_generator=False, by="x", reason="y", now=NOW)
    with pytest.raises(NotFound, match="has no tower 'B'"):
        enter_by_hand(
            wet.conn, SOCIETY, "B", "tanker", Decimal(1), at=START, by="x", reason="y", now=NOW
        )


def run(dsn: str, *words: str) -> str:
    result = CliRunner().invoke(app, list(words), env={"IOT_UTILITY_DSN": dsn, "COLUMNS": "80"})
    assert result.exit_code == 0, result.output
    return result.output


def test_the_commands_enter_correct_list_and_show(wet: Site, store_dsn: str) -> None:
    closed(wet)
    of = ("--society", SOCIETY, "--by", "caretaker")
    when = ("--at", "2026-07-09 10:00")
    told = run(store_dsn, "water", "add", "10", "--tower", "A", "--source", "tanker", *when, *of)
    assert told.splitlines() == [
        "entry 1: A, tanker, 2026-07-09 10:00: 10 kL",
        f"close 2026-07 again: cloud-ingest close-month 2026-07 --society '{SOCIETY}'",
    ]
    why = ("--reason", "typing error")
    assert "9 kL, was 10 kL" in run(store_dsn, "water", "correct", "1", "9", *of, *why)
    run(store_dsn, "generator", "hours", "4.5", "--tower", "A", *when, *of)
    assert "4.5 h" in run(store_dsn, "generator", "list", "2026-07")
    listed = json.loads(run(store_dsn, "water", "list", "2026-07", "--json"))
    assert (listed["entry"], listed["amount"], listed["unit"]) == (1, "9", "kL")
    closed(wet, NOW + HOUR)
    shown = run(store_dsn, "towers", "--society", SOCIETY, "--month", "2026-07")
    assert "tanker             9  entered by caretaker\n" in shown
    assert max(map(len, shown.splitlines())) <= 80
    days = json.loads(
        run(store_dsn, "towers", "--society", SOCIETY, "--month", "2026-07", "--days", "--json")
    )["towers"]
    assert [each["bulk"] for each in days if each["day"] in {"2026-07-08", "2026-07-09"}] == [
        "0.240",
        "9.240",
    ]
    assert "taken back, was 9 kL" in run(store_dsn, "water", "take-back", "1", *of, *why)
    assert "nothing was entered" in run(store_dsn, "water", "list", "2026-07")
    assert Service.WATER in {each["service"] for each in days}
