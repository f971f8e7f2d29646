# SPDX-License-Identifier: MIT
"""From MQTT publish to receipt: signatures, evidence, dedupe and marks on, real broker, real store.

The limit is one client's direct binary COPY of the same rows in batches of 5000 with nothing
around it, measured in the same run. Beside it stand the ways that one would try first. With a
TimescaleDB server behind IOT_UTILITY_TEST_DSN everything is measured there, too.
"""

import itertools
import json
import os
import secrets
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from cloud_ingest.core.accept import Accepted, accept
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.channels import StoreCache
from cloud_ingest.store.commit import commit
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.migrate import migrate, open_store
from cloud_ingest.store.registry import load_registry
from deploy.demo.mosquitto import MosquittoServer, cloud_user, local_mosquitto
from shared_schema.access import Login, Rights
from shared_schema.readings import Header
from shared_schema.signing import generate_key, private_key_to_pem
from tests.bench.bench_store import chunks, copy_format
from tests.support.load import HOUR, QUARTER, register, signed_batches

CLOUD = cloud_user(secrets.token_hex(16))
ALL_GATEWAYS = Login(
    "gateways",
    Rights(("metering/v1/gw/+/readings",), ("metering/v1/gw/+/receipts",)),
    secrets.token_hex(16),
)
START = datetime(2026, 7, 1, 18, 30, tzinfo=UTC)
GATEWAYS, METERS, CHANNELS = 10, 400, 3
LEAST_SHARE = 0.33
SENT_EVERY = 2 * HOUR
PATIENCE_S = 300.0

Batches = list[tuple[str, bytes]]


@pytest.fixture(scope="module")
def mosquitto() -> Iterator[MosquittoServer]:
    with local_mosquitto(users=[CLOUD, ALL_GATEWAYS]) as server:
        yield server


@contextmanager
def workers(
    dsn: str, mosquitto: MosquittoServer, folder: Path, count: int
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """So many processes of ``cloud-ingest serve`` that share the messages."""
    (folder / "cloud.pem").write_bytes(private_key_to_pem(generate_key()))
    (folder / "password").write_text(CLOUD.password)
    for name in ("cloud.pem", "password"):
        (folder / name).chmod(0o600)
    group = f"bench-{uuid.uuid4().hex[:8]}"
    words = [
        *(sys.executable, "-m", "cloud_ingest.cli.app", "serve", "--dsn", dsn),
        *("--broker", f"{mosquitto.host}:{mosquitto.port}", "--username", CLOUD.name),
        *("--password-file", str(folder / "password"), "--key", str(folder / "cloud.pem")),
        *("--group", group),
    ]
    running: list[subprocess.Popen[bytes]] = []
    with ExitStack() as stack:
        for number in range(count):
            log = stack.enter_context((folder / f"worker-{number}.log").open("wb"))
            running.append(
                subprocess.Popen([*words, "--client-id", f"{group}-{number}"], stderr=log)
            )
        try:
            for number in range(count):
                await_line(folder / f"worker-{number}.log", "linked")
            yield running
        finally:
            for each in running:
                each.terminate()
            for each in running:
                each.wait(30)


def await_line(log: Path, word: str) -> None:
    until = time.monotonic() + 30
    while word not in log.read_text():
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.05)


