# SPDX-License-Identifier: GPL-2.0-only
"""Cards, packages and invitations for the tests of `install.image`."""

import hashlib
import io
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shared_schema.certificates import PEM, Issuer
from shared_schema.invitation import Invitation, encoded_key, make_invitation
from shared_schema.signing import generate_key

NOW = datetime(2026, 12, 1, 6, tzinfo=UTC)
SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJpZ2dlci10aGFuLTMyLWJ5dGVzLW9mLWtleSEh rao@lap"
CMDLINE = (
    "console=serial0,115200 console=tty1 root=PARTUUID=8a1c0c4e-02 rootfstype=ext4 "
    "fsck.repair=yes rootwait resize\n"
)
CONFIG = "# For more options see config.txt\narm_64bit=1\n\n[cm4]\notg_mode=1\n"


def boot_partition(folder: Path) -> Path:
    folder.mkdir()
    (folder / "cmdline.txt").write_text(CMDLINE)
    (folder / "config.txt").write_text(CONFIG)
    (folder / "user-data").write_text("#cloud-config\n# examples\n")
    (folder / "meta-data").write_text("instance_id: rpios-image\n")
    (folder / "network-config").write_text("# examples\n")
    return folder


def package(folder: Path, *, name: str = "edge-agent", architecture: str = "arm64") -> Path:
    """Write a Debian package that says of itself what is given, and holds nothing."""
    control = f"Package: {name}\nArchitecture: {architecture}\n".encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz") as archive:
        member = tarfile.TarInfo("./control")
        member.size = len(control)
        archive.addfile(member, io.BytesIO(control))
    path = folder / "edge-agent_1.0_arm64.deb"
    members = (
        (b"debian-binary", b"2.0\n"),
        (b"control.tar.xz", packed.getvalue()),
        (b"data.tar.xz", b"d"),
    )
    path.write_bytes(b"!<arch>\n" + b"".join(_member(*each) for each in members))
    return path


def _member(name: bytes, data: bytes) -> bytes:
    header = b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name, 0, 0, 0, b"100644", len(data))
    return header + data + b"\n" * (len(data) % 2)


def ssh_key(folder: Path) -> Path:
    path = folder / "id_ed25519.pub"
    path.write_text(f"{SSH_KEY}\n")
    return path


def invitation(folder: Path, *, gateway: str = "gw-tower-1", days: int = 7) -> Path:
    key = generate_key()
    issuer = Issuer.make("Our authority", NOW, timedelta(days=3650))
    said = Invitation(
        number=hashlib.sha256(b"by lot").hexdigest(),
        gateway=gateway,
        society="Lake View",
        tower="Tower 1",
        broker_host="mqtt.example",
        broker_port=8883,
        authority=issuer.certificate.public_bytes(PEM).decode(),
        key=encoded_key(key),
        ends_at=NOW + timedelta(days=days),
    )
    path = folder / f"{gateway}.invitation"
    path.write_bytes(make_invitation(said, key))
    return path
