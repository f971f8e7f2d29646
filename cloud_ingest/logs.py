# SPDX-License-Identifier: MIT
"""Log lines: a constant message, what was done, and its facts; for a person or as JSON.

A record is one line, whatever a stranger's text in it holds. For a person a traceback has lines of
its own; in JSON it is a field.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Literal, TextIO

from shared_schema.text import visible, visible_lines

LogFormat = Literal["text", "json"]
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class FactsFormatter(logging.Formatter):
    """Writes the fields of ``extra`` after the message."""

    default_msec_format = "%s.%03d"

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        record.message = record.getMessage()
        facts = [f"{name}={value!s}" for name, value in _facts(record).items()]
        said = [self.formatTime(record), record.levelname, record.message, *facts]
        line = visible(" ".join(said))
        if record.exc_info:
            line += "\n" + visible_lines(self.formatException(record.exc_info))
        return line


class JsonFormatter(logging.Formatter):
    """Writes one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record; no fact takes the name of what each line has."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        document: dict[str, object] = {
            "time": at.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        document |= _facts(record) | document
        if record.exc_info:
            document["traceback"] = self.formatException(record.exc_info)
        return visible(json.dumps(document, ensure_ascii=False, default=str))


def set_up(
    form: LogFormat = "text", *, verbose: bool = False, stream: TextIO | None = None
) -> None:
    """Log to standard error: what this program does, and what its libraries warn of."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else FactsFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("cloud_ingest").setLevel(logging.DEBUG if verbose else logging.INFO)


def _facts(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}
