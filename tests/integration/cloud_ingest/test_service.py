# SPDX-License-Identifier: MIT
"""The whole ingest against a real PostgreSQL and a real mosquitto, as its own process."""

import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from cloud_ingest.errors import UserError
from cloud_ingest.month.close import close_month
from cloud_ingest.store import outbox, quarantine
from cloud_ingest.store.quarantine import QuarantineState
from cloud_ingest.store.receipts import store_id
from cloud_ingest.store.registry import load_registry
from deploy.demo.mosquitto import (
    local_mosquitto,
)
from shared_schema.balance import Reconciliation
from shared_schema.billing_asks import BillingAck, BillingRequest
from shared_schema.catalogue import Service
from shared_schema.events import Subject, SubjectType
from shared_schema.gateway import Status
from shared_schema.readings import Block, open_batch
from shared_schema.signing import (
    public_key_to_pem,
)
from shared_schema.topics import (
    GatewayTopic,
    billing_ack_topic,
    gateway_topic,
    reconciliation_topic,
)
from tests.support.gateway import WATER, Sealer, TestGateway, block_line
from tests.support.receiver import SECRET, receiving
from tests.support.servers import SqlServer
from tests.support.service_site import (
    CLOUD,
    GATEWAYS,
    LONG_AGO,
    NOW,
    OTHER,
    SOCIETY,
    Site,
    each_site,
    mosquitto,
    quarters,
    rolled_up,
    site,
    wait_until,
)

__all__ = ["each_site", "mosquitto", "site"]


def test_sealed_batches_are_stored_and_receipted(each_site: Site) -> None:
    site = each_site
    site.meter("1")
    site.meter("2")
    sealer, gateway = site.gateway(GATEWAYS[0])
    payloads = [
        sealer.seal(
            block_line("1", quarters(4, NOW - timedelta(hours=n))),
            block_line("2", quarters(4, NOW - timedelta(hours=n))),
        )
        for n in range(50)
    ]
    with site.ingest():
        gateway.publish(sealer.topic, *payloads)
        receipt = gateway.wait_receipt(sealer, site.key, 50)
        assert receipt.ranges == ((1, 50),)
        assert site.count("reading") == 2 * 4 * 50
        assert site.count("batch") == 50
        before = len(gateway.messages)
        gateway.publish(sealer.topic, payloads[7])
        gateway.wait(before + 1)  # it came again, so its receipt may have been lost
        assert site.count("reading") == 2 * 4 * 50
        wait_until(lambda: site.count("dirty") == 0)
        assert rolled_up(site.conn) == (2 * 4 * 50, 2 * 4 * 50)
    assert b" ERROR " not in site.log.read_bytes()


def test_the_next_receipt_names_a_restored_store(site: Site) -> None:
    site.meter("1")
    sealer, gateway = site.gateway(GATEWAYS[0])
    with site.ingest():
        gateway.publish(sealer.topic, sealer.seal(block_line("1", [(NOW, 1)])))
        before = gateway.wait_receipt(sealer, site.key, 1).store
        subprocess.check_call(site.command("migrate", "--restored", "--dsn", site.dsn))
        gateway.publish(sealer.topic, sealer.seal(block_line("1", [(NOW - timedelta(hours=1), 1)])))
        after = gateway.wait_receipt(sealer, site.key, 2).store
    assert after == store_id(site.conn)
    assert after != before


def test_a_receipt_has_the_gaps_of_the_numbers(site: Site) -> None:
    site.meter("1")
    sealer, gateway = site.gateway(GATEWAYS[0])
    payloads = [sealer.seal(block_line("1", [(NOW - timedelta(hours=n), n)])) for n in range(5)]
    with site.ingest():
        gateway.publish(sealer.topic, *payloads[:2], *payloads[3:])
        wait_until(lambda: site.count("batch") == 4)
        wait_until(
            lambda: any(
                receipt.ranges == ((1, 2), (4, 5)) for receipt in gateway.receipts(site.key)
            )
        )


