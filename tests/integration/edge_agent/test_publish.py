# SPDX-License-Identifier: MIT
"""The gateway's door to the broker, against a real mosquitto that may die and forget."""

import gc
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from deploy.demo.mosquitto import (
    MosquittoServer,
    gateway_user,
    local_mosquitto,
)
from edge_agent.errors import ConfigurationError
from edge_agent.publish.check import check_broker
from edge_agent.settings.gateway import BrokerConfig
from shared_schema.access import Login
from shared_schema.readings import read_header
from shared_schema.signing import generate_key
from tests.support.small_cloud import CLOUD, CLOUD_KEY, Cloud, until
from tests.support.small_gateway import Gateway

Authority = tuple[x509.Name, ec.EllipticCurvePrivateKey]


@pytest.fixture(scope="module")
def gateway_users() -> list[Login]:
    return [gateway_user(f"gw-{number}", secrets.token_hex(8)) for number in range(16)]


@pytest.fixture(scope="module")
def mosquitto(gateway_users: list[Login]) -> Iterator[MosquittoServer]:
    with local_mosquitto(users=[CLOUD, *gateway_users]) as server:
        yield server


@pytest.fixture
def gateway(
    mosquitto: MosquittoServer, gateway_users: list[Login], tmp_path: Path
) -> Iterator[Gateway]:
    """A gateway that no other test has used."""
    made = Gateway(mosquitto, gateway_users.pop(), tmp_path)
    yield made
    made.spool.close()


@pytest.fixture
def cloud(mosquitto: MosquittoServer, gateway: Gateway) -> Cloud:
    return Cloud(mosquitto, gateway.name)


def test_everything_is_sent_live_first_and_receipted(gateway: Gateway, cloud: Cloud) -> None:
    backlog = gateway.read(5, historical=True)
    live = gateway.read(5)
    with cloud.online(), gateway.running():
        until(lambda: gateway.waiting == 0, "all receipted")
        later = gateway.read()
        until(lambda: gateway.waiting == 0, "a later reading too")
    assert cloud.arrived == [*reversed(live), *backlog, *later]
    assert all(gateway.spool.get(seq) for seq in cloud.arrived), "kept although receipted"


def test_a_broker_that_dies_and_forgets_loses_nothing(
    mosquitto: MosquittoServer, gateway: Gateway, cloud: Cloud
) -> None:
    cloud.answers = False
    with gateway.running():
        with cloud.online():
            gateway.read(60)
            until(lambda: len(set(cloud.arrived)) == 32, "a full window handed over")
        # What the broker holds now for the cloud, and what the cloud had not committed, is lost.
        cloud.stored.clear()
        mosquitto.kill()
        mosquitto.wipe()
        gateway.read(5)
        until(lambda: not gateway.publisher.connected.is_set(), "the loss is noticed")
        mosquitto.start()
        cloud.answers = True
        with cloud.online():
            until(lambda: gateway.waiting == 0, "all receipted", 40)
    assert sorted(cloud.stored[gateway.spool.stream]) == list(range(1, 66))


@pytest.fixture
def twins(
    mosquitto: MosquittoServer, gateway: Gateway, cloud: Cloud, tmp_path: Path
) -> Iterator[tuple[Gateway, Gateway]]:
    """Two machines with copies of one spool; the second one's 4 and 5 are stored."""
    gateway.read(3)
    gateway.spool.close()
    (tmp_path / "clone").mkdir()
    for name in ("spool.db", "password"):
        shutil.copy(tmp_path / name, tmp_path / "clone" / name)
    user = gateway_user(gateway.name, (tmp_path / "password").read_text())
    original, clone = (Gateway(mosquitto, user, at) for at in (tmp_path, tmp_path / "clone"))
    clone.flight.resend_after_s = clone.flight.resend_limit_s  # no receipt is left to the original
    with closing(original.spool), closing(clone.spool):
        with cloud.online(), clone.running():
            clone.read(2)
            until(lambda: clone.waiting == 0, "the clone's are stored")
        original.read(4)
        yield original, clone


def test_a_clone_is_named_and_nothing_of_either_is_lost(
    cloud: Cloud, twins: tuple[Gateway, Gateway], caplog: pytest.LogCaptureFixture
) -> None:
    original, clone = twins
    with cloud.online(), original.running(), clone.running():
        for each in (original, clone):
            until(each.is_stored, f"what {each.spool} has", 60)
    assert original.spool.stream != clone.spool.stream
    reasons = {record.__dict__.get("reason", "") for record in caplog.records}
    assert any("another machine uses this gateway's name and key" in each for each in reasons)
    assert not any("Unspecified" in each for each in reasons)
    assert any(record.__dict__.get("action") == "stream_forked" for record in caplog.records)


