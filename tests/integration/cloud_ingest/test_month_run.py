# SPDX-License-Identifier: MIT
"""The run of the month: what a turn sends, when there is one, and what stops it for a society."""

from datetime import datetime, time, timedelta
from decimal import Decimal

import pytest

from cloud_ingest.cli.month_changes_text import changes_text
from cloud_ingest.core.month import month_of
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.self_read import self_read
from cloud_ingest.errors import RollupDisagrees, StoreUnavailable
from cloud_ingest.month import run as month_run
from cloud_ingest.month.approve import approve_month, reopen_month
from cloud_ingest.month.changes_after import month_changes, settles_at
from cloud_ingest.month.close import close_month
from cloud_ingest.month.closing import Closing
from cloud_ingest.month.run import RunSettings, Told, run_months
from cloud_ingest.month.status import month_status
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.settings import CloudSettings
from cloud_ingest.settings_society import RunRules
from cloud_ingest.store import month_runs
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.month_runs import LastTurn
from shared_schema.billing import MonthlyConsumption, NumberStatus
from shared_schema.catalogue import Service
from tests.support.received import Line, Received, read_received
from tests.support.store import SOCIETY, ZONE, Site, every, local, unit_line

JULY = month_of(2026, 7, ZONE)
START, END = local("2026-07-01 00:00"), local("2026-08-01 00:00")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIVE_PAST, SIX = END + timedelta(minutes=20), END + 6 * HOUR
WANTS_ALL = RunSettings(rules=lambda _society: RunRules(provisional=True))


@pytest.fixture
def flats(site: Site) -> Site:
    """A-1 is read at the end of July, A-2 until an hour before, A-3 until the 20th."""
    site.units(*(unit_line(f"A-{n}", str(n)) for n in (1, 2, 3)))
    site.deliver("1", every(START, END, 100_000, 40, HOUR), period_s=3600)
    site.deliver("2", every(START, END - HOUR, 100_000, 40, HOUR), period_s=3600)
    site.deliver("3", every(START, END - 12 * DAY, 100_000, 40, HOUR), period_s=3600)
    return site


def turn(site: Site, now: datetime, settings: RunSettings = WANTS_ALL) -> bool:
    refresh(site.conn, now)  # as the leader does, behind the ingest
    return run_months(site.conn, now, settings, Told())


def sent(site: Site, subject: str) -> MonthlyConsumption | None:
    return read_received(site.conn).sent(Line("2026-07", "unit", subject, Service.ELECTRICITY))


def withheld(site: Site) -> list[str]:
    received: Received = read_received(site.conn)
    return [each.subject.id for each in received.manifests["2026-07"].withheld]


def test_nothing_is_closed_before_the_run_begins(flats: Site) -> None:
    assert not turn(flats, END + timedelta(minutes=14))
    assert not turn(flats, FIVE_PAST, RunSettings(lambda _society: RunRules(is_on=False)))
    assert read_received(flats.conn).manifests == {}


def test_a_number_goes_out_when_its_border_is_read(flats: Site) -> None:
    assert turn(flats, FIVE_PAST)
    first = sent(flats, "A-1")
    assert first
    assert (first.status, str(first.quantity)) == (NumberStatus.FINAL, "29.760")
    assert withheld(flats) == ["A-2", "A-3"]
    flats.deliver("2", [(END, 100_000 + 29_760)], period_s=3600)
    assert turn(flats, FIVE_PAST + HOUR)
    second = sent(flats, "A-2")
    assert second
    assert (second.version, str(second.quantity)) == (1, "29.760")


def test_what_is_not_final_at_six_is_provisional(flats: Site) -> None:
    assert turn(flats, FIVE_PAST)
    assert turn(flats, SIX)
    late, silent = sent(flats, "A-2"), sent(flats, "A-3")
    assert late
    assert silent
    assert (str(late.quantity), late.status) == ("29.720", NumberStatus.FINAL)
    assert silent.status is NumberStatus.PROVISIONAL
    assert silent.bounds
    manifest = read_received(flats.conn).manifests["2026-07"]
    told = {entry.subject.id: entry.status for entry in manifest.entries}
    assert told["A-3"] is NumberStatus.PROVISIONAL
    rows = every(END - 12 * DAY + HOUR, END, 100_000 + 19 * 960 + 40, 40, HOUR)
    flats.deliver("3", rows, period_s=3600)
    assert turn(flats, SIX + HOUR)
    final = sent(flats, "A-3")
    assert final
    assert (final.version, final.status) == (2, NumberStatus.FINAL)


def test_without_the_wish_the_rest_stays_withheld(flats: Site) -> None:
    plain = RunSettings()
    assert turn(flats, FIVE_PAST, plain)
    assert turn(flats, SIX, plain)
    assert withheld(flats) == ["A-3"]


