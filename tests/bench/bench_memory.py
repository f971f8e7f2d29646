# SPDX-License-Identifier: GPL-2.0-only
"""What an agent takes of a gateway: its memory, its growth, its start; 60 meters without a broker.

The agent is the real program against a real broker; its wall clock runs faster than the
machine's, so that a day passes in minutes. The mark is the memory of what `run` imports. The
growth is that of the second day: in the first everything that is kept for a day is met once.
The start is the best of three, and it is held to its limit by the processor's time: what else
the machine does lengthens the other, which is shown beside it.
"""

import json
import os
import secrets
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from deploy.demo.mosquitto import MosquittoServer, gateway_user, local_mosquitto
from edge_agent.virtual.estate import Estate, parse_estate, serve
from shared_schema.access import Login
from shared_schema.signing import private_key_to_pem, public_key_to_pem
from tests.support.hurried import hurried
from tests.support.small_cloud import CLOUD, CLOUD_KEY, GATEWAY_KEY, Cloud, until

BUSES, METERS = 4, 50
SPEED = 400.0
START = datetime(2026, 3, 10, 6, 37, 20, tzinfo=UTC)
DAY_S = 86400.0
METERS_READ = 3 * BUSES * METERS
STARTS = 3
QUARTER = timedelta(hours=6)
QUARTERS = 8
"""After the first: two days."""
PATIENCE_S = 900.0
PASSWORD = "12345678"  # noqa: S105  # of virtual meters
MIB = 1024.0
LARGEST_MIB = 62
AWAY_METERS = 15
"""On each bus, with the broker away: what waits is on the disk, not in memory."""
LARGEST_AWAY_MIB = 80
IMPORTS = (
    "import edge_agent.cli.run, edge_agent.agent;print(open('/proc/self/smaps_rollup').read())"
)
AGENT = """
gateway = "{name}"
spool = "{spool}"
key_file = "gateway.key"
cloud_key_file = "cloud.pem"
assume_synchronised_clock = true
[broker]
host = "{host}"
port = {port}
username = "{name}"
password_file = "broker.password"
"""
BUS = """
[[bus]]
name = "{bus}"
port = "bus/{bus}"
turnaround_s = 2.0
baudrate = 115200
"""
METER = """
[[bus.meter]]
label = "{bus} {address}"
address = {address}
model = "is16444"
password_file = "meter.password"
"""


def resident_mib(rollup: str) -> float:
    """Return the resident memory that /proc/PID/smaps_rollup tells."""
    (line,) = (each for each in rollup.splitlines() if each.startswith("Rss:"))
    return int(line.split()[1]) / MIB


def of_process(number: int) -> float:
    return resident_mib(Path(f"/proc/{number}/smaps_rollup").read_text())


def processor_s(number: int) -> float:
    """Return how long a process has run on a processor."""
    after_name = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, after_name[11:13])) / os.sysconf("SC_CLK_TCK")


def names() -> list[str]:
    return [f"riser-{number}" for number in range(BUSES)]


def write(
    folder: Path,
    broker: MosquittoServer,
    user: Login,
    *,
    number: int = 0,
    meters: int = METERS,
) -> Path:
    """Write the files of a gateway that never ran; return its settings."""
    secrets_of = {
        "gateway.key": private_key_to_pem(GATEWAY_KEY),
        "broker.password": user.password.encode(),
        "meter.password": PASSWORD.encode(),
    }
    for name, content in secrets_of.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)
    (folder / "cloud.pem").write_bytes(public_key_to_pem(CLOUD_KEY.public_key()))
    text = AGENT.format(
        name=user.name, host=broker.host, port=broker.port, spool=f"spool-{number}.db"
    )
    for bus in names():
        text += BUS.format(bus=bus)
        text += "".join(METER.format(bus=bus, address=1 + number) for number in range(meters))
    path = folder / f"agent-{number}.toml"
    path.write_text(text)
    return path


class Agent:
    """The program; what it says is read and counted. Use it in a ``with`` statement."""

    def __init__(self, settings: Path, ahead_s: float) -> None:
        options = ["run", "--config", str(settings), "--verbose", "--log-format", "json"]
        program = [sys.executable, "-m", "tests.support.hurried", repr(ahead_s), repr(SPEED)]
        self.counts: Counter[str] = Counter()
        self.first: tuple[float, float] | None = None
        self._begun = time.monotonic()
        self.process = subprocess.Popen([*program, *options], stderr=subprocess.PIPE, text=True)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.terminate()
        self.process.wait(60)
        self._thread.join(60)
        if self.process.stderr is not None:
            self.process.stderr.close()

    def started(self) -> tuple[float, float]:
        """Wait for the first reading; return the seconds to it, and the processor's of them."""
        until(
            lambda: self.first is not None or self.process.poll() is not None,
            "a meter is read",
            PATIENCE_S,
        )
        assert self.first is not None, f"the agent ended with {self.process.poll()}"
        return self.first

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            action = json.loads(line).get("action", "")
            if action == "meter_read" and self.first is None:
                ran_s = processor_s(self.process.pid)
                self.first = time.monotonic() - self._begun, ran_s
            self.counts[action] += 1


