# SPDX-License-Identifier: MIT
"""Closing a month: the numbers, what is withheld, what is sent, and when it stops."""

import hashlib
import json
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.cli.month import as_table
from cloud_ingest.core.month import month_of
from cloud_ingest.entries.epochs import add_epoch
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.self_read import self_read
from cloud_ingest.errors import CloseRefused, NotFound, RollupDisagrees
from cloud_ingest.month.close import Closed, close_month
from cloud_ingest.month.report import as_json, month_report
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.migrate import migrate
from cloud_ingest.store.outbox import billing_ack_key
from cloud_ingest.store.readings_write import NewReading, store_readings
from cloud_ingest.store.registry import find_society
from cloud_ingest.usage.balances import month_balances
from cloud_ingest.usage.so_far import day_usage, month_usage
from cloud_ingest.views.latest import latest
from shared_schema.balance import Reconciliation
from shared_schema.billing import BillingManifest, MonthlyConsumption
from shared_schema.catalogue import (
    ACTIVE_IMPORT,
    ACTIVE_IMPORT_INTERVAL,
    WATER_VOLUME,
    Service,
    Unit,
)
from shared_schema.quality import Origin, Quality, Reason
from shared_schema.readings import Column
from tests.support.gateway import WATER
from tests.support.store import IMPORTED_AT, SOCIETY, ZONE, Site, every, kwh, local, unit_line

START, END = local("2026-07-01 00:00"), local("2026-08-01 00:00")
BEFORE, AFTER = START - timedelta(days=2), END + timedelta(days=2)
NOW = local("2026-08-05 09:00")
HOUR = timedelta(hours=1)
HOURS = 31 * 24


def close(site: Site, month: str = "2026-07", now: datetime = NOW) -> Closed:
    return close_month(site.conn, SOCIETY, month, now)


def number_of(
    closed: Closed, subject: str, service: Service = Service.ELECTRICITY
) -> MonthlyConsumption:
    (found,) = [n for n in closed.numbers if n.subject.id == subject and n.service is service]
    return found


def reasons_of(closed: Closed, subject: str) -> set[Reason]:
    (found,) = [w for w in closed.withheld if w.subject.id == subject]
    return set(found.reasons)


@pytest.fixture
def flat(site: Site) -> Site:
    """One flat whose meter counts 10 Wh an hour, before, in and after July."""
    site.units(unit_line("A-1204", "1"))
    site.deliver("1", every(BEFORE, AFTER, 1000, 10, HOUR))
    return site


def test_a_month_is_the_difference_of_its_borders(flat: Site) -> None:
    closed = close(flat)
    number = number_of(closed, "A-1204")
    assert (number.quantity, number.unit) == (kwh(10 * HOURS), "kWh")
    assert (number.quality, number.reasons, number.version) == (Quality.VALIDATED, (), 1)
    (part,) = number.parts
    assert (part.opening.at, part.closing.at) == (START, END)
    assert part.opening.register_value == kwh(1000 + 48 * 10)
    assert closed.published == 1
    topic, payload, retain, key = flat.all(
        "SELECT topic, payload, retain, ack_key FROM outbox ORDER BY outbox_id"
    )[0]
    assert topic == "metering/v1/society/Lake%20View/billing/2026-07/unit/A-1204/electricity"
    assert (MonthlyConsumption.from_line(payload), retain) == (number, False)
    assert key == billing_ack_key(number)


def test_the_manifest_names_every_number_by_its_bytes(flat: Site) -> None:
    flat.units(unit_line("A-1204", "1"), unit_line("A-1205", "2"))
    close(flat)
    rows = flat.all("SELECT payload, retain FROM outbox ORDER BY outbox_id")
    assert rows[-1][1] is True
    manifest = BillingManifest.from_line(rows[-1][0])
    assert flat.one("SELECT sha256 FROM month_number") == manifest.entries[0].sha256
    assert flat.one("SELECT encode(sha256(payload), 'hex') FROM outbox WHERE ack_key <> ''") == (
        manifest.entries[0].sha256
    )
    assert [w.subject.id for w in manifest.withheld] == ["A-1205"]
    assert set(manifest.withheld[0].reasons) == {
        Reason.NO_OPENING,
        Reason.NO_CLOSING,
        Reason.OFFLINE,
    }


def test_closing_again_with_nothing_new_changes_nothing(flat: Site) -> None:
    first = close(flat)
    tables = ("outbox", "month_number", "month_close", "month_reconciliation")
    before = [flat.all(f"SELECT * FROM {table}") for table in tables]  # noqa: S608
    again = close(flat, now=NOW + timedelta(days=1))
    assert (again.numbers, again.published) == (first.numbers, 0)
    assert [flat.all(f"SELECT * FROM {table}") for table in tables] == before  # noqa: S608


