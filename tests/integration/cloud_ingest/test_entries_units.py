# SPDX-License-Identifier: MIT
"""The list of units: dated, taken whole or not at all, the same again nothing."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.core.unit_list import COLUMNS
from cloud_ingest.entries.units import Imported, import_units
from cloud_ingest.errors import ImportRefused
from cloud_ingest.store.registry import load_registry
from tests.support.store import IMPORTED_AT, SOCIETY, Site, local, unit_line

PLACES = (
    "SELECT serial, subject, valid_from, valid_to FROM assignment JOIN meter USING (meter_id) "
    "ORDER BY assignment_id"
)


def refused(site: Site, *lines: str) -> tuple[str, ...]:
    before = site.all(PLACES)
    with pytest.raises(ImportRefused) as caught:
        site.units(*lines)
    assert site.all(PLACES) == before
    return caught.value.lines


def test_the_same_list_again_changes_nothing(site: Site) -> None:
    lines = [unit_line("A-1", "1"), unit_line("A-2", "2"), "T,unit,C-1,water,,,,yes,2026-06-01,"]
    assert site.units(*lines) == Imported(3, 0, 0)
    before = site.all(PLACES)
    assert site.units(*lines) == Imported(0, 0, 3)
    assert site.all(PLACES) == before
    assert before[0] == ("1", "A-1", local("2026-01-01 00:00"), None)
    assert before[2][0] == "C-1:water"


def test_a_replacement_is_taken_in(site: Site) -> None:
    site.units(unit_line("A-1", "1"))
    done = site.units(
        unit_line("A-1", "1", until="2026-07-15"), unit_line("A-1", "2", since="2026-07-15")
    )
    assert done == Imported(1, 1, 0)
    swap = local("2026-07-15 00:00")
    assert [row[2:] for row in site.all(PLACES)] == [
        (local("2026-01-01 00:00"), swap),
        (swap, None),
    ]
    known = load_registry(site.conn).meters
    society_id = site.one("SELECT society_id FROM society")
    assert known[society_id, "LNT", "1"].installed == ((local("2026-01-01 00:00"), swap),)


def test_a_meter_may_move_to_another_flat(site: Site) -> None:
    site.units(unit_line("A-1", "1"))
    site.units(unit_line("A-1", "1", until="2026-07-15"), unit_line("A-2", "1", since="2026-07-15"))
    assert [row[1] for row in site.all(PLACES)] == ["A-1", "A-2"]
    assert site.one("SELECT count(*) FROM meter") == 1


def test_meters_may_be_swapped_in_one_list(site: Site) -> None:
    site.units(unit_line("A-1", "1"), unit_line("A-2", "2"))
    done = site.units(
        unit_line("A-1", "1", until="2026-07-15"),
        unit_line("A-2", "2", until="2026-07-15"),
        unit_line("A-1", "2", since="2026-07-15"),
        unit_line("A-2", "1", since="2026-07-15"),
    )
    assert done == Imported(2, 2, 0)


def test_dates_and_towers_can_be_corrected(site: Site) -> None:
    site.units(unit_line("A-1", "1"))
    assert site.units(unit_line("A-1", "1", since="2026-02-01", tower="T2")) == Imported(0, 1, 0)
    assert site.one("SELECT tower, valid_from FROM assignment") == ("T2", local("2026-02-01 00:00"))


def test_a_removed_line_leaves_what_it_said(site: Site) -> None:
    site.units(unit_line("A-1", "1"), unit_line("A-2", "2"))
    assert site.units(unit_line("A-2", "2")) == Imported(0, 0, 1)
    assert len(site.all(PLACES)) == 2


def test_every_bad_line_is_named(site: Site) -> None:
    good = unit_line("A-9", "9")
    lines = refused(
        site,
        good,
        "Tower 1,flat,A-1,electricity,grid,LNT,1,no,2026-01-01,",
        "Tower 1,unit,A-1,gas,grid,LNT,1,no,2026-01-01,",
        "Tower 1,unit,,electricity,grid,LNT,1,no,2026-01-01,",
        "Tower 1,unit,A-1,electricity,grid,LNT,,no,2026-01-01,",
        "Tower 1,unit,A-1,electricity,grid,LNT,1,perhaps,2026-01-01,",
        "Tower 1,unit,A-1,electricity,grid,LNT,1,no,01/07/2026,",
        "Tower 1,unit,A-1,electricity,grid,LNT,1,no,2026-07-01,2026-07-01",
        ",bulk,A,electricity,grid,LNT,1,no,2026-07-01,",
        "Tower 1,unit,A-1",
        "Tower 1,unit,A-1,electricity,grid,LNT,1,no,0001-01-01,",
    )
    assert lines == (
        "line 3: subject_type 'flat' is none of unit, common, bulk",
        "line 4: service 'gas' is none of electricity, water",
        "line 5: subject is missing",
        "line 6: serial is missing",
        "line 7: legacy 'perhaps' is neither yes nor no",
        "line 8: valid_from '01/07/2026' is not a date: write it as 2026-07-01",
        "line 9: valid_to 2026-07-01 is not after 2026-07-01",
        "line 10: a bulk meter needs its tower",
        "line 11: it does not have 10 fields, as the first line has",
        "line 12: valid_from '0001-01-01' is not a date: write it as 2026-07-01",
    )


def test_lines_that_contradict_each_other_are_named(site: Site) -> None:
    assert refused(site, unit_line("A-1", "1"), unit_line("A-2", "1")) == (
        "line 3: meter LNT 1 would serve A-2 electricity (grid) and, by line 2, "
        "A-1 electricity (grid) at the same time: give the former a valid_to",
    )
    assert "by line 2" in refused(site, unit_line("A-1", "1"), unit_line("A-1", "1"))[0]


def test_lines_that_contradict_what_is_known_are_named(site: Site) -> None:
    site.units(unit_line("A-1", "1"))
    (line,) = refused(site, unit_line("A-1", "2", since="2026-07-01"))
    assert line == (
        "line 2: A-1 electricity (grid) would have two meters at the same time, LNT 2 and, by "
        "what was imported before, LNT 1: give the line of the former a valid_to"
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"tower,unit\n", "line 1: column subject_type is missing"),
        (b"", "line 1: column tower is missing"),
        ((",".join(COLUMNS) + ",extra\n").encode(), "line 1: column 'extra' is not known"),
        (b"\xff\xfe", "is not UTF-8"),
        ((",".join(COLUMNS) + '\nT,unit,"A-1\n').encode(), "not CSV"),
    ],
)
def test_a_file_that_is_no_list_is_refused(
    plain_store_dsn: str, tmp_path: Path, content: bytes, says: str
) -> None:
    path = tmp_path / "units.csv"
    path.write_bytes(content)
    runner = CliRunner()
    environment = {"IOT_UTILITY_DSN": plain_store_dsn}
    words = ["units", "import", str(path), "--society", SOCIETY]
    result = runner.invoke(app, words, env=environment)
    assert result.exit_code == 2
    assert says in result.output
    assert "Traceback" not in result.output
    missing = runner.invoke(
        app, ["units", "import", str(tmp_path / "no"), "--society", SOCIETY], env=environment
    )
    assert missing.exit_code == 2
    assert "No such file" in missing.output


def test_two_societies_have_their_own_meters(site: Site) -> None:
    site.units(unit_line("A-1", "1"))
    done = import_units(site.conn, "Hill View", site.folder / "units.csv", now=IMPORTED_AT)
    assert done == Imported(1, 0, 0)
    assert len(load_registry(site.conn).meters) == 2
