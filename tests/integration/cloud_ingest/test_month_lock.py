# SPDX-License-Identifier: MIT
"""The commands that approve a month and open it again; locks.toml tells what follows."""

import json
import re
from datetime import timedelta

import pytest
from typer.testing import CliRunner, Result

from cloud_ingest.cli.command_line import app
from cloud_ingest.month.close import close_month
from cloud_ingest.store.month_locks import lock_of, lock_words, locked_months
from tests.support.received import read_received
from tests.support.store import SOCIETY, Site, every, local, unit_line

START, END = local("2026-07-01 00:00"), local("2026-08-01 00:00")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def month(dsn: str, *words: str) -> Result:
    command = ["month", words[0], "2026-07", *words[1:], "--society", SOCIETY, "--dsn", dsn]
    return CliRunner().invoke(app, command)


@pytest.fixture
def flats(site: Site) -> Site:
    """Two flats, of which one was not read at the end of July."""
    site.units(unit_line("A-1", "1"), unit_line("A-2", "2"))
    site.deliver("1", every(START, END, 100_000, 100, HOUR))
    site.deliver("2", every(START, END - DAY, 100_000, 100, HOUR))
    close_month(site.conn, SOCIETY, "2026-07", END + DAY)
    return site


def shown(dsn: str) -> str:
    """Return the hash that is shown of the manifest."""
    found = re.search(r"--manifest ([0-9a-f]{12})", month(dsn, "approve", "--by", "x").stdout)
    assert found
    return found[1]


def test_what_is_approved_is_shown_first(flats: Site, store_dsn: str) -> None:
    done = month(store_dsn, "approve", "--by", "treasurer")
    assert done.exit_code == 0
    text = " ".join(done.stdout.replace("\\\n", "").split())
    assert "1 number final, 0 provisional, 1 withheld, 0 changes held; manifest 1" in text
    assert "withheld: A-2 electricity (no reading stands for the end)" in text
    assert "--by treasurer --despite WHY --manifest" in text
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert lock_of(flats.conn, 1, "2026-07") is None


def test_a_month_that_is_not_whole_wants_a_reason(flats: Site, store_dsn: str) -> None:
    yes = ("approve", "--by", "treasurer", "--manifest", shown(store_dsn), "--yes")
    refused = month(store_dsn, *yes)
    assert refused.exit_code == 2
    assert "1 withheld, 0 provisional, 0 held" in refused.stderr
    done = month(store_dsn, *yes, "--despite", "A-2 moved out", "--json")
    assert json.loads(done.stdout)["numbers"] == 1
    lock = lock_of(flats.conn, 1, "2026-07")
    assert lock
    assert (lock.by, lock.reason, lock.version) == ("treasurer", "A-2 moved out", 1)
    manifest = read_received(flats.conn).manifests["2026-07"]
    assert manifest.approved
    assert (manifest.approved.by, manifest.version) == ("treasurer", 2)
    assert locked_months(flats.conn, 1, "2026-01") == ["2026-07"]


def test_a_month_that_changed_meanwhile_is_refused(flats: Site, store_dsn: str) -> None:
    seen = shown(store_dsn)
    flats.deliver("2", every(END - DAY, END, 172_000, 100, HOUR))
    close_month(flats.conn, SOCIETY, "2026-07", END + 2 * DAY)
    refused = month(store_dsn, "approve", "--by", "x", "--manifest", seen, "--yes")
    assert refused.exit_code == 2
    assert "is not what you saw: its manifest is version 2" in refused.stderr


def test_yes_needs_what_was_seen(flats: Site, store_dsn: str) -> None:
    refused = month(store_dsn, "approve", "--by", "x", "--yes")
    assert (refused.exit_code, "say what you saw" in refused.stderr) == (2, True)
    assert lock_words(flats.conn, 1) == []


def test_a_reopening_is_kept_with_its_reason(flats: Site, store_dsn: str) -> None:
    seen = shown(store_dsn)
    month(store_dsn, "approve", "--by", "x", "--manifest", seen, "--yes", "--despite", "so")
    refused = month(store_dsn, "reopen", "--by", "manager", "--reason", " ")
    assert (refused.exit_code, "--reason" in refused.stderr) == (2, True)
    done = month(store_dsn, "reopen", "--by", "manager", "--reason", "A-2 was read")
    assert (done.exit_code, "x had approved it on" in done.stdout) == (0, True)
    assert [(each.kind, each.by) for each in lock_words(flats.conn, 1, "2026-07")] == [
        ("approve", "x"),
        ("reopen", "manager"),
    ]
    assert read_received(flats.conn).manifests["2026-07"].approved is None


def test_what_came_after_the_approval_asks_for_a_reopening(flats: Site, store_dsn: str) -> None:
    yes = ("approve", "--by", "treasurer", "--manifest", shown(store_dsn), "--yes")
    assert month(store_dsn, *yes, "--despite", "A-2 moved out").exit_code == 0
    of_a_1 = ("A-1", "--service", "electricity", "--at", "2026-08-01 00:00", "--value", "174.9")
    word = ("--by", "caretaker", "--reason", "misread", "--society", SOCIETY, "--dsn", store_dsn)
    CliRunner().invoke(app, ["reading", "enter", *of_a_1, *word, "--yes"])
    close_month(flats.conn, SOCIETY, "2026-07", END + 2 * DAY)
    for told in (month(store_dsn, "status"), month(store_dsn, "changes")):
        text = " ".join(told.stdout.replace("\\\n", "").split())
        assert "1 change came after the month was approved" in text
        assert "cloud-ingest month reopen 2026-07 --by NAME --reason WHY" in text
        assert "number list" not in text
