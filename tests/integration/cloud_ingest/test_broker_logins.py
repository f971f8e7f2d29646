# SPDX-License-Identifier: MIT
"""The broker is told of logins: from the store and the settings, by the commands that are typed."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cloud_ingest.operate.enrolment import revoke
from cloud_ingest.store.connection import connect
from cloud_ingest.store.registry import enrol_gateway, ensure_society
from deploy.demo.authority import Authority
from deploy.demo.mosquitto import MosquittoServer, local_mosquitto
from shared_schema.signing import generate_key, public_key_to_pem
from tests.support.mqtt_peer import Peer, linked

REFUSED = 135
PROGRAM = (sys.executable, "-m", "cloud_ingest.cli.app")
LOGINS = """
[[broker_login]]
name = "ingest"
role = "ingest"

[[broker_login]]
name = "watch"
role = "operator"
societies = ["Lake View"]
"""
KEEPER = """
[[broker_login]]
name = "keeper"
role = "keeper"
"""


class Place:
    """A store with a gateway, a broker that knows its keeper alone, and the settings of both."""

    def __init__(self, dsn: str, server: MosquittoServer, folder: Path, stack: ExitStack) -> None:
        assert server.authority is not None
        self.server, self.authority, self.stack = server, server.authority, stack
        self.settings = folder / "cloud.toml"
        self.dsn = dsn
        self.keeper = self.authority.issue("keeper")
        self.settle(LOGINS + KEEPER)
        with connect(dsn) as conn:
            ensure_society(conn, "Lake View")
        self.enrol("gw-a")

    def settle(self, logins: str) -> None:
        self.settings.write_text(
            f'dsn = "{self.dsn}"\nbroker_host = "{self.server.host}"\n'
            f"broker_port = {self.server.port}\nbroker_tls = true\n"
            f'broker_ca_file = "{self.authority.certificate}"\n{logins}'
        )

    def enrol(self, gateway: str) -> None:
        with connect(self.dsn) as conn:
            key = public_key_to_pem(generate_key().public_key())
            enrol_gateway(conn, "Lake View", gateway, None, key)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*PROGRAM, "broker", *words, "--config", str(self.settings)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def apply(self, *words: str) -> str:
        keys = ("--cert", str(self.keeper.certificate), "--cert-key", str(self.keeper.key))
        done = self.run("apply", *keys, *words)
        return done.stdout + done.stderr

    def peer(self, name: str) -> Peer:
        tls = self.authority.client(name)
        return self.stack.enter_context(linked(self.server.host, self.server.port, tls))


@pytest.fixture
def place(plain_store_dsn: str, tmp_path: Path) -> Iterator[Place]:
    authority = Authority(tmp_path / "pki")
    with local_mosquitto(authority=authority) as server, ExitStack() as stack:
        yield Place(plain_store_dsn, server, tmp_path, stack)


def test_a_running_broker_learns_its_logins(place: Place) -> None:
    gateway = place.peer("gw-a")
    assert gateway.publish("metering/v1/gw/gw-a/readings") == REFUSED
    assert "new: ingest, watch, gw-a" in place.apply("--plan")
    assert gateway.publish("metering/v1/gw/gw-a/readings") == REFUSED
    assert "The broker knows them now." in place.apply()
    assert place.peer("ingest").subscribe("metering/v1/gw/+/readings") == 1
    assert gateway.publish("metering/v1/gw/gw-a/readings") == 0
    assert "as it should" in place.apply()


def test_a_login_that_nobody_names_goes_when_asked(place: Place) -> None:
    place.apply()
    watch = place.peer("watch")
    place.settle(LOGINS.partition('[[broker_login]]\nname = "watch"')[0] + KEEPER)
    said = place.apply()
    assert "as it should" in said
    assert "the settings do not name it: watch; --remove takes it away" in said
    assert watch.subscribe("metering/v1/society/Lake%20View/events/#") == 1
    assert "gone: watch" in place.apply("--remove", "--plan")
    assert "gone: watch" in place.apply("--remove")
    assert watch.ended.wait(10)


def test_a_gateway_that_was_taken_back_goes_unasked(place: Place) -> None:
    place.apply()
    gateway = place.peer("gw-a")
    with connect(place.dsn) as conn:
        revoke(conn, "gw-a", None, by="A. Nair", reason="stolen", now=datetime.now(UTC))
    assert "gone: gw-a" in place.apply()
    assert gateway.ended.wait(10)


def test_a_login_of_another_society_is_changed(place: Place) -> None:
    place.apply()
    place.settle(LOGINS.replace("Lake View", "Hill Side") + KEEPER)
    assert "changed: watch" in place.apply()
    watch = place.peer("watch")
    assert watch.subscribe("metering/v1/society/Lake%20View/events/#") == REFUSED
    assert watch.subscribe("metering/v1/society/Hill%20Side/events/#") == 1


def test_more_gateways_than_a_page_are_told(place: Place) -> None:
    for number in range(210):
        place.enrol(f"gw-{number}")
    place.apply()
    assert "as it should" in place.apply()


def test_nobody_locks_himself_out(place: Place) -> None:
    place.settle(LOGINS)
    assert 'name = "keeper"' in place.apply()


def test_another_login_may_not_tell_the_broker(place: Place) -> None:
    place.apply()
    place.keeper = place.authority.issue("watch")
    said = place.apply()
    assert "takes no commands from us" in said
    assert "cloud-ingest broker access" in said
    assert "broker apply" not in said


def test_the_file_is_what_a_broker_starts_with(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "dynamic-security.json"
    assert "4 logins" in place.run("access", "--out", str(file)).stdout
    place.server.stop()
    place.server.process.account.write(
        place.server.settings / file.name, file.read_text(encoding="utf-8")
    )
    place.server.start()
    assert place.peer("gw-a").subscribe("metering/v1/gw/gw-a/receipts") == 1
    assert "as it should" in place.apply()


@pytest.mark.parametrize(
    ("logins", "said"),
    [
        (KEEPER, "takes the readings"),
        (LOGINS.replace("watch", "gw-a"), "gw-a is a gateway"),
        (LOGINS.replace("watch", "ingest"), "the same name"),
        (LOGINS.replace('societies = ["Lake View"]', ""), "name the societies of watch"),
        (LOGINS.replace("Lake View", "+"), "all of them"),
        (LOGINS.replace("operator", "ingest"), "is of no society"),
        (LOGINS.replace("watch", "a/b"), "[[broker_login]] a/b, name: "),
    ],
)
def test_logins_that_cannot_be_right_are_refused(place: Place, logins: str, said: str) -> None:
    place.settle(logins)
    done = place.run("access")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_without_out_the_file_is_printed(place: Place) -> None:
    told = json.loads(place.run("access").stdout)
    assert [each["username"] for each in told["clients"]] == ["ingest", "watch", "keeper", "gw-a"]
