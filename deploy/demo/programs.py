# SPDX-License-Identifier: MIT
"""One of our own programs as a process, with its log, and the error that ends the demo."""

import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

STOP_TIMEOUT_S = 15.0


class DemoError(RuntimeError):
    """The demo cannot go on; the text says why and what to look at.

    ``code`` is the exit code: 2 where a person has to mend something first.
    """

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


@dataclass
class Program:
    """One of our own programs, with its log beside the others."""

    name: str
    command: list[str]
    log: Path
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; its output goes to its log."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        """End it in good order, by force after a while."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_TIMEOUT_S)
        self.kill()

    def require_alive(self) -> None:
        """Raise `DemoError` with the end of its log when it has ended."""
        if self.process is not None and self.process.poll() is not None:
            lines = self.log.read_text(errors="replace").splitlines()[-8:]
            raise DemoError(
                f"{self.name} ended with {self.process.returncode}; its last words in {self.log}:\n"
                + "\n".join(lines)
            )
