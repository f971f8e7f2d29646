# SPDX-License-Identifier: MIT
"""The door to billing: what is taken back, what is held, and what a person's word sends.

By hand: quarter hours of 10 Wh from 12,345.000 kWh on; January ends at 12,374.760 and has
29.760 kWh, February ends at 12,401.640 and has 26.880 kWh.
"""

import json
import shlex
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.cli.month import as_table
from cloud_ingest.cli.number import decision_lines
from cloud_ingest.core.unit_list import COLUMNS
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.named_reading import NamedReading, Word
from cloud_ingest.entries.self_read import self_read
from cloud_ingest.entries.unit_import import import_units
from cloud_ingest.entries.units import Named, take_back
from cloud_ingest.errors import NotFound, NumberRefused
from cloud_ingest.month import decision
from cloud_ingest.month.close import Closed, close_again, close_month
from cloud_ingest.month.correction import correct_reading
from cloud_ingest.month.decision import Decision, SaidOfNumber, decide
from cloud_ingest.month.report import as_json, month_report
from cloud_ingest.month.waiting import waiting_numbers
from cloud_ingest.store import months
from cloud_ingest.store.acknowledgements import acknowledge_number
from cloud_ingest.store.events import open_events
from cloud_ingest.store.manifests import manifest_of
from cloud_ingest.store.migrate import migrate
from cloud_ingest.store.number_words import NumberKey, WordKind
from cloud_ingest.store.outbox import hand_out, mark_published
from cloud_ingest.store.readings_write import NewReading, store_readings
from shared_schema.balance import Reconciliation
from shared_schema.billing import BillingManifest, MonthlyConsumption, MonthlyWithdrawal
from shared_schema.billing_asks import BillingAck
from shared_schema.catalogue import ACTIVE_IMPORT_INTERVAL, Service, Unit
from shared_schema.events import EventKind, Subject, SubjectType
from shared_schema.quality import Origin, Quality, Reason
from shared_schema.readings import Column
from tests.support.store import IMPORTED_AT, SOCIETY, Site, every, local, unit_line

BEGIN = 12_345_000
FIRST = local("2026-01-01 00:00")
BORDER = local("2026-02-01 00:00")
LAST = local("2026-03-01 00:00")
NOW = local("2026-03-05 09:00")
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
JANUARY, FEBRUARY = "2026-01", "2026-02"
INTERVAL_WH = Column(obis=ACTIVE_IMPORT_INTERVAL, scaler=0, unit=Unit.WATT_HOUR)
KEY = NumberKey("unit", "A-1", Service.ELECTRICITY)


def deliver(site: Site, serial: str, step: int = 10) -> None:
    rows = every(FIRST, LAST, BEGIN, step)
    for number in range(0, len(rows), 1500):
        site.deliver(serial, rows[number : number + 1500])


def close(site: Site, month: str = JANUARY, now: datetime = NOW) -> Closed:
    return close_month(site.conn, SOCIETY, month, now)


def society_id(site: Site) -> int:
    found: int = site.one("SELECT society_id FROM society")
    return found


def standing(site: Site, subject: str = "A-1") -> list[tuple[str, Decimal, int]]:
    return [
        (month, number.quantity, number.version)
        for month in (JANUARY, FEBRUARY)
        for number in months.current(site.conn, society_id(site), month)
        if number.subject.id == subject
    ]


def manifest(site: Site, month: str = JANUARY) -> BillingManifest:
    found = manifest_of(site.conn, society_id(site), month)
    assert found is not None
    return found


def balance(site: Site, tower: str = "Tower 1", month: str = JANUARY) -> Reconciliation | None:
    found = months.reconciliations(site.conn, society_id(site), month)
    return next((each for each in found if each.tower == tower), None)


def billing_messages(site: Site) -> list[MonthlyConsumption | MonthlyWithdrawal]:
    rows = site.all("SELECT payload FROM outbox WHERE ack_key IS NOT NULL ORDER BY outbox_id")
    return [
        MonthlyWithdrawal.from_line(line)
        if b"metering.monthly-withdrawal" in line
        else MonthlyConsumption.from_line(line)
        for (line,) in rows
    ]