def test_a_clone_that_takes_the_receipts_forks_too(
    cloud: Cloud, twins: tuple[Gateway, Gateway]
) -> None:
    original, clone = twins
    stream = clone.spool.stream
    cloud.answers = False
    with cloud.online():
        with original.running():
            until(lambda: 7 in cloud.stored[stream], "the original's are stored")
        with clone.running():
            cloud.answer(stream)
            until(lambda: clone.spool.stream != stream, "the clone does not know 6 and 7")
        assert (original.spool.stream, original.waiting) == (stream, 7)
        cloud.answers = True
        with original.running(), clone.running():
            for each in (original, clone):
                until(each.is_stored, f"what {each.spool} has", 60)
    assert original.spool.stream not in (stream, clone.spool.stream)


def open_sockets() -> int:
    """Count the sockets of this process; those of nobody stay open while nothing collects them."""
    return sum(each.is_socket() for each in Path("/proc/self/fd").iterdir())


def test_a_link_that_ended_has_no_socket_open(gateway: Gateway, cloud: Cloud) -> None:
    gateway.read(1)
    with cloud.online():
        before = open_sockets()
        gc.disable()
        try:
            with gateway.running():
                until(lambda: gateway.waiting == 0, "all receipted")
            assert open_sockets() == before
        finally:
            gc.enable()


def test_a_hand_over_without_a_subscriber_is_none(gateway: Gateway, cloud: Cloud) -> None:
    gateway.read(3)
    with gateway.running():
        until(lambda: gateway.publisher.refusals >= 2, "the broker says that nobody listens")
        assert gateway.waiting == 3
        assert gateway.flight.out <= 1
        with cloud.online():
            until(lambda: gateway.waiting == 0, "all receipted")


def test_never_more_than_the_window_is_out(gateway: Gateway, cloud: Cloud) -> None:
    cloud.answers = False
    gateway.read(100)
    with cloud.online(), gateway.running():
        until(lambda: len(cloud.arrived) >= 35, "a probe was sent again")
        assert set(cloud.arrived) == set(range(69, 101)), "the newest"
        assert len(cloud.arrived) < 40, "one at a time, ever more rarely"
        assert gateway.waiting == 100
        cloud.answer(gateway.spool.stream)
        cloud.answers = True
        until(lambda: gateway.waiting == 0, "all receipted")


def test_without_a_receipt_a_batch_is_sent_again(gateway: Gateway, cloud: Cloud) -> None:
    cloud.answers = False
    gateway.read()
    with cloud.online(), gateway.running():
        until(lambda: cloud.arrived == [1, 1, 1], "sent three times")
        cloud.answer(gateway.spool.stream)
        until(lambda: gateway.waiting == 0, "receipted")


def test_receipts_not_signed_for_us_are_ignored(
    gateway: Gateway, cloud: Cloud, caplog: pytest.LogCaptureFixture
) -> None:
    cloud.answers = False
    gateway.read(2)
    with cloud.online(), gateway.running():
        until(lambda: len(cloud.arrived) >= 2, "sent")
        stream = gateway.spool.stream
        genuine = cloud.receipt(stream)
        line, _, signature = genuine.partition(b"\n")
        cloud.key = generate_key()
        forged = cloud.receipt(stream)
        cloud.key = CLOUD_KEY
        cloud.stored[uuid4()] = cloud.stored[stream]
        others = [
            cloud.receipt(stream, gateway="gw-else"),
            cloud.receipt(next(reversed(cloud.stored))),
        ]
        altered = line.replace(b"[[1,2]]", b"[[1,1]]") + b"\n" + signature
        assert altered != genuine
        bad = [forged, altered, line, b"", b"\xff\n{}", b"{}\n{}", *others]
        for payload in bad:
            cloud.send(payload)

        def ignored() -> int:
            return sum(
                record.__dict__.get("action") == "receipt_ignored" for record in caplog.records
            )

        until(lambda: ignored() == len(bad), "all of them ignored")
        assert gateway.waiting == 2
        cloud.send(genuine)
        until(lambda: gateway.waiting == 0, "the genuine one is believed")


