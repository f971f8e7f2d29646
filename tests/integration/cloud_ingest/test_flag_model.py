# SPDX-License-Identifier: MIT
"""The life of flags on a real database, against a model of what listeners should know."""

from datetime import datetime, timedelta
from itertools import count, pairwise
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from cloud_ingest.core.flag import SAME_WITHIN, Flag
from cloud_ingest.errors import UserError
from cloud_ingest.flags import attend
from cloud_ingest.flags.attend import Named
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import list_events
from shared_schema.events import EventKind, Severity
from tests.support.flags import DAY, HOUR, MINUTE, UNITS, FlaggedSociety

NUMBERS = count()
LEAK = EventKind.LEAK


class LifeOfFlags(RuleBasedStateMachine):
    """Each unit leaks or not; people acknowledge and mute; time passes."""

    def __init__(self, conn: Connection) -> None:
        super().__init__()
        self.world = FlaggedSociety(conn, f"S {next(NUMBERS)}")
        self.leaks: dict[str, tuple[Severity, int]] = {}
        self.ids: dict[str, UUID] = {}
        self.ended: dict[str, datetime] = {}
        self.muted: dict[str, datetime] = {}
        self.seen: set[str] = set()

    def named(self, unit: str) -> Named:
        return Named(unit, self.world.name, LEAK)

    def is_muted(self, unit: str) -> bool:
        return unit in self.muted and self.world.now < self.muted[unit]

    def flag(self, unit: str) -> Flag | None:
        found = list_events(self.world.conn, society=self.world.name, unit=unit)
        assert len(found) <= 1
        return found[0] if found else None

    @rule(
        unit=st.sampled_from(UNITS),
        severity=st.sampled_from(Severity),
        litres=st.sampled_from([10, 11, 25, 60]),
    )
    def is_found(self, unit: str, severity: Severity, litres: int) -> None:
        self.leaks[unit] = (severity, litres)
        self.judge()

    @rule(unit=st.sampled_from(UNITS))
    def vanishes(self, unit: str) -> None:
        self.leaks.pop(unit, None)
        self.judge()

    def judge(self) -> None:
        before = {unit for unit in UNITS if self.flag(unit) is not None}
        self.world.judge(
            *(
                self.world.finding(unit, severity=severity, litres=litres)
                for unit, (severity, litres) in self.leaks.items()
            )
        )
        now = self.world.now
        for unit in UNITS:
            flag = self.flag(unit)
            assert (flag is not None) == (unit in self.leaks)
            if flag is None:
                if unit in before:
                    self.ended[unit] = now
                continue
            if unit not in before:
                again = unit in self.ended and now - self.ended[unit] <= SAME_WITHIN
                assert (self.ids.get(unit) == flag.event.id) == again
                assert (flag.event.raises > 1) == again
                self.ids[unit] = flag.event.id
                self.seen.discard(unit)
            if unit not in self.seen:
                assert flag.event.acknowledged is None

    @rule(duration=st.sampled_from([MINUTE, HOUR, DAY, SAME_WITHIN + MINUTE]))
    def time_passes(self, duration: timedelta) -> None:
        self.world.wait(duration)

    @rule(unit=st.sampled_from(UNITS))
    def is_acknowledged(self, unit: str) -> None:
        if self.flag(unit) is None:
            with pytest.raises(UserError):
                attend.acknowledge(
                    self.world.conn, self.named(unit), by="Asha", reason="r", now=self.world.now
                )
            return
        self.seen.add(unit)
        attend.acknowledge(
            self.world.conn, self.named(unit), by="Asha", reason="r", now=self.world.now
        )
        self.world.deliver()

    @rule(unit=st.sampled_from(UNITS), duration=st.sampled_from([HOUR, DAY, 5 * DAY]))
    def is_muted_by_a_person(self, unit: str, duration: timedelta) -> None:
        if unit not in self.ids:
            return
        until = self.world.now + duration
        attend.mute(
            self.world.conn,
            self.named(unit),
            until=until,
            by="Asha",
            reason="pool",
            now=self.world.now,
        )
        self.muted[unit] = until
        self.world.deliver()

    @precondition(lambda self: any(self.is_muted(unit) for unit in self.muted))
    @rule(unit=st.sampled_from(UNITS))
    def is_unmuted(self, unit: str) -> None:
        if not self.is_muted(unit):
            return
        attend.unmute(
            self.world.conn, self.named(unit), by="Asha", reason="full", now=self.world.now
        )
        del self.muted[unit]
        self.world.deliver()

    @invariant()
    def the_retained_message_is_the_truth(self) -> None:
        for unit in UNITS:
            flag, retained = self.flag(unit), self.world.listener.open(unit)
            shown = flag is not None and not self.is_muted(unit)
            assert (retained is not None) == shown
            if flag is None or retained is None:
                continue
            event = flag.event
            assert (retained.id, retained.raises, retained.acknowledged) == (
                event.id,
                event.raises,
                event.acknowledged,
            )
            assert event.severity is Severity.WATCH or retained.severity is Severity.ALARM
            if flag.tell_at is None:
                assert retained == event

    @invariant()
    def nothing_is_published_twice(self) -> None:
        by_flag: dict[UUID, list[str]] = {}
        versions: dict[UUID, list[int]] = {}
        for event in self.world.listener.heard:
            words = event.model_copy(update={"version": 1}).model_dump_json()
            by_flag.setdefault(event.id, []).append(words)
            versions.setdefault(event.id, []).append(event.version)
        for said in by_flag.values():
            assert all(one != other for one, other in pairwise(said))
        for numbers in versions.values():
            assert numbers == list(range(1, len(numbers) + 1))

    def teardown(self) -> None:
        """A day later nothing waits any more, whatever happened."""
        self.muted.clear()
        self.world.wait(9 * DAY)
        self.the_retained_message_is_the_truth()
        for flag in list_events(self.world.conn, society=self.world.name):
            assert flag.tell_at is None


def test_listeners_always_know_the_truth(conn: Connection) -> None:
    class Here(LifeOfFlags):
        def __init__(self) -> None:
            super().__init__(conn)

    run_machine(
        Here,
        settings=settings(
            max_examples=30,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
