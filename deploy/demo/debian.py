# SPDX-License-Identifier: MIT
"""Unpacks a Debian package into a folder without root and without a change to the system.

apt works on a state of its own: the system's sources, keys and proxy, none of its hooks, lists or
caches. apt checks the signatures.

By hand, because no command of apt does it, and python-apt has to match the system's apt and Python.
It stands on the standard library alone: `bootstrap.sh` runs it before there is an environment:
`python3 debian.py PACKAGE FOLDER`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

KEPT = re.compile(r"(Acquire::(?!IndexTargets)|APT::Architectures?\b)")
NEW = re.compile(r"Inst (\S+) \((\S+)")
FAILED = re.compile(r"[EW]: (.+)")


class PackageUnavailable(Exception):
    """A package cannot be fetched or unpacked here."""


def unpack(package: str, folder: Path, *, dependencies: bool = True) -> str:
    """Unpacks a package, and those it needs that the system lacks.

    Args:
        package: its name in Debian.
        folder: an existing folder.
        dependencies: whether the packages that it needs are wanted too.

    Returns:
        The version.

    Raises:
        PackageUnavailable: no apt, no network, or no such package.
    """
    missing = [tool for tool in ("apt-get", "apt-config", "dpkg-deb") if not shutil.which(tool)]
    if missing:
        raise PackageUnavailable(f"this system has no {missing[0]}")
    with tempfile.TemporaryDirectory(prefix="apt-iotu-") as name:
        private = Path(name)
        environment = _private_state(private)
        update = _apt(environment, private, "update")
        plan = _apt(environment, private, "-s", "install", "--no-install-recommends", package)
        if plan.returncode != 0:
            raise PackageUnavailable(_reason(update.stderr + plan.stderr))
        # An upgrade of what is installed has its old version in front: the system keeps its own.
        new = dict(NEW.findall(plan.stdout))
        version = new.pop(package, None)
        wanted = [package if version is None else f"{package}={version}"]
        if dependencies:
            wanted += [f"{name}={number}" for name, number in new.items()]
        loaded = _apt(environment, private, "download", *wanted)
        if loaded.returncode != 0:
            raise PackageUnavailable(_reason(update.stderr + loaded.stderr))
        for archive in sorted(private.glob("*.deb")):
            _run(["dpkg-deb", "-x", str(archive), str(folder)], environment, private, check=True)
        return version or next(private.glob(f"{package}_*.deb")).name.split("_")[1]


def _private_state(private: Path) -> dict[str, str]:
    for part in ("state/lists/partial", "cache/archives/partial"):
        (private / part).mkdir(parents=True)
    system = _run(["apt-config", "dump"], {**os.environ, "LC_ALL": "C"}, private, check=True)
    lines = [line for line in system.stdout.splitlines() if KEPT.match(line)]
    settings = {
        "Dir::Etc::parts": "/dev/null",
        "Dir::Etc::main": "/dev/null",
        "Dir::State": str(private / "state"),
        "Dir::State::status": "/var/lib/dpkg/status",
        "Dir::Cache": str(private / "cache"),
        "Dir::Log": str(private),
        # As root apt would hand the download to its own user, who cannot reach this folder.
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Acquire::Retries": "2",
        "Acquire::http::Timeout": "20",
        "Acquire::https::Timeout": "20",
    }
    lines += [f'{name} "{value}";' for name, value in settings.items()]
    configuration = private / "apt.conf"
    configuration.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {**os.environ, "LC_ALL": "C", "APT_CONFIG": str(configuration)}


def _apt(
    environment: Mapping[str, str], private: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    return _run(["apt-get", "-q", *arguments], environment, private, check=False)


def _run(
    command: list[str], environment: Mapping[str, str], folder: Path, *, check: bool
) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=check,
        )
    except subprocess.CalledProcessError as error:
        raise PackageUnavailable(_reason(error.stderr) or str(error)) from error
    except subprocess.TimeoutExpired as error:
        raise PackageUnavailable(f"{command[0]} takes too long") from error


def _reason(stderr: str) -> str:
    found = FAILED.findall(stderr)
    return str(found[0]) if found else stderr.strip().replace("\n", "; ")


if __name__ == "__main__":
    try:
        unpack(sys.argv[1], Path(sys.argv[2]), dependencies=False)
    except PackageUnavailable as unavailable:
        sys.exit(f"Debian's package {sys.argv[1]} cannot be fetched: {unavailable}")
