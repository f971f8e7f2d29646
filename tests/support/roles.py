# SPDX-License-Identifier: MIT
"""A store with roles apart: its owner's, the service's, and a reader's for one of two societies."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from psycopg import errors as pg
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.month.close import Closed, close_month
from cloud_ingest.operate.doctor import examine
from cloud_ingest.settings import CloudSettings
from cloud_ingest.store.connection import Connection, connect, edition
from cloud_ingest.store.migrate import migrate
from tests.support.store import (
    SOCIETY,
    Site,
    as_role,
    database_at,
    every,
    local,
    role_at,
    unit_line,
)

OTHER = "Hill Top"
START, END = local("2026-06-30 00:00"), local("2026-08-02 00:00")
NOW = local("2026-08-20 09:00")


@dataclass(frozen=True)
class Roles:
    """A store, and who may log in to it. ``dsn`` is the administrator's."""

    dsn: str
    owner: str
    service: str
    reader: str

    def dsn_of(self, role: str) -> str:
        return as_role(self.dsn, role)

    def connect(self, role: str | None = None) -> Connection:
        return connect(self.dsn if role is None else self.dsn_of(role))

    def migrate(self, *words: str, role: str | None = None) -> tuple[int, str]:
        """Run ``cloud-ingest migrate``, as the owner where no other role is named."""
        dsn = self.dsn_of(role or self.owner)
        done = CliRunner().invoke(app, ["migrate", *words, "--dsn", dsn])
        return done.exit_code, done.output

    def allow_transfer(self, role: str) -> None:
        """Do what an administrator does for the roles of a store with continuous aggregates."""
        with self.connect() as conn:
            if edition(conn) == "timescale":
                statement = (
                    f"GRANT {role} TO {self.owner};"
                    f"GRANT CREATE ON SCHEMA _timescaledb_internal TO {role}"
                )
                conn.execute(statement.encode())

    def end_transfer(self, role: str) -> None:
        with self.connect() as conn:
            if edition(conn) == "timescale":
                end = f"REVOKE CREATE ON SCHEMA _timescaledb_internal FROM {role}"
                conn.execute(end.encode())


@contextmanager
def roles_apart(server: str) -> Iterator[Roles]:
    """Make a store and its roles; both societies are there, and hold nothing yet."""
    with (
        role_at(server) as owner,
        role_at(server) as service,
        role_at(server) as reader,
        database_at(server, owner=owner) as dsn,
    ):
        found = Roles(dsn, owner, service, reader)
        with found.connect(owner) as conn:
            migrate(conn)
            conn.execute("INSERT INTO society (name) VALUES (%s), (%s)", (SOCIETY, OTHER))
        found.allow_transfer(service)
        code, said = found.migrate("--role", service, "--reader", reader, "--society", SOCIETY)
        assert code == 0, said
        found.end_transfer(service)
        yield found


def live_a_month(conn: Connection, folder: Path) -> list[Closed]:
    """Enrol, import, ingest and close July for both societies, by the rights of a session."""
    closed = []
    for society, gateway, serial in ((SOCIETY, "gw-a", "S-1"), (OTHER, "gw-b", "S-2")):
        site = Site(conn, folder, society, gateway)
        site.units(unit_line("A-1204", serial))
        site.deliver(serial, every(START, END, 1000, 10, timedelta(hours=1)))
        closed.append(close_month(conn, society, "2026-07", NOW))
    return closed


def refused(conn: Connection, statement: str) -> bool:
    """Whether a right is missing for a statement, or a view takes none; what it did is undone."""
    try:
        with conn.transaction(force_rollback=True):
            conn.execute(statement.encode())
    except (pg.InsufficientPrivilege, pg.ObjectNotInPrerequisiteState):
        return True
    return False


def role_check(roles: Roles, role: str, name: str = "role") -> tuple[str, str, str]:
    settings = CloudSettings(broker_host="127.0.0.1", broker_port=1)
    found = examine(settings, roles.dsn_of(role), lambda: datetime.now(UTC))
    (check,) = [each for each in found if each.name == name]
    return check.level, check.said, check.advice
