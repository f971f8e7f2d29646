# SPDX-License-Identifier: MIT
"""Real servers for integration tests: one PostgreSQL and one broker for a session (or a worker).

They are local processes. With IOT_UTILITY_CONTAINERS=1 the broker, and both editions of
TimescaleDB where no DSN of one is given, are containers; the tests that use them are marked.
"""

from __future__ import annotations

import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import psycopg
import pytest
from psycopg import sql

from deploy.demo.broker_control import KEEPER, tell
from deploy.demo.mosquitto import (
    LOGINS,
    changed_users,
    cloud_user,
    configuration,
    gateway_user,
    local_mosquitto,
    write_logins,
)
from deploy.demo.postgres import local_postgres
from deploy.demo.rootless import Account
from shared_schema.access import Login, keeper_rights

TIMESCALE_IMAGE = "timescale/timescaledb:2.28.3-pg17"
MOSQUITTO_IMAGE = "eclipse-mosquitto:2.0.22"
CONTAINER_TIMEOUT_S = 60.0


class SqlServer(Protocol):
    """A PostgreSQL whose superuser we are."""

    def dsn_of(self, database: str) -> str: ...


class MqttServer(Protocol):
    """A broker whose users we name."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    def set_users(self, users: Sequence[Login]) -> None: ...


MosquittoWith = Callable[[Sequence[Login]], AbstractContextManager[MqttServer]]


class Broker:
    """The session's broker; a gateway is known to it once it was asked for."""

    def __init__(self, server: MqttServer) -> None:
        self.server = server
        self.cloud = cloud_user(secrets.token_urlsafe(16))
        self._gateways: dict[str, Login] = {}
        server.set_users([self.cloud])

    @property
    def host(self) -> str:
        return self.server.host

    @property
    def port(self) -> int:
        return self.server.port

    def gateway(self, name: str | None = None) -> Login:
        """The gateway of that name, or a new one that no other test uses."""
        name = name or f"gw-{secrets.token_hex(4)}"
        if name not in self._gateways:
            self._gateways[name] = gateway_user(name, secrets.token_urlsafe(16))
            self.server.set_users([self.cloud, *self._gateways.values()])
        return self._gateways[name]


def containers_in_use() -> bool:
    return os.environ.get("IOT_UTILITY_CONTAINERS") == "1"


def pytest_report_header() -> str:
    return f"servers: {'containers' if containers_in_use() else 'local'}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        editions = (item.get_closest_marker(name) for name in ("timescale", "apache"))
        if "mosquitto_with" in fixtures or any(editions):
            item.add_marker(pytest.mark.containers)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[SqlServer]:
    with local_postgres(durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def timescale_container() -> Iterator[SqlServer]:
    with _timescale("timescale") as server:
        yield server


@pytest.fixture(scope="session")
def apache_container() -> Iterator[SqlServer]:
    with _timescale("apache") as server:
        yield server


@pytest.fixture
def database(postgres_server: SqlServer) -> Iterator[str]:
    """The DSN of an empty database that is this test's alone."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(postgres_server.dsn_of("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield postgres_server.dsn_of(name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def mosquitto_with() -> MosquittoWith:
    """Start a broker with some users: a local process, or a container."""
    return _mosquitto if containers_in_use() else lambda users: local_mosquitto(users=users)


@pytest.fixture(scope="session")
def broker(mosquitto_with: MosquittoWith) -> Iterator[Broker]:
    with mosquitto_with([]) as server:
        yield Broker(server)


@contextmanager
def _timescale(license_: str) -> Iterator[SqlServer]:
    from testcontainers.core.container import DockerContainer

    password = secrets.token_urlsafe(16)
    container = (
        DockerContainer(TIMESCALE_IMAGE)
        .with_env("POSTGRES_PASSWORD", password)
        .with_command(f"postgres -c timescaledb.license={license_} -c fsync=off")
        .with_exposed_ports(5432)
    )
    with container:
        at = f"{container.get_container_host_ip()}:{container.get_exposed_port(5432)}"
        server = _ContainerPostgres(f"postgresql://postgres:{password}@{at}")
        server.await_answer()
        yield server


class _ContainerPostgres:
    def __init__(self, base: str) -> None:
        self._base = base

    def dsn_of(self, database: str) -> str:
        return f"{self._base}/{database}"

    def await_answer(self) -> None:
        deadline = time.monotonic() + CONTAINER_TIMEOUT_S
        while True:
            try:
                return psycopg.connect(self.dsn_of("postgres"), connect_timeout=5).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.2)


@contextmanager
def _mosquitto(users: Sequence[Login]) -> Iterator[MqttServer]:
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    with tempfile.TemporaryDirectory() as name:
        settings = Path(name)
        settings.chmod(0o777)  # the plugin saves the logins there, as the image's own user
        text = configuration(
            plugin=Path("/usr/lib/mosquitto_dynamic_security.so"),
            settings=Path("/settings"),
            store=Path("/mosquitto/data"),
            listener="1883",
            tls=False,
        )
        settings.joinpath("mosquitto.conf").write_text(text, encoding="utf-8")
        server = _ContainerMosquitto()
        us = Account(os.geteuid(), os.getegid(), switched=False)
        write_logins([server.keeper], settings, us)
        settings.joinpath(LOGINS).chmod(0o666)
        container = (
            DockerContainer(MOSQUITTO_IMAGE)
            .with_command("mosquitto -c /settings/mosquitto.conf")
            .with_volume_mapping(name, "/settings", "rw")
            .with_exposed_ports(1883)
            .waiting_for(LogMessageWaitStrategy("running"))
        )
        with container:
            server.host = container.get_container_host_ip()
            server.port = int(container.get_exposed_port(1883))
            server.set_users(users)
            yield server


class _ContainerMosquitto:
    def __init__(self) -> None:
        self.host, self.port = "", 0
        self.keeper = Login(KEEPER, keeper_rights(), secrets.token_urlsafe(16))
        self._users: dict[str, Login] = {}

    def set_users(self, users: Sequence[Login]) -> None:
        commands = changed_users(self._users, users)
        tell(self.host, self.port, commands, password=self.keeper.password, tls=None)
        self._users = {each.name: each for each in users}
