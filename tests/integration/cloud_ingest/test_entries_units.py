# SPDX-License-Identifier: MIT
"""The list of units: dated, taken whole or not at all, the same again nothing."""

import json
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.core.unit_list import COLUMNS
from cloud_ingest.entries.dial import compare_dial
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.self_read import self_read
from cloud_ingest.entries.unit_import import Imported, import_units
from cloud_ingest.entries.units import Named, take_back
from cloud_ingest.errors import ImportRefused, NotFound, TakeBackRefused
from cloud_ingest.month.close import close_month
from cloud_ingest.operate.checks import check_units
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.assignments import torn_subjects
from cloud_ingest.store.connection import connect
from cloud_ingest.store.dials import dial_readings, dials
from cloud_ingest.store.registry import ensure_society, find_society, load_registry
from shared_schema.catalogue import WATER_VOLUME, Service, Unit
from shared_schema.readings import Column
from tests.support.store import IMPORTED_AT, SOCIETY, Site, every, local, unit_line

ELECTRICITY = Service.ELECTRICITY
NOW = local("2026-07-20 09:00")
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LITRES = Column(obis=WATER_VOLUME, scaler=0, unit=Unit.LITRE)
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
        ",bulk,,electricity,grid,LNT,1,no,2026-07-01,",
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
        "line 10: subject is missing",
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
        "what was imported before, LNT 1: give the line of the former a valid_to, or, if it was "
        "never true, take it back (cloud-ingest units take-back A-1 --service electricity "
        "--meter 1)"
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


def test_each_change_is_a_version_that_is_kept(site: Site) -> None:
    """From the versions every earlier state can be made again."""
    states = []
    imports = [
        [unit_line("A-1", "1"), unit_line("A-2", "2")],
        [unit_line("A-1", "1", until="2026-03-01"), unit_line("A-2", "1", since="2026-03-01")],
        [
            unit_line("A-1", "1", until="2026-03-01"),
            unit_line("A-2", "2", until="2026-03-01"),
            unit_line("A-2", "1", since="2026-03-01"),
        ],
        [unit_line("A-1", "1", until="2026-03-01", tower="T9")],
    ]
    at = IMPORTED_AT
    for lines in imports:
        at += DAY
        with suppress(ImportRefused):
            site.units(*lines, now=at)
        states.append((at, site.all("SELECT * FROM assignment ORDER BY assignment_id")))
    later = at + DAY
    taken = take_back(
        site.conn, SOCIETY, Named("A-1", ELECTRICITY), by="me", reason="no", now=later, apply=True
    )
    assert taken.assignment.tower == "T9"
    assert len({tuple(rows) for _, rows in states}) == 3, "the second list was refused"
    for then, rows in states:
        rebuilt = site.all(
            "SELECT assignment_id, society_id, tower, subject_type, subject, label, service,"
            " source, meter_id, legacy, valid_from, valid_to, author, reason, recorded_at,"
            " parent, subject_order FROM assignment_version WHERE recorded_at <= %s"
            " AND NOT taken_back"
            " AND (superseded_at IS NULL OR superseded_at > %s) ORDER BY assignment_id",
            then,
            then,
        )
        assert rebuilt == rows
    assert site.one("SELECT author, reason FROM assignment_version WHERE taken_back") == (
        "me",
        "no",
    )


def test_a_list_says_who_gave_it_and_why(site: Site) -> None:
    site.units(unit_line("A-1", "1"))
    said = "SELECT author, reason, recorded_at FROM assignment"
    assert site.one(said) == ("unit management", "import of units.csv", IMPORTED_AT)
    path = site.folder / "units.csv"
    later = IMPORTED_AT + DAY
    text = path.read_text(encoding="utf-8").replace("2026-01-01", "2026-01-02")
    path.write_text(text, encoding="utf-8")
    import_units(site.conn, SOCIETY, path, now=later, by="Asha", reason="a typing error")
    assert site.one(said) == ("Asha", "a typing error", later)


def test_a_label_of_two_towers_is_two_subjects(site: Site) -> None:
    lines = [unit_line("101", "1", tower="T1"), unit_line("101", "2", tower="T2")]
    assert site.units(*lines) == Imported(2, 0, 0)
    assert site.units(*lines) == Imported(0, 0, 2)
    assert [row[1] for row in site.all(PLACES)] == ["T1/101", "T2/101"]


