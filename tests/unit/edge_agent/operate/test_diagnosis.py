# SPDX-License-Identifier: GPL-2.0-only
"""The diagnosis: what helps is in it, no secret is, and it has a size that can be sent."""

import base64
import json
import os
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner

from edge_agent.cli.command_line import app
from edge_agent.cli.diagnose import MOST_LOG_BYTES
from edge_agent.operate import secrets as own_secrets
from edge_agent.operate.diagnosis import LONGEST_LINE, Asked, diagnose, to_send
from edge_agent.settings.file import load_settings
from edge_agent.spool.spool import Spool
from shared_schema.diagnosis import MOST_PACKED, unpacked
from shared_schema.message import MeterId
from shared_schema.signing import generate_key, private_key_to_pem, public_key_to_pem

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
SETTINGS: Final = """
gateway = "gw-1"
spool = "spool.db"
key_file = "gateway.key"
cloud_key_file = "cloud.pem"
[broker]
host = "broker.example"
username = "gw-1"
password_file = "broker.pw"
[broker.tls]
cert = "gw-1.cert"
key = "tls.key"
[[bus]]
name = "riser-1"
port = "tty"
[[bus.meter]]
label = "A-1204 electricity"
address = 17
model = "is16444"
client = 48
password_file = "meter.pw"
encryption_key_file = "meter.ek"
authentication_key_file = "meter.ak"
[bus.meter.setter]
client = 48
password_file = "setter.pw"
"""
EK: Final = os.urandom(16)
AK: Final = b"sixteen-octets!?"
TEXTS: Final = {
    "broker.pw": b'br"oker\\pass word\n',
    "meter.pw": b"lls-Secret-1",
    "setter.pw": b"s3tter pass",
    "meter.ek": EK.hex().encode() + b"\n",
    "meter.ak": AK,
}
WIFI: Final = "Nachbars Katze 7"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    key = generate_key()
    tls = ec.generate_private_key(ec.SECP256R1())
    files = {
        **TEXTS,
        "gateway.key": private_key_to_pem(key),
        "gateway.key.next": private_key_to_pem(generate_key()),
        "tls.key": tls.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "cloud.pem": public_key_to_pem(generate_key().public_key()),
        "agent.toml": SETTINGS.encode(),
        "wifi.nmconnection": f"[wifi-security]\npsk={WIFI}\n".encode(),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "tty").symlink_to("/dev/null")
    monkeypatch.setattr(own_secrets.secrets_of, "__defaults__", ((f"{tmp_path}/*.nmconnection",),))
    with Spool.open(tmp_path / "spool.db") as spool:
        meter = MeterId(manufacturer="LNT", serial="26100001")
        spool.remember_meter(meter, "riser-1", 17)
        spool.seal_alone(b'{"readings":"PRIVATE-READING"}', gateway="gw-1", key=key, at=NOW)
    return tmp_path


def forms(secret: bytes) -> list[bytes]:
    """How a careless program may have written a secret."""
    return [
        secret,
        secret.strip(),
        secret.hex().encode(),
        secret.hex().upper().encode(),
        secret.strip().hex(" ").encode(),
        base64.b64encode(secret.strip()).rstrip(b"="),
        json.dumps(secret.decode("latin-1"))[1:-1].encode(),
    ]


def secrets(folder: Path) -> list[bytes]:
    """Every form of every secret of the folder."""
    found = [*TEXTS.values(), EK, AK, WIFI.encode()]
    lines = [
        line
        for name in ("gateway.key", "gateway.key.next", "tls.key")
        for line in (folder / name).read_bytes().splitlines()
        if not line.startswith(b"-----")
    ]
    return [form for secret in found for form in forms(secret)] + lines


def written(folder: Path, *words: str) -> tuple[str, dict[str, bytes]]:
    """Run the command; return what it says, and the files of its archive."""
    out = folder / "d.tar.gz"
    done = CliRunner().invoke(
        app, ["diagnose", "--config", str(folder / "agent.toml"), "--out", str(out), *words]
    )
    assert done.exception is None, done.exception
    assert out.stat().st_mode & 0o777 == 0o600
    with tarfile.open(out) as archive:
        found = {
            member.name.partition("/")[2]: archive.extractfile(member).read()  # type: ignore[union-attr]
            for member in archive.getmembers()
        }
    return done.stdout, found


