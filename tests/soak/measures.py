# SPDX-License-Identifier: MIT
"""What this process takes of its machine, as Linux tells it."""

import gc
import logging
import os
import sys
import threading
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path

from tests.soak.verdict import Day


class CountingLog(RotatingFileHandler):
    """A log that is rotated, as journald bounds it, and the bytes that went into it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=256 * 1024, backupCount=2)
        self.setLevel(logging.INFO)
        self.bytes = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.bytes += len(self.format(record).encode()) + 1
        super().emit(record)


def written_bytes() -> int:
    """Return the bytes of every write of this process, on whatever disk."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(dict(line.split(": ") for line in lines)["wchar"])


def resident_bytes() -> int:
    """Return the resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@dataclass
class Meter:
    """Takes the measures of a day as the difference to the day before."""

    log: CountingLog
    written: int = 0
    logged: int = 0

    def begin(self) -> None:
        self.written, self.logged = written_bytes(), self.log.bytes

    def end(self, number: int, *, kept: int, work: int, waiting: int, remark: str) -> Day:
        gc.collect()
        return Day(
            number=number,
            resident=resident_bytes(),
            objects=sys.getallocatedblocks(),
            files=len(list(Path("/proc/self/fd").iterdir())),
            threads=threading.active_count(),
            kept=kept,
            written=written_bytes() - self.written,
            logged=self.log.bytes - self.logged,
            work=work,
            waiting=waiting,
            remark=remark,
        )
