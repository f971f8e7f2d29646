# SPDX-License-Identifier: MIT
"""The ingest as it runs: receive, store, acknowledge, receipt; and what follows from it.

In: settings and the cloud's private key. It owns the loops and their order, and no decision:

* receive: a batch from the broker, stored and committed, then acknowledged;
* receipts: soon after the commit, one for each stream that was touched, also where a batch
  came again, because its receipt may have been lost;
* rollups, right behind the ingest; rules, behind the rollups; the outbox.

The database or the broker may go away and come back: each loop tries again for ever, ever more
slowly, and says so once. What was not committed was not acknowledged, and comes again. Nothing
here stops on one bad message. On SIGTERM a batch in work is finished and acknowledged.
"""

import asyncio
import contextlib
import logging
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from cloud_ingest.errors import (
    BrokerLost,
    BrokerRefused,
    ConfigurationError,
    IngestError,
    StoreUnavailable,
)
from cloud_ingest.events import refresh_leaks, refresh_silence
from cloud_ingest.intake import TOPICS, Intake, Outcome, Received
from cloud_ingest.rollup import refresh
from cloud_ingest.rules.read_failure import judged_from
from cloud_ingest.store import outbox
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.ingest import Stream
from cloud_ingest.store.migrate import Store, open_store
from cloud_ingest.store.receipts import Range, store_id, stored_ranges
from cloud_ingest.store.rule_inputs import delivered_societies, newest_reading
from cloud_ingest.subscribe import Broker, Link
from shared_schema.gateway import Receipt
from shared_schema.signing import SigningKey, key_id, sign_message
from shared_schema.topics import GatewayTopic, gateway_topic

logger = logging.getLogger(__name__)

_R = TypeVar("_R")

FIRST_WAIT_S = 0.25
LONGEST_WAIT_S = 30.0
MAX_RECEIPT_RANGES = 2000
"""More gaps than that are told from the newest end; the rest is sent again and merges."""
KEEP_SENT = timedelta(days=7)
PRUNE_EVERY_S = 3600.0
SETTLE_S = 5.0
"""How often rollups are looked at when no message came: other programs write, too."""
HOLD_S = 60.0
"""How long a message that the broker refuses is left aside."""


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """What the service needs, and how often it does what."""

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
    sweep_every_s: float = 900.0
    """How often every unit is judged again, not only those with new readings."""
    outbox_every_s: float = 0.5
    resend_after: timedelta = outbox.RESEND_AFTER
    summary_every_s: float = 60.0


class _Stopping(Exception):
    """The service is told to stop while it waits for a server."""


class Database:
    """One connection on one thread, opened again where it was lost."""

    def __init__(self, dsn: str, name: str) -> None:
        self._dsn = dsn
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
            self._conn = connect(self._dsn)
        try:
            return work(self._conn)
        except StoreUnavailable:
            self._conn.close()
            raise

    async def close(self) -> None:
        """Close the connection after what it is doing."""

        def close() -> None:
            if self._conn is not None:
                self._conn.close()

        await asyncio.get_running_loop().run_in_executor(self._thread, close)
        self._thread.shutdown()


