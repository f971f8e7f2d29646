# SPDX-License-Identifier: MIT
"""Each fault of a certificate is said with its file, its side and its date, on both sides.

The broker is a real one with the configuration that is shipped. The gateway's check is what
`doctor` and `run --check` ask; the cloud's doctor and the start of its service are tried as well.
"""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from re import search as re_found
from threading import Thread

import pytest

from cloud_ingest.errors import BrokerLost, ConfigurationError
from cloud_ingest.ingest.broker import broker_from_settings
from cloud_ingest.ingest.subscribe import Link
from cloud_ingest.ingest.topics import SUBSCRIPTIONS
from cloud_ingest.operate.broker_checks import check_broker as look_from_cloud
from cloud_ingest.operate.broker_checks import check_certificates
from cloud_ingest.settings import CloudSettings
from deploy.demo.authority import Authority, Identity
from deploy.demo.mosquitto import MosquittoServer, cloud_user, gateway_user, local_mosquitto
from edge_agent.errors import ConfigurationError as EdgeConfigurationError
from edge_agent.errors import PublishError
from edge_agent.publish import mqtt
from edge_agent.publish.check import check_broker
from edge_agent.publish.mqtt import Login, MqttLink
from edge_agent.settings.gateway import BrokerConfig
from tests.support.mqtt_peer import Peer, linked

AGO, AHEAD = (datetime.now(UTC) + timedelta(days=days) for days in (-40, 40))
ENDED = f"{AGO + timedelta(days=1):%Y-%m-%d}"
USERS = (gateway_user("gw-a"), cloud_user())


@dataclass
class Place:
    """A broker, whom it believes, and what a client has."""

    server: MosquittoServer
    authority: Authority
    folder: Path
    host: str = "127.0.0.1"
    has_tls: bool = True

    def __post_init__(self) -> None:
        self.ca: Path | None = self.authority.certificate
        self.gateway: Identity | None = self.authority.issue("gw-a")
        self.ingest: Identity | None = self.authority.issue("ingest")

    def issue(self, authority: Authority, **given: datetime) -> None:
        self.gateway = authority.issue("gw-a", **given)  # type: ignore[arg-type]
        self.ingest = authority.issue("ingest", **given)  # type: ignore[arg-type]

    @property
    def other(self) -> Authority:
        return Authority(self.folder / "theirs", "another authority")

    def has_none(self) -> None:
        self.gateway = self.ingest = None

    def take_back(self) -> None:
        for each in (self.gateway, self.ingest):
            assert each is not None
            self.authority.revoke(each)
        self.server.renew()

    def broker_has(self, *hosts: str, begins: datetime | None = None) -> None:
        self.authority.issue("broker", hosts=hosts, begins=begins)
        self.server.renew()

    def believe(self, name: str, text: str | None = None) -> None:
        self.ca = self.folder / name
        if text is not None:
            self.ca.write_text(text)

    @property
    def broker(self) -> BrokerConfig:
        tls = {"ca": self.ca}
        if self.gateway is not None:
            tls |= {"cert": self.gateway.certificate, "key": self.gateway.key}
        told = {"host": self.host, "port": self.server.port, "tls": tls if self.has_tls else None}
        return BrokerConfig.model_validate(told)

    def on_the_edge(self, *, is_running: bool = False) -> str:
        with pytest.raises(EdgeConfigurationError) as raised:
            check_broker(self.broker, "gw-a", datetime.now(UTC), is_running=is_running)
        return str(raised.value)

    @property
    def settings(self) -> CloudSettings:
        own = self.ingest if self.has_tls else None
        return CloudSettings(
            broker_host=self.host,
            broker_port=self.server.port,
            broker_tls=self.has_tls,
            broker_ca_file=self.ca if self.has_tls else None,
            broker_cert_file=None if own is None else own.certificate,
            broker_key_file=None if own is None else own.key,
        )

    async def at_the_start_of_the_cloud(self) -> str:
        broker = replace(broker_from_settings(self.settings, "test"), connect_timeout_s=3)
        with pytest.raises((BrokerLost, ConfigurationError)) as raised:
            async with Link(broker, SUBSCRIPTIONS):
                pass
        return str(raised.value)

    def by_the_clouds_doctor(self) -> str:
        found = [
            *check_certificates(self.settings, datetime.now(UTC)),
            *look_from_cloud(self.settings),
        ]
        return "\n".join(each.said for each in found if each.level == "fail")


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[MosquittoServer, Authority]]:
    authority = Authority(tmp_path_factory.mktemp("pki") / "ours", "our authority")
    with local_mosquitto(users=USERS, authority=authority) as server:
        yield server, authority


@pytest.fixture
def place(running: tuple[MosquittoServer, Authority], tmp_path: Path) -> Iterator[Place]:
    yield Place(*running, tmp_path)
    server, authority = running
    authority.issue("broker", hosts=("127.0.0.1", "localhost"))
    server.renew()


