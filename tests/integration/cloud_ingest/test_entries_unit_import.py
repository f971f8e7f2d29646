# SPDX-License-Identifier: MIT
"""The difference of a list is shown, writes nothing, and is applied as it was seen."""

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.cli.units_text import difference_lines
from cloud_ingest.core.unit_list import COLUMNS, Line, parse
from cloud_ingest.entries.unit_import import Preview, apply_units, preview_units
from cloud_ingest.errors import ImportRefused, PreviewOutdated
from cloud_ingest.month.close import close_month
from cloud_ingest.store.assignment_versions import Word
from tests.support.store import SOCIETY, ZONE, Site, every, local, unit_line

HOUR = timedelta(hours=1)
NOW = local("2026-07-20 09:00")
WORD = Word("Asha", "meters of July", NOW)
FIRST = unit_line("A-1", "1")
STATE = "SELECT * FROM assignment_version ORDER BY assignment_id"


def lines_of(*lines: str) -> Mapping[int, Line]:
    return parse("\n".join([",".join(COLUMNS), *lines]), ZONE)


def shown(site: Site, *lines: str) -> Preview:
    return preview_units(site.conn, SOCIETY, lines_of(*lines), now=NOW)


def test_a_preview_writes_nothing(site: Site) -> None:
    before = site.all(STATE), site.all("SELECT name FROM society")
    preview = shown(site, FIRST)
    assert (preview.done.added, preview.is_applied) == (1, False)
    assert preview_units(site.conn, "New", lines_of(FIRST), now=NOW).done.added == 1
    assert (site.all(STATE), site.all("SELECT name FROM society")) == before


def test_a_difference_says_from_what_to_what(site: Site) -> None:
    site.units(FIRST, unit_line("A-2", "2"), unit_line("A-3", "3"))
    rows = every(local("2026-04-29 00:00"), local("2026-07-05 00:00"), 1000, 960, HOUR)
    for serial in "123":
        site.deliver(serial, rows)
    for month in ("2026-05", "2026-06"):
        close_month(site.conn, SOCIETY, month, NOW)
    preview = shown(
        site,
        unit_line("A-1", "1", until="2026-06-15"),
        unit_line("A-1", "9", since="2026-06-15"),
        unit_line("A-2", "2", tower="T2"),
        unit_line("A-3", "3"),
    )
    assert list(difference_lines(preview, ZONE)) == [
        "added: A-1 electricity (grid), meter LNT 9, in Tower 1, from 2026-06-15 00:00 on",
        "ended: A-1 electricity (grid), meter LNT 1, on 2026-06-15 00:00",
        "changed: A-2 electricity (grid), meter LNT 2: tower from Tower 1 to T2",
        "1 added, 1 changed, 1 ended, 1 unchanged",
        "closed months that it touches: 2026-05, 2026-06",
    ]


def test_what_was_seen_is_applied(site: Site) -> None:
    preview = shown(site, FIRST)
    done = apply_units(site.conn, SOCIETY, lines_of(FIRST), WORD, seen=preview.token)
    assert (done.is_applied, done.changes) == (True, preview.changes)
    assert shown(site, FIRST).changes == ()


def test_a_preview_that_is_outdated_is_refused(site: Site) -> None:
    site.units(FIRST)
    ends = unit_line("A-1", "1", until="2026-07-15")
    preview = shown(site, ends)
    site.units(unit_line("A-1", "1", until="2026-07-01"), now=NOW)
    before = site.all(STATE)
    with pytest.raises(PreviewOutdated) as caught:
        apply_units(site.conn, SOCIETY, lines_of(ends), WORD, seen=preview.token)
    assert caught.value.lines == (
        "A-1 electricity: said on 2026-07-20 09:00 by unit management: import of units.csv",
    )
    assert site.all(STATE) == before


def test_a_change_elsewhere_does_not_outdate_a_preview(site: Site) -> None:
    preview = shown(site, FIRST)
    site.units(unit_line("A-2", "2"), now=NOW)
    assert apply_units(site.conn, SOCIETY, lines_of(FIRST), WORD, seen=preview.token).is_applied


def test_every_fault_is_named_at_once(site: Site) -> None:
    with pytest.raises(ImportRefused) as caught:
        shown(
            site,
            FIRST,
            unit_line("A-2", "1"),
            unit_line("A-3", "3", source="inlt-1"),
            unit_line("A-4", "4") + ",gw-none",
        )
    assert [text.partition(":")[0] for text in caught.value.lines] == ["line 5"]


def test_the_command_answers_in_json(
    plain_store_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOT_UTILITY_DSN", plain_store_dsn)
    path = tmp_path / "units.csv"
    path.write_text("\n".join([",".join(COLUMNS), FIRST]) + "\n", encoding="utf-8")
    words = ["units", "import", str(path), "--society", SOCIETY, "--json"]
    seen = json.loads(CliRunner().invoke(app, words).stdout)
    done = json.loads(CliRunner().invoke(app, [*words, "--yes"]).stdout)
    assert (seen["applied"], done["applied"]) == (False, True)
    assert seen["changes"] == done["changes"]
    assert seen["changes"][0]["after"]["valid_from"] == "2025-12-31T18:30:00Z"
