# SPDX-License-Identifier: MIT
"""A closed month of a store, taken out: it has what was published, and nothing else."""

import csv
import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.core.month import month_of
from cloud_ingest.entries.units import Named, take_back
from cloud_ingest.month.close import close_month
from cloud_ingest.month.exported import month_export
from cloud_ingest.month.report import month_report
from shared_schema.catalogue import Service
from shared_schema.export import ExportedStatus
from tests.support.store import SOCIETY, ZONE, Site, every, local, unit_line

START, END = local("2026-07-01 00:00"), local("2026-08-01 00:00")
JULY = month_of(2026, 7, ZONE)
NOW = local("2026-08-05 09:00")
HOUR = timedelta(hours=1)


@pytest.fixture
def closed(site: Site) -> Site:
    """July with a flat of two meters, one that is withheld, one that was taken back, and a lift."""
    site.units(
        unit_line("A-1", "1"),
        unit_line("A-1", "2", source="generator"),
        unit_line("A-2", "3"),
        unit_line("A-3", "4"),
        unit_line("Lift", "5", kind="common"),
        unit_line("Bulk", "6", kind="bulk"),
    )
    for serial in ("1", "2", "4", "5", "6"):
        site.deliver(serial, every(START, END, 100_000, 100, HOUR))
    site.deliver("3", every(START, END - 200 * HOUR, 100_000, 100, HOUR))
    close_month(site.conn, SOCIETY, "2026-07", NOW)
    named = Named("A-3", Service.ELECTRICITY)
    take_back(site.conn, SOCIETY, named, by="manager", reason="it is empty", now=NOW, apply=True)
    close_month(site.conn, SOCIETY, "2026-07", NOW)
    return site


def test_an_export_has_what_the_report_has(closed: Site) -> None:
    found = month_export(closed.conn, SOCIETY, JULY)
    report = month_report(closed.conn, SOCIETY, "2026-07")
    assert [(each.subject.id, each.quantity, each.version) for each in found.numbers] == [
        (line.subject, line.quantity, line.version) for line in report.lines
    ]
    assert found.reconciliations == report.reconciliations
    assert found.unassigned == report.unassigned
    assert {each.subject.id: each.status for each in found.numbers} == {
        "A-1": ExportedStatus.FINAL,
        "A-2": ExportedStatus.WITHHELD,
        "A-3": ExportedStatus.WITHDRAWN,
        "Lift": ExportedStatus.FINAL,
    }


@pytest.mark.usefixtures("closed")
def test_each_command_writes_its_file(store_dsn: str, tmp_path: Path) -> None:
    for form in ("csv", "xlsx", "pdf", "json"):
        out = tmp_path / f"july.{form}"
        words = ["export", "2026-07", "--format", form, "--out", str(out), "--dsn", store_dsn]
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, result.output
        assert result.stdout == (
            f"{out}: 2026-07 of {SOCIETY}, 2 of 4 numbers final; 2 missing, each with why\n"
        )
        assert out.stat().st_size > 500
        assert out.stat().st_mode & 0o777 == 0o600
    with (tmp_path / "july.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["subject"] for row in rows] == ["A-1", "A-1", "A-2", "A-3", "Lift"]
    assert sum(Decimal(row["quantity"] or 0) for row in rows) == 3 * Decimal("74.400")
    assert json.loads((tmp_path / "july.json").read_text("utf-8"))["zone"] == "Asia/Kolkata"


@pytest.mark.usefixtures("closed")
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("2026-08", "--format", "csv"), "2026-08 of Lake View is not closed"),
        (("2026-07", "--format", "csv", "--out", "/no/such/folder/x.csv"), "cannot write /no/such"),
    ],
)
def test_what_cannot_be_written_is_one_line(
    store_dsn: str, words: tuple[str, ...], says: str
) -> None:
    result = CliRunner().invoke(app, ["export", *words, "--dsn", store_dsn])
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr


@pytest.mark.usefixtures("closed")
@pytest.mark.parametrize("form", ["espi", "csv", "json"])
def test_a_units_file_is_of_that_unit_alone(store_dsn: str, tmp_path: Path, form: str) -> None:
    out = tmp_path / "unit"
    words = ["export-unit", "A-1", "--month", "2026-07", "--format", form, "--out", str(out)]
    result = CliRunner().invoke(app, [*words, "--dsn", store_dsn])
    assert result.exit_code == 0, result.output
    text = out.read_text("utf-8")
    assert "A-1" in text
    assert not any(other in text for other in ("A-2", "A-3", "Lift", "Bulk"))
    if form == "espi":
        assert text.count("<espi:UsagePoint>") == 2
        assert text.count("<espi:value>2400<") == 2 * 31


@pytest.mark.usefixtures("closed")
def test_a_unit_that_is_not_there_is_told(store_dsn: str) -> None:
    words = ["export-unit", "A-77", "--month", "2026-07", "--dsn", store_dsn]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert "'A-77' had no meter in 2026-07" in result.stderr
