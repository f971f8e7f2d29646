# SPDX-License-Identifier: GPL-2.0-only
"""A chaos run from its beginning to its verdict."""

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from edge_agent.worker.schedule import cycle_of
from tests.chaos import estate
from tests.chaos.books import waiting, watermarks
from tests.chaos.faults import Clock
from tests.chaos.opening import WORKERS, open_world
from tests.chaos.plan import GAP_S, WEIGHTS, Fault, Strike, strikes
from tests.chaos.striking import Striker
from tests.chaos.truth import LINE_PROFILES
from tests.chaos.verdict import Verdict, judge
from tests.chaos.world import World

BEGINS = datetime(2026, 10, 31, 16, 0, tzinfo=UTC)
"""21:30 on the last day of a month in the society: its end is within a run."""
PERIOD = timedelta(minutes=15)
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Size:
    """How large a run is."""

    seed: int
    seconds: float
    gateways: int = 4
    meters: int = 50
    """Of each gateway."""
    days: int = 31
    """How long the meters have been captured when the run begins."""
    speed: int = 30
    baud: int | None = 2400
    """Of the lines, in the run's time."""
    gap_s: float = GAP_S
    lasts: float = 1.0
    """By this each fault is longer or shorter."""
    only: Sequence[tuple[str, Fault]] = tuple(WEIGHTS)
    sabotage: str = ""
    plan: tuple[Strike, ...] = ()
    """Instead of one by the seed."""
    settle_s: float = 600.0
    """How long everything may take to come to rest."""


@dataclass(frozen=True)
class Result:
    """What a run came to."""

    size: Size
    clock: Clock
    striker: Striker
    verdict: Verdict
    stopped_at: datetime
    settled_s: float
    ended: dict[str, int]
    """How often each program ended by itself."""
    stored: dict[int, int]
    """Batches stored in each real minute."""


def play(size: Size, folder: Path, tell: Tell) -> Result:
    """Play a run.

    Args:
        size: How large it is.
        folder: Where its files are made; the servers' account can enter it.
        tell: Is told what happens.
    """
    plan = list(size.plan) or strikes(
        size.seed,
        size.seconds,
        gateways=size.gateways,
        workers=WORKERS,
        only=size.only,
        gap_s=size.gap_s,
        lasts=size.lasts,
    )
    clock = Clock.begin(BEGINS, size.speed)
    society = estate.gateways(size.gateways, size.meters)
    baud = size.baud and size.baud * size.speed
    with open_world(
        folder, clock, society, days=size.days, baud=baud, sabotage=size.sabotage
    ) as world:
        world.start()
        striker = Striker(world)
        striker.play(plan, size.seconds, tell)
        begun = time.monotonic()
        stopped_at = settle(world, tell, size.settle_s)
        settled_s = time.monotonic() - begun
        tell(f"settled in {settled_s:.0f} s")
        for agent in world.agents:
            agent.down = True
            agent.program.stop()
        named = {node.program.name: node.ended for node in world.nodes()}
        named |= {"database": world.database.ended, "broker": world.broker.ended}
        return Result(
            size,
            clock,
            striker,
            judge(world, stopped_at),
            stopped_at,
            settled_s,
            {name: count for name, count in named.items() if count},
            _stored(world),
        )


def settle(world: World, tell: Tell, most_s: float) -> datetime:
    """Wait until every meter is read, stop the run's time, and wait until everything is stored.

    Returns:
        When the run's time stopped.
    """
    deadline = time.monotonic() + most_s
    while behind := _behind(world):
        if time.monotonic() > deadline:
            tell(f"still behind: {behind[:3]} and others, {len(behind)} in all")
            break
        world.look()
        time.sleep(0.2)
    stopped_ns = time.monotonic_ns()
    for control in world.controls():
        control.freeze(stopped_ns)
    while (left := _waiting(world)) and time.monotonic() < deadline:
        world.look()
        time.sleep(0.2)
    if left:
        tell(f"still waiting: {left} batches")
    return world.clock.at(stopped_ns)