def estate_of(meters: int) -> Estate:
    """Return virtual meters on each bus that were installed a day before the start."""
    return parse_estate(
        {
            "bus": [
                {
                    "name": bus,
                    "link": bus,
                    "meter": [
                        {
                            "label": f"{bus} {number}",
                            "serial": f"{bus}-{number}",
                            "address": 1 + number,
                            "model": "single_phase",
                            "manufacturer": "LNT",
                            "load": {"kind": "flat"},
                            "installed_at": START - timedelta(days=1),
                        }
                        for number in range(meters)
                    ],
                }
                for bus in names()
            ]
        }
    )


def hurried_now(ahead_s: float) -> Callable[[], datetime]:
    return lambda: datetime.fromtimestamp(hurried(ahead_s, SPEED), UTC)


def test_memory_growth_and_start_of_an_agent_with_200_meters(tmp_path: Path) -> None:
    imports = subprocess.run(
        [sys.executable, "-c", IMPORTS], check=True, capture_output=True, text=True
    )
    bare = resident_mib(imports.stdout)
    user = gateway_user("gw-memory", secrets.token_hex(8))
    ahead_s = START.timestamp() - time.monotonic() * SPEED
    now = hurried_now(ahead_s)
    with (
        local_mosquitto(users=[CLOUD, user]) as broker,
        Cloud(broker, user.name).online() as cloud,
        serve(estate_of(METERS), tmp_path / "bus", baud=None, now=now),
    ):
        settings = [write(tmp_path, broker, user, number=number) for number in range(STARTS)]
        starts = []
        for each in settings[1:]:
            with Agent(each, ahead_s) as agent:
                starts.append(agent.started())
        with Agent(settings[0], ahead_s) as agent:
            starts.append(agent.started())
            until(lambda: agent.counts["meter_read"] >= METERS_READ, "all are read", PATIENCE_S)
            begun, polls = now(), agent.counts["meter_read"]
            resident = []
            for quarter in range(1, 2 + QUARTERS):
                while now() - begun < quarter * QUARTER:
                    assert agent.process.poll() is None
                    time.sleep(0.5)
                resident.append(of_process(agent.process.pid))
            polls = agent.counts["meter_read"] - polls
    first, second = resident[4] - resident[0], resident[8] - resident[4]
    print(
        f"\nmemory: an agent with {BUSES * METERS} meters on {BUSES} buses, a day in "
        f"{DAY_S / SPEED:.0f} s, {polls} polls, {len(cloud.arrived)} batches delivered"
        f"\n  imports of run    {bare:6.1f} MiB"
        f"\n  resident          {', '.join(f'{each:.1f}' for each in resident)} MiB, every 6 h"
        f"\n  growth            {first:6.2f} MiB in the first day, {second:.2f} in the second"
        f"\n  first reading     {', '.join(f'{whole:.2f}' for whole, _ in starts)} s,"
        f" on a processor {', '.join(f'{ran:.2f}' for _, ran in starts)} s"
    )
    assert polls > 10 * BUSES * METERS
    assert max(resident) <= LARGEST_MIB
    assert second <= 1
    assert min(ran for _, ran in starts) < 3


def test_memory_of_an_agent_whose_broker_is_away_a_day(tmp_path: Path) -> None:
    user = gateway_user("gw-memory", secrets.token_hex(8))
    ahead_s = START.timestamp() - time.monotonic() * SPEED
    now = hurried_now(ahead_s)
    resident: list[float] = []
    with ExitStack() as stack:
        stack.enter_context(serve(estate_of(AWAY_METERS), tmp_path / "bus", baud=None, now=now))
        with local_mosquitto(users=[CLOUD, user]) as broker:
            settings = write(tmp_path, broker, user, meters=AWAY_METERS)
            agent = stack.enter_context(Agent(settings, ahead_s))
            agent.started()
        begun, polls = now(), agent.counts["meter_read"]
        for quarter in range(1, 5):
            while now() - begun < quarter * QUARTER:
                assert agent.process.poll() is None
                time.sleep(0.5)
            resident.append(of_process(agent.process.pid))
        polls = agent.counts["meter_read"] - polls
    with closing(sqlite3.connect(tmp_path / "spool-0.db")) as spool:
        (waiting,) = spool.execute("SELECT count(*) FROM waiting").fetchone()
    size_mib = (tmp_path / "spool-0.db").stat().st_size / MIB / MIB
    print(
        f"\nmemory: an agent with {AWAY_METERS * BUSES} meters whose broker is away a day"
        f"\n  resident          {', '.join(f'{each:.1f}' for each in resident)} MiB, every 6 h"
        f"\n  waiting           {waiting} batches of {polls} polls, {size_mib:.1f} MiB of spool"
    )
    assert polls > 50 * AWAY_METERS * BUSES
    assert waiting > 90
    assert max(resident) <= LARGEST_AWAY_MIB
