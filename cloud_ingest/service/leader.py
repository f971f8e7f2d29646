# SPDX-License-Identifier: MIT
"""The leader: the one worker that does, for all workers, what follows from readings.

Several workers may serve one store; `election` says which one leads. The leader refreshes rollups
right behind the ingest, runs the rules behind the rollups, empties the outbox and looks after the
store's tables.

With continuous aggregates a refresh makes a day anew for all channels. It gets a fifth of the time
at most, however large the store. So do the search of the past and the care of the evidence, each on
a connection of its own.

In: that readings were stored. Out: rollups, flags, sent messages, partitions, commands. Owns: the
messages that the broker refused. Never: the link to the broker, a batch of readings.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TypeVar
from zoneinfo import ZoneInfo

from cloud_ingest.core.month import day_of
from cloud_ingest.core.rules.offline import judged_from
from cloud_ingest.entries.unit_import import Rules
from cloud_ingest.entries.unit_proposals import judge_lists
from cloud_ingest.errors import BrokerLost, IngestError
from cloud_ingest.flags.bindings import refresh_bindings
from cloud_ingest.flags.certificates import refresh_certificates
from cloud_ingest.flags.crossed import refresh_crossed
from cloud_ingest.flags.electricity import refresh_loads, refresh_phases
from cloud_ingest.flags.gateways import refresh_clocks, refresh_disks
from cloud_ingest.flags.meter_bits import refresh_meter_bits
from cloud_ingest.flags.missing_batches import refresh_missing_batches
from cloud_ingest.flags.quotas import refresh_quotas
from cloud_ingest.flags.silence import reclassify, refresh_silence
from cloud_ingest.flags.stuck import refresh_stuck
from cloud_ingest.flags.towers import refresh_towers
from cloud_ingest.flags.water import refresh_water, sweep_water
from cloud_ingest.flags.water_states import WaterRules
from cloud_ingest.ingest.subscribe import Link
from cloud_ingest.month.self_read_due import flag_self_reads
from cloud_ingest.operate.ask_for_gaps import ask_for_gaps
from cloud_ingest.operate.evidence import tend_evidence
from cloud_ingest.operate.upkeep import upkeep
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.service import loops
from cloud_ingest.service.election import Election
from cloud_ingest.service.flag_changes import log_changes
from cloud_ingest.service.loops import Database, Loops, ServiceSettings, Wire
from cloud_ingest.service.months import Months
from cloud_ingest.service.store_metrics import StoreMetrics
from cloud_ingest.service.webhooks import Webhooks
from cloud_ingest.store import outbox, resends
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.event_changes import tell_due
from cloud_ingest.store.migrate import Store
from cloud_ingest.store.rule_inputs import delivered_societies, newest_reading
from cloud_ingest.validation.past import judge_past

logger = logging.getLogger(__name__)
_R = TypeVar("_R")

KEEP_SENT = timedelta(days=7)
PRUNE_EVERY_S = 3600.0
UPKEEP_EVERY_S = 3600.0
SETTLE_S = 2.0
"""How often the leader looks at rollups when it stored nothing itself: other workers write, too."""
REFRESH_REST = 4
"""The rest after a refresh of all channels, in times of its duration."""
TOWERS_AFTER = timedelta(hours=3)
"""Towers are judged once a day, so long after midnight: the last readings of the day are in."""
PIECE_REST = 4
"""The rest after a piece of work on what is old, in times of its duration."""
PIECE_LEAST_REST_S = 1.0
PIECES_EVERY_S = 600.0
"""How often it is asked whether there is such work, where there was none."""
TOWERS_EVERY_S = 600.0
"""How often it is asked whether a new day of the towers is to be judged."""
GAPS_EVERY_S = 1800.0
"""How often missing intervals are looked for, to be asked for again."""
STALE_S = 5.0
"""What was asked for longer ago is asked again before it is sent."""
HOLD_S = 60.0
"""How long a message that the broker refused waits for its next try."""


class Leader:
    """The loops that this worker runs for all workers while it is the leader."""

    def __init__(
        self, settings: ServiceSettings, loops: Loops, wire: Wire, totals: Counter[str]
    ) -> None:
        self.settings = settings
        self.outbox_wanted = asyncio.Event()
        self._loops = loops
        self._wire = wire
        self._totals = totals
        self._election = Election(settings.dsn, loops)
        self.metrics = StoreMetrics(loops, self._election)
        self._behind: set[str] = set()
        self._rollup_wanted = asyncio.Event()
        self._held: dict[int, float] = {}
        self._started_at = datetime.now(UTC)

    def stored(self) -> None:
        """Note that readings were stored."""
        self._rollup_wanted.set()

    @property
    def is_leading(self) -> bool:
        """Whether this worker leads."""
        return self._election.is_leading

    async def serve(self, store: Store) -> None:
        """Run until the service stops."""
        async with contextlib.aclosing(self._election), asyncio.TaskGroup() as tasks:
            for serving in (
                self._election.serve(),
                self._run_rollups(store),
                self._run_rules(store),
                self._run_outbox(),
                self._run_upkeep(),
                self._run_towers(store),
                Months(self.settings.months, self._loops, self._election).serve(),
                Webhooks(self.settings, self._loops, self._election, self._totals).serve(),
                self._run_gaps(store),
                self._run_pieces("past", judge_past),
                self._run_pieces("evidence", tend_evidence),
            ):
                tasks.create_task(self._loops.keep(serving))
            if self.settings.metrics_address is not None:
                tasks.create_task(self._loops.keep(self.metrics.serve(store.zone)))

    async def _run_rollups(self, store: Store) -> None:
        clock = asyncio.get_running_loop().time
        rest = REFRESH_REST if store.rollups == "continuous" else 0
        async with self._election.database("rollup") as own:
            while await self._election.leads():
                began = clock()
                await self._do("rollup", own, refresh)
                took = clock() - began
                await self._loops.pause(max(self.settings.rollup_every_s, rest * took))
                if not await self._loops.wait_for(self._rollup_wanted, SETTLE_S):
                    return

    async def _run_rules(self, store: Store) -> None:
        async with self._election.database("rules") as own:
            newest = await self._loops.retry("rules", lambda: self._election.run(newest_reading))
            silence_from = judged_from(started_at=self._started_at, newest_of_all=newest)
            swept_at: float | None = None
            while await self._election.leads():
                clock = asyncio.get_running_loop().time()
                sweep = swept_at is None or clock - swept_at >= self.settings.sweep_every_s
                if sweep:
                    swept_at = clock
                judge = partial(self._judge, store=store, silence_from=silence_from, sweep=sweep)
                await self._do("rules", own, judge)
                if not await self._loops.pause(self.settings.rules_every_s):
                    return

    async def _do(self, name: str, own: Database, work: Callable[[Connection, datetime], _R]) -> _R:
        """Do what is due now, tried until it is done."""
        return await self._election.retry(
            name, lambda: own.run(lambda conn: work(conn, datetime.now(UTC)))
        )

    def _judge(
        self, conn: Connection, now: datetime, store: Store, silence_from: datetime, *, sweep: bool
    ) -> None:
        tell_due(conn, now)
        judge_lists(conn, self.settings.unit_lists, Rules(self.settings.unique_labels), now)
        settled = None if now >= silence_from else delivered_societies(conn, self._started_at)
        changes = [("read_failure", refresh_silence(conn, store.zone, now, settled))]
        changes.append(("not_bound", refresh_bindings(conn, now)))
        rules = WaterRules(store.zone, self.settings.water_point)
        changes.append(("water", refresh_water(conn, rules, now)))
        for kind, look in (
            ("water", partial(sweep_water, conn, rules, now)),
            ("load", partial(refresh_loads, conn, store.zone, now)),
        ):
            if sweep or kind in self._behind:
                swept = look()
                changes.append((kind, swept.changes))
                (self._behind.add if swept.behind else self._behind.discard)(kind)
        if sweep:
            changes.append(("meter", refresh_meter_bits(conn, store.zone, now)))
            changes.append(("quota", refresh_quotas(conn, self.settings.quotas, now)))
            changes.append(("missing_batches", refresh_missing_batches(conn, now)))
            changes.append(("expiring_certificate", refresh_certificates(conn, now)))
            changes.append(("gateway_disk", refresh_disks(conn, now)))
            changes.append(("gateway_clock", refresh_clocks(conn, now)))
            changes.append(("stuck_register", refresh_stuck(conn, store.zone, now)))
            changes.append(("phase_loss", refresh_phases(conn, store.zone, now)))
            due = flag_self_reads(conn, self.settings.due_rules, store.zone, now)
            changes.append(("self_read_due", due))
            reclassify(conn, now)
        log_changes(changes)

    async def _run_towers(self, store: Store) -> None:
        judged: date | None = None
        async with self._election.database("towers") as own:
            while await self._election.leads():
                day = day_of(datetime.now(UTC) - TOWERS_AFTER, store.zone)
                if day != judged:
                    judge = partial(_judge_towers, zone=store.zone, crossed=day.weekday() == 0)
                    await self._do("towers", own, judge)
                    judged = day
                if not await self._loops.pause(TOWERS_EVERY_S):
                    return

    async def _run_upkeep(self) -> None:
        kept = self.settings.photos_kept
        tend = partial(upkeep, quotas=self.settings.quotas, photos_kept=kept)
        async with self._election.database("upkeep") as own:
            while await self._election.leads():
                done = await self._do("upkeep", own, tend)
                if done.partitions or done.compressed or done.dropped:
                    logger.info(
                        "Partitions made, compressed or dropped",
                        extra={"action": "upkeep", **asdict(done)},
                    )
                if not await self._loops.pause(UPKEEP_EVERY_S):
                    return

    async def _run_pieces(self, name: str, work: Callable[[Connection, datetime], int]) -> None:
        """Do work on what is old piece by piece; a piece says how much it did."""
        clock = asyncio.get_running_loop().time
        async with self._election.database(name) as own:
            while await self._election.leads():
                began = clock()
                done = await self._do(name, own, work)
                rest_s = PIECE_REST * (clock() - began) if done else PIECES_EVERY_S
                if not await self._loops.pause(max(rest_s, PIECE_LEAST_REST_S)):
                    return

    async def _run_gaps(self, store: Store) -> None:
        look = partial(ask_for_gaps, zone=store.zone, key=self.settings.key)
        async with self._election.database("gaps") as own:
            while await self._loops.pause(GAPS_EVERY_S) and await self._election.leads():
                asked = await self._do("gaps", own, look)
                if asked:
                    logger.info(
                        "Gateways are asked to read missing intervals again",
                        extra={
                            "action": "gaps_asked_for",
                            "commands": len(asked),
                            "meters": len({meter for each in asked for meter in each.meters}),
                        },
                    )

    async def _run_outbox(self) -> None:
        async with self._election.database("outbox") as own:
            pruned_at = 0.0
            while await self._election.leads() and await self._loops.wait_for(
                self._wire.linked, None, clear=False
            ):
                await self._election.retry("outbox", lambda: self._empty_outbox(own))
                clock = asyncio.get_running_loop().time()
                if clock - pruned_at > PRUNE_EVERY_S:
                    before = datetime.now(UTC) - KEEP_SENT
                    await self._election.retry(
                        "prune", partial(own.run, partial(resends.prune, before=before))
                    )
                    pruned_at = clock
                wait_s = self.settings.outbox_every_s
                if not await self._loops.wait_for(self.outbox_wanted, wait_s):
                    return

    async def _empty_outbox(self, own: Database) -> None:
        """Send what is due, in order, until nothing is due."""
        clock = asyncio.get_running_loop().time
        self._held = {number: until for number, until in self._held.items() if until > clock()}
        while True:
            link, held, asked_at = self._wire.link, list(self._held), clock()
            if link is None:
                return
            parcels = await own.run(
                partial(
                    resends.hand_out,
                    now=datetime.now(UTC),
                    held=held,
                    resend_after=self.settings.resend_after,
                )
            )
            if not parcels:
                return
            if clock() - asked_at > STALE_S:
                continue  # a frozen process woke: another may have said more since
            try:
                await self._send(own, link, parcels)
            except IngestError:
                await self._say_again([each.topic for each in parcels if each.retain])
                raise

    async def _say_again(self, topics: list[str]) -> None:
        """Let the last word of some topics be sent again, by whoever leads."""
        if topics:
            say = partial(outbox.say_again, topics=topics)
            await self._loops.retry("outbox", lambda: self._election.run(say))

    async def _send(self, own: Database, link: Link, parcels: list[outbox.DueMessage]) -> None:
        """Publish in order, and note what the broker has taken.

        Raises:
            BrokerLost: it did not take all.
            LeadLost: another worker leads; it may have sent something later before.
            StoreUnavailable: what it took could not be noted.
        """
        answers = await asyncio.gather(
            *(link.publish(p.topic, p.payload, retain=p.retain) for p in parcels),
            return_exceptions=True,
        )
        sent: list[int] = []
        lost: BrokerLost | None = None
        for parcel, answer in zip(parcels, answers, strict=True):
            try:
                taken = loops.taken_by_broker(answer)
            except BrokerLost as error:
                lost = error
                continue
            if taken:
                sent.append(parcel.outbox_id)
            else:
                self._held[parcel.outbox_id] = asyncio.get_running_loop().time() + HOLD_S
        if sent:
            await own.run(partial(outbox.mark_published, outbox_ids=sent, now=datetime.now(UTC)))
            self._totals["published"] += len(sent)
        if lost is not None:
            raise lost


def _judge_towers(conn: Connection, now: datetime, *, zone: ZoneInfo, crossed: bool) -> None:
    """Judge each tower; crossed meters on Mondays: twelve weeks of hours change little in a day."""
    changes = [("tower", refresh_towers(conn, zone, now))]
    if crossed:
        changes.append(("crossed_meters", refresh_crossed(conn, zone, now)))
    log_changes(changes)
