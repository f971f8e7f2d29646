# SPDX-License-Identifier: MIT
"""``make demo KEEP=1``, as small as it can be: what it prints is pasted into another terminal."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
SMALL_DEMO = [sys.executable, "-m", "deploy.demo", "--small"]
LAST_LINE = "events list"
PATIENCE_S = 300
_TERMINAL = """while IFS= read -r line; do
  eval "$line" > "$0" 2>&1 < /dev/null
  printf '%s\\0%s\\0%s\\0' "$line" "$?" "$(cat "$0")"
done"""


@dataclass
class KeptDemo:
    """The program, and what it printed so far."""

    process: subprocess.Popen[str]
    _lines: list[str] = field(default_factory=list)

    @property
    def printed(self) -> str:
        """All that it printed up to the last line to paste.

        Raises:
            AssertionError: it ended before.
        """
        assert self.process.stdout is not None
        while not (self._lines and self._lines[-1].rstrip().endswith(LAST_LINE)):
            line = self.process.stdout.readline()
            assert line, "".join(self._lines)
            self._lines.append(line)
        return "".join(self._lines)

    def told(self, what: str) -> Path:
        """Return what it says of its files, its broker or its certificates."""
        found = re.search(rf"^  {what} +([^\s,]+)", self.printed, re.MULTILINE)
        assert found, self.printed
        return Path(found[1].rstrip(":"))

    def paste(self) -> list[tuple[str, int, str]]:
        """Paste each line into one shell; return the line, its exit code and what it showed."""
        lines = self.printed.partition("from this folder:\n")[2]
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                ["/bin/bash", "--noprofile", "--norc", "-c", _TERMINAL, f"{folder}/shown"],
                cwd=ROOT,
                env={"PATH": "/usr/bin:/bin", "HOME": folder, "LC_ALL": "C.UTF-8"},
                input=lines,
                capture_output=True,
                text=True,
                check=True,
                timeout=PATIENCE_S,
            )
        words = done.stdout.split("\0")[:-1]
        return [
            (line, int(code), shown)
            for line, code, shown in zip(words[::3], words[1::3], words[2::3], strict=True)
        ]

    def interrupt(self) -> tuple[int, str]:
        """Press Ctrl-C; return its exit code and all that it printed."""
        printed = self.printed
        os.killpg(self.process.pid, signal.SIGINT)
        rest, _ = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, printed + rest


@contextmanager
def kept_demo() -> Iterator[KeptDemo]:
    """Run it beside the block; it ends with the block, if not before."""
    with subprocess.Popen(
        # Ctrl-C is ignored in whatever a shell without jobs started in the background.
        ["env", "--default-signal=INT", *SMALL_DEMO, "--keep"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield KeptDemo(process)
        finally:
            process.terminate()
