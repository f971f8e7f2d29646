# SPDX-License-Identifier: MIT
"""A catch-up whose change is held: the months that it covers have no numbers beside it.

By hand: 1 kWh an hour since 1 January; July and August have 744 kWh each. The border of 1 August
is first missed, so that August's number covers both; then it is read after all.
"""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from cloud_ingest.errors import ChargedTwice
from cloud_ingest.month import close as module
from cloud_ingest.month.close import Closed, close_month
from cloud_ingest.month.closing import Closing
from cloud_ingest.month.decision import Decision, SaidOfNumber, decide
from cloud_ingest.month.explain import Asked, explain
from cloud_ingest.month.waiting import waiting_numbers
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store import months
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.number_words import NumberKey, WordKind
from cloud_ingest.store.readings_write import NewReading, store_readings
from shared_schema.catalogue import ACTIVE_IMPORT_INTERVAL, Service, Unit
from shared_schema.quality import Origin, Reason
from shared_schema.readings import Column
from tests.support.store import SOCIETY, Site, every, local, unit_line

HOUR = timedelta(hours=1)
NOW = local("2026-12-05 09:00")
JULY, AUGUST, SEPTEMBER = "2026-07", "2026-08", "2026-09"
MONTHS = ("2026-06", JULY, AUGUST, SEPTEMBER)
WHOLE = Decimal(744)
KEY = NumberKey("unit", "A-1", Service.ELECTRICITY)
HANDED_OVER = "2026-08-20T10:00+05:30"
INTERVAL_WH = Column(obis=ACTIVE_IMPORT_INTERVAL, scaler=0, unit=Unit.WATT_HOUR)


def read(site: Site, start: str, end: str, *, more: int = 0, serial: str = "1") -> None:
    """Let a meter tell each hour from one time to another."""
    begin = local(start)
    first = (begin - local("2026-01-01 00:00")) // HOUR * 1_000 + more
    rows = every(begin, local(end), first, 1_000, HOUR)
    for number in range(0, len(rows), 2_000):
        site.deliver(serial, rows[number : number + 2_000])


def close(site: Site, month: str = AUGUST, now: datetime = NOW) -> Closed:
    return close_month(site.conn, SOCIETY, month, now)


def standing(site: Site, subject: str = "A-1") -> list[tuple[str, Decimal, str | None]]:
    society = site.one("SELECT society_id FROM society")
    return [
        (month, number.quantity, number.since)
        for month in MONTHS
        for number in months.current(site.conn, society, month)
        if number.subject.id == subject
    ]


def say(site: Site, kind: WordKind, month: str = AUGUST, key: NumberKey = KEY) -> Decision:
    said = SaidOfNumber(month, key, kind, "manager", "seen at the meter")
    return decide(site.conn, SOCIETY, said, NOW + HOUR, apply=True)


def waiting(site: Site) -> list[tuple[str, str, Decimal | None]]:
    told = waiting_numbers(site.conn, SOCIETY)
    return [(each.month, each.subject, each.quantity) for each in told]


CAUGHT = [(AUGUST, Decimal(1488), JULY)]
EACH = [(JULY, WHOLE, None), (AUGUST, WHOLE, None)]


@pytest.fixture
def disproved(site: Site) -> Site:
    """1 August is read after all, and August's intervals say far more than its register."""
    site.units(unit_line("A-1", "1"))
    read(site, "2026-06-01 00:00", "2026-07-20 00:00")
    read(site, "2026-08-10 00:00", "2026-09-02 00:00")
    for month in (JULY, AUGUST):
        close(site, month)
    assert standing(site) == CAUGHT
    read(site, "2026-07-20 01:00", "2026-08-09 23:00")
    begin, end = local("2026-08-01 01:00"), local("2026-09-01 00:00")
    site.deliver("1", every(begin, end, 1_500, 0, HOUR), column=INTERVAL_WH)
    refresh(site.conn, NOW)
    site.conn.execute("UPDATE channel SET period_s = 3600 WHERE kind = 'interval'")
    return site


@pytest.mark.parametrize("asked", [JULY, AUGUST])
def test_a_held_catch_up_leaves_its_months_without_numbers(disproved: Site, asked: str) -> None:
    close(disproved, asked)
    assert standing(disproved) == CAUGHT
    july = close(disproved, JULY)
    assert [each.reasons for each in july.withheld] == [(Reason.LATE_CHANGE,)]
    assert waiting(disproved) == [(AUGUST, "A-1", None)]


def test_closing_a_held_chain_again_changes_nothing(disproved: Site) -> None:
    close(disproved)
    tables = ("outbox", "month_number", "month_withdrawal", "month_close", "month_doubt", "event")
    before = [disproved.all(f"SELECT * FROM {table}") for table in tables]  # noqa: S608
    for month in (JULY, AUGUST):
        close(disproved, month, NOW + HOUR)
    assert [disproved.all(f"SELECT * FROM {table}") for table in tables] == before  # noqa: S608


def test_accepting_a_held_catch_up_sends_its_months(disproved: Site) -> None:
    close(disproved)
    said = say(disproved, "accept")
    assert [(each.month, each.after) for each in said.sent] == [(JULY, WHOLE), (AUGUST, None)]
    assert standing(disproved) == [(JULY, WHOLE, None)]


