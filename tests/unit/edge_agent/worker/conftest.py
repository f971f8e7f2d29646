# SPDX-License-Identifier: GPL-2.0-only
"""The play of one bus, with a spool of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.settings.gateway import AgentSettings
from edge_agent.spool.spool import Spool
from edge_agent.worker import worker as module
from tests.unit.edge_agent.worker.bus_play import Maker, Play


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Maker]:
    spool = Spool.open(tmp_path / "spool.db")
    password = tmp_path / "pw"
    password.write_bytes(b"12345678")
    password.chmod(0o600)

    def make(meters: int = 3, **more: object) -> Play:
        settings = AgentSettings.model_validate(
            {
                "gateway": "gw-1",
                "spool": spool.path,
                "key_file": "k",
                "cloud_key_file": "k",
                "broker": {"host": "b"},
                "bus": [
                    {
                        "name": "riser-1",
                        "port": "/dev/ttyUSB0",
                        "meter": [
                            {
                                "label": f"m{number}",
                                "address": 17 + number,
                                "model": "is16444",
                                "password_file": password,
                            }
                            for number in range(meters)
                        ],
                    }
                ],
                **more,
            }
        )
        made = Play(spool, settings)
        monkeypatch.setattr(module, "poll", made.poll)
        monkeypatch.setattr(module, "probe", made.probe)
        return made

    yield make
    spool.close()
