# SPDX-License-Identifier: GPL-2.0-only
"""``edge-agent image prepare``: a card is recognised, written once, and nothing of it is lost."""

import errno
import hashlib
import json
import os
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from edge_agent.cli.command_line import app
from edge_agent.errors import ConfigurationError
from edge_agent.install.image import boot_partition
from edge_agent.install.image.answers_file import read_answers
from tests.unit.edge_agent.install.image import cards


class Desk:
    """The table in the office: a card, a package, a key, a Wi-Fi's password."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.card = cards.boot_partition(folder / "bootfs")
        self.password = folder / "wifi.pw"
        self.password.write_text("correct horse\n")
        self.password.chmod(0o600)
        self.package, self.key = cards.package(folder), cards.ssh_key(folder)

    def options(self) -> list[str]:
        return [
            *("--gateway", "gw-tower-1", "--package", str(self.package)),
            *("--ssh-key-file", str(self.key), "--time-zone", "Asia/Kolkata"),
        ]

    def prepare(self, *options: str, card: Path | None = None) -> Result:
        words = ["image", "prepare", str(card or self.card), *self.options(), *options]
        return CliRunner().invoke(app, words)

    def wifi(self) -> tuple[str, ...]:
        name, password = ("--wifi-ssid", "Lake View"), ("--wifi-password-file", str(self.password))
        return (*name, *password, "--wifi-country", "IN")

    def files(self) -> dict[str, bytes]:
        paths = (each for each in self.card.rglob("*") if each.is_file())
        return {str(each.relative_to(self.card)): each.read_bytes() for each in paths}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_card_gets_all_that_its_first_boot_needs(desk: Desk) -> None:
    assert desk.prepare().exit_code == 0
    files = desk.files()
    assert yaml.safe_load(files["user-data"])["hostname"] == "gw-tower-1"
    assert "resize" not in files["cmdline.txt"].decode().split()
    assert b"dtparam=watchdog=on" in files["config.txt"]
    assert files["edge-agent/edge-agent.deb"] == desk.package.read_bytes()
    assert b"gateway=gw-tower-1\n" in files["edge-agent/card.conf"]
    for line in files["edge-agent/SHA256SUMS"].decode().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256(files[f"edge-agent/{name}"]).hexdigest() == digest


def test_what_was_on_the_card_stays_beside_it(desk: Desk) -> None:
    before = desk.files()
    desk.prepare()
    desk.prepare("--ntp", "time.example")
    after = desk.files()
    assert {name: after[f"{name}.before"] for name in before} == before


def test_a_second_time_changes_nothing(desk: Desk) -> None:
    desk.prepare(*desk.wifi())
    once = desk.files()
    again = json.loads(desk.prepare(*desk.wifi(), "--json").stdout)
    assert not any(each["is_changed"] for each in again["files"])
    assert desk.files() == once


def test_a_dry_run_writes_nothing(desk: Desk) -> None:
    before = desk.files()
    result = desk.prepare("--dry-run")
    assert "would write" in result.stdout
    assert desk.files() == before


def test_the_wifis_password_stands_nowhere(desk: Desk) -> None:
    result = desk.prepare(*desk.wifi(), "--json")
    assert result.exit_code == 0
    said = result.output.encode() + b"".join(desk.files().values())
    assert b"correct horse" not in said
    key = hashlib.pbkdf2_hmac("sha1", b"correct horse", b"Lake View", 4096, 32).hex()
    assert key.encode() in desk.files()["network-config"]
    assert key not in result.output
    assert (desk.card / "network-config").stat().st_mode & 0o777 == 0o600


def test_the_key_of_the_standards_own_example_is_made(desk: Desk) -> None:
    desk.password.write_text("password\n")
    said = read_answers(None, {**_said(desk), "wifi": _wifi(desk, "IEEE")})
    assert said.wifi is not None
    assert said.wifi.key() == "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"


@pytest.mark.parametrize("password", ["short", "g" * 64, "with \x07 bell", "पासवर्ड शब्द"])
def test_what_is_no_password_of_a_wifi_is_refused(desk: Desk, password: str) -> None:
    desk.password.write_text(password)
    with pytest.raises(ConfigurationError, match=r"wifi\.pw must hold"):
        boot_partition.plan(
            desk.card, read_answers(None, {**_said(desk), "wifi": _wifi(desk, "a")}), cards.NOW
        )


def test_a_password_that_others_may_read_is_refused(desk: Desk) -> None:
    desk.password.chmod(0o644)
    result = desk.prepare(*desk.wifi())
    assert isinstance(result.exception, ConfigurationError)
    assert "chmod 600" in str(result.exception)


def test_another_disk_is_not_written(desk: Desk, tmp_path: Path) -> None:
    other = tmp_path / "photos"
    other.mkdir()
    (other / "holiday.jpg").write_bytes(b"")
    result = desk.prepare(card=other)
    assert "is no boot partition" in str(result.exception)
    assert [each.name for each in other.iterdir()] == ["holiday.jpg"]


def test_a_system_without_cloud_init_is_refused(desk: Desk) -> None:
    (desk.card / "user-data").unlink()
    assert "without cloud-init" in str(desk.prepare().exception)


def test_a_card_in_service_is_refused(desk: Desk) -> None:
    desk.prepare()
    (desk.card / "edge-agent/first-boot.txt").write_text("done\n")
    assert "in service" in str(desk.prepare("--ntp", "time.example").exception)


def test_a_card_whose_first_boot_failed_is_mended(desk: Desk) -> None:
    desk.prepare(*desk.wifi())
    first = desk.files()["meta-data"]
    (desk.card / "edge-agent/first-boot.txt").write_text("waiting for a network and the time\n")
    desk.password.write_text("the right one\n")
    assert desk.prepare(*desk.wifi()).exit_code == 0
    assert desk.files()["meta-data"] != first


def test_an_empty_folder_takes_the_same_files(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    result = desk.prepare(card=folder)
    assert "take the word resize out" in " ".join(result.stderr.split())
    assert (folder / "edge-agent/first-boot.sh").exists()
    assert desk.prepare(card=folder).exit_code == 0


def test_an_invitation_names_the_gateway(desk: Desk, tmp_path: Path) -> None:
    invitation = cards.invitation(tmp_path, gateway="gw-9")
    said = read_answers(None, {**_said(desk), "invitation": str(invitation), "gateway": None})
    assert said.gateway == "gw-9"
    card = boot_partition.plan(desk.card, said, cards.NOW)
    assert invitation.read_bytes() in {each.data for each in card.files}


def test_an_invitation_of_another_gateway_is_refused(desk: Desk, tmp_path: Path) -> None:
    invitation = cards.invitation(tmp_path, gateway="gw-9")
    said = read_answers(None, {**_said(desk), "invitation": str(invitation)})
    with pytest.raises(ConfigurationError, match="invites gw-9, not gw-tower-1"):
        boot_partition.plan(desk.card, said, cards.NOW)


def test_an_invitation_that_ended_is_refused(desk: Desk, tmp_path: Path) -> None:
    said = read_answers(
        None, {**_said(desk), "invitation": str(cards.invitation(tmp_path, days=0))}
    )
    with pytest.raises(ConfigurationError, match="ask the office for a new one"):
        boot_partition.plan(desk.card, said, cards.NOW)


def test_a_file_answers_and_an_option_counts_before_it(tmp_path: Path) -> None:
    cards.ssh_key(tmp_path)
    path = tmp_path / "gw.toml"
    path.write_text(
        'gateway = "gw-tower-1"\npackage = "edge-agent_1.0_arm64.deb"\n'
        'ssh_key_files = ["id_ed25519.pub"]\ntime_zone = "Asia/Kolkata"\nupdates = false\n'
        '[ethernet]\naddress = "10.0.0.5/24"\nrouter = "10.0.0.1"\ndns = ["10.0.0.1"]\n'
    )
    said = read_answers(path, {"gateway": "gw-2", "ethernet": {"router": "10.0.0.2"}})
    assert said.package == tmp_path / "edge-agent_1.0_arm64.deb"
    assert (said.gateway, said.updates, said.ssh_keys) == ("gw-2", False, (cards.SSH_KEY,))
    assert said.ethernet is not None
    assert said.ethernet.router == "10.0.0.2"
    assert said.ethernet.address == "10.0.0.5/24"


def test_every_mistake_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "gw.toml"
    path.write_text('gateway = "gw 1"\nssh_keys = []\ntimezone = "Asia/Kolkata"\npackage = "a"\n')
    with pytest.raises(ConfigurationError) as caught:
        read_answers(path, {})
    told = "\n".join(caught.value.details)
    assert "line 1: gateway" in told
    assert "did you mean time_zone?" in told
    assert "ssh_keys" in told


def test_a_private_key_is_not_put_on_a_card(desk: Desk) -> None:
    desk.key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    assert "is a private key, which stays with you" in str(desk.prepare().exception)


def test_a_package_for_another_machine_is_refused(desk: Desk) -> None:
    cards.package(desk.folder, architecture="amd64")
    said = str(desk.prepare().exception)
    assert "is for amd64, and the card's machine is arm64: make edge-package ARCH=arm64" in said
    assert not (desk.card / "edge-agent").exists()


def test_another_package_is_refused(desk: Desk) -> None:
    cards.package(desk.folder, name="mosquitto")
    assert "is not the agent's package, or not whole" in str(desk.prepare().exception)


@pytest.mark.parametrize("cut", [8, 40, 70, 140, 200, -2])
def test_a_package_that_was_cut_off_is_refused(desk: Desk, cut: int) -> None:
    desk.package.write_bytes(desk.package.read_bytes()[:cut])
    assert "is not the agent's package, or not whole" in str(desk.prepare().exception)


def test_what_is_no_package_is_refused(desk: Desk) -> None:
    desk.package.write_text("<html>not found</html>")
    assert "is not the agent's package, or not whole" in str(desk.prepare().exception)


def test_a_folder_is_prepared_as_often_as_one_likes(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    for name in ("one.example", "two.example", "three.example"):
        assert desk.prepare("--ntp", name, card=folder).exit_code == 0
    assert b"three.example" in (folder / "user-data").read_bytes()


def test_an_invitation_of_a_former_preparation_goes(desk: Desk, tmp_path: Path) -> None:
    invitation = cards.invitation(tmp_path, gateway="gw-9", days=3650)
    desk.prepare("--gateway", "gw-9", "--invitation", str(invitation))
    assert "would remove" in desk.prepare("--dry-run").stdout
    assert "edge-agent/invitation" in desk.files()
    assert json.loads(desk.prepare("--json").stdout)["removed"] == ["edge-agent/invitation"]
    assert "edge-agent/invitation" not in desk.files()


def test_a_card_that_fills_up_has_no_half_of_a_first_boot(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    write = os.fsync

    def fails(descriptor: int) -> None:
        if os.fstat(descriptor).st_size == desk.package.stat().st_size:
            raise full
        write(descriptor)

    before = desk.files()["user-data"]
    monkeypatch.setattr(os, "fsync", fails)
    assert "No space left on device" in str(desk.prepare().exception)
    assert desk.files()["user-data"] == before
    assert not [name for name in desk.files() if ".deb." in name]


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [("--root-gib", "0", "root_gib"), ("--time-zone", "Asia/Kolkatta", "did you mean")],
)
def test_an_odd_option_is_refused(desk: Desk, option: str, value: str, said: str) -> None:
    assert said in str(desk.prepare(option, value).exception)


def _said(desk: Desk) -> dict[str, object]:
    return {
        "gateway": "gw-tower-1",
        "package": str(desk.package),
        "ssh_key_files": [desk.key],
        "time_zone": "Asia/Kolkata",
    }


def _wifi(desk: Desk, ssid: str) -> dict[str, object]:
    return {"ssid": ssid, "password_file": desk.password, "country": "IN"}
