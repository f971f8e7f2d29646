# SPDX-License-Identifier: MIT
"""The consumers that the pages show, as they stand there: with a broker and its roles, by HTTP."""

import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from cloud_ingest.deliver.webhook import NotTaken, Receiver, post
from deploy.demo.authority import Authority
from deploy.demo.mosquitto import MosquittoServer, cloud_user, local_mosquitto
from shared_schema.access import Consumer, Login, consumer_rights
from shared_schema.billing import (
    BillingManifest,
    ManifestEntry,
    MonthlyConsumption,
    MonthlyWithdrawal,
    Withheld,
)
from shared_schema.billing_asks import BillingAck, BillingRequest
from shared_schema.catalogue import Service
from shared_schema.events import Event, EventKind, Subject, SubjectType, Unit
from shared_schema.message import Message
from shared_schema.quality import Reason
from shared_schema.topics import billing_ack_topic, billing_manifest_topic, billing_topic
from tests.support import july
from tests.support.mqtt_peer import Peer, linked
from tests.support.pages import block
from tests.support.small_cloud import until

SOCIETY, MONTH = "Lake View", "2026-07"
USERS = (cloud_user(), Login("billing", consumer_rights(Consumer.BILLING, [SOCIETY])))
SECRET = b"a secret of two sides"
LEAK = UUID("5f0c2f9e-6f0e-4f4e-9d1c-2a44bd6d2f0a")
SINCE = datetime(2026, 11, 17, tzinfo=UTC)


@contextmanager
def running(page: str, folder: Path, *words: str) -> Iterator[Path]:
    """Run the program of a page in a folder; yield the file of what it prints."""
    program, printed = folder / "program.py", folder / "printed"
    program.write_text(block(page, "python"), encoding="utf-8")
    with printed.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, str(program), *words], cwd=folder, stdout=file, stderr=file
        )
        try:
            yield printed
            assert process.poll() is None, printed.read_text()
        finally:
            process.kill()
            process.wait(10)


def rows(database: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database)) as db:
        return db.execute(statement).fetchall()


class Billing:
    """The cloud's end of the broker, beside the consumer of the page."""

    def __init__(self, server: MosquittoServer, cloud: Peer, folder: Path) -> None:
        self.server, self.cloud, self.folder = server, cloud, folder

    @contextmanager
    def consumer(self) -> Iterator[Path]:
        """Run it, once it has asked for what it missed."""
        words = (SOCIETY, self.server.host, str(self.server.port))
        with running("howto/write-billing.md", self.folder, *words) as printed:
            assert BillingRequest.from_line(self.answer()) == BillingRequest(society=SOCIETY)
            yield printed

    def answer(self) -> bytes:
        topic, payload = self.cloud.received()
        assert topic == billing_ack_topic(SOCIETY)
        return payload

    def send(self, sent: MonthlyConsumption | MonthlyWithdrawal) -> None:
        """Send it, and wait until it is acknowledged."""
        topic = billing_topic(SOCIETY, MONTH, sent.subject, sent.service)
        assert self.cloud.publish(topic, sent.to_line()) == 0
        ack = BillingAck.from_line(self.answer())
        assert (ack.subject, ack.service, ack.version) == (sent.subject, sent.service, sent.version)

    def tell(self, sent: Message) -> None:
        """Retain the manifest, or something that is none."""
        topic = billing_manifest_topic(SOCIETY, MONTH)
        assert self.cloud.publish(topic, sent.to_line(), retain=True) == 0

    def held(self) -> list[tuple[object, ...]]:
        wanted = "SELECT subject, version, quantity, quality FROM number ORDER BY subject"
        return rows(self.folder / "billing.db", wanted)


@pytest.fixture(scope="module")
def billing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Billing]:
    folder = tmp_path_factory.mktemp("billing")
    authority = Authority(folder / "authority")
    identity = authority.issue("billing")
    shutil.copy(authority.certificate, folder / "ca.pem")
    shutil.copy(identity.certificate, folder / "billing.pem")
    shutil.copy(identity.key, folder / "billing.key")
    with local_mosquitto(users=USERS, authority=authority) as server:
        tls = authority.client("ingest")
        with linked(server.host, server.port, tls, client_id="ingest") as cloud:
            cloud.subscribe(billing_ack_topic(SOCIETY))
            yield Billing(server, cloud, folder)


