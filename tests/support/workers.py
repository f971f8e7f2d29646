# SPDX-License-Identifier: MIT
"""Several workers that serve one site, as real processes."""

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from cloud_ingest.store.locks import Lock
from tests.support.service_site import CLOUD, Site, wait_until


class Workers:
    """The processes of one group, each with a log and a session of its own."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.group = uuid4().hex  # the broker remembers a killed worker's share for a minute
        self.logs: dict[str, Path] = {}

    @contextmanager
    def worker(
        self, name: str, program: Sequence[str] = (), folder: Path | None = None
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run a worker, of another version where a program, or the folder of one, is given."""
        site, log = self.site, self.site.folder / f"log-{name}"
        self.logs[name] = log
        words = site.command(
            "serve",
            *("--dsn", site.dsn),
            *("--broker", f"{site.mosquitto.host}:{site.mosquitto.port}"),
            *("--username", CLOUD.name),
            *("--password-file", str(site.folder / "password")),
            *("--key", str(site.folder / "cloud.pem")),
            *("--client-id", f"{name}-{site.folder.name}"),
            *("--group", self.group),
            program=program,
        )
        env = {**os.environ, "PYTHONPATH": str(folder or Path.cwd())}
        with log.open("wb") as file:
            process = subprocess.Popen(words, stderr=file, stdout=file, cwd=folder, env=env)
            try:
                wait_until(lambda: b"linked" in log.read_bytes() or process.poll() is not None)
                assert process.poll() is None, log.read_text()
                yield process
            finally:
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)
                assert process.wait(20) in {0, -signal.SIGKILL}, log.read_text()
                assert "Traceback" not in log.read_text()

    def leads(self, name: str) -> bool:
        return b"This worker leads" in self.logs[name].read_bytes()

    def leaders(self) -> int:
        """Return how many sessions hold the leader's lock."""
        row = self.site.conn.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted "
            "AND classid = 0 AND objid = %s AND database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database())",
            (Lock.LEADER,),
        ).fetchone()
        assert row is not None
        return int(row[0])
