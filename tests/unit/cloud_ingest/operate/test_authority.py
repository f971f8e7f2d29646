# SPDX-License-Identifier: MIT
"""The authority: what it issues, what it takes back, and how it is kept."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.errors import ConfigurationError
from cloud_ingest.operate.authority import Authority, write_pem
from shared_schema.certificates import (
    certificate_request,
    login_of,
    new_tls_key,
    require_issued_by,
    valid_until,
)

NOW = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)
YEAR = timedelta(days=365)
KEY = new_tls_key().public_key()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.make(tmp_path / "authority", "Our authority", NOW)


@pytest.mark.parametrize("name", ["", "a" * 65, "\u0905" * 22, "ours\u202e"])
def test_a_name_that_no_certificate_has_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="an authority cannot be called"):
        Authority.make(tmp_path / "authority", name, NOW)
    assert not list(tmp_path.iterdir())


def on_the_list(authority: Authority) -> set[int]:
    return {each.serial_number for each in x509.load_pem_x509_crl(authority.revoked.read_bytes())}


def run(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    return f"{done.exit_code} {done.output}"


def test_a_certificate_is_of_its_login(authority: Authority) -> None:
    made = Authority.open(authority.folder).issue("gw-a", KEY, NOW, YEAR)
    require_issued_by(made, authority.issuer.certificate)
    assert login_of(made) == "gw-a"
    assert valid_until(made) == NOW + YEAR
    usage = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_all_certificates_of_a_login_are_taken_back(authority: Authority) -> None:
    first, second = (authority.issue("gw-a", KEY, NOW, YEAR) for _ in range(2))
    other = authority.issue("gw-b", KEY, NOW, YEAR)
    authority.issue("gw-a", KEY, NOW, timedelta(minutes=1))
    later = NOW + timedelta(hours=1)
    assert len(authority.revoke("gw-a", later)) == 2
    assert on_the_list(authority) == {first.serial_number, second.serial_number}
    assert authority.revoke("gw-a", later) == []
    assert len(authority.revoke("gw-b", later)) == 1
    assert other.serial_number in on_the_list(authority)
    assert first.serial_number in on_the_list(authority)


def test_a_list_never_ends_before_its_authority_is_old(authority: Authority) -> None:
    found = x509.load_pem_x509_crl(authority.revoked.read_bytes())
    assert found.next_update_utc is not None
    assert found.next_update_utc > NOW + 9 * YEAR


def test_a_key_that_others_may_read_is_refused(authority: Authority) -> None:
    (authority.folder / "authority.key").chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        Authority.open(authority.folder)


def test_a_spoiled_key_of_the_authority_is_named(authority: Authority) -> None:
    (authority.folder / "authority.key").write_bytes(b"-----BEGIN PRIVATE KEY-----")
    with pytest.raises(ConfigurationError, match=r"authority.key holds no elliptic private key"):
        Authority.open(authority.folder)


def test_an_authority_is_never_made_twice(authority: Authority) -> None:
    said = run("ca", "init", str(authority.folder))
    assert said.startswith("2 ")
    assert "not overwritten" in said


def test_nothing_outlives_the_authority(authority: Authority) -> None:
    with pytest.raises(ConfigurationError, match="fewer days"):
        authority.issue("gw-a", KEY, NOW, 21 * YEAR)


def test_a_folder_without_authority_says_how_to_make_one(tmp_path: Path) -> None:
    said = run("ca", "issue", "ingest", "--authority", str(tmp_path))
    assert "cloud-ingest ca init" in said


def test_commands_make_all_that_a_broker_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("ca", "init", "authority").startswith("0 ")
    assert run("ca", "issue", "broker", "--host", "mqtt.example", "--host", "10.0.0.7")[0] == "0"
    assert (tmp_path / "broker.key").stat().st_mode & 0o777 == 0o600
    broker = x509.load_pem_x509_certificate(Path("broker.pem").read_bytes())
    names = broker.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(each.value) for each in names] == ["mqtt.example", "10.0.0.7"]
    assert "not overwritten" in run("ca", "issue", "broker", "--host", "mqtt.example")
    Path("billing.csr").write_bytes(certificate_request("billing", new_tls_key()))
    assert "for the certificate of" in run("ca", "issue", "helpdesk", "--request", "billing.csr")
    assert run("ca", "issue", "billing", "--request", "billing.csr").startswith("0 ")
    assert not Path("billing.key").exists()
    assert "1 certificate added" in run("ca", "revoke", "billing")
    assert "no certificate for 'billing'" in run("ca", "revoke", "billing")


def test_a_lost_key_does_not_cost_the_list_of_the_revoked(authority: Authority) -> None:
    authority.issue("gw-a", KEY, NOW, YEAR)
    authority.revoke("gw-a", NOW)
    (authority.folder / "authority.key").unlink()
    kept = authority.revoked.read_bytes()
    said = run("ca", "init", str(authority.folder))
    assert said.startswith("2 ")
    assert "put its copy back" in said
    assert authority.revoked.read_bytes() == kept


def test_a_spoiled_copy_stops_no_other_revocation(authority: Authority) -> None:
    made = authority.issue("gw-a", KEY, NOW, YEAR)
    spoiled = authority.folder / "issued" / "00.pem"
    spoiled.write_bytes(b"-----BEGIN CERTIFICATE-----\n")
    said = run("ca", "revoke", "gw-a", "--authority", str(authority.folder))
    assert said.startswith("0 ")
    assert "00.pem cannot be read" in " ".join(said.split())
    assert on_the_list(authority) == {made.serial_number}
    assert authority.spoiled() == [spoiled]


def test_a_file_is_on_the_disk_before_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def synced(file: int) -> None:
        order.append("synced")
        fsync(file)

    def named(self: Path, to: Path) -> Path:
        order.append("named")
        return replace(self, to)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", named)
    write_pem(tmp_path / "a.pem", b"pem")
    assert order == ["synced", "named"]


def test_revocations_at_once_are_all_on_the_list(authority: Authority) -> None:
    logins = [f"gw-{number}" for number in range(8)]
    serials = {authority.issue(login, KEY, NOW, YEAR).serial_number for login in logins}
    with ThreadPoolExecutor(len(logins)) as pool:
        taken = list(pool.map(lambda login: authority.revoke(login, NOW), logins))
    assert [len(each) for each in taken] == [1] * len(logins)
    assert on_the_list(authority) == serials


@pytest.mark.parametrize("login", ["", "*", "+", "../x", "a/b", "a\nb", "\x1b[31m", "x" * 64, "é"])
def test_no_certificate_is_for_a_pattern_or_a_path(authority: Authority, login: str) -> None:
    with pytest.raises(ConfigurationError, match="is no login"):
        authority.issue(login, KEY, NOW, YEAR)
    said = run("ca", "issue", "--authority", str(authority.folder), "--", login)
    assert (said[0], said.count("\n")) == ("2", 1)
    assert sorted(each.name for each in authority.folder.iterdir()) == [
        "authority.key", "authority.pem", "revoked.pem",
    ]  # fmt: skip


@pytest.mark.parametrize("host", ["", "a b", "bücher.example", "x\n"])
def test_no_server_is_at_a_host_that_cannot_be_one(
    authority: Authority, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(authority.folder.parent)
    said = run("ca", "issue", "broker", "--host", host, "--authority", str(authority.folder))
    assert (said[0], "is no host" in said) == ("2", True)
    assert not Path("broker.key").exists()


@pytest.mark.parametrize("path", [".", ".."])
def test_a_certificate_is_not_written_over_a_folder(path: str) -> None:
    with pytest.raises(ConfigurationError, match="is a folder: name the file in it"):
        write_pem(Path(path), b"")
