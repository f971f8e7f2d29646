# SPDX-License-Identifier: MIT
"""A store for a test: the same tests on plain PostgreSQL and on both editions of TimescaleDB.

Plain is the session's own server. TimescaleDB Community is the server behind
IOT_UTILITY_TEST_DSN, the Apache edition that behind IOT_UTILITY_TEST_APACHE_DSN, where every
test makes a database and drops it. Without the variable it is a container, if containers are in
use; otherwise its tests are skipped.

A server is migrated once a session, into a template; a test that needs a store gets a copy of it
with a store id of its own. Tests of the migration itself begin with an empty database.
"""

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from cloud_ingest.core.accept import Accepted, Refused, accept
from cloud_ingest.core.unit_list import COLUMNS, MORE_COLUMNS
from cloud_ingest.entries.unit_import import Imported, import_units
from cloud_ingest.store.commit import CommitResult, commit
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.migrate import migrate
from cloud_ingest.store.registry import enrol_gateway, load_registry
from cloud_ingest.store.retention import retention
from shared_schema.catalogue import ACTIVE_IMPORT, Unit
from shared_schema.readings import Column
from shared_schema.signing import public_key_to_pem
from tests.support.gateway import MAKER, Sealer, block_line
from tests.support.servers import SqlServer, containers_in_use

TEST_DSN = "IOT_UTILITY_TEST_DSN"
APACHE_DSN = "IOT_UTILITY_TEST_APACHE_DSN"
SERVERS = {
    "timescale": ("TimescaleDB Community", TEST_DSN),
    "apache": ("TimescaleDB's Apache edition", APACHE_DSN),
}
EDITIONS = (
    "plain",
    pytest.param("timescale", marks=pytest.mark.timescale),
    pytest.param("apache", marks=pytest.mark.apache),
)
SOCIETY = "Lake View"
ZONE = ZoneInfo("Asia/Kolkata")
ENERGY_WH = Column(obis=ACTIVE_IMPORT, scaler=0, unit=Unit.WATT_HOUR)
QUARTER = timedelta(minutes=15)


@contextmanager
def database_at(server: str, owner: str = "DEFAULT", template: str = "DEFAULT") -> Iterator[str]:
    """Make a database on a server of somebody's own and drop it afterwards.

    The DSN is still that of who made it, also where a role from `role_at` owns it.
    """
    name = f"metering_test_{secrets.token_hex(6)}"
    make = f"CREATE DATABASE {name} OWNER {owner} TEMPLATE {template}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(make.encode())
        try:
            yield make_conninfo(server, dbname=name)
        finally:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            connection.execute(drop)


class Templates:
    """A migrated database on each server that was asked for; tests get copies of it."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._names: dict[str, str] = {}

    @contextmanager
    def copy(self, server: str) -> Iterator[str]:
        """Make a migrated store, as ``migrate`` leaves it, and drop it afterwards."""
        if server not in self._names:
            self._names[server] = self._stack.enter_context(_template_at(server))
        with database_at(server, template=self._names[server]) as dsn:
            with connect(dsn) as conn:
                conn.execute("UPDATE store SET store_id = gen_random_uuid()")
            yield dsn


@contextmanager
def _template_at(server: str) -> Iterator[str]:
    """Migrate a database and close it: PostgreSQL copies none that has a session.

    A database that takes no connection gets none of TimescaleDB's background workers either.
    """
    name = f"metering_template_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        with connect(make_conninfo(server, dbname=name)) as conn:
            migrate(conn)
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )
    yield name
    with (
        suppress(psycopg.OperationalError),  # a server of this session is gone already
        psycopg.connect(server, autocommit=True) as connection,
    ):
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@contextmanager
def role_at(server: str) -> Iterator[str]:
    """Make a role that may log in, its name as password, and nothing else; drop it afterwards."""
    name = f"metering_role_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{name}'".encode())
        try:
            yield name
        finally:
            connection.execute(f"DROP ROLE {name}".encode())


def as_role(dsn: str, role: str) -> str:
    """The same database, for a role of `role_at`."""
    return make_conninfo(dsn, user=role, password=role)


@pytest.fixture(params=EDITIONS)
def store_server(request: pytest.FixtureRequest) -> str:
    """The DSN of a server of each edition, on which a test may make databases."""
    return server_of_edition(request)


def server_of_edition(request: pytest.FixtureRequest) -> str:
    """The server of a fixture whose parameters are `EDITIONS`."""
    if request.param == "plain":
        server: SqlServer = request.getfixturevalue("postgres_server")
        return server.dsn_of("postgres")
    what, variable = SERVERS[request.param]
    if dsn := os.environ.get(variable):
        return dsn
    if not containers_in_use():
        pytest.skip(f"needs {what} behind {variable}, or IOT_UTILITY_CONTAINERS=1")
    container: SqlServer = request.getfixturevalue(f"{request.param}_container")
    return container.dsn_of("postgres")


@pytest.fixture
def empty_dsn(store_server: str) -> Iterator[str]:
    """The DSN of an empty database that is this test's alone, on each edition."""
    with database_at(store_server) as dsn:
        yield dsn


