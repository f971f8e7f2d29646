# SPDX-License-Identifier: MIT
"""A gateway is invited, asks by its invitation and is enrolled once: by the commands."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.operate.authority import Authority
from cloud_ingest.operate.invitations import Guest, invite
from cloud_ingest.operate.keys import make_key_pair, read_key
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.registry import load_registry
from shared_schema.certificates import new_tls_key
from shared_schema.enrolment import make_request
from shared_schema.invitation import open_invitation
from shared_schema.signing import SigningKey, fingerprint, generate_key

NOW = datetime.now(UTC).replace(microsecond=0)


class Office:
    """A store, an authority, and the cloud's key."""

    def __init__(self, conn: Connection, dsn: str, folder: Path) -> None:
        self.conn, self.dsn, self.folder = conn, dsn, folder
        self.authority = Authority.make(folder / "authority", "Our authority", NOW)
        self.key = make_key_pair(folder / "cloud.key").private

    def run(self, *words: str) -> str:
        env = {"IOT_UTILITY_DSN": self.dsn, "IOT_UTILITY_CLOUD_KEY_FILE": str(self.key)}
        done = CliRunner().invoke(app, list(words), env=env)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return f"{done.exit_code} {' '.join(done.output.split())}"

    def invite(self, *words: str, out: str = "gw-a.invitation") -> str:
        return self.run(
            *("invite", "gw-a", "--society", "Lake View", "--tower", "A"),
            *("--broker", "mqtt.example:8883", "--out", str(self.folder / out)),
            *("--ca", str(self.authority.folder / "authority.pem"), *words),
        )

    def invitation(self, out: str = "gw-a.invitation") -> bytes:
        self.invite(out=out)
        return (self.folder / out).read_bytes()

    def enrol(self, invitation: bytes, key: SigningKey, *, name: str = "gw-a") -> str:
        path = self.folder / "gw-a.request"
        path.write_bytes(
            make_request(name, "Lake View", key, new_tls_key(), NOW, invitation=invitation)
        )
        return self.run(
            *("enrol", "--request", str(path), "--authority", str(self.authority.folder)),
            *("--out", str(self.folder / "gw-a.cert"), "--by", "A. Nair"),
            *("--fingerprint", fingerprint(key.public_key())),
        )


@pytest.fixture
def office(plain_store_dsn: str, tmp_path: Path) -> Iterator[Office]:
    with connect(plain_store_dsn) as conn:
        yield Office(conn, plain_store_dsn, tmp_path)


def test_an_invited_gateway_is_enrolled_with_its_tower(office: Office) -> None:
    said = office.invite()
    assert said.startswith("0 ")
    assert "invites gw-a into Lake View (new) for 30 days" in said
    payload = (office.folder / "gw-a.invitation").read_bytes()
    assert b"PRIVATE" not in payload
    assert open_invitation(payload).broker_port == 8883
    done = office.enrol(payload, generate_key())
    assert "invited yes, by this cloud" in done
    assert "tower A" in done
    assert "gw-a is enrolled in Lake View" in done


def test_an_invitation_enrols_one_key(office: Office) -> None:
    payload, first = office.invitation(), generate_key()
    office.enrol(payload, first)
    assert office.enrol(payload, first).startswith("0 ")
    assert "signs with another key" in office.enrol(payload, generate_key())
    office.run("revoke", "gw-a", "--by", "A. Nair", "--reason", "burnt")
    assert "enrolled another key" in office.enrol(payload, generate_key())
    assert office.enrol(office.invitation("new"), generate_key()).startswith("0 ")


def test_the_invitation_of_another_cloud_enrols_nobody(office: Office) -> None:
    theirs = make_key_pair(office.folder / "their.key").private
    guest = Guest("gw-a", "Lake View", None, "mqtt.example")
    ca = office.authority.folder / "authority.pem"
    payload = invite(guest, ca, read_key(theirs), timedelta(days=30), NOW)
    assert "that this cloud did not write" in office.enrol(payload, generate_key())
    assert load_registry(office.conn).gateways == {}


def test_an_invitation_that_ended_enrols_nobody(office: Office) -> None:
    guest = Guest("gw-a", "Lake View", None, "mqtt.example")
    ca = office.authority.folder / "authority.pem"
    payload = invite(guest, ca, read_key(office.key), timedelta(days=1), NOW - timedelta(days=2))
    assert "write a new one (cloud-ingest invite)" in office.enrol(payload, generate_key())


def test_a_request_of_another_name_than_the_invited_is_refused(office: Office) -> None:
    said = office.enrol(office.invitation(), generate_key(), name="gw-b")
    assert "asks for gw-b in Lake View, but was invited as gw-a" in said


def test_who_is_enrolled_is_not_invited(office: Office) -> None:
    office.enrol(office.invitation(), generate_key())
    assert "is enrolled already" in office.invite()


@pytest.mark.parametrize("broker", ["", "mqtt example", "mqtt.example:0", "mqtt.example:99999"])
def test_what_is_no_broker_is_refused(office: Office, broker: str) -> None:
    assert "write host or host:port" in office.invite("--broker", broker)


def test_a_login_of_the_broker_is_not_invited(office: Office) -> None:
    said = office.run(
        *("invite", "ingest", "--society", "Lake View", "--broker", "mqtt.example"),
        *("--ca", str(office.authority.folder / "authority.pem")),
    )
    assert "is the name of a login of the broker" in said