def test_a_unit_that_was_merged_before_is_told_and_parted(site: Site) -> None:
    first = unit_line("101", "1", tower="T1")
    second = unit_line("101", "2", tower="T2", service="water", source="main")
    site.units(first, second.replace("T2", "T1"))
    assert torn_subjects(site.conn) == []
    site.conn.execute("UPDATE assignment SET tower = 'T2' WHERE service = 'water'")
    assert site.units(first, second) == Imported(0, 0, 2), "the same list again changes nothing"
    (told,) = check_units(torn_subjects(site.conn))
    assert "101 of Lake View is in T1 and T2 at the same time" in told.said
    take_back(
        site.conn, SOCIETY, Named("101", Service.WATER), by="me", reason="x", now=NOW, apply=True
    )
    assert site.units(first, second, now=NOW) == Imported(1, 0, 1)
    assert sorted(row[1] for row in site.all(PLACES)) == ["101", "T2/101"]
    assert torn_subjects(site.conn) == []


def test_a_taken_back_meter_may_go_to_another_unit(site: Site) -> None:
    site.units(unit_line("A-1", "1"))
    named = Named("A-1", ELECTRICITY)
    shown = take_back(
        site.conn, SOCIETY, named, by="me", reason="it is of A-2", now=NOW, apply=False
    )
    assert (shown.assignment.meter.serial, shown.is_applied) == ("1", False)
    assert len(site.all(PLACES)) == 1
    take_back(site.conn, SOCIETY, named, by="me", reason="it is of A-2", now=NOW, apply=True)
    (line,) = refused(site, unit_line("A-1", "1"))
    assert "was taken back on 2026-07-20 by me: it is of A-2: leave the line out" in line
    assert site.units(unit_line("A-2", "1"), now=NOW) == Imported(1, 0, 0)
    assert [row[1] for row in site.all(PLACES)] == ["A-2"]


def test_a_take_back_may_be_undone(site: Site) -> None:
    site.units(unit_line("A-1", "1"))
    take_back(
        site.conn, SOCIETY, Named("A-1", ELECTRICITY), by="me", reason="x", now=NOW, apply=True
    )
    path = site.folder / "units.csv"
    done = import_units(site.conn, SOCIETY, path, now=NOW, restore=True)
    assert done == Imported(1, 0, 0)
    assert import_units(site.conn, SOCIETY, path, now=NOW) == Imported(0, 0, 1)


def test_a_take_back_names_one_line(site: Site) -> None:
    site.units(
        unit_line("101", "1", tower="T1", until="2026-03-01"),
        unit_line("101", "2", tower="T1", since="2026-03-01", until="2026-05-01"),
        unit_line("101", "1", tower="T1", since="2026-05-01"),
        unit_line("101", "3", tower="T2"),
    )

    def fault(named: Named, by: str = "me") -> str:
        with pytest.raises((NotFound, TakeBackRefused)) as caught:
            take_back(site.conn, SOCIETY, named, by=by, reason="x", now=NOW, apply=True)
        return str(caught.value)

    assert "that label is of T1/101 and T2/101" in fault(Named("101", ELECTRICITY))
    assert "T1/101 electricity has 3 lines: give --meter" in fault(Named("T1/101", ELECTRICITY))
    assert "has 2 lines" in fault(Named("T1/101", ELECTRICITY, serial="1"))
    assert "has no such meter: there is LNT 1" in fault(Named("T1/101", ELECTRICITY, serial="3"))
    assert "say who takes it back" in fault(Named("T1/101", ELECTRICITY), by=" ")
    named = Named("T1/101", ELECTRICITY, serial="1", since=date(2026, 5, 1))
    take_back(site.conn, SOCIETY, named, by="me", reason="x", now=NOW, apply=True)
    assert len(site.all(PLACES)) == 3


def test_a_change_names_the_closed_months_that_it_touches(site: Site) -> None:
    site.units(unit_line("A-1", "1"), unit_line("A-2", "2"))
    hours = every(local("2026-04-29 00:00"), local("2026-07-05 00:00"), 1000, 10, HOUR)
    site.deliver("1", hours)
    site.deliver("2", hours)
    for month in ("2026-05", "2026-06"):
        close_month(site.conn, SOCIETY, month, NOW)
    assert site.units(unit_line("A-1", "1", until="2026-07-01"), now=NOW).close_again == ()
    ended = site.units(unit_line("A-1", "1", until="2026-06-15"), now=NOW)
    assert ended.close_again == ("2026-06",)
    assert site.units(unit_line("A-9", "9"), now=NOW).close_again == ("2026-05", "2026-06")
    shown = take_back(
        site.conn, SOCIETY, Named("A-2", ELECTRICITY), by="me", reason="x", now=NOW, apply=False
    )
    assert shown.close_again == ("2026-05", "2026-06")


