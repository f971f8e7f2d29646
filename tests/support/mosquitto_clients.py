# SPDX-License-Identifier: MIT
"""``mosquitto_sub``: the system's, or that of Debian's package in the cache of this machine."""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from deploy.demo.debian import unpack


def put_on_path(folder: Path) -> None:
    """Let a folder of PATH have the program, where the system has none.

    Raises:
        PackageUnavailable: it is not installed and cannot be fetched.
    """
    if shutil.which("mosquitto_sub"):
        return
    tree = _unpacked()
    libraries = ":".join(sorted({str(file.parent) for file in tree.rglob("lib*.so.*")}))
    program = folder / "mosquitto_sub"
    run = f'LD_LIBRARY_PATH={libraries} exec {tree}/usr/bin/mosquitto_sub "$@"'
    program.write_text(f"#!/bin/sh\n{run}\n")
    program.chmod(0o755)


def _unpacked() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "iot-utility"
    tree = cache / "clients-of-mosquitto"
    if not tree.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=cache) as name:
            fresh = Path(name) / "tree"
            fresh.mkdir()
            unpack("mosquitto-clients", fresh)
            with suppress(OSError):  # another run was faster; its tree is as good
                fresh.rename(tree)
    return tree
