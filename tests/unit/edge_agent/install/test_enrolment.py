# SPDX-License-Identifier: GPL-2.0-only
"""The gateway's side of an enrolment: requests, and certificates that fit or do not."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge_agent.cli.command_line import app
from edge_agent.cli.keygen import make_key
from edge_agent.errors import ConfigurationError
from edge_agent.install import enrolment
from shared_schema.certificates import PEM, Issuer
from shared_schema.enrolment import open_request
from shared_schema.invitation import open_invitation
from shared_schema.signing import public_key_to_pem
from tests.unit.edge_agent.install.image import cards

YEAR = timedelta(days=365)


class Place:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = datetime.now(UTC)
        self.issuer = Issuer.make("Our authority", self.now, 10 * YEAR)
        make_key(folder / "gateway.key")

    def request(self, *, new_key: bool = False) -> enrolment.MadeRequest:
        return enrolment.request(
            "gw-a",
            "Lake View",
            self.folder / "gateway.key",
            self.folder / "tls.key",
            self.now,
            new_key=new_key,
        )

    def answer(self, text: str, *, issuer: Issuer | None = None, life: timedelta = YEAR) -> Path:
        issuer = issuer or self.issuer
        key = open_request(text.encode()).tls_key
        own = issuer.issue("gw-a", key, self.now, life)
        path = self.folder / "gw-a.cert"
        path.write_bytes(own.public_bytes(PEM) + issuer.certificate.public_bytes(PEM))
        return path

    def install(self, path: Path, now: datetime | None = None) -> enrolment.Installed:
        key, cert, ca = (self.folder / name for name in ("tls.key", "tls.pem", "ca.pem"))
        return enrolment.install_certificate(path, key, cert, ca, now or self.now)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_request_makes_the_key_of_the_certificate_once(place: Place) -> None:
    first, second = place.request(), place.request()
    assert first.new_key == place.folder / "tls.key"
    assert second.new_key is None
    assert (place.folder / "tls.key").stat().st_mode & 0o777 == 0o600
    keys = {open_request(each.text.encode()).tls_key.public_numbers() for each in (first, second)}
    assert len(keys) == 1


def test_a_certificate_and_its_authority_come_to_their_places(place: Place) -> None:
    done = place.install(place.answer(place.request().text))
    assert done.gateway == "gw-a"
    assert (place.folder / "tls.pem").read_bytes().count(b"BEGIN CERTIFICATE") == 1
    authority = place.issuer.certificate.public_bytes(PEM)
    assert (place.folder / "ca.pem").read_bytes() == authority


def test_a_new_key_waits_for_its_certificate(place: Place) -> None:
    place.install(place.answer(place.request().text))
    old = (place.folder / "tls.key").read_bytes()
    text = place.request(new_key=True).text
    assert (place.folder / "tls.key").read_bytes() == old
    place.install(place.answer(text))
    assert (place.folder / "tls.key").read_bytes() != old
    assert not (place.folder / "tls.key.next").exists()


def test_a_certificate_of_another_gateway_is_refused(place: Place, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    path = place.answer(Place(other).request().text)
    place.request()
    with pytest.raises(ConfigurationError, match="for another key"):
        place.install(path)
    assert not (place.folder / "tls.pem").exists()


def test_another_authority_is_not_taken_silently(place: Place) -> None:
    text = place.request().text
    place.install(place.answer(text))
    former = (place.folder / "tls.pem").read_bytes()
    stranger = Issuer.make("Our authority", place.now, 10 * YEAR)
    with pytest.raises(ConfigurationError, match="another authority"):
        place.install(place.answer(text, issuer=stranger))
    assert (place.folder / "tls.pem").read_bytes() == former


def test_an_expired_certificate_is_refused(place: Place) -> None:
    path = place.answer(place.request().text)
    with pytest.raises(ConfigurationError, match="expired at"):
        place.install(path, place.now + 2 * YEAR)


def test_a_key_of_another_kind_is_named(place: Place) -> None:
    key = place.folder / "tls.key"
    key.write_bytes((place.folder / "gateway.key").read_bytes())
    key.chmod(0o600)
    with pytest.raises(ConfigurationError, match=r"tls.key holds no elliptic private key"):
        place.request()


@pytest.mark.parametrize("spoiled", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----"])
def test_a_file_that_is_not_whole_is_refused(place: Place, spoiled: bytes) -> None:
    path = place.answer(place.request().text)
    path.write_bytes(path.read_bytes().partition(b"-----END")[0] + spoiled)
    with pytest.raises(ConfigurationError, match="copy the whole file"):
        place.install(path)


def test_a_key_that_others_may_read_signs_nothing(place: Place) -> None:
    (place.folder / "gateway.key").chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        place.request()


def test_a_name_that_cannot_be_one_is_refused(place: Place) -> None:
    files = (place.folder / "gateway.key", place.folder / "tls.key")
    with pytest.raises(ConfigurationError, match="letters, digits"):
        enrolment.request("gw/a", "Lake View", *files, place.now)
    assert not (place.folder / "tls.key").exists()


def test_the_commands_write_a_request_and_no_secret(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.folder)
    run = CliRunner().invoke
    asked = run(app, ["request", "--gateway", "gw-a", "--society", "Lake View"])
    assert asked.exit_code == 0
    signed = open_request(asked.stdout.encode())
    assert signed.request.gateway == "gw-a"
    assert "fingerprint" in asked.stderr
    assert "PRIVATE" not in asked.stdout + asked.stderr
    path = place.answer(asked.stdout)
    done = run(app, ["install-cert", str(path)])
    assert "gw-a: good until" in done.stdout
    assert Path("tls.pem").exists()


def test_an_invitation_saves_typing_and_brings_whom_to_believe(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.folder)
    path = cards.invitation(place.folder, gateway="gw-a")
    asked = CliRunner().invoke(app, ["request", "--invitation", str(path)])
    assert asked.exit_code == 0
    request = open_request(asked.stdout.encode()).request
    assert (request.gateway, request.society) == ("gw-a", "Lake View")
    assert request.invitation == path.read_text()
    said = open_invitation(path.read_bytes())
    assert Path("ca.pem").read_text() == said.authority
    assert Path("cloud.pem").read_bytes() == public_key_to_pem(said.cloud_key())


def test_an_invitation_replaces_no_authority(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place.folder)
    Path("ca.pem").write_text("another one")
    path = cards.invitation(place.folder, gateway="gw-a")
    asked = CliRunner().invoke(app, ["request", "--invitation", str(path)])
    assert "ca.pem holds another key" in str(asked.exception)
    assert Path("ca.pem").read_text() == "another one"
    assert not Path("cloud.pem").exists()


def test_what_was_changed_is_no_invitation(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place.folder)
    path = cards.invitation(place.folder, gateway="gw-a")
    path.write_bytes(path.read_bytes().replace(b"mqtt.example", b"mqtt.elsewhe"))
    asked = CliRunner().invoke(app, ["request", "--invitation", str(path)])
    assert "is no invitation" in str(asked.exception)


def test_a_request_names_its_gateway_in_one_of_two_ways(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.folder)
    asked = CliRunner().invoke(app, ["request", "--gateway", "gw-a"])
    assert "by --gateway and --society, or by --invitation" in str(asked.exception)
