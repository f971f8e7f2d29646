# SPDX-License-Identifier: MIT
"""The Debian package of the gateway, put together by hand and packed by dpkg-deb.

Files are laid out as they will lie on the gateway; nothing is compiled, so one machine makes the
packages of every architecture. The same checkout gives the same bytes: every time in it is that of
the checkout's last commit.

In: the checkout, the locked wheels. Out: a .deb. Never: root, an emulator, a file of this machine.
"""

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from deploy.edge.copyright import copyright_file
from deploy.edge.shipped import DEPENDS
from deploy.edge.wheels import fetch, unpack

ROOT = Path(__file__).parents[2]
FILES = Path(__file__).parent / "files"
SCRIPTS = Path(__file__).parent / "debian"
MAINTAINER = "IoT Utility <maintainers@iot-utility.example>"
OURS = ("edge_agent", "shared_schema")
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".*", "*~", "*.orig", "*.rej")
"""What Python, editors and merges leave in a checkout."""
LAID_OUT = {
    "edge-agent": "usr/bin/edge-agent",
    "edge-agent.service": "usr/lib/systemd/system/edge-agent.service",
    "sysusers.conf": "usr/lib/sysusers.d/edge-agent.conf",
    "60-edge-agent.rules": "usr/lib/udev/rules.d/60-edge-agent.rules",
    "journald.conf": "usr/lib/systemd/journald.conf.d/edge-agent.conf",
    "agent.toml": "usr/share/edge-agent/agent.toml",
}
PAGES = {
    "howto": (
        "install-gateway",
        "enrol",
        "clocks",
        "security",
        "read-failure",
        "diagnose",
        "odd-meter",
    ),
    "reference": ("agent-toml", "model-toml", "estate-toml", "recording"),
}
"""What a person at the gateway reads; the agent's messages name some of them."""
DESCRIPTION = """\
Description: metering gateway: reads DLMS meters and delivers the readings
 The agent polls electricity and water meters on RS-485 lines
 (DLMS/COSEM, IS 15959), keeps what they say in a spool until the cloud
 has stored it, and publishes it signed over MQTT.
 .
 It runs as the service edge-agent once the gateway is commissioned;
 see edge-agent(1).
"""


class TimeUnknown(Exception):
    """The time of the last commit cannot be had."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which package is to be made."""

    architecture: str
    version: str
    epoch_s: int
    """The time of every file in it, seconds since 1970."""

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"edge-agent_{self.version}_{self.architecture}.deb"


def version_of(checkout: Path = ROOT) -> str:
    """Return the version that pyproject.toml states."""
    document = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))
    return str(document["project"]["version"])