def test_a_correction_is_the_next_version(flat: Site) -> None:
    close(flat)
    channel = flat.one("SELECT channel_id FROM channel")
    raw = flat.one("SELECT raw FROM reading WHERE ts = %s", END)
    edit = NewReading(channel, int(END.timestamp()), raw + 7, None, Origin.EDIT)
    store_readings(flat.conn, [edit], source="edit", at=NOW)
    number = number_of(close(flat), "A-1204")
    assert (number.version, number.quality) == (2, Quality.EDITED)
    assert number.quantity == kwh(10 * HOURS + 7)
    assert flat.one("SELECT array_agg(version ORDER BY version) FROM month_number") == [1, 2]
    entry = BillingManifest.from_line(flat.one("SELECT manifest FROM month_close")).entries[0]
    assert entry.version == 2
    assert close(flat).published == 0


def test_a_month_that_has_not_ended_is_refused(flat: Site) -> None:
    with pytest.raises(CloseRefused, match="can be closed from 2026-08-01 01:00 on"):
        close(flat, now=END + timedelta(minutes=59))
    assert close(flat, now=END + HOUR).published == 1
    with pytest.raises(CloseRefused, match="not a month"):
        close(flat, month="2026-13")
    with pytest.raises(CloseRefused, match="no meter of Lake View was assigned until"):
        close(flat, month="2024-07")
    with pytest.raises(NotFound, match="there is 'Lake View'"):
        close_month(flat.conn, "Lake Veiw", "2026-07", NOW)


TAMPERED = {
    "portable": (
        "UPDATE reading_day SET last_raw = last_raw + 5 WHERE day = '2026-07-09'",
        "UPDATE reading_day SET count = count + 1 WHERE day = '2026-07-31'",
        "UPDATE reading_month SET last_raw = last_raw + 5 WHERE month = '2026-07-01'",
        "DELETE FROM reading_day WHERE day = '2026-07-02'",
    ),
    "continuous": (
        "UPDATE {day} SET last_raw = last_raw + 5 WHERE bucket::date = '2026-07-08'",
        "UPDATE {day} SET count = count + 1 WHERE bucket::date = '2026-07-30'",
        "UPDATE {month} SET last_raw = last_raw + 5 WHERE bucket::date = '2026-06-30'",
        "DELETE FROM {day} WHERE bucket::date = '2026-07-01'",
    ),
}


@pytest.mark.parametrize("number", range(4))
def test_it_stops_where_a_rollup_disagrees(flat: Site, number: int) -> None:
    refresh(flat.conn, NOW)
    kind = flat.one("SELECT rollups FROM store")
    statement = TAMPERED[kind][number]
    if kind == "continuous":
        tables = dict(
            flat.all(
                "SELECT view_name, materialization_hypertable_schema || '.' || "
                "materialization_hypertable_name "
                "FROM timescaledb_information.continuous_aggregates"
            )
        )
        statement = statement.format(day=tables["reading_day_c"], month=tables["reading_month_c"])
    assert flat.conn.execute(statement.encode()).rowcount == 1
    with pytest.raises(RollupDisagrees, match=r"2026-07 is not closed: .* channel \d+ \(LNT 1"):
        close(flat)
    assert flat.one("SELECT count(*) FROM outbox") == 0
    assert flat.one("SELECT count(*) FROM month_number") == 0


