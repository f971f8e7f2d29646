# SPDX-License-Identifier: MIT
"""What a service manager hears of a worker, and when it hears no more."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_ingest.service import service_manager
from cloud_ingest.service.service_manager import ServiceManager, report


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(0)
        yield manager


def heard(listening: socket.socket) -> list[str]:
    found = []
    while True:
        try:
            found.append(listening.recv(4096).decode())
        except BlockingIOError:
            return found


@pytest.mark.parametrize(
    ("environment", "manager"),
    [
        ({}, ServiceManager()),
        ({"NOTIFY_SOCKET": "/run/x"}, ServiceManager("/run/x")),
        ({"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "2500000"}, ServiceManager("@x", 2.5)),
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "8"}, ServiceManager("/x")),
        ({"WATCHDOG_USEC": "soon"}, ServiceManager()),
    ],
)
def test_the_environment_says_who_listens(
    environment: dict[str, str], manager: ServiceManager
) -> None:
    assert ServiceManager.of(environment, 7) == manager


def test_nobody_who_listens_is_no_error(tmp_path: Path) -> None:
    ServiceManager().tell(READY=1)
    ServiceManager(str(tmp_path / "absent")).tell(READY=1)


def test_a_worker_is_ready_once_it_can_store(
    listening: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_manager, "LOOK_EVERY_S", 0)
    unready = [{"broker": "no link"}, {"broker": "no link"}, {}, {}]
    dead = [{}, {}, {"ingest": "in work for 700 s"}, {"ingest": "in work for 701 s"}]
    looks = iter(range(4))

    async def pause(_: float) -> bool:
        return next(looks, None) is not None

    asyncio.run(
        report(
            ServiceManager(listening.getsockname(), watchdog_s=0),
            pause,
            unready=lambda: unready.pop(0),
            dead=lambda: dead.pop(0),
        )
    )
    assert heard(listening) == [
        "STATUS=broker: no link",
        "WATCHDOG=1",
        "WATCHDOG=1",
        "READY=1\nSTATUS=takes readings",
        "STOPPING=1\nSTATUS=stopping",
    ]
