# SPDX-License-Identifier: MIT
"""History from CSV: nothing of a bad file, a good one once, and below what gateways sign."""

import json
import tracemalloc
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.entries import history
from cloud_ingest.entries.history import History, import_history
from cloud_ingest.errors import ImportRefused, NotFound, StoreUnavailable
from cloud_ingest.month.close import close_month
from cloud_ingest.operate.upkeep import keep_months, upkeep
from cloud_ingest.rollup.refresh import refresh
from shared_schema.quality import Origin, Quality, Reason
from tests.support.gateway import MAKER
from tests.support.store import SOCIETY, ZONE, Site, every, local, unit_line

HOUR = timedelta(hours=1)
NOW = local("2026-07-21 09:00")
START, END = local("2026-06-01 00:00"), local("2026-07-01 00:00")
READINGS = "SELECT channel_id, ts, raw, origin FROM reading ORDER BY 1, 2"


@pytest.fixture
def flat(site: Site) -> Site:
    site.units(unit_line("A-1", "1"), unit_line("A-2", "2", since="2026-07-01"))
    return site


def csv_file(site: Site, rows: Iterable[tuple[datetime, int]], serial: str = "1") -> Path:
    path = site.folder / "registers.csv"
    lines = [
        f"{MAKER},{serial},1.0.1.8.0.255,Wh,0,{at.astimezone(ZONE):%Y-%m-%dT%H:%M:%S},{raw}"
        for at, raw in rows
    ]
    header = "manufacturer,serial,obis,unit,scaler,ts,raw"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def take(site: Site, path: Path, *, dry_run: bool = False) -> History:
    return import_history(site.conn, SOCIETY, path, NOW, dry_run=dry_run)


def test_an_imported_month_is_billed_as_imported(flat: Site) -> None:
    path = csv_file(flat, every(START, END, 1000, 10, HOUR))
    done = take(flat, path)
    assert (done.rows, done.new, done.channels, done.conflicts) == (721, 721, 1, 0)
    assert (done.first, done.last) == (START, END)
    assert flat.one("SELECT count(*), min(origin), max(origin) FROM reading") == (721, 3, 3)
    assert flat.one("SELECT last_reading_at FROM meter WHERE serial = '1'") is None
    refresh(flat.conn, NOW)
    days = flat.all("SELECT count(*), sum(count) FROM reading_day")
    assert days == [(31, 721)]
    (number,) = close_month(flat.conn, SOCIETY, "2026-06", NOW).numbers
    assert (f"{number.quantity:f}", number.quality) == ("7.200", Quality.RAW)
    assert number.reasons == (Reason.IMPORTED,)
    assert number.parts[0].opening.origin is Origin.IMPORTED
    before = flat.all(READINGS)
    again = take(flat, path)
    assert (again.new, again.duplicates, again.conflicts) == (0, 721, 0)
    assert flat.all(READINGS) == before
    assert flat.all("SELECT file, rows FROM history_import") == [("registers.csv", 721)]
    assert flat.one("SELECT count(*) FROM dirty") == 0


def test_a_signed_reading_stays_elected(flat: Site) -> None:
    flat.deliver("1", every(START, START + 3 * HOUR, 1000, 10, HOUR))
    path = csv_file(flat, every(START, START + 6 * HOUR, 1005, 10, HOUR))
    done = take(flat, path)
    assert (done.new, done.conflicts) == (3, 4)
    assert flat.one("SELECT count(*) FROM channel") == 1
    assert [row[2:] for row in flat.all(READINGS)] == [
        *((1000 + 10 * n, 1) for n in range(4)),
        *((1005 + 10 * n, 3) for n in range(4, 7)),
    ]
    flat.deliver("1", every(START + 4 * HOUR, START + 6 * HOUR, 1040, 10, HOUR))
    assert {row[3] for row in flat.all(READINGS)} == {1}
    claims = flat.all("SELECT raw, origin FROM claim ORDER BY ts")
    assert claims == [(1005 + 10 * n, 3) for n in range(7)]
    take(flat, path)
    assert flat.all("SELECT raw, origin FROM claim ORDER BY ts") == claims


def test_a_file_with_bad_lines_stores_nothing(flat: Site) -> None:
    path = csv_file(flat, every(START, END, 1000, 10, HOUR))
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{MAKER},9,1.0.1.8.0.255,Wh,0,2026-06-01,5\n")
        file.write(f"{MAKER},2,1.0.1.8.0.255,Wh,0,2026-06-01,5\n")
        file.write(f"{MAKER},1,1.0.1.8.0.255,Wh,0,2026-07-21T09:11,5\n")
        file.write("short,line\n" * 60)
    with pytest.raises(ImportRefused, match="63 bad lines beside 721 good ones") as caught:
        take(flat, path)
    shown = caught.value.lines
    assert shown[0] == f"line 723: no meter '{MAKER} 9' is known in this society"
    assert shown[1].startswith("line 724: 2026-06-01: the meter was not installed")
    assert shown[2].startswith("line 725: ts '2026-07-21T09:11' is in the future")
    assert (len(shown), shown[-1]) == (51, "… and 13 more")
    assert flat.one("SELECT count(*) FROM reading") == 0