def test_what_is_wrong_is_kept_apart_and_stops_nothing(site: Site) -> None:
    site.meter("1", until=NOW - timedelta(hours=1))
    sealer, gateway = site.gateway(GATEWAYS[0])
    stranger = Sealer(GATEWAYS[1].name)
    stranger_link = site.client(GATEWAYS[1])
    good = block_line("1", [(NOW - timedelta(hours=5), 5)])
    first = sealer.seal(
        good,
        b'{"kind":"readings","rows":[]}',
        block_line("not imported", quarters(3)),
        block_line("1", [(NOW - timedelta(hours=4), 6), (NOW + timedelta(hours=4), 7)]),
        block_line("1", [(NOW - timedelta(minutes=30), 8)]),
    )
    forged = Sealer(sealer.name).seal(good)
    with site.ingest():
        gateway.publish(sealer.topic, b"\xff\x00 no message at all", forged)
        gateway.publish(sealer.topic, first.replace(b"readings/1", b"readings/9"))
        stranger_link.publish(stranger.topic, stranger.seal(good))
        gateway.publish(sealer.topic, first)
        receipt = gateway.wait_receipt(sealer, site.key, 1)
        assert receipt.ranges == ((1, 1),)
        gateway.publish(sealer.topic, b"\xff\x00 no message at all")
        wait_until(lambda: site.count("quarantine", "times = 2") == 1)
    entries = quarantine.list_entries(site.conn)
    assert sorted(entry.reason for entry in entries) == [
        "bad_signature",
        "future",
        "malformed",
        "malformed",
        "not_installed",
        "unknown_gateway",
        "unknown_meter",
        "unknown_schema",
    ]
    assert all(entry.detail for entry in entries)
    assert {entry.row_indexes for entry in entries if entry.reason == "future"} == {(1,)}
    assert site.count("reading") == 2
    assert stranger_link.messages == []
    assert {receipt.stream for receipt in gateway.receipts(site.key)} == {sealer.stream}
    listed = json.loads(
        subprocess.check_output(
            site.command("quarantine", "list", "--json", "--dsn", site.dsn), text=True
        )
    )
    assert len(listed) == 8
    shown = subprocess.check_output(
        site.command("quarantine", "show", str(entries[-1].quarantine_id), "--dsn", site.dsn),
        text=True,
    )
    assert entries[-1].reason in shown


def test_a_meter_that_is_imported_later_gets_its_readings(site: Site) -> None:
    sealer, gateway = site.gateway(GATEWAYS[0])
    with site.ingest():
        gateway.publish(sealer.topic, sealer.seal(block_line("9", quarters(8))))
        gateway.wait_receipt(sealer, site.key, 1)
        (entry,) = quarantine.list_entries(site.conn)
        still = quarantine.replay(
            site.conn, load_registry(site.conn), entry.quarantine_id, datetime.now(UTC)
        )
        assert still.state is QuarantineState.OPEN
        assert "unknown_meter" in still.reason
        site.meter("9", since=NOW - timedelta(minutes=50))
        again = quarantine.replay(
            site.conn, load_registry(site.conn), entry.quarantine_id, datetime.now(UTC)
        )
        assert (again.state, again.new_readings) == (QuarantineState.OPEN, 4)
        site.conn.execute("UPDATE assignment SET valid_from = %s", (LONG_AGO,))
        out = subprocess.check_output(
            site.command("quarantine", "replay", "--all", "--dsn", site.dsn), text=True
        )
        assert site.count("reading") == 8, out
        assert quarantine.list_entries(site.conn) == []
        with pytest.raises(UserError, match="already"):
            quarantine.dismiss(site.conn, entry.quarantine_id, datetime.now(UTC))
        # The running ingest learns of the meter by itself.
        gateway.publish(sealer.topic, sealer.seal(block_line("9", quarters(9))))
        wait_until(lambda: site.count("reading") == 9)


def test_a_refused_message_is_replayed_after_enrolment(site: Site) -> None:
    site.meter("1")
    sealer = Sealer(GATEWAYS[2].name)
    gateway = site.client(GATEWAYS[2])
    with site.ingest():
        payload = sealer.seal(block_line("1", quarters(3)))
        gateway.publish(sealer.topic, payload)
        wait_until(lambda: site.count("quarantine") == 1)
        key = site.folder / "gateway.pem"
        key.write_bytes(public_key_to_pem(sealer.key.public_key()))
        subprocess.check_call(
            site.command(
                "enrol",
                sealer.name,
                *("--society", SOCIETY, "--key", str(key), "--dsn", site.dsn),
            )
        )
        (entry,) = quarantine.list_entries(site.conn)
        done = quarantine.replay(
            site.conn, load_registry(site.conn), entry.quarantine_id, datetime.now(UTC)
        )
        assert (done.state, done.new_readings) == (QuarantineState.REPLAYED, 3)
        time.sleep(0.3)
        gateway.publish(sealer.topic, payload)  # the edge sends again what has no receipt
        gateway.wait_receipt(sealer, site.key, 1)
    assert site.count("reading") == 3


