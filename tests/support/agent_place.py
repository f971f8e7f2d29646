# SPDX-License-Identifier: MIT
"""A gateway's folder with all its files, virtual meters on a pty bus, and the agent there."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.demo.mosquitto import gateway_user
from edge_agent.agent import Agent
from edge_agent.settings.file import load_settings
from edge_agent.virtual.estate import Estate, load_estate, serve
from shared_schema.access import Login
from shared_schema.readings import Block, open_batch
from shared_schema.signing import private_key_to_pem, public_key_to_pem
from tests.support.servers import MosquittoWith, MqttServer
from tests.support.small_cloud import CLOUD, CLOUD_KEY, GATEWAY_KEY, Cloud

ESTATE = """
zone = "Asia/Kolkata"
[[bus]]
name = "riser-1"
link = "riser-1.tty"
[[bus.meter]]
label = "A-101"
serial = "10000001"
manufacturer = "LNT"
model = "single_phase"
address = 17
password = "12345678"
profile_days = 20
load = { kind = "flat" }
[[bus.meter]]
label = "A-102"
serial = "10000002"
manufacturer = "LNT"
model = "single_phase"
address = 18
password = "87654321"
profile_days = 20
load = { kind = "flat" }
"""
AGENT = """
gateway = "{name}"
spool = "spool.db"
key_file = "gateway.key"
cloud_key_file = "cloud.pem"
assume_synchronised_clock = true
gather_s = 1
[broker]
host = "{host}"
port = {port}
username = "{name}"
password_file = "broker.password"
[[bus]]
name = "riser-1"
port = "bus/riser-1.tty"
turnaround_s = 0.3
[[bus.meter]]
label = "A-101"
address = 17
model = "is16444"
password_file = "meter.password"
[[bus.meter]]
label = "A-102"
address = 18
model = "is16444"
password_file = "meter.password"
[[bus.meter]]
label = "nobody"
address = 19
model = "is16444"
password_file = "meter.password"
"""


@dataclass
class Place:
    """A gateway's folder with all its files."""

    folder: Path
    estate: Estate
    cloud: Cloud

    @property
    def config(self) -> Path:
        return self.folder / "agent.toml"

    def agent(self) -> Agent:
        return Agent(load_settings(self.config))

    @contextmanager
    def bus(self, baud: int | None = None) -> Iterator[None]:
        with serve(self.estate, self.folder / "bus", baud=baud, now=lambda: datetime.now(UTC)):
            yield


def secret(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)


@pytest.fixture(scope="module")
def users() -> list[Login]:
    return [gateway_user(f"gw-a{number}", secrets.token_hex(8)) for number in range(9)]


@pytest.fixture(scope="module")
def mosquitto(users: list[Login], mosquitto_with: MosquittoWith) -> Iterator[MqttServer]:
    with mosquitto_with([CLOUD, *users]) as server:
        yield server


@pytest.fixture
def place(mosquitto: MqttServer, users: list[Login], tmp_path: Path) -> Place:
    user = users.pop()
    (tmp_path / "estate.toml").write_text(ESTATE)
    secret(tmp_path / "gateway.key", private_key_to_pem(GATEWAY_KEY))
    (tmp_path / "cloud.pem").write_bytes(public_key_to_pem(CLOUD_KEY.public_key()))
    secret(tmp_path / "broker.password", user.password.encode())
    secret(tmp_path / "meter.password", b"12345678\n")
    (tmp_path / "agent.toml").write_text(
        AGENT.format(name=user.name, host=mosquitto.host, port=mosquitto.port)
    )
    return Place(tmp_path, load_estate(tmp_path / "estate.toml"), Cloud(mosquitto, user.name))


@contextmanager
def running(agent: Agent) -> Iterator[threading.Event]:
    stop = threading.Event()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            agent.run(stop)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(15)
        assert not thread.is_alive()
    assert not failures


def stored(cloud: Cloud) -> list[Block]:
    found: list[Block] = []
    for batches in list(cloud.stored.values()):  # the cloud's thread adds to them meanwhile
        for payload in list(batches.values()):
            batch = open_batch(payload, lambda _gateway, _key: GATEWAY_KEY.public_key())
            found += [block for block in batch.blocks() if isinstance(block, Block)]
    return found
