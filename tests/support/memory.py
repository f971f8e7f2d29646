# SPDX-License-Identifier: MIT
"""Tests write into memory, where there is enough of it and nobody named a place (TMPDIR).

A store of a test's own is a copy of 600 files, a spool syncs whatever it takes: on a disk, most of
the time of the tests goes there, and nothing that a test can see differs. What a test left is
removed as soon as it passed (`tmp_path_retention_policy`).
"""

import os
import tempfile
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - each file in it is made by tempfile
ENOUGH_BYTES = 3 << 30
"""Both workers of a whole run hold less at any time."""


def write_into_memory(memory: Path = SHARED_MEMORY) -> None:
    """Make the memory the place of temporary files, of the processes that tests start too."""
    if "TMPDIR" not in os.environ and _may_hold_tests(memory):
        os.environ["TMPDIR"] = str(memory)
        tempfile.tempdir = None


def _may_hold_tests(memory: Path) -> bool:
    if not os.access(memory, os.W_OK | os.X_OK):
        return False
    disk = os.statvfs(memory)
    # The servers' programs are copied there for an account of their own.
    return disk.f_bavail * disk.f_frsize >= ENOUGH_BYTES and not disk.f_flag & os.ST_NOEXEC
