# SPDX-License-Identifier: MIT
"""The threat model names tests, commands and pages: each of them is there."""

import re
from pathlib import Path

from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/explanation/threat-model.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_each_test_that_is_named_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", TEXT))
    there = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)\(", path.read_text(encoding="utf-8"))
    }
    assert len(named) > 40
    assert named - there == set()


def test_each_command_and_page_that_is_named_exists() -> None:
    commands = set(re.findall(r"`cloud-ingest ([a-z][a-z -]*)", TEXT))
    run = CliRunner().invoke
    assert [each for each in commands if run(app, [*each.split(), "--help"]).exit_code] == []
    links = re.findall(r"\]\(([^)#]+)", TEXT)
    assert [link for link in links if not (PAGE.parent / link).exists()] == []
