# SPDX-License-Identifier: MIT
"""``cloud-ingest rules score-towers`` and ``score-crossed``: what they print and refuse."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cloud_ingest.cli.command_line import app
from cloud_ingest.scoring.tower_kinds import Kind
from cloud_ingest.scoring.tower_score import Trial


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


@pytest.fixture
def registers(tmp_path: Path) -> Path:
    """Return a file of three meters that are known for 20 weeks, by the day."""
    file = tmp_path / "long.csv"
    days = [f"2024-{1 + day // 28:02d}-{1 + day % 28:02d} 00:00:00" for day in range(12 * 28)]
    rows = [f"{meter},{day},{number * 100}" for meter in "abc" for number, day in enumerate(days)]
    file.write_text("\n".join(["meter,ts,register_l", *rows]))
    return file


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[Kind]:
    """Judge no tower, and return which ones would be."""
    kinds: list[Kind] = []

    def trial(_curves: object, kind: Kind, _seed: str) -> Trial:
        kinds.append(kind)
        if len(kinds) == 9:
            raise KeyboardInterrupt
        use = 200.0 if kind.fault.kind == "share" else 0.0
        return Trial(kind.name, kind.is_sound, use, (3,), 5, 0, 32, 60)

    monkeypatch.setattr("cloud_ingest.cli.rules_towers.trial", trial)
    return kinds


def test_the_score_of_towers_has_four_tables(registers: Path, judged: list[Kind]) -> None:
    done = rules("score-towers", registers, "--towers", "1", "--processes", "1")
    assert done.exit_code == 0
    assert "tower-days" in done.stdout
    assert "beside any fault" in done.stdout
    assert "Named, %" in done.stdout
    assert done.stderr.splitlines()[-1] == "7 of 7 towers"
    assert {kind.setting.bulk_step_l for kind in judged} == {100}


def test_a_finer_setting_is_chosen_by_name(registers: Path, judged: list[Kind]) -> None:
    words = ("--towers", "1", "--processes", "1", "--setting", "fine", "--unmetered-l", "40")
    assert rules("score-towers", registers, *words).exit_code == 0
    settings = {kind.setting for kind in judged}
    assert {(own.flat_step_l, own.unmetered_sd_l) for own in settings} == {(1, 40.0)}


def test_an_interrupted_score_prints_what_is_known(registers: Path, judged: list[Kind]) -> None:
    done = rules("score-towers", registers, "--towers", "2", "--processes", "1", "--json")
    assert done.exit_code == 130
    assert "interrupted: these are 8 of 14 towers" in done.stderr
    known = json.loads(done.stdout)
    assert sum(each["towers"] for each in known["invented"] + known["found"]) == 8
    assert len(judged) == 9
