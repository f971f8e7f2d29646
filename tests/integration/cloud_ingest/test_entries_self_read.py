# SPDX-License-Identifier: MIT
"""Dials that people read: what is taken, what is refused and with which words."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.self_read import SelfRead, self_read
from cloud_ingest.errors import SelfReadRefused
from cloud_ingest.month.close import close_month
from shared_schema.catalogue import ACTIVE_IMPORT, Service, Unit
from shared_schema.quality import Quality, Reason
from shared_schema.readings import Column
from tests.support.store import SOCIETY, Site, every, local, unit_line

START, END = local("2026-07-01 00:00"), local("2026-08-01 00:00")
NOW = local("2026-08-05 09:00")
REPLACED = local("2026-07-10 14:30")
ELECTRICITY, WATER = Service.ELECTRICITY, Service.WATER
HOUR = timedelta(hours=1)
TENS_WH = Column(obis=ACTIVE_IMPORT, scaler=1, unit=Unit.WATT_HOUR)
LEGACY = (
    "Tower 1,unit,C-0304,electricity,grid,,,yes,2026-06-01,",
    "Tower 1,unit,C-0304,water,main,,,yes,2026-06-01,",
)


@pytest.fixture
def old_flat(site: Site) -> Site:
    """A legacy flat, a flat with two inlets, and a smart one."""
    site.units(
        *LEGACY,
        unit_line("B-0705", "1", service="water", source="inlet-1"),
        unit_line("B-0705", "2", service="water", source="inlet-2"),
        unit_line("A-1204", "3"),
    )
    return site


def read(
    site: Site,
    value: str,
    at: datetime,
    unit: str = "C-0304",
    service: Service = ELECTRICITY,
    *,
    source: str | None = None,
    force: str | None = None,
    serial: str | None = None,
) -> SelfRead:
    return self_read(
        site.conn,
        SOCIETY,
        NamedMeter(unit, service, source=source, serial=serial),
        value=Decimal(value),
        at=at,
        by=f"resident of {unit}",
        now=NOW,
        force_because=force,
    )


def test_dials_of_any_resolution_share_one_channel(old_flat: Site) -> None:
    assert read(old_flat, "4711", START).used is None
    assert read(old_flat, "4811.5", END).used == Decimal("100.5")
    assert read(old_flat, "4811.62", END + timedelta(days=1)).used == Decimal("0.12")
    assert read(old_flat, "123.456", START, service=WATER).meter == "legacy C-0304:water"
    assert old_flat.one(
        "SELECT array_agg(DISTINCT (obis, unit, scaler)::text ORDER BY (obis, unit, scaler)::text)"
        " FROM channel"
    ) == ["(1.0.1.8.0.255,30,0)", "(8.0.1.0.0.255,19,0)"]
    audit = "SELECT value, raw, entered_by, read_at FROM self_read ORDER BY self_read_id"
    assert old_flat.all(audit)[0] == (Decimal(4711), 4_711_000, "resident of C-0304", START)
    assert old_flat.one("SELECT count(*) FROM meter WHERE last_reading_at IS NOT NULL") == 0


@pytest.mark.parametrize(
    ("hours", "closes"), [(-72, True), (72, True), (-73, False), (73, False), (0, True)]
)
def test_a_self_read_closes_within_three_days(old_flat: Site, hours: int, closes: bool) -> None:
    read(old_flat, "100", START)
    at = END + timedelta(hours=hours)
    read(old_flat, "190.5", at)
    closed = close_month(old_flat.conn, SOCIETY, "2026-07", NOW)
    numbers = [n for n in closed.numbers if n.subject.id == "C-0304"]
    if closes:
        (number,) = numbers
        assert number.quantity == Decimal("90.5")
        assert (number.quality, number.reasons) == (Quality.SELF_READ, (Reason.SELF_READ,))
        assert number.parts[0].closing.at == at
    else:
        assert numbers == []
        assert {w.service: set(w.reasons) for w in closed.withheld if w.subject.id == "C-0304"}[
            ELECTRICITY
        ] == {Reason.NO_CLOSING, Reason.SELF_READ}


def test_a_rated_meter_may_use_what_it_is_made_for(old_flat: Site) -> None:
    read(old_flat, "100", START)
    with pytest.raises(SelfReadRefused, match="more than it can use"):
        read(old_flat, "150000", END)
    old_flat.conn.execute("UPDATE meter SET phases = 3, max_current_a = 400")
    read(old_flat, "150000", END)


def test_the_window_can_be_set(old_flat: Site) -> None:
    read(old_flat, "100", START)
    read(old_flat, "190.5", END + timedelta(days=2))
    closed = close_month(old_flat.conn, SOCIETY, "2026-07", NOW, self_read_window=timedelta(days=1))
    assert closed.numbers == ()


@pytest.mark.parametrize(
    ("value", "at", "says"),
    [
        ("99.9", END, "99.900 kWh is below the 100.000 kWh of 2026-07-01 00:00"),
        ("500000", END, "more than it can use: look at the decimal point"),
        ("101", NOW + timedelta(hours=1), "is in the future"),
        ("101", local("2026-05-01 00:00"), "no electricity meter was assigned to C-0304 at"),
        ("101.0001", END, "counts in steps of 0.001 kWh, 101.0001 is finer"),
        ("-1", END, "no dial value"),
        ("NaN", END, "no dial value"),
        ("101", START, "100.000 kWh is already known for that moment"),
        (
            "101",
            START - timedelta(days=1),
            "101.000 kWh is above the 100.000 kWh of 2026-07-01 00:00",
        ),
    ],
)
def test_what_cannot_be_right_is_refused(
    old_flat: Site, value: str, at: datetime, says: str
) -> None:
    read(old_flat, "100", START)
    with pytest.raises(SelfReadRefused, match=says.replace("(", r"\(").replace(".", r"\.")):
        read(old_flat, value, at)
    assert old_flat.one("SELECT count(*) FROM reading") == 1
    assert old_flat.one("SELECT count(*) FROM self_read") == 1


def test_who_knows_better_says_why(old_flat: Site) -> None:
    read(old_flat, "100", START)
    read(old_flat, "40", END, force="the dial was reset by the utility")
    assert old_flat.one("SELECT forced_because FROM self_read WHERE read_at = %s", END) == (
        "the dial was reset by the utility"
    )
    closed = close_month(old_flat.conn, SOCIETY, "2026-07", NOW)
    withheld = {(w.subject.id, w.service): set(w.reasons) for w in closed.withheld}
    assert Reason.REGISTER_DROP in withheld["C-0304", ELECTRICITY]


def test_a_typing_error_is_corrected_by_an_edit(old_flat: Site) -> None:
    read(old_flat, "100", START)
    read(old_flat, "910.5", END)
    read(old_flat, "190.5", END, force="digits swapped")
    assert old_flat.one("SELECT raw, origin FROM reading WHERE ts = %s", END) == (190_500, 0)
    assert old_flat.one("SELECT raw, origin FROM claim") == (910_500, 2)
    (number,) = close_month(old_flat.conn, SOCIETY, "2026-07", NOW).numbers
    assert (number.quantity, number.quality) == (Decimal("90.5"), Quality.EDITED)


def test_a_correction_can_itself_be_corrected(old_flat: Site) -> None:
    read(old_flat, "100", START)
    for value in ("910.5", "190.5", "191.5", "190.5"):
        done = read(old_flat, value, END, force="read again")
        assert done.used == Decimal(value) - 100
        assert old_flat.one("SELECT raw FROM reading WHERE ts = %s", END) == (
            int(Decimal(value) * 1000)
        )
    with pytest.raises(SelfReadRefused, match="already known for that moment"):
        read(old_flat, "192", END)
    claims = old_flat.all("SELECT raw, origin FROM claim ORDER BY raw")
    assert claims == [(191_500, 0), (910_500, 2)]
    audit = "SELECT old_raw, new_raw FROM election ORDER BY election_id"
    assert old_flat.all(audit) == [(910_500, 190_500), (190_500, 191_500), (191_500, 190_500)]
    (number,) = close_month(old_flat.conn, SOCIETY, "2026-07", NOW).numbers
    assert (number.quantity, number.quality) == (Decimal("90.5"), Quality.EDITED)


def test_common_areas_and_bulk_meters_have_dials(old_flat: Site) -> None:
    old_flat.units(
        *LEGACY,
        "Tower 1,common,lift,electricity,grid,,,yes,2026-06-01,",
        "Tower 1,bulk,bulk,electricity,grid,,,yes,2026-06-01,",
    )

    def dial(subject: str, kind: SubjectKind, value: int, at: datetime) -> None:
        self_read(
            old_flat.conn,
            SOCIETY,
            NamedMeter(subject, ELECTRICITY, subject_type=kind),
            value=Decimal(value),
            at=at,
            by="caretaker",
            now=NOW,
        )

    read(old_flat, "100", START)
    read(old_flat, "190", END)
    dial("lift", "common", 1, START)
    dial("lift", "common", 901, END)
    dial("bulk", "bulk", 1, START)
    dial("bulk", "bulk", 90_001, END)
    (balance,) = [
        one
        for one in close_month(old_flat.conn, SOCIETY, "2026-07", NOW).reconciliations
        if one.service is ELECTRICITY
    ]
    assert (balance.bulk, balance.common) == (Decimal(90_000), Decimal(900))
    with pytest.raises(SelfReadRefused, match="no common area 'bulk' has electricity"):
        dial("bulk", "common", 5, END)
    with pytest.raises(SelfReadRefused, match="more than it can use"):
        dial("bulk", "bulk", 10**8, NOW)


def test_several_meters_need_a_source(old_flat: Site) -> None:
    with pytest.raises(SelfReadRefused, match="give --source, one of inlet-1, inlet-2"):
        read(old_flat, "1", START, "B-0705", WATER)
    with pytest.raises(SelfReadRefused, match="no water source 'main'"):
        read(old_flat, "1", START, "B-0705", WATER, source="main")
    assert read(old_flat, "1", START, "B-0705", WATER, source="inlet-2").meter == "LNT 2"
    with pytest.raises(SelfReadRefused, match="no unit 'Z-9' has water"):
        read(old_flat, "1", START, "Z-9", WATER)


@pytest.fixture
def replaced(site: Site) -> Site:
    """A legacy flat whose meter was replaced at 14:30 on 10 July."""
    site.units(
        f"T,unit,C-0304,electricity,,LNT,old,yes,2026-06-01,{REPLACED:%Y-%m-%dT%H:%M+00:00}",
        f"T,unit,C-0304,electricity,,LNT,new,yes,{REPLACED:%Y-%m-%dT%H:%M+00:00},",
    )
    read(site, "100", START)
    return site


def test_the_final_dial_is_of_the_meter_taken_down(replaced: Site) -> None:
    final = read(replaced, "190", REPLACED)
    assert (final.meter, final.used) == ("LNT old", Decimal(90))
    assert read(replaced, "5", REPLACED, serial="new").meter == "LNT new"
    read(replaced, "35", END)
    (number,) = close_month(replaced.conn, SOCIETY, "2026-07", NOW).numbers
    assert (number.quantity, len(number.parts)) == (Decimal(120), 2)


def test_a_dial_of_the_new_meter_is_told_to_name_it(replaced: Site) -> None:
    with pytest.raises(SelfReadRefused) as caught:
        read(replaced, "5", REPLACED)
    assert str(caught.value).endswith(
        "if it is the dial of LNT new, which hangs there from that minute on: --meter new"
    )
    assert replaced.one("SELECT count(*) FROM reading") == 1
    with pytest.raises(SelfReadRefused) as caught:
        read(replaced, "-1", REPLACED)
    assert "--meter" not in str(caught.value)
    replaced.deliver("old", [(REPLACED - HOUR, 10)], column=TENS_WH)
    with pytest.raises(SelfReadRefused, match=r"counts in steps of 0\.01 kWh.*: --meter new"):
        read(replaced, "5.123", REPLACED)
    with pytest.raises(SelfReadRefused, match="there was LNT new, LNT old"):
        read(replaced, "190", REPLACED, serial="other")


def test_a_meter_that_is_handed_over_serves_either(replaced: Site) -> None:
    replaced.units(
        "T,unit,C-0304,electricity,,LNT,new,yes,2026-07-10T14:30,2026-07-20",
        "T,unit,C-0305,electricity,,LNT,new,yes,2026-07-20,",
    )
    handed = local("2026-07-20 00:00")
    assert read(replaced, "40", handed).meter == "LNT new"
    assert read(replaced, "40", handed, "C-0305").meter == "LNT new"


def test_a_label_of_two_towers_is_named_with_its_tower(site: Site) -> None:
    site.units(
        "T1,unit,101,electricity,,,,yes,2026-06-01,", "T2,unit,101,electricity,,,,yes,2026-06-01,"
    )
    with pytest.raises(SelfReadRefused) as caught:
        read(site, "1", START, "101")
    assert str(caught.value) == (
        "no unit '101' has electricity: that label is of T1/101 and T2/101"
    )
    for tower, value in (("T1", "100"), ("T2", "200")):
        read(site, value, START, f"{tower}/101")
        read(site, f"{value}.5", END, f"{tower}/101")
    numbers = close_month(site.conn, SOCIETY, "2026-07", NOW).numbers
    assert [(each.subject.id, each.tower, each.quantity) for each in numbers] == [
        ("T1/101", "T1", Decimal("0.5")),
        ("T2/101", "T2", Decimal("0.5")),
    ]
    topics = [topic for (topic,) in site.all("SELECT topic FROM outbox WHERE ack_key <> ''")]
    assert {topic.split("/")[-2] for topic in topics} == {"T1%2F101", "T2%2F101"}


def test_a_meter_that_answers_needs_no_self_read(old_flat: Site) -> None:
    old_flat.deliver("3", every(START, END, 1000, 10, timedelta(hours=1)))
    with pytest.raises(SelfReadRefused, match="needs no self-read"):
        read(old_flat, "1.5", START + timedelta(days=3), "A-1204")
    assert read(old_flat, "9", END + timedelta(hours=5), "A-1204").used == Decimal("0.560")


def test_a_dial_against_a_reading_names_the_command_that_helps(old_flat: Site) -> None:
    old_flat.deliver("3", every(START, END, 1000, 10, timedelta(hours=1)))
    with pytest.raises(SelfReadRefused) as refused:
        read(old_flat, "1.5", START, "A-1204", force="a photo")
    assert (
        "1.000 kWh, has a better claim and stays: give the time at which the dial was read; if "
        "that reading is wrong, put it right with: cloud-ingest reading enter 'A-1204' --service "
        "electricity --source grid --at '2026-07-01 00:00' --value 1.500"
    ) in str(refused.value)


def test_the_command_line(old_flat: Site, store_dsn: str) -> None:
    def run(value: str, *more: str) -> tuple[int, str]:
        words = ["self-read", "C-0304", value, "--service", "electricity", "--society", SOCIETY]
        result = CliRunner().invoke(
            app, [*words, "--by", "me", *more], env={"IOT_UTILITY_DSN": store_dsn}
        )
        return result.exit_code, result.output

    code, output = run("4711.3", "--at", "2026-07-01 09:00")
    assert (code, output) == (0, "C-0304 electricity: 4711.3 kWh is stored\n")
    assert old_flat.one("SELECT ts FROM reading") == local("2026-07-01 09:00")
    assert run("4712", "--subject-type", "tower")[0] == 2
    for words, says in (
        (("12.5x",), "'12.5x' is no dial value"),
        (("4712", "--at", "yesterday"), "write it as '2026-08-01 09:00'"),
        (("4712", "--at", "0001-01-01"), "write it as '2026-08-01 09:00'"),
        (("4712", "--at", "9999-12-31T23:00Z"), "write it as '2026-08-01 09:00'"),
        (
            ("4712", "--subject-type", "bulk"),
            "'C-0304' has electricity: the unit of that label has it",
        ),
        (("4700", "--at", "2026-07-02"), "is below the 4711.300 kWh"),
    ):
        code, output = run(*words)
        assert code == 2
        assert says in output
        assert output.count("\n") == 1


def test_a_whole_dial_below_a_finer_register_stood_still(old_flat: Site) -> None:
    read(old_flat, "100.3", START)
    assert read(old_flat, "100", END).used == 0
    with pytest.raises(SelfReadRefused, match="is below"):
        read(old_flat, "99", END + HOUR)
    (number,) = close_month(old_flat.conn, SOCIETY, "2026-07", NOW).numbers
    assert number.quantity == 0
