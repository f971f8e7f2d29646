# SPDX-License-Identifier: MIT
"""Log lines: a constant message, what was done, and its facts as ``key=value``.

A record is one line, whatever a stranger's text in it holds; a traceback has lines of its own.
"""

import logging
import sys
from typing import TextIO

from shared_schema.text import visible, visible_lines

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
        said = [self.formatTime(record), record.levelname, record.message, *facts]
        line = visible(" ".join(said))
        if record.exc_info:
            line += "\n" + visible_lines(self.formatException(record.exc_info))
        return line


def set_up(*, verbose: bool = False, stream: TextIO | None = None) -> None:
    """Log to standard error: what this program does, and what its libraries warn of."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(FactsFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("cloud_ingest").setLevel(logging.DEBUG if verbose else logging.INFO)
