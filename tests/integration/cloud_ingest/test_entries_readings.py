# SPDX-License-Identifier: MIT
"""A person puts a reading right: shown first, applied with --yes, never deleted, in the audit."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.cli.reading_text import correction_lines
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.named_reading import NamedReading, Word
from cloud_ingest.entries.reading_list import listed_readings
from cloud_ingest.errors import ReadingRefused, SelfReadRefused
from cloud_ingest.month.close import close_month
from cloud_ingest.month.correction import Correction, correct_reading
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store import months
from cloud_ingest.store.readings_write import NewReading, store_readings
from shared_schema.billing import MonthlyConsumption
from shared_schema.catalogue import Service
from shared_schema.quality import Origin
from tests.support.store import SOCIETY, ZONE, Site, every, local, unit_line

BEGIN = 12_345_000
FIRST = local("2026-01-01 00:00")
BORDER = local("2026-02-01 00:00")
LAST = local("2026-03-01 00:00")
NOW = local("2026-03-05 09:00")
TRUE_AT_BORDER = Decimal("12374.764")
"""The unit used more before midnight than after it: 14 Wh, then 6."""
JANUARY, FEBRUARY = ("2026-01", "2026-02")

DAY, HOUR = timedelta(days=1), timedelta(hours=1)

Change = tuple[str, str, str, int | None]


def deliver(site: Site, serial: str, lies: dict[datetime, int], step: int = 10) -> None:
    rows = [(ts, lies.get(ts, raw)) for ts, raw in every(FIRST, LAST, BEGIN, step)]
    for number in range(0, len(rows), 1500):
        site.deliver(serial, rows[number : number + 1500])


def close(site: Site) -> None:
    for month in (JANUARY, FEBRUARY):
        close_month(site.conn, SOCIETY, month, NOW)


def published(site: Site) -> list[tuple[str, Decimal, int]]:
    """The newest numbers of the flat: month, quantity, version."""
    society_id = site.one("SELECT society_id FROM society")
    return [
        (month, number.quantity, number.version)
        for month in (JANUARY, FEBRUARY)
        for number in months.current(site.conn, society_id, month)
        if number.subject.id == "A-1"
    ]


@pytest.fixture
def dark(site: Site) -> Site:
    """A flat whose display was dark at the border; January and February are closed."""
    site.units(
        unit_line("A-1", "1", since="2025-12-01"),
        unit_line("Bulk", "5", kind="bulk", since="2025-12-01"),
    )
    deliver(site, "1", {BORDER: 0})
    deliver(site, "5", {}, step=11)
    close(site)
    assert published(site) == [
        (JANUARY, Decimal("29.760"), 1),
        (FEBRUARY, Decimal("26.880"), 1),
    ]
    return site


def correct(
    site: Site,
    kind: str,
    *,
    at: datetime = BORDER,
    value: Decimal | None = None,
    apply: bool = True,
    within: timedelta = timedelta(minutes=1),
    subject: str = "A-1",
    reason: str = "photo of the dial",
    serial: str | None = None,
) -> Correction:
    named = NamedReading(NamedMeter(subject, Service.ELECTRICITY, serial=serial), at, within, value)
    word = Word(kind, "manager", reason)  # type: ignore[arg-type]
    return correct_reading(site.conn, SOCIETY, named, word, NOW, apply=apply)


def changes(found: Correction) -> list[Change]:
    def text(number: object) -> str:
        return f"{number.quantity:f}" if isinstance(number, MonthlyConsumption) else "withheld"

    return [
        (each.month, text(each.before), text(each.after), each.version) for each in found.months
    ]


def everything(site: Site) -> list[list[tuple[object, ...]]]:
    tables = ("reading", "claim", "verdict", "ruling", "election", "dirty", "month_number")
    return [site.all(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]  # noqa: S608


TO_THE_TRUTH = [
    (JANUARY, "29.760", "29.764", 2),
    (FEBRUARY, "26.880", "26.876", 2),
]


def test_a_correction_is_shown_first_and_writes_nothing(dark: Site) -> None:
    before = everything(dark)
    found = correct(dark, "enter", value=TRUE_AT_BORDER, apply=False)
    assert changes(found) == TO_THE_TRUTH
    assert found.close_again == (JANUARY, FEBRUARY)
    assert everything(dark) == before


def test_a_dial_for_the_border_gives_both_months(dark: Site) -> None:
    found = correct(dark, "enter", value=TRUE_AT_BORDER)
    assert changes(found) == TO_THE_TRUTH
    assert (found.ruled.before, found.ruled.after[0].value) == ((), TRUE_AT_BORDER)
    close(dark)
    assert published(dark) == [
        (JANUARY, Decimal("29.764"), 2),
        (FEBRUARY, Decimal("26.876"), 2),
    ]
    audit = "SELECT kind, raw, author, reason FROM ruling"
    assert dark.all(audit) == [("enter", 12_374_764, "manager", "photo of the dial")]


def test_the_loss_of_the_tower_is_shown(dark: Site) -> None:
    found = correct(dark, "enter", value=TRUE_AT_BORDER, apply=False)
    told = [(each.month, each.tower, each.before, each.after) for each in found.balances]
    assert told == [
        (JANUARY, "Tower 1", Decimal("2.976"), Decimal("2.972")),
        (FEBRUARY, "Tower 1", Decimal("2.688"), Decimal("2.692")),
    ]


def test_a_bulk_meter_changes_balances_alone(dark: Site) -> None:
    bulk = NamedMeter("Bulk", Service.ELECTRICITY, subject_type="bulk")
    named = NamedReading(bulk, BORDER, value=Decimal("12377.740"))
    word = Word("enter", "manager", "photo of the dial")
    found = correct_reading(dark.conn, SOCIETY, named, word, NOW, apply=False)
    assert found.months == ()
    losses = [(each.before, each.after) for each in found.balances]
    assert losses == [
        (Decimal("2.976"), Decimal("2.980")),
        (Decimal("2.688"), Decimal("2.684")),
    ]


def test_an_open_month_is_shown_as_open(site: Site) -> None:
    site.units(unit_line("A-1", "1", since="2025-12-01"))
    deliver(site, "1", {BORDER: 0})
    close_month(site.conn, SOCIETY, JANUARY, NOW)
    found = correct(site, "enter", value=TRUE_AT_BORDER)
    assert changes(found) == [TO_THE_TRUTH[0], (FEBRUARY, "26.880", "26.876", None)]
    assert [each.is_closed for each in found.months] == [True, False]
    assert found.close_again == (JANUARY,)


@pytest.mark.parametrize(("value", "other"), [("12374.730", "12374.750"), ("12375", "12374.770")])
def test_a_reading_that_an_edit_contradicts_is_named(dark: Site, value: str, other: str) -> None:
    found = correct(dark, "enter", value=Decimal(value), apply=False)
    assert [each.value for each in found.ruled.contradicts] == [Decimal(other)]


def test_a_wrong_digit_shows_as_withheld_months(dark: Site) -> None:
    found = correct(dark, "enter", value=Decimal("12347.760"), apply=False)
    assert [after for _, _, after, _ in changes(found)] == ["withheld", "withheld"]


def test_numbers_that_a_correction_withdraws_are_shown_so(dark: Site) -> None:
    found = correct(dark, "enter", value=Decimal("12347.760"))
    assert [(each.is_taken_back, each.version) for each in found.months] == [(True, 2)] * 2
    january, february = (
        line
        for line in correction_lines(found, "enter", SOCIETY, ZONE)
        if line.startswith("  2026") and "A-1" in line
    )
    assert january == ("  2026-01 A-1: 29.760 kWh -> withdrawn from billing (register_drop) (v2)")
    assert february.startswith("  2026-02 A-1: 26.880 kWh -> withdrawn from billing (")
    close(dark)
    taken = "SELECT month, version FROM month_withdrawal ORDER BY month"
    assert dark.all(taken) == [(JANUARY, 2), (FEBRUARY, 2)]


def test_what_is_shown_is_what_closing_sends(dark: Site) -> None:
    found = correct(dark, "enter", value=TRUE_AT_BORDER)
    close(dark)
    assert [(month, Decimal(after), version) for month, _, after, version in changes(found)] == (
        published(dark)
    )


def test_an_edit_within_a_minute_meets_the_border(dark: Site) -> None:
    found = correct(dark, "enter", at=BORDER + timedelta(minutes=1), value=TRUE_AT_BORDER)
    assert changes(found) == TO_THE_TRUTH


def test_an_edit_two_minutes_later_places_the_border(dark: Site) -> None:
    """By hand: 12,374,750 at 23:45, 764 at 00:02: 15 of 17 minutes of 14 Wh are 12.35 Wh."""
    found = correct(dark, "enter", at=BORDER + timedelta(minutes=2), value=TRUE_AT_BORDER)
    assert [after for _, _, after, _ in changes(found)] == ["29.762", "26.878"]


def test_of_two_edits_the_newer_counts(dark: Site) -> None:
    correct(dark, "enter", value=Decimal("12374.755"))
    found = correct(dark, "enter", value=TRUE_AT_BORDER)
    assert [each.value for each in found.ruled.before] == [Decimal("12374.755")]
    close(dark)
    assert published(dark)[0] == (JANUARY, Decimal("29.764"), 2)


def test_an_earlier_edit_entered_again_counts(dark: Site) -> None:
    for value in ("12374.764", "12374.755", "12374.764"):
        correct(dark, "enter", value=Decimal(value))
    close(dark)
    assert published(dark)[0] == (JANUARY, Decimal("29.764"), 2)


def test_a_wrong_edit_is_set_aside_itself(dark: Site) -> None:
    correct(dark, "enter", value=Decimal("12374.751"))
    close(dark)
    assert published(dark)[0] == (JANUARY, Decimal("29.751"), 2)
    found = correct(dark, "set_aside", value=Decimal("12374.751"), reason="misread")
    assert (changes(found)[0], found.ruled.after) == ((JANUARY, "29.751", "29.760", 3), ())
    close(dark)
    assert published(dark)[0] == (JANUARY, Decimal("29.760"), 3)
    assert dark.one("SELECT count(*) FROM claim WHERE raw = 12374751") == 1


def test_the_catch_up_behind_a_withdrawn_month_is_foreseen(site: Site) -> None:
    """By hand: of the four days about 1 February only a dial is known; 56.640 in both months."""
    site.units(unit_line("A-1", "1", since="2025-12-01"))
    rows = every(FIRST, LAST, BEGIN, 10)
    rows = [row for row in rows if abs(row[0] - BORDER) >= timedelta(days=2)]
    for number in range(0, len(rows), 1500):
        site.deliver("1", rows[number : number + 1500])
    correct(site, "enter", value=Decimal("12374.770"))
    close(site)
    found = correct(site, "set_aside", value=Decimal("12374.770"), reason="misread")
    assert changes(found) == [
        (JANUARY, "29.770", "withheld", 2),
        (FEBRUARY, "26.870", "56.640", 2),
    ]
    close(site)
    assert published(site)[-1] == (FEBRUARY, Decimal("56.640"), 2)


def test_an_edit_that_was_set_aside_can_be_entered_again(dark: Site) -> None:
    correct(dark, "enter", value=TRUE_AT_BORDER)
    correct(dark, "set_aside", value=TRUE_AT_BORDER, reason="misread")
    correct(dark, "enter", value=TRUE_AT_BORDER, reason="it was right")
    close(dark)
    assert published(dark)[0] == (JANUARY, Decimal("29.764"), 2)
    assert dark.one("SELECT count(*) FROM ruling") == 3


def test_a_sound_looking_false_row_is_set_aside_by_a_person(site: Site) -> None:
    site.units(unit_line("A-1", "1", since="2025-12-01"))
    deliver(site, "1", {BORDER: 12_374_765})  # too small a lie to be seen
    close(site)
    assert published(site)[0] == (JANUARY, Decimal("29.765"), 1)
    found = correct(site, "set_aside", value=Decimal("12374.765"), reason="wrong photo")
    assert changes(found)[0] == (JANUARY, "29.765", "29.760", 2)
    correct(site, "enter", value=TRUE_AT_BORDER)
    close(site)
    assert published(site) == [
        (JANUARY, Decimal("29.764"), 2),
        (FEBRUARY, Decimal("26.876"), 2),
    ]


def test_a_set_aside_row_that_arrives_again_stays_aside(dark: Site) -> None:
    at = BORDER + timedelta(hours=5)
    raw = dark.one("SELECT raw FROM reading JOIN channel USING (channel_id) JOIN meter "
                   "USING (meter_id) WHERE serial = '1' AND ts = %s", at)  # fmt: skip
    correct(dark, "set_aside", at=at, reason="doubt")
    dark.deliver("1", [(at, raw)])
    close(dark)
    assert dark.one("SELECT count(*) FROM reading WHERE ts = %s", at) == 1  # of the bulk meter


def test_a_restored_row_is_vouched_for(dark: Site) -> None:
    found = correct(dark, "restore", apply=False)
    assert [each.value for each in found.ruled.after] == [Decimal("0.000")]
    assert found.months, "a person sees what it would change before it does"
    correct(dark, "restore")
    assert dark.one("SELECT count(*) FROM reading WHERE raw = 0") == 1
    assert dark.one("SELECT rule FROM verdict WHERE raw = 0") == "fall", "it is still overruled"
    correct(dark, "set_aside", value=Decimal(0), reason="it was dark after all")
    close(dark)
    assert [version for _, _, version in published(dark)] == [1, 1]


def test_a_dial_that_alone_met_a_border_is_set_aside(site: Site) -> None:
    site.units(unit_line("A-1", "1", since="2025-12-01"))
    rows = [row for row in every(FIRST, LAST, BEGIN, 10) if abs(row[0] - BORDER) > DAY]
    for number in range(0, len(rows), 1500):
        site.deliver("1", rows[number : number + 1500])
    correct(site, "enter", value=TRUE_AT_BORDER)
    close(site)
    assert published(site)[0] == (JANUARY, Decimal("29.764"), 1)
    found = correct(site, "set_aside", value=TRUE_AT_BORDER, reason="misread", apply=False)
    assert changes(found)[0][:3] == (JANUARY, "29.764", "withheld")


def test_a_catch_up_that_a_correction_makes_is_shown(site: Site) -> None:
    site.units(unit_line("A-1", "1", since="2025-12-01"))
    rows = every(FIRST, LAST, BEGIN, 960, DAY)
    site.deliver("1", [row for row in rows if abs(row[0] - BORDER) > 3 * DAY], period_s=86_400)
    correct(site, "enter", value=TRUE_AT_BORDER)
    close(site)
    found = correct(site, "set_aside", value=TRUE_AT_BORDER, reason="misread")
    assert changes(found) == [
        (JANUARY, "29.764", "withheld", 2),
        (FEBRUARY, "26.876", "56.640", 2),
    ]
    close(site)
    assert published(site) == [(FEBRUARY, Decimal("56.640"), 2)]


def test_a_jump_for_good_is_vouched_for(site: Site) -> None:
    site.units(unit_line("A-1", "1", since="2025-12-01"))
    jump = local("2026-01-20 12:00")
    rows = [(ts, raw + (100_000 if ts >= jump else 0)) for ts, raw in every(FIRST, LAST, BEGIN, 10)]
    for number in range(0, len(rows), 1500):
        site.deliver("1", rows[number : number + 1500])
    close(site)
    assert published(site) == [(FEBRUARY, Decimal("26.880"), 1)]
    found = correct(site, "restore", at=jump, reason="a generator test, seen on site")
    assert changes(found) == [(JANUARY, "withheld", "129.760", 1)]
    close(site)
    assert published(site)[0] == (JANUARY, Decimal("129.760"), 1)


def test_the_serial_number_tells_two_meters_apart(site: Site) -> None:
    change = local("2026-01-20 12:00")
    site.units(
        unit_line("A-1", "1", since="2025-12-01", until="2026-01-20 12:00"),
        unit_line("A-1", "2", since="2026-01-20 12:00"),
    )
    site.deliver("1", every(FIRST, change, BEGIN, 10))
    site.deliver("2", every(change, change + timedelta(days=10), 0, 10))
    with pytest.raises(
        ReadingRefused, match="give --meter with the serial number, of LNT 1, LNT 2"
    ):
        correct(site, "set_aside", at=change)
    found = correct(site, "set_aside", at=change, serial="1", reason="misread", apply=False)
    assert str(found.ruled.meter.meter) == "LNT 1"


def test_rivals_want_a_value(site: Site) -> None:
    site.units(unit_line("A-1", "1", since="2025-12-01"))
    deliver(site, "1", {})
    channel_id = site.one("SELECT channel_id FROM channel")
    own = NewReading(channel_id, int(BORDER.timestamp()), 12_374_765, None, Origin.METER)
    store_readings(site.conn, [own], source="test", at=NOW)
    close(site)
    with pytest.raises(ReadingRefused, match=r"12374\.760 kWh \(meter\); .*12374\.765 kWh"):
        correct(site, "set_aside")
    found = correct(site, "set_aside", value=Decimal("12374.760"), reason="the other one is right")
    assert changes(found)[0] == (JANUARY, "29.760", "29.765", 2)


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda s: correct(s, "set_aside", at=BORDER + timedelta(minutes=2)),
         r"no reading at 2026-02-01 00:02: .*2026-02-01 00:00 0\.000 kWh \(meter\)"),
        (lambda s: correct(s, "set_aside", within=timedelta(hours=1)), "several readings lie in"),
        (lambda s: correct(s, "enter"), "give --value"),
        (lambda s: correct(s, "enter", value=Decimal(-1)), "give --value"),
        (lambda s: correct(s, "enter", value=Decimal("1.00001")), r"steps of 0\.001 kWh"),
        (lambda s: correct(s, "enter", value=Decimal(1), at=NOW + timedelta(1)), "has not come"),
        (lambda s: correct(s, "restore", reason=" "), "say who and why"),
        (lambda s: correct(s, "restore", serial="9"), "there is LNT 1"),
        (lambda s: (correct(s, "restore"), correct(s, "restore")), "vouched for it already"),
        (lambda s: (correct(s, "set_aside"), correct(s, "set_aside")), "was set aside already"),
        (lambda s: [correct(s, "enter", value=TRUE_AT_BORDER) for _ in range(2)],
         "is elected already"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(
    dark: Site, act: Callable[[Site], object], says: str
) -> None:
    with pytest.raises(ReadingRefused, match=says):
        act(dark)


def test_a_unit_that_is_not_there_is_refused(dark: Site) -> None:
    with pytest.raises(SelfReadRefused, match="no unit 'A-2' has electricity"):
        correct(dark, "restore", subject="A-2")


@pytest.mark.usefixtures("dark")
def test_the_command_line(store_dsn: str) -> None:
    def run(*words: str) -> tuple[int, list[str]]:
        result = CliRunner().invoke(
            app, ["reading", *words, "--society", SOCIETY],
            env={"IOT_UTILITY_DSN": store_dsn, "COLUMNS": "80"},
        )  # fmt: skip
        return result.exit_code, result.output.splitlines()

    enter = (
        "enter", "A-1", "--service", "electricity", "--at", "2026-02-01 00:00",
        "--value", "12374.764", "--by", "manager", "--reason", "photo",
    )  # fmt: skip
    told = [
        "A-1 electricity, meter LNT 1, 2026-02-01 00:00: entered",
        "  elected: nothing -> 12374.764 kWh (edit)",
        "  2026-01 A-1: 29.760 kWh -> 29.764 kWh (v2)",
        "  2026-02 A-1: 26.880 kWh -> 26.876 kWh (v2)",
        "  2026-01 Tower 1 electricity: loss 2.976 kWh -> 2.972 kWh",
        "  2026-02 Tower 1 electricity: loss 2.688 kWh -> 2.692 kWh",
    ]
    assert run(*enter) == (0, [*told, "nothing is written yet: give --yes to apply it"])
    assert run(*enter, "--yes") == (0, [
        *told,
        "applied",
        "close 2026-01 again: cloud-ingest close-month 2026-01 --society 'Lake View'",
        "close 2026-02 again: cloud-ingest close-month 2026-02 --society 'Lake View'",
    ])  # fmt: skip
    code, lines = run("list", "--unit", "A-1")
    assert code == 0
    assert max(map(len, lines)) <= 80
    assert {"12374.764", "0.000", "entered", "unsound:", "manager,"} <= set(" ".join(lines).split())
    code, lines = run("list", "--json")
    zero, edit = sorted((json.loads(line) for line in lines), key=lambda each: each["value"])
    assert (zero["state"], zero["rule"], zero["value"], zero["by"]) == (
        "unsound", "fall", "0.000", None,
    )  # fmt: skip
    assert zero["before"]["value"] == "12374.750"
    between = zero["judged_between"]
    assert (between["before"]["raw"], between["before"]["origin"]) == (12_374_750, "meter")
    assert edit["judged_between"] is None
    assert (edit["state"], edit["is_elected"], edit["reason"]) == ("entered", True, "photo")
    assert edit["at"] == BORDER.isoformat()
    assert run("list", "--unit", "A-9") == (
        2,
        ["cloud-ingest: the list of units has no 'A-9': cloud-ingest units list"],
    )


def test_a_break_is_listed_with_where_it_may_lie(site: Site, store_dsn: str) -> None:
    site.units(unit_line("A-1", "1", since="2025-12-01"), unit_line("A-2", "2", since="2025-12-01"))
    reset = local("2026-01-05 06:00")
    site.deliver("1", every(FIRST, reset - HOUR, 900_000, 10, HOUR), period_s=3600)
    site.deliver("1", every(reset + 2 * HOUR, reset + DAY, 3, 10, HOUR), period_s=3600)
    refresh(site.conn, NOW)
    (listed,) = listed_readings(site.conn, SOCIETY, None)
    assert (listed.subject, listed.state, listed.rule, listed.is_elected) == (
        "A-1", "break", "fall", True,
    )  # fmt: skip
    assert (listed.at, listed.value) == (reset + 2 * HOUR, Decimal("0.003"))
    assert listed.judged_between is not None
    former = listed.judged_between["before"]
    assert former is not None
    assert (former.at, former.raw) == (reset - HOUR, 901_010)
    assert listed_readings(site.conn, SOCIETY, "A-2") == []
    asked = ["reading", "list", "--unit", "A-1", "--society", SOCIETY, "--dsn", store_dsn]
    told = CliRunner().invoke(app, asked, env={"COLUMNS": "140"}).output
    assert "break: fall, somewhere after 2026-01-05 05:00" in told
