# SPDX-License-Identifier: MIT
"""Completion: each shell that is here completes commands, options and their values."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from cloud_ingest.cli.command_line import app as cloud
from edge_agent.cli.command_line import app as edge
from shared_schema.completion import commands_of, write


@pytest.fixture(scope="module")
def share(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("share")
    write("cloud-ingest", typer.main.get_command(cloud), folder)
    write("edge-agent", typer.main.get_command(edge), folder)
    return folder


def by_bash(share: Path, *words: str) -> set[str]:
    program = words[0]
    script = (
        'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
        f"compopt() {{ :; }}; _{program.replace('-', '_')}; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    file = share / "bash-completion" / "completions" / program
    return ran("bash", "-uc", script, "bash", file, *words)


def by_fish(share: Path, *words: str) -> set[str]:
    file = share / "fish" / "vendor_completions.d" / f"{words[0]}.fish"
    script = f"source {file}; complete -C '{' '.join(words)}'"
    return {line.partition("\t")[0] for line in ran("fish", "--no-config", "-c", script)}


def by_zsh(share: Path, *words: str) -> set[str]:
    """Let the script run with what zsh's own functions would be given."""
    file = share / "zsh" / "vendor-completions" / f"_{words[0]}"
    script = (
        'file=$1; shift; words=("$@"); CURRENT=$#; PREFIX=$words[CURRENT]; '
        "_describe() { [[ $1 == -o ]] && shift; print -l -- ${${(P)2}%%:*}; }; "
        "compadd() { shift; print -l -- $@; }; _files() { ls }; _message() { : }; "
        "complete_it() { source $file; }; complete_it"
    )
    shown = ran("zsh", "-fuc", script, "zsh", file, *words)
    return {each for each in shown if each.startswith(words[-1])}


def ran(*words: object) -> set[str]:
    done = subprocess.run(
        [*map(str, words)], check=True, capture_output=True, text=True, timeout=60, cwd="/usr"
    )
    assert not done.stderr
    return set(filter(None, done.stdout.splitlines()))


SHELLS = {"bash": by_bash, "fish": by_fish, "zsh": by_zsh}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("cloud-ingest", "mi"), {"migrate"}),
        (("cloud-ingest", "config", "c"), {"check"}),
        (("cloud-ingest", "close-month", "--estimates", "se"), {"sent"}),
        (("cloud-ingest", "serve", "--no-"), {"--no-tls"}),
        (("cloud-ingest", "serve", "--config", "shar"), {"share"}),
        (("cloud-ingest", "latest", "--society", ""), set()),
        (("edge-agent", "do"), {"doctor"}),
        (("edge-agent", "models", "check", "--js"), {"--json"}),
        (("edge-agent", "config", "check", "shar"), {"share"}),
        (("edge-agent", "run", "--ch"), {"--check"}),
    ],
)
def test_a_shell_completes(
    share: Path, shell: str, words: tuple[str, ...], found: set[str]
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} on this machine")
    completed = {each.rstrip("/") for each in SHELLS[shell](share, *words)}
    assert completed == found


def commands(program: typer.Typer) -> Iterator[str]:
    return (each.path for each in commands_of(typer.main.get_command(program)))


def test_every_group_has_its_commands() -> None:
    assert {" broker apply", " config show", " units import"} <= set(commands(cloud))
    assert {" models check", " config show", " run"} <= set(commands(edge))
