# SPDX-License-Identifier: MIT
"""The programs of a chaos run: gateways, workers, servers, and what is between them.

Each is the real program with its real configuration. What ends by itself is started again, as a
unit file would.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from cloud_ingest.store.locks import Lock
from deploy.demo.mosquitto import MosquittoServer
from deploy.demo.postgres import PostgresServer
from deploy.demo.programs import Program
from deploy.demo.rootless import LocalServerError
from tests.chaos import estate
from tests.chaos.faults import Clock, Control, Disk
from tests.chaos.links import Proxies, Proxy

EDGE = [sys.executable, "-m", "edge_agent.cli.app"]
CLOUD = [sys.executable, "-m", "cloud_ingest.cli.app"]
LAUNCH = [sys.executable, "-m", "tests.chaos.launch"]
RESTART_S = 1.0
_ROOT = Path(__file__).parents[2]


@dataclass(eq=False)
class Node:
    """One program of ours."""

    program: Program
    control: Control
    link: Proxy
    """Between it and the broker."""
    disk: Disk | None = None
    down: bool = False
    """It is to be down: nobody starts it."""
    ended: int = 0
    """How often it ended by itself."""
    ended_at: float = 0.0

    def start(self) -> None:
        """Start it; what it wrote before is on its disk."""
        if self.disk is not None:
            self.disk.settle()
        self.down = False
        self.program.start()

    def kill(self) -> None:
        """Kill it, and leave it down."""
        self.down = True
        self.program.kill()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it."""
        process = self.program.process
        if process is not None and process.poll() is None:
            process.send_signal(number)

    def look(self) -> None:
        """Start it again where it ended by itself, a second later."""
        process = self.program.process
        if self.down or process is None or process.poll() is None:
            return
        if not self.ended_at:
            self.ended, self.ended_at = self.ended + 1, time.monotonic()
        elif time.monotonic() - self.ended_at > RESTART_S:
            self.ended_at = 0.0
            self.start()


@dataclass(eq=False)
class Server:
    """A server, with its disk."""

    server: PostgresServer | MosquittoServer
    control: Control
    down: bool = False
    ended: int = 0

    def kill(self) -> None:
        """Kill it, and leave it down."""
        self.down = True
        self.server.kill()

    def look(self) -> None:
        """Start it again where it ended by itself."""
        if self.down or self.server.process.running:
            return
        self.ended += 1
        try:
            self.server.start()
        except LocalServerError:
            time.sleep(0.1)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it and to its children."""
        if self.server.process.running:
            pid = self.server.process.pid
            for each in (pid, *_children(pid)):
                os.kill(each, number)


@dataclass(eq=False)
class World:
    """The running programs."""

    folder: Path
    clock: Clock
    gateways: tuple[estate.Gateway, ...]
    broker: Server
    database: Server
    proxies: Proxies
    database_link: Proxy
    dsn: str
    """Of the database, not through a proxy."""
    agents: list[Node] = field(default_factory=list)
    workers: list[Node] = field(default_factory=list)
    meters: list[Program] = field(default_factory=list)
    meter_controls: list[Control] = field(default_factory=list)

    def folder_of(self, gateway: estate.Gateway) -> Path:
        """Return where the files of a gateway are."""
        return self.folder / gateway.name

    def estate_of(self, gateway: estate.Gateway) -> Path:
        """Return the description of its virtual meters."""
        return self.folder_of(gateway) / "estate.toml"

    def nodes(self) -> list[Node]:
        """Return our programs that faults strike."""
        return [*self.agents, *self.workers]

    def controls(self) -> list[Control]:
        """Return what steers the programs that have the run's time."""
        return [*self.meter_controls, *(node.control for node in self.nodes())]

    def look(self) -> None:
        """Start again what ended by itself."""
        for server in (self.database, self.broker):
            server.look()
        for node in self.nodes():
            node.look()

    def leader(self) -> int | None:
        """Return which worker leads."""
        try:
            with psycopg.connect(self.dsn, connect_timeout=2) as conn:
                row = conn.execute(_LEADER, [Lock.LEADER]).fetchone()
        except psycopg.OperationalError:
            return None
        return None if row is None else int(row[0].rpartition("-")[2])

    def wipe_broker(self) -> None:
        """Delete the store of the broker, which is down."""
        assert isinstance(self.broker.server, MosquittoServer)
        self.broker.server.wipe()

    def start(self) -> None:
        """Start the meters, then the workers and the agents."""
        for program in self.meters:
            program.start()
        buses = [
            self.folder_of(gateway) / "bus" / f"{bus}.tty"
            for gateway in self.gateways
            for bus, _ in gateway.buses
        ]
        wait_until(lambda: all(bus.exists() for bus in buses), 60)
        for node in (*self.workers, *self.agents):
            node.start()

    def cloud(self, *words: str) -> str:
        """Run a command of the cloud to its end."""
        done = subprocess.run(
            [*CLOUD, *words],
            env=environment({"IOT_UTILITY_DSN": self.dsn}),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout


_LEADER = """
SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND classid = 0 AND objid = %s
"""


def wait_until(done: Callable[[], bool], timeout_s: float) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.1)


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a program of ours."""
    return {**os.environ, "PYTHONPATH": str(_ROOT), "NO_COLOR": "1", **extra}


def _children(pid: int) -> list[int]:
    try:
        return [*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    except OSError:
        return []
