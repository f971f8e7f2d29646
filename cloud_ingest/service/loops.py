# SPDX-License-Identifier: MIT
"""The ground of the service's loops: settings, connections, the link, waits and retries.

A loop tries again for ever, ever more slowly, while a server is away. The log says so once when
an outage begins, and once when everything works again.

In: attempts. Out: their results, once they work. Owns: the word to stop, the log of outages. Never:
a decision about a reading.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from cloud_ingest.core.quota import DEFAULT_QUOTAS, Quotas
from cloud_ingest.core.rules.water.points import Point
from cloud_ingest.deliver.deliveries import Receives
from cloud_ingest.errors import (
    BrokerLost,
    BrokerRefused,
    ConfigurationError,
    IngestError,
    StoreUnavailable,
)
from cloud_ingest.ingest.broker import Broker
from cloud_ingest.ingest.subscribe import Link
from cloud_ingest.month.digest import Morning, at_seven
from cloud_ingest.month.run import RunSettings
from cloud_ingest.month.self_read_due import DEFAULT_DUE, DueRules
from cloud_ingest.operate.upkeep import PHOTOS_KEPT
from cloud_ingest.service.service_manager import ServiceManager
from cloud_ingest.settings import UnitListsRule
from cloud_ingest.store.connection import (
    Connection,
    bound_idle_transaction,
    bound_lock_wait,
    connect,
)
from cloud_ingest.store.outbox import RESEND_AFTER
from shared_schema.signing import SigningKey

logger = logging.getLogger(__name__)

_R = TypeVar("_R")

FIRST_WAIT_S = 0.25
LONGEST_WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """What the service needs, and how often it does each thing."""

    dsn: str = field(repr=False)
    broker: Broker
    key: SigningKey = field(repr=False)
    zone: str | None = None
    """The zone that the store must have; None takes its own."""
    max_messages: int = 128
    linger_s: float = 0.02
    """How long a batch waits to fill after its first message."""
    receipts_after_s: float = 0.02
    """How long receipts are gathered after a commit."""
    rollup_every_s: float = 1.0
    rules_every_s: float = 15.0
    water_point: Point = Point.CAREFUL
    """How much evidence the water rules ask for."""
    unit_lists: UnitListsRule = "proposed"
    """What becomes of a list of units that comes by the broker."""
    unique_labels: bool = False
    """No two towers of such a list may share a label."""
    sweep_every_s: float = 900.0
    """How often the rules look that do not go by new readings, such as that of stuck registers."""
    outbox_every_s: float = 0.5
    resend_after: timedelta = RESEND_AFTER
    summary_every_s: float = 60.0
    months: RunSettings = field(default_factory=RunSettings)
    """How the run closes months."""
    receivers: tuple[Receives, ...] = ()
    morning: Morning = at_seven
    """When the digest of a society, by its name, is mailed."""
    quotas: Quotas = DEFAULT_QUOTAS
    due_rules: Callable[[str], DueRules] = lambda _: DEFAULT_DUE
    """By when the dials of a society, by its name, are to be read."""
    photos_kept: timedelta = PHOTOS_KEPT
    manager: ServiceManager = field(default_factory=ServiceManager)
    """Who started the program, and wants to know how it does."""
    metrics_address: str | None = None
    """``host:port`` of metrics and health; None: nobody asks."""


@dataclass(slots=True)
class Wire:
    """The current link to the broker; None while there is none."""

    link: Link | None = None
    linked: asyncio.Event = field(default_factory=asyncio.Event)


class Stopping(Exception):
    """The service is told to stop while it waits for a server."""


class Database:
    """One connection on one thread; a lost connection is opened again at the next use.

    Args:
        dsn: The database.
        name: Of the thread.
        begin: What each new session does first.
    """

    def __init__(
        self, dsn: str, name: str, begin: Callable[[Connection], None] = bound_idle_transaction
    ) -> None:
        self._dsn = dsn
        self._begin = begin
        self._conn: Connection | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"store-{name}")

    async def run(self, work: Callable[[Connection], _R]) -> _R:
        """Run ``work`` on the connection's thread.

        Raises:
            StoreUnavailable: the connection is closed; the next call opens another.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._do, work)

    def _do(self, work: Callable[[Connection], _R]) -> _R:
        if self._conn is None or self._conn.closed:
            self._conn = self._open()
        try:
            return work(self._conn)
        except StoreUnavailable:
            self._conn.close()
            raise

    def _open(self) -> Connection:
        conn = connect(self._dsn)
        try:
            bound_lock_wait(conn)
            self._begin(conn)
        except BaseException:
            conn.close()
            raise
        return conn

    async def close(self) -> None:
        """Close the connection when its current work is done."""

        def close() -> None:
            if self._conn is not None:
                self._conn.close()

        await asyncio.get_running_loop().run_in_executor(self._thread, close)
        self._thread.shutdown()


