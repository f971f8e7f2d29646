# SPDX-License-Identifier: GPL-2.0-only
"""The agent's end: nothing that was dropped goes untold."""

import threading
from pathlib import Path
from uuid import UUID

import pytest

from edge_agent.agent import Agent
from edge_agent.settings.gateway import AgentSettings
from edge_agent.spool.spool import Sealed
from shared_schema.readings import Loss
from shared_schema.signing import generate_key, private_key_to_pem, public_key_to_pem

LOSS = Loss(stream=UUID(int=7), first=3, last=5, reason="spool_full")


def test_losses_of_the_last_seal_are_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "key").write_bytes(private_key_to_pem(generate_key()))
    (tmp_path / "key").chmod(0o600)
    (tmp_path / "cloud").write_bytes(public_key_to_pem(generate_key().public_key()))
    settings = AgentSettings.model_validate(
        {
            "gateway": "gw-1",
            "spool": tmp_path / "spool.db",
            "key_file": tmp_path / "key",
            "cloud_key_file": tmp_path / "cloud",
            "broker": {"host": "127.0.0.1", "port": 9},
        }
    )
    agent = Agent(settings)
    sealed = [Sealed(), Sealed((6,), (LOSS,))]
    monkeypatch.setattr(agent.spool, "seal", lambda **_: sealed.pop(0))
    stop = threading.Event()
    stop.set()
    agent.run(stop)
    assert sealed == []
    told = [vars(each) for each in caplog.records if "batches" in vars(each)]
    assert [(each["action"], each["batches"]) for each in told] == [("readings_dropped", ["3-5"])]