def test_no_byte_of_a_secret_is_in_the_file(folder: Path) -> None:
    log = folder / "agent.log"
    told = secrets(folder)
    log.write_bytes(
        b"started\n" + b"\n".join(b"leaked <" + each + b">" for each in told) + b"\nend\n"
    )
    said, files = written(folder, "--log", str(log))
    assert "no secret is in it" in said
    data = b"".join(files.values())
    inner = json.loads(data)
    plain = "\n".join(inner["log"]).encode()
    assert [each for each in told if each in data or each in plain] == []
    assert (inner["log"][0], inner["log"][-1]) == ("started", "end")
    assert sum("leaked <" in line for line in inner["log"]) > len(told) // 2


@pytest.mark.parametrize("before", [LONGEST_LINE - 8, 0])
def test_a_line_that_is_cut_holds_no_half_of_a_secret(folder: Path, before: int) -> None:
    log = folder / "agent.log"
    key = EK.hex()
    log.write_text(f"{'x' * before}{key}\n{'y' * (MOST_LOG_BYTES - len(key) // 2 - 2)}\n")
    _, files = written(folder, "--log", str(log))
    assert key[:8] not in files["diagnosis.json"].decode()
    assert key[-8:] not in files["diagnosis.json"].decode()


def test_what_helps_is_in_the_file(folder: Path) -> None:
    _, files = written(folder)
    document = json.loads(files["diagnosis.json"])
    assert document["gateway"] == "gw-1"
    meter = document["settings"]["bus"][0]["meter"][0]
    assert (meter["label"], meter["password_file"]) == ("A-1204 electricity", "***")
    assert document["settings"]["broker"]["tls"]["key"] == "***"
    assert {"clock", "certificate", "spool"} <= {each["name"] for each in document["doctor"]}
    assert document["status"]["meters"][0]["meter"] == "LNT 26100001"
    assert (document["spool"]["batches"], document["spool"]["waiting"]) == (1, 1)
    assert document["versions"]["python"]
    assert document["disks"][0]["total_bytes"] > 0
    assert "boot" in document["clock"]


def test_readings_are_there_only_where_they_were_asked_for(folder: Path) -> None:
    _, files = written(folder)
    assert b"PRIVATE-READING" not in b"".join(files.values())
    (folder / "d.tar.gz").unlink()
    _, files = written(folder, "--with-readings")
    assert b"PRIVATE-READING" in files["batch-0001.jsonl"]


def test_without_every_secret_the_log_is_left_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Path) -> bytes:
        if self.name == "meter.ek":
            raise PermissionError
        with self.open("rb") as file:
            return file.read()

    monkeypatch.setattr(Path, "read_bytes", refused)
    document = diagnose(load_settings(folder / "agent.toml"), Asked(NOW, ["a line"]))
    assert "meter.ek cannot be read" in document["log"][0]
    assert "a line" not in document["log"]


def test_settings_that_cannot_be_used_are_not_shown(folder: Path) -> None:
    (folder / "agent.toml").write_text(f'{SETTINGS}\npasswrd = "hunter-2"\n')
    _, files = written(folder)
    assert b"hunter-2" not in files["diagnosis.json"]
    assert "edge-agent doctor says why" in json.loads(files["diagnosis.json"])["settings"]


def test_an_answer_keeps_the_newest_lines_that_fit(folder: Path) -> None:
    lines = [f"{number:05} {os.urandom(200).hex()}" for number in range(400)]
    text = to_send(diagnose(load_settings(folder / "agent.toml"), Asked(NOW, lines)))
    assert MOST_PACKED // 4 < len(text) <= MOST_PACKED
    document: dict[str, Any] = unpacked(text)
    assert document["log"] == lines[-len(document["log"]) :]
    with pytest.raises(ValueError, match="too large"):
        to_send({"status": os.urandom(70_000).hex()})