@pytest.fixture
def flat(site: Site) -> Site:
    """A flat that was read at every quarter of an hour."""
    site.units(unit_line("A-1", "1", since="2025-12-01"))
    deliver(site, "1")
    return site


@pytest.fixture
def moved(site: Site) -> Site:
    """The meter of flat B hangs on flat A in the list; January is closed so, and billing has it."""
    site.units(
        unit_line("A", "1", since="2025-12-01", tower="T1"),
        unit_line("Bulk 1", "5", since="2025-12-01", kind="bulk", tower="T1"),
    )
    deliver(site, "1")
    deliver(site, "5", step=11)
    close(site)
    return site


def move(site: Site, now: datetime) -> None:
    """Say that the meter never was of flat A, and that it is of flat B in the other tower."""
    named = Named("A", Service.ELECTRICITY)
    take_back(site.conn, SOCIETY, named, by="manager", reason="it is of B", now=now, apply=True)
    site.units(unit_line("B", "1", since="2025-12-01", tower="T2"), now=now)


def test_a_number_of_the_wrong_flat_is_taken_back(moved: Site) -> None:
    move(moved, NOW + DAY)
    closed = close(moved, now=NOW + DAY)
    told = billing_messages(moved)
    assert [(type(each).__name__, each.subject.id, each.version) for each in told] == [
        ("MonthlyConsumption", "A", 1),
        ("MonthlyWithdrawal", "A", 2),
        ("MonthlyConsumption", "B", 1),
    ]
    assert [number.quantity for number in closed.numbers] == [Decimal("29.760")]
    names = manifest(moved)
    assert [(each.subject.id, each.version) for each in names.entries] == [("B", 1)]
    assert [(each.subject.id, each.version) for each in names.withdrawn] == [("A", 2)]
    assert names.withheld == ()


def test_the_towers_follow_a_withdrawal(moved: Site) -> None:
    before = balance(moved, "T1")
    assert before is not None
    assert (before.units, before.loss) == (Decimal("29.760"), Decimal("2.976"))
    move(moved, NOW + DAY)
    close(moved, now=NOW + DAY)
    first, second = balance(moved, "T1"), balance(moved, "T2")
    assert first is not None
    assert second is not None
    assert (first.units, first.units_total) == (Decimal(0), 0)
    assert second.units == Decimal("29.760")


def test_a_tower_without_a_meter_is_emptied(site: Site) -> None:
    site.units(unit_line("A", "1", since="2025-12-01", tower="T1"))
    deliver(site, "1")
    close(site)
    move(site, NOW + DAY)
    close(site, now=NOW + DAY)
    told = site.all(
        "SELECT payload, retain FROM outbox WHERE topic LIKE '%%reconciliation%%/T1/%%' "
        "ORDER BY outbox_id"
    )
    assert [retain for _, retain in told] == [True, False, True]
    last = Reconciliation.from_line(told[1][0])
    assert (last.units_total, last.loss, last.reasons) == (0, None, (Reason.NO_METER,))
    assert told[2][0] == b""
    assert balance(site, "T1") is None
    assert (last.version, manifest(site).version, last.zone) == (2, 2, "Asia/Kolkata")
    site.units(unit_line("C", "2", since="2025-12-01", tower="T1"), now=NOW + 2 * DAY)
    close(site, now=NOW + 2 * DAY)
    again = balance(site, "T1")
    assert again is not None
    assert (again.version, manifest(site).version) == (3, 3)


def test_closing_again_takes_nothing_back_twice(moved: Site) -> None:
    move(moved, NOW + DAY)
    close(moved, now=NOW + DAY)
    tables = (
        "outbox", "month_number", "month_withdrawal", "month_close", "month_reconciliation",
        "month_doubt", "event", "number_word",
    )  # fmt: skip
    before = [moved.all(f"SELECT * FROM {table}") for table in tables]  # noqa: S608
    again = close(moved, now=NOW + 2 * DAY)
    assert (again.published, again.taken_back, len(again.withdrawn)) == (0, 0, 1)
    assert [moved.all(f"SELECT * FROM {table}") for table in tables] == before  # noqa: S608