def epoch_of(checkout: Path = ROOT) -> int:
    """Return the time of the package's files: $SOURCE_DATE_EPOCH, or that of the last commit.

    Raises:
        TimeUnknown: git does not tell.
    """
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    if given.isdecimal():
        return int(given)
    words = ["git", "-C", str(checkout), "log", "-1", "--format=%ct"]
    try:
        return int(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    except (OSError, subprocess.CalledProcessError) as error:
        said = str(getattr(error, "stderr", "") or error).strip().splitlines()[0]
        raise TimeUnknown(said) from None


def build(wanted: Wanted, output: Path, cache: Path) -> Path:
    """Make the package.

    Args:
        wanted: which one.
        output: the folder that it goes to.
        cache: where fetched wheels stay.

    Raises:
        WheelsUnavailable: a wheel cannot be fetched.
    """
    wheels = fetch(ROOT / "requirements.lock", wanted.architecture, cache / wanted.architecture)
    tree = output.absolute() / f".{wanted.name}.tree"
    shutil.rmtree(tree, ignore_errors=True)
    try:
        lay_out(tree, wheels, wanted)
        return _pack(tree, output / wanted.name, wanted)
    finally:
        shutil.rmtree(tree, ignore_errors=True)


def lay_out(tree: Path, wheels: list[Path], wanted: Wanted) -> None:
    """Put every file where it will lie on the gateway, and DEBIAN beside them."""
    site = tree / "usr/lib/edge-agent"
    for wheel in wheels:
        unpack(wheel, site)
    for package in OURS:
        shutil.copytree(ROOT / package, site / package, ignore=LEFT_OUT)
    info = site / f"iot_utility-{wanted.version}.dist-info"
    info.mkdir()
    about = f"Metadata-Version: 2.1\nName: iot-utility\nVersion: {wanted.version}\n"
    (info / "METADATA").write_text(about, encoding="utf-8")
    for source, target in LAID_OUT.items():
        (tree / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(FILES / source, tree / target)
    _complete(tree / "usr/share")
    _document(tree, site, wanted)
    _describe(tree, wanted)
    _modes(tree)


def _complete(share: Path) -> None:
    """Let the program write its completion for bash, zsh and fish."""
    words = [sys.executable, "-m", "edge_agent.cli.completion", str(share)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)


def _document(tree: Path, site: Path, wanted: Wanted) -> None:
    at = datetime.fromtimestamp(wanted.epoch_s, UTC)
    manual = (FILES / "edge-agent.1").read_text(encoding="utf-8")
    manual = manual.replace("@DATE@", f"{at:%Y-%m-%d}").replace("@VERSION@", wanted.version)
    changes = (
        f"edge-agent ({wanted.version}) stable; urgency=medium\n\n"
        "  * What changed: CHANGELOG.md of the project.\n\n"
        f" -- {MAINTAINER}  {format_datetime(at)}\n"
    )
    documents = tree / "usr/share/doc/edge-agent"
    documents.mkdir(parents=True)
    for kind, names in PAGES.items():
        (documents / kind).mkdir()
        for name in names:
            shutil.copyfile(ROOT / "docs" / kind / f"{name}.md", documents / kind / f"{name}.md")
    _zip(tree / "usr/share/man/man1/edge-agent.1.gz", manual)
    _zip(documents / "changelog.gz", changes)
    mit = (ROOT / "LICENSES/MIT.txt").read_text(encoding="utf-8")
    (documents / "copyright").write_text(copyright_file(site, mit), encoding="utf-8")
    overrides = tree / "usr/share/lintian/overrides/edge-agent"
    overrides.parent.mkdir(parents=True)
    shutil.copyfile(SCRIPTS / "lintian-overrides", overrides)


def _zip(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def _describe(tree: Path, wanted: Wanted) -> None:
    files = sorted(each for each in tree.rglob("*") if each.is_file())
    control = tree / "DEBIAN"
    control.mkdir()
    sums = "".join(
        f"{hashlib.md5(each.read_bytes(), usedforsecurity=False).hexdigest()}  "
        f"{each.relative_to(tree)}\n"
        for each in files
    )
    (control / "md5sums").write_text(sums, encoding="utf-8")
    size = sum(-(-each.stat().st_size // 1024) for each in files)
    (control / "control").write_text(
        f"Package: edge-agent\nVersion: {wanted.version}\nArchitecture: {wanted.architecture}\n"
        f"Maintainer: {MAINTAINER}\nInstalled-Size: {size}\nDepends: {', '.join(DEPENDS)}\n"
        f"Section: net\nPriority: optional\nHomepage: https://iot-utility.example/\n{DESCRIPTION}",
        encoding="utf-8",
    )
    for name in ("postinst", "prerm", "postrm", "templates", "triggers"):
        shutil.copyfile(SCRIPTS / name, control / name)


def _modes(tree: Path) -> None:
    scripts = {tree / "DEBIAN" / name for name in ("postinst", "prerm", "postrm")}
    for each in (tree, *tree.rglob("*")):
        is_program = each.is_dir() or each in scripts or each == tree / "usr/bin/edge-agent"
        each.chmod(0o755 if is_program else 0o644)


def _pack(tree: Path, target: Path, wanted: Wanted) -> Path:
    for each in (tree, *tree.rglob("*")):
        os.utime(each, (wanted.epoch_s, wanted.epoch_s))
    subprocess.run(
        [
            "dpkg-deb",
            "--root-owner-group",
            "-Zxz",
            "--threads-max=1",
            "--build",
            str(tree),
            str(target),
        ],
        env={**os.environ, "SOURCE_DATE_EPOCH": str(wanted.epoch_s), "LC_ALL": "C.UTF-8"},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return target