@pytest.fixture(scope="session")
def templates() -> Iterator[Templates]:
    with ExitStack() as stack:
        yield Templates(stack)


@pytest.fixture
def store_dsn(store_server: str, templates: Templates) -> Iterator[str]:
    """The DSN of a migrated store that is this test's alone, on each edition."""
    with templates.copy(store_server) as dsn:
        yield dsn


@pytest.fixture
def plain_store_dsn(postgres_server: SqlServer, templates: Templates) -> Iterator[str]:
    """The DSN of a migrated store that is this test's alone, on plain PostgreSQL."""
    with templates.copy(postgres_server.dsn_of("postgres")) as dsn:
        yield dsn


@pytest.fixture
def conn(store_dsn: str) -> Iterator[Connection]:
    """A migrated store."""
    with connect(store_dsn) as connection:
        yield connection


@pytest.fixture
def site(conn: Connection, tmp_path: Path) -> "Site":
    """A society with one gateway and no meters yet."""
    return Site(conn, tmp_path)


def local(text: str) -> datetime:
    """An aware time from local text such as ``2026-07-01 00:15``."""
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC)


IMPORTED_AT = local("2026-01-01 00:00")
"""When a list of units was imported: nothing was closed before it."""


class Site:
    """A society whose gateway speaks as the real one does: sealed, accepted, committed."""

    def __init__(
        self, conn: Connection, folder: Path, society: str = SOCIETY, gateway: str = "gw-a"
    ) -> None:
        self.conn = conn
        self.folder = folder
        self.society = society
        self.gateway = self.enrol(Sealer(gateway))

    def enrol(self, sealer: Sealer, tower: str | None = None) -> Sealer:
        """Let a gateway speak for the society, with the key that it has now."""
        pem = public_key_to_pem(sealer.key.public_key())
        enrol_gateway(self.conn, self.society, sealer.name, tower, pem)
        return sealer

    def units(self, *lines: str, now: datetime | None = None) -> Imported:
        """Import lines of the list of units, in the order of its columns; long ago by default."""
        path = self.folder / "units.csv"
        columns: tuple[str, ...] = COLUMNS
        most = max(line.count(",") for line in lines)
        if most >= len(columns):
            columns = (*COLUMNS, *MORE_COLUMNS)
            lines = tuple(line + "," * (len(columns) - 1 - line.count(",")) for line in lines)
        path.write_text("\n".join([",".join(columns), *lines]) + "\n", encoding="utf-8")
        return import_units(self.conn, self.society, path, now=now or IMPORTED_AT)

    def verdict(self, payload: bytes, at: datetime) -> Accepted | Refused:
        return accept(self.gateway.topic, payload, load_registry(self.conn), at)

    def deliver(
        self,
        serial: str,
        rows: Sequence[tuple[datetime, int]],
        *,
        column: Column = ENERGY_WH,
        period_s: int = 900,
        statuses: Mapping[datetime, int] | None = None,
    ) -> CommitResult:
        """Send readings of one register as a batch of their own, an hour after the last."""
        payload = self.gateway.seal(block_line(serial, rows, column, period_s, statuses))
        received = max(at for at, _ in rows) + timedelta(hours=1)
        return commit(self.conn, [self.verdict(payload, received)])

    def all(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self.conn.execute(statement.encode(), parameters).fetchall()

    def one(self, statement: str, *parameters: object) -> Any:
        (row,) = self.all(statement, *parameters)
        return row[0] if len(row) == 1 else row


def kept(conn: Connection) -> tuple[int | None, datetime | None]:
    """How many closed months of readings a store keeps, and from when on they are there."""
    found = retention(conn)
    return found.keep_months, found.kept_from


def unit_line(
    subject: str,
    serial: str,
    *,
    since: str = "2026-01-01",
    until: str = "",
    service: str = "electricity",
    source: str = "",
    kind: str = "unit",
    tower: str = "Tower 1",
    maker: str = MAKER,
) -> str:
    """One line of the list of units, for a meter that a gateway reads."""
    return f"{tower},{kind},{subject},{service},{source},{maker},{serial},no,{since},{until}"


def every(
    start: datetime, end: datetime, first: int, step: int, period: timedelta = QUARTER
) -> list[tuple[datetime, int]]:
    """Registers from ``start`` to ``end``, both included, that rise by ``step``."""
    count = (end - start) // period
    return [(start + period * number, first + step * number) for number in range(count + 1)]


def kwh(raw: int) -> Decimal:
    return Decimal(raw).scaleb(-3)
