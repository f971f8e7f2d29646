# SPDX-License-Identifier: MIT
"""A server's process: started, found ready, stopped or killed, with the end of its log.

By hand, because a server has to end with us even where we are killed, and its log has to stand in
the error: `subprocess` alone does neither.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from deploy.demo.rootless import Account, LocalServerError


@dataclass(slots=True, eq=False)
class ServerProcess:
    """One server process and its log; it can be started again after it stopped or was killed.

    `signal_stop` asks it to end in good order. The same signal reaches it when our process dies
    without a word. The kernel ties that to the thread that started it, so it is left out where
    that is not the main thread.
    """

    name: str
    command: Sequence[str]
    account: Account
    log: Path
    signal_stop: signal.Signals
    environment: Mapping[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The id of the running process.

        Raises:
            LocalServerError: it does not run.
        """
        if self._process is None or self._process.poll() is not None:
            raise LocalServerError(f"{self.name} does not run")
        return self._process.pid

    def start(self, ready: Callable[[], bool], timeout_s: float = 30.0) -> None:
        """Starts the process and waits until `ready` is true.

        Raises:
            LocalServerError: it runs already, ended at once, or was not ready in time; the text
                carries the last lines of its log.
        """
        if self.running:
            raise LocalServerError(f"{self.name} runs already")
        handle = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        try:
            self._process = subprocess.Popen(
                [*self._tied_to_us(), *self.command],
                stdin=subprocess.DEVNULL,
                stdout=handle,
                stderr=handle,
                cwd="/",
                env=clean_environment(self.environment),
                umask=0o077,
                start_new_session=True,
                **self.account.identity,
            )
        except OSError as error:
            raise LocalServerError(f"{self.name} cannot be started: {error}") from error
        finally:
            os.close(handle)
        atexit.register(self.stop)
        deadline = time.monotonic() + timeout_s
        while not ready() or not self.running:
            if not self.running:
                code = self._process.returncode
                raise LocalServerError(f"{self.name} ended with {code}:\n{self.tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise LocalServerError(f"{self.name} is not ready in time:\n{self.tail()}")
            time.sleep(0.02)

    def stop(self, timeout_s: float = 30.0) -> None:
        """Ends the process in good order, or by force when it takes too long."""
        if self._process is not None and self.running:
            self._process.send_signal(self.signal_stop)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout_s)
        self.kill()

    def kill(self) -> None:
        """Ends the process as a power cut would (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        atexit.unregister(self.stop)

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to the running process."""
        os.kill(self.pid, number)

    def tail(self, lines: int = 12) -> str:
        """The last lines of the log."""
        with self.log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 8192))
            text = file.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def _tied_to_us(self) -> list[str]:
        setpriv = shutil.which("setpriv")
        if setpriv is None or threading.current_thread() is not threading.main_thread():
            return []
        name = self.signal_stop.name.removeprefix("SIG")
        return [setpriv, "--no-new-privs", "--pdeathsig", name, "--"]


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment without the secrets and settings of the caller's own."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", **(extra or {})}
