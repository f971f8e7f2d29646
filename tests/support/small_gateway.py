# SPDX-License-Identifier: MIT
"""A gateway reduced to its spool and its publisher, with readings of its own making."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from uuid import UUID

from edge_agent.decode.rows import MeterRows
from edge_agent.publish.in_flight import Flight
from edge_agent.publish.publisher import Publisher
from edge_agent.settings.gateway import BrokerConfig
from edge_agent.spool.spool import Spool
from shared_schema.access import Login
from shared_schema.catalogue import ACTIVE_IMPORT, BLOCK_LOAD_PROFILE
from shared_schema.gateway import Status
from shared_schema.message import MeterId
from shared_schema.readings import Column
from tests.support.servers import MqttServer
from tests.support.small_cloud import CLOUD_KEY, GATEWAY_KEY, PATIENCE_S

METER = MeterId(manufacturer="LNT", serial="L0012345")
COLUMN = Column(obis=ACTIVE_IMPORT, scaler=1, unit=30)
T0 = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp())


class Gateway:
    """A spool and its publisher in a thread."""

    def __init__(self, server: MqttServer, user: Login, folder: Path) -> None:
        self.name = user.name
        password = folder / "password"
        password.write_text(user.password)
        password.chmod(0o600)
        self.broker = BrokerConfig(
            host=server.host,
            port=server.port,
            username=user.name,
            password_file=password,
            keepalive_s=5,
        )
        self.spool = Spool.open(folder / "spool.db")
        self.flight = Flight(resend_after_s=1.0, resend_limit_s=4.0)
        self.rows = 0
        self.publisher = self.new_publisher()

    def new_publisher(self) -> Publisher:
        return Publisher(
            self.spool,
            self.broker,
            gateway=self.name,
            cloud_key=CLOUD_KEY.public_key(),
            status=self.status,
            flight=self.flight,
            will_delay_s=0,
        )

    def status(self, session: UUID, state: Literal["online", "offline"]) -> Status:
        return Status(
            gateway=self.name,
            session=session,
            state=state,
            at=datetime.now(UTC),
            spooled=self.spool.pending().total,
        )

    def read(self, count: int = 1, *, historical: bool = False) -> list[int]:
        made: list[int] = []
        for _ in range(count):
            self.rows += 1
            ts = T0 + 900 * self.rows
            self.spool.append(
                METER,
                [MeterRows(BLOCK_LOAD_PROFILE, 900, (COLUMN,), ((ts, None, self.rows),))],
                watermarks={BLOCK_LOAD_PROFILE: ts},
                at=datetime.now(UTC),
                historical=historical,
            )
            made += self.spool.seal(gateway=self.name, key=GATEWAY_KEY).seqs
        return made

    @contextmanager
    def running(self) -> Iterator[None]:
        stop = threading.Event()
        failures: list[BaseException] = []

        def run() -> None:
            try:
                self.publisher.run(stop)
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(PATIENCE_S)
            assert not thread.is_alive()
        assert not failures

    def is_stored(self) -> bool:
        """Seal what a stream that began anew left open, and tell whether all is receipted."""
        self.spool.seal(gateway=self.name, key=GATEWAY_KEY)
        return self.waiting == 0

    @property
    def waiting(self) -> int:
        return self.spool.pending().total
