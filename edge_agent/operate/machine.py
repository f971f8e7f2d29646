# SPDX-License-Identifier: GPL-2.0-only
"""The machine under the agent: room on the spool's disk, the agent's memory, since when each runs.

What this system does not tell is None, and stops no status.

In: the spool's path. Out: a `Machine` for the status. Never: a clock that somebody sets.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_agent.gateway_clock import steady_s
from shared_schema.gateway import Machine

_STATM: Final = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True)
class Disk:
    """The room of a disk, in bytes: what a user without privileges may still take."""

    free: int
    total: int


def disk_of(path: Path) -> Disk | None:
    """Return the room of the disk that a file lies on, or will."""
    try:
        found = os.statvfs(path.parent)
    except OSError:
        return None
    return Disk(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)


def spool_bytes(path: Path) -> int:
    """Return the size of a spool with its journal; 0 before it is made."""
    size = 0
    for each in (path, path.with_name(path.name + "-wal")):
        with contextlib.suppress(OSError):
            size += each.stat().st_size
    return size


def resident_bytes(statm: Path = _STATM) -> int | None:
    """Return the memory that this process holds."""
    try:
        return int(statm.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def look(spool: Path, started_s: float) -> Machine:
    """Look at the machine.

    Args:
        spool: whose disk it is about.
        started_s: when the agent started, by the steady clock.
    """
    disk, up_s = disk_of(spool), steady_s()
    return Machine(
        disk_free_bytes=None if disk is None else disk.free,
        disk_total_bytes=None if disk is None else disk.total,
        memory_bytes=resident_bytes(),
        agent_up_s=int(up_s - started_s),
        machine_up_s=int(up_s),
    )
