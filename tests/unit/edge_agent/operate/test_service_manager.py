# SPDX-License-Identifier: GPL-2.0-only
"""The words to the service manager, over its real socket."""

import logging
import os
import secrets
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge_agent.operate.service_manager import Reports, ServiceManager
from edge_agent.watchdog import Watchdog


@dataclass
class Listener:
    """What systemd hears."""

    address: str
    socket: socket.socket

    def heard(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = []
        while True:
            try:
                text = self.socket.recv(4096).decode()
            except BlockingIOError:
                return found
            found.append(dict(line.split("=", 1) for line in text.split("\n")))

    def manager(self, **environment: str) -> ServiceManager:
        return ServiceManager.of({"NOTIFY_SOCKET": self.address, **environment}, os.getpid())


@pytest.fixture(params=["a path", "an abstract name"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Listener]:
    is_path = request.param == "a path"
    address = str(tmp_path / "notify") if is_path else f"@iotu-{secrets.token_hex(4)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(address.replace("@", "\0", 1))
        bound.setblocking(False)
        yield Listener(address, bound)


def test_words_arrive_as_one_datagram(listener: Listener) -> None:
    listener.manager().tell(READY=1, status="2 of 2 meters answer", more_s=1.5)
    assert listener.heard() == [
        {"READY": "1", "EXTEND_TIMEOUT_USEC": "1500000", "STATUS": "2 of 2 meters answer"}
    ]


def test_a_status_stays_one_short_line(listener: Listener) -> None:
    listener.manager().tell(status="one\nREADY=1\n" + "x" * 500)
    (heard,) = listener.heard()
    assert list(heard) == ["STATUS"]
    assert len(heard["STATUS"]) == 200


def test_without_a_manager_nothing_is_said(listener: Listener) -> None:
    ServiceManager.of({}, 1).tell(READY=1)
    assert listener.heard() == []


@pytest.mark.parametrize("address", ["/nowhere/notify", "@iotu-nobody", "/" + "x" * 200])
def test_a_manager_that_went_away_hurts_nobody(address: str) -> None:
    ServiceManager(address).tell(WATCHDOG=1)
    assert address


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "300000000"}, 300.0),
        ({"WATCHDOG_USEC": "300000000", "WATCHDOG_PID": "7"}, 300.0),
        ({"WATCHDOG_USEC": "300000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_read_for_this_process(
    environment: dict[str, str], wanted: float | None
) -> None:
    assert ServiceManager.of(environment, 7).watchdog_s == wanted


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_watchdog_is_fed_while_parts_go_on(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    watchdog = Watchdog(clock)
    bus = watchdog.part("bus riser-1")
    reports = Reports(listener.manager(WATCHDOG_USEC="300000000"), watchdog, clock.now)
    reports.look(clock.now, str)
    assert listener.heard() == []  # nothing began
    bus.note_step()
    reports.look(clock.now, lambda: "runs")
    assert listener.heard() == [{"READY": "1", "STATUS": "runs"}]

    clock.now += 80
    bus.note_step()
    reports.look(clock.now, lambda: "runs")
    assert listener.heard() == [{"WATCHDOG": "1", "STATUS": "runs"}]

    with caplog.at_level(logging.ERROR):
        for _ in range(40):
            clock.now += 5
            reports.look(clock.now, str)
    assert listener.heard() == []
    assert [vars(each)["parts"] for each in caplog.records] == [["bus riser-1"]]
    bus.note_step()
    reports.look(clock.now, lambda: "again")
    assert listener.heard() == [{"WATCHDOG": "1", "STATUS": "again"}]


def test_a_manager_that_was_busy_hears_of_the_start(listener: Listener) -> None:
    clock = Clock()
    watchdog = Watchdog(clock)
    watchdog.part("publisher").note_step()
    manager = listener.manager()
    reports = Reports(manager, watchdog, clock.now)
    while manager.tell(status="too much to read"):
        pass
    reports.look(clock.now, lambda: "runs")
    listener.heard()
    reports.look(clock.now, lambda: "runs")
    reports.look(clock.now, lambda: "runs")
    assert listener.heard() == [{"READY": "1", "STATUS": "runs"}]


def test_nobody_is_fed_who_did_not_ask(listener: Listener) -> None:
    clock = Clock()
    watchdog = Watchdog(clock)
    part = watchdog.part("publisher")
    reports = Reports(listener.manager(), watchdog, clock.now)
    for _ in range(10):
        clock.now += 100
        part.note_step()
        reports.look(clock.now, lambda: "runs")
    assert listener.heard() == [{"READY": "1", "STATUS": "runs"}]
