# SPDX-License-Identifier: MIT
"""The life of a flag on a real database, against a model of what listeners should know."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.core.flag import SAME_WITHIN, Change, Flag
from cloud_ingest.errors import NotFound, TextRefused, UserError
from cloud_ingest.flags import attend
from cloud_ingest.flags.attend import Named
from cloud_ingest.flags.lifecycle import Changes
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import list_changes, list_events, list_mutes
from shared_schema.events import EventKind, Severity, SubjectType, Unit
from tests.support.flags import DAY, HOUR, MINUTE, UNITS, FlaggedSociety

NUMBERS = count()
LEAK = EventKind.LEAK


@pytest.fixture
def society(conn: Connection) -> FlaggedSociety:
    return FlaggedSociety(conn, "S")


def named(unit: str = "A-1") -> Named:
    return Named(unit, "S", LEAK)


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


def test_each_change_is_recorded(society: FlaggedSociety) -> None:
    society.judge(society.finding("A-1"))
    society.now += HOUR
    attend.acknowledge(society.conn, named(), by="Asha", reason="plumber at 5", now=society.now)
    society.judge(society.finding("A-1", severity=Severity.ALARM))
    attend.mute(
        society.conn,
        named(),
        until=society.now + DAY,
        by="Ravi",
        reason="the pool",
        now=society.now,
    )
    society.wait(DAY)
    society.judge()
    society.judge(society.finding("A-1"))
    (flag,) = list_events(society.conn)
    changes = list_changes(society.conn, flag.event.id)
    assert [(each.what, each.author, each.reason, each.version) for each in changes] == [
        (Change.RAISED, None, "it is there", 1),
        (Change.ACKNOWLEDGED, "Asha", "plumber at 5", 2),
        (Change.UPDATED, None, "it is an alarm now", 3),
        (Change.MUTED, "Ravi", "the pool", 4),
        (Change.UNMUTED, None, "the end of the mute has come", 5),
        (Change.CLEARED, None, "it ran dry", 6),
        (Change.RAISED_AGAIN, None, "it is there", 7),
    ]
    (mute,) = list_mutes(society.conn, society="S", subject="A-1")
    assert (mute.ended_at, mute.ended_by) == (mute.until, None)


def test_a_mute_silences_what_was_never_there_yet(society: FlaggedSociety) -> None:
    until = society.now + DAY
    with pytest.raises(NotFound, match="has no unit 'A-1'"):
        attend.mute(society.conn, named(), until=until, by="Asha", reason="pool", now=society.now)
    society.install("A-1", tower="A")
    attend.mute(society.conn, named(), until=until, by="Asha", reason="pool", now=society.now)
    assert society.judge(society.finding("A-1")) == Changes(raised=1)
    assert society.listener.heard == []
    society.wait(DAY)
    (message,) = society.listener.heard
    assert (message.state, message.version) == ("open", 1)


def test_another_kind_is_not_muted_with_it(society: FlaggedSociety) -> None:
    society.judge(society.finding("A-1"))
    attend.mute(society.conn, named(), until=society.now + DAY, by="A", reason="r", now=society.now)
    society.judge(
        society.finding("A-1"), society.finding("A-2"), society.finding("A-1", kind=EventKind.BURST)
    )
    assert {(e.kind, e.subject.id) for e in society.listener.retained.values()} == {
        (EventKind.LEAK, "A-2"),
        (EventKind.BURST, "A-1"),
    }


def test_a_word_that_cannot_be_is_refused(society: FlaggedSociety) -> None:
    society.judge(society.finding("A-1"))
    conn, now = society.conn, society.now
    with pytest.raises(UserError, match="is past"):
        attend.mute(conn, named(), until=now, by="A", reason="r", now=now)
    with pytest.raises(UserError, match="366 days"):
        attend.mute(conn, named(), until=now + 367 * DAY, by="A", reason="r", now=now)
    with pytest.raises(TextRefused):
        attend.mute(conn, named(), until=now + DAY, by="A", reason="", now=now)
    with pytest.raises(TextRefused):
        attend.acknowledge(conn, named(), by="A" * 501, reason="r", now=now)
    with pytest.raises(NotFound):
        attend.show(conn, Named("Z-9"))
    with pytest.raises(UserError, match="is not muted"):
        attend.unmute(conn, named(), by="A", reason="r", now=now)
    society.judge()
    with pytest.raises(UserError, match="is open"):
        attend.acknowledge(conn, named(), by="A", reason="r", now=now)


def test_a_label_with_several_flags_asks_for_an_id(society: FlaggedSociety) -> None:
    society.judge(society.finding("A-1"), society.finding("A-1", kind=EventKind.BURST))
    conn, now = society.conn, society.now
    with pytest.raises(UserError, match=r"name one by its id: [0-9a-f]{8} \("):
        attend.acknowledge(conn, Named("A-1"), by="A", reason="r", now=now)
    first, second = list_events(conn)
    seen = attend.acknowledge(conn, Named(str(first.event.id)[:8]), by="A", reason="r", now=now)
    assert seen.event.id == first.event.id
    assert [each.flag.event.id for each in attend.show(conn, Named("A-1")).flags] == [
        first.event.id,
        second.event.id,
    ]


def test_the_commands(society: FlaggedSociety, store_dsn: str) -> None:
    def answer(*words: str) -> str:
        env = {"IOT_UTILITY_DSN": store_dsn, "COLUMNS": "160"}
        result = CliRunner().invoke(app, ["events", *words], env=env, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    word = ("--by", "Asha", "--reason", "plumber at 5 pm")
    society.judge(society.finding("A-1", severity=Severity.ALARM), society.finding("A-2"))
    assert "open alarm leak" in answer("list", "--severity", "alarm")
    assert "A-2" not in answer("list", "--unit", "A-1", "--kind", "leak", "--tower", "A")
    assert answer("list", "--tower", "B") == "There is no such flag.\n"
    assert answer("acknowledge", "A-1", *word) == "leak of unit A-1: Asha looks into it.\n"
    tomorrow = f"{datetime.now(UTC) + DAY:%Y-%m-%dT%H:%MZ}"
    assert "one flag of it is open" in answer("mute", "A-2", "--until", tomorrow, *word)
    assert "(muted until" in answer("list", "--unit", "A-2")
    assert "one flag of it is open" in answer("unmute", "A-2", *word)
    shown = answer("show", "A-1")
    assert "plumber at 5 pm" in shown
    assert "raised" in shown
    document = json.loads(answer("show", "A-1", "--json"))
    assert [each["what"] for each in document["flags"][0]["changes"]] == ["raised", "acknowledged"]
    assert json.loads(answer("list", "--unit", "A-2", "--json"))[0]["severity"] == "watch"


def test_a_unit_gets_its_tower(society: FlaggedSociety) -> None:
    society.install("A-1", tower="T1")
    bare = replace(society.finding("A-1"), unit=Unit(type=SubjectType.UNIT, id="A-1"))
    society.judge(bare)
    society.now += DAY
    society.judge(bare)
    (message,) = society.listener.heard
    assert message.unit == Unit(type=SubjectType.UNIT, id="A-1", tower="T1")
