# SPDX-License-Identifier: MIT
"""What rules and people do with flags on a real database, and what listeners hear of it."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from threading import Barrier

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.core.flag import Change
from cloud_ingest.errors import NotFound, TextRefused, UserError
from cloud_ingest.flags import attend
from cloud_ingest.flags.attend import Named
from cloud_ingest.flags.lifecycle import Changes
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.event_changes import put_finding
from cloud_ingest.store.events import list_changes, list_events, list_mutes
from shared_schema.events import EventKind, Severity, SubjectType, Unit
from tests.support.flags import DAY, HOUR, FlaggedSociety

LEAK = EventKind.LEAK


@pytest.fixture
def society(conn: Connection) -> FlaggedSociety:
    return FlaggedSociety(conn, "S")


def named(unit: str = "A-1") -> Named:
    return Named(unit, "S", LEAK)


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


def test_a_mute_before_the_first_flag_is_shown(society: FlaggedSociety) -> None:
    society.install("A-7", tower="A")
    conn, now = society.conn, society.now
    early = Named("A-7", "S", EventKind.LEAK)
    muted, _ = attend.mute(conn, early, until=now + DAY, by="A", reason="r", now=now)
    shown = attend.show(conn, Named("A-7"))
    assert (shown.flags, shown.mutes) == ((), (muted,))
    with pytest.raises(NotFound):
        attend.show(conn, Named("A-7", kind=EventKind.BURST))


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
    listed = answer("list", "--severity", "alarm")
    assert "open alarm leak" in listed
    assert "2026-11-19 17:37 IST" in listed
    assert "A-2" not in answer("list", "--unit", "A-1", "--kind", "leak", "--tower", "A")
    assert answer("list", "--tower", "B") == "There is no such flag.\n"
    assert answer("acknowledge", "A-1", *word) == "leak of unit A-1: Asha looks into it.\n"
    tomorrow = f"{datetime.now(UTC) + DAY:%Y-%m-%dT%H:%MZ}"
    assert "one flag of it is open" in answer("mute", "A-2", "--until", tomorrow, *word)
    assert "(muted until" in answer("list", "--unit", "A-2")
    assert "one flag of it is open" in answer("unmute", "A-2", *word)
    shown = answer("show", "A-1")
    assert "plumber at 5 pm" in shown
    assert "raised 2026-11-20 17:37 IST" in shown
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


def test_a_mute_and_a_finding_of_one_moment_see_each_other(
    society: FlaggedSociety, store_dsn: str
) -> None:
    finding = society.finding("A-1")
    society.judge(finding)
    society.judge()
    start = Barrier(2)

    def mute() -> None:
        with connect(store_dsn) as conn:
            start.wait()
            until = society.now + DAY
            attend.mute(conn, named(), until=until, by="A", reason="r", now=society.now)

    def find() -> None:
        with connect(store_dsn) as conn:
            start.wait()
            put_finding(conn, finding, society.now)

    for _ in range(10):
        with ThreadPoolExecutor(2) as threads:
            for done in [threads.submit(mute), threads.submit(find)]:
                done.result()
        society.deliver()
        assert society.listener.retained == {}
        society.judge()
        attend.unmute(society.conn, named(), by="A", reason="r", now=society.now)
