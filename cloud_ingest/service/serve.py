# SPDX-License-Identifier: MIT
"""The ingest as it runs: receive, store, acknowledge, receipt.

In: settings and the cloud's private key. It owns the loops and their order, and no decision:

* receive: a batch from the broker, judged while the one before is committed; acknowledged after
  its commit;
* receipts: soon after the commit, one for each stream that was touched, also where a batch
  came again, because its receipt may have been lost;
* what follows from readings, `keeper` does, in one of the workers that share the messages.

The database or the broker may go away and come back: each loop tries again for ever, ever more
slowly, and says so once. What was not committed was not acknowledged, and comes again. Nothing
here stops on one bad message. On SIGTERM a batch in work is finished and acknowledged.
"""

import asyncio
import contextlib
import logging
import signal
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from cloud_ingest.ingest.intake import Intake, Judged, Outcome, Received, subscriptions
from cloud_ingest.ingest.subscribe import Delivery, Link
from cloud_ingest.service.leader import Keeper
from cloud_ingest.service.loops import (
    Database,
    Loops,
    ServiceSettings,
    Stopping,
    Wire,
    database,
    taken_by_broker,
    until_stopping,
)
from cloud_ingest.store import outbox
from cloud_ingest.store.commit import Stream
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.migrate import Store, open_store
from cloud_ingest.store.receipts import Range, store_id, stored_ranges
from shared_schema.gateway import Receipt
from shared_schema.signing import key_id, sign_message
from shared_schema.topics import GatewayTopic, gateway_topic

logger = logging.getLogger(__name__)

MAX_RECEIPT_RANGES = 2000
"""More gaps than that are told from the newest end; the rest is sent again and merges."""


