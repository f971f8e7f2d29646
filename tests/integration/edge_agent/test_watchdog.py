# SPDX-License-Identifier: GPL-2.0-only
"""A whole agent under a service manager's socket: dead meters are no hang, a stuck commit is."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_agent.agent import Agent
from edge_agent.operate.service_manager import ServiceManager
from edge_agent.settings.gateway import AgentSettings
from shared_schema.signing import generate_key, private_key_to_pem, public_key_to_pem
from tests.support.agent_place import running

WATCHDOG_S = 2.0


@pytest.fixture
def dead_line() -> Iterator[Path]:
    """A line on which nobody answers."""
    ours, theirs = os.openpty()
    yield Path(os.ttyname(theirs))
    os.close(ours)
    os.close(theirs)


def agent_of(folder: Path, line: Path, manager: ServiceManager, *, clock: bool = True) -> Agent:
    (folder / "key").write_bytes(private_key_to_pem(generate_key()))
    (folder / "key").chmod(0o600)
    (folder / "cloud").write_bytes(public_key_to_pem(generate_key().public_key()))
    meter = {"label": "A-101", "address": 17, "client": 16}
    settings = {
        "gateway": "gw-1",
        "spool": folder / "spool.db",
        "key_file": folder / "key",
        "cloud_key_file": folder / "cloud",
        "assume_synchronised_clock": clock,
        "broker": {"host": "127.0.0.1", "port": 9},
        "bus": [{"name": "riser-1", "port": line, "turnaround_s": 0.1, "meter": [meter]}],
    }
    return Agent(AgentSettings.model_validate(settings), manager)


@contextmanager
def listening(folder: Path) -> Iterator[tuple[ServiceManager, Callable[[float], list[str]]]]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(folder / "notify"))

        def heard(within_s: float) -> list[str]:
            found: list[str] = []
            end = time.monotonic() + within_s
            while (left := end - time.monotonic()) > 0:
                bound.settimeout(left)
                try:
                    found += bound.recv(4096).decode().split("\n")
                except TimeoutError:
                    break
            return found

        yield ServiceManager(str(folder / "notify"), WATCHDOG_S), heard


def test_dead_meters_and_no_broker_are_no_hang(tmp_path: Path, dead_line: Path) -> None:
    with listening(tmp_path) as (manager, heard):
        with running(agent_of(tmp_path, dead_line, manager)):
            words = heard(WATCHDOG_S)
        assert words.index("READY=1") < words.index("WATCHDOG=1")
        assert any("0 of 1 meters answer" in each for each in words)
        assert "STOPPING=1" in heard(0.1)


def test_a_clock_that_nobody_set_is_no_hang(
    tmp_path: Path, dead_line: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.agent.Timekeeper.is_synchronised", lambda _: False)
    with listening(tmp_path) as (manager, heard):
        manager.watchdog_s = 4.0
        with running(agent_of(tmp_path, dead_line, manager, clock=False)):
            words = heard(1.0)
    assert "READY=1" in words
    assert any("before the clock is set" in each for each in words)


def test_a_commit_that_hangs_starves_the_watchdog(
    tmp_path: Path, dead_line: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free, entered = threading.Event(), threading.Event()

    def hangs(*_arguments: object, **_words: object) -> None:
        entered.set()
        free.wait(30)

    with listening(tmp_path) as (manager, heard):
        agent = agent_of(tmp_path, dead_line, manager)
        monkeypatch.setattr("edge_agent.worker.journal.ReadFailures.note", hangs)
        with running(agent):
            assert entered.wait(10)
            heard(WATCHDOG_S / 2)
            words = heard(WATCHDOG_S)
            free.set()
    assert "WATCHDOG=1" not in words
