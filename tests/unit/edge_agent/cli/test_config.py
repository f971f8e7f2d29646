# SPDX-License-Identifier: GPL-2.0-only
"""The settings by themselves: checked without touching a line, shown with where each came from."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from edge_agent.cli.command_line import app
from edge_agent.errors import Reported
from tests.support.agent_files import write_agent_files

SETTINGS = """\
gateway = "gw-1"
spool = "/nowhere/spool.db"
key_file = "gateway.key"
cloud_key_file = "cloud.pem"
[broker]
host = "localhost"
[[bus]]
name = "riser-1"
port = "/dev/gone"
[[bus.meter]]
label = "A-1"
address = 17
model = "is16444"
password_file = "meter.pw"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_agent_files(tmp_path, SETTINGS)


def typed(*words: object, **environment: str) -> Result:
    return CliRunner().invoke(app, ["config", *map(str, words)], env=environment)


def test_neither_port_nor_spool_is_asked(file: Path) -> None:
    found = typed("check", file)
    assert found.exit_code == 0, found.output
    assert "1 bus, 1 meter" in found.output


def test_an_unknown_variable_warns(file: Path) -> None:
    found = typed("check", "--json", EDGE_AGENT_CONFIG=str(file), EDGE_AGENT_BROKER_HOST="hidden")
    assert found.exit_code == 1
    document = json.loads(found.output)
    assert document["ok"]
    (warned,) = (each for each in document["checks"] if each["level"] == "warn")
    assert warned["said"].endswith("is no setting; did you mean EDGE_AGENT_BROKER__HOST?")
    assert "hidden" not in found.output


def test_a_file_that_others_may_read_fails(file: Path) -> None:
    (file.parent / "meter.pw").chmod(0o644)
    found = typed("check", file)
    assert isinstance(found.exception, Reported)
    assert found.exception.exit_code == 2
    assert "fail  meter A-1: " in found.output
    assert "others may read" in found.output


def test_what_holds_is_shown_with_its_source(file: Path) -> None:
    told = {"EDGE_AGENT_BUS__0__METER__0__ADDRESS": "18"}
    by_key = {
        each["key"]: each for each in json.loads(typed("show", file, "--json", **told).output)
    }
    address = by_key["bus[0].meter[0].address"]
    assert (address["value"], address["source"]) == (18, "environment")
    assert by_key["broker.host"]["line"] == 6
    allowed = by_key["commands.allow"]
    assert (allowed["value"], allowed["source"]) == (sorted(allowed["value"]), "default")
    assert by_key["key_file"]["value"] == str(file.parent / "gateway.key")
    assert "EDGE_AGENT_BUS__0__METER__0__ADDRESS" in typed("show", file, **told).output


def test_an_unknown_variable_is_told_beside_what_is_missing(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join(each for each in lines if not each.startswith("spool")) + "\n")
    found = typed("check", file, EDGE_AGENT_SPOOOL="/var/lib/edge-agent/spool.db")
    assert "spool: is missing" in found.output
    assert "did you mean EDGE_AGENT_SPOOL?" in " ".join(found.output.split())
