# SPDX-License-Identifier: MIT
"""Where a month stands, as a treasurer reads it."""

from datetime import timedelta

from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.month.close import close_month
from tests.support.store import SOCIETY, Site, every, local, unit_line

START, END = local("2026-07-01 00:00"), local("2026-08-01 00:00")
CLOSED = local("2026-08-05 09:00")
HOUR = timedelta(hours=1)


def said(dsn: str, *words: str) -> list[str]:
    """Run a command of the group and return its lines."""
    result = CliRunner().invoke(app, ["month", *words, "--dsn", dsn])
    assert result.exit_code == 0, result.output
    lines: list[str] = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    return lines


def test_a_closed_month_is_one_sentence(site: Site, store_dsn: str) -> None:
    site.units(unit_line("A-1", "1"), unit_line("A-2", "2"))
    site.deliver("1", every(START, END, 1000, 10, HOUR))
    site.deliver("2", every(START, local("2026-07-24 05:00"), 1000, 10, HOUR))
    close_month(site.conn, SOCIETY, "2026-07", CLOSED)
    first, *_ = said(store_dsn, "status", "2026-07")
    assert ": 1 of 2 final, 1 withheld: A-2 electricity" in first
