# SPDX-License-Identifier: GPL-2.0-only
"""The publisher without a broker: what goes wrong is told and tried again."""

import threading
from pathlib import Path
from typing import Literal
from uuid import UUID

import pytest
from paho.mqtt.client import Client

from edge_agent.errors import ConfigurationError
from edge_agent.publish import publisher as module
from edge_agent.publish.publisher import Publisher
from edge_agent.settings import BrokerConfig
from edge_agent.spool.spool import Spool
from shared_schema.gateway import Status
from shared_schema.signing import generate_key


def no_status(session: UUID, state: Literal["online", "offline"]) -> Status:
    raise AssertionError((session, state))


def test_a_certificate_that_is_being_renewed_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_RECONNECT_S", (0.001, 0.001))
    stop = threading.Event()
    attempts: list[int] = []

    def half_written() -> Client:
        attempts.append(1)
        if len(attempts) == 3:
            stop.set()
        raise ConfigurationError("the certificates cannot be used: KEY_VALUES_MISMATCH")

    with Spool.open(tmp_path / "spool.db") as spool:
        publisher = Publisher(
            spool,
            BrokerConfig(host="127.0.0.1"),
            gateway="gw-1",
            cloud_key=generate_key().public_key(),
            status=no_status,
        )
        monkeypatch.setattr(publisher, "new_client", half_written)
        publisher.run(stop)
    assert len(attempts) == 3
    assert "KEY_VALUES_MISMATCH" in str([vars(record) for record in caplog.records])
