# SPDX-License-Identifier: MIT
"""Mistakes of a person at the command line: one line, exit code 2, no traceback."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli import reference
from cloud_ingest.cli.app import app
from cloud_ingest.errors import ConfigurationError
from cloud_ingest.ingest.subscribe import Broker, Link
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