def test_readings_during_a_closing_are_rolled_up_first(
    flat: Site, store_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cloud_ingest.month import close as module

    late = [(START + timedelta(minutes=30), 1485)]

    def refresh_then_deliver(conn: Connection, now: datetime) -> None:
        refresh(conn, now)
        if late:
            with connect(store_dsn) as other:
                channel = flat.one("SELECT channel_id FROM channel")
                at, raw = late.pop()
                reading = NewReading(channel, int(at.timestamp()), raw, None, Origin.METER)
                store_readings(other, [reading], source="late", at=NOW)

    monkeypatch.setattr(module, "refresh", refresh_then_deliver)
    assert number_of(close(flat), "A-1204").quantity == kwh(10 * HOURS)


def test_an_offline_meter_waits_for_a_self_read(flat: Site) -> None:
    flat.units(unit_line("A-1204", "1"), unit_line("C-0302", "3"))
    died = local("2026-07-24 14:00")
    flat.deliver("3", every(BEFORE, died, 0, 5, HOUR))
    closed = close(flat)
    assert reasons_of(closed, "C-0302") == {Reason.NO_CLOSING, Reason.OFFLINE}
    self_read(
        flat.conn,
        SOCIETY,
        NamedMeter("C-0302", Service.ELECTRICITY),
        value=Decimal("4.2"),
        at=END + 30 * HOUR,
        by="caretaker",
        now=NOW,
    )
    number = number_of(close(flat), "C-0302")
    assert number.quantity == kwh(4200 - 48 * 5)
    assert (number.quality, number.reasons) == (Quality.SELF_READ, (Reason.SELF_READ,))
    assert number.parts[0].closing.at == END + 30 * HOUR


def test_a_month_opens_where_the_last_closed(flat: Site) -> None:
    flat.units(unit_line("C-0304", "9"))
    flat.deliver("9", [(START, 100)])
    dials = ((END - 20 * HOUR, "0.7"), (local("2026-09-01 18:00"), "1.9"))
    for at, value in dials:
        self_read(
            flat.conn,
            SOCIETY,
            NamedMeter("C-0304", Service.ELECTRICITY),
            value=Decimal(value),
            at=at,
            by="me",
            now=at,
        )
    july = number_of(close(flat), "C-0304")
    flat.deliver("9", [(END, 720)])
    august = number_of(close(flat, "2026-08", local("2026-09-05 00:00")), "C-0304")
    assert august.parts[0].opening == july.parts[0].closing
    assert july.quantity + august.quantity == Decimal("1.8")
    again = close(flat, now=local("2026-09-06 00:00"))
    corrected = number_of(again, "C-0304")
    assert (corrected.version, corrected.quantity) == (2, Decimal("0.620"))
    (later,) = again.later
    august = number_of(later, "C-0304")
    assert (august.version, august.parts[0].opening) == (2, corrected.parts[0].closing)
    assert corrected.quantity + august.quantity == Decimal("1.8")
    assert close(flat, "2026-08", local("2026-09-06 00:00")).published == 0


def dial(
    site: Site, value: str, at: datetime, subject: str = "A-1", force: str | None = None
) -> None:
    self_read(
        site.conn,
        SOCIETY,
        NamedMeter(subject, Service.ELECTRICITY),
        value=Decimal(value),
        at=at,
        by="me",
        now=at,
        force_because=force,
    )


def test_a_moved_end_closes_later_months_again(site: Site, store_dsn: str) -> None:
    site.units(unit_line("A-1", "1"), unit_line("A-2", "2"), unit_line("bulk", "3", kind="bulk"))
    site.deliver("1", [(local("2026-06-01 00:00"), 200_000)])
    dial(site, "300", local("2026-07-03 09:00"))
    dial(site, "320", local("2026-08-02 09:00"))
    dial(site, "350", local("2026-09-02 09:00"))
    months = ("2026-06", "2026-07", "2026-08")
    now = local("2026-10-05 00:00")
    before = {month: close(site, month, now) for month in months}
    assert [number_of(before[month], "A-1").quantity for month in months] == [100, 20, 30]
    site.deliver("1", [(START, 298_500)])
    again = close(site, "2026-06", now)
    (july,) = again.later
    parts = [number_of(closed, "A-1") for closed in (again, july)]
    assert [(part.quantity, part.version) for part in parts] == [
        (Decimal("98.5"), 2),
        (Decimal("21.5"), 2),
    ]
    assert parts[0].parts[0].closing == parts[1].parts[0].opening
    assert close(site, "2026-06", now).later == ()
    site.deliver("3", [(local("2026-06-01 00:00"), 0), (START, 10), (END, 20)])
    july, _august = close(site, "2026-06", now).later
    assert july.reconciliations[0].bulk == kwh(10)
    site.deliver("1", [(END, 319_500)])
    words = ("close-month", "2026-07", "--society", SOCIETY)
    result = CliRunner().invoke(app, words, env={"IOT_UTILITY_DSN": store_dsn})
    assert result.stdout.splitlines()[1:] == [
        "closed again, because the month before now ends elsewhere: "
        "2026-08 of Lake View: 1 number (1 to send), 1 withheld, 1 reconciliation"
    ]
    assert number_of(close(site, "2026-08", now), "A-1").quantity == Decimal("30.5")


def test_a_month_closed_late_hands_its_end_on(site: Site) -> None:
    site.units(unit_line("A-1", "1"))
    site.deliver("1", [(local("2026-06-01 00:00"), 200_000)])
    dial(site, "300", local("2026-07-03 09:00"))
    dial(site, "320", local("2026-08-02 09:00"))
    site.deliver("1", [(START - HOUR, 270_000)])
    now = local("2026-10-05 00:00")
    assert number_of(close(site, "2026-07", now), "A-1").quantity == 20
    june = close(site, "2026-06", now)
    assert number_of(june, "A-1").quantity == 100
    assert [(later.month, later.published) for later in june.later] == [("2026-07", 0)]


def test_no_month_opens_at_a_withdrawn_number(site: Site) -> None:
    site.units(unit_line("A-1", "1"))
    site.deliver("1", [(local("2026-06-01 00:00"), 200_000)])
    dial(site, "300", local("2026-07-03 09:00"))
    dial(site, "320", local("2026-08-02 09:00"))
    now = local("2026-10-05 00:00")
    close(site, "2026-06", now)
    close(site, "2026-07", now)
    site.units(unit_line("A-1", "1", since="2026-06-02"), now=now)
    again = close(site, "2026-06", now)
    assert reasons_of(again, "A-1") >= {Reason.NO_OPENING}
    assert number_of(again.later[0], "A-1").quantity == 20


def test_a_part_of_a_month_needs_both_ends(site: Site) -> None:
    swap = local("2026-07-25 00:00")
    site.units(
        unit_line("A-1", "1", until="2026-07-25"),
        unit_line("A-1", "2", since="2026-07-25"),
        unit_line("A-2", "3", since="2026-07-01"),
        unit_line("A-3", "4", since="2026-07-10"),
    )
    site.deliver("1", every(BEFORE, local("2026-07-02 12:00"), 0, 10, HOUR))
    site.deliver("2", every(swap, AFTER, 5, 20, HOUR))
    site.deliver("3", every(local("2026-07-28 00:00"), AFTER, 900, 10, HOUR))
    site.deliver("4", every(local("2026-07-10 00:00"), AFTER, 0, 10, HOUR))
    closed = close(site)
    assert {n.subject.id: n.reasons for n in closed.numbers} == {"A-3": (Reason.PART_OF_MONTH,)}
    assert reasons_of(closed, "A-2") == {Reason.INCOMPLETE, Reason.WIDE_BOUNDS}
    assert reasons_of(closed, "A-1") == {
        Reason.NO_CLOSING,
        Reason.INCOMPLETE,
        Reason.OFFLINE,
        Reason.PART_OF_MONTH,
    }
    self_read(
        site.conn,
        SOCIETY,
        NamedMeter("A-1", Service.ELECTRICITY),
        value=Decimal("5.5"),
        at=swap - HOUR,
        by="the fitter",
        now=NOW,
    )
    number = number_of(close(site), "A-1")
    assert [part.quantity for part in number.parts] == [kwh(5_500 - 480), kwh(20 * 7 * 24)]


def test_one_absurd_scaler_withholds_one_flat_alone(flat: Site) -> None:
    flat.units(
        unit_line("A-1204", "1"), unit_line("A-1205", "2"), unit_line("bulk", "3", kind="bulk")
    )
    absurd = Column(obis=ACTIVE_IMPORT, scaler=30, unit=Unit.WATT_HOUR)
    flat.deliver("2", every(START, END, 1, 1, HOUR), column=absurd)
    flat.deliver("3", every(START, END, 0, 20, HOUR))
    closed = close(flat)
    assert number_of(closed, "A-1204").quantity == kwh(10 * HOURS)
    assert reasons_of(closed, "A-1205") == {Reason.NO_OPENING, Reason.NO_CLOSING, Reason.SCALER}
    assert closed.reconciliations[0].loss is None
    dial(flat, "1.5", START, "A-1205", "withheld")
    dial(flat, "2.5", END, "A-1205", "withheld")
    assert number_of(close(flat), "A-1205").quantity == 1


def test_a_manifest_names_the_bytes_that_were_sent(flat: Site) -> None:
    close(flat)
    line = flat.one("SELECT message FROM month_number")
    sent = json.dumps(json.loads(line), indent=1).encode()
    digest = hashlib.sha256(sent).hexdigest()
    flat.conn.execute("UPDATE month_number SET message = %s, sha256 = %s", (sent, digest))
    flat.units(unit_line("A-1204", "1"), unit_line("A-1205", "2"))
    close(flat)
    (entry,) = BillingManifest.from_line(flat.one("SELECT manifest FROM month_close")).entries
    assert (entry.version, entry.sha256) == (1, digest)


def test_a_changed_border_closes_the_month_before_it(flat: Site) -> None:
    close(flat)
    flat.deliver("1", every(AFTER + HOUR, local("2026-09-01 00:00"), 3000, 10, HOUR))
    channel = flat.one("SELECT channel_id FROM channel")
    edit = NewReading(channel, int(END.timestamp()), 8000, None, Origin.EDIT)
    store_readings(flat.conn, [edit], source="edit", at=NOW)
    september = local("2026-09-03 00:00")
    closed = close(flat, "2026-08", september)
    assert [each.month for each in closed.earlier] == ["2026-07"]
    assert [each.version for each in closed.earlier[0].withdrawn] == [2]


def test_a_replaced_meter_counts_part_by_part(site: Site) -> None:
    swap = local("2026-07-15 11:00")
    site.units(
        unit_line("A-1", "1", until="2026-07-15T11:00"),
        unit_line("A-1", "2", since="2026-07-15T11:00"),
    )
    site.deliver("1", every(BEFORE, swap, 900_000, 10, HOUR))
    site.deliver("2", every(swap, AFTER, 5, 20, HOUR))
    number = number_of(close(site), "A-1")
    first, second = (swap - START) // HOUR, (END - swap) // HOUR
    assert number.quantity == kwh(first * 10 + second * 20)
    assert [part.meter.serial for part in number.parts] == ["1", "2"]
    assert number.parts[0].closing.at == number.parts[1].opening.at == swap
    assert number.reasons == (Reason.PART_OF_MONTH,)
    assert number.quality is Quality.VALIDATED


def test_a_rollover_needs_its_epoch(site: Site) -> None:
    site.units(unit_line("A-1", "1"))
    wrap = START + timedelta(days=9, hours=5)
    site.deliver("1", every(BEFORE, wrap - HOUR, 900_000, 10, HOUR))
    site.deliver("1", every(wrap, AFTER, 3, 10, HOUR))
    assert reasons_of(close(site), "A-1") == {Reason.REGISTER_DROP}
    site.conn.execute(
        "INSERT INTO epoch (channel_id, starts_at, offset_raw, reason, author) "
        "SELECT channel_id, %s, 1000000, 'rollover', 'me' FROM channel",
        (wrap,),
    )
    closing, opening = 1_000_003 + ((END - wrap) // HOUR) * 10, 900_000 + 48 * 10
    assert number_of(close(site), "A-1").quantity == kwh(closing - opening)


def test_the_generator_is_not_in_the_balance(site: Site) -> None:
    site.units(
        unit_line("A-1", "1"),
        unit_line("A-1", "2", source="generator"),
        unit_line("A-2", "3"),
        unit_line("lift", "4", kind="common"),
        unit_line("bulk", "5", kind="bulk"),
        unit_line("A-1", "6", service="water", source="inlet-1"),
        unit_line("A-1", "7", service="water", source="inlet-2"),
    )
    for serial, step in (("1", 100), ("2", 50), ("3", 200), ("4", 30), ("5", 341)):
        site.deliver(serial, every(BEFORE, AFTER, 0, step, HOUR))
    litres = Column(obis=WATER_VOLUME, scaler=0, unit=Unit.LITRE)
    site.deliver("6", every(BEFORE, AFTER, 0, 2, HOUR), column=WATER)
    site.deliver("7", every(BEFORE, AFTER, 0, 1, HOUR), column=litres)
    closed = close(site)
    number = number_of(closed, "A-1")
    assert {part.source: part.quantity for part in number.parts} == {
        "grid": kwh(100 * HOURS),
        "generator": kwh(50 * HOURS),
    }
    water = number_of(closed, "A-1", Service.WATER)
    assert (water.quantity, water.unit) == (kwh(3 * HOURS), "kL")
    assert {n.subject.id for n in closed.numbers} == {"A-1", "A-2", "lift"}
    energy, tower_water = closed.reconciliations
    assert (energy.bulk, energy.units, energy.common) == (
        kwh(341 * HOURS),
        kwh(300 * HOURS),
        kwh(30 * HOURS),
    )
    assert (energy.loss, energy.loss_percent) == (kwh(11 * HOURS), Decimal("3.23"))
    assert (energy.units_known, energy.units_total, energy.quality) == (2, 2, Quality.DERIVED)
    assert (tower_water.bulk, tower_water.loss) == (None, None)
    assert tower_water.reasons == (Reason.NO_METER,)
    sent = site.all("SELECT topic, payload FROM outbox WHERE topic LIKE '%%reconciliation%%'")
    assert [Reconciliation.from_line(payload) for _, payload in sent] == [energy, tower_water]


@pytest.fixture
def checked(flat: Site) -> Site:
    """The flat with its intervals, which add up to its register."""
    interval = Column(obis=ACTIVE_IMPORT_INTERVAL, scaler=0, unit=Unit.WATT_HOUR)
    rows = [(START + HOUR * n, 10) for n in range(1, HOURS + 1)]
    flat.deliver("1", rows, column=interval, period_s=3600)
    return flat


def edit_interval(site: Site, wh: int, at: datetime = NOW) -> None:
    channel = site.one("SELECT channel_id FROM channel WHERE kind = 'interval'")
    edit = NewReading(channel, int((START + HOUR).timestamp()), wh, None, Origin.EDIT)
    store_readings(site.conn, [edit], source="edit", at=at)


def test_intervals_that_disagree_withhold_the_number(checked: Site) -> None:
    edit_interval(checked, 99)
    closed = close(checked)
    assert closed.numbers == ()
    assert reasons_of(closed, "A-1204") == {Reason.SUM_CHECK}
    assert checked.one("SELECT count(*) FROM month_number") == 0


def test_an_edit_takes_back_a_number_that_it_disproves(checked: Site) -> None:
    given = number_of(close(checked), "A-1204")
    edit_interval(checked, 99, NOW + HOUR)
    again = close(checked, now=NOW + HOUR)
    assert (again.numbers, again.published, again.taken_back) == ((), 0, 1)
    manifest = BillingManifest.from_line(checked.one("SELECT manifest FROM month_close"))
    assert manifest.entries == ()
    assert manifest.withheld[0].reasons == (Reason.SUM_CHECK,)
    assert [entry.version for entry in manifest.withdrawn] == [2]
    kept = checked.one("SELECT message FROM month_number")
    assert MonthlyConsumption.from_line(kept) == given
    edit_interval(checked, 10, NOW + 2 * HOUR)
    restored = number_of(close(checked, now=NOW + 2 * HOUR), "A-1204")
    assert (restored.quantity, restored.version) == (given.quantity, 3)
    manifest = BillingManifest.from_line(checked.one("SELECT manifest FROM month_close"))
    assert (len(manifest.entries), manifest.withdrawn) == (1, ())


def test_a_disproved_unit_leaves_the_loss_open(checked: Site) -> None:
    checked.units(unit_line("A-1204", "1"), unit_line("bulk", "9", kind="bulk"))
    checked.deliver("9", every(BEFORE, AFTER, 0, 12, HOUR))
    assert close(checked).reconciliations[0].loss == kwh(2 * HOURS)
    edit_interval(checked, 99)
    (balance,) = close(checked).reconciliations
    assert balance.loss is None
    assert balance.quality is Quality.MISSING
    assert (balance.units_known, balance.units_total) == (0, 1)


QUARTER = HOUR / 4


def test_a_register_that_restarted_is_withheld_until_explained(site: Site) -> None:
    """By hand: 2,976 quarters of 10 Wh are 29.760 kWh; it restarts at 0 with the 1,445th."""
    site.units(unit_line("A-1", "1"))
    restart = START + 1445 * QUARTER
    site.deliver("1", every(START, restart - QUARTER, 0, 10))
    site.deliver("1", every(restart, END, 0, 10))
    closed = close(site)
    assert closed.numbers == ()
    assert reasons_of(closed, "A-1") == {Reason.REGISTER_DROP}
    assert site.one("SELECT raw FROM reading WHERE ts = %s", END) == 15_310
    add_epoch(
        site.conn,
        SOCIETY,
        NamedMeter("A-1", Service.ELECTRICITY),
        starts_at=restart,
        adds=Decimal("14.450"),
        reason="reset",
        by="me",
        now=NOW,
    )
    number = number_of(close(site), "A-1")
    assert (number.quantity, number.quality) == (Decimal("29.760"), Quality.VALIDATED)


def test_a_restart_within_a_day_is_withheld(site: Site) -> None:
    """By hand: 100 kWh fall to 0 at noon; 48 quarters of 5 kWh are 240 kWh at midnight."""
    site.units(unit_line("A-1", "1"))
    noon, midnight = START + 12 * HOUR, START + 24 * HOUR
    site.deliver("1", every(START, noon - QUARTER, 100_000, 10))
    site.deliver("1", every(noon, midnight, 0, 5_000))
    site.deliver("1", every(midnight + HOUR, END, 240_010, 10, HOUR))
    assert reasons_of(close(site), "A-1") == {Reason.REGISTER_DROP}


@pytest.mark.parametrize("period", [QUARTER, 24 * HOUR])
def test_four_gigawatt_hours_of_a_flat_are_withheld(site: Site, period: timedelta) -> None:
    site.units(unit_line("A-1", "1"))
    half = START + (END - START) // period // 2 * period
    site.deliver("1", every(START, half, 12_345_000, 10, period))
    later = every(half, END, 4_012_345_000, 10, period)[1:]
    site.deliver("1", later)
    closed = close(site)
    assert closed.numbers == ()
    assert reasons_of(closed, "A-1") == {Reason.IMPLAUSIBLE}


def test_a_month_beyond_its_unit_is_withheld(site: Site) -> None:
    """By hand: 31 days of 500 kWh are 15,500 kWh; 744 hours of 20,833 Wh are 15,499.752 kWh."""
    site.units(unit_line("A-1", "1"), unit_line("A-2", "2"), unit_line("lift", "3", kind="common"))
    for serial, step in (("1", 20_833), ("2", 20_834), ("3", 20_834)):
        site.deliver(serial, every(START, END, 7, step, HOUR))
    closed = close(site)
    assert number_of(closed, "A-1").quantity == Decimal("15499.752")
    assert reasons_of(closed, "A-2") == {Reason.IMPLAUSIBLE}
    assert number_of(closed, "lift").quantity == Decimal("15500.496")


def test_water_beyond_its_unit_is_withheld(site: Site) -> None:
    """By hand: 31 days of 50 kL are 1,550 kL; 744 hours of 2,084 L are 1,550.496 kL."""
    site.units(unit_line("A-1", "1", service="water"), unit_line("A-2", "2", service="water"))
    for serial, step in (("1", 2_083), ("2", 2_084)):
        site.deliver(serial, every(START, END, 7, step, HOUR), column=WATER)
    closed = close(site)
    assert number_of(closed, "A-1", Service.WATER).quantity == Decimal("1549.752")
    assert reasons_of(closed, "A-2") == {Reason.IMPLAUSIBLE}


def test_a_jump_is_withheld_until_an_epoch_explains_it(site: Site) -> None:
    """By hand: 2,000 kWh within an hour are beyond 72 kW; the next month is not touched."""
    site.units(unit_line("A-1", "1"))
    jump = START + timedelta(days=9)
    site.deliver("1", every(BEFORE, jump - HOUR, 1000, 10, HOUR))
    after = 1000 + (jump - BEFORE) // HOUR * 10 + 2_000_000
    site.deliver("1", every(jump, local("2026-09-01 00:00"), after, 10, HOUR))
    assert reasons_of(close(site), "A-1") == {Reason.IMPLAUSIBLE}
    september = local("2026-09-03 00:00")
    assert number_of(close(site, "2026-08", september), "A-1").quantity == kwh(10 * HOURS)
    for adds, used in (("-1999.9", "0.110"), ("-2000", "0.010")):  # the second corrects the first
        done = add_epoch(
            site.conn,
            SOCIETY,
            NamedMeter("A-1", Service.ELECTRICITY),
            starts_at=jump,
            adds=Decimal(adds),
            reason="a pulse storm",
            by="me",
            now=september,
        )
        assert done.used == Decimal(used)
        september += HOUR
        number = number_of(close(site, now=september), "A-1")
        assert number.quantity == kwh(10 * (HOURS - 1)) + done.used


JULY = month_of(2026, 7, ZONE)
MIDDLE = START + timedelta(days=15)
COURSES = {
    "true": every(BEFORE, AFTER, 1000, 10, HOUR),
    "restarted": [
        *every(BEFORE, MIDDLE - HOUR, 0, 10, HOUR),
        *every(MIDDLE, AFTER, 0, 20, HOUR),
    ],
    "jumped": [
        *every(BEFORE, MIDDLE - HOUR, 0, 10, HOUR),
        *every(MIDDLE, AFTER, 4_000_000_000, 10, HOUR),
    ],
    "too much": every(BEFORE, AFTER, 1000, 20_834, HOUR),
}


@pytest.mark.parametrize("interval_wh", [None, 10, 11])
@pytest.mark.parametrize("course", COURSES)
def test_views_agree_with_a_closed_month(site: Site, course: str, interval_wh: int | None) -> None:
    site.units(unit_line("A-1", "1"), unit_line("A-2", "2"), unit_line("bulk", "3", kind="bulk"))
    site.deliver("1", COURSES[course])
    site.deliver("2", COURSES["true"])
    site.deliver("3", every(BEFORE, AFTER, 0, 21_000, HOUR))
    if interval_wh is not None:
        rows = [(START + HOUR * n, interval_wh) for n in range(1, HOURS + 1)]
        column = Column(obis=ACTIVE_IMPORT_INTERVAL, scaler=0, unit=Unit.WATT_HOUR)
        site.deliver("1", rows, column=column, period_s=3600)
    closed = close(site)
    published = {number.subject.id: number.quantity for number in closed.numbers}
    assert ("A-1" in published) is (course == "true" and interval_wh != 11)
    society_id = find_society(site.conn, SOCIETY)
    usages = month_usage(site.conn, society_id, JULY)
    used = {usage.place.subject: usage.quantity for usage in usages}
    assert {subject: used[subject] for subject in ("A-1", "A-2")} == {
        subject: published.get(subject) for subject in ("A-1", "A-2")
    }
    (shown,) = month_balances(usages)
    (reconciled,) = closed.reconciliations
    assert (shown.balance.loss, shown.balance.units, shown.balance.units_known) == (
        reconciled.loss,
        reconciled.units,
        reconciled.units_known,
    )
    days = day_usage(site.conn, society_id, JULY, ZONE)
    assert {day.month.place.subject: day.month.quantity for day in days} == used


def test_the_days_add_up_in_the_store(flat: Site) -> None:
    refresh(flat.conn, NOW)
    days = flat.one(
        "SELECT sum(used) FROM (SELECT day, last_raw - lag(last_raw) OVER (ORDER BY day) AS used "
        "FROM reading_day) AS d WHERE day BETWEEN '2026-07-01' AND '2026-07-31'"
    )
    assert kwh(int(days)) == number_of(close(flat), "A-1204").quantity


def test_a_society_sees_its_own_a_1204(flat: Site) -> None:
    from cloud_ingest.entries.unit_import import import_units

    import_units(flat.conn, "Hill View", flat.folder / "units.csv", now=IMPORTED_AT)
    flat.deliver("1", [(AFTER + HOUR, 99_999)])
    other = close_month(flat.conn, "Hill View", "2026-07", NOW)
    assert other.numbers == ()
    assert number_of(close(flat), "A-1204").society == SOCIETY


def test_the_report_says_what_was_published(flat: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFound, match="cloud-ingest close-month 2026-07"):
        month_report(flat.conn, SOCIETY, "2026-07")
    flat.units(unit_line("A-1204", "1"), unit_line("A-1205", "2"))
    close(flat)
    report = month_report(flat.conn, SOCIETY, "2026-07")
    assert [(line.subject, line.delivery) for line in report.lines] == [
        ("A-1204", "waiting"),
        ("A-1205", "withheld"),
    ]
    flat.conn.execute("UPDATE outbox SET published_at = now(), acked_at = now()")
    assert month_report(flat.conn, SOCIETY, "2026-07").lines[0].goes_to == "billing (acknowledged)"
    folded = as_table(report)
    assert max(map(len, folded.splitlines())) <= 80
    monkeypatch.setenv("COLUMNS", "160")
    table = as_table(report)
    assert "A-1204  electricity  7.440 kWh  validated" in table
    assert "nobody yet: investigate, self-read" in table
    document = json.loads(as_json(report))
    assert document["lines"][0]["quantity"] == "7.440"
    assert document["lines"][0]["parts"][0]["opening"]["register"] == "1.480"


def test_the_newest_registers(flat: Site) -> None:
    flat.units(
        unit_line("A-1204", "1"),
        unit_line("A-1204", "6", service="water", source="main"),
        unit_line("A-1205", "2"),
    )
    flat.deliver("6", every(START, END, 0, 2, HOUR), column=WATER)
    known = {(line.subject, line.service): line for line in latest(flat.conn, SOCIETY, NOW)}
    assert known["A-1204", Service.ELECTRICITY].at == AFTER
    assert known["A-1204", Service.WATER].value == Decimal("1.488")
    assert known["A-1205", Service.ELECTRICITY].value is None


@pytest.mark.usefixtures("flat")
def test_the_command_line(store_dsn: str) -> None:
    def run(*words: str) -> tuple[int, str]:
        environment = {"IOT_UTILITY_DSN": store_dsn, "IOT_UTILITY_SOCIETY": SOCIETY}
        result = CliRunner().invoke(app, list(words), env=environment)
        return result.exit_code, result.output

    code, output = run("report", "2026-07")
    assert (code, output.count("\n")) == (2, 1)
    assert "cloud-ingest close-month 2026-07" in output
    code, output = run("close-month", "2026-07")
    assert code == 0
    assert output.endswith(
        "2026-07 of Lake View: 1 number (1 to send), 0 withheld, 1 reconciliation\n"
    )
    assert "validated" in run("report", "2026-07")[1]
    assert json.loads(run("report", "2026-07", "--json")[1])["month"] == "2026-07"
    code, output = run("close-month", "2099-01")
    assert (code, output.count("\n")) == (2, 1)
    assert "can be closed from 2099-02-01 01:00 on" in output


def test_a_restored_store_gives_no_version_twice(flat: Site) -> None:
    given = {number_of(close(flat), "A-1204").version}
    for _ in range(2):  # the second time the clock has not gone on
        migrate(flat.conn, restored=True)
        again = close(flat)
        number = number_of(again, "A-1204")
        assert again.published == 1
        assert number.version > max(given)
        assert number.quantity == kwh(10 * HOURS)
        assert close(flat).published == 0
        given.add(number.version)