def test_a_withdrawal_is_sent_until_it_is_acknowledged(moved: Site) -> None:
    move(moved, NOW + DAY)
    close(moved, now=NOW + DAY)
    when = NOW + DAY
    mark_published(moved.conn, [each.outbox_id for each in hand_out(moved.conn, when)], when)
    topic = "metering/v1/society/Lake%20View/billing/2026-01/unit/A/electricity"
    again = [each for each in hand_out(moved.conn, when + DAY) if each.topic == topic]
    assert len(again) == 2
    subject = Subject(type=SubjectType.UNIT, id="A")
    ack = BillingAck(
        society=SOCIETY, month=JANUARY, subject=subject, service=Service.ELECTRICITY, version=2
    )
    assert acknowledge_number(moved.conn, ack, when + DAY) == 2
    assert not [each for each in hand_out(moved.conn, when + 2 * DAY) if each.topic == topic]


def test_a_number_after_a_withdrawal_has_a_version_above(moved: Site) -> None:
    move(moved, NOW + DAY)
    close(moved, now=NOW + DAY)
    named = Named("B", Service.ELECTRICITY)
    words = {"by": "manager", "reason": "it is of A"}
    take_back(moved.conn, SOCIETY, named, **words, now=NOW + 2 * DAY, apply=True)
    path = moved.folder / "again.csv"
    line = unit_line("A", "1", since="2025-12-01", tower="T1")
    path.write_text(",".join(COLUMNS) + f"\n{line}\n", encoding="utf-8")
    import_units(moved.conn, SOCIETY, path, now=NOW + 2 * DAY, restore=True)
    closed = close(moved, now=NOW + 2 * DAY)
    assert [(each.subject.id, each.version) for each in closed.numbers] == [("A", 3)]
    assert [each.subject.id for each in manifest(moved).withdrawn] == ["B"]


def test_a_restored_store_takes_back_again(moved: Site) -> None:
    move(moved, NOW + DAY)
    close(moved, now=NOW + DAY)
    migrate(moved.conn, restored=True)
    floor = months.version_floor(moved.conn)
    again = close(moved, now=NOW + 2 * DAY)
    assert (again.published, again.taken_back) == (1, 1)
    assert [number.version for number in again.numbers] == [floor]
    assert [each.version for each in again.withdrawn] == [floor]
    assert manifest(moved).version == floor
    told = months.kept_reconciliations(moved.conn, society_id(moved), JANUARY)
    assert {(each.message.tower, each.stands): each.message.version for each in told} == {
        ("T1", True): floor,
        ("T2", True): floor,
    }
    assert close(moved, now=NOW + 3 * DAY).taken_back == 0


