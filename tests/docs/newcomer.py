# SPDX-License-Identifier: MIT
"""A newcomer's machine: he stands in the checkout and has docs/quickstart.md before him."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.demo.mosquitto_program import find_mosquitto
from deploy.demo.rootless import Account
from tests.docs.pages import ROOT
from tests.docs.play import Part
from tests.docs.resident import resident
from tests.docs.sandbox import Sandbox, sandbox

PAGE = ROOT / "docs" / "quickstart.md"
PART = Part(
    ready={
        "make sandbox": "In another terminal",
        "simulate": "riser-1.tty\n",
    },
    before={"edge-agent simulate": ". sandbox/env && export PATH=$PROGRAMS:$PATH"},
    codes={"edge-agent commission": (0, 3)},
    files={"sandbox/tower/units.csv": "csv"},
)


def recipe(target: str) -> str:
    """What a target of the Makefile does, without the virtual environment, which is there."""
    told = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", "--assume-old=setup", target],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.strip()


@contextmanager
def checkout() -> Iterator[Sandbox]:
    """A machine whose reader stands in the checkout; the servers' account may enter it.

    Its shims fetch no package of Debian's: a broker that is not installed is unpacked before.
    """
    cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    with (
        tempfile.TemporaryDirectory() as name,
        resident(folder := Path(name)) as programs,
        sandbox(folder, programs, {"PROGRAMS": str(programs), "XDG_CACHE_HOME": cache}) as machine,
    ):
        find_mosquitto(Account(os.geteuid(), os.getegid(), switched=False), folder)
        folder.chmod(0o711)
        for own in (".venv", "Makefile", "deploy", "docs"):
            (machine.root / "home" / own).symlink_to(ROOT / own)
        machine.places["make sandbox"] = recipe("sandbox")
        yield machine
