# SPDX-License-Identifier: GPL-2.0-only
"""The publisher without a broker: what goes wrong is told and tried again."""

import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast
from uuid import UUID, uuid4

import pytest

from edge_agent.errors import ConfigurationError, PublishError
from edge_agent.publish import publisher as module
from edge_agent.publish.mqtt import Answer, MqttLink
from edge_agent.publish.publisher import Publisher
from edge_agent.settings.gateway import BrokerConfig
from edge_agent.spool.spool import Spool
from shared_schema.gateway import Receipt, Status
from shared_schema.signing import generate_key, key_id, sign_message


def a_status(session: UUID, state: Literal["online", "offline"]) -> Status:
    return Status(gateway="gw-1", session=session, state=state, at=datetime.now(UTC))


def test_a_certificate_that_is_being_renewed_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_RECONNECT_S", (0.001, 0.001))
    stop = threading.Event()
    attempts: list[int] = []

    def half_written(*_login: object, **_more: object) -> None:
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
            status=a_status,
        )
        monkeypatch.setattr(module, "MqttLink", half_written)
        publisher.run(stop)
    assert len(attempts) == 3
    assert "KEY_VALUES_MISMATCH" in str([vars(record) for record in caplog.records])
    assert repr(publisher) == "<Publisher to 127.0.0.1:1883, not connected, 0 sent, 0 out>"


@pytest.mark.parametrize(("is_shared", "attempts"), [(False, [0, 0, 0]), (True, [1, 2, 3])])
def test_a_machine_that_shares_its_login_gives_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_shared: bool, attempts: list[int]
) -> None:
    """Where it came back at once, the other's links would end before its receipts come."""
    key, stop, waits = generate_key(), threading.Event(), list[int]()

    def back_off(attempt: int, _first_s: float, _last_s: float) -> float:
        waits.append(attempt)
        if len(waits) == 3:
            stop.set()
        return 0.0

    with Spool.open(tmp_path / "spool.db") as spool:
        publisher = Publisher(
            spool,
            BrokerConfig(host="127.0.0.1"),
            gateway="gw-1",
            cloud_key=key.public_key(),
            status=a_status,
        )
        receipt = Receipt(
            gateway="gw-1",
            key=key_id(key.public_key()),
            store=uuid4(),
            stream=uuid4() if is_shared else spool.stream,
            ranges=(),
            heads=(),
            at=datetime.now(UTC),
        )

        def serve(_stop: threading.Event) -> None:
            publisher._take_receipt(sign_message(receipt.to_line(), key))
            now = time.monotonic()
            monkeypatch.setattr(time, "monotonic", lambda: now + module.STEADY_S + 1)
            raise PublishError("it closed the link")

        monkeypatch.setattr(publisher, "_serve", serve)
        monkeypatch.setattr(module, "back_off", back_off)
        publisher.run(stop)
    assert waits == attempts


class Link:
    """A broker that takes a few messages at a time and answers none."""

    receive_maximum = 3

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []

    def publish(self, topic: str, payload: bytes) -> int:
        self.sent.append((topic, payload))
        return len(self.sent)


def test_what_a_full_disk_could_not_keep_is_sent_once_within_the_window(tmp_path: Path) -> None:
    waiting = [b"three", b"two", b"one"]
    with Spool.open(tmp_path / "spool.db") as spool:
        publisher = Publisher(
            spool,
            BrokerConfig(host="127.0.0.1"),
            gateway="gw-1",
            cloud_key=generate_key().public_key(),
            status=a_status,
            volatile=lambda: waiting.pop() if waiting else None,
        )
        link, out = Link(), {}  # type: ignore[var-annotated]
        publisher._send_volatile(cast("MqttLink", link), out)
        assert link.sent == [
            ("metering/v1/gw/gw-1/readings", b"one"),
            ("metering/v1/gw/gw-1/readings", b"two"),
        ]
        publisher._answered(out, 1, Answer("unspecified", is_refusal=True, nobody_listens=False))
        publisher._send_volatile(cast("MqttLink", link), out)
        assert [payload for _, payload in link.sent] == [b"one", b"two", b"three"]
