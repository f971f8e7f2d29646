# SPDX-License-Identifier: MIT
"""The sample consumers of both languages, with a broker that gives them their rights alone."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from deploy.demo.authority import Authority
from deploy.demo.mosquitto import MosquittoServer, cloud_user, local_mosquitto
from shared_schema.access import Consumer, Login, consumer_rights
from shared_schema.balance import Reconciliation
from shared_schema.billing import (
    BillingManifest,
    BillingUnit,
    ManifestEntry,
    MonthlyConsumption,
    MonthlyWithdrawal,
    Withheld,
)
from shared_schema.billing_asks import BillingAck, BillingRequest
from shared_schema.catalogue import Service
from shared_schema.events import Event, EventKind, Subject, SubjectType, Unit
from shared_schema.message import Message
from shared_schema.quality import Quality, Reason
from shared_schema.topics import (
    billing_ack_topic,
    billing_manifest_topic,
    billing_topic,
    event_topic,
    reconciliation_topic,
)
from tests.support import july
from tests.support.mqtt_peer import Peer, linked
from tests.support.node import node_folder
from tests.support.small_cloud import until

SOCIETY, MONTH = "Lake View", "2026-07"
ROLES = (Consumer.BILLING, Consumer.HELPDESK, Consumer.ACCOUNTING)
USERS = (cloud_user(), *(Login(role, consumer_rights(role, [SOCIETY])) for role in ROLES))
PYTHON = Path(__file__).parents[3] / "deploy" / "consumers" / "python"
SINCE = datetime(2026, 11, 17, tzinfo=UTC)
TABLES = {
    "billing": "SELECT subject, version, quantity, quality FROM number",
    "helpdesk": "SELECT id, version, state, message FROM ticket",
    "accounting": "SELECT tower, version, loss, stands FROM balance",
}


@dataclass
class Samples:
    """The programs of one language, beside the cloud's end of the broker."""

    language: str
    programs: Path
    server: MosquittoServer
    cloud: Peer
    folder: Path
    """With the certificates; what the programs keep is there, too."""

    @contextmanager
    def running(self, role: str) -> Iterator[Path]:
        """Run a program; yield the file of what it prints."""
        words = (SOCIETY, self.server.host, str(self.server.port))
        of = {"python": [sys.executable, "billing.py"], "node": ["node", "billing.mjs"]}
        program, name = of[self.language]
        path = self.programs / name.replace("billing", role)
        printed = self.folder / f"{role}.printed"
        with printed.open("ab") as file:
            process = subprocess.Popen(
                [program, str(path), *words], cwd=self.folder, stdout=file, stderr=file
            )
            try:
                yield printed
                assert process.poll() is None, printed.read_text()
            finally:
                process.kill()
                process.wait(10)

    def rows(self, role: str) -> list[tuple[Any, ...]]:
        """Return what a program keeps, in order."""
        if self.language == "python":
            with closing(sqlite3.connect(self.folder / f"{role}.db")) as db:
                is_made = db.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,)
                return sorted(db.execute(TABLES[role]).fetchall()) if is_made else []
        path = self.folder / f"{role}.json"
        kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        return sorted(_row(role, key, row) for key, row in kept)

    def answer(self) -> bytes:
        topic, payload = self.cloud.received()
        assert topic == billing_ack_topic(SOCIETY)
        return payload

    def tell(self, topic: str, said: Message | None, *, retain: bool = False) -> None:
        payload = b"" if said is None else said.to_line()
        assert self.cloud.publish(topic, payload, retain=retain) in {0, 16}  # 16: nobody listens

    def send(self, sent: MonthlyConsumption | MonthlyWithdrawal) -> None:
        """Send it, and wait until it is acknowledged."""
        self.tell(billing_topic(SOCIETY, MONTH, sent.subject, sent.service), sent)
        ack = BillingAck.from_line(self.answer())
        assert (ack.subject, ack.service, ack.version) == (sent.subject, sent.service, sent.version)

    def request(self) -> BillingRequest:
        return BillingRequest.from_line(self.answer())


