# SPDX-License-Identifier: MIT
"""Whoever has a login, or wants one: what he may not is refused, told to nobody and logged.

The broker is a real one with `deploy/mosquitto/mosquitto.conf` and the roles that are shipped.
"""

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app as cloud
from deploy.demo.authority import Authority, Identity
from deploy.demo.mosquitto import (
    MosquittoServer,
    cloud_user,
    gateway_user,
    local_mosquitto,
)
from shared_schema.access import (
    CONTROL_ANSWERS,
    CONTROL_TOPIC,
    Consumer,
    Login,
    Rights,
    consumer_rights,
    monitor_rights,
)
from tests.support.mqtt_peer import NotLetIn, Peer, linked

REFUSED = 135
OWN, OTHERS = "metering/v1/gw/gw-a", "metering/v1/gw/gw-b"
HERE, THERE = "metering/v1/society/Lake%20View", "metering/v1/society/Hill%20Side"
BILL = "billing/2026-10/unit/A-1204/water"
LEAK = "events/leak/unit/A-1204/water"
BALANCE = "reconciliation/2026-10/T1/water"
USERS = (
    *(gateway_user(name) for name in ("gw-a", "gw-b")),
    cloud_user(),
    *(Login(f"{role}-here", consumer_rights(role, ["Lake View"])) for role in Consumer),
    Login("monitor", monitor_rights()),
    Login("watcher", Rights(("#",), ("#",))),
)


class Site:
    """The broker, and whoever is let in."""

    def __init__(
        self, server: MosquittoServer, authority: Authority, folder: Path, stack: ExitStack
    ) -> None:
        self.server = server
        self.authority = authority
        self.folder = folder
        self._stack = stack
        self._log_began = self._log_size()

    def peer(self, name: str, tls: ssl.SSLContext | None = None, **given: object) -> Peer:
        tls = tls or self.authority.client(name)
        options: dict[str, object] = {"client_id": name, **given}
        peer = linked(self.server.host, self.server.port, tls, **options)  # type: ignore[arg-type]
        return self._stack.enter_context(peer)

    def logged(self, *texts: str) -> bool:
        """Whether a line of the broker's log, of this test, has all of some texts."""
        return eventually(
            lambda: any(all(text in line for text in texts) for line in self._lines())
        )

    def logged_after(self, first: str, then: str) -> bool:
        """Whether a line of the log ends with a text, and the next but one at most with another."""

        def found() -> bool:
            lines = self._lines()
            return any(
                line.endswith(first) and any(each.endswith(then) for each in lines[n + 1 : n + 3])
                for n, line in enumerate(lines)
            )

        return eventually(found)

    def _lines(self) -> list[str]:
        with self.server.process.log.open("rb") as file:
            file.seek(self._log_began)
            return file.read().decode(errors="replace").splitlines()

    def _log_size(self) -> int:
        return self.server.process.log.stat().st_size


def eventually(done: Callable[[], bool], timeout_s: float = 10) -> bool:
    deadline = time.monotonic() + timeout_s
    while not done() and time.monotonic() < deadline:
        time.sleep(0.02)
    return done()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    authority = Authority(tmp_path_factory.mktemp("pki") / "ours")
    authority.issue("gw-stolen")
    words = ["ca", "revoke", "gw-stolen", "--authority", str(authority.folder)]
    assert CliRunner().invoke(cloud, words).exit_code == 0
    return authority


@pytest.fixture(scope="module")
def server(authority: Authority) -> Iterator[MosquittoServer]:
    with local_mosquitto(users=USERS, authority=authority) as server:
        yield server