def test_entries_of_an_older_version_are_found(site: Site) -> None:
    """A self-read and a dial point to the version that held when they were entered."""
    site.units(unit_line("A-1", "1", service="water", source="main"))
    site.deliver("1", [(NOW - HOUR, 5000)], column=LITRES)
    compare_dial(
        site.conn, SOCIETY, NamedMeter("A-1", Service.WATER), value=Decimal(105), at=NOW - HOUR,
        by="me", reason="a check", now=NOW,
    )  # fmt: skip
    self_read(
        site.conn, SOCIETY, NamedMeter("A-1", Service.WATER), value=Decimal("105.1"),
        at=NOW - HOUR / 2, by="me", now=NOW,
    )  # fmt: skip
    site.units(unit_line("A-1", "1", service="water", source="main", tower="T2"), now=NOW)
    take_back(
        site.conn, SOCIETY, Named("A-1", Service.WATER), by="me", reason="x", now=NOW, apply=True
    )
    society_id = find_society(site.conn, SOCIETY)
    (dial,) = dial_readings(site.conn, society_id)
    assert (dial.subject, dial.service, dial.dial) == ("A-1", Service.WATER, Decimal(105))
    assert dials(site.conn, society_id).adds("LNT 1", NOW) == Decimal(100)


def test_imports_at_once_wait_for_each_other(site: Site, store_dsn: str) -> None:
    site.units(unit_line("A-1", "1"))
    path = site.folder / "other.csv"
    line = unit_line("A-1", "1", until="2026-07-01")
    path.write_text("\n".join([",".join(COLUMNS), line]) + "\n", encoding="utf-8")
    with ThreadPoolExecutor(1) as pool, connect(store_dsn) as other:
        with site.conn.transaction():
            site.units(unit_line("A-1", "1", until="2026-06-01"))
            second = pool.submit(import_units, other, SOCIETY, path, now=NOW)
            with pytest.raises(TimeoutError):
                second.result(timeout=0.2)
        assert second.result() == Imported(0, 1, 0)
    assert site.one("SELECT count(*) FROM assignment") == 1
    assert site.one("SELECT count(*) FROM assignment_version") == 3