WRONG: dict[str, tuple[Callable[[Place], object], str, str]] = {
    "missing": (
        lambda place: place.has_none(),
        r"the broker wants a certificate of ours: set \[broker.tls\] cert and \[broker.tls\] key",
        "the broker wants a certificate of ours: set broker_cert_file and broker_key_file",
    ),
    "expired": (
        lambda place: place.issue(place.authority, begins=AGO),
        rf"\[broker.tls\] cert \S+/gw-a.pem expired on {ENDED}",
        rf"broker_cert_file \S+/ingest.pem\S* (it )?expired on {ENDED}",
    ),
    "not begun": (
        lambda place: place.issue(place.authority, begins=AHEAD),
        rf"\[broker.tls\] cert \S+/gw-a.pem is valid from {AHEAD:%Y-%m}.* look at the clock",
        rf"broker_cert_file \S+/ingest.pem\S* (it )?is valid from {AHEAD:%Y-%m}.* at the clock",
    ),
    "of another authority": (
        lambda place: place.issue(place.other),
        r"refuses \[broker.tls\] cert \S+/gw-a.pem: it does not believe another authority",
        r"refuses broker_cert_file \S+/ingest.pem: it does not believe another authority",
    ),
    "revoked": (
        lambda place: place.take_back(),
        r"refuses \[broker.tls\] cert \S+/gw-a.pem: it is on the list of the revoked",
        r"refuses broker_cert_file \S+/ingest.pem: it is on the list of the revoked",
    ),
    "the broker's, expired": (
        lambda place: place.broker_has("127.0.0.1", begins=AGO),
        f"the broker's certificate expired on {ENDED}",
        f"the broker's certificate expired on {ENDED}",
    ),
    "the broker's, of another host": (
        lambda place: place.broker_has("mq.example", "mq2.example"),
        "the broker's certificate is for mq.example, mq2.example, and not for 127.0.0.1",
        "the broker's certificate is for mq.example, mq2.example, and not for 127.0.0.1",
    ),
    "the broker's, of a client": (
        lambda place: place.broker_has(),
        "cannot be used: it is one for a client; issue it with the broker's host names",
        "cannot be used: it is one for a client; issue it with the broker's host names",
    ),
    "the wrong authority": (
        lambda place: place.believe("theirs/authority.pem", place.other.certificate.read_text()),
        r"\[broker.tls\] ca \S+/authority.pem does not hold our authority",
        r"broker_ca_file \S+/authority.pem does not hold our authority, the authority of",
    ),
    "no authority named": (
        lambda place: setattr(place, "ca", None),
        r"does not know our authority, .*: name its file in \[broker.tls\] ca",
        r"does not know our authority, .*: name its file in broker_ca_file",
    ),
    "a junk authority": (
        lambda place: place.believe("junk.pem", "junk"),
        r"\[broker.tls\] ca \S+/junk.pem holds no certificate \(PEM\)",
        r"broker_ca_file \S+/junk.pem holds no certificate \(PEM\)",
    ),
    "no authority there": (
        lambda place: place.believe("none.pem"),
        r"\[broker.tls\] ca \S+/none.pem cannot be read: No such file or directory",
        r"broker_ca_file \S+/none.pem cannot be read: No such file or directory",
    ),
    "no TLS": (
        lambda place: setattr(place, "has_tls", False),
        r"it speaks TLS on this port: set \[broker.tls\]",
        "it speaks TLS on this port; set broker_tls = true",
    ),
}


@pytest.mark.parametrize("is_running", [False, True])
@pytest.mark.parametrize("kind", WRONG)
def test_the_gateway_says_what_is_wrong(place: Place, kind: str, is_running: bool) -> None:
    spoil, said, _ = WRONG[kind]
    spoil(place)
    assert re_found(said, place.on_the_edge(is_running=is_running))


@pytest.mark.parametrize("kind", WRONG)
def test_the_clouds_doctor_says_what_is_wrong(place: Place, kind: str) -> None:
    spoil, _, said = WRONG[kind]
    spoil(place)
    assert re_found(said, place.by_the_clouds_doctor())


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", WRONG)
async def test_the_cloud_says_at_its_start_what_is_wrong(place: Place, kind: str) -> None:
    spoil, _, said = WRONG[kind]
    spoil(place)
    assert re_found(said, await place.at_the_start_of_the_cloud())


def test_a_certificate_of_another_gateway_is_named(place: Place) -> None:
    place.gateway = place.authority.issue("gw-b")
    assert "gw-b.pem is for gw-b, and we are gw-a" in place.on_the_edge()


def test_a_key_of_another_certificate_is_named(place: Place) -> None:
    assert place.gateway is not None
    assert place.ingest is not None
    place.gateway = Identity(place.gateway.certificate, place.ingest.key)
    said = place.on_the_edge()
    assert "[broker.tls] key " in said
    assert "ingest.key is not the key of [broker.tls] cert" in said


def test_a_key_that_others_may_read_is_refused(place: Place) -> None:
    for each in (place.gateway, place.ingest):
        assert each is not None
        each.key.chmod(0o644)
    assert "others may read" in place.on_the_edge()
    assert "others may read" in place.by_the_clouds_doctor()


