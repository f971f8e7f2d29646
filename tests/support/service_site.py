# SPDX-License-Identifier: MIT
"""A society with its store and its broker, and the running service between them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import LiteralString
from uuid import uuid4

import psycopg
import pytest

from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.registry import enrol_gateway, ensure_society
from deploy.demo.mosquitto import (
    cloud_user,
    gateway_user,
)
from shared_schema.access import Login, Rights
from shared_schema.signing import (
    VerifyKey,
    generate_key,
    private_key_to_pem,
    public_key_to_pem,
)
from tests.support.gateway import MAKER, Sealer, TestGateway
from tests.support.servers import MosquittoWith, MqttServer

SOCIETY = "Lake View"
NOW = datetime.now(UTC).replace(microsecond=0)
LONG_AGO = NOW - timedelta(days=60)
CLOUD = cloud_user(uuid4().hex)
GATEWAYS = [gateway_user(f"gw-{letter}", uuid4().hex) for letter in "abcdefgh"]
SOCIETIES = ("metering/v1/society/#",)
OTHER = Login("other-modules", Rights(SOCIETIES, SOCIETIES), uuid4().hex)


@pytest.fixture(scope="module")
def mosquitto(mosquitto_with: MosquittoWith) -> Iterator[MqttServer]:
    with mosquitto_with([CLOUD, OTHER, *GATEWAYS]) as server:
        yield server


class Site:
    """One society with its store and broker, and the ingest between them."""

    def __init__(self, dsn: str, mosquitto: MqttServer, folder: Path, stack: ExitStack) -> None:
        self.dsn = dsn
        self.mosquitto = mosquitto
        self.folder = folder
        self.stack = stack
        self.conn: Connection = stack.enter_context(connect(dsn))
        self.society_id = ensure_society(self.conn, SOCIETY)
        key = generate_key()
        self.key: VerifyKey = key.public_key()
        (folder / "cloud.pem").write_bytes(private_key_to_pem(key))
        (folder / "password").write_text(CLOUD.password)
        for name in ("cloud.pem", "password"):
            (folder / name).chmod(0o600)
        self.log = folder / "log"

    def meter(
        self,
        serial: str,
        *,
        since: datetime = LONG_AGO,
        until: datetime | None = None,
        service: str = "electricity",
        unit: str | None = None,
    ) -> int:
        """Install a meter in a unit of its own."""
        row = self.conn.execute(
            "INSERT INTO meter (society_id, manufacturer, serial) VALUES (%s, %s, %s) "
            "RETURNING meter_id",
            (self.society_id, MAKER, serial),
        ).fetchone()
        assert row is not None
        self.conn.execute(
            "INSERT INTO assignment (society_id, subject_type, subject, label, service, source,"
            " meter_id, valid_from, valid_to, author, reason, recorded_at)"
            " SELECT %s, 'unit', own, own, %s, 'main', %s, %s, %s, 'me', 'test', now()"
            " FROM (VALUES (%s)) AS named (own)",
            (self.society_id, service, row[0], since, until, unit or f"A-{serial}"),
        )
        return int(row[0])

    def gateway(self, user: Login) -> tuple[Sealer, TestGateway]:
        """Enrol a gateway and link it."""
        sealer = Sealer(user.name)
        enrol_gateway(
            self.conn, SOCIETY, sealer.name, None, public_key_to_pem(sealer.key.public_key())
        )
        return sealer, self.client(user)

    def client(self, user: Login, *topics: str, session: str | None = None) -> TestGateway:
        """Link a client; one of the same session has what came while it was away."""
        server = self.mosquitto
        client = TestGateway(server.host, server.port, user, topics or None, session)
        self.stack.callback(client.close)
        return client

    def command(self, *words: str, program: Sequence[str] = ()) -> list[str]:
        return [sys.executable, *(program or ("-m", "cloud_ingest.cli.app")), *words]

    @contextmanager
    def ingest(
        self, *, session: str | None = None, **patch: str
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run ``cloud-ingest serve`` for the time of the block."""
        words = self.command(
            "serve",
            *("--dsn", self.dsn),
            *("--broker", f"{self.mosquitto.host}:{self.mosquitto.port}"),
            *("--username", CLOUD.name),
            *("--password-file", str(self.folder / "password")),
            *("--key", str(self.folder / "cloud.pem")),
            *("--client-id", session or f"ingest-{self.folder.name}"),
        )
        with self.log.open("ab") as log:
            process = subprocess.Popen(words, stderr=log, stdout=log, env={**os.environ, **patch})
            try:
                wait_until(lambda: b"linked" in self.log.read_bytes() or process.poll() is not None)
                assert process.poll() is None, self.log.read_text()
                yield process
            finally:
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)
                assert process.wait(20) in {0, -signal.SIGKILL}, self.log.read_text()

    def count(self, table: str, condition: LiteralString = "true") -> int:
        row = self.conn.execute(
            psycopg.sql.SQL("SELECT count(*) FROM {} WHERE {}").format(
                psycopg.sql.Identifier(table), psycopg.sql.SQL(condition)
            )
        ).fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture
def site(plain_store_dsn: str, mosquitto: MqttServer, tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(plain_store_dsn, mosquitto, tmp_path, stack)


@pytest.fixture
def each_site(store_dsn: str, mosquitto: MqttServer, tmp_path: Path) -> Iterator[Site]:
    """A site on each edition of the store."""
    with ExitStack() as stack:
        yield Site(store_dsn, mosquitto, tmp_path, stack)


def wait_until(done: Callable[[], object], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)


def rolled_up(conn: Connection) -> tuple[int, int] | None:
    """Return how many readings the days tell of, and the months."""
    return conn.execute(
        "SELECT (SELECT sum(count) FROM reading_day)::int,"
        " (SELECT sum(count) FROM reading_month)::int"
    ).fetchone()


BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
"""When the registers of `quarters` were at 1000."""


def quarters(count: int, until: datetime = NOW, step: int = 7) -> list[tuple[datetime, int]]:
    """Readings every 15 minutes up to a time, of a register that rises by ``step`` in each."""
    quarter = timedelta(minutes=15)
    times = [until - quarter * n for n in reversed(range(count))]
    return [(at, 1000 + step * ((at - BEGUN) // quarter)) for at in times]