class Service:
    """The ingest from `run` until it is told to `stop`."""

    def __init__(self, settings: ServiceSettings) -> None:
        self.settings = settings
        self.totals = Counter[str]()
        self._loops = Loops()
        self._wire = Wire()
        self._keeper = Keeper(settings, self._loops, self._wire, self.totals)
        self._intake = Intake()
        self._receipts_due: set[Stream] = set()
        self._receipt_wanted = asyncio.Event()
        self._warned: set[str] = set()
        self._key_id = key_id(settings.key.public_key())

    def stop(self) -> None:
        """End in good order: what is being stored is finished and acknowledged."""
        self._loops.stopping.set()

    def _open_store(self, conn: Connection) -> Store:
        return open_store(conn, zone=self.settings.zone)

    async def check(self) -> Store:
        """Reach the database and the broker once.

        Raises:
            ConfigurationError: one of them refuses, or the store is not migrated.
            StoreUnavailable: no database answers.
            BrokerLost: no broker answers.
        """
        async with database(self.settings.dsn, "check") as own:
            store = await own.run(self._open_store)
        async with Link(self.settings.broker, subscriptions(self.settings.broker.group)):
            pass
        return store

    async def run(self) -> None:
        """Serve until `stop`.

        Raises:
            IngestError: at the start a server cannot be reached, or refuses; never later.
        """
        store = await self.check()
        loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError, RuntimeError):
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.stop)
        logger.info(
            "Ingest serves",
            extra={
                "action": "start",
                "store": str(store.store_id),
                "broker": str(self.settings.broker),
                "key": self._key_id,
            },
        )
        async with asyncio.TaskGroup() as tasks:
            for serving in (
                self._receive_for_ever(),
                self._receipt_for_ever(),
                self._keeper.serve(store),
                self._summarise_for_ever(),
            ):
                tasks.create_task(until_stopping(serving))
        logger.info("Ingest has ended", extra={"action": "stop", **self.totals})

    async def _receive_for_ever(self) -> None:
        async with (
            database(self.settings.dsn, "judge") as judging,
            database(self.settings.dsn, "ingest") as storing,
        ):
            await self._loops.persist("receive", lambda: self._receive(judging, storing))

    async def _receive(self, judging: Database, storing: Database) -> None:
        """Serve one link until it ends, or until the service stops."""
        async with Link(self.settings.broker, subscriptions(self.settings.broker.group)) as link:
            logger.info(
                "Linked to the broker",
                extra={"action": "linked", "session_present": link.session_present},
            )
            self._loops.works("receive")
            # A broker that died may have lost what it retained even where it kept our session.
            await self._loops.persist("requeue", lambda: storing.run(outbox.requeue_retained))
            self._wire.link = link
            self._wire.linked.set()
            self._keeper.outbox_wanted.set()
            try:
                await self._serve(judging, storing, link)
            finally:
                self._wire.linked.clear()
                self._wire.link = None

    async def _serve(self, judging: Database, storing: Database, link: Link) -> None:
        """Judge each batch while the one before it is committed."""
        batches = link.batches(
            max_messages=self.settings.max_messages, linger_s=self.settings.linger_s
        )
        committing: asyncio.Task[None] | None = None
        try:
            async with contextlib.aclosing(batches):
                while batch := await self._loops.unless_stopping(lambda: anext(batches)):
                    judged = await self._judge(judging, batch)
                    if committing is not None:
                        await committing
                    committing = asyncio.create_task(self._commit(storing, link, batch, judged))
        finally:
            if committing is not None:
                await committing

    async def _judge(self, judging: Database, batch: Sequence[Delivery]) -> Judged:
        received_at = datetime.now(UTC)
        messages = [Received(d.topic, d.payload, d.retained) for d in batch]
        return await self._loops.persist(
            "judge",
            lambda: judging.run(lambda conn: self._intake.judge(conn, messages, received_at)),
        )

    async def _commit(
        self, storing: Database, link: Link, batch: Sequence[Delivery], judged: Judged
    ) -> None:
        outcome = await self._loops.persist(
            "ingest", lambda: storing.run(lambda conn: self._intake.commit(conn, judged))
        )
        link.acknowledge(batch)
        self._stored(outcome)

    def _stored(self, outcome: Outcome) -> None:
        self.totals.update(
            messages=outcome.messages,
            batches=outcome.batches,
            readings=outcome.readings,
            duplicates=outcome.duplicates,
            conflicts=outcome.conflicts,
        )
        for reason, times in outcome.rejected.items():
            self.totals[f"rejected_{reason}"] += times
            if reason in self._warned:
                continue  # the summary counts them
            self._warned.add(reason)
            logger.warning(
                "Kept apart: see cloud-ingest quarantine list",
                extra={"action": "quarantine", "reason": reason, "times": times},
            )
        if outcome.streams:
            self._receipts_due |= outcome.streams
            self._receipt_wanted.set()
        if outcome.readings:
            self._keeper.stored(outcome.meters)

    async def _receipt_for_ever(self) -> None:
        async with database(self.settings.dsn, "receipts") as own:
            while await self._loops.wait_for(self._receipt_wanted, None):
                await self._loops.pause(self.settings.receipts_after_s)
                if await self._loops.wait_for(self._wire.linked, None, clear=False):
                    await self._loops.persist("receipts", lambda: self._receipt(own))

    async def _receipt(self, own: Database) -> None:
        due, self._receipts_due = self._receipts_due, set()

        def look(conn: Connection) -> tuple[UUID, list[tuple[Stream, list[Range]]]]:
            """The id is read with the ranges: the store may have been restored meanwhile."""
            return store_id(conn), [
                (stream, stored_ranges(conn, stream.gateway_id, stream.stream)) for stream in due
            ]

        try:
            store, ranges = await own.run(look)
            now = datetime.now(UTC)
            messages = [
                (
                    gateway_topic(stream.gateway, GatewayTopic.RECEIPTS),
                    sign_message(
                        Receipt(
                            gateway=stream.gateway,
                            key=self._key_id,
                            store=store,
                            stream=stream.stream,
                            ranges=tuple(stored[-MAX_RECEIPT_RANGES:]),
                            at=now,
                        ).to_line(),
                        self.settings.key,
                    ),
                )
                for stream, stored in ranges
                if stored
            ]
            done = await self._publish_all(messages)
        except BaseException:
            self._receipts_due |= due
            self._receipt_wanted.set()
            raise
        self.totals["receipts"] += sum(done)

    async def _publish_all(self, messages: list[tuple[str, bytes]]) -> list[bool]:
        """Publish in order; False where the broker refuses one.

        Raises:
            BrokerLost: at least one was not taken.
        """
        link = self._wire.link
        while link is None:
            if not await self._loops.wait_for(self._wire.linked, None, clear=False):
                raise Stopping
            link = self._wire.link
        answers = await asyncio.gather(
            *(link.publish(topic, payload) for topic, payload in messages), return_exceptions=True
        )
        return [taken_by_broker(answer) for answer in answers]

    async def _summarise_for_ever(self) -> None:
        told = Counter[str]()
        while await self._loops.pause(self.settings.summary_every_s):
            news = self.totals - told
            told = self.totals.copy()
            self._warned.clear()
            if news:
                logger.info("Ingest has stored", extra={"action": "summary", **news})
