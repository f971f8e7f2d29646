# SPDX-License-Identifier: MIT
"""Log lines: one record is one line, and nothing hides in it."""

import logging

from cloud_ingest.logs import FactsFormatter


def test_a_stranger_s_text_steers_no_terminal() -> None:
    record = logging.makeLogRecord(
        {"msg": "refused: %s", "args": ("a\nb\x1b[2J",), "gateway": "gw\u202e\x9b"}
    )
    line = FactsFormatter().format(record)
    assert line.endswith("refused: a\\u000ab\\u001b[2J gateway=gw\\u202e\\u009b")