def test_a_fork_is_told_and_the_first_stands(site: Site) -> None:
    site.meter("1")
    sealer, gateway = site.gateway(GATEWAYS[0])
    with site.ingest():
        gateway.publish(sealer.topic, sealer.seal(block_line("1", [(NOW, 1)])))
        gateway.wait_receipt(sealer, site.key, 1)
        sealer.seq, sealer._previous = 0, None
        gateway.publish(sealer.topic, sealer.seal(block_line("1", [(NOW - timedelta(hours=1), 2)])))
        wait_until(lambda: site.count("quarantine", "reason = 'fork'") == 1)
    assert site.count("reading") == 1
    (entry,) = quarantine.list_entries(site.conn)
    replayed = quarantine.replay(site.conn, load_registry(site.conn), entry.quarantine_id, NOW)
    assert replayed.new_readings == 1
    assert site.count("reading") == 2


def test_the_ingest_killed_in_the_middle_loses_nothing(site: Site) -> None:
    meters = [f"{n}" for n in range(5)]
    for serial in meters:
        site.meter(serial)
    sealer, gateway = site.gateway(GATEWAYS[3])
    payloads = [
        sealer.seal(*(block_line(each, quarters(4, NOW - timedelta(hours=n))) for each in meters))
        for n in range(400)
    ]
    with site.ingest() as process:
        gateway.publish(sealer.topic, *payloads[:200])
        wait_until(lambda: site.count("batch") > 20)
        process.kill()
        process.wait()
    gateway.publish(sealer.topic, *payloads[200:])
    with site.ingest() as process:
        wait_until(lambda: site.count("batch") > 250)
        process.kill()
        process.wait()
    with site.ingest():
        receipt = gateway.wait_receipt(sealer, site.key, 400)
        assert receipt.ranges == ((1, 400),)
    assert site.count("reading") == 5 * 4 * 400
    assert site.count("claim") == 0
    stored = {
        (serial, ts, raw)
        for serial, ts, raw in site.conn.execute(
            "SELECT serial, extract(epoch FROM ts)::bigint, raw "
            "FROM reading JOIN channel USING (channel_id) JOIN meter USING (meter_id)"
        )
    }
    ring = {sealer.name: sealer.key.public_key()}
    sent = {
        (block.meter.serial, row[0], row[2])
        for payload in payloads
        for block in open_batch(payload, lambda gateway, _key: ring[gateway]).blocks()
        if isinstance(block, Block)
        for row in block.rows
    }
    assert stored == sent


def test_a_broker_that_forgets_everything_is_survived(plain_store_dsn: str, tmp_path: Path) -> None:
    with local_mosquitto(users=[CLOUD, OTHER, *GATEWAYS]) as server, ExitStack() as stack:
        site = Site(plain_store_dsn, server, tmp_path, stack)
        site.meter("1")
        sealer, gateway = site.gateway(GATEWAYS[0])
        outbox.enqueue(
            site.conn, "metering/v1/society/x/billing/2026-10/manifest", b"M", retain=True
        )
        with site.ingest() as process:
            gateway.publish(sealer.topic, sealer.seal(block_line("1", [(NOW, 1)])))
            gateway.wait_receipt(sealer, site.key, 1)
            wait_until(lambda: site.count("outbox", "published_at IS NOT NULL") == 1)
            server.kill()
            server.wipe()
            time.sleep(1)
            assert process.poll() is None
            server.start()
            lost = sealer.seal(block_line("1", [(NOW - timedelta(hours=1), 2)]))
            gateway = site.client(GATEWAYS[0])
            wait_until(lambda: site.log.read_bytes().count(b"linked") == 2)
            gateway.publish(sealer.topic, lost)
            gateway.wait_receipt(sealer, site.key, 2)
            reader = site.client(OTHER, "metering/v1/society/#")
            assert reader.wait(1)[0][1] == b"M"
            log = site.log.read_text()
            assert log.count("outage") == 1, log
            assert "Traceback" not in log