@contextlib.asynccontextmanager
async def database(
    dsn: str, name: str, begin: Callable[[Connection], None] = bound_idle_transaction
) -> AsyncIterator[Database]:
    """Give a loop its own connection, and close it afterwards."""
    own = Database(dsn, name, begin)
    try:
        yield own
    finally:
        await own.close()


class Loops:
    """The waits and retries of one service's loops, and how each of them does."""

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self.ended: set[str] = set()
        """Loops that ended although the service does not stop."""
        self.succeeded: dict[str, float] = {}
        """When each last did its work, or first began with it, in seconds since 1970."""
        self.failing: dict[str, str] = {}
        """Why what is tried again failed."""
        self._began: dict[str, float] = {}
        self._troubles: dict[str, str] = {}

    def in_work_s(self) -> Mapping[str, float]:
        """Say how long what is in work has taken up to now."""
        now = time.monotonic()
        return {what: now - began for what, began in self._began.items()}

    async def keep(self, serving: Coroutine[Any, Any, None]) -> None:
        """Run a loop until the service stops; one that ends before is remembered."""
        with contextlib.suppress(Stopping):
            await serving
        if not self.stopping.is_set():
            self.ended.add(getattr(serving, "__qualname__", "a loop"))

    async def retry(self, what: str, attempt: Callable[[], Awaitable[_R]]) -> _R:
        """Try until it is done; log an outage once, and once that everything works again.

        Raises:
            Stopping: the service stops before it is done.
        """
        failures = 0
        self.succeeded.setdefault(what, time.time())
        while True:
            began = self._began[what] = time.monotonic()
            try:
                done = await attempt()
            except (BrokerLost, BrokerRefused, StoreUnavailable, ConfigurationError) as error:
                self._log_outage(what, error)
                self.failing[what] = str(error)
            except (asyncio.CancelledError, Stopping):
                raise
            except Exception:
                if self._troubles.get(what) != "fault":
                    logger.exception(
                        "This program has a fault; it tries again: please report it",
                        extra={"action": "fault", "what": what},
                    )
                self._troubles[what] = "fault"
                self.failing[what] = "this program has a fault: its log tells it"
            else:
                self.works(what)
                self.succeeded[what] = time.time()
                return done
            finally:
                self._began.pop(what, None)
            if time.monotonic() - began > LONGEST_WAIT_S:
                failures = 0
            wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**failures)
            failures += 1
            if not await self.pause(wait_s * random.uniform(0.5, 1.0)):  # noqa: S311
                raise Stopping

    def _log_outage(self, what: str, error: IngestError) -> None:
        kind = type(error).__name__
        # The loop that makes the next link reports a lost one; the others keep quiet.
        reported_by_receive = isinstance(error, BrokerLost) and what != "receive"
        if kind not in self._troubles.values() and not reported_by_receive:
            logger.error(
                "%s; trying again until it works", error, extra={"action": "outage", "what": what}
            )
        self._troubles[what] = kind

    def works(self, what: str) -> None:
        """Note that something works; log it when nothing else is wrong any more."""
        self.failing.pop(what, None)
        if self._troubles.pop(what, None) is not None and not self._troubles:
            logger.warning("Everything works again", extra={"action": "recovered"})

    async def pause(self, seconds: float) -> bool:
        """Wait; False when the service stops meanwhile."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)
        return not self.stopping.is_set()

    async def wait_for(
        self, event: asyncio.Event, seconds: float | None, *, clear: bool = True
    ) -> bool:
        """Wait for an event, at most so long; False when the service stops."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.unless_stopping(event.wait)
        if clear:
            event.clear()
        return not self.stopping.is_set()

    async def unless_stopping(self, start: Callable[[], Awaitable[_R]]) -> _R | None:
        """Return what comes, or None when the service stops before it comes."""
        if self.stopping.is_set():
            return None
        wanted = asyncio.ensure_future(start())
        stopping = asyncio.ensure_future(self.stopping.wait())
        try:
            await asyncio.wait({wanted, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return wanted.result() if wanted.done() else None
        finally:
            for task in (wanted, stopping):
                if not task.done():
                    task.cancel()
            await asyncio.gather(wanted, stopping, return_exceptions=True)


def taken_by_broker(answer: bool | BaseException) -> bool:  # noqa: FBT001
    """Say whether the broker took a message, from the answer of `Link.publish`.

    A message that nobody listens to counts as taken: what must arrive is retained or acknowledged.

    Raises:
        BrokerLost: the link ended before an answer.
    """
    if isinstance(answer, BrokerRefused):
        logger.error("%s", answer, extra={"action": "publish_refused"})
        return False
    if isinstance(answer, BaseException):
        raise answer
    return True
