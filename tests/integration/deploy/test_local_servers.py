# SPDX-License-Identifier: MIT
from __future__ import annotations

import os
import queue
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from paho.mqtt.client import Client, ConnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from deploy.demo.mosquitto import (
    MosquittoServer,
    gateway_user,
    local_mosquitto,
)
from deploy.demo.postgres import PostgresServer, local_postgres
from deploy.demo.rootless import Account, LocalServerError, server_account
from deploy.demo.server_process import ServerProcess
from shared_schema.access import Login, Rights
from tests.support.servers import Broker

# It watches every topic and writes what no role may.
CLOUD = Login("cloud", Rights(("#",), ("#",)), "the cloud's word")
GATEWAY = gateway_user("gw-a", "the gateway's word")
OTHER = gateway_user("gw-b", "another word")
OWN = "metering/v1/gw/gw-a"
OTHERS = "metering/v1/gw/gw-b"
TIMEOUT_S = 10.0

# Both servers from a program of its own, which says where they are and waits to be killed.
PROGRAM = """\
import sys, time
from pathlib import Path
from deploy.demo.mosquitto import local_mosquitto
from deploy.demo.postgres import local_postgres
place = Path(sys.argv[1])
with local_postgres(place / "sql") as sql, local_mosquitto(place / "mqtt") as mqtt:
    import psycopg
    with psycopg.connect(sql.dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    print(sql.process.pid, mqtt.process.pid, flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with local_postgres(durable=False) as server:
        yield server


@pytest.fixture(scope="module")
def mosquitto() -> Iterator[MosquittoServer]:
    with local_mosquitto(users=[CLOUD, GATEWAY, OTHER]) as server:
        yield server


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that `nobody` can reach too; pytest's own cannot be entered by others."""
    made = Path(tempfile.mkdtemp(prefix="iot-test-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


# PostgreSQL


def test_postgres_has_the_settings_that_the_store_relies_on(postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.dsn) as connection:
        shown = {
            name: _one(connection, f"SHOW {name}")
            for name in ("listen_addresses", "timezone", "server_encoding")
        }
        collation = _one(
            connection, "SELECT datcollate FROM pg_database WHERE datname = current_database()"
        )
    assert shown == {"listen_addresses": "", "timezone": "UTC", "server_encoding": "UTF8"}
    assert collation == "C"


def test_postgres_knows_the_zones_of_the_world(postgres: PostgresServer) -> None:
    query = "SELECT (TIMESTAMPTZ '2026-01-01 00:00Z' AT TIME ZONE 'Asia/Kolkata')::text"
    with psycopg.connect(postgres.dsn) as connection:
        assert _one(connection, query) == "2026-01-01 05:30:00"


@pytest.mark.parametrize("password", ["wrong", ""])
def test_postgres_refuses_a_wrong_password(postgres: PostgresServer, password: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(postgres.dsn.replace(postgres.password, password))


def test_postgres_listens_on_no_network(postgres: PostgresServer) -> None:
    assert _listening(postgres.process.pid) == []


def test_postgres_keeps_what_was_committed_when_it_is_killed(postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    with psycopg.connect(postgres.dsn) as open_at_death:
        postgres.kill()
        with pytest.raises(psycopg.OperationalError):
            open_at_death.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(postgres.dsn)
    postgres.start()
    with psycopg.connect(postgres.dsn) as connection:
        assert _one(connection, "SELECT number FROM kept") == 7


def test_postgres_stops_with_sessions_open_and_starts_again(postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.dsn):
        postgres.stop()
        postgres.stop()
    postgres.start()
    with pytest.raises(LocalServerError, match="runs already"):
        postgres.start()


def test_the_password_of_postgres_is_in_no_command_line_and_no_log(
    postgres: PostgresServer,
) -> None:
    assert postgres.password not in repr(postgres)
    assert postgres.password not in _file(f"/proc/{postgres.process.pid}/cmdline")
    assert postgres.password not in _file(f"/proc/{postgres.process.pid}/environ")
    assert postgres.password not in postgres.process.log.read_text(encoding="utf-8")
    assert not list(postgres.cluster.parent.glob("initdb-password*"))


# mosquitto


def test_mosquitto_passes_a_message(mosquitto: MosquittoServer) -> None:
    with _peer(mosquitto, CLOUD) as cloud, _peer(mosquitto, GATEWAY) as gateway:
        cloud.subscribe(f"{OWN}/readings")
        assert gateway.publish(f"{OWN}/readings", b"1") == 0
        assert cloud.received() == (f"{OWN}/readings", b"1")


@pytest.mark.parametrize(
    "user",
    [
        Login(GATEWAY.name, Rights(), "wrong"),
        Login(GATEWAY.name, Rights(), ""),
        Login("unknown", Rights(), GATEWAY.password),
    ],
    ids=["wrong", "empty", "unknown"],
)
def test_mosquitto_refuses_who_it_does_not_know(mosquitto: MosquittoServer, user: Login) -> None:
    with pytest.raises(PermissionError, match="Not authorized"), _peer(mosquitto, user):
        pass


@pytest.mark.parametrize(
    ("topic", "allowed"),
    [
        (f"{OWN}/readings", True),
        (f"{OWN}/status", True),
        (f"{OWN}/results", True),
        (f"{OWN}/commands", False),
        (f"{OWN}/receipts", False),
        (f"{OWN}/readings/more", False),
        (f"{OTHERS}/readings", False),
        (f"{OTHERS}/commands", False),
        ("metering/v1/society/s/events/x", False),
    ],
)
def test_a_gateway_writes_its_own_topics_alone(
    mosquitto: MosquittoServer, topic: str, allowed: bool
) -> None:
    with _peer(mosquitto, CLOUD) as cloud, _peer(mosquitto, GATEWAY) as gateway:
        cloud.subscribe("metering/#")
        code = gateway.publish(topic, b"x")
        assert cloud.publish("metering/end", b"") == 0
        assert (code, cloud.received()[0]) == ((0, topic) if allowed else (135, "metering/end"))


def test_a_gateway_reads_its_own_topics_alone(mosquitto: MosquittoServer) -> None:
    with _peer(mosquitto, CLOUD) as cloud, _peer(mosquitto, GATEWAY) as gateway:
        gateway.subscribe(f"{OWN}/commands")
        gateway.subscribe(f"{OWN}/receipts")
        for topic in (
            f"{OWN}/readings",
            f"{OTHERS}/commands",
            f"{OTHERS}/receipts",
            f"{OTHERS}/readings",
            "metering/v1/society/s/billing/2026-01/A-1204/electricity",
            f"{OWN}/commands",
            f"{OWN}/receipts",
        ):
            cloud.publish(topic, b"")
        assert [gateway.received()[0] for _ in range(2)] == [f"{OWN}/commands", f"{OWN}/receipts"]
        assert gateway.quiet()


def test_mosquitto_listens_on_loopback_alone(mosquitto: MosquittoServer) -> None:
    assert _listening(mosquitto.process.pid) == [("127.0.0.1", mosquitto.port)]


def test_mosquitto_keeps_what_it_saved_when_it_is_killed(mosquitto: MosquittoServer) -> None:
    with _peer(mosquitto, CLOUD) as cloud:
        cloud.publish(f"{OWN}/commands", b"kept", retain=True)
        mosquitto.save()
        cloud.publish(f"{OWN}/commands", b"lost", retain=True)
        port = mosquitto.port
        mosquitto.kill()
    mosquitto.start()
    assert mosquitto.port == port
    with _peer(mosquitto, GATEWAY) as gateway:
        gateway.subscribe(f"{OWN}/commands")
        assert gateway.received() == (f"{OWN}/commands", b"kept")


def test_mosquitto_forgets_when_its_store_is_wiped(mosquitto: MosquittoServer) -> None:
    with _peer(mosquitto, CLOUD) as cloud:
        cloud.publish(f"{OWN}/receipts", b"stopped", retain=True)
    with pytest.raises(LocalServerError, match="stop mosquitto"):
        mosquitto.wipe()
    mosquitto.stop()
    mosquitto.start()
    with _peer(mosquitto, GATEWAY) as gateway:
        gateway.subscribe(f"{OWN}/receipts")
        assert gateway.received() == (f"{OWN}/receipts", b"stopped")
    mosquitto.stop()
    mosquitto.wipe()
    mosquitto.start()
    with _peer(mosquitto, GATEWAY) as gateway:
        gateway.subscribe(f"{OWN}/receipts")
        assert gateway.quiet()


def test_a_user_comes_and_goes_while_mosquitto_runs(mosquitto: MosquittoServer) -> None:
    new = gateway_user("gw-new", "new")
    mosquitto.set_users([CLOUD, GATEWAY, OTHER, new])
    with _peer(mosquitto, new) as gateway:
        assert gateway.publish("metering/v1/gw/gw-new/status", b"") in {0, 16}
    mosquitto.set_users([CLOUD, GATEWAY, OTHER])
    with pytest.raises(PermissionError), _peer(mosquitto, new):
        pass


def test_no_password_of_mosquitto_is_kept_or_logged(mosquitto: MosquittoServer) -> None:
    assert "word" not in repr(GATEWAY)
    for file in (*mosquitto.settings.iterdir(), mosquitto.process.log):
        assert GATEWAY.password not in file.read_text(encoding="utf-8")


# Both


def test_no_process_runs_as_root(postgres: PostgresServer, mosquitto: MosquittoServer) -> None:
    postmaster = postgres.process.pid
    family = [postmaster, mosquitto.process.pid, *_children(postmaster)]
    assert len(family) > 4
    for pid in family:
        status = dict(line.split(":", 1) for line in _file(f"/proc/{pid}/status").splitlines())
        assert status["Uid"].split() == [str(server_account().uid)] * 4
        assert "0" not in status["Uid"].split()
        if os.geteuid() == 0:
            assert status["Groups"].split() == []


def test_data_is_closed_to_others(postgres: PostgresServer, mosquitto: MosquittoServer) -> None:
    for path in (postgres.cluster, postgres.socket_dir, mosquitto.store):
        found = path.stat()
        assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o700, server_account().uid)
    for path in (
        postgres.process.log,
        mosquitto.process.log,
        postgres.cluster.parent / "superuser-password",
        *mosquitto.settings.iterdir(),
    ):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_socket_path_leaves_room(postgres: PostgresServer) -> None:
    assert len(str(postgres.socket_dir / ".s.PGSQL.5432")) < 100


def test_two_of_each_run_at_once_and_leave_nothing() -> None:
    with ExitStack() as stack:
        sql = [stack.enter_context(local_postgres(durable=False)) for _ in range(2)]
        mqtt = [stack.enter_context(local_mosquitto(users=[CLOUD])) for _ in range(2)]
        assert mqtt[0].port != mqtt[1].port
        for database in sql:
            psycopg.connect(database.dsn).close()
        for broker in mqtt:
            with _peer(broker, CLOUD):
                pass
        processes = [server.process for server in sql] + [server.process for server in mqtt]
        places = {process.log.parent.parent for process in processes}
        pids = [process.pid for process in processes]
    assert len(places) == 4
    assert not any(path.exists() for path in places)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_servers_end_with_a_program_that_is_killed_and_their_data_stays(place: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(place)], stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        pids = program.stdout.readline().split()
        assert len(pids) == 2
        with pytest.raises(LocalServerError, match="another run"), local_postgres(place / "sql"):
            pass
        program.send_signal(signal.SIGKILL)
    with local_postgres(place / "sql") as again, psycopg.connect(again.dsn) as connection:
        assert _one(connection, "SELECT number FROM kept") == 7
    assert _eventually(lambda: not any(_runs(int(pid)) for pid in pids))


def test_a_server_started_by_a_thread_outlives_the_thread() -> None:
    with ExitStack() as stack:
        started: queue.Queue[MosquittoServer] = queue.Queue()
        thread = threading.Thread(
            target=lambda: started.put(stack.enter_context(local_mosquitto(users=[CLOUD])))
        )
        thread.start()
        thread.join()
        time.sleep(0.2)
        with _peer(started.get_nowait(), CLOUD):
            pass


def test_a_failed_start_carries_the_log() -> None:
    with (
        pytest.raises(LocalServerError, match="Unknown configuration variable"),
        local_mosquitto(config_extra="nonsense yes"),
    ):
        pass


def test_a_taken_port_is_named(mosquitto: MosquittoServer) -> None:
    with (
        pytest.raises(LocalServerError, match=r"port \d+ on 127.0.0.1 is taken"),
        local_mosquitto(port=mosquitto.port),
    ):
        pass


def test_a_server_that_is_never_ready_is_ended(place: Path) -> None:
    process = ServerProcess(
        "sleeper", ["/bin/sleep", "60"], server_account(), place / "log", signal.SIGTERM
    )
    with pytest.raises(LocalServerError, match="not ready in time"):
        process.start(lambda: False, timeout_s=0.1)
    assert not process.running


def test_a_user_without_an_entry_is_told_what_to_do() -> None:
    with pytest.raises(
        LocalServerError, match=r"user id 54321 has no entry in /etc/passwd.*nobody"
    ):
        Account(54321, 54321, switched=False).require_passwd_entry()


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone runs servers as another")
def test_root_is_told_of_a_directory_that_nobody_cannot_reach(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    with (
        pytest.raises(LocalServerError, match=r"nobody, who cannot reach .*closed"),
        local_postgres(closed / "data"),
    ):
        pass
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


# The fixtures of every other integration test


def test_a_database_is_empty_and_its_own(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE taken ()")
        assert _one(connection, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 1


def test_the_next_database_is_empty_again(database: str) -> None:
    with psycopg.connect(database) as connection:
        assert _one(connection, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0


def test_the_shared_broker_knows_each_gateway_asked_for(broker: Broker) -> None:
    first, second = broker.gateway(), broker.gateway()
    with (
        _peer(broker, first) as gateway,
        _peer(broker, second),
        _peer(broker, broker.cloud) as cloud,
    ):
        topic = f"metering/v1/gw/{first.name}/readings"
        cloud.subscribe(topic)
        assert gateway.publish(topic, b"1") == 0
        assert cloud.received() == (topic, b"1")


class _Peer:
    """A client of MQTT 5 that waits for each answer."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._answers: queue.Queue[int] = queue.Queue()
        self._messages: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.connected: queue.Queue[ReasonCode] = queue.Queue()
        client.on_connect = self._on_connect
        client.on_publish = lambda _c, _u, _m, code, _p: self._answers.put(code.value)
        client.on_subscribe = lambda _c, _u, _m, codes, _p: self._answers.put(codes[0].value)
        client.on_message = self._on_message

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> int:
        sent = self._client.publish(topic, payload, qos, retain)
        assert sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS
        return self._answers.get(timeout=TIMEOUT_S)

    def subscribe(self, topic: str) -> int:
        self._client.subscribe(topic, 1)
        return self._answers.get(timeout=TIMEOUT_S)

    def received(self) -> tuple[str, bytes]:
        return self._messages.get(timeout=TIMEOUT_S)

    def quiet(self) -> bool:
        time.sleep(0.2)
        return self._messages.empty()

    def _on_connect(
        self, _c: Client, _u: object, _f: ConnectFlags, code: ReasonCode, _p: Properties | None
    ) -> None:
        self.connected.put(code)

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        self._messages.put((message.topic, bytes(message.payload)))


@contextmanager
def _peer(server: MosquittoServer | Broker, user: Login) -> Iterator[_Peer]:
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    client.username_pw_set(user.name, user.password)
    peer = _Peer(client)
    client.connect(server.host, server.port)
    client.loop_start()
    try:
        code = peer.connected.get(timeout=TIMEOUT_S)
        if code.is_failure:
            raise PermissionError(str(code))
        yield peer
    finally:
        client.disconnect()
        client.loop_stop()
        client.reinitialise()  # closes its sockets


def _one(connection: psycopg.Connection[tuple[object, ...]], query: str) -> object:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def _file(path: str) -> str:
    return Path(path).read_text(encoding="utf-8", errors="replace")


def _children(parent: int) -> list[int]:
    stats = (_file(str(path)).rpartition(")") for path in Path("/proc").glob("[0-9]*/stat"))
    return [int(head.split()[0]) for head, _, tail in stats if int(tail.split()[1]) == parent]


def _runs(pid: int) -> bool:
    try:
        return _file(f"/proc/{pid}/stat").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _eventually(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + TIMEOUT_S
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()


def _listening(pid: int) -> list[tuple[str, int]]:
    """The addresses on which a process listens, from its open files and the kernel's tables."""
    sockets = {str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()}
    found = []
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in _file(f"/proc/{pid}/net/{table}").splitlines()[1:]:
            words = line.split()
            if f"socket:[{words[9]}]" in sockets and words[3] in {"0A", "07"}:
                address, port = words[1].split(":")
                numbers = reversed(bytes.fromhex(address))
                found.append((".".join(map(str, numbers)), int(port, 16)))
    return found
