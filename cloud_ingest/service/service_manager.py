# SPDX-License-Identifier: MIT
"""What the service manager hears of a worker: ready, alive, stopping, and one line of state.

The protocol is sd_notify(3): lines ``NAME=value`` in one datagram to ``$NOTIFY_SOCKET``. By hand,
for it is a few lines, and the library of systemd would be one more.

The watchdog is fed while a restart would mend nothing (`health.faults_of_life`): a database that is
away is no reason, a batch that hangs is one.

In: the environment, the faults of a worker. Out: datagrams. Never: an error of that socket that
reaches the service; a word where nobody asked for one.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Self

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
_LONGEST_STATUS = 200

Faults = Callable[[], Mapping[str, str]]
Pause = Callable[[float], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class ServiceManager:
    """The manager that started this process, or nobody."""

    address: str = ""
    """A path, or a name that begins with @ in Linux's abstract namespace; empty: nobody listens."""
    watchdog_s: float | None = None
    """It ends the process after so long without a word; None: never."""

    @classmethod
    def of(cls, environment: Mapping[str, str], pid: int) -> Self:
        """Read what systemd gave to this process, and not to its parent."""
        wanted = environment.get("WATCHDOG_USEC", "")
        is_ours = environment.get("WATCHDOG_PID", str(pid)) == str(pid)
        watched = is_ours and wanted.isdecimal() and int(wanted) > 0
        return cls(
            environment.get("NOTIFY_SOCKET", ""), int(wanted) / 1_000_000 if watched else None
        )

    def tell(self, status: str = "", **words: int) -> None:
        """Send words such as ``READY=1``, and one line for ``systemctl status``."""
        if not self.address:
            return
        lines = [f"{name}={value}" for name, value in words.items()]
        if status:
            lines.append(f"STATUS={' '.join(status.split())[:_LONGEST_STATUS]}")
        address = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.settimeout(0)
                sender.sendto("\n".join(lines).encode(), address)
        except OSError as error:
            logger.debug(
                "The service manager cannot be told",
                extra={"action": "notify_failed", "reason": error.strerror},
            )


async def report(manager: ServiceManager, pause: Pause, *, unready: Faults, dead: Faults) -> None:
    """Tell the manager what it wants to know, until the service stops.

    Args:
        manager: Who is told.
        pause: Waits so many seconds; False when the service stops.
        unready: Why a reading that comes now would not be stored.
        dead: What a restart would mend.
    """
    clock = asyncio.get_running_loop().time
    is_ready, fed_at, told = False, clock(), ""
    while await pause(LOOK_EVERY_S):
        faults = unready()
        status = _status(faults)
        news = "" if status == told else status
        if not is_ready and not faults:
            is_ready = True
            manager.tell(news, READY=1)
        elif news:
            manager.tell(news)
        told = status
        if manager.watchdog_s is None or clock() - fed_at < manager.watchdog_s / 4:
            continue
        if hangs := dead():
            logger.error(
                "The worker hangs: the service manager restarts it if it does not go on",
                extra={"action": "hangs", **hangs},
            )
        else:
            fed_at = clock()
            manager.tell(WATCHDOG=1)
    manager.tell("stopping", STOPPING=1)


def _status(unready: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {fault}" for name, fault in unready.items()) or "takes readings"
