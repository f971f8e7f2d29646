# SPDX-License-Identifier: MIT
"""A worker that is watched: its pages, and a store of which every metric has something to say."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from cloud_ingest.store.connection import Connection
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.registry import enrol_gateway, ensure_society
from cloud_ingest.store.status import put_status
from shared_schema.gateway import Machine, Status
from shared_schema.signing import generate_key, public_key_to_pem
from tests.support.fill import fill
from tests.support.service_site import SOCIETY

TIMEOUT_S = 10.0
"""No page of a worker takes longer, whatever happens to its servers."""


@dataclass(frozen=True)
class Pages:
    """What a worker shows at its address."""

    address: str

    def get(self, path: str) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=TIMEOUT_S) as got:
                return got.status, got.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def health(self, path: str) -> tuple[int, dict[str, Any]]:
        status, body = self.get(path)
        return status, json.loads(body)

    def families(self) -> dict[str, Metric]:
        status, body = self.get("/metrics")
        assert status == 200
        found = list(text_string_to_metric_families(body.decode()))
        return {each.name + "_total" * (each.type == "counter"): each for each in found}

    def value(self, name: str, **labels: str) -> float | None:
        for sample in self.families()[name].samples if name in self.families() else ():
            if sample.labels == labels:
                return sample.value
        return None


def gateway_status(conn: Connection, name: str, now: datetime, **changes: Any) -> None:
    """Enrol a gateway that is well, and let it tell its status."""
    enrol_gateway(conn, SOCIETY, name, None, public_key_to_pem(generate_key().public_key()))
    told: dict[str, Any] = {
        "clock_synchronised": True,
        "meters": 20,
        "meters_answering": 20,
        "spooled": 1,
        "oldest_waiting_at": now,
        "spool_bytes": 1 << 20,
        "spool_max_bytes": 1 << 30,
        "certificate_ends_at": now + timedelta(days=300),
        "machine": Machine(
            disk_free_bytes=4 << 30,
            disk_total_bytes=8 << 30,
            memory_bytes=50 << 20,
            agent_up_s=86400,
            machine_up_s=86400,
        ),
    }
    status = Status(gateway=name, session=uuid4(), state="online", at=now, **(told | changes))
    put_status(conn, status, now)


def watched(conn: Connection, now: datetime) -> None:
    """Give each metric of the store something to say; nothing is wrong."""
    today = now.astimezone(open_store(conn).zone).date()
    fill(conn, SOCIETY, 2, today - timedelta(days=4), days=4, dense=3)
    society = ensure_society(conn, SOCIETY)
    gateway_status(conn, "gw-well", now)
    conn.execute("UPDATE meter SET last_reading_at = %s", (now,))
    conn.execute(
        "INSERT INTO event (event_id, society_id, kind, subject_type, subject, service, state,"
        " since, raised_at, message) VALUES (%s, %s, 'held_change', 'unit', 'A-1', 'water', 'open',"
        " now(), now(), 'it would change')",
        (uuid4(), society),
    )
    conn.execute(
        "INSERT INTO outbox (topic, payload, ack_key, published_at)"
        " VALUES ('t', '', 'somebody', now())"
    )


def utc_now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