def test_a_quiet_night_has_no_turn(flats: Site) -> None:
    assert turn(flats, SIX)
    assert not turn(flats, SIX + timedelta(minutes=1))
    flats.deliver("1", every(END + 9 * DAY, END + 9 * DAY + HOUR, 140_000, 40, HOUR), period_s=3600)
    close_month(flats.conn, SOCIETY, "2026-07", SIX + 2 * HOUR)
    assert not turn(flats, SIX + 3 * HOUR)


def test_an_approved_month_is_left_until_it_is_opened(flats: Site) -> None:
    assert turn(flats, SIX)
    seen = approve_month(flats.conn, SOCIETY, JULY, SIX, by="x")
    approve_month(flats.conn, SOCIETY, JULY, SIX, by="x", seen=seen.sha256, despite="so")
    flats.deliver("2", [(END, 100_000 + 29_760)], period_s=3600)
    assert not turn(flats, SIX + HOUR)
    reopen_month(flats.conn, SOCIETY, JULY, SIX + HOUR, by="x", reason="A-2 came")
    assert turn(flats, SIX + HOUR)
    number = sent(flats, "A-2")
    assert number
    assert str(number.quantity) == "29.760"


def test_an_approved_month_lists_once_a_day_what_waits(flats: Site) -> None:
    assert turn(flats, SIX)
    seen = approve_month(flats.conn, SOCIETY, JULY, SIX, by="x")
    approve_month(flats.conn, SOCIETY, JULY, SIX, by="x", seen=seen.sha256, despite="so")
    flats.deliver("2", [(END, 100_000 + 29_760)], period_s=3600)
    before = flats.one("SELECT count(*) FROM month_number")
    assert turn(flats, SIX + DAY)
    status = month_status(flats.conn, SOCIETY, JULY, SIX + DAY, window=3 * DAY)
    assert [each.subject.id for each in status.held] == ["A-2"]
    changed = month_changes(flats.conn, SOCIETY, JULY, settled_at=SIX)
    assert "A-2" in changes_text(changed, ZONE, SIX + DAY)
    flats.deliver("3", [(END, 100_000 + 29_760)], period_s=3600)
    assert not turn(flats, SIX + DAY + HOUR)
    assert turn(flats, SIX + 2 * DAY)
    assert flats.one("SELECT count(*) FROM month_number") == before


def dial(site: Site, value: str, at: datetime) -> None:
    self_read(
        site.conn,
        SOCIETY,
        NamedMeter("C-1", Service.ELECTRICITY),
        value=Decimal(value),
        at=at,
        by="caretaker",
        now=at + HOUR,
    )


def test_a_society_of_dials_closes_by_itself(site: Site) -> None:
    site.units("Tower 1,unit,C-1,electricity,grid,LNT,77,yes,2026-01-01,")
    dial(site, "100.0", START - 5 * HOUR)
    assert turn(site, FIVE_PAST)
    assert withheld(site) == ["C-1"]
    dial(site, "150.0", END + 9 * HOUR)
    assert turn(site, END + 11 * HOUR)
    number = sent(site, "C-1")
    assert number
    assert str(number.quantity) == "50.000"


def test_dials_that_came_on_the_first_wait_for_their_month(site: Site) -> None:
    site.units("Tower 1,unit,C-1,electricity,grid,LNT,77,yes,2026-08-01,")
    dial(site, "100.0", END + 9 * HOUR)
    assert not turn(site, END + 11 * HOUR)
    assert turn(site, local("2026-09-01 00:20"))


def test_a_society_without_meters_is_left(site: Site) -> None:
    assert not turn(site, SIX)
    assert site.one("SELECT count(*) FROM month_run") == 0


def test_a_new_leader_does_not_close_again(flats: Site, store_dsn: str) -> None:
    assert turn(flats, SIX)
    before = flats.one("SELECT count(*) FROM outbox")
    with connect(store_dsn) as other:
        assert not run_months(other, SIX + timedelta(minutes=1), WANTS_ALL, Told())
    assert flats.one("SELECT count(*) FROM outbox") == before


