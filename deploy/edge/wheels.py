# SPDX-License-Identifier: MIT
"""The locked wheels of the edge: fetched for another machine, and unpacked.

pip fetches by name, version and hash from requirements.lock; nothing of it is run or built here.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from deploy.edge.shipped import PLATFORMS, PYTHONS, WHEELS

LOCKED = re.compile(r"^(?P<name>[a-z0-9-]+)==.*(?:\n[ \t]+--hash=.*)+", re.MULTILINE)
NOT_SHIPPED = re.compile(
    r".*\.dist-info/(RECORD|WHEEL|INSTALLER|REQUESTED|entry_points\.txt)|.*\.pyi"
)


class WheelsUnavailable(Exception):
    """A wheel cannot be fetched here."""


def locked(lock: str) -> dict[str, str]:
    """Return each requirement of the lock file with its hashes, by name."""
    return {found["name"]: found.group() for found in LOCKED.finditer(lock)}


def fetch(lock: Path, architecture: str, folder: Path) -> list[Path]:
    """Fetch every wheel that ships, for one architecture.

    Args:
        lock: requirements.lock.
        architecture: Debian's name of it.
        folder: where the wheels go; those that are there already are not fetched again.

    Raises:
        WheelsUnavailable: no network, or none of the locked files fits.
    """
    known = locked(lock.read_text(encoding="utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    found: set[Path] = set()
    for python in PYTHONS:
        names = [name for name, each in WHEELS.items() if each.binary or python == min(PYTHONS)]
        text = "\n".join(known[name] for name in names) + "\n"
        into = folder / f"{python}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
        if not into.is_dir():
            _pip(text, into, PLATFORMS[architecture], python)
        found |= set(into.glob("*.whl"))
    return sorted(found, key=lambda each: each.name)


def _pip(text: str, into: Path, platform: str, python: str) -> None:
    """Fetch into a new folder, which is there once all of it is."""
    tag = python.replace(".", "")
    fresh = into.with_name(f".{into.name}.{os.getpid()}")
    fresh.mkdir()
    wanted = fresh / "requirements.txt"
    wanted.write_text(text, encoding="utf-8")
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--require-hashes", "--only-binary", ":all:", "--dest", str(fresh)),
            *("--implementation", "cp", "--python-version", python, "--abi", f"cp{tag}"),
            *("--abi", "abi3", "--abi", "none"),
            *(
                "--platform",
                f"manylinux_2_17_{platform}",
                "--platform",
                f"manylinux2014_{platform}",
            ),
            *("--requirement", str(wanted)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        shutil.rmtree(fresh)
        reason = run.stderr.strip().splitlines()
        raise WheelsUnavailable(reason[-1] if reason else f"pip ended with {run.returncode}")
    if into.is_dir():  # another run was faster
        shutil.rmtree(fresh)
    else:
        fresh.rename(into)


def unpack(wheel: Path, folder: Path) -> None:
    """Unpack what a program needs of a wheel; its licences are kept with it."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith("/") or NOT_SHIPPED.fullmatch(name):
                continue
            target = folder / name
            if not target.resolve().is_relative_to(folder.resolve()) or ".data/" in name:
                raise WheelsUnavailable(f"{wheel.name} has {name}, which has no place here")
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as source, target.open("wb") as out:
                shutil.copyfileobj(source, out)