def test_a_kept_catch_up_leaves_its_months_without_numbers(disproved: Site) -> None:
    close(disproved)
    say(disproved, "keep")
    for month in (JULY, AUGUST):
        close(disproved, month, NOW + 2 * HOUR)
    assert standing(disproved) == CAUGHT
    assert waiting(disproved) == []


def test_what_was_proved_again_goes_out_together(disproved: Site) -> None:
    close(disproved)
    disproved.conn.execute("UPDATE channel SET period_s = 60 WHERE kind = 'interval'")
    close(disproved, JULY)
    assert standing(disproved) == EACH


@pytest.fixture
def shared(site: Site) -> Site:
    """A-1 hands its meter to A-2 in August."""
    site.units(unit_line("A-1", "1", until=HANDED_OVER), unit_line("A-2", "1", since=HANDED_OVER))
    read(site, "2026-06-01 00:00", "2026-07-20 00:00")
    read(site, "2026-08-10 00:00", "2026-08-22 00:00")
    read(site, "2026-08-28 00:00", "2026-09-02 00:00")
    for month in (JULY, AUGUST):
        close(site, month)
    return site


def test_a_linked_hold_leaves_its_months_without_numbers(shared: Site) -> None:
    """By hand: A-2's register fell, so that its change is held, and with it what A-1 gives back."""
    before = [standing(shared, subject) for subject in ("A-1", "A-2")]
    assert before[0] == [(AUGUST, Decimal(744 + 19 * 24 + 10), JULY)]
    assert len(before[1]) == 1
    read(shared, "2026-07-20 01:00", "2026-08-09 23:00")
    read(shared, "2026-08-23 00:00", "2026-08-26 00:00", more=-400_000)
    assert {each.subject.id for each in close(shared).held} == {"A-1", "A-2"}
    assert [standing(shared, subject) for subject in ("A-1", "A-2")] == before
    say(shared, "accept")
    assert standing(shared) == [(JULY, WHOLE, None), (AUGUST, Decimal(19 * 24 + 10), None)]
    assert standing(shared, "A-2") == []


def test_the_end_check_names_subject_and_months(
    disproved: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Closing, "covered", frozenset())
    with pytest.raises(ChargedTwice, match=r"A-1 electricity of 2026-08 .* 2026-07 would be"):
        close(disproved)
    assert standing(disproved) == CAUGHT


def test_a_meter_of_an_earlier_month_is_judged_first(
    site: Site, store_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hand: the old meter is false by 100 kWh on 1 August, and hangs there until the 20th."""
    site.units(unit_line("A-1", "1", until=HANDED_OVER), unit_line("A-1", "2", since=HANDED_OVER))
    read(site, "2026-06-01 00:00", "2026-07-31 00:00")
    read(site, "2026-08-02 12:00", "2026-08-21 00:00")
    read(site, "2026-08-20 00:00", "2026-08-25 00:00", serial="2")
    read(site, "2026-09-10 00:00", "2026-10-02 00:00", serial="2")
    for month in (JULY, AUGUST, SEPTEMBER):
        close(site, month)
    caught = [(SEPTEMBER, Decimal(744 + 744 + 720), JULY)]
    assert standing(site) == caught
    channel = site.one(
        "SELECT channel_id FROM channel JOIN meter USING (meter_id) WHERE serial = '1'"
    )
    border = local("2026-08-01 00:00")
    lie = (border - local("2026-01-01 00:00")) // HOUR * 1_000 + 100_000

    def refresh_then_put(conn: Connection, now: datetime) -> None:
        refresh(conn, now)
        with connect(store_dsn) as other:
            claim = NewReading(channel, int(border.timestamp()), lie, None, Origin.METER)
            store_readings(other, [claim], source="late", at=NOW)

    monkeypatch.setattr(module, "refresh", refresh_then_put)
    close(site, SEPTEMBER)
    assert standing(site) == caught
    assert site.one("SELECT raw FROM claim") == lie


def test_a_border_whose_other_side_is_held_names_that(site: Site) -> None:
    """The row of 1 February is read each quarter hour: 23:00 of 28 February closes nothing then."""
    site.units(unit_line("A-1", "1"))
    borders = {local("2026-02-01 00:00"), local("2026-03-01 00:00")}
    rows = every(local("2026-01-01 00:00"), local("2026-04-01 06:00"), 12_345_000, 40, HOUR)
    for part in (rows[:1_000], rows[1_000:]):
        site.deliver("1", [row for row in part if row[0] not in borders], period_s=3600)
    for month in ("2026-01", "2026-02"):
        close(site, month)
    site.deliver("1", [(local("2026-02-01 00:00"), 12_374_760)], period_s=900)
    close(site, "2026-01")
    asked = [Asked(SOCIETY, month, "A-1", KEY.service) for month in ("2026-01", "2026-02")]
    assert [explain(site.conn, each, NOW).waits_for for each in asked] == [("2026-02",), ()]
    said = say(site, "accept", "2026-02")
    assert [each.month for each in said.sent] == ["2026-01", "2026-02"]
    assert waiting(site) == []
