# SPDX-License-Identifier: GPL-2.0-only
"""The doctor: each thing that keeps a gateway from working is found, with what to do."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from edge_agent.errors import ConfigurationError
from edge_agent.gateway_clock import Stand
from edge_agent.operate.configuration import Check
from edge_agent.operate.doctor import examine_gateway
from edge_agent.operate.readiness import require_ready
from edge_agent.settings.file import load_settings
from edge_agent.settings.gateway import BrokerConfig
from edge_agent.spool import own_clock
from edge_agent.spool.spool import Spool
from edge_agent.spool.stream import leave
from edge_agent.spool.succession import keys_in_turn
from shared_schema.signing import generate_key, key_id, private_key_to_pem
from tests.support.agent_files import write_agent_files

NOW = datetime(2026, 11, 24, tzinfo=UTC)
SETTINGS = """
gateway = "gw-1"
spool = "spool.db"
key_file = "gateway.key"
cloud_key_file = "cloud.pem"
spool_max_mb = 16
[broker]
host = "localhost"
[[bus]]
name = "riser-1"
port = "tty"
[[bus.meter]]
label = "A-1"
address = 17
model = "is16444"
password_file = "meter.pw"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_agent_files(tmp_path, SETTINGS)
    (tmp_path / "tty").symlink_to("/dev/null")
    return tmp_path


def accepts(_broker: BrokerConfig, _gateway: str, _now: datetime, *, is_running: bool) -> None:
    assert not is_running


def look(
    folder: Path,
    *,
    broker: Callable[..., None] = accepts,
    synchronised: bool = True,
    stand: Stand | None = None,
) -> dict[str, Check]:
    found = examine_gateway(
        folder / "agent.toml",
        NOW,
        broker=broker,
        synchronised=lambda: synchronised,
        stand=lambda: stand,
    )
    worst: dict[str, Check] = {}
    order = {"ok": 0, "warn": 1, "fail": 2}
    for each in found:
        held = worst.get(each.name)
        if held is None or order[each.level] > order[held.level]:
            worst[each.name] = each
    return worst


def change(folder: Path, old: str, new: str) -> None:
    path = folder / "agent.toml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def certificate(path: Path, name: str, until: datetime) -> None:
    key = generate_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=400))
        .not_valid_after(until)
        .sign(key, None)
    )
    path.write_bytes(made.public_bytes(Encoding.PEM))


def test_a_sound_gateway(folder: Path) -> None:
    Spool.open(folder / "spool.db").close()
    found = look(folder)
    assert {each.level for each in found.values()} == {"ok"}
    assert {"python", "packages", "settings", "clock", "meters", "bus riser-1"} <= set(found)
    assert found["spool"].said.endswith("spool.db: sound")


@pytest.mark.parametrize(("days", "is_told"), [(1, True), (60, False)])
def test_a_clone_is_warned_of_for_a_month(folder: Path, days: int, is_told: bool) -> None:
    with Spool.open(folder / "spool.db") as spool, spool.transaction() as database:
        leave(database, NOW - timedelta(days=days))
    found = look(folder)
    assert ("clone" in found) == is_told
    if is_told:
        assert found["clone"].level == "warn"
        assert "stop the other machine" in found["clone"].advice


def test_settings_that_cannot_be_read_end_it(folder: Path) -> None:
    change(folder, 'gateway = "gw-1"', "")
    found = look(folder)
    assert found["settings"].level == "fail"
    assert "broker" not in found


@pytest.mark.parametrize(
    ("old", "new", "name", "said"),
    [
        ('port = "tty"', 'port = "gone"', "bus riser-1", "is not there"),
        ('port = "tty"', 'port = "meter.pw"', "bus riser-1", "is no serial port"),
        ('"is16444"', '"nope"', "meter A-1", "no meter model 'nope'"),
        ('"meter.pw"', '"none.pw"', "meter A-1", "cannot read the password"),
        ('"gateway.key"', '"none.key"', "gateway's key", "cannot read"),
        ('"cloud.pem"', '"none.pem"', "cloud's key", "cannot read"),
        ('"spool.db"', '"none/spool.db"', "spool", "cannot write in the spool's folder"),
        ('"spool.db"', '"meter.pw"', "spool", "cannot be used"),
    ],
)
def test_what_keeps_it_from_working(folder: Path, old: str, new: str, name: str, said: str) -> None:
    change(folder, old, new)
    found = look(folder)[name]
    assert found.level == "fail"
    assert said in found.said
    assert found.advice


def test_a_clock_without_a_time_service(folder: Path) -> None:
    assert look(folder, synchronised=False)["clock"].level == "fail"
    change(folder, "[broker]", "assume_synchronised_clock = true\n[broker]")
    assert look(folder, synchronised=False)["clock"].level == "warn"


