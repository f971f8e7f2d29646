# SPDX-License-Identifier: GPL-2.0-only
"""The settings that commissioning writes: the agent reads back what was written."""

import tomllib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.install.agent_toml import Gateway, agent_toml, bus_toml
from edge_agent.install.meter_list import ListedMeter
from edge_agent.install.sheet import Entry
from edge_agent.settings.gateway import AgentSettings
from shared_schema.text import composed, label_fault
from tests.unit.edge_agent.install.samples import examined, sheet

_TEXTS = st.text(min_size=1, max_size=60).filter(str.isprintable)
_LABELS = _TEXTS.filter(lambda text: label_fault(text) is None)


@given(_LABELS, _TEXTS)
def test_settings_are_read_back_as_written(label: str, path: str) -> None:
    gateway = Gateway(
        "gw-1",
        spool=Path("/s", path),
        key_file=Path("/k"),
        cloud_key_file=Path("/c"),
        broker_host="broker.example",
        broker_port=8883,
        ca=Path("/ca"),
        cert=Path("/cert"),
        cert_key=Path("/cert.key"),
    )
    lines = (
        Entry(ListedMeter(label, 17), examined(label)),
        Entry(ListedMeter("out", 18), examined("out", meter=None)),
    )
    written = sheet(*lines)
    text = agent_toml(gateway, bus_toml(written.serial, written.in_service()))
    settings = AgentSettings.model_validate(tomllib.loads(text))
    assert settings.spool == Path("/s", path)
    (bus,) = settings.buses
    assert (bus.baudrate, bus.parity, bus.direction_control) == (19200, "even", "rts")
    assert [(meter.label, meter.address) for meter in bus.meters] == [(composed(label), 17)]
    assert settings.broker.address == ("broker.example", 8883)
    assert settings.broker.tls is not None
    assert settings.broker.tls.key == Path("/cert.key")
