# SPDX-License-Identifier: MIT
"""``close-month --dry-run`` says what closing right after does, and writes nothing."""

import json
from datetime import timedelta

from typer.testing import CliRunner, Result

from cloud_ingest.cli.command_line import app
from tests.support.received import read_received
from tests.support.store import SOCIETY, Site, every, local, unit_line

START, END = local("2026-07-01 00:00"), local("2026-08-01 00:00")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def close(dsn: str, *words: str) -> Result:
    command = ["close-month", "2026-07", *words, "--society", SOCIETY, "--dsn", dsn]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    return done


def state(site: Site) -> list[object]:
    """Return everything of months that is kept or waits to be sent."""
    tables = ("month_number", "month_withdrawal", "month_close", "month_doubt", "outbox")
    return [site.all(f"TABLE {table}") for table in tables]


def test_a_dry_run_shows_what_closing_does(site: Site, store_dsn: str) -> None:
    site.units(unit_line("A-1", "1"), unit_line("A-2", "2"), unit_line("A-3", "3"))
    site.deliver("1", every(START, END - DAY, 100_000, 40, HOUR), period_s=3600)
    site.deliver("2", every(START, END, 100_000, 40, HOUR), period_s=3600)
    before = state(site)
    planned = json.loads(close(store_dsn, "--dry-run", "--json").stdout)["planned"]
    assert [(each["subject"], each["what"]) for each in planned] == [
        ("A-1", "withhold"),
        ("A-2", "send"),
        ("A-3", "withhold"),
    ]
    assert state(site) == before
    text = close(store_dsn, "--dry-run").stdout
    assert "sends 2026-07 A-2 electricity: nothing -> 29.760 kWh (v1)" in text
    assert text.endswith("nothing is written\n")
    close(store_dsn)
    sent = {line.subject: each for line, each in read_received(site.conn).numbers.items()}
    assert {name: each.version for name, each in sent.items()} == {"A-2": 1}
    assert json.loads(close(store_dsn, "--dry-run", "--json").stdout)["planned"] == []


def test_a_dry_run_shows_what_would_be_held(site: Site, store_dsn: str) -> None:
    site.units(unit_line("A-1", "1"))
    site.deliver("1", every(START, END - HOUR, 100_000, 40, HOUR), period_s=3600)
    close(store_dsn)
    site.deliver("1", [(END, 100_000 + 36_000)], period_s=3600)
    [held] = json.loads(close(store_dsn, "--dry-run", "--json").stdout)["planned"]
    assert (held["what"], held["before"], held["version"]) == ("hold", "29.720", None)
    close(store_dsn)
    [now] = read_received(site.conn).manifests["2026-07"].held
    assert str(now.quantity) == held["after"]