@pytest.fixture
def site(server: MosquittoServer, authority: Authority, tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(server, authority, tmp_path, stack)


@pytest.fixture
def honest(site: Site) -> Iterator[None]:
    """The ingest and gateway B at work: at the end their links are up and their messages come."""
    ingest, gateway = site.peer("ingest", keeps_session=True), site.peer("gw-b")
    assert ingest.subscribe("$share/ingest/metering/v1/gw/+/readings") == 1
    assert gateway.subscribe(f"{OTHERS}/receipts") == 1
    watcher = site.peer("watcher")
    assert watcher.subscribe("#") == 1
    yield
    assert gateway.publish(f"{OTHERS}/readings", b"honest") == 0
    assert ingest.received() == (f"{OTHERS}/readings", b"honest")
    assert ingest.publish(f"{OTHERS}/receipts", b"stored") == 0
    assert gateway.received() == (f"{OTHERS}/receipts", b"stored")
    seen = [watcher.received() for _ in range(2)]
    assert seen == [(f"{OTHERS}/readings", b"honest"), (f"{OTHERS}/receipts", b"stored")]
    assert not any(peer.ended.is_set() for peer in (ingest, gateway, watcher))


@pytest.mark.usefixtures("honest")
@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("gw-a", f"{OTHERS}/readings"),
        ("gw-a", f"{OTHERS}/status"),
        ("gw-a", f"{OTHERS}/results"),
        ("gw-a", f"{OTHERS}/commands"),
        ("gw-a", f"{OTHERS}/receipts"),
        ("gw-a", f"{OWN}/commands"),
        ("gw-a", f"{OWN}/receipts"),
        ("gw-a", f"{OWN}/readings/more"),
        ("gw-a", f"{HERE}/{BILL}"),
        ("gw-a", f"{HERE}/{LEAK}"),
        ("gw-a", f"{HERE}/billing-acks"),
        ("gw-a", f"{THERE}/billing-acks"),
        ("gw-a", CONTROL_TOPIC),
        ("gw-a", "$SYS/broker/connection/gw-a/state"),
        ("ingest", f"{OTHERS}/readings"),
        ("ingest", CONTROL_TOPIC),
        ("operator-here", f"{HERE}/{BILL}"),
        ("operator-here", f"{THERE}/{LEAK}"),
        ("operator-here", f"{OTHERS}/commands"),
        ("helpdesk-here", f"{HERE}/billing-acks"),
        ("billing-here", f"{THERE}/billing-acks"),
        ("accounting-here", f"{HERE}/{BALANCE}"),
        ("monitor", CONTROL_TOPIC),
        ("never-enrolled", "metering/v1/gw/never-enrolled/readings"),
    ],
)
def test_a_publish_beyond_the_role_is_refused(site: Site, name: str, topic: str) -> None:
    if name == "ingest":  # the honest one has that session: another worker of the same rights
        site.server.set_users([*USERS, Login("ingest-2", cloud_user().rights)])
        name = "ingest-2"
    assert site.peer(name).publish(topic, b"forged", retain=True) == REFUSED
    assert site.logged(f"Denied PUBLISH from {name} ", f"'{topic}'")


@pytest.mark.usefixtures("honest")
@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("gw-a", "$share/ingest/metering/v1/gw/+/readings"),
        ("gw-a", "$share/ingest/#"),
        ("gw-a", f"$share/mine/{OWN}/receipts"),
        ("gw-a", f"$share/ingest/{OTHERS}/commands"),
        ("gw-a", "#"),
        ("gw-a", "+/#"),
        ("gw-a", "metering/v1/gw/+/receipts"),
        ("gw-a", f"{OWN}/#"),
        ("gw-a", f"{OWN}/+"),
        ("gw-a", f"{OWN}/readings"),
        ("gw-a", f"{OTHERS}/receipts"),
        ("gw-a", f"{OTHERS}/commands"),
        ("gw-a", f"{HERE}/#"),
        ("gw-a", "$SYS/#"),
        ("gw-a", "$CONTROL/#"),
        ("gw-a", CONTROL_ANSWERS),
        ("operator-here", f"{THERE}/{LEAK}"),
        ("operator-here", f"{THERE}/events/#"),
        ("operator-here", "metering/v1/society/+/events/#"),
        ("operator-here", f"$share/ops/{HERE}/events/#"),
        ("operator-here", "metering/v1/gw/+/readings"),
        ("helpdesk-here", f"{HERE}/billing/#"),
        ("accounting-here", f"{HERE}/events/#"),
        ("billing-here", f"{HERE}/events/#"),
        ("billing-here", f"{THERE}/billing/#"),
        ("monitor", "metering/v1/gw/+/status"),
        ("never-enrolled", "metering/v1/gw/never-enrolled/receipts"),
        ("never-enrolled", "#"),
    ],
)
def test_a_subscription_beyond_the_role_is_refused(site: Site, name: str, topic: str) -> None:
    intruder = site.peer(name)
    assert intruder.subscribe(topic) == REFUSED
    watcher = site.peer("watcher-2", site.authority.client("keeper"))
    assert watcher.subscribe(CONTROL_ANSWERS) == 1, "the broker went on"
    assert intruder.messages.empty()
    assert site.logged_after(f"Received SUBSCRIBE from {name}", f"\t{topic} (QoS 1)")