def test_the_commands_list_and_take_back(
    plain_store_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOT_UTILITY_DSN", plain_store_dsn)
    monkeypatch.setenv("COLUMNS", "200")
    path = tmp_path / "units.csv"
    lines = [unit_line("101", "1", tower="T1"), unit_line("101", "2", tower="T2")]
    path.write_text("\n".join([",".join(COLUMNS), *lines]) + "\n", encoding="utf-8")

    def run(*words: str) -> str:
        result = CliRunner().invoke(app, ["units", *words, "--society", SOCIETY])
        assert result.exit_code == 0, result.output
        return result.output

    seen = run("import", str(path), "--by", "Asha")
    assert "added: T1/101 electricity (grid), meter LNT 1, in T1, from 2026-01-01 00:00 on" in seen
    assert seen.endswith("nothing is written yet: give --yes to apply it\n")
    done = run("import", str(path), "--by", "Asha", "--yes")
    assert done.endswith("2 added, 0 changed, 0 unchanged\napplied\n")
    taking = ("take-back", "T2/101", "--service", "electricity", "--by", "Asha", "--reason", "no")
    assert "nothing is written yet: give --yes to apply it" in run(*taking)
    assert "T2/101" in run("list")
    assert run(*taking, "--yes").endswith("applied\n")
    assert [line.split()[0] for line in run("list").splitlines()] == ["Unit", "T1/101"]
    told = run("list", "--history", "--unit", "101")
    assert told.startswith("T1/101, T1: electricity (grid), meter ")
    assert "it holds" in told.partition("T2/101")[0]
    assert "taken back; said" in " ".join(told.split())
    assert "by Asha: no" in " ".join(told.split())
    assert max(map(len, told.splitlines())) <= 80
    versions = [json.loads(line) for line in run("list", "--history", "--json").splitlines()]
    assert [(each["subject"], each["taken_back"]) for each in versions] == [
        ("T1/101", False),
        ("T2/101", False),
        ("T2/101", True),
    ]
    monkeypatch.setenv("IOT_UTILITY_UNIQUE_LABELS", "true")
    result = CliRunner().invoke(
        app, ["units", "import", str(path), "--restore", "--society", SOCIETY]
    )
    assert "labels are unique here" in result.output


def test_ratings_are_stored_with_their_meters(site: Site) -> None:
    columns = (*COLUMNS, "phases", "max_current_a")
    path = site.folder / "rated.csv"

    def take(values: str) -> Imported:
        text = f"{','.join(columns)}\n{unit_line('A-1', '1')},{values}\n"
        path.write_text(text, encoding="utf-8")
        return import_units(site.conn, SOCIETY, path, now=NOW)

    stored = "SELECT phases, max_current_a, q4_m3_h FROM meter"
    assert take("1,60") == Imported(1, 0, 0)
    assert site.one(stored) == (1, Decimal(60), None)
    assert take(",") == Imported(0, 0, 1)
    assert take("3,") == Imported(0, 1, 0)
    assert site.one(stored) == (3, Decimal(60), None)
    assert site.units(unit_line("A-1", "1")) == Imported(0, 0, 1)
    assert site.one("SELECT count(*) FROM assignment_version") == 1


def test_a_changed_rating_judges_its_readings_again(site: Site) -> None:
    """A single-phase meter of 10 A makes no 6 kW."""
    site.units(unit_line("A-1", "1"))
    begin = NOW - 4 * HOUR
    rows = [*every(begin, begin + HOUR, 0, 500), *every(begin + 2 * HOUR, NOW, 8000, 500)]
    site.deliver("1", rows)
    refresh(site.conn, NOW)
    judged = "SELECT count(*) FROM register_break"
    assert site.one(judged) == 0
    path = site.folder / "rated.csv"
    columns = ",".join((*COLUMNS, "phases", "max_current_a"))
    path.write_text(f"{columns}\n{unit_line('A-1', '1')},1,10\n", encoding="utf-8")
    assert import_units(site.conn, SOCIETY, path, now=NOW) == Imported(0, 1, 0)
    refresh(site.conn, NOW)
    assert site.one(judged) == 1


LINES = st.builds(
    unit_line,
    st.sampled_from(["101", "102"]),
    st.sampled_from("123"),
    since=st.sampled_from(["2026-01-01", "2026-02-01", "2026-03-01"]),
    until=st.sampled_from(["", "2026-03-01", "2026-04-01"]),
    service=st.sampled_from(["electricity", "water"]),
    tower=st.sampled_from(["T1", "T2"]),
)
STATE = """
SELECT assignment_id, tower, subject, label, service, meter_id, legacy, valid_from, valid_to,
       author, reason, recorded_at
"""


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(LINES, max_size=3), min_size=2, max_size=6))
def test_every_earlier_state_can_be_made_again(site: Site, lists: list[list[str]]) -> None:
    society = uuid4().hex
    states = []
    at = IMPORTED_AT
    society_id = ensure_society(site.conn, society)
    path = site.folder / "random.csv"
    for number, lines in enumerate(lists):
        at += DAY
        path.write_text("\n".join([",".join(COLUMNS), *lines]) + "\n", encoding="utf-8")
        with suppress(ImportRefused):
            import_units(site.conn, society, path, now=at, reason=str(number))
        held = f"{STATE} FROM assignment WHERE society_id = %s ORDER BY 1"
        states.append((at, site.all(held, society_id)))
    once = f"""
        {STATE} FROM assignment_version
        WHERE society_id = %s AND recorded_at <= %s AND NOT taken_back
          AND (superseded_at IS NULL OR superseded_at > %s) ORDER BY 1
        """
    for then, rows in states:
        assert site.all(once, society_id, then, then) == rows


def test_two_spellings_of_a_label_are_one_unit(site: Site) -> None:
    for form in ("NFC", "NFD"):
        site.units(unit_line(unicodedata.normalize(form, "Café-1"), "1"))
    assert site.all("SELECT subject FROM assignment") == [("Café-1",)]


@pytest.mark.parametrize("label", ["..", "A\u202e1", "A\u200b1", "A\u00a01", "x" * 65])
def test_a_label_that_others_cannot_read_is_refused(site: Site, label: str) -> None:
    with pytest.raises(ImportRefused) as caught:
        site.units(unit_line(label, "1"))
    assert caught.value.lines[0].startswith("line 2: subject ")