class Service:
    """The ingest from `run` until it is told to `stop`."""

    def __init__(self, settings: ServiceSettings) -> None:
        self.settings = settings
        self.totals = Counter[str]()
        self._stopping = asyncio.Event()
        self._link: Link | None = None
        self._linked = asyncio.Event()
        self._intake = Intake()
        self._receipts_due: set[Stream] = set()
        self._touched: set[int] = set()
        self._receipt_wanted = asyncio.Event()
        self._rollup_wanted = asyncio.Event()
        self._outbox_wanted = asyncio.Event()
        self._held: dict[int, float] = {}
        self._troubles: dict[str, str] = {}
        self._warned: set[str] = set()
        self._key_id = key_id(settings.key.public_key())
        self._started_at = datetime.now(UTC)

    def stop(self) -> None:
        """End in good order: what is being stored is finished and acknowledged."""
        self._stopping.set()

    def _open_store(self, conn: Connection) -> Store:
        return open_store(conn, zone=self.settings.zone)

    async def check(self) -> Store:
        """Reach the database and the broker once.

        Raises:
            ConfigurationError: one of them refuses, or the store is not migrated.
            StoreUnavailable: no database answers.
            BrokerLost: no broker answers.
        """
        async with _database(self.settings.dsn, "check") as database:
            store = await database.run(self._open_store)
        async with Link(self.settings.broker, TOPICS):
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
                self._roll_up_for_ever(),
                self._judge_for_ever(store),
                self._empty_outbox_for_ever(),
                self._summarise_for_ever(),
            ):
                tasks.create_task(_until_stopping(serving))
        logger.info("Ingest has ended", extra={"action": "stop", **self.totals})

    async def _receive_for_ever(self) -> None:
        async with _database(self.settings.dsn, "ingest") as database:
            await self._persist("receive", lambda: self._receive(database))

    async def _receive(self, database: Database) -> None:
        """Serve one link until it ends, or until the service stops."""
        async with Link(self.settings.broker, TOPICS) as link:
            logger.info(
                "Linked to the broker",
                extra={"action": "linked", "session_present": link.session_present},
            )
            self._works("receive")
            # A broker that died may have lost what it retained even where it kept our session.
            await self._persist("requeue", lambda: database.run(outbox.requeue_retained))
            self._link = link
            self._linked.set()
            self._outbox_wanted.set()
            try:
                await self._serve(database, link)
            finally:
                self._linked.clear()
                self._link = None

    async def _serve(self, database: Database, link: Link) -> None:
        batches = link.batches(
            max_messages=self.settings.max_messages, linger_s=self.settings.linger_s
        )
        async with contextlib.aclosing(batches):
            while (batch := await self._unless_stopping(lambda: anext(batches))) is not None:
                received_at = datetime.now(UTC)
                messages = [Received(d.topic, d.payload, d.retained) for d in batch]
                outcome = await self._persist(
                    "ingest",
                    lambda messages=messages, at=received_at: database.run(  # type: ignore[misc]
                        lambda conn: self._intake.store(conn, messages, at)
                    ),
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
            self._touched |= outcome.meters
            self._rollup_wanted.set()

    async def _receipt_for_ever(self) -> None:
        async with _database(self.settings.dsn, "receipts") as database:
            while await self._wait_for(self._receipt_wanted, None):
                await self._pause(self.settings.receipts_after_s)
                if await self._wait_for(self._linked, None, clear=False):
                    await self._persist("receipts", lambda: self._receipt(database))

    async def _receipt(self, database: Database) -> None:
        due, self._receipts_due = self._receipts_due, set()

        def look(conn: Connection) -> tuple[UUID, list[tuple[Stream, list[Range]]]]:
            """The id is read with the ranges: the store may have been restored meanwhile."""
            return store_id(conn), [
                (stream, stored_ranges(conn, stream.gateway_id, stream.stream)) for stream in due
            ]

        try:
            store, ranges = await database.run(look)
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
        link = self._link
        while link is None:
            if not await self._wait_for(self._linked, None, clear=False):
                raise _Stopping
            link = self._link
        answers = await asyncio.gather(
            *(link.publish(topic, payload) for topic, payload in messages), return_exceptions=True
        )
        return [_taken(answer) for answer in answers]

    async def _roll_up_for_ever(self) -> None:
        async with _database(self.settings.dsn, "rollup") as database:
            while True:
                await self._persist(
                    "rollup", lambda: database.run(lambda conn: refresh(conn, datetime.now(UTC)))
                )
                await self._pause(self.settings.rollup_every_s)
                if not await self._wait_for(self._rollup_wanted, SETTLE_S):
                    return

    async def _judge_for_ever(self, store: Store) -> None:
        async with _database(self.settings.dsn, "rules") as database:
            newest = await self._persist("rules", lambda: database.run(newest_reading))
            silence_from = judged_from(started_at=self._started_at, newest_of_all=newest)
            swept_at: float | None = None
            while True:
                meters: set[int] | None = None
                clock = asyncio.get_running_loop().time()
                if swept_at is None or clock - swept_at >= self.settings.sweep_every_s:
                    swept_at = clock
                else:
                    meters = self._touched
                self._touched = set()
                await self._persist(
                    "rules",
                    lambda meters=meters: database.run(  # type: ignore[misc]
                        lambda conn: self._judge(conn, store, silence_from, meters)
                    ),
                )
                if not await self._pause(self.settings.rules_every_s):
                    return

    def _judge(
        self, conn: Connection, store: Store, silence_from: datetime, meters: set[int] | None
    ) -> None:
        now = datetime.now(UTC)
        changes = []
        if meters is None or meters:
            changes.append(("leak", refresh_leaks(conn, store.zone, now, meters)))
        settled = None if now >= silence_from else delivered_societies(conn, self._started_at)
        changes.append(("read_failure", refresh_silence(conn, store.zone, now, settled)))
        for kind, change in changes:
            if change.raised or change.cleared:
                logger.info(
                    "Flags have changed",
                    extra={
                        "action": "flags",
                        "kind": kind,
                        "raised": change.raised,
                        "cleared": change.cleared,
                    },
                )

    async def _empty_outbox_for_ever(self) -> None:
        async with _database(self.settings.dsn, "outbox") as database:
            pruned_at = 0.0
            while await self._wait_for(self._linked, None, clear=False):
                await self._persist("outbox", lambda: self._empty_outbox(database))
                clock = asyncio.get_running_loop().time()
                if clock - pruned_at > PRUNE_EVERY_S:
                    before = datetime.now(UTC) - KEEP_SENT
                    await self._persist(
                        "prune",
                        lambda before=before: database.run(  # type: ignore[misc]
                            lambda conn: outbox.prune(conn, before)
                        ),
                    )
                    pruned_at = clock
                if not await self._wait_for(self._outbox_wanted, self.settings.outbox_every_s):
                    return

    async def _empty_outbox(self, database: Database) -> None:
        """Send what is due, in order, until nothing is."""
        clock = asyncio.get_running_loop().time
        self._held = {number: until for number, until in self._held.items() if until > clock()}
        while True:
            link, held = self._link, list(self._held)
            if link is None:
                return
            parcels = await database.run(
                lambda conn, held=held: outbox.due(  # type: ignore[misc]
                    conn, datetime.now(UTC), held=held, resend_after=self.settings.resend_after
                )
            )
            if not parcels:
                return
            answers = await asyncio.gather(
                *(link.publish(p.topic, p.payload, retain=p.retain) for p in parcels),
                return_exceptions=True,
            )
            sent: list[int] = []
            lost: BrokerLost | None = None
            for parcel, answer in zip(parcels, answers, strict=True):
                try:
                    taken = _taken(answer)
                except BrokerLost as error:
                    lost = error
                    continue
                if taken:
                    sent.append(parcel.outbox_id)
                else:
                    self._held[parcel.outbox_id] = clock() + HOLD_S
            if sent:
                now = datetime.now(UTC)
                await database.run(
                    lambda conn, sent=sent, now=now: outbox.published(  # type: ignore[misc]
                        conn, sent, now
                    )
                )
                self.totals["published"] += len(sent)
            if lost is not None:
                raise lost

    async def _summarise_for_ever(self) -> None:
        told = Counter[str]()
        while await self._pause(self.settings.summary_every_s):
            news = self.totals - told
            told = self.totals.copy()
            self._warned.clear()
            if news:
                logger.info("Ingest has stored", extra={"action": "summary", **news})

    # Waiting and trying again

    async def _persist(self, what: str, attempt: Callable[[], Awaitable[_R]]) -> _R:
        """Try until it is done; say once what is wrong, and once that it works again.

        Raises:
            _Stopping: the service stops before it is done.
        """
        failures = 0
        while True:
            began = asyncio.get_running_loop().time()
            try:
                done = await attempt()
            except (BrokerLost, BrokerRefused, StoreUnavailable, ConfigurationError) as error:
                # That the link is gone is told once, by the one who makes the next.
                self._troubled(what, error)
            except (asyncio.CancelledError, _Stopping):
                raise
            except Exception:
                if self._troubles.get(what) != "fault":
                    logger.exception(
                        "A fault of this program, it is tried again",
                        extra={"action": "fault", "what": what},
                    )
                self._troubles[what] = "fault"
            else:
                self._works(what)
                return done
            if asyncio.get_running_loop().time() - began > LONGEST_WAIT_S:
                failures = 0
            wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**failures)
            failures += 1
            if not await self._pause(wait_s * random.uniform(0.5, 1.0)):  # noqa: S311
                raise _Stopping

    def _troubled(self, what: str, error: IngestError) -> None:
        kind = type(error).__name__
        told_by_another = isinstance(error, BrokerLost) and what != "receive"
        if kind not in self._troubles.values() and not told_by_another:
            logger.error(
                "%s; trying again until it works", error, extra={"action": "outage", "what": what}
            )
        self._troubles[what] = kind

    def _works(self, what: str) -> None:
        if self._troubles.pop(what, None) is not None and not self._troubles:
            logger.warning("Everything works again", extra={"action": "recovered"})

    async def _pause(self, seconds: float) -> bool:
        """Wait; False when the service stops meanwhile."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        return not self._stopping.is_set()

    async def _wait_for(
        self, event: asyncio.Event, seconds: float | None, *, clear: bool = True
    ) -> bool:
        """Wait for an event, at most so long; False when the service stops."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._unless_stopping(event.wait)
        if clear:
            event.clear()
        return not self._stopping.is_set()

    async def _unless_stopping(self, start: Callable[[], Awaitable[_R]]) -> _R | None:
        """Return what comes, or None when the service stops before it comes."""
        if self._stopping.is_set():
            return None
        wanted = asyncio.ensure_future(start())
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({wanted, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return wanted.result() if wanted.done() else None
        finally:
            for task in (wanted, stopping):
                if not task.done():
                    task.cancel()
            await asyncio.gather(wanted, stopping, return_exceptions=True)


async def _until_stopping(serving: Coroutine[None, None, None]) -> None:
    with contextlib.suppress(_Stopping):
        await serving


def _taken(answer: bool | BaseException) -> bool:  # noqa: FBT001
    """Say whether the broker took a message, from what `Link.publish` gave.

    That nobody listens is no reason to hold it: what must arrive is retained or acknowledged.
    """
    if isinstance(answer, BrokerRefused):
        logger.error("%s", answer, extra={"action": "publish_refused"})
        return False
    if isinstance(answer, BaseException):
        raise answer
    return True


@contextlib.asynccontextmanager
async def _database(dsn: str, name: str) -> AsyncIterator[Database]:
    database = Database(dsn, name)
    try:
        yield database
    finally:
        await database.close()
