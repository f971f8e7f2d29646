# SPDX-License-Identifier: GPL-2.0-only
"""What the service manager hears of the agent: started, alive, stopping, and one line of state.

The protocol is sd_notify(3): lines ``NAME=value`` in one datagram to ``$NOTIFY_SOCKET``. By hand,
for it is a few lines, and the library of systemd is a package that a gateway need not have.

In: the environment, the watchdog, texts. Out: datagrams. Owns the socket.
Never: an error of that socket that reaches the agent; a word where nobody asked for one.
"""

import logging
import socket
from collections.abc import Callable, Mapping
from typing import Final, Self

from edge_agent.watchdog import Watchdog

START_S: Final = 600.0
"""The spool is checked whole at the start: 2 GB on a slow card take minutes."""
LONGEST_STOP_S: Final = 60.0
_LONGEST_STATUS: Final = 200
_log = logging.getLogger(__name__)


class ServiceManager:
    """The manager that started this process, or nobody."""

    def __init__(self, address: str = "", watchdog_s: float | None = None) -> None:
        """Take where it listens, and within which time it wants a word; None: never.

        Args:
            address: a path, or a name that begins with @ in Linux's abstract namespace; empty:
                nobody listens.
            watchdog_s: it ends the process after so long without a word.
        """
        self.watchdog_s = watchdog_s
        self._address = f"\0{address[1:]}" if address.startswith("@") else address

    @classmethod
    def of(cls, environment: Mapping[str, str], pid: int) -> Self:
        """Read what systemd gave to this process, and not to its parent."""
        wanted = environment.get("WATCHDOG_USEC", "")
        is_ours = environment.get("WATCHDOG_PID", str(pid)) == str(pid)
        watched = is_ours and wanted.isdecimal() and int(wanted) > 0
        return cls(
            environment.get("NOTIFY_SOCKET", ""), int(wanted) / 1_000_000 if watched else None
        )

    def tell(self, *, status: str = "", more_s: float | None = None, **words: int) -> bool:
        """Send words such as ``READY=1``.

        Args:
            status: one line for ``systemctl status``.
            more_s: how much longer the start or the stop may take from now on.
            words: what else.

        Returns:
            Whether they need not be sent again: a manager with too much to read has not taken them.
        """
        if not self._address:
            return True
        lines = [f"{name}={value}" for name, value in words.items()]
        if more_s is not None:
            lines.append(f"EXTEND_TIMEOUT_USEC={int(more_s * 1_000_000)}")
        if status:
            lines.append(f"STATUS={' '.join(status.split())[:_LONGEST_STATUS]}")
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.settimeout(0)
                sender.sendto("\n".join(lines).encode(), self._address)
        except BlockingIOError:
            return False
        except OSError as error:
            _log.debug(
                "the service manager cannot be told",
                extra={"action": "notify_failed", "reason": error.strerror},
            )
        return True


class Reports:
    """Says that the agent is ready, and that it goes on, as long as it does."""

    def __init__(self, manager: ServiceManager, watchdog: Watchdog, now: float) -> None:
        self._manager = manager
        self._watchdog = watchdog
        self._is_ready = False
        self._fed_at = now
        self._told: tuple[str, ...] = ()

    def look(self, now: float, status: Callable[[], str]) -> None:
        """Say what is due.

        Args:
            now: seconds of the watchdog's clock.
            status: makes the line of state.
        """
        if not self._is_ready and self._watchdog.has_begun:
            self._is_ready = self._manager.tell(READY=1, status=status())
        limit_s = self._manager.watchdog_s
        if limit_s is None or not self._is_ready or now < self._fed_at + limit_s / 4:
            return
        standing = self._watchdog.standing(self._fed_at)
        if not standing:
            self._fed_at, self._told = now, ()
            self._manager.tell(WATCHDOG=1, status=status())
        elif now > self._fed_at + limit_s / 2 and standing != self._told:
            self._told = standing
            _log.error(
                "a part of the agent stands still; the service manager restarts the agent if it "
                "does not go on",
                extra={"action": "stands_still", "parts": list(standing)},
            )
