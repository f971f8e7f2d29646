# SPDX-License-Identifier: MIT
"""Every alert fires once: Prometheus, a real worker, its database and its broker, and faults.

Run by `make test-alerts`. The facts of the store are put at their real age. What an alert waits
before it fires is shortened to two seconds, and an hour in which a loop does nothing to eight.
"""

import json
import os
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import LiteralString

import pytest
import yaml

from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.migrate import migrate
from deploy.demo.authority import Authority
from deploy.demo.mosquitto import (
    MosquittoServer,
    cloud_user,
    free_port,
    gateway_user,
    local_mosquitto,
)
from deploy.demo.postgres import local_postgres
from shared_schema.gateway import Machine
from shared_schema.signing import generate_key, private_key_to_pem
from tests.support.alert_rules import RULES, RUNBOOK, alerts, panel_queries
from tests.support.frozen import frozen_sessions
from tests.support.monitored import Pages, gateway_status, utc_now, watched
from tests.support.mqtt_peer import linked
from tests.support.prometheus import find_program

DOCS = "https://docs.example"
FIRES_WITHIN_S = 60.0
ALL = {alert.name.removeprefix("Metering") for alert in alerts()}
OF_THE_PLACE = {"CertificateEnds"}
"""The certificates of a test live for two days."""
ILL = {
    "clock_synchronised": False,
    "clock_jump_s": 90.0,
    "machine": Machine(disk_free_bytes=1 << 20, disk_total_bytes=8 << 30),
}
STORE_FAULTS: tuple[LiteralString, ...] = (
    "UPDATE meter SET last_reading_at = now() - interval '2 days'",
    "DELETE FROM reading_day WHERE day = (now() AT TIME ZONE 'Asia/Kolkata')::date - 1",
    "INSERT INTO outbox (topic, payload, created_at)"
    " VALUES ('no/topic/of/ours', '', now() - interval '1 hour')",
    "INSERT INTO outbox (topic, payload, ack_key, attempts, created_at, published_at)"
    " VALUES ('metering/v1/society/x', '', 'x', 9, now() - interval '2 days', now())",
    "INSERT INTO webhook_delivery (webhook_id, event_id, version, payload, created_at, due_at)"
    " SELECT webhook_id, event_id, 1, '', now() - interval '2 hours', now() + interval '1 day'"
    " FROM webhook, event LIMIT 1",
    "ALTER TABLE webhook RENAME TO webhook_that_was",
    "INSERT INTO month_close (society_id, month, closed_at, last_closed_at, manifest)"
    " SELECT society_id, to_char(now() - interval '3 months', 'YYYY-MM'), now(), now(), ''"
    " FROM society",
    "INSERT INTO month_doubt (society_id, month, subject_type, subject, service, kind, reasons,"
    " linked, since) SELECT society_id, '2026-01', 'unit', 'U-1', 'water', 'doubted',"
    " '{gap}', 'U-1', now() FROM society",
    "SELECT pg_switch_wal()",
)


