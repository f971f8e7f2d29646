# SPDX-License-Identifier: MIT
"""A thousand random outages on a store, held against the truth at each turn of the leader."""

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from cloud_ingest.service.leader import Leader
from cloud_ingest.service.loops import ServiceSettings
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.rows import scalar, scalars
from shared_schema.gateway import PollFailure
from tests.support.risers import CYCLE, Riser, RiserMeter, RiserSociety

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
STEP = timedelta(minutes=10)
"""Between two looks of the leader: a meter is told so long after it is overdue, at most."""
HOUR = 6
"""In turns."""
SHORTEST_H, LONGEST_H = 29, 35
BUSES = (22, 22)
ALONE = 38
"""Of a gateway's meters, those that fall silent each by itself; the others do so for hours."""
SHARED = {"gateway_silent": 6, "clock": 2, "bus_dead": 8}
"""Gateways whose meters fall silent together, by cause."""
APART = 13
"""Gateways whose meters fall silent each by itself."""
OF_ONE = {
    "meter_silent": PollFailure.NO_ANSWER,
    "password_refused": PollFailure.PASSWORD_REFUSED,
    "unreadable": PollFailure.UNREADABLE,
}


class Fate:
    """What will happen to a society, by turn, and what a person should be told of it."""

    def __init__(self, society: RiserSociety, dice: Random) -> None:
        self.society, self.dice = society, dice
        self.acts: dict[int, list[Callable[[], object]]] = defaultdict(list)
        self.truth: dict[int, tuple[str, str]] = {}
        """Of each meter that is silent for longer than a day: the cause, and the outcome."""
        self.causes = 0
        self._gone: dict[int, datetime] = {}

    def shared(self, riser: Riser, cause: str) -> None:
        """Let meters of a gateway fall silent together."""
        meters = [each for each in riser.meters if cause != "bus_dead" or each.bus == "b1"]
        for meter in riser.meters:
            if meter not in meters:
                self.for_hours(meter)
        if cause == "gateway_silent":
            has_will = self.dice.random() < 0.5
            lose = self.society.unlink if has_will else _stop
            self._outage(meters, cause, partial(lose, riser), partial(self.society.link, riser))
            return
        off, why = timedelta(), PollFailure.NO_ANSWER
        if cause == "clock":
            off, why = timedelta(hours=5), PollFailure.UNREADABLE
        self._outage(
            meters,
            cause,
            partial(_break_off, riser, meters, off, why),
            partial(_break_off, riser, meters, timedelta(), None),
        )

    def alone(self, meter: RiserMeter) -> None:
        """Let a meter fall silent by itself."""
        cause = self.dice.choice([*OF_ONE, "clock"])
        if cause == "clock":
            begin = partial(self.society.set_clock, meter, off=True)
            end = partial(self.society.set_clock, meter, off=False)
            self._outage([meter], cause, begin, end)
        else:
            begin = partial(setattr, meter, "why", OF_ONE[cause])
            self._outage([meter], cause, begin, partial(setattr, meter, "why", None))

    def for_hours(self, meter: RiserMeter) -> None:
        """Let a meter be silent for some hours, which nobody is told of."""
        starts = self.dice.randrange(15 * HOUR)
        self.acts[starts].append(partial(setattr, meter, "why", PollFailure.NO_ANSWER))
        ends = starts + self.dice.randint(1, 23 * HOUR)
        self.acts[ends].append(partial(setattr, meter, "why", None))

    def _outage(
        self,
        meters: list[RiserMeter],
        cause: str,
        begin: Callable[[], object],
        end: Callable[[], object],
    ) -> None:
        starts = self.dice.randrange(6 * HOUR)
        ends = starts + self.dice.randint(SHORTEST_H * HOUR, LONGEST_H * HOUR)
        self.causes += 1
        self.acts[starts] += [partial(self._note, meters), begin]
        self.acts[ends].append(end)
        for meter in meters:
            outcome = self.dice.choice(["late", "dry", "used"])
            self.truth[meter.meter_id] = cause, outcome
            if outcome == "late":
                self.acts[ends + self.dice.randint(0, 3 * HOUR)].append(partial(self._fill, meter))
            if outcome == "used":
                self.acts[ends].append(partial(setattr, meter, "raw", meter.raw + 3200))
            if cause != "gateway_silent" and self.dice.random() < 0.3:
                hours = self.dice.randint(1, 4)
                self.acts[starts + self.dice.randint(hours, 20) * HOUR].append(
                    partial(self._fill, meter, timedelta(hours=hours))
                )

    def _note(self, meters: list[RiserMeter]) -> None:
        for meter in meters:
            assert meter.newest is not None
            self._gone[meter.meter_id] = meter.newest

    def _fill(self, meter: RiserMeter, span: timedelta | None = None) -> None:
        """Store late what a meter missed: all of it, or the first hours."""
        gone = self._gone[meter.meter_id]
        self.society.fill([meter], gone, None if span is None else gone + span, step=0)