def number(subject: str, used: int, version: int = 1) -> MonthlyConsumption:
    return july.number(used, subject=subject).model_copy(update={"version": version})


def taken_back(sent: MonthlyConsumption, version: int) -> MonthlyWithdrawal:
    named = {name: getattr(sent, name) for name in ("society", "month", "subject", "service")}
    return MonthlyWithdrawal(version=version, closed_at=july.CLOSED, **named)


def manifest(*numbers: MonthlyConsumption) -> BillingManifest:
    return BillingManifest(
        society=SOCIETY,
        month=MONTH,
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


def test_the_billing_page_keeps_the_highest_version(billing: Billing) -> None:
    with billing.consumer():
        for version, used in ((1, 100), (1, 100), (3, 300), (2, 200)):
            billing.send(number("A-1", used, version))
        billing.send(number("A/2", 50))
    assert billing.held() == [("A-1", 3, "300", "validated"), ("A/2", 1, "50", "validated")]


def test_the_billing_page_takes_a_number_back(billing: Billing) -> None:
    first = number("B-1", 10)
    with billing.consumer():
        billing.send(first)
        billing.send(taken_back(first, 2))
        billing.send(first)
    assert ("B-1", 2, None, None) in billing.held()


def test_the_billing_page_says_what_a_month_lacks(billing: Billing) -> None:
    first, second = number("D-1", 10), number("D-2", 20, 2)
    with billing.consumer() as printed:
        billing.tell(BillingRequest(society=SOCIETY, month=MONTH))
        billing.tell(manifest(first, second))
        billing.send(first)
        billing.send(number("D-2", 19, 1))
        billing.send(second)
        whole = f"{MONTH}: 2 numbers, 0 still to come, 1 withheld"
        until(lambda: whole in printed.read_text(), whole)
        lines = printed.read_text().splitlines()
    assert "passed over: metering.billing-request/1" in lines
    assert [line.split(", ")[1] for line in lines if line.startswith(MONTH)] == [
        "2 still to come",
        "1 still to come",
        "1 still to come",
        "0 still to come",
    ]


def leak(version: int, message: str, state: str = "open") -> Event:
    return Event(
        id=LEAK,
        version=version,
        society=SOCIETY,
        kind=EventKind.LEAK,
        subject=Subject(type=SubjectType.UNIT, id="A-1204"),
        unit=Unit(type=SubjectType.UNIT, id="A-1204", tower="A"),
        service=Service.WATER,
        state=state,
        since=SINCE,
        raised_at=SINCE,
        cleared_at=SINCE if state == "cleared" else None,
        message=message,
    )


@pytest.fixture
def helpdesk(tmp_path: Path) -> Iterator[tuple[Receiver, Path]]:
    (tmp_path / "webhook.secret").write_bytes(SECRET + b"\n")
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    with running("howto/write-helpdesk.md", tmp_path, str(port)):

        def listens() -> bool:
            with closing(socket.socket()) as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        until(listens, "the helpdesk listens")
        yield Receiver(f"http://127.0.0.1:{port}/flags", SECRET), tmp_path / "helpdesk.db"


def deliver(receiver: Receiver, event: Event, secret: bytes = SECRET) -> None:
    signed = Receiver(receiver.url, secret)
    post(signed, event.id, event.version, event.to_line(), sent_s=int(time.time()))


def test_the_helpdesk_page_keeps_one_ticket_a_flag(helpdesk: tuple[Receiver, Path]) -> None:
    receiver, database = helpdesk
    for event in (leak(1, "5 L"), leak(3, "over", "cleared"), leak(2, "10 L"), leak(3, "over")):
        deliver(receiver, event)
    wanted = [(str(LEAK), 3, "cleared", "alarm", "leak", "A", "A-1204", "over")]
    assert rows(database, "SELECT * FROM ticket") == wanted


def test_the_helpdesk_page_refuses_what_is_not_ours(helpdesk: tuple[Receiver, Path]) -> None:
    receiver, database = helpdesk
    with pytest.raises(NotTaken, match="401"):
        deliver(receiver, leak(1, "5 L"), b"the secret of another")
    stale = int(time.time()) - 301
    with pytest.raises(NotTaken, match="401"):
        post(receiver, LEAK, 1, leak(1, "5 L").to_line(), sent_s=stale)
    assert rows(database, "SELECT * FROM ticket") == []
