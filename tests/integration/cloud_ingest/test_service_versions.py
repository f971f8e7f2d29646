# SPDX-License-Identifier: MIT
"""Two versions side by side: a store is upgraded while workers of the former one take readings.

The next version is this one with two migrations more; `lane_upgrade` has a former one in its place.
"""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from cloud_ingest.store.serving import versions_that_serve
from tests.support.gateway import Sealer, TestGateway, block_line
from tests.support.next_version import AFTER, BESIDE, THIS
from tests.support.service_site import (
    GATEWAYS,
    NOW,
    Site,
    each_site,
    mosquitto,
    quarters,
    site,
    wait_until,
)
from tests.support.workers import Workers

__all__ = ["each_site", "mosquitto", "site"]

EVERY_S = 0.02
MOST = 2000


class Load:
    """A gateway that sends a batch every 20 ms, and again what has no receipt in the end."""

    def __init__(self, site: Site, sealer: Sealer, gateway: TestGateway) -> None:
        self._site, self._sealer, self._gateway = site, sealer, gateway
        self._sent: list[bytes] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        stopping = threading.Event()
        thread = threading.Thread(target=self._send, args=(stopping,))
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()

    def _send(self, stopping: threading.Event) -> None:
        while len(self._sent) < MOST and not stopping.wait(EVERY_S):
            end = NOW - timedelta(hours=1000) + timedelta(minutes=15) * len(self._sent)
            batch = self._sealer.seal(block_line("1", quarters(1, end)))
            self._sent.append(batch)
            self._gateway.publish(self._sealer.topic, batch)

    def wait_stored(self, more: int) -> None:
        """Wait until so many batches more than now are stored."""
        wanted = self._site.count("batch") + more
        wait_until(lambda: self._site.count("batch") >= wanted)

    def assert_whole(self) -> None:
        """Each batch has a receipt and is stored once."""
        self._gateway.publish(self._sealer.topic, *self._sent)
        count = len(self._sent)
        self._gateway.wait_receipt(self._sealer, self._site.key, count)
        assert (self._site.count("batch"), self._site.count("reading")) == (count, count)
        assert (self._site.count("claim"), self._site.count("quarantine")) == (0, 0)


@pytest.fixture
def load(each_site: Site) -> Load:
    each_site.meter("1")
    return Load(each_site, *each_site.gateway(GATEWAYS[0]))


@dataclass(frozen=True)
class Program:
    """A version of ``cloud-ingest``: how it is started, and in which checkout."""

    words: tuple[str, ...] = ("-m", "cloud_ingest.cli.app")
    folder: Path | None = None

    def run(self, site: Site, *words: str) -> tuple[int, str]:
        done = subprocess.run(
            site.command(*words, "--dsn", site.dsn, program=self.words),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder or Path.cwd())},
        )
        return done.returncode, done.stdout + done.stderr


THIS_PROGRAM = Program()
NEXT_PROGRAM = Program(("-m", "tests.support.next_version"))


def upgrade(site: Site, load: Load, former: Program, newer: Program) -> tuple[str, str]:
    """Go from one version to the next under load; return what both runs of `migrate` said."""
    workers = Workers(site)
    with ExitStack() as stack:
        with workers.worker("former-1", former.words, former.folder), load.running():
            with workers.worker("former-2", former.words, former.folder):
                load.wait_stored(20)
                code, before = newer.run(site, "migrate")
                assert code == 0, before
                load.wait_stored(20)
            stack.enter_context(workers.worker("newer-1", newer.words, newer.folder))
            load.wait_stored(20)
        # A former worker can be started again until the last files are applied.
        with workers.worker("former-3", former.words, former.folder), load.running():
            load.wait_stored(20)
        with load.running():
            code, after = newer.run(site, "migrate")
            assert code == 0, after
            load.wait_stored(20)
        load.assert_whole()
    for log in workers.logs.values():
        told = log.read_text()
        assert not [word for word in ("action=outage", "action=fault") if word in told], told
    return before, after


def test_a_store_is_upgraded_under_running_workers(each_site: Site, load: Load) -> None:
    before, after = upgrade(each_site, load, THIS_PROGRAM, NEXT_PROGRAM)
    assert f"{AFTER.name} waits" in before
    assert f"ready: {AFTER.name}" in after
    code, told = THIS_PROGRAM.run(each_site, "latest", "--society", "Lake View")
    assert (code, f"{AFTER.name}, which this program does not know" in told) == (2, True), told


def test_a_plan_tells_who_serves(site: Site) -> None:
    with Workers(site).worker("former"):
        wait_until(lambda: versions_that_serve(site.conn) == {THIS: 1})
        code, told = NEXT_PROGRAM.run(site, "migrate", "--plan")
        assert code == 0, told
        assert told.splitlines()[1:] == [
            f"serving now: 1 of version {THIS:04}",
            f"{BESIDE.name}: beside the workers that serve",
            f"{AFTER.name}: when no worker of a former version serves",
        ]
        code, told = NEXT_PROGRAM.run(site, "migrate")
        assert code == 0, told
    _, told = NEXT_PROGRAM.run(site, "doctor")
    assert f"warn  store: {AFTER.name} waits" in told