def test_what_a_role_is_for_is_granted(site: Site) -> None:
    ingest = site.peer("ingest")
    for role, topic in (("billing", BILL), ("helpdesk", LEAK), ("accounting", BALANCE)):
        reader = site.peer(f"{role}-here")
        assert reader.subscribe(f"{HERE}/{topic.partition('/')[0]}/#") == 1
        operator = site.peer("operator-here")
        assert operator.subscribe(f"{HERE}/{topic}") == 1
        assert ingest.publish(f"{HERE}/{topic}", b"told") == 0
        assert reader.received() == (f"{HERE}/{topic}", b"told")
        assert operator.received() == (f"{HERE}/{topic}", b"told")
    assert ingest.subscribe("metering/v1/society/+/billing-acks") == 1
    assert site.peer("billing-here").publish(f"{HERE}/billing-acks", b"seen") == 0
    assert ingest.received() == (f"{HERE}/billing-acks", b"seen")


@pytest.mark.usefixtures("honest")
@pytest.mark.parametrize("stolen", ["ingest", "gw-b", "keeper"])
def test_a_client_id_takes_nobodys_place(site: Site, stolen: str) -> None:
    thief = site.peer("gw-a", client_id=stolen, keeps_session=True)
    assert thief.publish(f"{OTHERS}/readings") == REFUSED
    assert site.logged("as gw-a (p5")
    assert site.logged("Denied PUBLISH from gw-a ", f"'{OTHERS}/readings'")


@pytest.mark.usefixtures("honest")
@pytest.mark.parametrize("claimed", ["ingest", "gw-b", "keeper"])
def test_a_username_beside_the_certificate_counts_nothing(site: Site, claimed: str) -> None:
    liar = site.peer("gw-a", username=claimed)
    assert liar.publish(f"{OTHERS}/readings") == REFUSED
    assert liar.subscribe("metering/v1/gw/+/readings") == REFUSED
    assert site.logged("as gw-a (p5", "u'gw-a'")
    assert site.logged("Denied PUBLISH from gw-a ", f"'{OTHERS}/readings'")
    assert site.logged_after("Received SUBSCRIBE from gw-a", "\tmetering/v1/gw/+/readings (QoS 1)")


@pytest.mark.usefixtures("honest")
def test_a_last_will_in_anothers_name_is_not_told(site: Site) -> None:
    site.peer("gw-a", will=(f"{OTHERS}/status", b"offline")).vanish()
    assert site.logged("as gw-a (p5")
    assert site.logged(f"\t{OTHERS}/status")


def lacking(site: Site) -> ssl.SSLContext:
    """No certificate at all."""
    return ssl.create_default_context(cafile=str(site.authority.certificate))


def foreign(site: Site) -> ssl.SSLContext:
    """A certificate of another authority, in the name of a gateway."""
    return trusting(site, Authority(site.folder / "theirs").issue("gw-b"))


