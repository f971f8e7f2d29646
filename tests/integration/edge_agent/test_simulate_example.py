# SPDX-License-Identifier: GPL-2.0-only
"""``simulate --example``: every command that it prints works as printed, and nothing stays."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.cli import app


def typed(
    words: list[str], patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[object, str]:
    """Type a command: exit code, stdout."""
    patch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        app.main()
    return ended.value.code, capsys.readouterr().out


def test_the_printed_commands_work_and_nothing_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("edge_agent.gateway_clock.is_synchronised", lambda: True)
    serving = subprocess.Popen(
        [sys.executable, "-m", "edge_agent.cli.app", "simulate", "--example"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(app.__file__).parents[2],
        env={**os.environ, "PYTHONUNBUFFERED": "1", "TMPDIR": str(tmp_path)},
    )
    try:
        assert serving.stdout is not None
        assert serving.stderr is not None
        assert serving.stderr.readline() == "next, in another terminal (Ctrl-C here ends it):\n"
        serving.stderr.readline()
        lines = list(iter(serving.stderr.readline, "\n"))
        name, _, port = serving.stdout.readline().strip().partition("\t")
        (_, folder), *commands = map(shlex.split, "".join(lines).replace("\\\n", "").splitlines())
        assert max(map(len, lines[1:])) <= 80
        assert (name, port) == ("riser-1", f"{folder}/riser-1.tty")
        monkeypatch.chdir(folder)
        said = [typed([*words, "--json"], monkeypatch, capsys) for words in commands]
        monkeypatch.chdir(tmp_path)
        serving.send_signal(signal.SIGINT)
        serving.communicate(timeout=30)
    finally:
        serving.kill()
        serving.communicate()
    assert [words[1] for words in commands] == ["scan", "trial", "commission", "read"]
    assert [code for code, _ in said] == [0, 0, 0, 0]
    assert '"verdict": "green"' in said[2][1]
    assert serving.returncode == 0
    assert not Path(folder).exists()


def test_files_in_a_named_folder_stay(tmp_path: Path) -> None:
    from edge_agent.virtual.estate import load_estate
    from edge_agent.virtual.example import next_commands, write_example

    estate = write_example(tmp_path)
    assert "edge-agent commission --port riser-1.tty" in next_commands(estate, tmp_path)
    assert load_estate(tmp_path / "estate.toml").config == estate.config
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    with pytest.raises(FileExistsError):
        write_example(tmp_path)