def test_a_gateway_that_the_broker_was_not_told_of_is_told_so(place: Place) -> None:
    place.server.set_users([cloud_user()])
    said = place.on_the_edge()
    place.server.set_users(USERS)
    assert "does not let us subscribe to metering/v1/gw/gw-a/receipts" in said
    assert "cloud-ingest broker apply" in said


def test_a_linked_gateway_may_read_once_the_broker_is_told(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "SUBSCRIBE_AGAIN_S", 0.1)
    topic = "metering/v1/gw/gw-a/receipts"
    received: list[bytes] = []
    login = Login(place.broker, "gw-a")
    place.server.set_users([cloud_user()])
    with MqttLink(
        login, topics={topic: received.append}, will=None, on_answer=lambda *_: None
    ) as link:
        was_refused = link.refused
        place.server.set_users(USERS)
        link.wait(lambda: not link.refused, 10)
        with linked_as(place, "ingest") as ingest:
            assert ingest.publish(topic, b"stored") == 0
        link.wait(lambda: bool(received), 10)
    assert was_refused == (topic,)
    assert received == [b"stored"]


@pytest.mark.asyncio
async def test_tls_to_a_port_without_it_is_said(place: Place) -> None:
    with local_mosquitto(users=USERS) as plain:
        place.server = plain
        assert "it speaks no TLS on this port" in place.on_the_edge()
        assert "it speaks no TLS on this port" in await place.at_the_start_of_the_cloud()


def test_a_certificate_that_ends_soon_is_a_warning(place: Place) -> None:
    found = list(check_certificates(place.settings, datetime.now(UTC)))
    assert {(each.name, each.level) for each in found} == {("ca", "warn"), ("certificate", "warn")}


def linked_as(place: Place, name: str, *, client_id: str = "") -> AbstractContextManager[Peer]:
    host, port = place.server.host, place.server.port
    tls = place.authority.client(name)
    return linked(host, port, tls, client_id=client_id, keeps_session=True)


def test_no_check_ends_the_link_of_who_runs(place: Place) -> None:
    with linked_as(place, "gw-a") as gateway, linked_as(place, "ingest") as ingest:
        check_broker(place.broker, "gw-a", datetime.now(UTC), is_running=True)
        assert [each.level for each in look_from_cloud(place.settings)] == ["ok"]
        assert gateway.publish("metering/v1/gw/gw-a/readings") in {0, 16}
        assert ingest.subscribe("metering/v1/gw/+/status") == 1


def test_a_check_leaves_the_messages_of_who_does_not_run(place: Place) -> None:
    with linked_as(place, "gw-a") as gateway:
        assert gateway.subscribe("metering/v1/gw/gw-a/receipts") == 1
    with linked_as(place, "ingest") as ingest:
        assert ingest.publish("metering/v1/gw/gw-a/receipts", b"stored") == 0
    check_broker(place.broker, "gw-a", datetime.now(UTC), is_running=False)
    with linked_as(place, "gw-a") as gateway:
        assert gateway.received() == ("metering/v1/gw/gw-a/receipts", b"stored")


def test_the_agents_own_link_says_what_is_wrong(place: Place) -> None:
    place.issue(place.authority, begins=AGO)
    login = Login(place.broker, "gw-a")  # an expired one keeps no agent from reading its meters
    link = MqttLink(login, topics={}, will=None, on_answer=lambda *_: None)
    with pytest.raises(PublishError, match=f"gw-a.pem: it expired on {ENDED}"), link:
        pass


@contextmanager
def who_shows(made: bytes, key: Path, folder: Path) -> Iterator[int]:
    """A server with this certificate that takes whoever comes, and says nothing."""
    certificate = folder / "shown.pem"
    certificate.write_text(ssl.DER_cert_to_PEM_cert(made))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def shake_hands(listening: socket.socket) -> None:
        while True:
            try:
                taken, _ = listening.accept()
            except OSError:
                return
            with suppress(OSError), context.wrap_socket(taken, server_side=True):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Thread(target=shake_hands, args=(listening,))
        server.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            server.join()


NO_DATE, NO_VERSION = (
    (b"\x17\x0d26", b"\x17\x0d9x"),
    (b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x05"),
)


@pytest.mark.parametrize("spoiled", [NO_DATE, NO_VERSION])
def test_a_certificate_that_nobody_can_read_ends_no_agent(
    place: Place, tmp_path: Path, spoiled: tuple[bytes, bytes]
) -> None:
    shown = place.other.issue("broker", hosts=["127.0.0.1"])
    made = ssl.PEM_cert_to_DER_cert(shown.certificate.read_text()).replace(*spoiled)
    with who_shows(made, shown.key, tmp_path) as port:
        broker = place.broker.model_copy(update={"port": port})
        link = MqttLink(Login(broker, "gw-a"), topics={}, will=None, on_answer=lambda *_: None)
        with pytest.raises(PublishError, match="the broker's certificate is not trusted"), link:
            pass
