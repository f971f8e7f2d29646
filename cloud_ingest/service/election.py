# SPDX-License-Identifier: MIT
"""The election: which of the workers that serve one store leads, and what it may do meanwhile.

A leader that is killed is followed within `LEAD_EVERY_S`. One that is frozen, or whose machine is
gone, is followed once nothing was heard of it for `store.lead.UNHEARD`; its sessions are ended
then. When it wakes, what it had begun was rolled back, and it may begin nothing new.

In: the database. Out: sessions that may act, while this worker leads. Owns: the number that this
worker has in the database's locks. Never: what a leader does.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import TypeVar

from cloud_ingest.errors import LeadLost
from cloud_ingest.service.loops import Database, Loops, Stopping, database
from cloud_ingest.store.connection import Connection, bound_idle_transaction, ping
from cloud_ingest.store.lead import act_for_leader, end_unheard_leader, take_lead
from cloud_ingest.store.serving import serve_as_this_version

logger = logging.getLogger(__name__)

_R = TypeVar("_R")

LEAD_EVERY_S = 2.0
"""How often the leader is heard of, and the others ask for the lead."""


class Election:
    """Whether this worker leads."""

    def __init__(self, dsn: str, loops: Loops) -> None:
        self._dsn = dsn
        self._loops = loops
        self._worker = secrets.randbelow(2**31)
        self._leading = asyncio.Event()
        self._own = Database(dsn, "leader", _begin)
        self._led_over: Connection | None = None

    async def serve(self) -> None:
        """Stand for the lead until the service stops."""
        led = False
        while True:
            leads = await self._loops.retry("leader", self._stand)
            if leads and not self._leading.is_set():
                logger.info(
                    "This worker leads: it keeps rollups, rules and outbox",
                    extra={"action": "leader"},
                )
                self._leading.set()
            if led and not leads:
                logger.warning(
                    "This worker leads no more: it was not heard of, and another took over",
                    extra={"action": "deposed"},
                )
            led = leads
            if not await self._loops.pause(LEAD_EVERY_S):
                return

    async def aclose(self) -> None:
        """Close the election's own session: another worker may lead."""
        await self._own.close()

    async def run(self, work: Callable[[Connection], _R]) -> _R:
        """Run what any worker may do, whoever leads.

        Raises:
            StoreUnavailable: the database is away.
        """
        return await self._own.run(work)

    @property
    def is_leading(self) -> bool:
        """Whether this worker leads, as far as it knows."""
        return self._leading.is_set()

    async def leads(self) -> bool:
        """Wait until this worker leads; False when the service stops."""
        return await self._loops.wait_for(self._leading, None, clear=False)

    @contextlib.asynccontextmanager
    async def database(self, name: str) -> AsyncIterator[Database]:
        """Give a loop its own connection, whose sessions end when another worker leads."""
        begin = partial(act_for_leader, worker=self._worker)
        async with database(self._dsn, name, begin) as own:
            yield own

    async def retry(self, what: str, attempt: Callable[[], Awaitable[_R]]) -> _R:
        """Try until it is done, as long as this worker leads, and again when it leads again.

        Raises:
            Stopping: the service stops before it is done.
        """

        async def leading() -> _R:
            while True:
                if not self._leading.is_set():
                    self._loops.works(what)  # another does it
                if not await self.leads():
                    raise Stopping
                try:
                    return await attempt()
                except LeadLost:
                    self._leading.clear()

        return await self._loops.retry(what, leading)

    async def _stand(self) -> bool:
        """Keep the lead, or try to take it."""

        def stand(conn: Connection) -> bool:
            if conn is self._led_over:
                ping(conn)
                return True
            self._led_over = None
            if end_unheard_leader(conn):
                logger.warning(
                    "Nothing was heard of the leader: its session is ended, another may lead",
                    extra={"action": "leader_unheard"},
                )
            leads = take_lead(conn, self._worker)
            self._led_over = conn if leads else None
            return leads

        try:
            leads = await self._own.run(stand)
        except BaseException:
            self._led_over = None
            self._leading.clear()
            raise
        if not leads:
            self._leading.clear()
        return leads


def _begin(conn: Connection) -> None:
    """Begin the session that each worker has all the time, whether it leads or not."""
    bound_idle_transaction(conn)
    serve_as_this_version(conn)