def _row(role: str, key: str, row: dict[str, Any]) -> tuple[Any, ...]:
    if role == "billing":
        return (json.loads(key)[2], row["version"], row["quantity"], row["quality"])
    if role == "helpdesk":
        return (key, row["version"], row["state"], row["message"])
    return (row["tower"], row["version"], row["loss"], int(row["stands"]))


@pytest.fixture(scope="module", params=["python", "node"])
def samples(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Samples]:
    folder = tmp_path_factory.mktemp("consumers")
    programs = folder / "programs"
    source = PYTHON if request.param == "python" else node_folder(tmp_path_factory)
    shutil.copytree(source, programs, ignore=shutil.ignore_patterns("node_modules"))
    if (source / "node_modules").exists():
        (programs / "node_modules").symlink_to(source / "node_modules")
    for link in programs.glob("link.*"):
        told = link.read_text(encoding="utf-8")
        quick = told.replace("QUIET_S = 5.0", "QUIET_S = 1.0").replace("_MS = 5000", "_MS = 1000")
        link.write_text(quick, encoding="utf-8")
    authority = Authority(folder / "authority")
    shutil.copy(authority.certificate, folder / "ca.pem")
    for role in ROLES:
        identity = authority.issue(role)
        shutil.copy(identity.certificate, folder / f"{role}.pem")
        shutil.copy(identity.key, folder / f"{role}.key")
    with local_mosquitto(users=USERS, authority=authority) as server:
        tls = authority.client("ingest")
        with linked(server.host, server.port, tls, client_id="ingest") as cloud:
            cloud.subscribe(billing_ack_topic(SOCIETY))
            yield Samples(request.param, programs, server, cloud, folder)


def number(subject: str, used: int, version: int = 1) -> MonthlyConsumption:
    return july.number(used, subject=subject).model_copy(update={"version": version})


def taken_back(sent: MonthlyConsumption, version: int) -> MonthlyWithdrawal:
    named = {name: getattr(sent, name) for name in ("society", "month", "subject", "service")}
    return MonthlyWithdrawal(version=version, closed_at=july.CLOSED, **named)


def manifest(*numbers: MonthlyConsumption, version: int = 1) -> BillingManifest:
    return BillingManifest(
        society=SOCIETY,
        month=MONTH,
        version=version,
        entries=tuple(
            ManifestEntry(subject=n.subject, service=n.service, version=n.version, sha256="0" * 64)
            for n in numbers
        ),
        withheld=(
            Withheld(
                subject=Subject(type=SubjectType.UNIT, id="C-3"),
                service=Service.WATER,
                reasons=(Reason.NO_CLOSING,),
            ),
        ),
        closed_at=july.CLOSED,
    )


def test_billing_keeps_what_holds_and_asks_from_there(samples: Samples) -> None:
    with samples.running("billing") as printed:
        assert samples.request().since == datetime(1970, 1, 1, tzinfo=UTC)
        for version, used in ((1, 100), (1, 100), (3, 300), (2, 200)):
            samples.send(number("A-1", used, version))
        samples.send(number("A/2", 50))
        first = number("B-1", 10)
        samples.send(first)
        samples.send(taken_back(first, 2))
        samples.send(first)
        until(lambda: printed.read_text().count("corrected:") == 2, "corrections are told")
    wanted = [("A-1", 3, "300", "validated"), ("A/2", 1, "50", "validated"), ("B-1", 2, None, None)]
    assert samples.rows("billing") == wanted
    with samples.running("billing"):
        assert samples.request().since == july.CLOSED
    assert samples.rows("billing") == wanted


def test_billing_says_what_a_month_lacks(samples: Samples) -> None:
    first, second = number("D-1", 10), number("D-2", 20, 2)
    topic = billing_manifest_topic(SOCIETY, MONTH)
    with samples.running("billing") as printed:
        samples.request()
        samples.tell(topic, BillingRequest(society=SOCIETY, month=MONTH), retain=True)
        samples.tell(topic, manifest(first, second, version=2), retain=True)
        samples.tell(topic, manifest(), retain=True)  # an older one, late
        samples.send(first)
        samples.send(number("D-2", 19, 1))
        samples.send(second)
        whole = f"{MONTH}: 2 numbers, 0 still to come, 1 withheld"
        until(lambda: whole in printed.read_text(), whole)
        lines = printed.read_text().splitlines()
    assert "passed over: metering.billing-request/1" in lines
    assert "2 still to come" in printed.read_text()
    assert not any(" 0 numbers" in line for line in lines)


