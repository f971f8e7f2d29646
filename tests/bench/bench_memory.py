# SPDX-License-Identifier: GPL-2.0-only
"""What an agent with 200 meters takes of a gateway: its memory, its growth, its start.

The agent is the real program against a real broker; its wall clock runs faster than the
machine's, so that a day passes in minutes. The mark is the memory of the bare imports.
"""

import json
import secrets
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from deploy.demo.mosquitto import gateway_user, local_mosquitto
from edge_agent.virtual.estate import parse_estate, serve
from shared_schema.signing import private_key_to_pem, public_key_to_pem
from tests.integration.test_publish import CLOUD, CLOUD_KEY, GATEWAY_KEY, Cloud, until
from tests.support.hurried import hurried

BUSES, METERS = 4, 50
SPEED = 400.0
START = datetime(2026, 3, 10, 6, 37, 20, tzinfo=UTC)
DAY_S = 86400.0
WARM = timedelta(hours=6)
"""Before the growth is measured: the caches of SQLite and of the allocator fill."""
PASSWORD = "12345678"  # noqa: S105  # of virtual meters
MIB = 1024.0
IMPORTS = (
    "import pydantic, pydantic_settings, typer, paho.mqtt.client, gurux_dlms, serial;"
    "import cryptography.hazmat.primitives.asymmetric.ec;"
    "print(open('/proc/self/status').read())"
)
AGENT = """
gateway = "{name}"
spool = "spool.db"
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


def resident_mib(status: str) -> float:
    """Return the resident memory that /proc/PID/status tells."""
    (line,) = (each for each in status.splitlines() if each.startswith("VmRSS:"))
    return int(line.split()[1]) / MIB


def of_process(number: int) -> float:
    return resident_mib(Path(f"/proc/{number}/status").read_text())


def names() -> list[str]:
    return [f"riser-{number}" for number in range(BUSES)]


def write(folder: Path, host: str, port: int, user: str, password: str) -> Path:
    """Write the gateway's files; return its settings."""
    secrets_of = {
        "gateway.key": private_key_to_pem(GATEWAY_KEY),
        "broker.password": password.encode(),
        "meter.password": PASSWORD.encode(),
    }
    for name, content in secrets_of.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)
    (folder / "cloud.pem").write_bytes(public_key_to_pem(CLOUD_KEY.public_key()))
    text = AGENT.format(name=user, host=host, port=port)
    for bus in names():
        text += BUS.format(bus=bus)
        text += "".join(METER.format(bus=bus, address=1 + number) for number in range(METERS))
    path = folder / "agent.toml"
    path.write_text(text)
    return path


class Log:
    """Reads what the agent says, and counts it."""

    def __init__(self, agent: "subprocess.Popen[str]") -> None:
        self.counts: Counter[str] = Counter()
        self.first_s: float | None = None
        self._begun = time.monotonic()
        self._agent = agent
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Read to the end, which the agent's end brings."""
        self._thread.join(10)
        if self._agent.stderr is not None:
            self._agent.stderr.close()

    def _read(self) -> None:
        assert self._agent.stderr is not None
        for line in self._agent.stderr:
            action = json.loads(line).get("action", "")
            if action == "meter_read" and self.first_s is None:
                self.first_s = time.monotonic() - self._begun
            self.counts[action] += 1


def test_memory_growth_and_start_of_an_agent_with_200_meters(tmp_path: Path) -> None:
    estate = parse_estate(
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
                        for number in range(METERS)
                    ],
                }
                for bus in names()
            ]
        }
    )
    imports = subprocess.run(
        [sys.executable, "-c", IMPORTS], check=True, capture_output=True, text=True
    )
    bare = resident_mib(imports.stdout)
    user = gateway_user("gw-memory", secrets.token_hex(8))
    ahead_s = START.timestamp() - time.monotonic() * SPEED

    def now() -> datetime:
        return datetime.fromtimestamp(hurried(ahead_s, SPEED), UTC)

    with (
        local_mosquitto(users=[CLOUD, user]) as broker,
        Cloud(broker, user.username).online() as cloud,
        serve(estate, tmp_path / "bus", baud=None, now=now),
    ):
        settings = write(tmp_path, broker.host, broker.port, user.username, user.password)
        options = ["run", "--config", str(settings), "--verbose", "--log-format", "json"]
        program = [sys.executable, "-m", "tests.support.hurried", repr(ahead_s), repr(SPEED)]
        agent = subprocess.Popen([*program, *options], stderr=subprocess.PIPE, text=True)
        log = Log(agent)
        try:
            until(lambda: log.counts["meter_read"] >= 3 * BUSES * METERS, "all are read", 120)
            until(lambda: now() - START > WARM, "caches are filled", 120)
            begun, polls = now(), log.counts["meter_read"]
            resident = [of_process(agent.pid)]
            for quarter in range(1, 5):
                while now() - begun < quarter * timedelta(hours=6):
                    assert agent.poll() is None
                    time.sleep(0.5)
                resident.append(of_process(agent.pid))
            polls = log.counts["meter_read"] - polls
        finally:
            agent.terminate()
            agent.wait(20)
            log.close()
    assert log.first_s is not None
    print(
        f"\nmemory: an agent with {BUSES * METERS} meters on {BUSES} buses, a day in "
        f"{DAY_S / SPEED:.0f} s, {polls} polls, {len(cloud.arrived)} batches delivered"
        f"\n  bare imports      {bare:6.1f} MiB"
        f"\n  resident          {', '.join(f'{each:.1f}' for each in resident)} MiB, every 6 h"
        f"\n  growth in a day   {resident[-1] - resident[0]:6.2f} MiB"
        f"\n  first reading     {log.first_s:6.2f} s after the start"
    )
    assert polls > 10 * BUSES * METERS
    assert max(resident) <= 80
    assert resident[-1] - resident[0] <= 1
    assert log.first_s < 3