def test_a_new_store_is_sent_everything_that_is_kept(gateway: Gateway, cloud: Cloud) -> None:
    with gateway.running():
        with cloud.online():
            gateway.read(40)
            until(lambda: gateway.waiting == 0, "all receipted")
        cloud.store = uuid4()
        cloud.stored.clear()
        with cloud.online():
            cloud.answer(gateway.spool.stream)
            until(lambda: len(cloud.stored.get(gateway.spool.stream, {})) == 40, "all sent again")
            until(lambda: gateway.waiting == 0, "all receipted again")


def test_birth_and_last_will_carry_one_session_and_stay(
    mosquitto: MosquittoServer, gateway: Gateway, cloud: Cloud
) -> None:
    with cloud.online(), gateway.running():
        until(lambda: [each.state for each in cloud.statuses] == ["online"], "the birth")
        # A second session with the gateway's name ends the first one, as a dead link does.
        thief = Client(
            CallbackAPIVersion.VERSION2,
            client_id=gateway.name,
            protocol=MQTTProtocolVersion.MQTTv5,
        )
        user = gateway.broker.username
        secret = gateway.broker.password()
        assert secret is not None
        thief.username_pw_set(user, secret.get_secret_value())
        thief.connect(mosquitto.host, mosquitto.port)
        thief.loop_start()
        until(lambda: len(cloud.statuses) >= 2, "the last will")
        thief.disconnect()
        thief.loop_stop()
        thief.reinitialise()  # closes its sockets
        birth, will = cloud.statuses[:2]
        assert (will.state, will.session) == ("offline", birth.session)
        until(lambda: cloud.statuses[-1].state == "online", "the next birth")
        assert cloud.statuses[-1].session != birth.session
    retained = Cloud(mosquitto, gateway.name)
    with retained.online():
        until(lambda: bool(retained.statuses), "a retained status")
        # The clean end says so itself.
        assert retained.statuses[0].state == "offline"
        assert retained.statuses[0].session == cloud.statuses[-1].session


def check(broker: BrokerConfig, gateway: str) -> None:
    check_broker(broker, gateway, datetime.now(UTC), is_running=False)


def test_a_broker_away_at_the_start_is_awaited(
    mosquitto: MosquittoServer, gateway: Gateway, cloud: Cloud, caplog: pytest.LogCaptureFixture
) -> None:
    mosquitto.stop()
    gateway.read(2)
    with gateway.running():
        until(lambda: bool(caplog.records), "it is told")
        assert caplog.records[-1].__dict__["reason"] == "nothing listens there"
        mosquitto.start()
        with cloud.online():
            until(lambda: gateway.waiting == 0, "all receipted")


def test_a_refused_password_is_told_and_tried_again(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    password = gateway.broker.password_file
    assert password is not None
    password.write_text("wrong")
    gateway.publisher = gateway.new_publisher()
    with gateway.running():
        until(lambda: bool(caplog.records), "it is told")
        time.sleep(2)
    told = [record for record in caplog.records if record.levelname == "WARNING"]
    assert [record.__dict__["reason"] for record in told] == [
        f"it refuses username {gateway.name}, or its password (Not authorized)"
    ]
    with pytest.raises(ConfigurationError, match="refuses username"):
        check(gateway.broker, gateway.name)


def test_the_check_does_not_disturb_the_agent(gateway: Gateway, cloud: Cloud) -> None:
    with cloud.online(), gateway.running():
        until(gateway.publisher.connected.is_set, "connected")
        check(gateway.broker, gateway.name)
        gateway.read()
        until(lambda: gateway.waiting == 0, "receipted")
        assert [status.state for status in cloud.statuses] == ["online"]


@pytest.mark.parametrize(
    ("host", "port", "said"),
    [
        ("127.0.0.1", 9, "broker 127.0.0.1:9: nothing listens there"),
        ("no-such-host.invalid", 1883, "no such host name"),
    ],
)
def test_the_check_says_what_is_wrong(host: str, port: int, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        check(BrokerConfig(host=host, port=port), "gw")


def test_batches_arrive_as_they_were_sealed(gateway: Gateway, cloud: Cloud) -> None:
    seq = gateway.read()[0]
    with cloud.online(), gateway.running():
        until(lambda: gateway.waiting == 0, "receipted")
    spooled = gateway.spool.get(seq)
    assert spooled is not None
    assert cloud.stored[gateway.spool.stream][seq] == spooled.payload
    assert read_header(spooled.payload).gateway == gateway.name
