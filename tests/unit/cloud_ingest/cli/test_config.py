# SPDX-License-Identifier: MIT
"""The settings by themselves: checked without a server, and shown with where each came from."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cloud_ingest.cli.command_line import app
from deploy.demo.authority import Authority
from shared_schema.signing import generate_key, private_key_to_pem

SOUND = """\
dsn = "postgresql://ingest:hidden@db.example/metering"
zone = "Asia/Kolkata"
broker_tls = true
broker_ca_file = "{ca}"
broker_cert_file = "{cert}"
broker_key_file = "{key}"
cloud_key_file = "{folder}/cloud.key"
[[webhook]]
url = "https://helpdesk.example/flags"
secret_file = "{folder}/webhook.secret"
"""


def written(path: Path, content: bytes | str, mode: int = 0o600) -> Path:
    path.touch(mode)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def typed(*words: object, **environment: str) -> Result:
    return CliRunner().invoke(app, ["config", *map(str, words)], env=environment)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki") / "ours", "our authority")


@pytest.fixture
def file(tmp_path: Path, authority: Authority) -> Path:
    own = authority.issue("ingest")
    written(tmp_path / "cloud.key", private_key_to_pem(generate_key()))
    written(tmp_path / "webhook.secret", "0123456789abcdef")
    named = {"ca": authority.certificate, "cert": own.certificate, "key": own.key}
    return written(tmp_path / "cloud.toml", SOUND.format(folder=tmp_path, **named))


def test_a_sound_file_is_ok(file: Path) -> None:
    lines = [line for line in file.read_text().splitlines() if "broker_" not in line]
    file.write_text("\n".join(lines))
    found = typed("check", file)
    assert found.exit_code == 0, found.output
    lines = found.output.splitlines()
    assert {line.split()[0] for line in lines} == {"ok"}
    assert "ok    database: database metering at db.example" in lines
    assert "hidden" not in found.output


def test_a_certificate_that_ends_soon_warns(file: Path) -> None:
    found = typed("check", file, "--json", IOT_UTILITY_ZON="hidden")
    assert found.exit_code == 1, found.output
    document = json.loads(found.output)
    assert document["ok"]
    warned = [each["said"] for each in document["checks"] if each["level"] == "warn"]
    assert "the variable IOT_UTILITY_ZON is no setting; did you mean IOT_UTILITY_ZONE?" in warned
    assert any("ingest.pem is valid until" in said for said in warned)
    assert "hidden" not in found.output


def test_each_file_that_cannot_be_used_is_named(file: Path, authority: Authority) -> None:
    folder = file.parent
    (folder / "cloud.key").chmod(0o644)
    written(folder / "webhook.secret", "short")
    other = authority.issue("other").key
    found = typed(
        "check",
        IOT_UTILITY_CONFIG=str(file),
        IOT_UTILITY_BROKER_KEY_FILE=str(other),
        IOT_UTILITY_WEBHOOK__0__CA_FILE=str(folder / "none.pem"),
        IOT_UTILITY_ZONE="Asia/Kolkatta",
    )
    assert found.exit_code == 2
    failed = [line for line in found.output.splitlines() if line.startswith("fail")]
    assert [line.split(":")[0] for line in failed] == [
        "fail  zone",
        "fail  the cloud's key",
        "fail  certificate",
        "fail  webhook helpdesk.example",
        "fail  webhook",
    ]
    assert f"others may read the key: run chmod 600 {folder}/cloud.key" in found.output
    assert f"broker_key_file {other} is not the key of broker_cert_file" in found.output
    assert "cloud-ingest: 5 of " in found.output


def test_every_mistake_is_a_line(tmp_path: Path) -> None:
    bad = written(tmp_path / "bad.toml", "broker_prot = 1\nself_read_days = 11\n")
    found = typed("check", bad)
    assert found.exit_code == 2
    assert found.output.count("fail  settings: line ") == 2
    missing = typed("check", tmp_path / "none.toml")
    assert missing.exit_code == 2
    assert "cannot read the settings: No such file or directory" in missing.output


def test_what_holds_is_shown_with_its_source(file: Path) -> None:
    told = {"IOT_UTILITY_QUOTA__QUARANTINE_MB": "7", "IOT_UTILITY_DSN": "hidden"}
    found = typed("show", file, "--json", "--dsn", "hidden", **told)
    assert "hidden" not in found.output
    by_key = {each["key"]: each for each in json.loads(found.output)}
    assert by_key["dsn"] == {
        "key": "dsn",
        "value": "********",
        "source": "option",
        "variable": None,
        "line": None,
    }
    assert by_key["quota.quarantine_mb"]["variable"] == "IOT_UTILITY_QUOTA__QUARANTINE_MB"
    assert by_key["quota.streams_an_hour"]["source"] == "default"
    assert by_key["webhook[0].url"] | {"key": ""} == {
        "key": "",
        "value": "https://helpdesk.example/flags",
        "source": "file",
        "variable": None,
        "line": 9,
    }
    shown = typed("show", file, **told).output
    assert "IOT_UTILITY_DSN" in shown
    assert "hidden" not in shown


def test_a_token_in_the_address_of_a_webhook_is_not_shown(tmp_path: Path) -> None:
    text = '[[webhook]]\nurl = "https://h.example/x?token=hush"\nsecret_file = "a"\n'
    for words in (("show",), ("show", "--json")):
        said = typed(*words, written(tmp_path / f"{len(words)}.toml", text))
        assert said.exit_code == 0
        assert "https://h.example/x?token=***" in said.output
