# SPDX-License-Identifier: MIT
"""The programs of Prometheus: the system's, or Debian's package in the cache of this machine.

`make test-alerts` unpacks the package (25 MB). Elsewhere a test that needs it is left out, and says
so, where neither is there.
"""

import os
import shutil
from pathlib import Path

import pytest

from deploy.demo.debian import PackageUnavailable, unpack

LANE = "IOT_UTILITY_ALERTS"
"""Set: the package is fetched where it is not there."""
REASON = "needs promtool: install prometheus, or run make test-alerts once"


def find_program(name: str) -> Path:
    """Return ``prometheus`` or ``promtool``; skip the test where there is none."""
    installed = shutil.which(name)
    if installed is not None:
        return Path(installed)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "iot-utility"
    folder = cache / "prometheus"
    program = folder / "usr" / "bin" / name
    if not program.exists():
        if LANE not in os.environ:
            pytest.skip(REASON)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            unpack("prometheus", folder, dependencies=False)
        except PackageUnavailable as error:
            pytest.skip(f"Debian's package of prometheus cannot be fetched: {error}")
    return program
