# SPDX-License-Identifier: GPL-2.0-only
"""The questions of ``edge-agent commission``."""

from decimal import Decimal
from pathlib import Path

import pytest

from edge_agent.cli.commission import GatewayOptions, _ask_dial
from edge_agent.install.meter_list import ListedMeter
from edge_agent.install.sheet import Entry
from tests.unit.edge_agent.install.image import cards
from tests.unit.edge_agent.install.samples import module


def test_the_dial_is_asked_until_it_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["123,5", "123.5", ""])
    asked: list[str] = []

    def prompt(text: str, **_more: object) -> str:
        asked.append(text)
        return next(answers)

    entry = Entry(ListedMeter("A-1 water", 19), module("2500", "L"))
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    assert _ask_dial(entry) is None
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("typer.prompt", prompt)
    assert _ask_dial(entry) == Decimal("123.5")
    assert _ask_dial(entry) is None
    assert set(asked) == {"Dial of A-1 water, m³, beside 2.500 m³ of its module (empty: not read)"}


def test_an_invitation_names_gateway_broker_and_files(tmp_path: Path) -> None:
    path = cards.invitation(tmp_path, gateway="gw-a")
    found = GatewayOptions(invitation=path).read(None)
    assert (found.name, found.broker_host, found.broker_port) == ("gw-a", "mqtt.example", 8883)
    assert (found.ca, found.cert) == (tmp_path / "ca.pem", tmp_path / "tls.pem")
    assert GatewayOptions(invitation=path, gateway="gw-b").read(None).name == "gw-b"