def _behind(world: World) -> list[str]:
    """Return which meters were not read yet in this cycle, and which have more history."""
    now = world.clock.at(time.monotonic_ns())
    period = now.timestamp() // PERIOD.total_seconds() * PERIOD.total_seconds()
    if now.timestamp() - period < PERIOD.total_seconds() / 3:
        return ["all: the cycle has just begun"]
    found = []
    for gateway in world.gateways:
        marks = watermarks(world.folder_of(gateway) / "spool" / "spool.db")
        read = {
            serial
            for (serial, profile), ts in marks.items()
            if profile in LINE_PROFILES and ts >= period
        }
        found += [meter.serial for meter in gateway.meters if meter.serial not in read]
    return found


def _waiting(world: World) -> int:
    return sum(waiting(world.folder_of(each) / "spool" / "spool.db") for each in world.gateways)


def _stored(world: World) -> dict[int, int]:
    found: dict[int, int] = defaultdict(int)
    with psycopg.connect(world.dsn) as conn:
        for (at,) in conn.execute("SELECT received_at FROM metering.batch"):
            found[int(world.clock.real_s(at) // 60)] += 1
    return dict(found)


def report(result: Result) -> list[str]:
    """Say what came of a run, in lines."""
    verdict, size = result.verdict, result.size
    struck = sum(result.striker.done.values())
    lines = [
        f"seed {size.seed}: {size.gateways} gateways of {size.meters} meters, "
        f"{size.seconds / 60:.1f} min at {size.speed} times the real time, {struck} faults",
    ]
    for (kind, fault), count in sorted(result.striker.done.items()):
        lines.append(f"  {kind:9} {fault:22} {count:4}")
    lines += [
        f"  pages and names lost to power cuts: {result.striker.lost}",
        f"  programs that ended by themselves and were started again: {result.ended or 'none'}",
        f"  batches that spools let go, receipted, for room: "
        f"{sum(book.forgotten for book in verdict.books)}",
        *_rates(result),
        f"{verdict.readings:,} readings of {verdict.channels:,} channels and {verdict.events} "
        f"events in {verdict.batches:,} batches; in quarantine: {verdict.quarantined or 'nothing'}",
    ]
    return [*lines, *(f"WRONG {each}" for each in verdict.wrong[:40]), _last(verdict)]


def _last(verdict: Verdict) -> str:
    if verdict.wrong:
        return f"{len(verdict.wrong)} promises are broken"
    return "the store has what the meters have, exactly; duplicates 0; the chains are whole"


def _rates(result: Result) -> list[str]:
    """Say how many readings were read in each real minute, live and of the past."""
    minutes: dict[bool, dict[int, int]] = {True: defaultdict(int), False: defaultdict(int)}
    for book in result.verdict.books:
        for sent in book.sent.values():
            minute = int(result.clock.real_s(sent.created_at) // 60)
            minutes[sent.historical][minute] += sent.readings
    last = max((minute for each in minutes.values() for minute in each), default=0)
    lines = []
    for historical, name in ((False, "live"), (True, "of the past")):
        each = [minutes[historical][minute] for minute in range(last + 1)]
        told = ", ".join(f"{count:,}" for count in each)
        middle = statistics.median(each)
        lines.append(f"  readings {name} by the minute: {told} (median {middle:,.0f})")
    begun, ended = (cycle_of(at.timestamp()) for at in (result.clock.base, result.stopped_at))
    due = result.size.gateways * result.size.meters * (ended - begun)
    polled = sum(begun < cycle <= ended for _, cycle in result.verdict.polled)
    return [
        *lines,
        f"  {ended - begun} cycles of 15 minutes: {polled:,} of {due:,} polls that were due, and "
        f"{result.verdict.live - polled:,} more",
    ]