def test_a_file_from_before_retention_stores_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "ROWS_AT_ONCE", 100)
    site.units(unit_line("A-1", "1", since="2025-01-01"))
    keep_months(site.conn, 13)
    upkeep(site.conn, NOW)
    line = local("2025-05-01 00:00")
    rows = every(START, START + 149 * HOUR, 1000, 10, HOUR)
    path = csv_file(site, [*rows, (line + HOUR, 9), (line, 8), (line - HOUR, 7)])
    for dry_run in (True, False):
        with pytest.raises(ImportRefused, match="2 bad lines beside 151 good ones") as caught:
            take(site, path, dry_run=dry_run)
        assert caught.value.lines == tuple(
            f"line {number}: {ts}: older than what the store keeps (after 2025-05-01 00:00)"
            for number, ts in ((153, "2025-05-01T00:00:00"), (154, "2025-04-30T23:00:00"))
        )
    assert site.one("SELECT count(*) FROM reading") == 0
    assert take(site, csv_file(site, [*rows, (line + HOUR, 9)])).new == 151


def test_two_values_for_one_moment_are_refused(flat: Site) -> None:
    rows = every(START, START + 3 * HOUR, 1000, 10, HOUR)
    path = csv_file(flat, [*rows, rows[-1], (START + 3 * HOUR, 1031)])
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{MAKER},1,1.0.1.8.0.255,Wh,0,2026-06-01T03:00+05:30,1029\n")
    with pytest.raises(ImportRefused, match="2 bad lines beside 5 good ones") as caught:
        take(flat, path)
    assert caught.value.lines == (
        "line 7: 2026-06-01T03:00:00: line 6 gives another value of this register",
        "line 8: 2026-06-01T03:00+05:30: line 6 gives another value of this register",
    )
    done = take(flat, csv_file(flat, [*rows, rows[-1]]))
    assert (done.new, done.duplicates, done.conflicts) == (4, 1, 0)


def test_a_look_stores_nothing(flat: Site) -> None:
    done = take(flat, csv_file(flat, every(START, END, 1000, 10, HOUR)), dry_run=True)
    assert (done.stored, done.rows, done.new) == (False, 721, 0)
    assert flat.one("SELECT count(*) FROM channel") == 0


def test_an_import_that_broke_off_goes_on(flat: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "ROWS_AT_ONCE", 100)
    path = csv_file(flat, every(START, END, 1000, 10, HOUR))

    def breaks_off(text: str) -> None:
        if text.startswith("stored 300 "):
            raise StoreUnavailable("gone")

    with pytest.raises(StoreUnavailable):
        import_history(flat.conn, SOCIETY, path, NOW, progress=breaks_off)
    assert flat.one("SELECT count(*) FROM reading") == 300
    done = take(flat, path)
    assert (done.new, done.duplicates) == (421, 300)


def test_a_long_file_is_not_held_in_memory(flat: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "ROWS_AT_ONCE", 500)

    def peak(rows: int) -> int:
        start = local("2026-06-01 00:00")
        path = csv_file(flat, ((start + timedelta(seconds=n), n) for n in range(rows)))
        tracemalloc.start()
        try:
            assert take(flat, path).rows == rows
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1000)
    assert peak(20_000) < 2 * peak(2000)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "the first line must name"),
        (b"manufacturer,serial,obis,unit,ts\n", "the first line must name"),
        (b"manufacturer,serial,obis,unit,ts,raw\n", "the first line must name"),
        (b"manufacturer,serial,obis,unit,scaler,ts,raw,value\n", "the first line must name"),
        (b"manufacturer,serial,obis,unit,ts,value\n", "holds no readings"),
        (b"manufacturer,serial,obis,unit,ts,value\n\xff\n", "not UTF-8"),
        (b'manufacturer,serial,obis,unit,ts,value\n"a"b,1,1,1,1,1\n', "not CSV"),
    ],
)
def test_what_is_no_such_file_is_refused(flat: Site, text: bytes, why: str) -> None:
    path = flat.folder / "other.csv"
    path.write_bytes(text)
    with pytest.raises(ImportRefused, match=why):
        take(flat, path)
    with pytest.raises(ImportRefused, match="cannot read"):
        take(flat, flat.folder)
    with pytest.raises(NotFound):
        import_history(flat.conn, "Nowhere", path, NOW)


def test_the_command(flat: Site, store_dsn: str) -> None:
    path = csv_file(flat, every(START, END, 1000, 10, HOUR))

    def run(*words: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(
            app,
            ["history", "import", str(path), "--society", SOCIETY, *words],
            env={"IOT_UTILITY_DSN": store_dsn},
        )
        return result.exit_code, result.stdout, result.stderr

    code, out, _ = run("--dry-run")
    assert (code, "all are good, nothing was stored" in out) == (0, True)
    assert "721 rows of 1 register, 2026-06-01 00:00 to 2026-07-01 00:00:" in out
    code, out, err = run("--json")
    assert (code, json.loads(out)["new"]) == (0, 721)
    assert "stored 721 of 721 rows" in err
    path.write_text(path.read_text(encoding="utf-8") + "x\n", encoding="utf-8")
    code, _, err = run()
    assert (code, err.splitlines()[1]) == (2, "line 723: it has 1 fields, not 7")
