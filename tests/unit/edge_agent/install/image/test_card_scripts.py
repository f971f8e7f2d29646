# SPDX-License-Identifier: GPL-2.0-only
"""The scripts on the card, run by a shell: their paths in a folder, the tools of the system noted.

`make test-image` runs the first boot for real, on a disk of its own.
"""

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from edge_agent.install.image import boot_partition

SCRIPTS = boot_partition.SCRIPTS
TOLD = "exit 0"
TOOLS = {
    "mount": TOLD,
    "sync": "exit 0",
    "agetty": "exit 0",
    "systemctl": TOLD,
    "dpkg": "exit 1",
    "dpkg-query": 'case "$*" in *Status-Status*) echo installed ;; *Eflag*) ;; *) echo 1.0 ;; esac',
    "dpkg-deb": "echo 2.0",
    "apt-get": TOLD,
    "unattended-upgrade": TOLD,
    "findmnt": "echo ro,relatime",
    "chown": "exit 0",
    "runuser": 'shift 4; exec "$ROOT/edge-agent" "$@"',
}
AGENT = """#!/bin/sh
echo "edge-agent $*" >> "$ROOT/told"
case "$1" in
keygen) echo key > "$2" ;;
request)
    grep -q invitation "$3" || { echo "it is no invitation" >&2; exit 2; }
    echo "a request by $(cat "$3")"; echo "fingerprint  0f6c" >&2 ;;
install-cert) grep -q good "$2" && cp "$2" tls.pem && echo "gw-1: good until 2029-03-05" ;;
esac
"""


