# SPDX-License-Identifier: MIT
"""The cloud side as `deploy/compose` and `deploy/systemd` run it, without containers and systemd.

Each service's own command is started with its environment and its secrets. Only places are other
ones: what a container sees as ``/run/secrets`` or ``/etc/iot-utility`` is a folder of the test, the
hosts ``database`` and ``broker`` are servers of the test.
"""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGTERM
from typing import Any
from urllib.parse import quote

import yaml

from deploy.demo.mosquitto_program import find_mosquitto
from deploy.demo.postgres import PostgresServer
from deploy.demo.rootless import server_account, workspace
from deploy.demo.server_process import ServerProcess
from tests.support.service_site import wait_until

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "deploy" / "compose"
SYSTEMD = ROOT / "deploy" / "systemd"
CLI = (sys.executable, "-m", "cloud_ingest.cli.app")
PLUGIN = "/usr/lib/mosquitto_dynamic_security.so"


def compose() -> dict[str, Any]:
    """Return the compose file, its anchors put in."""
    document: dict[str, Any] = yaml.safe_load((COMPOSE / "compose.yaml").read_text("utf-8"))
    return document


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@dataclass
class Unit:
    """A unit file: what it says, key by key, in order."""

    name: str
    instance: str = ""
    said: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        text = (SYSTEMD / self.name).read_text("utf-8").replace("%i", self.instance)
        for key, value in re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE):
            self.said.setdefault(key, []).append(value)

    def environment(self, credentials: Path) -> dict[str, str]:
        words = (each.replace("%d", str(credentials)) for each in self.said["Environment"])
        return dict(each.split("=", 1) for each in words)


def run(words: Sequence[str], environment: Mapping[str, str]) -> str:
    """Run a command to its end; what it says on standard error is the failure's text."""
    done = subprocess.run(
        words,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


@dataclass
class Machine:
    """The machine that the files are for: its secrets, its database and its broker."""

    folder: Path
    server: PostgresServer
    broker_port: int = field(default_factory=free_port)

    @property
    def secrets(self) -> Path:
        return self.folder / "secrets"

    @property
    def programs(self) -> str:
        """PATH with PostgreSQL's own programs."""
        return f"{Path(self.server.process.command[0]).parent}:{os.environ['PATH']}"

    def prepare(self) -> None:
        """Make the secrets by `deploy/compose/prepare` and the commands of this checkout."""
        here = self.folder / "cloud-ingest"
        here.write_text(f'#!/bin/sh\nexec {" ".join(CLI)} "$@"\n')
        here.chmod(0o755)
        places = {"SECRETS": str(self.secrets), "BACKUPS": str(self.folder / "backups")}
        run([str(COMPOSE / "prepare"), "127.0.0.1"], {"CLOUD_INGEST": str(here), **places})
        # The host of the line is the container's.
        line = (self.secrets / "pgpass").read_text().replace("database:5432:", "*:*:")
        for name in ("pgpass", "pgpass.logins"):
            (self.secrets / name).write_text(line)

    def translated(self, text: str) -> str:
        """Return a text of the files with the places of this machine."""
        host = quote(str(self.server.socket_dir), safe="")
        for theirs, ours in (
            ("@database/metering", f"@/metering?host={host}"),
            ('broker_host = "broker"', 'broker_host = "127.0.0.1"'),
            ("broker_port = 8883", f"broker_port = {self.broker_port}"),
            ("/etc/iot-utility/", f"{self.folder}/etc/"),
            ("/run/secrets/", f"{self.secrets}/"),
            ("/mosquitto/data/", f"{self.folder}/data/"),
        ):
            text = text.replace(theirs, ours)
        return text

    def write_settings(self) -> None:
        text = (COMPOSE / "cloud.toml").read_text("utf-8").replace("0.0.0.0:9464", "127.0.0.1:9464")
        for name in ("etc", "data"):
            (self.folder / name).mkdir(exist_ok=True)
        (self.folder / "etc" / "cloud.toml").write_text(self.translated(text))

    def words(self, command: Sequence[str]) -> list[str]:
        return [self.translated(each) for each in command]

    def environment(self, service: Mapping[str, Any]) -> dict[str, str]:
        said = service.get("environment", {})
        return {name: self.translated(str(value)) for name, value in said.items()}

    @contextmanager
    def broker(self) -> Iterator[None]:
        """Run the broker by the configuration that `prepare` wrote, and the logins of the store."""
        account = server_account()
        with workspace(account) as place:
            found = find_mosquitto(account, place)
            private = account.make_private(place / "broker")
            for name in ("authority.pem", "revoked.pem", "broker.pem", "broker.key"):
                account.write(private / name, (self.secrets / name).read_text())
            logins = "dynamic-security.json"
            account.write(private / logins, (self.folder / "data" / logins).read_text())
            text = (self.secrets / "mosquitto.conf").read_text()
            for theirs, ours in (
                (PLUGIN, str(found.plugin)),
                ("/run/secrets/", f"{private}/"),
                ("/mosquitto/data/", f"{private}/"),
                ("listener 8883", f"listener {self.broker_port} 127.0.0.1"),
            ):
                assert theirs in text, theirs
                text = text.replace(theirs, ours)
            account.write(private / "mosquitto.conf", text)
            process = ServerProcess(
                name="mosquitto",
                command=[str(found.program), "-c", str(private / "mosquitto.conf")],
                account=account,
                log=place / "log",
                signal_stop=SIGTERM,
                environment=found.environment,
            )
            process.start(self._answers)
            try:
                yield
            finally:
                process.stop()

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.broker_port), timeout=5).close()
        except OSError:
            return False
        return True

    @contextmanager
    def worker(
        self, words: Sequence[str], environment: Mapping[str, str]
    ) -> Iterator[socket.socket]:
        """Run a worker for the time of the block; yield what its service manager hears by."""
        log = self.folder / "worker.log"
        at = self.folder / "notify"
        at.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, log.open("wb") as file:
            manager.bind(str(at))
            manager.settimeout(20)
            process = subprocess.Popen(
                [*CLI, *words],
                stdout=file,
                stderr=file,
                env={
                    **os.environ,
                    "PYTHONPATH": str(ROOT),
                    "NOTIFY_SOCKET": str(at),
                    "WATCHDOG_USEC": "2000000",
                    **environment,
                },
            )
            try:
                yield manager
            finally:
                process.send_signal(SIGTERM)
                wait_until(lambda: process.poll() is not None)
                assert process.returncode == 0, log.read_text()
