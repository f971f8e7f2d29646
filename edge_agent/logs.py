# SPDX-License-Identifier: GPL-2.0-only
"""Logs: each record is one line on stderr, for a person or as JSON.

In: records with a constant message and their facts as `extra`. Out: lines on stderr.
Never: a fact that is not in the record.
"""

import json
import logging
from datetime import UTC, datetime
from typing import Literal

from shared_schema.text import visible, visible_lines

LogFormat = Literal["text", "json"]
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def facts(record: logging.LogRecord) -> dict[str, object]:
    """Return what a record carries besides its message."""
    return {key: value for key, value in vars(record).items() if key not in _OWN}


class LineFormatter(logging.Formatter):
    """Writes ``time LEVEL message key=value …``."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        said = " ".join(f"{key}={_word(value)}" for key, value in facts(record).items())
        line = visible(f"{_time(record)} {record.levelname} {record.getMessage()} {said}".rstrip())
        if record.exc_info:
            line += "\n" + visible_lines(self.formatException(record.exc_info))
        return line


class JsonFormatter(logging.Formatter):
    """Writes one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        document = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **facts(record),
        }
        if record.exc_info:
            document["traceback"] = self.formatException(record.exc_info)
        return visible(json.dumps(document, ensure_ascii=False, default=str))


def set_up(form: LogFormat, *, verbose: bool) -> None:
    """Send the package's records to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if form == "json" else LineFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("edge_agent").setLevel(logging.DEBUG if verbose else logging.INFO)


def _time(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _word(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    plain = text and text.isprintable() and not any(sign in text for sign in ' "=')
    return text if plain else json.dumps(text, ensure_ascii=False)
