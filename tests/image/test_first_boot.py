# SPDX-License-Identifier: GPL-2.0-only
"""The first boot of a card, for real but for the Pi: on a disk, in Debian's root, with our package.

``make test-image`` as root. There is no systemd there: what enables a unit is done, what starts one
or the machine is told. Where this machine lets no file system grow, that step alone is left out.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_agent.install.image import boot_partition
from edge_agent.install.image.answers import Answers
from edge_agent.install.image.package import control_of
from shared_schema.enrolment import open_request
from shared_schema.invitation import open_invitation
from tests.unit.edge_agent.install.image import cards

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "debian-root"
IN_DISK = Path(__file__).parent / "in_disk.sh"
PACKAGES = "systemd,systemd-timesyncd,openssh-server,fdisk,e2fsprogs,ca-certificates,debconf-utils"
DISK_BYTES = 6 * 1024**3
CAP_SYS_RESOURCE = 1 << 24
FIRST_BOOT = "/usr/local/lib/edge-agent/first-boot.sh run"
MOUNT_DATA = (
    "mkdir -p /data; mount /data; for each in /var/lib/edge-agent /etc/edge-agent; do "
    "mount $each; done; "
)

pytestmark = pytest.mark.skipif(
    os.environ.get("IOT_UTILITY_IMAGE") != "1", reason="cards are tried by: make test-image"
)


def _capabilities() -> int:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("CapEff")).split()[1], 16)


def _run(*words: str, **environment: str) -> str:
    done = subprocess.run(
        words,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, f"{words}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


class Disk:
    """A card in a reader: a disk of this machine, and where its root is mounted to look into it."""

    def __init__(self, device: str, folder: Path) -> None:
        self.device, self.folder = device, folder

    def run(self, command: str, *, synchronised: bool = True, fails: bool = False) -> str:
        """Run a command in the root, and return what it says."""
        told = f"({command}) 2>&1; echo exit $?"
        said = _run(
            *("sh", str(IN_DISK), "run", self.device, str(self.folder / "root"), told),
            SYNCHRONISED="yes" if synchronised else "no",
            MAY_RESIZE="yes" if _capabilities() & CAP_SYS_RESOURCE else "no",
        )
        assert said.rstrip().endswith("exit 0") is not fails, said[-3000:]
        return said

    def read(self, path: str) -> str:
        """Return a file of the root or of the boot partition."""
        return self.run(f"cat {path}").rsplit("exit 0", 1)[0]


@pytest.fixture(scope="module")
def debian() -> Path:
    """A root of Debian, as Raspberry Pi OS has one."""
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        pytest.skip("a first boot needs root and debootstrap: sudo apt install debootstrap")
    if not CACHE.is_dir():
        fresh = CACHE.with_name(f"{CACHE.name}.{os.getpid()}")
        fresh.parent.mkdir(exist_ok=True)
        include = f"--include={PACKAGES}"
        _run("debootstrap", "--variant=minbase", include, "trixie", str(fresh))
        fresh.rename(CACHE)
    return CACHE


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our package, for this machine."""
    folder = tmp_path_factory.mktemp("package")
    architecture = _run("dpkg", "--print-architecture").strip()
    recipe = ("deploy.edge", "--architecture", architecture, "--output", str(folder))
    _run(str(ROOT / ".venv/bin/python"), "-m", *recipe, PYTHONPATH=str(ROOT))
    return next(folder.glob("*.deb"))


@pytest.fixture(scope="module")
def disk(debian: Path, package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    """A card that was prepared, before its first boot."""
    folder = tmp_path_factory.mktemp("card")
    boot = cards.boot_partition(folder / "bootfs")
    answers = Answers(
        gateway="gw-tower-1",
        ssh_keys=(cards.SSH_KEY,),
        time_zone="Asia/Kolkata",
        package=package,
        invitation=cards.invitation(folder, days=3650),
        root_gib=4,
    )
    made_for = control_of(package.read_bytes())["Architecture"]
    boot_partition.write(boot_partition.plan(boot, answers, datetime.now(UTC), made_for))
    image = folder / "card.img"
    with image.open("wb") as file:
        file.truncate(DISK_BYTES)
    looped = subprocess.run(
        ["losetup", "--find", "--show", str(image)], capture_output=True, text=True, check=False
    )
    if looped.returncode:
        pytest.skip(f"this machine has no loop devices: {looped.stderr.strip()}")
    device = looped.stdout.strip()
    try:
        made = ("make", device, str(debian), str(boot), str(folder / "root"))
        _run("sh", str(IN_DISK), *made)
        yield Disk(device, folder)
    finally:
        subprocess.run(["partx", "--delete", device], check=False)
        subprocess.run(["losetup", "--detach", device], check=False)


def test_a_first_boot_makes_a_gateway_of_a_card(disk: Disk) -> None:
    disk.run("sh /boot/firmware/edge-agent/first-boot.sh install")
    waits = disk.run(FIRST_BOOT, synchronised=False, fails=True)
    assert "waiting for a network and the time" in waits
    said = disk.run("mount /data; " + FIRST_BOOT)
    assert "systemctl --no-block reboot" in said
    assert disk.read("/boot/firmware/edge-agent/first-boot.txt").strip() == "done"

    words = disk.read("/boot/firmware/cmdline.txt").split()
    assert words[0] == "overlayroot=tmpfs:recurse=0"
    assert "resize" not in words
    layout = disk.run(f"sfdisk -d {disk.device}")
    assert f"{disk.device}p3" in layout
    assert "size=     8110080" in layout  # up to 4 GiB
    fstab = disk.read("/etc/fstab")
    assert "LABEL=edge-data /data ext4" in fstab
    assert "/boot/firmware  vfat    defaults,ro " in fstab
    for name in ("edge-card.service", "edge-window.timer", "edge-agent.service"):
        assert "enabled" in disk.run(f"/usr/bin/systemctl is-enabled {name}")
    assert disk.read("/boot/firmware/network-config") == "# taken at the first boot\n"
    disk.run("test -e /etc/cloud/cloud-init.disabled")

    request = open_request(disk.read("/boot/firmware/edge-agent/gw-tower-1.request").encode())
    assert request.request.gateway == "gw-tower-1"
    assert request.request.invitation is not None
    assert open_invitation(request.request.invitation.encode()).society == "Lake View"
    modes = disk.run(MOUNT_DATA + "stat -c '%U %a %n' /etc/edge-agent/*.key")
    assert "edge-agent 600 /etc/edge-agent/gateway.key" in modes
    assert "edge-agent 600 /etc/edge-agent/tls.key" in modes
