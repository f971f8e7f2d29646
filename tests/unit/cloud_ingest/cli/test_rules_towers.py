# SPDX-License-Identifier: MIT
"""``cloud-ingest rules score-towers`` and ``score-crossed``: what they print and refuse."""

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from cloud_ingest.cli.command_line import app


def rules(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["rules", *map(str, words)])


def test_crossed_meters_are_scored() -> None:
    done = rules("score-crossed", "--towers", "2", "--weeks", "3")
    assert done.exit_code == 0
    assert "False hints: 0 in" in done.stdout


def test_the_score_of_crossed_meters_is_json_too() -> None:
    done = rules("score-crossed", "--towers", "1", "--weeks", "3", "--json")
    assert json.loads(done.stdout)["weeks"] == 3


def test_short_registers_are_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "short.csv"
    file.write_text("meter,ts,register_l\nflat,2024-01-01 00:00:00,1\nflat,2024-01-01 01:00:00,6\n")
    done = rules("score-towers", file)
    assert done.exit_code == 2
    assert "a tower needs 3" in done.stderr
    assert done.stderr.count("\n") == 1