def test_a_closing_that_fails_takes_nothing_back(
    moved: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cloud_ingest.month import turn as module

    def fail(*_: object) -> None:
        raise RuntimeError("the power is gone")

    move(moved, NOW + DAY)
    monkeypatch.setattr(module, "write_doubts", fail)
    with pytest.raises(RuntimeError):
        close(moved, now=NOW + DAY)
    assert len(billing_messages(moved)) == 1
    assert moved.one("SELECT count(*) FROM month_withdrawal") == 0
    monkeypatch.undo()
    assert close(moved, now=NOW + DAY).taken_back == 1


def test_the_report_names_who_took_a_number_back(
    moved: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    move(moved, NOW + DAY)
    close(moved, now=NOW + DAY)
    report = month_report(moved.conn, SOCIETY, JANUARY)
    line, other = report.lines
    assert (line.subject, line.quantity, line.version, line.is_withdrawn) == ("A", None, 2, True)
    assert line.goes_to == "taken back from billing (waiting)"
    assert line.correction is not None
    assert (line.correction.of_version, line.correction.by) == (1, "manager")
    assert (other.subject, other.correction) == ("B", None)
    monkeypatch.setenv("COLUMNS", "160")
    assert "A          electricity   1 -> 2  manager" in as_table(report)


# What nobody asked for.

DIED = local("2026-01-31 18:00")


@pytest.fixture
def dialled(site: Site) -> Site:
    """A flat that was offline at the border: a dial near the border closed its month.

    By hand: 12,375.760 - 12,345.000 = 30.760, from a dial that is 1 kWh too high; the register of
    the border says 29.760. The neighbour was silent from the 15th on. Its dial is 10 kWh too low:
    12,364.760 - 12,345.000 = 19.760.
    """
    site.units(
        unit_line("A-1", "1", since="2025-12-01"),
        unit_line("A-2", "2", since="2025-12-01"),
        unit_line("Bulk", "5", since="2025-12-01", kind="bulk"),
    )
    site.deliver("1", every(FIRST, DIED, BEGIN, 10)[:1500])
    site.deliver("1", every(FIRST, DIED, BEGIN, 10)[1500:])
    site.deliver("2", every(FIRST, FIRST + 14 * DAY, BEGIN, 10))
    deliver(site, "5", step=25)
    dials = (("A-1", "12375.760", BORDER + 5 * HOUR), ("A-2", "12364.760", BORDER - 20 * HOUR))
    for subject, value, at in dials:
        self_read(
            site.conn,
            SOCIETY,
            NamedMeter(subject, Service.ELECTRICITY),
            value=Decimal(value),
            at=at,
            by="caretaker",
            now=BORDER + 6 * HOUR,
        )
    close(site, now=BORDER + DAY)
    assert [standing(site, name) for name in ("A-1", "A-2")] == [
        [(JANUARY, Decimal("30.760"), 1)],
        [(JANUARY, Decimal("19.760"), 1)],
    ]
    for serial in ("1", "2"):
        site.deliver(serial, [(BORDER, 12_374_760)])
    return site


def said(kind: WordKind, subject: str = "A-2", month: str = JANUARY) -> SaidOfNumber:
    key = NumberKey("unit", subject, Service.ELECTRICITY)
    return SaidOfNumber(month, key, kind, "treasurer", "the dial was read wrongly")


def say(site: Site, kind: WordKind, *, now: datetime = NOW + DAY, apply: bool = True) -> Decision:
    return decide(site.conn, SOCIETY, said(kind), now, apply=apply)


def test_late_data_goes_out_within_the_bounds_alone(dialled: Site) -> None:
    closed = close(dialled)
    assert standing(dialled, "A-1") == [(JANUARY, Decimal("29.760"), 2)]
    assert standing(dialled, "A-2") == [(JANUARY, Decimal("19.760"), 1)]
    (held,) = closed.held
    assert (held.subject.id, held.version, held.quantity) == ("A-2", 1, Decimal("29.760"))
    assert Reason.LATE_CHANGE in held.reasons
    assert manifest(dialled).held == (held,)
    assert {each.subject.id: each.version for each in manifest(dialled).entries} == {
        "A-1": 2,
        "A-2": 1,
    }


def test_a_tower_has_what_stands(dialled: Site) -> None:
    close(dialled)
    found = balance(dialled)
    assert found is not None
    assert found.units == Decimal("29.760") + Decimal("19.760")


def test_a_held_change_has_a_flag(dialled: Site) -> None:
    close(dialled)
    (flag,) = open_events(dialled.conn, EventKind.HELD_CHANGE)
    assert (flag.event.subject.id, flag.event.service) == ("A-2", Service.ELECTRICITY)
    assert "2026-01 (v1) would become 29.760 kWh" in flag.event.message
    close(dialled, now=NOW + DAY)
    assert open_events(dialled.conn, EventKind.HELD_CHANGE) == [flag]
    say(dialled, "accept")
    assert open_events(dialled.conn, EventKind.HELD_CHANGE) == []


@pytest.mark.parametrize("kept", [False, True])
def test_the_month_after_opens_where_the_number_stands(dialled: Site, kept: bool) -> None:
    close(dialled)
    if kept:
        say(dialled, "keep")
    rows = every(BORDER, LAST, 12_374_760, 10)[1:]
    for serial in ("1", "2"):
        dialled.deliver(serial, rows[:1500])
        dialled.deliver(serial, rows[1500:])
    closed = close(dialled, FEBRUARY)
    used = {number.subject.id: number.quantity for number in closed.numbers}
    whole = Decimal("29.760") + Decimal("26.880")
    assert used["A-1"] == Decimal("26.880")
    assert used["A-2"] == whole - Decimal("19.760")
    if kept:
        return
    say(dialled, "accept")
    assert standing(dialled, "A-2") == [
        (JANUARY, Decimal("29.760"), 2),
        (FEBRUARY, Decimal("26.880"), 2),
    ]


def test_a_word_is_shown_first_and_writes_nothing(dialled: Site) -> None:
    close(dialled)
    tables = ("outbox", "month_number", "number_word", "month_close", "month_doubt", "event")
    before = [dialled.all(f"SELECT * FROM {table}") for table in tables]  # noqa: S608
    shown = say(dialled, "accept", apply=False)
    assert [dialled.all(f"SELECT * FROM {table}") for table in tables] == before  # noqa: S608
    assert list(decision_lines(shown, "so")) == [
        "2026-01 A-2 electricity: 19.760 kWh (v1) -> 29.760 kWh (late_change): accepted",
        "  sends 2026-01 A-2 electricity: 19.760 kWh -> 29.760 kWh (v2)",
        "  2026-01 Tower 1 electricity: loss 24.880 kWh -> 14.880 kWh",
        "nothing is written yet: to apply it: so",
    ]
    assert say(dialled, "accept").sent == shown.sent


def test_an_accepted_change_is_sent(dialled: Site) -> None:
    close(dialled)
    say(dialled, "accept")
    assert standing(dialled, "A-2") == [(JANUARY, Decimal("29.760"), 2)]
    assert (manifest(dialled).held, waiting_numbers(dialled.conn, SOCIETY)) == ((), [])
    assert dialled.one("SELECT kind, quantity, author, reason FROM number_word") == (
        "accept",
        Decimal("29.760"),
        "treasurer",
        "the dial was read wrongly",
    )
    assert close(dialled, now=NOW + 2 * DAY).published == 0


def test_the_report_says_who_corrected_and_what_is_held(
    dialled: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    close(dialled)
    first, second = month_report(dialled.conn, SOCIETY, JANUARY).lines
    assert first.correction is not None
    assert (first.version, first.correction.what, first.correction.by) == (2, "late data", None)
    assert second.held is not None
    assert (second.quantity, second.held.quantity) == (Decimal("19.760"), Decimal("29.760"))
    say(dialled, "accept")
    report = month_report(dialled.conn, SOCIETY, JANUARY)
    second = report.lines[1]
    assert (second.held, second.version) == (None, 2)
    assert second.correction is not None
    assert (second.correction.what, second.correction.by, second.correction.reason) == (
        "number accepted",
        "treasurer",
        "the dial was read wrongly",
    )
    monkeypatch.setenv("COLUMNS", "160")
    assert "number accepted: the dial was read wrongly" in as_table(report)
    assert json.loads(as_json(report))["lines"][1]["correction"]["of_version"] == 1


def test_a_kept_number_stands(dialled: Site) -> None:
    close(dialled)
    shown = say(dialled, "keep")
    assert shown.sent == ()
    assert standing(dialled, "A-2") == [(JANUARY, Decimal("19.760"), 1)]
    again = close(dialled, now=NOW + 2 * DAY)
    assert (again.held, again.published) == ((), 0)
    assert open_events(dialled.conn, EventKind.HELD_CHANGE) == []
    found = balance(dialled)
    assert found is not None
    assert found.units == Decimal("29.760") + Decimal("19.760")


def test_a_word_on_a_reading_counts_after_a_number_was_kept(dialled: Site) -> None:
    close(dialled)
    say(dialled, "keep")
    self_read(
        dialled.conn,
        SOCIETY,
        NamedMeter("A-2", Service.ELECTRICITY),
        value=Decimal("12374.760"),
        at=BORDER + HOUR,
        by="caretaker",
        now=NOW + 2 * DAY,
        force_because="read again",
    )
    assert close(dialled, now=NOW + 3 * DAY).held == ()
    assert standing(dialled, "A-2") == [(JANUARY, Decimal("29.760"), 2)]


def test_a_kept_number_is_held_again_for_another_quantity(dialled: Site) -> None:
    close(dialled)
    say(dialled, "keep")
    elect_late(dialled, 12_374_770)
    (held,) = close(dialled, now=NOW + 2 * DAY).held
    assert held.quantity == Decimal("29.770")


def elect_late(site: Site, raw: int, serial: str = "2") -> None:
    """Let the register of a meter at the border be another one, by no person's word."""
    channel = site.one(
        "SELECT channel_id FROM channel JOIN meter USING (meter_id) WHERE serial = %s "
        "ORDER BY channel_id LIMIT 1",
        serial,
    )
    reading = NewReading(channel, int(BORDER.timestamp()), raw, None, Origin.EDIT)
    store_readings(site.conn, [reading], source="test", at=IMPORTED_AT)
    site.conn.execute("DELETE FROM election")


def test_an_asked_change_goes_out_however_large(dialled: Site) -> None:
    self_read(
        dialled.conn,
        SOCIETY,
        NamedMeter("A-2", Service.ELECTRICITY),
        value=Decimal("12364.770"),
        at=BORDER - 19 * HOUR,
        by="caretaker",
        now=NOW,
        force_because="typed wrongly",
    )
    assert close(dialled, now=NOW).held == ()
    assert standing(dialled, "A-2") == [(JANUARY, Decimal("29.760"), 2)]


def test_what_was_entered_asks_once(dialled: Site) -> None:
    """A dial that changes nothing, and was in a closing, opens the door for no later change."""
    close(dialled)
    self_read(
        dialled.conn,
        SOCIETY,
        NamedMeter("A-1", Service.ELECTRICITY),
        value=Decimal("12345.010"),
        at=FIRST + timedelta(minutes=7),
        by="caretaker",
        now=NOW + HOUR,
        force_because="a test",
    )
    close(dialled, now=NOW + 2 * HOUR)
    elect_late(dialled, 12_377_760, serial="1")
    held = close(dialled, now=NOW + 3 * HOUR).held
    assert ("A-1", Decimal("32.760")) in [(each.subject.id, each.quantity) for each in held]


def test_a_change_that_was_asked_for_in_time_goes_out(dialled: Site) -> None:
    close(dialled)
    self_read(
        dialled.conn,
        SOCIETY,
        NamedMeter("A-1", Service.ELECTRICITY),
        value=Decimal("12345.010"),
        at=FIRST + timedelta(minutes=7),
        by="caretaker",
        now=NOW + HOUR,
        force_because="a test",
    )
    elect_late(dialled, 12_377_760, serial="1")
    close(dialled, now=NOW + 3 * HOUR)
    assert standing(dialled, "A-1") == [(JANUARY, Decimal("32.760"), 3)]


def test_a_late_fall_withdraws_nothing_by_itself(flat: Site) -> None:
    close(flat)
    noon = FIRST + timedelta(days=10, hours=12)
    flat.conn.execute(
        "INSERT INTO register_break (meter_id, obis, ts, rule, parameters, neighbours, judged_at) "
        "SELECT meter_id, obis, %s, 'fall', '{}', jsonb_build_object('before', "
        "jsonb_build_object('ts', %s::text)), %s FROM channel",
        (noon, (noon - timedelta(minutes=15)).isoformat(), NOW),
    )
    closed = close(flat, now=NOW + DAY)
    assert [(each.quantity, Reason.REGISTER_DROP in each.reasons) for each in closed.held] == [
        (None, True)
    ]
    assert standing(flat) == [(JANUARY, Decimal("29.760"), 1)]
    assert [each.version for each in billing_messages(flat)] == [1]


# Quantities in doubt.


@pytest.fixture
def bakery(site: Site) -> Site:
    """A flat that was let to a bakery: 744 hours of 20,834 Wh are more than a flat can use."""
    site.units(
        unit_line("A-2", "2", since="2025-12-01"),
        unit_line("Bulk", "5", since="2025-12-01", kind="bulk"),
    )
    site.deliver("2", every(FIRST, BORDER, 7, 20_834, HOUR))
    site.deliver("5", every(FIRST, BORDER, 7, 21_000, HOUR))
    assert close(site, now=BORDER + DAY).numbers == ()
    return site


def test_a_doubted_quantity_is_listed(bakery: Site) -> None:
    (waits,) = waiting_numbers(bakery.conn, SOCIETY)
    assert (waits.state, waits.subject, waits.published, waits.version) == (
        "doubted",
        "A-2",
        None,
        None,
    )
    assert (waits.quantity, waits.reasons) == (Decimal("15500.496"), (Reason.IMPLAUSIBLE,))


def test_an_accepted_quantity_is_sent_as_a_persons_word(bakery: Site) -> None:
    say(bakery, "accept")
    (number,) = months.current(bakery.conn, society_id(bakery), JANUARY)
    assert (number.quantity, number.quality) == (Decimal("15500.496"), Quality.EDITED)
    assert number.reasons == (Reason.IMPLAUSIBLE,)
    found = balance(bakery)
    assert found is not None
    assert (found.units, found.units_known) == (Decimal("15500.496"), 1)
    assert close(bakery, now=NOW + 2 * DAY).published == 0


def test_what_has_no_quantity_cannot_be_accepted(dialled: Site) -> None:
    close(dialled)
    with pytest.raises(NumberRefused, match="its version 2 was published, and no change of it"):
        decide(dialled.conn, SOCIETY, said("accept", "A-1"), NOW, apply=True)
    with pytest.raises(NumberRefused, match="no such number"):
        decide(dialled.conn, SOCIETY, said("keep", "A-9"), NOW, apply=True)
    with pytest.raises(NotFound, match="cloud-ingest close-month 2026-02"):
        decide(dialled.conn, SOCIETY, said("keep", month=FEBRUARY), NOW, apply=True)
    dialled.units(unit_line("A-3", "3", since="2025-12-01"))
    close(dialled, now=NOW + DAY)
    with pytest.raises(NumberRefused, match="enter the register: cloud-ingest reading enter"):
        decide(dialled.conn, SOCIETY, said("accept", "A-3"), NOW, apply=True)


def test_nothing_is_kept_of_what_was_not_published(bakery: Site) -> None:
    with pytest.raises(NumberRefused, match="nothing of it was published"):
        say(bakery, "keep")


def test_a_word_is_of_the_quantity_that_was_seen(dialled: Site) -> None:
    close(dialled)
    elect_late(dialled, 12_374_770)
    with pytest.raises(NumberRefused, match=r"29\.760 kWh and is 29\.770 kWh now"):
        say(dialled, "accept")
    assert dialled.one("SELECT count(*) FROM number_word") == 0


def test_of_two_words_at_once_the_second_is_refused(
    dialled: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    close(dialled)

    def after_another(*arguments: Any, **named: Any) -> Closed:
        monkeypatch.undo()
        say(dialled, "accept")
        return close_again(*arguments, **named)

    monkeypatch.setattr(decision, "close_again", after_another)
    with pytest.raises(NumberRefused, match="no change of it waits"):
        say(dialled, "keep", now=NOW + 2 * DAY)
    assert dialled.all("SELECT kind FROM number_word") == [("accept",)]


def test_an_accepted_withdrawal_leaves_a_quantity_in_doubt(flat: Site) -> None:
    close(flat)
    of_an_hour = every(FIRST + HOUR, BORDER, 50, 0, HOUR)  # the register moved by 40 in each
    flat.deliver("1", of_an_hour, column=INTERVAL_WH, period_s=3600)
    assert [each.quantity for each in close(flat).held] == [None]
    decide(flat.conn, SOCIETY, said("accept", "A-1"), NOW + DAY, apply=True)
    assert [type(each) for each in billing_messages(flat)] == [
        MonthlyConsumption,
        MonthlyWithdrawal,
    ]
    (waits,) = waiting_numbers(flat.conn, SOCIETY)
    assert (waits.state, waits.quantity, waits.reasons) == (
        "doubted",
        Decimal("29.760"),
        (Reason.SUM_CHECK,),
    )
    decide(flat.conn, SOCIETY, said("accept", "A-1"), NOW + 2 * DAY, apply=True)
    assert standing(flat) == [(JANUARY, Decimal("29.760"), 3)]


def test_what_is_entered_after_a_closing_in_the_future_asks_once(flat: Site) -> None:
    close(flat, now=NOW + 365 * DAY)
    named = NamedReading(NamedMeter("A-1", Service.ELECTRICITY), BORDER, value=Decimal("12375.760"))
    word = Word("enter", "caretaker", "the module missed a pulse")
    correct_reading(flat.conn, SOCIETY, named, word, NOW + DAY, apply=True)
    closed = close(flat, now=NOW + 2 * DAY)
    assert closed.held == ()
    assert standing(flat)[0] == (JANUARY, Decimal("30.760"), 2)
    (line,) = month_report(flat.conn, SOCIETY, JANUARY).lines
    assert line.correction is not None
    assert line.correction.what == "reading entered"
    elect_late(flat, 12_379_760, serial="1")
    assert [each.subject.id for each in close(flat, now=NOW + 3 * DAY).held] == ["A-1"]


def test_a_list_that_changed_after_a_closing_in_the_future_is_followed(flat: Site) -> None:
    close(flat, now=NOW + 365 * DAY)
    named = Named("A-1", Service.ELECTRICITY)
    at = NOW + DAY
    take_back(flat.conn, SOCIETY, named, by="manager", reason="it is of B", now=at, apply=True)
    flat.units(unit_line("B", "1", since="2025-12-01"), now=at)
    done = close(flat, FEBRUARY, now=NOW + 2 * DAY)
    assert [each.month for each in done.earlier] == [JANUARY]
    assert standing(flat, "B") == [
        (JANUARY, Decimal("29.760"), 1),
        (FEBRUARY, Decimal("26.880"), 1),
    ]


@pytest.mark.parametrize(("kind", "quantity"), [("accept", "29.760"), ("keep", "19.760")])
def test_a_word_counts_after_a_closing_in_the_future(
    dialled: Site, kind: WordKind, quantity: str
) -> None:
    migrate(dialled.conn, restored=True)  # what stands is sent once more
    close(dialled, now=NOW + 365 * DAY)
    say(dialled, kind)
    assert close(dialled, now=NOW + 2 * DAY).held == ()
    assert standing(dialled, "A-2")[0][1] == Decimal(quantity)


@pytest.mark.parametrize("kind", ["accept", "keep"])
def test_a_word_on_another_quantity_is_refused(dialled: Site, kind: WordKind) -> None:
    close(dialled)
    other = replace(said(kind), saw=(Decimal("29.750"),))
    told = "you saw 29.750 kWh, and it would become 29.760 kWh now: .* --quantity 29.760"
    with pytest.raises(NumberRefused, match=told):
        decide(dialled.conn, SOCIETY, other, NOW + DAY, apply=True)
    assert dialled.all("SELECT kind FROM number_word") == []
    seen = replace(said(kind), saw=(Decimal("29.76"),))
    assert decide(dialled.conn, SOCIETY, seen, NOW + DAY, apply=True).is_applied


@pytest.mark.parametrize("kind", ["accept", "keep"])
def test_a_word_without_what_was_seen_is_refused(
    dialled: Site, store_dsn: str, kind: WordKind
) -> None:
    close(dialled)
    environment = {"IOT_UTILITY_DSN": store_dsn, "IOT_UTILITY_SOCIETY": SOCIETY}
    of = ("A-2", "--service", "electricity", "--month", JANUARY, "--by", "me", "--reason", "so")
    result = CliRunner().invoke(app, ["number", kind, *of, "--yes"], env=environment)
    assert result.exit_code != 0
    assert dialled.all("SELECT kind FROM number_word") == []
    result = CliRunner().invoke(
        app, ["number", kind, *of, "--quantity", "29.750", "--yes"], env=environment
    )
    assert result.exit_code != 0
    assert dialled.all("SELECT kind FROM number_word") == []


def test_the_commands_of_numbers(dialled: Site, store_dsn: str) -> None:
    close(dialled)

    def run(*words: str) -> str:
        environment = {
            "IOT_UTILITY_DSN": store_dsn, "IOT_UTILITY_SOCIETY": SOCIETY, "COLUMNS": "160",
        }  # fmt: skip
        result = CliRunner().invoke(app, ["number", *words], env=environment)
        assert result.exit_code == 0, result.output
        return result.stdout

    assert "19.760 kWh (v1)  29.760 kWh  late_change" in run("list")
    (line,) = run("list", "--json").splitlines()
    assert json.loads(line)["quantity"] == "29.760"
    of = ("A-2", "--service", "electricity", "--month", JANUARY)
    word = (*of, "--by", "treasurer", "--reason", "the dial was read wrongly")
    assert run("keep", *word).splitlines()[-1].startswith("nothing is written yet")
    told = run("accept", *word).splitlines()[-1]
    command = shlex.split(told.removeprefix("nothing is written yet: to apply it: "))
    assert command[-7:-4] == ["--quantity", "29.760", "--by"]
    assert "(v2)" in run(*command[2:])
    assert run("list") == "no number waits for a person\n"
