# SPDX-License-Identifier: MIT
"""The lines that a demo left running prints can be pasted into a shell as they are."""

import shlex
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

from deploy.demo.__main__ import what_to_type
from deploy.demo.world import BIN

WORLD = SimpleNamespace(
    society=SimpleNamespace(name="Sunrise Heights", month=date(2026, 10, 1)),
    directory=Path("/tmp/demo"),  # noqa: S108  no file is made
    broker_address="127.0.0.1:1883",
    broker=SimpleNamespace(host="127.0.0.1", port=1883),
    dsn="postgresql://u:p@/postgres?host=%2Ftmp%2Fsock&x=1",
)


def lines() -> list[list[str]]:
    text = what_to_type(WORLD, "")  # type: ignore[arg-type]
    typed = text.partition("from this folder:\n")[2].partition("\n\n")[0]
    return [shlex.split(line) for line in typed.splitlines()]


def test_each_command_is_a_program_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BIN.parent.parent)
    _export, *commands = lines()
    assert {words[0] for words in commands} == {f"{BIN.parent.name}/{BIN.name}/cloud-ingest"}
    assert all(Path(words[0]).is_file() for words in commands)


def test_the_three_questions_come_first() -> None:
    _export, *commands = lines()
    asked = [words[1:] for words in commands[:3]]
    month = f"{WORLD.society.month:%Y-%m}"
    assert asked == [
        ["month", "status", month],
        ["explain", "A-1204", "--month", month],
        ["month", "changes", month],
    ]


def test_elsewhere_the_program_has_its_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert lines()[1][0] == str(BIN / "cloud-ingest")


def test_the_shell_takes_database_and_society_whole() -> None:
    assert lines()[0] == [
        "export",
        f"IOT_UTILITY_DSN={WORLD.dsn}",
        f"IOT_UTILITY_SOCIETY={WORLD.society.name}",
    ]
