# SPDX-License-Identifier: GPL-2.0-only
"""Logs: each record is one line on stderr, for a person or as JSON.

In: records with a constant message and their facts as `extra`. Out: lines on stderr.
Never: a fact that is not in the record.
"""

import json
import logging
from collections import deque
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


class KeptLines(logging.Handler):
    """Keeps the newest lines in memory, for a diagnosis where no journal can be read."""

    def __init__(self, most: int = 300) -> None:
        super().__init__()
        self.lines: deque[str] = deque(maxlen=most)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one record."""
        self.lines.append(self.format(record))


def kept_lines() -> list[str]:
    """Return the newest lines of this process's log; none before `set_up`."""
    kept = (each for each in logging.getLogger().handlers if isinstance(each, KeptLines))
    return [line for each in kept for line in each.lines.copy()]


def set_up(form: LogFormat, *, verbose: bool) -> None:
    """Send the package's records to stderr, and keep the newest lines."""
    handlers: list[logging.Handler] = [logging.StreamHandler(), KeptLines()]
    logging.basicConfig(level=logging.WARNING, handlers=handlers, force=True)
    for each in handlers:
        each.setFormatter(JsonFormatter() if form == "json" else LineFormatter())
    logging.getLogger("edge_agent").setLevel(logging.DEBUG if verbose else logging.INFO)


def _time(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _word(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    plain = text and text.isprintable() and not any(sign in text for sign in ' "=')
    return text if plain else json.dumps(text, ensure_ascii=False)
