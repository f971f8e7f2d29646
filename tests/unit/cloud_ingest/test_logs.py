# SPDX-License-Identifier: MIT
"""Log lines: one record is one line, and nothing hides in it."""

import json
import logging

from cloud_ingest.logs import FactsFormatter, JsonFormatter


def test_a_stranger_s_text_steers_no_terminal() -> None:
    record = logging.makeLogRecord(
        {"msg": "refused: %s", "args": ("a\nb\x1b[2J",), "gateway": "gw\u202e\x9b"}
    )
    line = FactsFormatter().format(record)
    assert line.endswith("refused: a\\u000ab\\u001b[2J gateway=gw\\u202e\\u009b")


def test_a_record_is_one_json_object_on_one_line() -> None:
    record = logging.makeLogRecord(
        {
            "msg": "refused: %s",
            "args": ("a\nb\x1b[2J",),
            "levelname": "WARNING",
            "gateway": "gw\u202e",
            "action": "refused",
        }
    )
    line = JsonFormatter().format(record)
    assert line.isprintable()
    said = json.loads(line)
    assert said["message"] == "refused: a\nb\x1b[2J"
    assert (said["level"], said["action"], said["gateway"]) == ("warning", "refused", "gw\u202e")
    assert said["time"].endswith("Z")


def test_no_fact_hides_what_each_json_line_has() -> None:
    record = logging.makeLogRecord({"msg": "hello", "time": "never", "levelname": "INFO"})
    said = json.loads(JsonFormatter().format(record))
    assert said["time"] != "never"
    assert said["level"] == "info"


def test_a_traceback_is_a_field_of_its_json_line() -> None:
    error = ValueError("a\nb")
    record = logging.makeLogRecord({"msg": "failed", "exc_info": (ValueError, error, None)})
    line = JsonFormatter().format(record)
    assert "\n" not in line
    assert "ValueError: a\nb" in json.loads(line)["traceback"]
