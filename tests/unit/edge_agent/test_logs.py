# SPDX-License-Identifier: GPL-2.0-only
"""Log lines: one record is one line, and nothing hides in it."""

import json
import logging

from edge_agent.logs import JsonFormatter, LineFormatter, kept_lines, set_up

STEERS = "a\nb\x1b[2J\u202e\x9b"
SHOWN = "a\\u000ab\\u001b[2J\\u202e\\u009b"


def record() -> logging.LogRecord:
    return logging.makeLogRecord({"msg": "refused: %s", "args": (STEERS,), "label": STEERS})


def test_a_stranger_s_text_steers_no_terminal() -> None:
    line = LineFormatter().format(record())
    assert f"refused: {SHOWN} label=" in line
    assert line.isprintable()


def test_json_keeps_the_text_and_hides_nothing() -> None:
    line = JsonFormatter().format(record())
    assert line.isprintable()
    assert json.loads(line)["label"] == STEERS


def test_the_newest_lines_are_kept_for_a_diagnosis() -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        set_up("json", verbose=False)
        for number in range(400):
            logging.getLogger("edge_agent").info("line", extra={"number": number})
        kept = [json.loads(line)["number"] for line in kept_lines()]
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    assert kept == list(range(100, 400))