@contextmanager
def away(site: Site, server: SqlServer) -> Iterator[None]:
    """Throw everybody out of the site's database but us, and let nobody in."""
    name = str(psycopg.conninfo.conninfo_to_dict(site.dsn)["dbname"])
    with psycopg.connect(server.dsn_of("postgres"), autocommit=True) as admin:
        allow = psycopg.sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        of = psycopg.sql.Identifier(name)
        admin.execute(allow.format(of, psycopg.sql.SQL("false")))
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s "
            "AND pid <> %s",
            (name, site.conn.info.backend_pid),
        )
        try:
            yield
        finally:
            admin.execute(allow.format(of, psycopg.sql.SQL("true")))


def test_a_database_that_goes_away_is_waited_for(site: Site, postgres_server: SqlServer) -> None:
    site.meter("1")
    sealer, gateway = site.gateway(GATEWAYS[4])
    with site.ingest():
        gateway.publish(sealer.topic, sealer.seal(block_line("1", [(NOW, 1)])))
        gateway.wait_receipt(sealer, site.key, 1)
        with away(site, postgres_server):
            gateway.publish(
                sealer.topic, sealer.seal(block_line("1", [(NOW - timedelta(hours=1), 1)]))
            )
            time.sleep(2)
            assert len(gateway.receipts(site.key)) == 1
        gateway.wait_receipt(sealer, site.key, 2)
    assert "Traceback" not in site.log.read_text()


def test_it_stops_in_order_without_a_database(site: Site, postgres_server: SqlServer) -> None:
    site.meter("1")
    sealer, gateway = site.gateway(GATEWAYS[4])
    with site.ingest() as process, away(site, postgres_server):
        gateway.publish(sealer.topic, sealer.seal(block_line("1", [(NOW, 1)])))
        wait_until(lambda: b"outage" in site.log.read_bytes())
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    with site.ingest():  # what could not be stored was not acknowledged either
        gateway.wait_receipt(sealer, site.key, 1)
    assert "Traceback" not in site.log.read_text()


def test_a_late_will_does_not_end_a_newer_session(site: Site) -> None:
    sealer, gateway = site.gateway(GATEWAYS[5])
    topic = gateway_topic(sealer.name, GatewayTopic.STATUS)
    old, new = uuid4(), uuid4()

    def say(session: object, state: str) -> None:
        status = Status.model_validate(
            {"gateway": sealer.name, "session": session, "state": state, "at": NOW}
        )
        gateway.publish(topic, status.to_line(), retain=True)

    def stored() -> tuple[object, str] | None:
        return site.conn.execute("SELECT session, state FROM gateway_status").fetchone()

    with site.ingest():
        say(old, "online")
        wait_until(lambda: stored() == (old, "online"))
        say(new, "online")
        say(old, "offline")
        gateway.publish(topic, b"not a status")
        wait_until(lambda: site.count("quarantine") == 1)
        assert stored() == (new, "online")
        say(new, "offline")
        wait_until(lambda: stored() == (new, "offline"))


def test_a_number_is_sent_until_billing_has_it(site: Site) -> None:
    ack = BillingAck(
        society=SOCIETY,
        month="2026-10",
        subject=Subject(type=SubjectType.UNIT, id="A-1204"),
        service=Service.WATER,
        version=2,
    )
    older = ack.model_copy(update={"version": 1})
    topic = "metering/v1/society/Lake%20View/billing/2026-10/unit/A-1204/water"
    for number in (older, ack):
        outbox.enqueue(
            site.conn, topic, b"%d" % number.version, ack_key=outbox.billing_ack_key(number)
        )
    billing = site.client(OTHER, "metering/v1/society/+/billing/#")
    with site.ingest():
        assert [payload for _, payload, _ in billing.wait(2)] == [b"1", b"2"]
        wait_until(lambda: site.count("outbox", "published_at IS NULL") == 0)
        site.conn.execute("UPDATE outbox SET published_at = published_at - interval '2 minutes'")
        assert [payload for _, payload, _ in billing.wait(4)[2:]] == [b"1", b"2"]
        wait_until(
            lambda: (
                site.count("outbox", "attempts = 2 AND published_at > now() - interval '1 min'")
                == 2
            )
        )
        site.conn.execute("UPDATE outbox SET published_at = published_at - interval '40 seconds'")
        anew = site.client(OTHER, "metering/v1/society/+/billing/#")
        anew.publish(billing_ack_topic(SOCIETY), BillingRequest(society=SOCIETY).to_line())
        assert [payload for _, payload, _ in anew.wait(2)] == [b"1", b"2"]
        billing.publish(billing_ack_topic(SOCIETY), ack.to_line())
        wait_until(lambda: site.count("outbox", "acked_at IS NULL") == 0)
        site.conn.execute("UPDATE outbox SET published_at = published_at - interval '1 hour'")
        time.sleep(1.5)
        assert len(billing.messages) == 6


