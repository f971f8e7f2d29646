# SPDX-License-Identifier: MIT
"""Node with the packages of `deploy/consumers/node`, as its lock pins them by their hashes.

The lock names no address: npm asks the registry that this machine is told to use. Node and npm come
with the machine or do not, and so does the registry: then the tests that need them say why they are
left out.
"""

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[2] / "deploy" / "consumers" / "node"
INSTALL_TIMEOUT_S = 120
_NO_REGISTRY = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH", "E403")


def node_folder(factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the samples and their packages; one for all workers of a run."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("needs Node and npm on PATH to run the consumers that are written in it")
    shared = factory.getbasetemp().parent
    folder, whole = shared / "node-consumers", shared / "node-consumers.whole"
    with (shared / "node-consumers.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(SAMPLES, folder, ignore=shutil.ignore_patterns("node_modules"))
            _install(folder)
            whole.touch()
    return folder


def _install(folder: Path) -> None:
    words = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False
    )
    if any(each in done.stderr for each in _NO_REGISTRY):
        pytest.skip("needs an npm registry to fetch the packages of deploy/consumers/node")
    assert done.returncode == 0, done.stderr
