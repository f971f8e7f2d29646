# SPDX-License-Identifier: GPL-2.0-only
"""What a gateway tells of its machine."""

import os
from pathlib import Path

from edge_agent.gateway_clock import steady_s
from edge_agent.operate.machine import disk_of, look, resident_bytes, spool_bytes


def test_the_disk_is_that_of_the_spool(tmp_path: Path) -> None:
    disk = disk_of(tmp_path / "spool.db")
    assert disk is not None
    assert (
        0
        <= disk.free
        <= disk.total
        == os.statvfs(tmp_path).f_blocks * os.statvfs(tmp_path).f_frsize
    )


def test_a_folder_that_is_away_stops_no_status(tmp_path: Path) -> None:
    away = tmp_path / "away" / "spool.db"
    found = look(away, steady_s())
    assert (found.disk_free_bytes, found.disk_total_bytes) == (None, None)
    assert spool_bytes(away) == 0


def test_the_journal_counts_to_the_spool(tmp_path: Path) -> None:
    (tmp_path / "spool.db").write_bytes(b"1234")
    (tmp_path / "spool.db-wal").write_bytes(b"56")
    assert spool_bytes(tmp_path / "spool.db") == 6


def test_memory_and_uptime_are_of_this_process(tmp_path: Path) -> None:
    found = look(tmp_path / "spool.db", steady_s() - 61)
    assert found.memory_bytes is not None
    assert found.memory_bytes > 5_000_000
    assert found.agent_up_s == 61
    assert found.machine_up_s is not None
    assert found.machine_up_s > 0


def test_a_system_without_proc_tells_no_memory(tmp_path: Path) -> None:
    assert resident_bytes(tmp_path / "statm") is None
    (tmp_path / "statm").write_text("odd")
    assert resident_bytes(tmp_path / "statm") is None
