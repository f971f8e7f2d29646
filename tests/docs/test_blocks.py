# SPDX-License-Identifier: MIT
"""Every file that the documentation shows is one that its reader takes."""

import configparser
import csv
import json
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest

from cloud_ingest.core import history_row, unit_list
from cloud_ingest.core.notebook_heading import Sheet
from cloud_ingest.core.notebook_table import understand
from cloud_ingest.settings_file import load_settings as load_cloud
from edge_agent.install.image.answers_file import read_answers
from edge_agent.install.meter_list import parse_list
from edge_agent.meters.model_check import mistakes
from edge_agent.settings.file import load_settings as load_agent
from edge_agent.virtual.estate import load_estate
from tests.docs import pages
from tests.docs.pages import SHELL, Block
from tests.support.servers import SqlServer
from tests.support.store import Templates, templates

_ = templates
ZONE = ZoneInfo("Asia/Kolkata")
ALL = [block for path in pages.pages() for block in pages.blocks(path)]
AGENT = """gateway = "gw"
spool = "spool.db"
key_file = "gateway.key"
cloud_key_file = "cloud.pem"
[broker]
host = "mqtt.example"
[[bus]]
name = "riser-1"
port = "/dev/ttyUSB0"
"""
ESTATE = """[[bus]]
name = "riser-1"
link = "riser-1.tty"
[[bus.meter]]
label = "A-1204"
address = 17
model = "single_phase"
manufacturer = "LNT"
serial = "10000001"
load = { kind = "flat" }
"""
MODEL = 'title = "A meter"\nclient = 32\n'


def of(*languages: str) -> list[object]:
    return [
        pytest.param(block, id=f"{block.page}:{block.line}")
        for block in ALL
        if block.language in languages
    ]


def test_each_block_says_what_it_is() -> None:
    known = SHELL | {"csv", "ini", "json", "python", "sql", "text", "toml", "yaml", "promql"}
    assert not [f"{block.page}:{block.line}" for block in ALL if block.language not in known]


def _model(text: str) -> None:
    found = mistakes(text)
    assert not found, found


@pytest.mark.parametrize("block", of("toml"))
def test_settings_are_taken_by_a_program(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "file.toml"
    faults: list[str] = []
    readers: list[tuple[Callable[[Path], object], str]] = [
        (load_cloud, ""),
        (load_agent, ""),
        (load_agent, AGENT),
        (load_estate, ""),
        (load_estate, ESTATE),
        (lambda path: read_answers(path, {"gateway": "gw-tower-1"}), ""),
        (lambda path: _model(path.read_text()), ""),
        (lambda path: _model(path.read_text()), MODEL),
    ]
    for read, before in readers:
        file.write_text(before + block.text, encoding="utf-8")
        try:
            read(file)
        except Exception as error:
            faults.append(f"{error}")
        else:
            return
    pytest.fail("no program takes it:\n" + "\n".join(faults))


@pytest.mark.parametrize("block", of("csv"))
def test_lists_are_taken_by_a_program(block: Block) -> None:
    header = block.lines[0].split(",")
    if header[0] == "label":
        assert parse_list(block.text, "meters.csv")
    elif "raw" in header or "value" in header:
        assert set(header) in [{*history_row.COLUMNS, form} for form in history_row.FORMS]
        assert all(line.count(",") == len(header) - 1 for line in block.lines)
    elif "Flat No." in block.text:
        assert understand([Sheet("", list(csv.reader(block.lines)))]).readings
    else:
        head = "" if header[0] == unit_list.COLUMNS[0] else ",".join(unit_list.COLUMNS) + "\n"
        assert unit_list.parse(head + block.text, ZONE)


@pytest.mark.parametrize("block", of("json"))
def test_each_line_of_json_is_a_document(block: Block) -> None:
    try:
        assert json.loads(block.text)
    except json.JSONDecodeError:
        assert all(json.loads(line) for line in block.lines)


@pytest.mark.parametrize("block", of("ini"))
def test_units_of_systemd_have_their_sections(block: Block) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(block.text)
    assert {"Unit", "Service"} <= set(unit) or {"Unit", "Timer"} <= set(unit) or "Service" in unit


@pytest.mark.parametrize("block", of("python"))
def test_programs_of_a_reader_compile(block: Block) -> None:
    compile(block.text, f"{block.page}:{block.line}", "exec")


@pytest.mark.parametrize("block", of("sql"))
def test_statements_run_in_a_store(
    block: Block, postgres_server: SqlServer, templates: Templates
) -> None:
    with (
        templates.copy(postgres_server.dsn_of("postgres")) as dsn,
        psycopg.connect(dsn) as connection,
    ):
        connection.execute("CREATE ROLE metering")
        connection.execute(block.text.encode())
        connection.rollback()
