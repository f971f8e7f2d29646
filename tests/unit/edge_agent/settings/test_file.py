# SPDX-License-Identifier: MIT
"""The settings file: one line that says which file, table and field is wrong."""

from datetime import timedelta
from pathlib import Path

import pytest

from edge_agent.errors import ConfigurationError
from edge_agent.meters.credentials import setter_of
from edge_agent.settings.bus import MeterConfig
from edge_agent.settings.file import has_settings, load_settings
from edge_agent.settings.gateway import BrokerConfig
from shared_schema.signing import (
    fingerprint,
    generate_key,
    private_key_to_pem,
    public_key_to_pem,
)

GOOD = """
gateway = "gw-1"
spool = "state/spool.db"
key_file = "gateway.key"
cloud_key_file = "/etc/cloud.pem"

[broker]
host = "broker.example"
username = "gw-1"
password_file = "broker.password"

[[bus]]
name = "riser-1"
port = "/dev/serial/by-id/usb-1"

[[bus.meter]]
label = "A-1203"
address = 17

[[bus.meter]]
label = "A-1204"
address = 18
model = "is16444"
password_file = "a-1204.password"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "agent.toml"
    path.write_text(GOOD)
    return path


def test_a_good_file_and_its_defaults(file: Path) -> None:
    settings = load_settings(file)
    assert settings.spool == file.parent / "state/spool.db"
    assert settings.key_file == file.parent / "gateway.key"
    assert settings.cloud_key_file == Path("/etc/cloud.pem")
    assert (settings.zone, settings.poll_period_s) == ("Asia/Kolkata", 900)
    assert settings.keep == timedelta(days=35)
    assert not settings.assume_synchronised_clock
    assert settings.broker.address == ("broker.example", 1883)
    assert settings.broker.password_file == file.parent / "broker.password"
    (bus,) = settings.buses
    assert bus.port == Path("/dev/serial/by-id/usb-1")
    assert [meter.label for meter in bus.meters] == ["A-1203", "A-1204"]
    assert bus.meters[1].password_file == file.parent / "a-1204.password"


def test_every_meter_knows_the_folder_of_models(file: Path) -> None:
    file.write_text('models_dir = "models"\n' + file.read_text())
    settings = load_settings(file)
    assert settings.models_dir == file.parent / "models"
    assert {meter.models_dir for bus in settings.buses for meter in bus.meters} == {
        file.parent / "models"
    }


def test_a_setter_is_another_client(file: Path) -> None:
    setter = (
        "set_clock = true\n[bus.meter.setter]\n"
        'encryption_key_file = "u.ek"\nauthentication_key_file = "u.ak"\n'
    )
    file.write_text(GOOD + setter)
    one, two = load_settings(file).buses[0].meters
    found = setter_of(two)
    assert (found.client, found.label, found.address) == (48, "A-1204", 18)
    assert found.encryption_key_file == file.parent / "u.ek"
    assert found.password_file is None, "the reader's password is not the utility's"
    assert two.client is None
    with pytest.raises(ConfigurationError, match=r"A-1203: no association"):
        setter_of(one)
    keys = {"encryption_key_file": "ek", "authentication_key_file": "ak", "set_clock": True}
    utility = MeterConfig.model_validate({"label": "A", "address": 1, "client": 48, **keys})
    assert setter_of(utility) is utility


def test_tls_has_another_port() -> None:
    assert BrokerConfig.model_validate({"host": "b", "tls": {}}).address == ("b", 8883)
    assert BrokerConfig.model_validate({"host": "b", "tls": {}, "port": 1}).address == ("b", 1)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('gateway = "gw-1"', "", "gateway: is missing"),
        ('gateway = "gw-1"', 'gateway = "gw/1"', "line 2: gateway: String should match pattern"),
        ('gateway = "gw-1"', "gateway = ", "line 2, column 11: not TOML: Invalid value"),
        (
            'gateway = "gw-1"',
            'gatway = "gw-1"',
            "line 2: gatway: no such key; did you mean gateway?",
        ),
        ('host = "broker.example"', "", "line 7: [broker] host: is missing"),
        (
            'host = "broker.example"',
            'host = "b"\nport = 0',
            "line 9: [broker] port: Input should be",
        ),
        (
            'host = "broker.example"',
            'host = "b"\ncolour = 1',
            "line 9: [broker] colour: no such key; allowed: host, port, username",
        ),
        ('username = "gw-1"', "", "line 7: [broker]: a password_file needs a username"),
        (
            'username = "gw-1"',
            'username = "gw-1"\ntls = { cert = "x" }',
            "line 10: [broker.tls]: cert and key go together",
        ),
        ("/etc/cloud.pem", "\\u0000", "line 5: cloud_key_file: no path has the character NUL"),
        ("address = 18", "address = 17", "line 22: [[bus.meter]] A-1204, address: 17 stands twice"),
        (
            "address = 18",
            'address = "x"',
            "line 22: [[bus.meter]] A-1204, address: Input should be",
        ),
        ('label = "A-1204"', "", "line 20: [[bus.meter]] 2, label: is missing"),
        (
            'label = "A-1204"',
            'label = "A-1203"',
            "line 21: [[bus.meter]] A-1203, label: A-1203 stands twice",
        ),
        (
            'name = "riser-1"',
            'name = "riser-1"\nbaudrate = 1',
            "line 14: [[bus]] riser-1, baudrate: cannot be 1",
        ),
        (
            'gateway = "gw-1"',
            'gateway = "g"\nzone = "Mars/X"',
            "line 3: zone: no time zone 'Mars/X'",
        ),
        (
            'gateway = "gw-1"',
            'gateway = "g"\npoll_period_s = 1',
            "line 3: poll_period_s: Input should be",
        ),
        ('gateway = "gw-1"', 'gateway = "g"\ngather_s = 61', "line 3: gather_s: Input should be"),
        (
            'label = "A-1204"',
            'label = "A-1204"\nencryption_key_file = "ek"',
            "line 20: [[bus.meter]] A-1204: encryption_key_file and authentication_key",
        ),
        (
            'label = "A-1204"',
            'label = "A-1204"\nsecurity = "gmac"',
            "line 22: [[bus.meter]] A-1204, security: cannot be 'gmac'; did you mean hls-gmac?",
        ),
        (
            'label = "A-1204"',
            'label = "A-1204"\nsystem_title = "IOU1"',
            "line 22: [[bus.meter]] A-1204, system_title: String should match",
        ),
        (
            'label = "A-1204"',
            'label = "A-1204"\nset_clock = true',
            "line 20: [[bus.meter]] A-1204: set_clock needs an association that may do so",
        ),
        (
            'label = "A-1204"',
            'label = "A-1204"\nsetter = { encryption_key_file = "ek" }',
            "line 22: [bus.meter.setter] A-1204: encryption_key_file and authentication_key",
        ),
        (
            'label = "A-1204"',
            'label = "A-1204"\nsigning_key_file = "own"',
            "line 20: [[bus.meter]] A-1204: signing_key_file and meter_public_key_file go together",
        ),
        (
            'gateway = "gw-1"',
            'gateway = "g"\nclocks = { set_above_s = 60, set_within_s = 60 }',
            "line 3: [clocks]: set_above_s must be less than set_within_s",
        ),
    ],
)
def test_a_mistake_is_one_line_with_its_place(file: Path, old: str, new: str, said: str) -> None:
    file.write_text(GOOD.replace(old, new))
    with pytest.raises(ConfigurationError) as caught:
        load_settings(file)
    line = str(caught.value)
    assert line.startswith(f"{file}: {said}")
    assert "\n" not in line


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"No such file or directory: .*none\.toml"):
        load_settings(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        load_settings(tmp_path / "binary.toml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", False), ("# gateway\n\n", False), ('gateway = "gw-1"\n', True), ("gateway =", True)],
)
def test_a_file_of_comments_alone_sets_nothing(
    tmp_path: Path, text: str, *, expected: bool
) -> None:
    file = tmp_path / "agent.toml"
    assert not has_settings(file)
    file.write_text(text)
    assert has_settings(file) == expected


def test_the_gateways_key_needs_a_private_file(file: Path) -> None:
    settings = load_settings(file)
    with pytest.raises(ConfigurationError, match=r"the gateway's key \(key_file\): No such file"):
        settings.signing_key()
    key = generate_key()
    settings.key_file.write_bytes(private_key_to_pem(key))
    settings.key_file.chmod(0o640)
    with pytest.raises(ConfigurationError, match=r"chmod 600 .*gateway\.key"):
        settings.signing_key()
    settings.key_file.chmod(0o600)
    assert fingerprint(settings.signing_key().public_key()) == fingerprint(key.public_key())
    settings.key_file.write_text("no key")
    with pytest.raises(ConfigurationError, match=r"gateway\.key: not an unencrypted PEM"):
        settings.signing_key()


def test_the_clouds_key_is_a_public_key(file: Path, tmp_path: Path) -> None:
    file.write_text(GOOD.replace("/etc/cloud.pem", "cloud.pem"))
    settings = load_settings(file)
    with pytest.raises(
        ConfigurationError, match=r"the cloud's public key \(cloud_key_file\): No such file"
    ):
        settings.cloud_key()
    (tmp_path / "cloud.pem").write_bytes(private_key_to_pem(generate_key()))
    with pytest.raises(ConfigurationError, match="not a PEM public key"):
        settings.cloud_key()
    key = generate_key().public_key()
    (tmp_path / "cloud.pem").write_bytes(public_key_to_pem(key))
    assert fingerprint(settings.cloud_key()) == fingerprint(key)


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (b"secret", 0o644, "others may read"),
        (b"\n", 0o600, "must hold 1 to 256 characters"),
        (b"x" * 300, 0o600, "must hold 1 to 256 characters"),
        (b"x" * 70_000, 0o600, "is larger than"),
        ("पासवर्ड".encode(), 0o600, "ASCII"),
    ],
)
def test_a_password_file_that_cannot_be_used(
    file: Path, content: bytes, mode: int, said: str
) -> None:
    broker = load_settings(file).broker
    assert broker.password_file is not None
    broker.password_file.write_bytes(content)
    broker.password_file.chmod(mode)
    with pytest.raises(ConfigurationError, match=said) as caught:
        broker.password()
    assert "secret" not in str(caught.value)


def test_a_password_is_in_no_repr(file: Path) -> None:
    broker = load_settings(file).broker
    assert broker.password_file is not None
    broker.password_file.write_bytes(b"hunter2\n")
    broker.password_file.chmod(0o600)
    password = broker.password()
    assert password is not None
    assert password.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(password) + repr(broker)
