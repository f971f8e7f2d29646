# SPDX-License-Identifier: MIT
"""The lanes that a run left out: one line each, with the reason and the number of tests."""

from collections import Counter

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print each reason for skipped tests once, where ``-rs`` has a line for every test."""
    skipped = terminalreporter.stats.get("skipped", ())
    for reason, count in Counter(map(_reason, skipped)).most_common():
        terminalreporter.write_line(f"{count} tests left out: {reason}")


def _reason(report: pytest.TestReport) -> str:
    assert isinstance(report.longrepr, tuple)
    return report.longrepr[2].removeprefix("Skipped: ")
