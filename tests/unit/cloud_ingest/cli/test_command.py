# SPDX-License-Identifier: MIT
"""What a person sees of the commands to gateways."""

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from cloud_ingest.cli.command import as_table
from cloud_ingest.store.commands import IssuedCommand

SENT = datetime(2026, 8, 3, tzinfo=UTC)


def test_a_line_of_80_cells_breaks_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    number, later = UUID(int=1), SENT + timedelta(hours=1)
    asked = IssuedCommand(
        number, "gw-tower-1", "set_clock", "caretaker", SENT, later, None, None, None
    )
    text = as_table([asked], ZoneInfo("Asia/Kolkata"), later)
    assert max(map(len, text.splitlines())) <= 80
    words = text.split()
    for whole in (str(number), "2026-08-03", "05:30", "caretaker", "set_clock", "gw-tower-1"):
        assert whole in words
