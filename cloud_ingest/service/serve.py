# SPDX-License-Identifier: MIT
"""The running ingest: receive, store, acknowledge, send receipts.

* Receive: a batch from the broker is judged while the batch before it is committed. It is
  acknowledged after its commit.
* Receipts: soon after a commit each stream that it touched gets one. A batch that came again
  gets one, too, because its receipt may have been lost.
* `leader` does what follows from readings, in one of the workers that share the messages.

The database or the broker may go away and come back: each loop tries again for ever, ever more
slowly, and logs it once. A message that was not committed was not acknowledged, and comes again.
No bad message stops the service. On SIGTERM it finishes and acknowledges the batch in work.

In: settings, the cloud's private key. Out: acknowledgements, receipts, the log. Owns: the loops and
their order. Never: a decision about a reading.
"""

import asyncio
import contextlib
import logging
import signal
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from cloud_ingest.ingest.intake import Intake, Judged, Outcome
from cloud_ingest.ingest.reach import knock
from cloud_ingest.ingest.receipts import signed_receipts
from cloud_ingest.ingest.small_messages import Received
from cloud_ingest.ingest.subscribe import Delivery, Link
from cloud_ingest.ingest.topics import subscriptions
from cloud_ingest.service.leader import Leader
from cloud_ingest.service.loops import (
    Database,
    Loops,
    ServiceSettings,
    Stopping,
    Wire,
    database,
    taken_by_broker,
)
from cloud_ingest.service.seen import Seen
from cloud_ingest.store import outbox
from cloud_ingest.store.commit import Stream
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.migrate import Store, open_store
from shared_schema.signing import key_id

logger = logging.getLogger(__name__)

SHORT_LINK_S = 60.0
SHORT_LINKS = 3
"""So many links in a row, each ended so soon: two workers end each other's."""


class Service:
    """The ingest from `run` until it is told to `stop`."""

    def __init__(self, settings: ServiceSettings) -> None:
        self.settings = settings
        self.totals = Counter[str]()
        self._loops = Loops()
        self._wire = Wire()
        self._leader = Leader(settings, self._loops, self._wire, self.totals)
        self._intake = Intake(quotas=settings.quotas)
        self._receipts_due: set[Stream] = set()
        self._receipt_wanted = asyncio.Event()
        self._warned: set[str] = set()
        self._short_links = 0
        self._key_id = key_id(settings.key.public_key())
        self._seen = Seen(settings, self._loops, self._wire, self._leader, self.totals)

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
        store = await self._reach_store()
        broker = self.settings.broker
        if broker.tls is not None and broker.tls.cert is not None:
            # Its session is the service's, which may run.
            await asyncio.to_thread(knock, broker)
        else:
            await self._reach_broker()
        return store

    async def _reach_store(self) -> Store:
        async with database(self.settings.dsn, "check") as own:
            return await own.run(self._open_store)

    async def _reach_broker(self) -> None:
        async with Link(self.settings.broker, subscriptions(self.settings.broker.group)):
            pass

    async def run(self) -> None:
        """Serve until `stop`.

        Raises:
            IngestError: at the start a server cannot be reached, or refuses; never later.
        """
        async with self._seen.serving():
            await self._run()

    async def _run(self) -> None:
        store = await self._reach_store()
        await self._reach_broker()
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
        self._seen.started = True
        async with asyncio.TaskGroup() as tasks:
            for serving in (
                self._run_intake(),
                self._run_receipts(),
                self._leader.serve(store),
                self._run_summary(),
                self._seen.probe(),
                self._seen.report(),
            ):
                tasks.create_task(self._loops.keep(serving))
        logger.info("Ingest has ended", extra={"action": "stop", **self.totals})

    async def _run_intake(self) -> None:
        async with (
            database(self.settings.dsn, "judge") as judging,
            database(self.settings.dsn, "ingest") as storing,
        ):
            await self._loops.retry("receive", lambda: self._receive(judging, storing))

    async def _receive(self, judging: Database, storing: Database) -> None:
        """Serve one link until it ends, or until the service stops."""
        loop = asyncio.get_running_loop()
        async with Link(self.settings.broker, subscriptions(self.settings.broker.group)) as link:
            logger.info(
                "Linked to the broker",
                extra={"action": "linked", "session_present": link.session_present},
            )
            self._loops.works("receive")
            began = loop.time()
            # A broker that died may have lost what it retained even where it kept our session.
            await self._loops.retry("requeue", lambda: storing.run(outbox.requeue_retained))
            self._wire.link = link
            self._wire.linked.set()
            self._leader.outbox_wanted.set()
            try:
                await self._serve(judging, storing, link)
            finally:
                self._wire.linked.clear()
                self._wire.link = None
                self._note_short_link(loop.time() - began)

    def _note_short_link(self, lasted_s: float) -> None:
        self._short_links = self._short_links + 1 if lasted_s < SHORT_LINK_S else 0
        if self._short_links == SHORT_LINKS and not self._loops.stopping.is_set():
            logger.error(
                "Links end soon after they are made: does another worker log in by the same "
                "certificate, or under the client id %s? Give each its own",
                self.settings.broker.client_id,
                extra={"action": "short_links"},
            )

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
        return await self._loops.retry(
            "judge",
            lambda: judging.run(lambda conn: self._intake.judge(conn, messages, received_at)),
        )

    async def _commit(
        self, storing: Database, link: Link, batch: Sequence[Delivery], judged: Judged
    ) -> None:
        began = time.monotonic()
        outcome = await self._loops.retry(
            "ingest", lambda: storing.run(lambda conn: self._intake.commit(conn, judged))
        )
        self._seen.commits.add(time.monotonic() - began)
        link.acknowledge(batch)
        self._stored(outcome)

    def _stored(self, outcome: Outcome) -> None:
        self.totals.update(
            messages=outcome.messages,
            accepted=outcome.accepted,
            refused=outcome.refused,
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
                "Messages or rows went to quarantine: see cloud-ingest quarantine list",
                extra={"action": "quarantine", "reason": reason, "times": times},
            )
        if outcome.streams:
            self._receipts_due |= outcome.streams
            self._receipt_wanted.set()
        if outcome.readings:
            self._leader.stored()

    async def _run_receipts(self) -> None:
        async with database(self.settings.dsn, "receipts") as own:
            while await self._loops.wait_for(self._receipt_wanted, None):
                await self._loops.pause(self.settings.receipts_after_s)
                if await self._loops.wait_for(self._wire.linked, None, clear=False):
                    await self._loops.retry("receipts", lambda: self._receipt(own))

    async def _receipt(self, own: Database) -> None:
        due, self._receipts_due = self._receipts_due, set()
        try:
            messages = await own.run(lambda conn: signed_receipts(conn, due, self.settings.key))
            taken = await self._publish_all(messages)
        except BaseException:
            self._receipts_due |= due
            self._receipt_wanted.set()
            raise
        self.totals["receipts"] += sum(taken)

    async def _publish_all(self, messages: list[tuple[str, bytes]]) -> list[bool]:
        """Publish in order; return for each whether the broker took it.

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

    async def _run_summary(self) -> None:
        told = Counter[str]()
        while await self._loops.pause(self.settings.summary_every_s):
            news = self.totals - told
            told = self.totals.copy()
            self._warned.clear()
            if news:
                logger.info("Ingest has stored", extra={"action": "summary", **news})
