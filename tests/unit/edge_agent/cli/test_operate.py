# SPDX-License-Identifier: MIT
"""`edge-agent models`, `status` and `doctor`, as a person types them."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_agent.cli import app
from edge_agent.cli.operate import show_status
from edge_agent.meters import model
from edge_agent.operate.status import GatewayStatus, MeterStatus

Typed = Callable[..., tuple[int, str, str]]

SETTINGS = """
gateway = "gw-1"
spool = "spool.db"
key_file = "k"
cloud_key_file = "c"
[broker]
host = "localhost"
port = 1
[[bus]]
name = "riser-1"
port = "gone"
[[bus.meter]]
label = "A-1"
address = 17
client = 16
"""


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Return what types a command: exit code, stdout, stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["edge-agent", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            app.main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


@pytest.fixture
def maker(tmp_path: Path) -> Path:
    file = tmp_path / "maker.toml"
    file.write_text('title = "Maker"\nclient = 16\n')
    return file


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "agent.toml"
    file.write_text(SETTINGS)
    return file


def test_the_list_has_packaged_models_and_others(typed: Typed, maker: Path) -> None:
    code, out, _ = typed("models", "list", "--models-dir", maker.parent, "--json")
    assert code == 0
    assert {"maker", "is16444"} <= {each["name"] for each in json.loads(out)}
    assert "is16444" in typed("models", "list")[1]


def test_a_shown_model_can_be_loaded_again(typed: Typed, tmp_path: Path) -> None:
    code, out, _ = typed("models", "show", "is16444")
    assert code == 0
    (tmp_path / "mine.toml").write_text(out)
    assert model.load("mine", tmp_path) == model.load("is16444")


def test_a_model_is_shown_as_json(typed: Typed, maker: Path) -> None:
    code, out, _ = typed("models", "show", "maker", "--models-dir", maker.parent, "--json")
    assert code == 0
    assert json.loads(out)["title"] == "Maker"


def test_an_unknown_model_is_a_mistake(typed: Typed) -> None:
    code, _, err = typed("models", "show", "none")
    assert code == 2
    assert "no meter model 'none'" in err


def test_a_sound_model_can_be_used(typed: Typed, maker: Path) -> None:
    code, out, _ = typed("models", "check", maker)
    assert code == 0
    assert "can be used" in out


def test_each_mistake_in_a_model_is_told(typed: Typed, maker: Path) -> None:
    maker.write_text("client = 170\nlist = true\n")
    code, out, err = typed("models", "check", maker)
    assert code == 2
    assert out.count("\n") == 3
    assert err == f"edge-agent: {maker}: 3 mistakes; what is allowed stands beside each\n"
    code, out, _ = typed("models", "check", maker, "--json")
    assert code == 2
    assert {each["key"] for each in json.loads(out)["mistakes"]} == {"title", "client", "list"}


def test_the_status_before_the_first_start(typed: Typed, config: Path) -> None:
    code, out, _ = typed("status", "--config", config, "--json")
    found = json.loads(out)
    assert (code, found["running"], found["meters"][0]["label"]) == (0, False, "A-1")
    code, out, _ = typed("status", "--config", config)
    assert code == 0
    assert "never answered" in out


def test_the_doctor_fails_by_code_and_line(typed: Typed, config: Path) -> None:
    code, out, err = typed("doctor", "--config", config)
    assert code == 2
    assert "fail  bus riser-1: " in out
    assert "1 bus, 1 meter" in out
    assert err.count("\n") == 1
    code, out, _ = typed("doctor", "--config", config, "--json")
    assert code == 2
    assert {"ok", "fail"} <= {each["level"] for each in json.loads(out)["checks"]}


def test_a_status_dates_with_year_and_zone(capsys: pytest.CaptureFixture[str]) -> None:
    at = datetime(2026, 1, 1, 20, 5, tzinfo=UTC)
    meter = MeterStatus("A-1 water", "riser-1", 17, "ITR 1", at, at, behind=True)
    show_status(
        GatewayStatus(
            *("gw-1", "Asia/Kolkata", datetime(2026, 6, 1, tzinfo=UTC), True, "spool.db", None),
            *(0, 0, at, (meter,)),
        )
    )
    printed = " ".join(capsys.readouterr().out.split())
    assert "receipt 02 Jan 2026 01:35 IST" in printed
    assert printed.count("02 Jan") == printed.count("2026") == printed.count("IST") == 3
