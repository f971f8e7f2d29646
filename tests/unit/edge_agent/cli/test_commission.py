# SPDX-License-Identifier: GPL-2.0-only
"""The questions of ``edge-agent commission``."""

from decimal import Decimal

import pytest

from edge_agent.cli.commission import _ask_dial
from edge_agent.install.meter_list import ListedMeter
from edge_agent.install.sheet import Entry
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
