# SPDX-License-Identifier: GPL-2.0-only
"""The reference of the files that a person writes: every key, and an example that loads."""

import configparser
import json
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from edge_agent.cli.command_line import app
from edge_agent.cli.reference import TABLES
from edge_agent.dlms import security, session
from edge_agent.errors import AccessDenied
from edge_agent.install.read_once import read_meter
from edge_agent.meters import model
from edge_agent.meters.model_check import mistakes
from edge_agent.poll import sessions
from edge_agent.poll.name_plate import read_plate
from edge_agent.poll.poll import poll
from edge_agent.settings.bus import MeterConfig
from edge_agent.settings.file import load_settings
from edge_agent.virtual import estate_file, keyring
from edge_agent.virtual.estate import load_estate
from edge_agent.virtual.faults import Faults
from edge_agent.virtual.habits import Habits
from shared_schema import catalogue
from shared_schema.obis import Obis
from shared_schema.settings.reference import with_tables
from tests.unit.edge_agent.wire import NOW, Wire, meter, password_file

WATER = meter(3, 19, model="water", load={"kind": "water"})
REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
AGENT, ESTATE, MODEL = "agent-toml.md", "estate-toml.md", "model-toml.md"


def sections(name: str) -> dict[str, str]:
    parts = (REFERENCE / name).read_text().split("\n## ")[1:]
    return {title: text for title, _, text in (part.partition("\n") for part in parts)}


def rows(text: str) -> dict[str, list[str]]:
    """Return type, unit, default and meaning of each key of a table."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert all(len(row) == 5 for row in cells)
    return {row[0].strip("`"): row[1:] for row in cells}


def shown(field: FieldInfo) -> str | None:
    """Return the default as the table shows it; None where it takes words."""
    if field.is_required():
        return "required"
    default = field.default.value if isinstance(field.default, Enum) else field.default
    return f"`{json.dumps(default)}`" if isinstance(default, bool | int | float | str) else None


@pytest.mark.parametrize(
    ("file", "section", "described"),
    [
        (MODEL, "Top level", model.Model),
        (MODEL, "[[profiles]]", model.ProfileToRead),
        (MODEL, "[[scaling]]", model.Scaling),
        (MODEL, "[[status_bits]]", model.StatusBit),
        (ESTATE, "Top level", estate_file.EstateConfig),
        (ESTATE, "[[bus]]", estate_file.BusConfig),
        (ESTATE, "[bus.faults]", Faults),
        (ESTATE, "[[bus.meter]]", estate_file.MeterConfig),
        (ESTATE, "[bus.meter.habits]", Habits),
        (ESTATE, "load", estate_file.LoadConfig),
        (ESTATE, "security", keyring.SecurityConfig),
    ],
)
def test_each_key_is_there_with_its_default(
    file: str, section: str, described: type[BaseModel]
) -> None:
    table = rows(sections(file)[section])
    fields = {field.alias or name: field for name, field in described.model_fields.items()}
    assert list(table) == list(fields)
    for key, field in fields.items():
        kind, unit, default, _ = table[key]
        assert kind, key
        assert default == (shown(field) or default), key
        assert default, key
        if key.endswith("_s"):
            assert unit == "s", key


def test_the_reference_has_every_code_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {security.counter_object(client) for client in (32, 48)} | {catalogue.ASSOCIATION}
    get, get_list = session.Session.get, session.Session.get_list

    def seen(self: session.Session, obis: Obis, class_id: int, attribute: int) -> bytes:
        asked.add(obis)
        return get(self, obis, class_id, attribute)

    def all_seen(
        self: session.Session, wanted: list[tuple[Obis, int, int]], selector: bytes = b""
    ) -> list[bytes | AccessDenied]:
        asked.update(obis for obis, _, _ in wanted)
        return get_list(self, wanted, selector)

    monkeypatch.setattr(session.Session, "get", seen)
    monkeypatch.setattr(session.Session, "get_list", all_seen)
    wire = Wire(meters=[meter(1, 17), meter(2, 18, model="three_phase"), WATER])
    password = password_file(tmp_path)
    for address, name in ((17, "is16444"), (18, "is13779"), (19, "water"), (17, "generic")):
        config = MeterConfig(label="A-1", address=address, model=name, password_file=password)
        read_plate(wire, config)
        read_meter(wire, config)
        poll(sessions.sessions(wire), config, lambda _meter: {}, NOW)
    assert set(catalogue.SCALER_PROFILES.values()) <= asked
    text = (REFERENCE / "obis.md").read_text()
    assert {str(code) for code in asked if f"| {code} |" not in text} == set()


def example(file: str, folder: Path) -> Path:
    text = sections(file)["Example"].partition("```toml\n")[2].partition("```")[0]
    path = folder / "example.toml"
    path.write_text(text)
    return path


def test_the_reference_of_the_gateway_is_current() -> None:
    page = (REFERENCE / AGENT).read_text("utf-8")
    assert with_tables(page, TABLES, REFERENCE.parent) == page, "run make docs"


def test_the_gateways_example_loads(tmp_path: Path) -> None:
    found = load_settings(example(AGENT, tmp_path))
    assert [meter.model for meter in found.buses[0].meters] == ["is16444", "water"]
    assert found.key_file == tmp_path / "gateway.key"


def test_a_models_example_has_no_mistake(tmp_path: Path) -> None:
    assert mistakes(example(MODEL, tmp_path).read_text()) == []


def test_the_shipped_service_runs_the_agent() -> None:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(REFERENCE.parents[1] / "deploy" / "edge" / "files" / "edge-agent.service")
    service = unit["Service"]
    words = service["ExecStart"].partition("/usr/bin/edge-agent run ")[2].split()
    command: Any = typer.main.get_command(app)
    with command.commands["run"].make_context("run", words) as context:
        assert context.params["config"] == Path("/etc/edge-agent/agent.toml")
    assert service["Restart"] == "always"
    assert unit["Install"]["WantedBy"] == "multi-user.target"
    guide = (REFERENCE.parent / "howto" / "install-gateway.md").read_text()
    assert guide.count(f"sudo -u {service['User']} ") >= 2


def test_the_estates_example_loads(tmp_path: Path) -> None:
    assert len(load_estate(example(ESTATE, tmp_path)).meters()) == 3
