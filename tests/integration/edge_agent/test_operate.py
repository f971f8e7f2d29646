# SPDX-License-Identifier: GPL-2.0-only
"""Commissioned, started, looked at: status and doctor beside an agent that runs."""

import json
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edge_agent.agent import Agent
from edge_agent.cli import app
from edge_agent.settings.file import load_settings
from edge_agent.virtual.estate import parse_estate, serve
from shared_schema.signing import generate_key, private_key_to_pem, public_key_to_pem

ESTATE = {
    "bus": [
        {
            "name": "riser",
            "link": "riser.tty",
            "meter": [
                {
                    "label": "A",
                    "serial": "E1",
                    "manufacturer": "LNT",
                    "address": 17,
                    "model": "single_phase",
                    "profile_days": 2,
                    "load": {"kind": "flat"},
                }
            ],
        }
    ]
}


def test_from_the_commissioned_line_to_a_running_agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    key = generate_key()
    for name, content in (
        ("gateway.key", private_key_to_pem(key)),
        ("gateway.key.pub", public_key_to_pem(key.public_key())),
        ("cloud.pem", public_key_to_pem(key.public_key())),
        ("meter.pw", b"12345678"),
    ):
        Path(name).write_bytes(content)
        Path(name).chmod(0o600)

    def run(*arguments: object) -> tuple[int, Any, str]:
        monkeypatch.setattr(sys, "argv", ["edge-agent", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            app.main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    monkeypatch.setattr(
        "edge_agent.gateway_clock.is_synchronised",
        lambda *, assume_synchronised=False: assume_synchronised,
    )
    with serve(parse_estate(ESTATE), tmp_path, baud=None, now=lambda: datetime.now(UTC)) as ports:
        code, _, err = run(
            *("commission", "--port", ports["riser"], "--gateway", "gw-1"),
            *("--broker", "localhost:1", "--spool", "spool.db", "--key-file", "gateway.key"),
            *("--cloud-key-file", "cloud.pem", "--meter", "17=A-101", "--baud", 9600),
            *("--frames", 1, "--password-file", "meter.pw"),
        )
        assert code == 3, err  # amber: its own time is not synchronised
        config = tmp_path / "agent.toml"
        config.write_text("assume_synchronised_clock = true\n" + config.read_text())
        agent = Agent(load_settings(config))
        stop = threading.Event()
        thread = threading.Thread(target=agent.run, args=(stop,))
        thread.start()
        try:
            deadline = time.monotonic() + 60
            while True:
                code, out, err = run("status", "--config", config, "--json")
                assert code == 0, err
                found = json.loads(out)
                if found["meters"][0]["last_read"] or time.monotonic() > deadline:
                    break
                time.sleep(0.1)
            assert found["running"] is True
            (meter,) = found["meters"]
            assert (meter["label"], meter["meter"], meter["behind"]) == ("A-101", "LNT E1", False)
            assert found["waiting_live"] + found["waiting_backlog"] > 0
            assert found["last_receipt"] is None
            code, out, _ = run("doctor", "--config", config, "--json")
            checks = {each["name"]: each for each in json.loads(out)["checks"]}
            assert code == 2
            assert {name for name, each in checks.items() if each["level"] == "fail"} == {"broker"}
            assert "an agent that runs uses it" in checks["spool"]["said"]
        finally:
            stop.set()
            thread.join(20)
        assert not thread.is_alive()
    code, out, _ = run("status", "--config", config)
    assert code == 0
    assert "the agent does not run" in out
