# SPDX-License-Identifier: MIT
"""The cloud of a packaged gateway: its store here, broker and ingest in a network of their own."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from deploy.demo.mosquitto import configuration
from deploy.demo.mosquitto_program import find_mosquitto
from deploy.demo.rootless import server_account, workspace
from tests.package.machine import ADDRESSES, CLOUD
from tests.support.servers import SqlServer
from tests.support.service_site import wait_until

SETTINGS = """\
broker_host = "{address}"
broker_port = 8883
broker_tls = true
broker_ca_file = "authority/authority.pem"
broker_cert_file = "ingest.pem"
broker_key_file = "ingest.key"
cloud_key_file = "cloud.key"
[[broker_login]]
name = "ingest"
role = "ingest"
[[broker_login]]
name = "keeper"
role = "keeper"
"""


@dataclass
class Cloud:
    """Store, authority, broker and ingest, in one folder."""

    folder: Path
    dsn: str

    def run(self, *words: str) -> str:
        """Run a command of the cloud in its network."""
        done = subprocess.run(
            self._command(*words),
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def all(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with psycopg.connect(self.dsn, options="-c search_path=metering") as connection:
            return connection.execute(query).fetchall()

    def prepare(self) -> None:
        """Make the store, the authority, the keys and the settings, as docs/howto says."""
        (self.folder / "cloud.toml").write_text(SETTINGS.format(address=ADDRESSES[CLOUD]))
        self.run("migrate", "--zone", "Asia/Kolkata")
        self.run("ca", "init", "authority")
        self.run("ca", "issue", "broker", "--host", ADDRESSES[CLOUD])
        for login in ("ingest", "keeper"):
            self.run("ca", "issue", login)
        self.run("keygen", "cloud.key")

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Run the broker with the shipped configuration, and an ingest."""
        account = server_account()
        with ExitStack() as stack:
            place = stack.enter_context(workspace(account))
            found = find_mosquitto(account, place)
            self.run("broker", "access", "--out", str(place / "dynamic-security.json"))
            for file in (*self.folder.glob("broker.*"), *self.folder.glob("authority/*.pem")):
                (place / file.name).write_bytes(file.read_bytes())
            account.give(place)
            for file in place.iterdir():
                account.give(file)
            text = configuration(
                plugin=found.plugin,
                settings=place,
                store=place,
                listener=f"8883 {ADDRESSES[CLOUD]}",
                tls=True,
            )
            user = "nobody" if account.switched else ""
            (place / "mosquitto.conf").write_text(f"{text}user {user}\n" if user else text)
            broker = [str(found.program), "-c", str(place / "mosquitto.conf")]
            self._start(stack, "broker", broker, found.environment)
            log = self.folder / "broker.log"
            wait_until(lambda: " running" in log.read_text())
            self._start(stack, "ingest", self._command("serve"))
            yield

    def _command(self, *words: str) -> list[str]:
        program = ["-m", "cloud_ingest.cli.app", *words]
        return ["ip", "netns", "exec", CLOUD, sys.executable, *program]

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "IOT_UTILITY_DSN": self.dsn,
            "IOT_UTILITY_CONFIG": str(self.folder / "cloud.toml"),
            "PYTHONPATH": str(Path.cwd()),
        }

    def _start(
        self,
        stack: ExitStack,
        name: str,
        words: list[str],
        environment: dict[str, str] | None = None,
    ) -> None:
        command = words if words[0] == "ip" else ["ip", "netns", "exec", CLOUD, *words]
        log = stack.enter_context((self.folder / f"{name}.log").open("wb"))
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env={**self._environment(), **(environment or {})},
            stdout=log,
            stderr=log,
        )
        stack.callback(process.wait, 20)
        stack.callback(process.terminate)


@contextmanager
def cloud_of(folder: Path, server: SqlServer) -> Iterator[Cloud]:
    """A cloud with an empty store of its own."""
    name = f"package_{secrets.token_hex(4)}"
    with psycopg.connect(server.dsn_of("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    cloud = Cloud(folder, server.dsn_of(name))
    cloud.prepare()
    with cloud.serving():
        yield cloud