class Publisher:
    """All gateways as one client, which sees what is receipted."""

    def __init__(self, mosquitto: MosquittoServer) -> None:
        self._done: dict[str, int] = {}
        self._news = threading.Condition()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=f"load-{uuid.uuid4()}", protocol=mqtt.MQTTv5
        )
        self._client.username_pw_set(ALL_GATEWAYS.name, ALL_GATEWAYS.password)
        self._client.max_inflight_messages_set(1000)
        self._client.on_message = self._on_message
        ready = threading.Event()
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.on_connect = self._on_connect
        self._client.connect(mosquitto.host, mosquitto.port)
        self._client.loop_start()
        assert ready.wait(10)

    def _on_connect(self, *_: object) -> None:
        self._client.subscribe("metering/v1/gw/+/receipts", qos=1)

    def _on_message(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        said = json.loads(bytes(message.payload).partition(b"\n")[0])
        first, last = said["ranges"][0]
        if first == 1:
            with self._news:
                self._done[said["stream"]] = max(last, self._done.get(said["stream"], 0))
                self._news.notify_all()

    def publish(self, batches: Batches) -> None:
        for topic, payload in batches:
            self._client.publish(topic, payload, qos=1)

    def wait(self, wanted: dict[str, int]) -> None:
        with self._news:
            assert self._news.wait_for(
                lambda: all(self._done.get(stream, 0) >= seq for stream, seq in wanted.items()),
                PATIENCE_S,
            ), (self._done, wanted)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client.reinitialise()  # closes its sockets


def last_of_each(batches: Batches) -> dict[str, int]:
    """The last number of each stream."""
    found: dict[str, int] = {}
    for _, payload in batches:
        header = Header.from_line(payload.partition(b"\n")[0])
        found[str(header.stream)] = header.seq
    return found


def ready(conn: Connection) -> None:
    migrate(conn)
    register(conn, gateways=GATEWAYS, meters=METERS, since=START - timedelta(days=1))


def caught_up(
    dsn: str, mosquitto: MosquittoServer, folder: Path, batches: Batches, *, count: int
) -> float:
    """Seconds from the first publish until every batch is receipted."""
    folder.mkdir()
    wanted = last_of_each(batches)
    with workers(dsn, mosquitto, folder, count):
        publisher = Publisher(mosquitto)
        try:
            began = time.perf_counter()
            publisher.publish(batches)
            publisher.wait(wanted)
            return time.perf_counter() - began
        finally:
            publisher.close()


def bare_copy(conn: Connection) -> float:
    """Rows a second of one client that copies what is in ``reading``."""
    conn.execute("CREATE TABLE bare (LIKE reading INCLUDING ALL)")
    rows = conn.execute(
        "SELECT channel_id, at, raw FROM reading, CAST(extract(epoch FROM ts) AS bigint) AS at"
        " ORDER BY (at - 1) / %s, channel_id, at",  # as they came: two hours of each channel
        (int(SENT_EVERY.total_seconds()),),
    ).fetchall()
    packed = [copy_format([(r[0], int(r[1]), r[2]) for r in chunk]) for chunk in chunks(rows)]
    statement = "COPY bare (channel_id, ts, raw, status, origin) FROM STDIN (FORMAT binary)"
    began = time.perf_counter()
    for part in packed:
        with conn.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(part)
    rate = len(rows) / (time.perf_counter() - began)
    conn.execute("DROP TABLE bare")
    return rate


def size_of(conn: Connection, table: str) -> int:
    row = conn.execute(
        "SELECT coalesce(sum(pg_total_relation_size(relid)), pg_total_relation_size(%(table)s))"
        " FROM pg_partition_tree(%(table)s)",
        {"table": table},
    ).fetchone()
    assert row is not None
    return int(row[0])


def sizes(conn: Connection, readings: int) -> str:
    """Bytes a reading on disk: as it came, compressed where that can be, evidence."""
    conn.execute("VACUUM FULL batch, evidence")
    evidence = (size_of(conn, "batch") + size_of(conn, "evidence")) / readings
    if open_store(conn).rollups != "continuous":
        return f"{size_of(conn, 'reading') / readings:.1f}, evidence {evidence:.1f}"
    whole = "SELECT hypertable_size('reading')"
    plain = conn.execute(whole).fetchall()[0][0] / readings
    conn.execute("SELECT compress_chunk(c) FROM show_chunks('reading') AS c")
    packed = conn.execute(whole).fetchall()[0][0] / readings
    return f"{plain:.1f}, compressed {packed:.1f}, evidence {evidence:.1f}"


def one_row_each(conn: Connection, accepted: Sequence[Accepted], *, many: bool) -> float:
    """Rows a second of a commit for each message, by INSERT of a row or by executemany."""
    conn.execute("CREATE TABLE obvious (LIKE reading INCLUDING ALL)")
    statement = (
        "INSERT INTO obvious (channel_id, ts, raw, origin) VALUES (%s, to_timestamp(%s), %s, 1)"
        " ON CONFLICT DO NOTHING"
    )
    done = 0
    began = time.perf_counter()
    for verdict in accepted:
        rows = [
            (block.meter_id * 100 + index, row[0], row[index])
            for block in verdict.blocks
            for row in block.rows
            for index in range(2, len(row))
        ]
        with conn.transaction(), conn.cursor() as cursor:
            if many:
                cursor.executemany(statement, rows)
            else:
                for each in rows:
                    cursor.execute(statement, each)
        done += len(rows)
    rate = done / (time.perf_counter() - began)
    conn.execute("DROP TABLE obvious")
    return rate


def rows_in(conn: Connection) -> int:
    return int(conn.execute("SELECT count(*) FROM reading").fetchall()[0][0])


def test_from_publish_to_receipt(
    empty_dsn: str, mosquitto: MosquittoServer, tmp_path: Path
) -> None:
    """A million readings that were held back, in batches of 40 meters and two hours."""
    days = 9
    batches = list(
        signed_batches(
            gateways=GATEWAYS, meters=METERS, start=START, hours=24 * days, channels=CHANNELS,
            send_every=SENT_EVERY, blocks=METERS // GATEWAYS,
        )
    )  # fmt: skip
    total = METERS * CHANNELS * 96 * days
    edition, rates = "", []
    with connect(empty_dsn) as conn:
        ready(conn)
        edition = open_store(conn).rollups
        for count in (1, 2):
            took = caught_up(empty_dsn, mosquitto, tmp_path / f"{count}", batches, count=count)
            assert rows_in(conn) == total
            rates.append(total / took)
            if count == 1:
                limit = bare_copy(conn)
                told = sizes(conn, total)
                registry = load_registry(conn)
                at = START + timedelta(days=60)
                verdicts = [accept(topic, each, registry, at) for topic, each in batches[:30]]
                accepted = [each for each in verdicts if isinstance(each, Accepted)]
                obvious = [one_row_each(conn, accepted, many=many) for many in (False, True)]
                conn.execute("TRUNCATE reading, dirty, batch, stream_range, quarantine CASCADE")
    print(
        f"\ningest ({edition}): {total:,} readings in {len(batches)} signed batches of "
        f"{sum(len(p) for _, p in batches) // len(batches):,} bytes, from publish to receipt"
        f"\n  1 worker           {rates[0]:9,.0f} rows/s  {rates[0] / limit:5.0%} of the limit"
        f"\n  2 workers          {rates[1]:9,.0f} rows/s  {rates[1] / limit:5.0%}"
        f"\n  direct COPY        {limit:9,.0f} rows/s  the limit"
        f"\n  INSERT of a row    {obvious[0]:9,.0f} rows/s  a commit a message, nothing around it"
        f"\n  executemany        {obvious[1]:9,.0f} rows/s  the same"
        f"\n  bytes a reading    {told}"
    )
    assert rates[1] > LEAST_SHARE * limit


@pytest.mark.parametrize("polls", [1, 10])
def test_live_messages(
    empty_dsn: str, mosquitto: MosquittoServer, tmp_path: Path, polls: int
) -> None:
    """What gateways send that gather nothing, and what they send that gather ten polls."""
    channels, hours = 8, 3
    batches = list(
        signed_batches(
            gateways=GATEWAYS, meters=METERS, start=START, hours=hours, channels=channels,
            send_every=QUARTER, blocks=polls,
        )
    )  # fmt: skip
    total = METERS * channels * 4 * hours
    each = len(batches) / total
    with connect(empty_dsn) as conn:
        ready(conn)
        edition, rates, told = open_store(conn).rollups, [], ""
        for count in (1, 2):
            took = caught_up(empty_dsn, mosquitto, tmp_path / f"{count}", batches, count=count)
            assert rows_in(conn) == total
            rates.append(total / took)
            conn.execute("VACUUM FULL batch")
            told = f"{size_of(conn, 'batch') / total:.1f}"
            conn.execute("TRUNCATE reading, dirty, batch, stream_range, quarantine CASCADE")
    print(
        f"\ningest ({edition}): {len(batches):,} messages of {polls} polls of {channels} registers"
        f"\n  1 worker           {rates[0]:9,.0f} rows/s  {rates[0] * each:7,.0f} messages/s"
        f"\n  2 workers          {rates[1]:9,.0f} rows/s  {rates[1] * each:7,.0f} messages/s"
        f"\n  evidence           {told} bytes a reading"
    )


def test_freshness(empty_dsn: str, mosquitto: MosquittoServer, tmp_path: Path) -> None:
    """How long after its publish a reading of the last hours is in its day's total."""
    now = datetime.now(UTC)
    with connect(empty_dsn) as conn:
        ready(conn)
        zone = open_store(conn).zone
        hours = -(-200 * 8 // METERS)
        start = now.replace(minute=0, second=0, microsecond=0) - hours * HOUR
        batches = list(
            signed_batches(
                gateways=GATEWAYS, meters=METERS, start=start,
                hours=hours, channels=CHANNELS, send_every=HOUR, blocks=8,
            )
        )[:200]  # fmt: skip
        a_batch = 8 * CHANNELS * 4
        shown: list[float] = []
        with workers(empty_dsn, mosquitto, tmp_path, 1):
            publisher = Publisher(mosquitto)
            try:
                sent: list[float] = []
                feeder = threading.Thread(target=_feed, args=(publisher, batches, sent))
                feeder.start()
                until = time.monotonic() + 120
                while len(shown) < len(batches) and time.monotonic() < until:
                    row = conn.execute(
                        "SELECT coalesce(sum(count), 0) FROM reading_day WHERE day >= %s",
                        (start.astimezone(zone).date(),),
                    ).fetchone()
                    assert row is not None
                    clock = time.monotonic()
                    while len(shown) < int(row[0]) // a_batch and len(shown) < len(sent):
                        shown.append(clock - sent[len(shown)])
                    time.sleep(0.01)
                feeder.join()
            finally:
                publisher.close()
        assert len(shown) == len(batches)
        edition = open_store(conn).rollups
    cuts = statistics.quantiles(shown, n=100)
    print(
        f"\nfreshness ({edition}): from publish to the day's total, 20 messages a second"
        f"\n  p50 {cuts[49]:.2f} s, p99 {cuts[98]:.2f} s"
    )


def _feed(publisher: Publisher, batches: Batches, sent: list[float]) -> None:
    for each in batches:
        publisher.publish([each])
        sent.append(time.monotonic())
        time.sleep(0.05)


@pytest.mark.parametrize("channels", [10_000, 100_000, 1_000_000])
def test_cost_grows_with_rows_alone(empty_dsn: str, channels: int) -> None:
    """What a row costs, verified and committed, in a store of ever more channels."""
    meters, gateways = channels // CHANNELS, max(10, channels // 600)
    at = START + timedelta(days=1)
    source = signed_batches(
        gateways=gateways, meters=meters, start=START, hours=1, channels=CHANNELS,
        send_every=2 * QUARTER, blocks=100,
    )  # fmt: skip
    with connect(empty_dsn) as conn:
        migrate(conn)
        register(conn, gateways=gateways, meters=meters, since=START - timedelta(days=1))
        registry, known = load_registry(conn), StoreCache()
        stored, took = 0, 0.0
        while part := list(itertools.islice(source, 64)):
            began = time.perf_counter()
            verdicts = [accept(topic, payload, registry, at) for topic, payload in part]
            stored += commit(conn, verdicts, cache=known).new
            took += time.perf_counter() - began
        assert stored == meters * CHANNELS * 4
        began = time.perf_counter()
        refresh(conn, at)
        rolled_up = time.perf_counter() - began
        edition = open_store(conn).rollups
    print(
        f"\ngrowth ({edition}): {channels:9,} channels, an hour of data: "
        f"{1e6 * took / stored:.1f} us a row, rolled up {1e6 * rolled_up / stored:.1f} us"
    )


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("IOT_UTILITY_") and name != "IOT_UTILITY_TEST_DSN":
            monkeypatch.delenv(name)