@dataclass
class Place:
    """A worker under Prometheus's eyes."""

    dsn: str
    conn: Connection
    broker: MosquittoServer
    folder: Path
    pages: Pages
    prometheus: str = ""
    worker: subprocess.Popen[bytes] | None = None
    fired: dict[str, float] = field(default_factory=dict)
    """After how many seconds of its fault each alert fired."""

    def query(self, expr: str) -> list[object]:
        """Return the series that a query has now."""
        data = self.ask(f"query?query={urllib.parse.quote(expr)}")
        assert isinstance(data, dict)
        return list(data["result"])

    def ask(self, path: str) -> object:
        with urllib.request.urlopen(f"{self.prometheus}/api/v1/{path}", timeout=10) as got:  # noqa: S310
            return json.load(got)["data"]

    def firing(self) -> set[str]:
        data = self.ask("alerts")
        assert isinstance(data, dict)
        fires = [each for each in data["alerts"] if each["state"] == "firing"]
        for each in fires:
            told = each["annotations"]
            assert "<" not in told["summary"], "a template that has no value"
            page = told["runbook_url"].removeprefix(f"{DOCS}/runbook/").removesuffix(".html")
            assert (RUNBOOK / f"{page}.md").is_file()
        return {each["labels"]["alertname"].removeprefix("Metering") for each in fires}

    def expect(self, *names: str) -> None:
        """Wait until these alerts fire."""
        assert set(names) <= ALL
        began = time.monotonic()
        missing = set(names)
        while missing:
            for name in self.firing() & missing:
                self.fired[name] = time.monotonic() - began
            missing -= self.fired.keys()
            assert time.monotonic() < began + FIRES_WITHIN_S, f"silent: {missing}"
            time.sleep(0.2)

    def until(self, done: Callable[[], object]) -> None:
        deadline = time.monotonic() + FIRES_WITHIN_S
        while not done():
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.5)

    def answers(self) -> bool:
        try:
            return bool(self.ask("status/runtimeinfo"))
        except OSError:
            return False

    def is_ready(self) -> bool:
        try:
            return self.pages.health("/readyz")[0] == 200
        except OSError:
            return False


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    program = find_program("prometheus")
    authority = Authority(tmp_path / "pki")
    users = [cloud_user(), gateway_user("gw-well")]
    archive = {"archive_mode": "on", "archive_command": "/bin/false"}
    with (
        local_postgres(durable=False, settings=archive) as server,
        local_mosquitto(users=users, authority=authority) as broker,
        connect(server.dsn) as conn,
        ExitStack() as stack,
    ):
        migrate(conn, zone="Asia/Kolkata")
        watched(conn, utc_now())
        pages = Pages(f"127.0.0.1:{free_port()}")
        own = Place(server.dsn, conn, broker, tmp_path, pages)
        stack.enter_context(_serving(own, authority))
        own.prometheus = stack.enter_context(_watching(program, tmp_path, pages.address))
        own.until(own.answers)
        yield own


@contextmanager
def _serving(place: Place, authority: Authority) -> Iterator[None]:
    own = authority.issue("ingest")
    secret, key = place.folder / "secret", place.folder / "cloud.pem"
    secret.write_text("a secret of some length")
    key.write_bytes(private_key_to_pem(generate_key()))
    for path in (secret, key):
        path.chmod(0o600)
    settings = place.folder / "cloud.toml"
    settings.write_text(
        f'dsn = "{place.dsn}"\nbroker_host = "{place.broker.host}"\n'
        f"broker_port = {place.broker.port}\nbroker_tls = true\n"
        f'broker_ca_file = "{authority.certificate}"\nbroker_cert_file = "{own.certificate}"\n'
        f'broker_key_file = "{own.key}"\ncloud_key_file = "{key}"\n'
        f'metrics_address = "{place.pages.address}"\nlog_format = "json"\n'
        f'[[webhook]]\nurl = "http://127.0.0.1:1/"\nsecret_file = "{secret}"\n'
    )
    settings.chmod(0o600)
    words = ["-m", "tests.support.hurried_worker", "serve", "--config", str(settings)]
    with (place.folder / "log").open("wb") as log:
        place.worker = subprocess.Popen(
            [sys.executable, *words],
            stdout=log,
            stderr=log,
            env={**os.environ, "IOT_UTILITY_RULES_EVERY_S": "1"},
        )
        try:
            place.until(place.is_ready)
            yield
        finally:
            place.worker.terminate()
            place.worker.wait(30)