def flag(number: int, version: int, message: str, state: str = "open") -> Event:
    return Event(
        id=UUID(int=number),
        version=version,
        society=SOCIETY,
        kind=EventKind.LEAK,
        subject=Subject(type=SubjectType.UNIT, id=f"A-{number}"),
        unit=Unit(type=SubjectType.UNIT, id=f"A-{number}", tower="A"),
        service=Service.WATER,
        state=state,
        since=SINCE,
        raised_at=SINCE,
        cleared_at=SINCE if state == "cleared" else None,
        message=message,
    )


def raised(samples: Samples, event: Event) -> None:
    topic = event_topic(SOCIETY, event.kind, event.subject, Service.WATER)
    samples.tell(topic, event, retain=event.state == "open")
    if event.state == "cleared":
        samples.tell(topic, None, retain=True)


def test_the_helpdesk_has_one_ticket_a_flag(samples: Samples) -> None:
    raised(samples, flag(1, 1, "5 L"))
    with samples.running("helpdesk"):
        until(lambda: len(samples.rows("helpdesk")) == 1, "the flag that is retained")
        raised(samples, flag(1, 3, "20 L"))
        raised(samples, flag(1, 2, "10 L"))
        raised(samples, flag(2, 1, "leaks"))
        raised(samples, flag(2, 2, "over", "cleared"))
        wanted = [(str(UUID(int=1)), 3, "open", "20 L"), (str(UUID(int=2)), 2, "cleared", "over")]
        until(lambda: samples.rows("helpdesk") == wanted, "both tickets")
    raised(samples, flag(1, 4, "over", "cleared"))  # while nobody listens
    for number in range(3, 9):
        raised(samples, flag(number, 1, "leaks"))
    with samples.running("helpdesk"):
        still = [(str(UUID(int=number)), 1, "open", "leaks") for number in range(3, 9)]
        closed = [(str(UUID(int=1)), 3, "cleared", "20 L"), wanted[1], *still]
        until(lambda: samples.rows("helpdesk") == closed, "the missed end")


def balance(tower: str, version: int, loss: str) -> Reconciliation:
    return Reconciliation(
        society=SOCIETY,
        month=MONTH,
        version=version,
        tower=tower,
        service=Service.WATER,
        unit=BillingUnit.KL,
        bulk=Decimal(100),
        units=Decimal(90),
        common=Decimal(5),
        loss=Decimal(loss),
        loss_percent=Decimal(5),
        units_known=3,
        units_total=3,
        quality=Quality.VALIDATED,
        closed_at=july.CLOSED + timedelta(days=version),
    )


def test_accounting_keeps_the_balance_that_stands(samples: Samples) -> None:
    def tell(tower: str, said: Reconciliation | None) -> None:
        topic = reconciliation_topic(SOCIETY, MONTH, tower, Service.WATER)
        samples.tell(topic, said, retain=True)

    tell("T/1", balance("T/1", 1, "5"))
    tell("T2", balance("T2", 1, "1"))
    with samples.running("accounting"):
        until(lambda: len(samples.rows("accounting")) == 2, "what is retained")
        tell("T/1", balance("T/1", 3, "7"))
        tell("T/1", balance("T/1", 2, "6"))
        wanted = [("T/1", 3, "7", 1), ("T2", 1, "1", 1)]
        until(lambda: samples.rows("accounting") == wanted, "both balances")
        tell("T/1", None)
        wanted = [("T/1", 3, "7", 0), ("T2", 1, "1", 1)]
        until(lambda: samples.rows("accounting") == wanted, "one is taken back")
    tell("T2", None)  # while nobody listens
    tell("T3", balance("T3", 1, "2"))
    with samples.running("accounting"):
        wanted = [("T/1", 3, "7", 0), ("T2", 1, "1", 0), ("T3", 1, "2", 1)]
        until(lambda: samples.rows("accounting") == wanted, "the missed end, and what stands")
