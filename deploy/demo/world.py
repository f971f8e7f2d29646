# SPDX-License-Identifier: MIT
"""One run of the demo's society: its servers, its meters, its agents, its cloud service.

In: a `Society`, a directory of our own and perhaps a database. Out: running processes, each
of them the real program with its real configuration, that can be killed and started again.
It never reaches into a program: it speaks to them by command line, MQTT and SQL.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from deploy.demo import society as plan
from deploy.demo.authority import Authority
from deploy.demo.clock import is_clock_kept
from deploy.demo.consumers import ROLES, Account
from deploy.demo.mosquitto import (
    MosquittoServer,
    cloud_user,
    gateway_user,
    local_mosquitto,
)
from deploy.demo.postgres import local_postgres
from deploy.demo.programs import DemoError, Program
from deploy.demo.progress import Progress, read_progress
from deploy.demo.rootless import LocalServerError
from shared_schema.access import Consumer, Login, consumer_rights

BIN = Path(sys.executable).parent
INGEST = "ingest"
POLL_S = 0.5
RULES_EVERY_S = "2"
CLOSE_GRACE_MINUTES = "0"
"""The month is closed when every gateway says that nothing waits: also at 00:05 on the 1st."""


@dataclass
class World:
    """The running society."""

    society: plan.Society
    directory: Path
    dsn: str
    broker: MosquittoServer
    authority: Authority
    programs: dict[str, Program] = field(default_factory=dict)
    began: datetime = field(init=False)
    """When the run began; `prepare` notes it."""

    @property
    def broker_address(self) -> str:
        """HOST:PORT of the broker."""
        return f"{self.broker.host}:{self.broker.port}"

    @property
    def estate_file(self) -> Path:
        """The description of the virtual meters."""
        return self.directory / "estate.toml"

    def accounts(self) -> list[Account]:
        """How the three consumers log in."""
        return [
            Account(self.broker.host, self.broker.port, role, self.authority.client(role))
            for role in ROLES
        ]

    def cloud(self, *arguments: str) -> str:
        """Run a `cloud-ingest` command to its end and return what it printed.

        Raises:
            DemoError: it failed; the text is its own line.
        """
        return self._run("cloud-ingest", *arguments)

    def registers_at(self, at: datetime) -> dict[str, dict[str, int]]:
        """Return what every virtual meter's registers say at a time: serial, OBIS, raw value."""
        told = self._run(
            "edge-agent", "simulate", str(self.estate_file), "--registers-at", at.isoformat()
        )
        registers: dict[str, dict[str, int]] = json.loads(told)
        return registers

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [str(BIN / program), *arguments],
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise DemoError(f"{program} {arguments[0]}: {done.stderr.strip()}", done.returncode)
        return done.stdout

    def environment(self) -> dict[str, str]:
        """What its programs are started with."""
        return {
            **os.environ,
            "IOT_UTILITY_DSN": self.dsn,
            "IOT_UTILITY_RULES_EVERY_S": RULES_EVERY_S,
            "IOT_UTILITY_MONTH_RUN": "false",  # it closes its month where one looks
            "IOT_UTILITY_CLOSE_GRACE_MINUTES": CLOSE_GRACE_MINUTES,
            "IOT_UTILITY_SELF_READ_DUE_DAY": "0",  # its notebook is entered after the back-fill
            "NO_COLOR": "1",
        }

    def prepare(self, now: datetime) -> None:
        """Write every file, make the database ready, enrol the gateways, import the units."""
        self.began = now
        self.estate_file.write_text(plan.estate_toml(self.society, now), encoding="utf-8")
        units = self.directory / "units.csv"
        units.write_text(plan.units_csv(self.society), encoding="utf-8")
        self.cloud("migrate", "--zone", plan.ZONE)
        self.cloud("keygen", str(self.directory / "cloud.key"))
        for gateway in self.society.gateways:
            key = self.directory / f"{gateway.name}.key"
            self._run("edge-agent", "keygen", str(key))
            self._write_agent(gateway)
            self.cloud(
                "enrol",
                gateway.name,
                "--society",
                self.society.name,
                "--tower",
                gateway.tower,
                "--key",
                f"{key}.pub",
            )
        self.cloud("units", "import", str(units), "--yes", "--society", self.society.name)
        self._declare_programs()

    def _write_agent(self, gateway: plan.Gateway) -> None:
        own = self.directory / gateway.name
        own.mkdir()
        identity = self.authority.issue(gateway.name)
        lines = [
            f'gateway = "{gateway.name}"',
            f'zone = "{plan.ZONE}"',
            'spool = "spool.db"',
            f'key_file = "../{gateway.name}.key"',
            'cloud_key_file = "../cloud.key.pub"',
            f"assume_synchronised_clock = {json.dumps(not is_clock_kept())}",
            "",
            "[broker]",
            f'host = "{self.broker.host}"',
            f"port = {self.broker.port}",
            "",
            "[broker.tls]",
            f'ca = "{self.authority.certificate}"',
            f'cert = "{identity.certificate}"',
            f'key = "{identity.key}"',
        ]
        for bus in gateway.buses:
            lines += ["", "[[bus]]", f'name = "{bus}"', f'port = "../bus/{bus}.tty"']
            for address, meter in enumerate(self.society.on_bus(bus), plan.FIRST_ADDRESS):
                _private(own / f"{meter.serial}.password", meter.password)
                lines += [
                    "[[bus.meter]]",
                    f"label = {json.dumps(plan.label(meter))}",
                    f"address = {address}",
                    f'model = "{AGENT_MODELS[meter.model]}"',
                    f'password_file = "{meter.serial}.password"',
                ]
        (own / "agent.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _declare_programs(self) -> None:
        def declare(name: str, *command: str) -> None:
            self.programs[name] = Program(
                name,
                [str(BIN / command[0]), *command[1:]],
                self.directory / f"{name}.log",
                self.environment(),
            )

        ingest = self.authority.issue(INGEST)
        for role in (Consumer.OPERATOR, Consumer.CONSUMER):
            self.authority.issue(role)
        bus = str(self.directory / "bus")
        declare("meters", "edge-agent", "simulate", str(self.estate_file), "--directory", bus)
        declare(
            "ingest",
            "cloud-ingest",
            "serve",
            "--broker",
            self.broker_address,
            "--tls",
            "--ca",
            str(self.authority.certificate),
            "--cert",
            str(ingest.certificate),
            "--cert-key",
            str(ingest.key),
            "--key",
            str(self.directory / "cloud.key"),
        )
        for gateway in self.society.gateways:
            config = str(self.directory / gateway.name / "agent.toml")
            declare(gateway.name, "edge-agent", "run", "--config", config)

    def start(self) -> None:
        """Start the meters, then the ingest and the agents."""
        self.programs["meters"].start()
        links = [self.directory / "bus" / f"{bus}.tty" for bus in self.society.buses]
        self.wait(lambda: all(link.exists() for link in links), 30, "the meters' buses")
        for name, program in self.programs.items():
            if name != "meters":
                program.start()

    def stop(self) -> None:
        """End all programs; the agents before what they speak to."""
        for program in reversed(self.programs.values()):
            program.stop()

    def query(self, sql: str, *parameters: object) -> list[dict[str, Any]]:
        """Read from the store."""
        with psycopg.connect(self.dsn, row_factory=dict_row) as connection:
            connection.execute("SET search_path TO metering")
            return connection.execute(sql.encode(), parameters).fetchall()

    def progress(self) -> Progress:
        """Ask the store how far the back-fill is."""
        with psycopg.connect(self.dsn) as connection:
            return read_progress(connection, self.society.name, len(self.society.gateways))

    def wait(
        self,
        done: Callable[[], bool],
        timeout_s: float,
        what: str,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        """Wait until ``done``, watching that no program ends.

        Raises:
            DemoError: a program ended, or it takes longer than ``timeout_s``.
        """
        deadline = time.monotonic() + timeout_s
        while not done():
            for program in self.programs.values():
                program.require_alive()
            if time.monotonic() > deadline:
                raise DemoError(
                    f"waited {timeout_s:.0f} s for {what}; the logs are in {self.directory}"
                )
            meanwhile()
            time.sleep(POLL_S)


AGENT_MODELS = {"single_phase": "is16444", "three_phase": "is13779", "water": "water"}


def _private(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


@contextmanager
def open_world(society: plan.Society, directory: Path, dsn: str | None) -> Iterator[World]:
    """Start the servers (a database only where no DSN is given) and yield the world.

    Raises:
        DemoError: a server cannot be run here.
    """
    consumers = {role: consumer_rights(role, [society.name]) for role in Consumer}
    users = [
        cloud_user(username=INGEST),
        *(Login(role, rights) for role, rights in consumers.items()),
        *(gateway_user(gateway.name) for gateway in society.gateways),
    ]
    authority = Authority(directory / "certificates")
    with ExitStack() as stack:
        try:
            if dsn is None:
                dsn = stack.enter_context(local_postgres()).dsn
            broker = stack.enter_context(local_mosquitto(users=users, authority=authority))
        except LocalServerError as error:
            raise DemoError(str(error), 2) from None
        world = World(society, directory, dsn, broker, authority)
        stack.callback(world.stop)
        yield world
