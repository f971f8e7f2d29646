# SPDX-License-Identifier: MIT
"""Log lines: a constant message, what was done, and its facts as ``key=value``."""

import logging
import sys
from typing import TextIO

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class FactsFormatter(logging.Formatter):
    """Writes the fields of ``extra`` after the message."""

    default_msec_format = "%s.%03d"

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        record.message = record.getMessage()
        facts = [
            f"{name}={value!s}" for name, value in vars(record).items() if name not in _STANDARD
        ]
        line = " ".join([self.formatTime(record), record.levelname, record.message, *facts])
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def set_up(*, verbose: bool = False, stream: TextIO | None = None) -> None:
    """Log to standard error: what this program does, and what its libraries warn of."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(FactsFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("cloud_ingest").setLevel(logging.DEBUG if verbose else logging.INFO)