def test_a_clock_that_jumped_fails_though_it_is_assumed(folder: Path) -> None:
    change(folder, "[broker]", "assume_synchronised_clock = true\n[broker]")
    with Spool.open(folder / "spool.db") as spool:
        own_clock.keep(spool, Stand("boot", 0.0))
    found = look(folder, stand=Stand("boot", -90.0))["clock"]
    assert (found.level, found.said[:30]) == ("fail", "it is -90 s from where it was ")
    assert f"of a time to come, move {folder / 'spool.db'} away" in found.advice


def test_a_broker_that_does_not_answer(folder: Path) -> None:
    def refuses(*_: object, is_running: bool) -> None:
        raise ConfigurationError(f"nothing listens there, {is_running}")

    found = look(folder, broker=refuses)["broker"]
    assert (found.level, found.said) == ("fail", "nothing listens there, False")


def test_unproven_security_is_a_warning(folder: Path) -> None:
    (folder / "meter.pw").write_bytes(b"0123456789abcdef")
    change(folder, 'model = "is16444"', 'model = "is16444"\nclient = 48\nsecurity = "hls"')
    found = look(folder)["meter A-1"]
    assert (found.level, found.said) == ("warn", "unproven: security hls")
    assert found.advice


def test_a_name_that_changes_is_warned_of(folder: Path) -> None:
    (folder / "ttyUSB0").symlink_to("/dev/null")
    change(folder, 'port = "tty"', 'port = "ttyUSB0"')
    assert look(folder)["bus riser-1"].level == "warn"


def test_a_port_of_another_group(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: Path(path).name != "tty" and real(path, mode)
    )
    found = look(folder)["bus riser-1"]
    assert found.level == "fail"
    assert found.advice.startswith("usermod -aG ")


@pytest.mark.parametrize(
    ("name", "days", "level", "said"),
    [
        ("gw-1", 90, "ok", "is valid until"),
        ("gw-1", 10, "warn", "is valid until"),
        ("gw-1", -1, "fail", "expired on"),
        ("gw-2", 90, "fail", "is for gw-2, and we are gw-1"),
    ],
)
def test_certificates(folder: Path, name: str, days: int, level: str, said: str) -> None:
    certificate(folder / "own.pem", name, NOW + timedelta(days=days))
    change(folder, "[[bus]]", '[broker.tls]\ncert = "own.pem"\nkey = "gateway.key"\n[[bus]]')
    found = look(folder)["certificate"]
    assert (found.level, said in found.said) == (level, True)


def test_a_broker_elsewhere_without_tls_and_a_broken_ca(folder: Path) -> None:
    change(folder, "localhost", "mq.example")
    assert look(folder)["certificate"].level == "warn"
    change(folder, "[[bus]]", '[broker.tls]\nca = "meter.pw"\n[[bus]]')
    assert look(folder)["ca"].level == "fail"


def test_a_next_key_waits_and_then_takes_the_place(folder: Path) -> None:
    assert "next key" not in look(folder)
    key, path = generate_key(), folder / "gateway.key.next"
    path.write_bytes(private_key_to_pem(key))
    path.chmod(0o640)
    assert "chmod 600" in look(folder)["gateway's next key"].said
    path.chmod(0o600)
    assert "once the cloud has its name" in look(folder)["next key"].said
    with Spool.open(folder / "spool.db") as spool, spool.transaction() as database:
        database.execute("INSERT INTO took_over VALUES (?)", (key_id(key.public_key()),))
    told = look(folder)["next key"]
    assert (told.level, told.advice.split(";")[0]) == ("warn", f"mv {path} {folder}/gateway.key")


def test_a_former_key_neither_signs_nor_is_the_next(folder: Path) -> None:
    """As when a key from before is put back, from a backup or by a wrong `mv`."""
    settings = load_settings(folder / "agent.toml")
    require_ready(settings)
    former = settings.signing_key()
    with Spool.open(folder / "spool.db") as spool, spool.transaction() as database:
        words = f"former {key_id(former.public_key())}"
        database.execute("INSERT INTO took_over VALUES (?)", (words,))
    with pytest.raises(ConfigurationError, match=r"gateway\.key holds a former key"):
        require_ready(settings)
    (folder / "gateway.key").rename(folder / "gateway.key.next")
    path = folder / "gateway.key"
    path.write_bytes(private_key_to_pem(generate_key()))
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match=r"gateway\.key\.next holds a former key"):
        require_ready(settings)
    assert "put the newest key in its place" in look(folder)["turn of the gateway's keys"].said
    (folder / "gateway.key.next").unlink()
    require_ready(settings)


def test_a_copy_of_the_key_is_no_next_key(folder: Path) -> None:
    settings = load_settings(folder / "agent.toml")
    settings.next_key_file.write_bytes(settings.key_file.read_bytes())
    settings.next_key_file.chmod(0o600)
    assert keys_in_turn(settings)[1] is None
