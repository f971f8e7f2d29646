# SPDX-License-Identifier: MIT
"""Mistakes of a person at the command line: one line, exit code 2, no traceback."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from cloud_ingest.cli import reference
from cloud_ingest.cli.command_line import COMMANDS, Commands, app
from cloud_ingest.errors import ConfigurationError
from cloud_ingest.ingest.broker import Broker
from cloud_ingest.ingest.subscribe import Link
from cloud_ingest.operate.keys import read_key


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("migrate", "--dsn", "postgresql://x@a..b/db"), "database db at a..b: that is no host"),
        (("migrate", "--dsn", "postgresql://x@/db?host=" + "a" * 64), "that is no host name"),
        (("keygen", "."), "'.' is a folder: name the file"),
        (("keygen", "/"), "'/' is a folder: name the file"),
        (("keygen", ".."), "'..' is a folder: name the file"),
    ],
)
def test_one_line_and_exit_code_2(words: tuple[str, ...], says: str) -> None:
    result = CliRunner().invoke(app, list(words))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert says in result.stderr


@pytest.mark.parametrize(
    ("words", "most"),
    [
        (("command", "send", "gw", "ping", "--society", "S", "--expires-after"), 10080),
        (("usage", "A-1", "--society", "S", "--month", "2026-07", "--curve", "--step"), 1440),
    ],
)
def test_minutes_have_a_limit_that_is_said(words: tuple[str, ...], most: int) -> None:
    result = CliRunner().invoke(app, [*words, "9" * 30])
    assert result.exit_code == 2
    assert f"Input should be less than or equal to {most}" in result.stderr


@pytest.mark.asyncio
async def test_a_broker_whose_host_can_be_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"host 'a\.\.b' is no host name"):
        async with Link(Broker("a..b"), ()):
            pass


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_secret_is_its_owners_alone(tmp_path: Path, mode: int) -> None:
    key = tmp_path / "cloud.key"
    assert CliRunner().invoke(app, ["keygen", str(key)]).exit_code == 0
    read_key(key)
    key.chmod(mode)
    with pytest.raises(ConfigurationError, match="others may read the key: run chmod 600"):
        read_key(key)


def test_the_reference_is_the_program() -> None:
    written = Path(__file__).parents[4] / "docs" / "reference" / reference.NAME
    text = reference.reference()
    assert written.read_text(encoding="utf-8") == text, "run: make docs"
    for command in ("migrate", "doctor", "serve", "units import", "quarantine replay"):
        assert f"\n## cloud-ingest {command}\n" in text


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )


def test_help_imports_no_library_of_a_command() -> None:
    heavy = ("psycopg", "aiomqtt", "paho", "pydantic", "cryptography")
    result = python(
        "import sys\n"
        "from cloud_ingest.cli.app import main\n"
        "sys.argv[1:] = ['--help']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"found = {{*sys.modules}} & {{*{(*heavy, 'asyncio', 'rich')!r}}}\n"
        "sys.exit(','.join(found) or 0)"
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "close-month" in result.stdout


@pytest.mark.parametrize(
    ("library", "words", "extra"),
    [
        ("typer", ["--help"], "cloud"),
        ("psycopg", ["doctor"], "cloud"),
        ("aiomqtt", ["serve"], "cloud"),
        ("pyarrow", ["rules", "replay"], "rules"),
    ],
)
def test_without_the_extra_it_says_what_to_install(
    library: str, words: list[str], extra: str
) -> None:
    result = python(
        "import sys\n"
        f"sys.modules[{library!r}] = None\n"
        "from cloud_ingest.cli.app import main\n"
        f"sys.argv[1:] = {words!r}\n"
        "main()"
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        f"cloud-ingest: the package {library} is missing: "
        f"pip install '.[{extra}]' in the checkout\n"
    )


def test_the_version_is_the_packages() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"cloud-ingest {version('iot-utility')}\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_each_command_says(name: str) -> None:
    root = typer.main.get_command(app)
    assert isinstance(root, Commands)
    about = root.get_command(typer.Context(root), name).help.split("\n\n")[0]
    assert " ".join(about.split()) == COMMANDS[name].about


@pytest.mark.parametrize("words", [(), ("events",), ("quarantine",)])
def test_help_of_a_group_is_not_cut_off(words: tuple[str, ...]) -> None:
    text = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "80"}).stdout
    assert "..." not in text.partition("Commands:")[2]
    assert max(map(len, text.splitlines())) <= 80