class Gateway:
    """A root folder, and what the scripts told the system to do."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.card = root / "boot/firmware/edge-agent"
        self.keys = root / "etc/edge-agent"
        for each in (self.card, self.keys, root / "run", root / "bin"):
            each.mkdir(parents=True)
        self.write_settings()
        (self.card / "invitation").write_text("an invitation\n")
        self.cmdline = root / "boot/firmware/cmdline.txt"
        self.cmdline.write_text("console=tty1 root=PARTUUID=1-02 rootwait\n")
        for name, does in TOOLS.items():
            self.tool(name, f'echo "{name} $*" >> "$ROOT/told"\n{does}')
        (root / "edge-agent").write_text(AGENT)
        (root / "edge-agent").chmod(0o755)

    def tool(self, name: str, does: str) -> None:
        path = self.root / "bin" / name
        path.write_text(f"#!/bin/sh\n{does}\n")
        path.chmod(0o755)

    def write_settings(self, *, read_only: str = "yes") -> None:
        (self.card / "card.conf").write_text(
            f"gateway=gw-1\npackage=edge-agent.deb\nroot_gib=8\nread_only={read_only}\nupdates=yes\n"
        )

    def run(self, script: str, *words: str) -> Sequence[str]:
        text = (SCRIPTS / script).read_text()
        text = re.sub(r"(?<![\w.$}\"])/(boot|etc|run)/", rf"{self.root}/\1/", text)
        text = text.replace("install -o edge-agent -m", "install -m")
        (self.root / "told").write_text("")
        path = f"{self.root}/bin:{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", "-c", text, script, *words],
            env={"PATH": path, "ROOT": str(self.root)},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        self.failed = done.returncode
        return (self.root / "told").read_text().replace(str(self.root), "").splitlines()

    @property
    def screen(self) -> str:
        return (self.root / "run/issue.d/edge-agent.issue").read_text()


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return Gateway(tmp_path)


@pytest.mark.parametrize("script", sorted(each.name for each in SCRIPTS.glob("*.sh")))
def test_a_shell_reads_each_script(script: str) -> None:
    subprocess.run(["sh", "-n", str(SCRIPTS / script)], check=True)


def test_the_first_time_asks_for_enrolment(gateway: Gateway) -> None:
    gateway.run("at-boot.sh")
    assert gateway.failed == 0
    assert (gateway.card / "gw-1.request").read_text() == "a request by an invitation\n"
    assert "fingerprint  0f6c" in gateway.screen
    assert "read the fingerprint to the office" in gateway.screen
    assert (gateway.card / "gateway.txt").read_text().split() == gateway.screen.split()


def test_the_next_time_asks_and_writes_nothing(gateway: Gateway) -> None:
    gateway.run("at-boot.sh")
    told = gateway.run("at-boot.sh")
    assert not [each for each in told if each.startswith(("edge-agent", "mount"))]


def test_a_later_invitation_takes_the_place_of_one_that_ended(gateway: Gateway) -> None:
    gateway.run("at-boot.sh")
    (gateway.card / "invitation").write_text("a later invitation\n")
    gateway.run("at-boot.sh")
    assert (gateway.card / "gw-1.request").read_text() == "a request by a later invitation\n"


def test_a_gateway_with_its_certificate_asks_no_more(gateway: Gateway) -> None:
    gateway.run("at-boot.sh")
    (gateway.keys / "tls.pem").write_text("good\n")
    (gateway.card / "invitation").write_text("a later invitation\n")
    assert not [each for each in gateway.run("at-boot.sh") if "request" in each]


@pytest.mark.parametrize("text", ["spoiled\n", None])
def test_an_invitation_that_cannot_be_used_is_told(gateway: Gateway, text: str | None) -> None:
    (gateway.card / "invitation").unlink()
    if text is not None:
        (gateway.card / "invitation").write_text(text)
    gateway.run("at-boot.sh")
    assert gateway.failed == 0
    assert "put an invitation of the office" in gateway.screen
    assert ("it is no invitation" in gateway.screen) == (text is not None)
    (gateway.card / "invitation").write_text("an invitation\n")
    gateway.run("at-boot.sh")
    assert "read the fingerprint to the office" in gateway.screen


def test_a_certificate_on_the_card_is_taken_once(gateway: Gateway) -> None:
    gateway.run("at-boot.sh")
    (gateway.card / "gw-1.cert").write_text("good\n")
    told = gateway.run("at-boot.sh")
    assert "edge-agent install-cert /boot/firmware/edge-agent/gw-1.cert" in told
    assert not (gateway.card / "gw-1.cert").exists()
    assert (gateway.card / "gw-1.cert.taken").exists()
    assert "Certificate  gw-1: good until 2029-03-05" in gateway.screen


def test_a_certificate_of_another_gateway_stays_and_is_told(gateway: Gateway) -> None:
    (gateway.card / "gw-1.cert").write_text("of another gateway\n")
    gateway.run("at-boot.sh")
    assert gateway.failed == 0
    assert (gateway.card / "gw-1.cert").exists()
    assert "Next" in gateway.screen


def test_each_write_leaves_the_card_read_only(gateway: Gateway) -> None:
    told = gateway.run("at-boot.sh")
    mounts = [each.split()[2] for each in told if each.startswith("mount")]
    assert mounts
    assert mounts == ["remount,rw", "remount,ro"] * (len(mounts) // 2)


def test_a_full_card_is_read_only_again(gateway: Gateway) -> None:
    gateway.tool("cp", "exit 1")
    told = gateway.run("at-boot.sh")
    assert gateway.failed != 0
    assert [each for each in told if each.startswith("mount")][-1].split()[2] == "remount,ro"


def test_the_window_opens_once_and_closes(gateway: Gateway) -> None:
    plain = gateway.cmdline.read_text()
    gateway.run("window.sh", "close")
    closed = gateway.cmdline.read_text()
    assert closed == f"overlayroot=tmpfs:recurse=0 {plain}"
    assert gateway.run("window.sh", "open")[-1] == "systemctl --no-block reboot"
    assert gateway.cmdline.read_text() == plain
    assert gateway.run("window.sh", "end")[-1] == "systemctl --no-block reboot"
    assert gateway.cmdline.read_text() == closed
    assert not (gateway.card / "window").exists()


def test_a_person_holds_the_window_open(gateway: Gateway) -> None:
    gateway.run("window.sh", "close")
    gateway.run("window.sh", "hold")
    assert "overlayroot" not in gateway.cmdline.read_text()
    assert not (gateway.card / "window").exists()
    gateway.run("window.sh", "end")
    assert gateway.cmdline.read_text().startswith("overlayroot=tmpfs")


def test_closing_twice_says_the_word_once(gateway: Gateway) -> None:
    gateway.run("window.sh", "close")
    gateway.run("window.sh", "close")
    assert gateway.cmdline.read_text().count("overlayroot") == 1


def test_a_system_that_is_written_always_stays_so(gateway: Gateway) -> None:
    gateway.write_settings(read_only="no")
    gateway.run("window.sh", "open")
    gateway.run("window.sh", "end")
    assert "overlayroot" not in gateway.cmdline.read_text()


def test_a_window_installs_updates_and_a_newer_package(gateway: Gateway) -> None:
    gateway.tool("dpkg", f'echo "dpkg $*" >> "$ROOT/told"\n{TOLD}')
    gateway.run("window.sh", "open")
    (gateway.card / "edge-agent_2.0_arm64.deb").write_bytes(b"")
    told = gateway.run("window.sh", "run")
    assert gateway.failed == 0
    newer = "/boot/firmware/edge-agent/edge-agent_2.0_arm64.deb"
    assert f"apt-get install -q -y --reinstall --no-install-recommends {newer}" in told
    assert "unattended-upgrade " in told


def test_an_upgrade_that_was_cut_off_is_done_again(gateway: Gateway) -> None:
    flags = '*Eflag*) echo "ok bash"; echo "reinstreq edge-agent"; echo "reinstreq tzdata"'
    status = "*Status-Status*) echo half-installed"
    gateway.tool("dpkg-query", f'case "$*" in {flags} ;; {status} ;; *) echo 2.0 ;; esac')
    configured = '*--configure*) [ -e "$ROOT/mended" ]'
    gateway.tool("dpkg", f'case "$*" in {configured} ;; *2.0\\ ge\\ 2.0*) ;; *) exit 1 ;; esac')
    installed = '*install*reinstall*) echo "$*" >> "$ROOT/mended"'
    gateway.tool("apt-get", f'case "$*" in *update*) exit 100 ;; {installed} ;; esac')
    gateway.run("window.sh", "open")
    (gateway.card / "edge-agent_2.0_arm64.deb").write_bytes(b"")
    gateway.run("window.sh", "run")
    assert gateway.failed == 0
    again = [each.rsplit(" ", 1)[1] for each in (gateway.root / "mended").read_text().splitlines()]
    assert again == [str(gateway.card / "edge-agent_2.0_arm64.deb"), "tzdata"]


def test_a_window_that_never_ends_is_given_up(gateway: Gateway) -> None:
    gateway.tool("dpkg", "exit 0")
    gateway.run("window.sh", "open")
    tries = [gateway.run("window.sh", "run") and gateway.failed for _ in range(4)]
    assert tries == [0, 0, 0, 1]
