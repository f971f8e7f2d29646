# SPDX-License-Identifier: MIT
"""Witness reads: a sentence that is kept, and no number that changes."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.cli.explain_text import explanation_text
from cloud_ingest.entries.dial import compare_dial
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.witness import witness, witnessed
from cloud_ingest.errors import SelfReadRefused
from cloud_ingest.month.explain import Asked, explain
from cloud_ingest.store.witness_reads import WitnessRead
from shared_schema.catalogue import Service
from tests.support.store import SOCIETY, ZONE, Site, every, local, unit_line

START = local("2026-07-01 00:00")
AT = START + timedelta(hours=9, minutes=5)
NOW = local("2026-07-02 00:00")
FLAT = NamedMeter("A-1204", Service.ELECTRICITY)


@pytest.fixture
def flat(site: Site) -> Site:
    """A flat whose meter counts 100 Wh each quarter of an hour, from 1,000 kWh on."""
    site.units(unit_line("A-1204", "1"), unit_line("A-1205", "2"))
    site.deliver("1", every(START, START + timedelta(hours=10), 1_000_000, 100))
    return site


def look(site: Site, shown: str, at: datetime = AT, named: NamedMeter = FLAT) -> WitnessRead:
    return witness(
        site.conn, SOCIETY, named, shown=shown, at=at, by="manager", beside="resident", now=NOW
    )


def test_a_dial_agrees_within_what_was_read_around_it(flat: Site) -> None:
    found = look(flat, "1003")
    assert (found.verdict, found.low, found.high) == (
        "agrees",
        Decimal("1003.6"),
        Decimal("1003.701"),
    )
    assert found.sentence == (
        "The dial of A-1204 electricity showed 1003 kWh on 1 Jul 09:05. By the reading of 1 Jul "
        "09:00 and that of 1 Jul 09:15 it had to show 1003.600 to 1003.701 kWh. They agree."
    )


def test_a_dial_that_differs_is_told_and_kept(flat: Site) -> None:
    found = look(flat, "1002.9")
    assert found.verdict == "differs"
    assert witnessed(flat.conn, SOCIETY, FLAT) == [found]


def test_what_stands_between_dial_and_module_is_counted_in(flat: Site) -> None:
    compare_dial(
        flat.conn,
        SOCIETY,
        FLAT,
        value=Decimal(6000),
        at=START,
        by="installer",
        reason="commissioned",
        now=NOW,
    )
    assert look(flat, "6003").verdict == "agrees"
    assert look(flat, "1003").verdict == "differs"


def test_no_reading_is_no_verdict(flat: Site) -> None:
    found = look(flat, "17", named=NamedMeter("A-1205", Service.ELECTRICITY))
    assert (found.verdict, "No reading of it is held." in found.sentence) == ("cannot_say", True)


def test_a_witness_read_changes_no_number(flat: Site) -> None:
    counted = (
        "SELECT (SELECT count(*) FROM reading), (SELECT count(*) FROM claim),"
        " (SELECT count(*) FROM epoch), (SELECT count(*) FROM dial_reading),"
        " (SELECT count(*) FROM self_read), (SELECT count(*) FROM channel)"
    )
    before = flat.all(counted)
    look(flat, "99999")
    assert flat.all(counted) == before


def test_explain_tells_what_witnesses_saw(flat: Site) -> None:
    look(flat, "1003")
    found = explain(flat.conn, Asked(SOCIETY, "2026-07", "A-1204", Service.ELECTRICITY), NOW)
    text = " ".join(explanation_text(found, ZONE).split())
    assert "They agree. Read by manager, with resident." in text


def test_what_is_no_dial_is_refused(flat: Site) -> None:
    with pytest.raises(SelfReadRefused, match="is no dial value"):
        look(flat, "about 1000")


def test_the_command_says_the_sentence(flat: Site, store_dsn: str) -> None:
    words = ["witness", "A-1204", "1003", "--service", "electricity", "--by", "manager"]
    given = [*words, "--at", "2026-07-01 09:05", "--society", SOCIETY, "--dsn", store_dsn]
    result = CliRunner().invoke(app, given)
    assert (result.exit_code, "They agree." in " ".join(result.output.split())) == (0, True)
    assert max(map(len, result.output.splitlines())) <= 80
    assert len(witnessed(flat.conn, SOCIETY, FLAT)) == 1