def of_an_equal_name(site: Site) -> ssl.SSLContext:
    """A certificate of an authority that calls itself as ours does."""
    return trusting(site, Authority(site.folder / "theirs", site.authority.name).issue("gw-b"))


def made_by_a_gateway(site: Site) -> ssl.SSLContext:
    """A certificate that a gateway signed with its own key."""
    mine, theirs = site.authority.issue("gw-a"), Authority(site.folder / "theirs", "gw-a")
    forged = theirs.issue("ingest")
    chain = forged.certificate.read_bytes() + mine.certificate.read_bytes()
    forged.certificate.write_bytes(chain)
    return trusting(site, forged)


def expired(site: Site) -> ssl.SSLContext:
    """A certificate of ours that ended yesterday."""
    began = datetime.now(UTC) - timedelta(days=2)
    return trusting(site, site.authority.issue("gw-x", begins=began))


def not_begun(site: Site) -> ssl.SSLContext:
    """A certificate of ours for tomorrow."""
    begins = datetime.now(UTC) + timedelta(days=1)
    return trusting(site, site.authority.issue("gw-x", begins=begins))


def revoked(site: Site) -> ssl.SSLContext:
    """A certificate that was taken back."""
    folder = site.authority.folder
    return trusting(site, Identity(folder / "gw-stolen.pem", folder / "gw-stolen.key"))


def of_the_broker(site: Site) -> ssl.SSLContext:
    """The broker's own certificate: it is one of a server."""
    folder = site.authority.folder
    return trusting(site, Identity(folder / "broker.pem", folder / "broker.key"))


def of_an_old_tls(site: Site) -> ssl.SSLContext:
    """A good certificate by TLS 1.2."""
    tls = trusting(site, site.authority.issue("gw-x"))
    tls.minimum_version = tls.maximum_version = ssl.TLSVersion.TLSv1_2
    return tls


def trusting(site: Site, own: Identity) -> ssl.SSLContext:
    tls = ssl.create_default_context(cafile=str(site.authority.certificate))
    tls.load_cert_chain(own.certificate, own.key)
    return tls


@pytest.mark.usefixtures("honest")
@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (lacking, "peer did not return a certificate"),
        (foreign, "certificate verify failed"),
        (of_an_equal_name, "certificate verify failed"),
        (made_by_a_gateway, "certificate verify failed"),
        (expired, "certificate verify failed"),
        (not_begun, "certificate verify failed"),
        (revoked, "certificate verify failed"),
        (of_the_broker, "certificate verify failed"),
        (of_an_old_tls, "unsupported protocol"),
    ],
)
def test_without_a_good_certificate_nobody_is_let_in(
    site: Site, bad: Callable[[Site], ssl.SSLContext], said: str
) -> None:
    with pytest.raises(NotLetIn):
        site.peer("gw-x", bad(site))
    assert site.logged(said)


@pytest.mark.usefixtures("honest")
def test_without_tls_nobody_is_let_in(site: Site) -> None:
    with pytest.raises(NotLetIn), linked(site.server.host, site.server.port, username="ingest"):
        pass
    assert site.logged("wrong version number")


@pytest.mark.usefixtures("honest")
def test_a_login_that_is_taken_away_loses_its_link(site: Site) -> None:
    gone = gateway_user("gw-gone")
    site.server.set_users([*USERS, gone])
    peer = site.peer("gw-gone")
    assert peer.subscribe("metering/v1/gw/gw-gone/receipts") == 1
    site.server.set_users(USERS)
    assert peer.ended.wait(10)
    again = site.peer("gw-gone")
    assert again.publish("metering/v1/gw/gw-gone/readings") == REFUSED
    assert again.subscribe("metering/v1/gw/gw-gone/receipts") == REFUSED
    assert site.logged("Denied PUBLISH from gw-gone ", "'metering/v1/gw/gw-gone/readings'")
