# SPDX-License-Identifier: GPL-2.0-only
"""A password or key that cannot be used is noticed before a port is opened."""

import sys
from pathlib import Path

import pytest

from edge_agent.cli import app

BY_HAND = {
    "trial": ("trial", "--port", "none"),
    "read": ("read", "--port", "none", "--address", "17"),
    "trace": ("trace", "--port", "none", "--address", "17"),
    "commission": ("commission", "--port", "none", "--gateway", "g", "--broker", "b"),
}
OPTIONS = {
    "trial": ("--password-file", "--encryption-key-file", "--authentication-key-file"),
    "read": ("--password-file", "--signing-key-file", "--meter-public-key-file"),
    "trace": ("--password-file", "--encryption-key-file"),
    "commission": ("--password-file", "--broker-password-file"),
}
CASES = [(command, option) for command in BY_HAND for option in OPTIONS[command]]
FATES = {
    "missing": "cannot read {what}: No such file or directory: {path}",
    "a folder": "cannot read {what}: Is a directory: {path}",
    "empty": "{path} ",
    "readable by all": "{what}: others may read {path}: set its mode with: chmod 600 {path}",
}
SETTINGS = """
gateway = "g"
spool = "spool.db"
key_file = "gateway.key"
cloud_key_file = "cloud.pem"
[broker]
host = "b"
[[bus]]
name = "riser-1"
port = "none"
[[bus.meter]]
label = "A-1204 electricity"
address = 17
client = 32
password_file = "meter.pw"
[bus.meter.setter]
client = 32
password_file = "meter.pw"
"""


def place(path: Path, fate: str) -> None:
    if fate == "a folder":
        path.mkdir()
    elif fate != "missing":
        path.write_text("" if fate == "empty" else "12345678")
        path.chmod(0o644 if fate == "readable by all" else 0o600)


def refused(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["edge-agent", *arguments])
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert ended.value.code == 2


@pytest.fixture(autouse=True)
def _at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize(("command", "option"), CASES)
def test_an_option_is_named_before_the_port_is_opened(
    command: str,
    option: str,
    fate: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place(Path("secret"), fate)
    refused(monkeypatch, *BY_HAND[command], option, "secret")
    said = capsys.readouterr().err
    assert FATES[fate].format(what=option, path="secret") in said
    assert option in said
    assert "; try: " in said
    assert "no such device" not in said


@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("command", [("read",), ("trace",), ("set-clock", "--force")])
def test_a_key_of_the_settings_is_named_before_the_port(
    command: tuple[str, ...],
    fate: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place(Path("meter.pw"), fate)
    Path("agent.toml").write_text(SETTINGS)
    refused(monkeypatch, *command, "A-1204", "--config", "agent.toml")
    said = capsys.readouterr().err
    what = "the password of A-1204 electricity (password_file)"
    assert FATES[fate].format(what=what, path=tmp_path / "meter.pw") in said
    assert what in said
    assert "; try: " in said
    assert "no such device" not in said


def test_a_secret_that_is_needed_is_asked_for_before_the_port(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(monkeypatch, "read", "--port", "none", "--address", "17", "--client", "32")
    assert "client 32 associates with a password, and none is given" in capsys.readouterr().err