def test_a_database_that_goes_away_costs_a_turn_alone(
    flats: Site, store_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_turn = month_runs.put_turn

    def end_then_put(conn: Connection, society_id: int, month: str, seen: LastTurn) -> None:
        flats.conn.execute("SELECT pg_terminate_backend(%s, 5000)", (conn.info.backend_pid,))
        put_turn(conn, society_id, month, seen)

    refresh(flats.conn, SIX)
    with connect(store_dsn) as own, monkeypatch.context() as patch:
        patch.setattr(month_runs, "put_turn", end_then_put)
        with pytest.raises(StoreUnavailable):
            run_months(own, SIX, WANTS_ALL, Told())
    assert read_received(flats.conn).manifests == {}
    assert turn(flats, SIX)
    assert sent(flats, "A-1")


def test_a_clock_that_jumps_over_the_hours_takes_nothing_back(flats: Site) -> None:
    assert turn(flats, SIX)
    provisional = sent(flats, "A-3")
    assert provisional
    assert not turn(flats, END + timedelta(minutes=5))
    turn(flats, FIVE_PAST)
    assert sent(flats, "A-3") == provisional
    turn(flats, SIX)
    assert sent(flats, "A-3") == provisional


def test_a_clock_ahead_of_the_database_is_not_believed(flats: Site) -> None:
    assert not turn(flats, local("2099-02-01 07:00"))


def test_a_refused_society_is_told_once_and_tried_again(
    flats: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_all: object, **_more: object) -> None:
        raise RollupDisagrees("a rollup of A-1 differs")

    told = Told()
    refresh(flats.conn, SIX)
    with monkeypatch.context() as patch:
        patch.setattr(month_run, "close_again", refuse)
        assert run_months(flats.conn, SIX, WANTS_ALL, told)
        assert not run_months(flats.conn, SIX + timedelta(minutes=1), WANTS_ALL, told)
        assert run_months(flats.conn, SIX + HOUR, WANTS_ALL, told)
    assert [each.getMessage() for each in caplog.records].count(
        "The run could not close a month; it tries again: a rollup of A-1 differs"
    ) == 1
    assert run_months(flats.conn, SIX + 2 * HOUR, WANTS_ALL, told)
    assert sent(flats, "A-1")


def test_a_month_that_nobody_read_is_not_begun(flats: Site) -> None:
    assert not turn(flats, local("2026-11-01 07:00"))
    assert read_received(flats.conn).manifests == {}


def test_a_society_has_rules_of_its_own() -> None:
    settings = CloudSettings.model_validate(
        {
            "estimates": "sent",
            "run_from": "00:30",
            "society": [{"name": "Quiet", "month_run": False, "provisional_at": "07:15"}],
        }
    )
    assert settings.run_rules("Loud") == RunRules(True, True, time(0, 30), time(6, 0))
    assert settings.run_rules("Quiet") == RunRules(False, True, time(0, 30), time(7, 15))


def test_a_persons_closing_follows_the_rule_of_the_society() -> None:
    settings = CloudSettings.model_validate(
        {
            "estimates": "sent",
            "society": [{"name": "Strict", "provisional": False}],
        }
    )
    assert [settings.estimates_of(name) for name in ("Strict", "Loud")] == ["shown", "sent"]
    wants = CloudSettings.model_validate({"society": [{"name": "Loud", "provisional": True}]})
    assert [wants.estimates_of(name) for name in ("Strict", "Loud")] == ["shown", "sent"]


def test_a_busy_society_leaves_the_others_their_turns(
    flats: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    flats.conn.execute("INSERT INTO society (name) VALUES ('Second'), ('Third')")
    turns: list[str] = []

    def note(_conn: object, closing: Closing, *_more: object) -> None:
        turns.append(closing.society)

    monkeypatch.setattr(month_run, "is_due", lambda *_all: True)
    monkeypatch.setattr(month_run, "_turn", note)
    told = Told()
    for _ in range(4):
        assert run_months(flats.conn, SIX, WANTS_ALL, told)
    assert turns == [SOCIETY, "Second", "Third", SOCIETY]


def test_what_the_run_sends_first_at_six_is_no_change(flats: Site) -> None:
    settled = settles_at(RunRules(provisional=True), JULY, ZONE)
    assert settled == SIX
    assert turn(flats, FIVE_PAST)
    early = month_changes(flats.conn, SOCIETY, JULY, settled_at=settled)
    assert changes_text(early, ZONE, FIVE_PAST).startswith("July: its first numbers go out until 1")
    assert turn(flats, SIX + timedelta(seconds=20))
    assert sent(flats, "A-3")
    assert month_changes(flats.conn, SOCIETY, JULY, settled_at=settled).numbers == ()
    rows = every(END - 12 * DAY + HOUR, END, 100_000 + 19 * 960 + 40, 40, HOUR)
    flats.deliver("3", rows, period_s=3600)
    assert turn(flats, SIX + timedelta(minutes=5))
    (changed,) = month_changes(flats.conn, SOCIETY, JULY, settled_at=settled).numbers
    assert (changed.subject, [each.kind for each in changed.changes]) == ("A-3", ["changed"])
