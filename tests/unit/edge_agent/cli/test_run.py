# SPDX-License-Identifier: MIT
"""`edge-agent run` without Typer: the same options, and nothing that a gateway does not need."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from edge_agent.cli import app, command_line, run
from edge_agent.cli.run import RunOptions

EXTRA = ("gurux_dlms", "paho", "rich", "serial", "typer")
WORDS = (
    *("run", "--config", "--config=b.toml", "a.toml", "--check", "--verbose", "--log-format"),
    *("--log-format=json", "json", "--help", "--conf", "--", "-v", "", "--check=1"),
)


def by_typer(arguments: Sequence[str]) -> tuple[RunOptions | None, int]:
    """Return what Typer makes of a command line, and its exit code."""
    seen: list[RunOptions] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "run", seen.append)
        code = CliRunner().invoke(command_line.app, list(arguments)).exit_code
    return (seen[0] if seen else None), code


def test_both_parsers_have_the_same_options() -> None:
    command: Any = typer.main.get_command(command_line.app)
    declared = {
        option.opts[0]: (option.default, option.required)
        for option in command.commands["run"].params
        if option.name != "help"
    }
    assert declared == {
        "--config": (None, True),
        "--check": (False, False),
        "--log-format": ("text", False),
        "--verbose": (False, False),
    }
    assert run.parse(["run", "--config", "x"]) == RunOptions(Path("x"))


@given(st.lists(st.sampled_from(WORDS), max_size=6))
def test_both_parsers_read_the_same(words: list[str]) -> None:
    arguments = ["run", *words]
    lean = run.parse(arguments)
    if lean is not None:
        assert by_typer(arguments) == (lean, 0)


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["run", "--help"],
        ["run", "--config"],
        ["run", "--config", "a", "--wrong"],
        ["run", "--conf", "a"],
        ["status", "--config", "a"],
        [],
    ],
)
def test_typer_explains_everything_else(arguments: list[str]) -> None:
    assert run.parse(arguments) is None


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_run_imports_no_other_command(tmp_path: Path) -> None:
    done = python(
        "import atexit, sys\n"
        "atexit.register(lambda: print(*sys.modules))\n"
        f"sys.argv = ['edge-agent', 'run', '--config', {str(tmp_path / 'none.toml')!r}]\n"
        "from edge_agent.cli.app import main\n"
        "main()\n"
    )
    assert done.returncode == 2
    loaded = set(done.stdout.split())
    assert "edge_agent.agent" in loaded
    assert not loaded & {"typer", "rich", "click", "edge_agent.install.options"}
    commands = {name for name in loaded if name.startswith("edge_agent.cli.")}
    assert commands == {f"edge_agent.cli.{name}" for name in ("app", "run", "signals", "terminal")}


@pytest.mark.parametrize("arguments", [["--help"], ["status"], ["run", "--config", "x.toml"]])
def test_a_bare_install_says_what_to_install(arguments: list[str]) -> None:
    done = python(
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({EXTRA!r}))\n"  # None there: as if not installed
        f"sys.argv = ['edge-agent', *{arguments!r}]\n"
        "from edge_agent.cli.app import main\n"
        "main()\n"
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("edge-agent: the package ")
    assert done.stderr.endswith(" is missing: pip install '.[edge]' in the checkout\n")
    assert done.stderr.count("\n") == 1


def test_our_own_missing_module_is_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_arguments: object) -> None:
        raise ModuleNotFoundError(name="edge_agent.gone")

    monkeypatch.setattr(run, "parse", broken)
    with pytest.raises(ModuleNotFoundError):
        app.main()


def test_the_settings_may_be_named_by_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run.parse(["run"]) is None
    monkeypatch.setenv("EDGE_AGENT_CONFIG", "agent.toml")
    assert run.parse(["run"]) == RunOptions(Path("agent.toml"))
    assert run.parse(["run", "--config", "x"]) == RunOptions(Path("x"))