def _stop(riser: Riser) -> None:
    riser.is_linked = False


def _break_off(
    riser: Riser, meters: list[RiserMeter], clock_off: timedelta, why: PollFailure | None
) -> None:
    riser.clock_off = clock_off
    for meter in meters:
        meter.why = why


def as_leader(society: RiserSociety) -> None:
    """Let the leader's own step look, by the clock of the test; it sweeps each second time."""
    nothing: Any = None
    settings = ServiceSettings(dsn="", broker=nothing, key=nothing)
    leader = Leader(settings, nothing, nothing, Counter())
    step = partial(leader._judge, store=open_store(society.conn), silence_from=NOW)
    society.look = lambda: step(society.conn, society.now, sweep=society.turns % 2 == 0)


def told(conn: Connection) -> set[int]:
    """Return the meters that stand behind a flag that listeners were told of."""
    return set(
        scalars(
            conn,
            "SELECT meter_id FROM read_failure JOIN event USING (event_id)"
            " WHERE ended_at IS NULL AND state = 'open' AND told IS NOT NULL",
        )
    )


def test_a_thousand_outages_are_told_in_time(conn: Connection) -> None:
    """At each look the meters that are told are those without a reading for a day, no other."""
    dice = Random(12)
    society = RiserSociety(conn, NOW, STEP)
    as_leader(society)
    fate = Fate(society, dice)
    kinds = [cause for cause, number in SHARED.items() for _ in range(number)]
    for number, cause in enumerate([*kinds, *["apart"] * APART]):
        riser = society.gateway(f"gw-{number}", *BUSES)
        riser.phase = dice.randrange(CYCLE)
        for meter in riser.meters:
            meter.late_by = timedelta(seconds=dice.randrange(600))
        if cause != "apart":
            fate.shared(riser, cause)
            continue
        dice.shuffle(riser.meters)
        for place, meter in enumerate(riser.meters):
            (fate.alone if place < ALONE else fate.for_hours)(meter)
    assert len(fate.truth) > 1000
    every = [meter for riser in society.risers.values() for meter in riser.meters]
    for turn in range((6 + LONGEST_H + 4) * HOUR):
        for act in fate.acts[turn]:
            act()
        society.turn()
        overdue = {
            each.meter_id
            for each in every
            if each.newest is not None and society.now - each.newest > DAY
        }
        assert told(conn) == overdue, society.now
    assert society.open() == []
    found = conn.execute("SELECT meter_id, cause, outcome FROM read_failure").fetchall()
    assert {meter_id: said for meter_id, *said in found} == {
        meter_id: list(said) for meter_id, said in fate.truth.items()
    }
    assert len(found) == len(fate.truth)
    raised = "SELECT count(*) FROM event_change WHERE what IN ('raised', 'raised_again')"
    assert scalar(conn, raised) == fate.causes
