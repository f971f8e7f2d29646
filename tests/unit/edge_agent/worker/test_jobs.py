# SPDX-License-Identifier: GPL-2.0-only
"""The jobs of a bus: what is answered, and when the bus rests."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import uuid4

import pytest

from edge_agent.clock.set import Became, ClockOutcome
from edge_agent.commands.desk import CommandDesk, Job, WindowFilled
from edge_agent.settings.bus import MeterConfig
from edge_agent.worker.attempt import Done, End, Ended
from edge_agent.worker.jobs import JobRunner, Polled
from shared_schema.catalogue import EVENT_PROFILES
from shared_schema.gateway import Command, CommandArguments, CommandKind
from shared_schema.obis import Obis

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
METER = MeterConfig(label="A-1", address=17, model="is16444", client=16)
WINDOW = WindowFilled(rows=96, marks={}, findings=(), unread=frozenset(), is_last=True)


@dataclass
class Bus:
    """Hands that do what a test says, and a desk that keeps the answers."""

    is_stopping: bool = False
    refused: bool = False
    polled: Polled = field(default_factory=lambda: Polled(problems=(), is_read=True))
    filled: Done[WindowFilled] | Ended = field(default_factory=lambda: Done(WINDOW))
    outcome: ClockOutcome | Ended = field(
        default_factory=lambda: ClockOutcome(Became.LEFT, "0 s is within 30 s")
    )
    forced: Collection[Obis] = ()
    answers: list[tuple[bool, str]] = field(default_factory=list)

    def is_refused(self, label: str) -> bool:
        assert label == "A-1"
        return self.refused

    def poll_now(self, meter: MeterConfig, now: float, forced: Collection[Obis]) -> Polled:
        assert (meter, now) == (METER, 0.0)
        self.forced = forced
        return self.polled

    def fill(self, job: Job, now: float) -> Done[WindowFilled] | Ended:
        assert (job.meter, now) == (METER, 0.0)
        return self.filled

    def set_clock(self, meter: MeterConfig, now: float) -> ClockOutcome | Ended:
        assert (meter, now) == (METER, 0.0)
        return self.outcome

    def rest_lost(self, reason: str) -> float:
        assert reason == "gone"
        return 4.0

    def done(self, bus: str, job: Job, *, worked: bool, detail: str) -> None:
        assert (bus, job.meter) == ("riser-1", METER)
        self.answers.append((worked, detail))

    def runs(self, kind: CommandKind) -> float:
        window = {"since": NOW - timedelta(days=9), "until": NOW}
        command = Command(
            gateway="gw-1",
            key="0" * 16,
            id=uuid4(),
            kind=kind,
            arguments=CommandArguments.model_validate(
                window if kind is CommandKind.BACKFILL else {}
            ),
            issued_at=NOW,
            expires_at=NOW + timedelta(hours=1),
        )
        job = Job(command, METER, None)
        return JobRunner("riser-1", cast("CommandDesk", self), self).run(job, 0.0)


@pytest.mark.parametrize("kind", CommandKind)
def test_a_meter_that_refused_is_not_tried(kind: CommandKind) -> None:
    bus = Bus(refused=True)
    assert bus.runs(kind) == 0.0
    assert bus.answers == [(False, "it refused its password; it is not tried with the same again")]


def test_event_logs_are_read_though_not_due() -> None:
    bus = Bus()
    bus.runs(CommandKind.READ_EVENTS)
    assert set(bus.forced) == set(EVENT_PROFILES)
    assert bus.answers == [(True, "")]


def test_a_log_that_was_not_read_is_not_done() -> None:
    unread = frozenset(EVENT_PROFILES[:1])
    bus = Bus(polled=Polled(problems=("hardware-fault",), is_read=True, unread=unread))
    bus.runs(CommandKind.READ_EVENTS)
    assert bus.answers == [(False, "hardware-fault")]


def test_an_adapter_that_is_away_rests_the_bus() -> None:
    lost = Ended(End.LOST, "gone")
    bus = Bus(polled=Polled(problems=("gone",), rest_s=4.0), filled=lost, outcome=lost)
    kinds = (CommandKind.READ_NOW, CommandKind.BACKFILL, CommandKind.SET_CLOCK)
    assert [bus.runs(kind) for kind in kinds] == [4.0, 4.0, 4.0]
    assert bus.answers == [(False, "gone"), (False, "after 0 rows: gone"), (False, "gone")]


@pytest.mark.parametrize(
    "kind", [CommandKind.READ_NOW, CommandKind.BACKFILL, CommandKind.SET_CLOCK]
)
def test_nothing_is_answered_while_the_agent_stops(kind: CommandKind) -> None:
    stopped = Ended(End.STOPPED, "the agent stops")
    bus = Bus(is_stopping=True, filled=stopped, outcome=stopped)
    bus.runs(kind)
    assert bus.answers == []


def test_a_back_fill_is_answered_after_its_last_window() -> None:
    bus = Bus(filled=Done(WindowFilled(96, {}, (), frozenset(), is_last=False)))
    bus.runs(CommandKind.BACKFILL)
    assert bus.answers == []
    bus.filled = Done(WINDOW)
    bus.runs(CommandKind.BACKFILL)
    assert bus.answers == [(True, "96 rows")]


def test_a_clock_that_waits_is_not_answered() -> None:
    bus = Bus(outcome=ClockOutcome(Became.WAITS, "a capture period ends", until=60.0))
    bus.runs(CommandKind.SET_CLOCK)
    assert bus.answers == []
