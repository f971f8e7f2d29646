# SPDX-License-Identifier: MIT
"""The loops of webhooks and mailboxes, while this worker leads.

There is one for each receiver, so that none waits for another, and MQTT for none.
A receiver that fails is tried again ever more rarely, at most `LONGEST_PAUSE_S` apart. The log says
so once when it begins, and once when it takes messages again.

In: the receivers of the settings. Out: messages, the log. Owns: the pauses between tries.
"""

import asyncio
import logging
from collections import Counter
from datetime import UTC, datetime
from functools import partial

from cloud_ingest.deliver.deliveries import Receives, deliver_next, keep
from cloud_ingest.month.digest import make_digests
from cloud_ingest.service.election import Election
from cloud_ingest.service.loops import Loops, ServiceSettings
from cloud_ingest.store.connection import Connection

logger = logging.getLogger(__name__)

IDLE_S = 1.0
LONGEST_PAUSE_S = 60.0
KEEP_EVERY_S = 60.0


class Webhooks:
    """The deliveries to all receivers, while this worker is the leader."""

    def __init__(
        self,
        settings: ServiceSettings,
        loops: Loops,
        election: Election,
        totals: Counter[str],
    ) -> None:
        self._receivers = settings.receivers
        self._settings = settings
        self._loops = loops
        self._election = election
        self._totals = totals

    async def serve(self) -> None:
        """Run until the service stops."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._loops.keep(self._keep()))
            for receiver in self._receivers:
                tasks.create_task(self._loops.keep(self._deliver(receiver)))

    async def _keep(self) -> None:
        async with self._election.database("webhooks") as own:
            while await self._election.leads():
                given_up = await self._election.retry(
                    "webhooks",
                    lambda: own.run(lambda conn: keep(conn, self._receivers, datetime.now(UTC))),
                )
                made = await self._election.retry("digests", lambda: own.run(self._digests))
                if made:
                    logger.info("Digests made", extra={"action": "digest", "societies": made})
                if given_up:
                    logger.error(
                        "Messages to receivers were given up: nobody took them for a week; see "
                        "cloud-ingest doctor",
                        extra={"action": "webhook_dropped", "messages": given_up},
                    )
                if not await self._loops.pause(KEEP_EVERY_S):
                    return

    def _digests(self, conn: Connection) -> int:
        said = self._settings
        return make_digests(
            conn,
            datetime.now(UTC),
            said.morning,
            said.months.self_read_window,
            said.months.rules,
        )

    async def _deliver(self, receiver: Receives) -> None:
        failures = 0
        async with self._election.database("webhook") as own:
            while await self._election.leads():
                tried = await self._election.retry(
                    "webhook",
                    partial(
                        own.run,
                        partial(deliver_next, receiver=receiver, clock=partial(datetime.now, UTC)),
                    ),
                )
                if tried.failure is not None:
                    self._note_failure(receiver, tried.failure, failures)
                    failures += 1
                elif tried.taken:
                    self._note_taken(receiver, failures)
                    failures = 0
                    continue
                pause_s = min(LONGEST_PAUSE_S, IDLE_S * 2 ** min(max(failures - 1, 0), 6))
                if not await self._loops.pause(pause_s):
                    return

    def _note_failure(self, receiver: Receives, failure: str, before: int) -> None:
        if before == 0:
            logger.warning(
                "A receiver does not take a message; trying again until it does: %s: %s",
                receiver,
                failure,
                extra={"action": "webhook_fails"},
            )

    def _note_taken(self, receiver: Receives, failures: int) -> None:
        self._totals["webhooked"] += 1
        if failures:
            logger.warning(
                "A receiver takes messages again: %s", receiver, extra={"action": "webhook_takes"}
            )