def test_a_reconciliation_waits_for_an_accounting_that_comes_late(
    plain_store_dsn: str, tmp_path: Path
) -> None:
    with local_mosquitto(users=[CLOUD, OTHER]) as server, ExitStack() as stack:
        site = Site(plain_store_dsn, server, tmp_path, stack)
        site.meter("1")
        site.conn.execute("UPDATE assignment SET tower = 'A'")
        month = f"{NOW - timedelta(days=40):%Y-%m}"
        (made,) = close_month(site.conn, SOCIETY, month, NOW).reconciliations
        with site.ingest():
            wait_until(lambda: site.count("outbox", "published_at IS NULL") == 0)
        accounting = site.client(OTHER, "metering/v1/society/+/reconciliation/#")
        ((topic, payload, _retain),) = accounting.wait(1)
        assert topic == reconciliation_topic(SOCIETY, month, "A", made.service)
        assert Reconciliation.from_line(payload) == made


def test_a_leak_in_a_back_fill_is_flagged_and_cleared(site: Site) -> None:
    site.meter("w1", service="water", unit="A/1204")
    sealer, gateway = site.gateway(GATEWAYS[6])
    helpdesk = site.client(OTHER, "metering/v1/society/+/events/leak/#")
    hour = NOW.replace(minute=0, second=0)

    def litres(
        hours: int, per_hour: int, until: datetime, start: int
    ) -> list[tuple[datetime, int]]:
        return [
            (until - timedelta(hours=hours - n), start + per_hour * n) for n in range(hours + 1)
        ]

    dry = hour - timedelta(hours=4)
    running = litres(72, 5, dry, 5000)
    with site.ingest(IOT_UTILITY_RULES_EVERY_S="0.3"):
        gateway.publish(sealer.topic, sealer.seal(block_line("w1", running, WATER, 3600)))
        gateway.wait_receipt(sealer, site.key, 1)
        (topic, payload, _retain), *_ = helpdesk.wait(1)
        assert topic == "metering/v1/society/Lake%20View/events/leak/unit/A%2F1204/water"
        event = json.loads(payload)
        assert event["state"] == "open"
        assert datetime.fromisoformat(event["since"]) == dry - timedelta(hours=72)
        assert "at least 5 L in every hour; 360 L so far, use included" in event["message"]
        late = site.client(OTHER, "metering/v1/society/+/events/leak/#")
        assert late.wait(1)[0][2]  # retained for whoever comes later
        after = litres(4, 0, hour, running[-1][1])
        gateway.publish(sealer.topic, sealer.seal(block_line("w1", after, WATER, 3600)))
        last_word, emptied = (payload for topic, payload, _ in helpdesk.wait(3)[1:3])
        assert json.loads(last_word)["state"] == "cleared"
        assert json.loads(last_word)["id"] == event["id"]
        assert emptied == b""
    latest = TestGateway(
        site.mosquitto.host, site.mosquitto.port, OTHER, ["metering/v1/society/+/events/leak/#"]
    )
    site.stack.callback(latest.close)
    time.sleep(0.3)
    assert latest.messages == []


