# SPDX-License-Identifier: MIT
"""Whether a worker lives, and whether it can take readings and store them.

*Alive* means that a restart would not help: the event loop answers, no loop has ended, and nothing
of the ingest hangs while the database answers. *Ready* means that a reading that comes now would be
stored: the database answers as a store of this version with the rights that the service needs, the
link to the broker stands and is subscribed, and what came last could be stored.

The database is asked all the time by `Probe`, on a connection of its own; who asks for the health
gets the newest answer at once. So a database that hangs keeps nobody waiting.

In: the state of a worker. Out: what is not as it should be, by name. Never: a wait.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cloud_ingest.errors import ConfigurationError, IngestError
from cloud_ingest.operate.role_checks import check_role, check_service
from cloud_ingest.service.loops import Loops, database
from cloud_ingest.store import server_facts
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.roles import read_service

PROBE_EVERY_S = 2.0
RIGHTS_EVERY_S = 60.0
SILENT_S = 4.0
"""A database that has not answered for so long is away."""
LATE_S = 60.0
"""What the ingest has in work for so long is not stored: whoever sends should send elsewhere."""
STUCK_S = 600.0
"""What it has in work for so long, while the database answers, never ends by itself."""
INTAKE = frozenset({"receive", "requeue", "judge", "ingest"})
"""The loops without which no reading is stored."""
_WORK = INTAKE - {"receive"}
"""Those that end what they begin: a link is received from as long as it stands."""


@dataclass(frozen=True, slots=True)
class State:
    """What a worker knows of itself at one moment."""

    started: bool
    stopping: bool
    database: str
    """Why the database is not usable; empty: it is."""
    broker: str
    """Why nothing comes from the broker; empty: it does."""
    ended: frozenset[str]
    """Loops that ended although the service does not stop."""
    failing: Mapping[str, str]
    """Loops that fail and try again, each with the reason."""
    in_work_s: Mapping[str, float]
    """How long what loops have in work has taken up to now."""


def faults_of_life(state: State) -> dict[str, str]:
    """Say what a restart would mend; pure."""
    found = dict.fromkeys(sorted(state.ended), "this loop has ended")
    if not state.database:
        for name, took_s in _in_work_beyond(STUCK_S, state):
            found[name] = f"in work for {took_s:.0f} s, while the database answers"
    return found


def faults_of_readiness(state: State) -> dict[str, str]:
    """Say why a reading that comes now would not be stored; pure."""
    if state.stopping:
        return {"service": "it is stopping"}
    if not state.started:
        return {"service": "it is starting"}
    found = faults_of_life(state)
    found |= {name: state.failing[name] for name in sorted(INTAKE & state.failing.keys())}
    for name, took_s in _in_work_beyond(LATE_S, state):
        found.setdefault(name, f"in work for {took_s:.0f} s")
    for name, fault in (("database", state.database), ("broker", state.broker)):
        if fault:
            found[name] = fault
    return found


def _in_work_beyond(limit_s: float, state: State) -> list[tuple[str, float]]:
    """Return what the ingest has in work for longer than a limit, and for how long."""
    took_s = state.in_work_s
    return [
        (name, took_s[name]) for name in sorted(_WORK & took_s.keys()) if took_s[name] > limit_s
    ]


class Probe:
    """Asks the database all the time whether it is a store that this worker can use."""

    def __init__(
        self, dsn: str, zone: str | None, loops: Loops, clock: Callable[[], float]
    ) -> None:
        self._dsn = dsn
        self._zone = zone
        self._loops = loops
        self._clock = clock
        self._asked_at: float | None = None
        """None: no question is open."""
        self._fault = "it was not asked yet"
        self._rights_at: float | None = None

    def fault(self) -> str:
        """Say why the database is not usable; empty where it is."""
        if self._asked_at is not None:
            silent_s = self._clock() - self._asked_at
            if silent_s > SILENT_S:
                return f"it has not answered for {silent_s:.0f} s"
        return self._fault

    async def serve(self) -> None:
        """Ask until the service stops."""
        async with database(self._dsn, "health") as own:
            while True:
                self._asked_at = self._clock()
                try:
                    await own.run(self._look)
                except IngestError as error:
                    self._fault = str(error)
                else:
                    self._fault = ""
                self._asked_at = None
                if not await self._loops.pause(PROBE_EVERY_S):
                    return

    def _look(self, conn: Connection) -> None:
        open_store(conn, zone=self._zone)
        now = self._clock()
        if self._fault or self._rights_at is None or now - self._rights_at >= RIGHTS_EVERY_S:
            require_rights(conn)
            self._rights_at = now


def require_rights(conn: Connection) -> None:
    """See that the role may write what the service writes.

    Raises:
        ConfigurationError: it may not.
        StoreUnavailable: the database is away.
    """
    role = server_facts.read_role(conn)
    service = None if role.read_only else read_service(conn, role.name)
    check = check_role(role) if service is None else check_service(role, service)
    if check.level == "fail":
        raise ConfigurationError(f"{check.said}: {check.advice}")
