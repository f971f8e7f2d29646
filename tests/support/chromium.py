# SPDX-License-Identifier: MIT
"""Debian's Chromium: the system's, or its packages unpacked into the cache of this machine.

Playwright's own driver lacks a library on a bare Debian, and the pages' Hindi a font: both are
unpacked with it. What it takes is fetched once; workers of one run wait for the one that fetches.
"""

import fcntl
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from deploy.demo.debian import PackageUnavailable, unpack

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
PACKAGES: Final = ("chromium-headless-shell", "fonts-lohit-deva", "libatomic1")
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_FONTS: Final = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig><dir>{folder}/usr/share/fonts</dir><cachedir>{folder}/fonts</cachedir></fontconfig>
"""


@dataclass(frozen=True, slots=True)
class Chromium:
    """Its program, and the environment that it and its driver are started with."""

    program: Path
    environment: dict[str, str]


def chromium_or_skip() -> Chromium:
    """Return the system's Chromium, or the one in the cache; skip the test where there is none."""
    try:
        return _find()
    except PackageUnavailable as error:
        pytest.skip(f"Debian's Chromium is not installed and cannot be fetched: {error}")


def _find() -> Chromium:
    if installed := next(filter(None, map(shutil.which, NAMES)), None):
        return Chromium(Path(installed), {})
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "iot-utility"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / "chromium"
    with (cache / "chromium.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _fetch(folder)
    libraries = sorted({str(file.parent) for file in folder.rglob("lib*.so*")})
    return Chromium(
        folder / "usr/lib/chromium/chromium-headless-shell",
        {"LD_LIBRARY_PATH": ":".join(libraries), "FONTCONFIG_FILE": str(folder / "fonts.conf")},
    )


def _fetch(folder: Path) -> None:
    """Unpack it beside, so that the folder is whole from when it is there."""
    fresh = folder.with_name("chromium.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    for package in PACKAGES:
        unpack(package, fresh)
    (fresh / "fonts.conf").write_text(_FONTS.format(folder=folder), encoding="utf-8")
    fresh.rename(folder)