def test_a_dead_webhook_blocks_neither_mqtt_nor_another(site: Site) -> None:
    site.meter("w1", service="water", unit="A-1204")
    sealer, gateway = site.gateway(GATEWAYS[6])
    helpdesk = site.client(OTHER, "metering/v1/society/+/events/leak/#")
    hour = NOW.replace(minute=0, second=0)
    running = [(hour - timedelta(hours=72 - n), 5000 + 5 * n) for n in range(73)]
    (site.folder / "secret").write_bytes(SECRET)
    (site.folder / "secret").chmod(0o600)
    with socket.create_server(("127.0.0.1", 0)) as deaf, receiving() as receiver:
        urls = [f"http://127.0.0.1:{deaf.getsockname()[1]}/", receiver.url]
        hooks = [
            f'[[webhook]]\nurl = "{url}"\nsecret_file = "{site.folder / "secret"}"' for url in urls
        ]
        (site.folder / "cloud.toml").write_text("\n".join(hooks))
        config = str(site.folder / "cloud.toml")
        with site.ingest(IOT_UTILITY_RULES_EVERY_S="0.3", IOT_UTILITY_CONFIG=config):
            wait_until(lambda: site.count("webhook", "active") == 2)
            gateway.publish(sealer.topic, sealer.seal(block_line("w1", running, WATER, 3600)))
            (_, payload, _), *_ = helpdesk.wait(1)
            wait_until(lambda: receiver.requests)
            (request,) = receiver.requests
            assert request.body == payload
            assert request.is_signed
            wait_until(lambda: site.count("webhook_delivery") == 1)  # the deaf one's alone
        assert SECRET.decode() not in site.log.read_text()


def test_a_silent_meter_is_flagged_until_it_speaks(site: Site) -> None:
    site.meter("e1", since=NOW - timedelta(days=3), unit="B-7")
    site.meter("e2", since=NOW - timedelta(hours=3))
    site.conn.execute("UPDATE meter SET last_reading_at = %s WHERE serial = 'e2'", (NOW,))
    sealer, gateway = site.gateway(GATEWAYS[7])
    helpdesk = site.client(OTHER, "metering/v1/society/+/events/read_failure/#")
    with site.ingest(IOT_UTILITY_RULES_EVERY_S="0.3"):
        (topic, payload, _), *_ = helpdesk.wait(1)
        assert topic.endswith("/events/read_failure/meter/LNT%20e1/electricity")
        assert "B-7" in json.loads(payload)["message"]
        gateway.publish(sealer.topic, sealer.seal(block_line("e1", [(NOW, 1)])))
        assert json.loads(helpdesk.wait(3)[1][1])["state"] == "cleared"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"--broker": "127.0.0.1:1"}, "127.0.0.1:1"),
        ({"--username": "nobody"}, "refuses nobody"),
        ({"--dsn": "postgresql://x:y@127.0.0.1:1/none"}, "127.0.0.1:1"),
        ({"--key": "/nowhere/cloud.pem"}, "/nowhere/cloud.pem"),
        ({"--broker": "a:b:c"}, "a:b:c"),
    ],
)
def test_a_start_that_cannot_work_is_one_line(
    site: Site, change: dict[str, str], expected: str
) -> None:
    options = {
        "--dsn": site.dsn,
        "--broker": f"{site.mosquitto.host}:{site.mosquitto.port}",
        "--username": CLOUD.name,
        "--password-file": str(site.folder / "password"),
        "--key": str(site.folder / "cloud.pem"),
    } | change
    words = [word for option in options.items() for word in option]
    done = subprocess.run(
        site.command("serve", *words), capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert expected in done.stderr


def test_a_wrong_zone_is_refused_at_the_start(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOT_UTILITY_ZONE", "Europe/Berlin")
    for words in (["serve"], ["serve", "--check"]):
        done = subprocess.run(
            site.command(
                *words,
                *("--dsn", site.dsn),
                *("--broker", f"{site.mosquitto.host}:{site.mosquitto.port}"),
                *("--username", CLOUD.name),
                *("--password-file", str(site.folder / "password")),
                *("--key", str(site.folder / "cloud.pem")),
            ),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
        assert "of Asia/Kolkata, not of Europe/Berlin" in done.stderr


def test_check_says_that_all_is_there(site: Site) -> None:
    done = subprocess.run(
        site.command(
            "serve",
            "--check",
            *("--dsn", site.dsn),
            *("--broker", f"{site.mosquitto.host}:{site.mosquitto.port}"),
            *("--username", CLOUD.name),
            *("--password-file", str(site.folder / "password")),
            *("--key", str(site.folder / "cloud.pem")),
        ),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "127.0.0.1" in done.stdout