@contextmanager
def _watching(program: Path, folder: Path, target: str) -> Iterator[str]:
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule["for"] = "2s"
            if rule["alert"] == "MeteringLoopStuck":
                rule["expr"] = rule["expr"].replace("> 3600", "> 8")
    (folder / "rules.yml").write_text(yaml.safe_dump(rules))
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "scrape_configs": [{"job_name": "metering", "static_configs": [{"targets": [target]}]}],
    }
    config["global"] |= {"external_labels": {"docs": DOCS}}  # type: ignore[operator]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port()}"
    words = [
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address={address}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([program, *words], stdout=log, stderr=log)
        try:
            yield f"http://{address}"
        finally:
            process.terminate()
            process.wait(30)


def test_every_alert_fires_once(place: Place) -> None:
    place.until(lambda: place.query("metering_rollup_waiting == 0"))
    place.expect(*OF_THE_PLACE)
    time.sleep(3)
    assert place.firing() == OF_THE_PLACE
    _require_well_formed(place.pages)
    empty = _panels_without_data(place)

    with connect(place.dsn) as other, other.transaction(force_rollback=True):
        other.execute("LOCK TABLE quarantine IN EXCLUSIVE MODE")
        _flood(place, 200)
        place.expect("IngestBehind")
        time.sleep(6)
    place.expect("CommitSlow", "QuarantineDrops")
    _flood(place, 150, size=100)
    place.expect("QuarantineFills")

    with connect(place.dsn) as other, other.transaction(force_rollback=True):
        _break_store(place.conn, utc_now())
        other.execute("LOCK TABLE reading_day IN EXCLUSIVE MODE")
        place.conn.execute(
            "INSERT INTO dirty (day, channels, marked_at) SELECT current_date,"
            " array_agg(channel_id), now() - interval '2 hours' FROM channel"
        )
        place.expect("ReadingsStale", "MetersSilent", "DayIncomplete")
        place.expect("GatewaySilent", "GatewayBacklog", "GatewayDiskLow")
        place.expect("GatewayCertificateEnds", "GatewayClockJumped", "GatewayClockUnsynchronised")
        place.expect("OutboxStuck", "BillingSilent", "WebhookStuck", "RollupLate")
        place.expect("MonthNotClosed", "NumbersWait", "ArchiveFails", "LoopFailing", "LoopStuck")
        assert empty & _panels_without_data(place) == set()

    with frozen_sessions(place.conn):
        place.expect("DatabaseDown", "WorkerNotReady")
    place.until(place.is_ready)
    place.broker.stop()
    place.expect("BrokerDown")
    assert place.worker is not None
    place.worker.terminate()
    place.expect("WorkerDown", "NoLeader")
    for name, seconds in sorted(place.fired.items()):
        print(f"{name:28} {seconds:5.1f} s")
    assert place.fired.keys() == ALL


def _require_well_formed(pages: Pages) -> None:
    """Let promtool look at a scrape: types, units, help, labels."""
    _status, text = pages.get("/metrics")
    told = subprocess.run(
        [find_program("promtool"), "check", "metrics"],
        input=text,
        check=False,
        capture_output=True,
        timeout=30,
    )
    assert (told.returncode, told.stdout + told.stderr) == (0, b"")


def _panels_without_data(place: Place) -> set[tuple[str, str]]:
    return {(title, expr) for title, expr in panel_queries() if not place.query(expr)}


def _flood(place: Place, messages: int, size: int = 200_000) -> None:
    """Send what nothing verifies, each another message."""
    assert place.broker.authority is not None
    tls = place.broker.authority.client("gw-well")
    with linked(place.broker.host, place.broker.port, tls) as peer:
        for _ in range(messages):
            peer.publish("metering/v1/gw/gw-well/readings", os.urandom(16) + b"x" * size)


def _break_store(conn: Connection, now: datetime) -> None:
    gateway_status(
        conn,
        "gw-ill",
        now - timedelta(hours=2),
        oldest_waiting_at=now - timedelta(hours=8),
        certificate_ends_at=now + timedelta(days=5),
        **ILL,
    )
    for fault in STORE_FAULTS:
        conn.execute(fault)
