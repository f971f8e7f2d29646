# SPDX-License-Identifier: MIT
"""Months whose borders were not read: told, estimated, and billed once they are known."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.cli.month import as_table
from cloud_ingest.core.month import parse_month
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.named_reading import NamedReading, Word
from cloud_ingest.entries.self_read import self_read
from cloud_ingest.month.close import Closed, close_month
from cloud_ingest.month.correction import correct_reading
from cloud_ingest.month.report import as_json, month_report
from cloud_ingest.settings import EstimatesRule
from cloud_ingest.store import months
from cloud_ingest.store.events import list_events
from shared_schema.billing import Bounds, EstimateMethod, MonthlyConsumption, Withheld
from shared_schema.catalogue import Service
from shared_schema.events import EventKind, SubjectType
from shared_schema.quality import Origin, Quality, Reason
from tests.support.store import SOCIETY, ZONE, Site, every, local, unit_line

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def close(site: Site, month: str, at: str = "2026-12-05 09:00") -> Closed:
    return close_month(site.conn, SOCIETY, month, local(at))


def read(site: Site, start: str, end: str, *, serial: str = "1") -> None:
    """Let a meter tell each hour from one time to another: 1 kWh an hour since January."""
    begin = local(start)
    first = (begin - local("2026-01-01 00:00")) // HOUR * 1_000
    rows = every(begin, local(end), first, 1_000, HOUR)
    for number in range(0, len(rows), 2_000):
        site.deliver(serial, rows[number : number + 2_000])


def prolonged(site: Site, state: str | None = "open") -> list[tuple[str, str, str]]:
    return [
        (each.event.subject.id, each.event.state, f"{each.event.since:%Y-%m-%d}")
        for each in list_events(site.conn, society=SOCIETY, state=state)
        if each.event.kind is EventKind.PROLONGED_ESTIMATE
    ]


def test_a_second_month_without_proof_is_a_flag(site: Site) -> None:
    site.units(unit_line("A-1", "1"), unit_line("A-2", "2"))
    for serial in ("1", "2"):
        read(site, "2026-07-01 00:00", "2026-07-20 00:00", serial=serial)
    read(site, "2026-07-20 01:00", "2026-11-02 00:00", serial="2")
    close(site, "2026-07")
    assert prolonged(site) == []
    close(site, "2026-08")
    assert prolonged(site) == [("A-1", "open", "2026-06-30")]
    (flag,) = list_events(site.conn, society=SOCIETY)
    assert flag.event.subject.type is SubjectType.UNIT
    assert flag.event.message.startswith(
        "The electricity of A-1 could not be proved for months in a row, since 2026-07: "
    )
    close(site, "2026-07")  # an older month says nothing of the newest
    assert len(prolonged(site)) == 1


def test_a_proved_month_ends_the_flag(site: Site) -> None:
    site.units(unit_line("A-1", "1"))
    read(site, "2026-07-01 00:00", "2026-07-20 00:00")
    for month in ("2026-07", "2026-08", "2026-09"):
        close(site, month)
    assert len(prolonged(site)) == 1
    read(site, "2026-10-01 00:00", "2026-11-02 00:00")
    close(site, "2026-10")
    assert prolonged(site) == []
    assert prolonged(site, None) == [("A-1", "cleared", "2026-06-30")]


def number(closed: Closed, subject: str = "A-1") -> MonthlyConsumption:
    (found,) = [each for each in closed.numbers if each.subject.id == subject]
    return found


def withheld(closed: Closed, subject: str = "A-1") -> Withheld:
    (found,) = [each for each in closed.withheld if each.subject.id == subject]
    return found


JULY, AUGUST, SEPTEMBER = Decimal(744), Decimal(744), Decimal(720)
"""kWh of 1 kWh an hour in 31, 31 and 30 days."""


@pytest.fixture
def flat(site: Site) -> Site:
    """One flat, read in June and July, and again from 10 August on."""
    site.units(unit_line("A-1", "1"))
    read(site, "2026-06-01 00:00", "2026-07-20 00:00")
    return site


def test_a_missed_border_is_caught_up(flat: Site) -> None:
    """By hand: the gateway is away from 20 July to 10 August; both months are 1,488 kWh."""
    close(flat, "2026-06")
    july = withheld(close(flat, "2026-07"))
    assert july.reasons == (Reason.NO_CLOSING, Reason.OFFLINE)
    read(flat, "2026-08-10 00:00", "2026-10-02 00:00")
    closed = close(flat, "2026-08")
    caught = number(closed)
    assert (caught.quantity, caught.since) == (JULY + AUGUST, "2026-07")
    assert caught.quality is Quality.VALIDATED
    assert Reason.CATCH_UP in caught.reasons
    assert [share.month for share in caught.shares] == ["2026-07", "2026-08"]
    assert sum(share.share.quantity for share in caught.shares) == caught.quantity
    assert [share.share.quantity for share in caught.shares] == [JULY, AUGUST]
    assert caught.shares[0].share.method is EstimateMethod.GOOD_DAYS
    assert number(close(flat, "2026-09")).quantity == SEPTEMBER


def test_two_missed_borders_are_caught_up(flat: Site) -> None:
    close(flat, "2026-07")
    close(flat, "2026-08")
    read(flat, "2026-09-10 00:00", "2026-10-02 00:00")
    caught = number(close(flat, "2026-09"))
    assert (caught.quantity, caught.since) == (JULY + AUGUST + SEPTEMBER, "2026-07")
    assert prolonged(flat) == []
    assert sum(share.share.quantity for share in caught.shares) == caught.quantity


def test_a_back_fill_gives_each_month_its_own_number(flat: Site) -> None:
    for month in ("2026-06", "2026-07", "2026-08"):
        close(flat, month)
    read(flat, "2026-09-10 00:00", "2026-10-02 00:00")
    close(flat, "2026-09")
    read(flat, "2026-07-20 01:00", "2026-09-09 23:00")
    closed = close(flat, "2026-09")
    assert [number(each).quantity for each in closed.earlier] == [JULY, AUGUST]
    assert (number(closed).quantity, number(closed).version) == (SEPTEMBER, 2)
    assert (number(closed).since, number(closed).shares) == (None, ())


@pytest.mark.parametrize("again", ["2026-07", "2026-08"])
def test_any_month_of_a_catch_up_may_be_closed_again(flat: Site, again: str) -> None:
    for month in ("2026-06", "2026-07", "2026-08"):
        close(flat, month)
    read(flat, "2026-09-10 00:00", "2026-10-02 00:00")
    close(flat, "2026-09")
    read(flat, "2026-07-20 01:00", "2026-08-05 00:00")  # 1 August is read, 1 September is not
    close(flat, again)
    assert number(close(flat, "2026-07")).quantity == JULY
    assert withheld(close(flat, "2026-08")).reasons == (Reason.NO_CLOSING,)
    caught = number(close(flat, "2026-09"))
    assert (caught.quantity, caught.since) == (AUGUST + SEPTEMBER, "2026-08")


def test_a_catch_up_gives_back_what_lies_beyond_its_bounds(site: Site) -> None:
    """Both borders of August are missed, each by days; then the first one is read after all.

    By hand: of the gap around 1 September at most 384 kWh are September's, beside 504; August and
    September are 1,464 together.
    """
    site.units(unit_line("A-1", "1"))
    read(site, "2026-06-30 00:00", "2026-07-20 00:00")
    read(site, "2026-08-05 00:00", "2026-08-25 00:00")
    read(site, "2026-09-10 00:00", "2026-10-02 00:00")
    for month in ("2026-07", "2026-08", "2026-09"):
        close(site, month)
    assert number(close(site, "2026-09")).since == "2026-07"
    read(site, "2026-07-20 01:00", "2026-08-04 23:00")
    closed = close(site, "2026-09")
    assert number(closed.earlier[0]).quantity == JULY
    caught = number(closed)
    assert (caught.quantity, caught.since) == (AUGUST + SEPTEMBER, "2026-08")
    assert closed.held == ()


def test_what_is_withheld_has_its_estimate(flat: Site) -> None:
    """By hand: 24 kWh a day; from 20 July on at most 72 kW for 288 hours, a minute, a step."""
    found = withheld(close(flat, "2026-07")).estimate
    assert found is not None
    assert (found.quantity, found.method) == (JULY, EstimateMethod.GOOD_DAYS)
    assert found.bounds == Bounds(lower=Decimal(456), upper=Decimal("21193.201"))
    read(flat, "2026-08-10 00:00", "2026-08-20 00:00")
    bounded = withheld(close(flat, "2026-07")).estimate
    assert bounded is not None
    assert bounded.bounds == Bounds(lower=Decimal(456), upper=Decimal(960))


def test_bounds_are_what_the_meter_is_made_for(flat: Site) -> None:
    """By hand: one phase of 10 A, 264 W each, is 2.64 kW, for 288 hours, a minute, and a step."""
    flat.conn.execute("UPDATE meter SET phases = 1, max_current_a = 10")
    found = withheld(close(flat, "2026-07")).estimate
    assert found is not None
    assert found.bounds == Bounds(lower=Decimal(456), upper=Decimal("1216.365"))


def test_an_estimate_is_sent_and_replaced(flat: Site) -> None:
    def send(month: str) -> Closed:
        return close_month(flat.conn, SOCIETY, month, local("2026-12-05 09:00"), estimates="sent")

    send("2026-06")
    july = number(send("2026-07"))
    assert (july.quantity, july.quality) == (JULY, Quality.ESTIMATED)
    assert july.bounds is not None
    assert july.parts[0].closing.origin is Origin.ESTIMATE
    august = number(send("2026-08"))
    assert (august.quantity, august.quality) == (AUGUST, Quality.ESTIMATED)
    assert august.parts[0].opening == july.parts[0].closing
    assert prolonged(flat) == [("A-1", "open", "2026-06-30")]
    begin = local("2026-09-10 00:00")
    usual = (begin - local("2026-01-01 00:00")) // HOUR * 1_000
    rows = every(begin, local("2026-10-02 00:00"), usual + 50_000, 1_000, HOUR)
    flat.deliver("1", rows)
    closed = send("2026-09")
    told = [*(number(each) for each in closed.earlier), number(closed)]
    assert [each.month for each in told] == ["2026-07", "2026-08", "2026-09"]
    assert [each.version for each in told] == [2, 2, 1]
    assert sum(each.quantity for each in told) == JULY + AUGUST + SEPTEMBER + 50
    for each, following in pairwise(told):
        assert each.parts[0].closing == following.parts[0].opening
    read_back = send("2026-09")
    assert (read_back.published, [each.published for each in read_back.earlier]) == (0, [0, 0])


def test_a_border_missed_by_hours_is_caught_up(site: Site) -> None:
    """By hand: 90 kWh are counted from 22:00 to 04:00 the next day, at most 73.201 in an hour."""
    site.units(unit_line("A-1", "1"))
    read(site, "2026-07-01 00:00", "2026-07-31 22:00")
    read(site, "2026-08-01 04:00", "2026-09-02 00:00")
    july = withheld(close(site, "2026-07")).estimate
    assert july is not None
    assert (july.quantity, july.bounds) == (
        JULY,
        Bounds(lower=JULY - 2, upper=JULY + 4),
    )
    caught = number(close(site, "2026-08"))
    assert (caught.quantity, caught.since) == (JULY + AUGUST, "2026-07")


def test_a_catch_up_crosses_a_year_end(site: Site) -> None:
    site.units(unit_line("A-1", "1"))
    read(site, "2026-11-30 00:00", "2026-12-20 00:00")
    read(site, "2027-01-10 00:00", "2027-02-02 00:00")
    close(site, "2026-12", "2027-02-05 09:00")
    caught = number(close(site, "2027-01", "2027-02-05 09:00"))
    assert (caught.quantity, caught.since) == (2 * JULY, "2026-12")
    assert [share.month for share in caught.shares] == ["2026-12", "2027-01"]


def test_a_dead_inlet_is_caught_up_with_the_other(site: Site) -> None:
    """By hand: 744 kWh a month of each; while one is dead, the sum is withheld and estimated."""
    site.units(unit_line("A-1", "1", source="inlet-1"), unit_line("A-1", "2", source="inlet-2"))
    read(site, "2026-07-01 00:00", "2026-10-02 00:00", serial="1")
    read(site, "2026-07-01 00:00", "2026-07-20 00:00", serial="2")
    july = withheld(close(site, "2026-07")).estimate
    assert july is not None
    assert (july.quantity, july.bounds.lower) == (2 * JULY, JULY + 456)
    read(site, "2026-08-10 00:00", "2026-09-02 00:00", serial="2")
    caught = number(close(site, "2026-08"))
    assert (caught.quantity, caught.since) == (2 * (JULY + AUGUST), "2026-07")
    assert {part.source: part.quantity for part in caught.parts} == {
        "inlet-1": JULY + AUGUST,
        "inlet-2": JULY + AUGUST,
    }
    assert [share.share.quantity for share in caught.shares] == [2 * JULY, 2 * AUGUST]


def test_dials_read_now_and_then_are_caught_up(site: Site) -> None:
    """By hand: 1,000 kWh on 1 July, 1,480 on 1 October: 480 kWh over three months."""
    site.units("Tower 1,unit,C-1,electricity,grid,,,yes,2026-06-01,")
    for at, value in (("2026-07-01 08:00", "1000"), ("2026-10-01 09:00", "1480")):
        self_read(
            site.conn,
            SOCIETY,
            NamedMeter("C-1", Service.ELECTRICITY),
            value=Decimal(value),
            at=local(at),
            by="resident",
            now=local("2026-12-05 09:00"),
        )
    for month in ("2026-06", "2026-07", "2026-08"):
        assert withheld(close(site, month), "C-1").subject.id == "C-1"
    caught = number(close(site, "2026-09"), "C-1")
    assert (caught.quantity, caught.since) == (Decimal(480), "2026-07")
    assert caught.quality is Quality.SELF_READ
    assert sum(share.share.quantity for share in caught.shares) == Decimal(480)


def enter(site: Site, subject: str, serial: str, at: str, value: str) -> None:
    meter = NamedMeter(subject, Service.ELECTRICITY, serial=serial)
    named = NamedReading(meter, local(at), value=Decimal(value))
    word = Word("enter", "caretaker", "read from the dial")
    correct_reading(site.conn, SOCIETY, named, word, local("2026-12-05 08:00"), apply=True)


def test_a_meter_replaced_while_away_is_caught_up_by_its_dials(site: Site) -> None:
    """By hand: the old dial said 5,300 kWh when it went, 1 July 4,344; the new one began at 0.

    From 6 August 14:00 to 1 September the new meter counted 600 kWh: 956 and 600 are 1,556.
    """
    site.units(
        unit_line("A-1", "1", until="2026-08-06T14:00+05:30"),
        unit_line("A-1", "2", since="2026-08-06T14:00+05:30"),
    )
    read(site, "2026-06-30 00:00", "2026-07-20 00:00")
    begin, end = local("2026-08-20 00:00"), local("2026-09-02 00:00")
    site.deliver("2", every(begin, end, 312_000, 1_000, HOUR))
    close(site, "2026-07")
    august = withheld(close(site, "2026-08"))
    assert {Reason.NO_OPENING, Reason.NO_CLOSING} <= set(august.reasons)
    enter(site, "A-1", "1", "2026-08-06 14:00", "5300")
    enter(site, "A-1", "2", "2026-08-06 14:00", "0")
    caught = number(close(site, "2026-08"))
    assert (caught.quantity, caught.since) == (Decimal(1556), "2026-07")
    assert [part.quantity for part in caught.parts] == [Decimal(956), Decimal(600)]


HANDED_OVER = "2026-08-10T10:00+05:30"


@pytest.fixture
def handed_over(site: Site) -> Site:
    """A meter that goes from A-1 to A-2 on 10 August at 10:00, while its gateway is away."""
    site.units(unit_line("A-1", "1", until=HANDED_OVER), unit_line("A-2", "1", since=HANDED_OVER))
    read(site, "2026-06-30 00:00", "2026-07-20 00:00")
    read(site, "2026-09-10 00:00", "2026-10-02 00:00")
    return site


def test_a_handover_while_away_waits_for_a_dial(handed_over: Site) -> None:
    """By hand: 1 July to 10 August 10:00 are 970 hours, from there to 1 October 1,238."""
    for month in ("2026-07", "2026-08", "2026-09"):
        close(handed_over, month)
    assert [each.subject.id for each in close(handed_over, "2026-09").withheld] == ["A-2"]
    at = (local("2026-08-10 10:00") - local("2026-01-01 00:00")) // HOUR
    enter(handed_over, "A-1", "1", "2026-08-10 10:00", str(at))
    before = number(close(handed_over, "2026-08"), "A-1")
    after = number(close(handed_over, "2026-09"), "A-2")
    assert (before.quantity, before.since) == (Decimal(970), "2026-07")
    assert (after.quantity, after.since) == (Decimal(1238), "2026-08")


def test_both_sides_of_a_handover_share_its_estimate(handed_over: Site) -> None:
    found = [
        close_month(handed_over.conn, SOCIETY, month, local("2026-12-05 09:00"), estimates="sent")
        for month in ("2026-07", "2026-08", "2026-09")
    ]
    everything = [each for closed in found for each in closed.numbers]
    assert {each.subject.id for each in everything} == {"A-1", "A-2"}
    assert sum(each.quantity for each in everything) == JULY + AUGUST + SEPTEMBER
    assert {each.quality for each in everything} == {Quality.ESTIMATED}
    assert all(each.bounds is not None for each in everything)


def test_what_no_society_sends_stays_an_estimate(flat: Site) -> None:
    """A month that was sent as an estimate is still put right after the rule was changed."""
    close_month(flat.conn, SOCIETY, "2026-07", local("2026-12-05 09:00"), estimates="sent")
    read(flat, "2026-07-20 01:00", "2026-09-02 00:00")
    july = number(close(flat, "2026-07"))
    assert (july.quantity, july.quality, july.version) == (JULY, Quality.VALIDATED, 2)


def test_the_report_shows_an_estimate_and_a_catch_up(
    flat: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    close(flat, "2026-07")
    read(flat, "2026-08-10 00:00", "2026-09-02 00:00")
    close(flat, "2026-07")
    close(flat, "2026-08")
    july, august = (month_report(flat.conn, SOCIETY, f"2026-0{n}") for n in (7, 8))
    assert "about 744.000 kWh (456.000 to 960.000, good_days)" in as_table(july)
    assert "1488.000 kWh  validated: catch_up; counted since 2026-07" in as_table(august)
    estimate = json.loads(as_json(july))["lines"][0]["estimate"]
    assert (estimate["quantity"], estimate["method"]) == ("744.000", "good_days")
    shares = json.loads(as_json(august))["lines"][0]["shares"]
    assert [share["month"] for share in shares] == ["2026-07", "2026-08"]


def test_the_command_sends_estimates_where_asked(flat: Site, store_dsn: str) -> None:
    def run(*words: str) -> str:
        environment = {"IOT_UTILITY_DSN": store_dsn, "IOT_UTILITY_SOCIETY": SOCIETY}
        result = CliRunner().invoke(app, list(words), env=environment)
        assert result.exit_code == 0, result.output
        return result.output

    assert "0 numbers (0 to send), 1 withheld" in run("close-month", "2026-07")
    sent = run("close-month", "2026-07", "--estimates", "sent")
    assert "1 number (1 to send), 0 withheld" in sent
    read(flat, "2026-08-10 00:00", "2026-09-02 00:00")
    assert "2026-07 of Lake View: 1 number (1 to send)" in run("close-month", "2026-08")
    assert "estimated" in run("report", "2026-08")


MONTHS = [f"2026-{number:02}" for number in range(3, 10)]


@pytest.mark.parametrize("estimates", ["shown", "sent"])
@pytest.mark.parametrize("seed", range(3))
def test_no_use_is_lost_or_told_twice(site: Site, seed: int, estimates: EstimatesRule) -> None:
    """A flaky gateway, back-fill in any order, months closed again at random: it adds up."""
    chance = Random(seed)
    site.units(unit_line("A-1", "1"), unit_line("A-2", "2"))
    start, end = local("2026-02-28 00:00"), local("2026-10-02 00:00")
    days = [start + timedelta(days=number) for number in range((end - start).days)]
    rates = {"1": [chance.randrange(20) * 100 for _ in days], "2": [100 for _ in days]}
    lacking = {serial: list(days) for serial in rates}

    def tell(serial: str, told: list[datetime]) -> None:
        lacking[serial] = [day for day in lacking[serial] if day not in told]
        rows: list[tuple[datetime, int]] = []
        for day in told:
            place = (day - start).days
            first = sum(rates[serial][:place]) * 24
            rows += [(day + HOUR * n, first + rates[serial][place] * n) for n in range(1, 25)]
        if rows:
            site.deliver(serial, rows)

    def shut(month: str) -> None:
        close_month(site.conn, SOCIETY, month, local("2026-12-05 09:00"), estimates=estimates)
        for subject, serial in (("A-1", "1"), ("A-2", "2")):
            check(subject, serial)

    def truth(serial: str, until: datetime) -> Decimal:
        return Decimal(sum(rates[serial][: (until - start).days]) * 24).scaleb(-3)

    def check(subject: str, serial: str) -> None:
        society = site.one("SELECT society_id FROM society")
        former: MonthlyConsumption | None = None
        for month in MONTHS:
            for each in months.current(site.conn, society, month):
                if each.subject.id != subject:
                    continue
                opening, closing = each.parts[0].opening, each.parts[0].closing
                since = parse_month(each.since or month, ZONE)
                if former is not None:
                    assert former.month < str(since)
                    if parse_month(former.month, ZONE).end == since.start:
                        assert former.parts[0].closing == opening
                if each.quality is Quality.VALIDATED:
                    until = parse_month(month, ZONE).end
                    assert each.quantity == truth(serial, until) - truth(serial, since.start)
                else:
                    assert each.bounds is not None
                    assert each.bounds.lower <= each.quantity <= each.bounds.upper
                assert each.quantity == closing.register_value - opening.register_value
                former = each

    for month in MONTHS:
        span = parse_month(month, ZONE)
        for serial in rates:
            away = {day for day in days if chance.random() < 0.03}
            away |= {day + timedelta(days=n) for day in away for n in range(chance.randrange(40))}
            due = [day for day in lacking[serial] if day < span.end + 2 * DAY]
            tell(serial, [day for day in due if day not in away])
        shut(month)
        if chance.random() < 0.5:
            serial = chance.choice(sorted(rates))
            due = [day for day in lacking[serial] if day < span.end]
            tell(serial, chance.sample(due, len(due) // 2))
            shut(chance.choice([each for each in MONTHS if each <= month]))
    for serial in rates:
        tell(serial, lacking[serial])
    for month in chance.sample(MONTHS, len(MONTHS)):
        shut(month)
    society = site.one("SELECT society_id FROM society")
    for month in MONTHS:
        numbers = months.current(site.conn, society, month)
        assert [(each.quality, each.since) for each in numbers] == [(Quality.VALIDATED, None)] * 2
