# SPDX-License-Identifier: MIT
"""From one version of the program to the next, while a gateway sends and workers take it."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tests.support.gateway import Sealer, TestGateway, block_line
from tests.support.service_site import NOW, Site, quarters, wait_until
from tests.support.workers import Workers

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
