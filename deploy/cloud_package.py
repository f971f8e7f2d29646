# SPDX-License-Identifier: MIT
"""Packs the cloud service for a server with systemd: ``make cloud-package``.

The archive holds the wheel, the lock of what it needs, the units, the script that installs them and
the documentation. Its version ends in the hash of its content, so that two builds of one release
are installed beside each other.

In: this checkout. Out: ``dist/iot-utility-cloud-VERSION.tar.gz``.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

from deploy.locked import ROOT, locked, requirements

UNITS = ROOT / "deploy" / "systemd"
OF_OTHERS = ("mosquitto", "prometheus", "grafana")


def pack(dist: Path) -> Path:
    """Make the archive in a folder, and return where it is."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as name:
        content = Path(name) / "content"
        shutil.copytree(UNITS, content)
        content.joinpath("requirements.txt").write_text(
            locked(lock, requirements(project, ["cloud", "oidc"])), encoding="utf-8"
        )
        shutil.copytree(ROOT / "docs", content / "doc")
        for program in OF_OTHERS:
            shutil.copytree(ROOT / "deploy" / program, content / "deploy" / program)
        wheel(content)
        _run("cloud_ingest.cli.completion", content / "share")
        release = tomllib.loads(project)["project"]["version"]
        version = f"{release}-{_digest(content)}"
        content.joinpath("VERSION").write_text(f"{version}\n", encoding="utf-8")
        dist.mkdir(parents=True, exist_ok=True)
        archive = dist / f"iot-utility-cloud-{version}.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(content, f"iot-utility-cloud-{version}", filter=_of_root)
    return archive


def wheel(folder: Path) -> None:
    """Build the project's wheel into a folder, without a network."""
    _run("hatchling", "build", "--target", "wheel", "--directory", folder)


def _run(module: str, *words: str | Path) -> None:
    command = [sys.executable, "-m", module, *map(str, words)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        digest.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:8]


def _of_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member


if __name__ == "__main__":
    sys.stdout.write(f"{pack(ROOT / 'dist')}\n")
