# SPDX-License-Identifier: MIT
"""Numbers, manifests and balances to webhooks: the bytes of their topics, in order, once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.deliver.deliveries import deliver_next, keep
from cloud_ingest.deliver.webhook import Receiver
from cloud_ingest.month.close import close_month
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.resends import ask, feed
from cloud_ingest.store.rows import scalar, scalars
from shared_schema.balance import Reconciliation
from shared_schema.billing import BillingManifest, MonthlyConsumption
from shared_schema.billing_asks import BillingRequest
from tests.support import receiver as support
from tests.support.receiver import SECRET, receiving, status
from tests.support.store import SOCIETY, Site, every, local, unit_line

START, END = local("2026-06-30 00:00"), local("2026-08-02 00:00")
NOW = local("2026-08-05 09:00")
ALL = ("events", "billing", "reconciliation")


@pytest.fixture
def there() -> Iterator[support.Receiver]:
    with receiving() as receiver:
        yield receiver


def wants(there: support.Receiver, site: Site, **words: object) -> Receiver:
    receiver = Receiver(there.url, SECRET, **{"messages": ALL, **words})  # type: ignore[arg-type]
    keep(site.conn, (receiver,), NOW)
    return receiver


def delivered(conn: Connection, receiver: Receiver) -> None:
    later = datetime.now(UTC) + timedelta(minutes=1)
    while (tried := deliver_next(conn, receiver, lambda: later)).taken:
        assert tried.failure is None


def close(site: Site) -> None:
    site.units(unit_line("A-1204", "1"), unit_line("Bulk", "2", kind="bulk"))
    for serial in ("1", "2"):
        site.deliver(serial, every(START, END, 1000, 10, timedelta(hours=1)))
    close_month(site.conn, SOCIETY, "2026-07", NOW)


def on_topics(conn: Connection) -> list[bytes]:
    """What the outbox has for billing and accounting, in order."""
    return scalars(
        conn,
        "SELECT payload FROM outbox WHERE topic ~ '/(billing|reconciliation)/' ORDER BY outbox_id",
    )


def test_a_webhook_gets_the_bytes_of_the_topics(site: Site, there: support.Receiver) -> None:
    receiver = wants(there, site)
    close(site)
    delivered(site.conn, receiver)
    bodies = [each.body for each in there.requests]
    assert bodies == on_topics(site.conn)
    kinds = (MonthlyConsumption, Reconciliation, BillingManifest)
    assert {each.SCHEMA.encode() for each in kinds} == {body.split(b'"')[3] for body in bodies}
    assert all(each.is_signed for each in there.requests)
    keys = [each.headers["Idempotency-Key"] for each in there.requests]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    "words", [{"messages": ("events",)}, {"societies": ("Hill Top",)}], ids=["events", "others"]
)
def test_who_does_not_ask_gets_no_number(
    site: Site, there: support.Receiver, words: dict[str, object]
) -> None:
    receiver = wants(there, site, **words)
    close(site)
    delivered(site.conn, receiver)
    assert there.requests == []


@pytest.mark.parametrize("acknowledges", [True, False])
def test_billings_2xx_is_an_acknowledgement_where_it_is_set(
    site: Site, there: support.Receiver, *, acknowledges: bool
) -> None:
    receiver = wants(there, site, acknowledges=acknowledges)
    close(site)
    there.answer = status(500)
    assert deliver_next(site.conn, receiver, lambda: datetime.now(UTC)).failure == "answers 500"
    acked = "SELECT count(*) FROM outbox WHERE acked_at IS NOT NULL"
    assert scalar(site.conn, acked) == 0
    there.answer = status(204)
    delivered(site.conn, receiver)
    assert scalar(site.conn, acked) == int(acknowledges)
    unsent = "SELECT count(*) FROM outbox WHERE ack_key IS NOT NULL AND published_at IS NULL"
    assert scalar(site.conn, unsent) == 1, "the broker gets it once, too"


def test_a_correction_comes_after_what_it_corrects(site: Site, there: support.Receiver) -> None:
    receiver = wants(there, site)
    close(site)
    site.units(
        unit_line("A-1204", "1", until="2026-07-10"),
        unit_line("A-1205", "1", since="2026-07-10"),
        unit_line("Bulk", "2", kind="bulk"),
        now=NOW,
    )
    close_month(site.conn, SOCIETY, "2026-07", NOW + timedelta(hours=1))
    delivered(site.conn, receiver)
    numbers = [
        MonthlyConsumption.from_line(each.body)
        for each in there.requests
        if MonthlyConsumption.SCHEMA.encode() in each.body
    ]
    assert [each.version for each in numbers if each.subject.id == "A-1204"] == [1, 2]
    assert [each.body for each in there.requests] == on_topics(site.conn)


def test_what_was_missed_is_sent_again(site: Site, there: support.Receiver, store_dsn: str) -> None:
    close(site)
    receiver = wants(there, site)
    words = ["webhook", "resend", "127.0.0.1", "--society", SOCIETY, "--dsn", store_dsn]
    for again in (words, [*words, "--month", "2026-07"]):
        done = CliRunner().invoke(app, again)
        assert done.exit_code == 0, done.output
    delivered(site.conn, receiver)
    assert sorted(each.body for each in there.requests) == sorted(on_topics(site.conn))
    for nothing in (["--month", "2026-06"], ["--since", "2026-09-01 00:00"]):
        assert CliRunner().invoke(app, [*words, *nothing]).output == "0 messages to send.\n"
    refused = CliRunner().invoke(app, ["webhook", "resend", "no.example", *words[3:]])
    assert (refused.exit_code, "the service knows 127.0.0.1" in refused.output) == (2, True)


def test_a_month_to_send_again_is_named_as_people_do(
    site: Site, there: support.Receiver, store_dsn: str
) -> None:
    close(site)
    wants(there, site)
    words = ["webhook", "resend", "127.0.0.1", "--society", SOCIETY, "--dsn", store_dsn, "--month"]
    done = CliRunner().invoke(app, [*words, "July 2026"])
    assert (done.exit_code, "0 messages" in done.output) == (0, False)
    refused = CliRunner().invoke(app, [*words, "Julember"])
    assert (refused.exit_code, "'Julember' is not a month" in refused.output) == (2, True)


def test_a_wish_by_mqtt_sends_nothing_by_http(site: Site, there: support.Receiver) -> None:
    receiver = wants(there, site)
    close(site)
    delivered(site.conn, receiver)
    came = len(there.requests)
    site.conn.execute("UPDATE outbox SET acked_at = now(), created_at = '2026-01-01'")
    society_id = scalar(site.conn, "SELECT society_id FROM society")
    ask(site.conn, society_id, BillingRequest(society=SOCIETY, month="2026-07"), NOW)
    assert feed(site.conn, NOW) == 1
    delivered(site.conn, receiver)
    assert len(there.requests) == came
