# SPDX-License-Identifier: MIT
"""The lines of a list of units, read from CSV."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.unit_list import (
    COLUMNS,
    Line,
    made_up_meter,
    parse,
)
from cloud_ingest.core.unit_meter import RATING_COLUMNS, Rating
from cloud_ingest.errors import ImportRefused
from shared_schema.catalogue import Service
from shared_schema.text import composed, label_fault

KOLKATA = ZoneInfo("Asia/Kolkata")


def read(*lines: str, columns: tuple[str, ...] = COLUMNS) -> dict[int, Line]:
    return parse("\n".join([",".join(columns), *lines]), KOLKATA)


def rated(line: str) -> Rating:
    columns = (*COLUMNS, *RATING_COLUMNS)
    whole = line + "," * (len(columns) - 1 - line.count(","))
    (found,) = read(whole, columns=columns).values()
    return found.rating


def test_a_day_begins_at_the_society_s_midnight() -> None:
    (line,) = read("T,unit,A-1,water,,LNT,1,no,2026-07-01,").values()
    assert line.valid_from == datetime(2026, 6, 30, 18, 30, tzinfo=UTC)
    assert (line.source, line.meter) == ("main", ("LNT", "1"))


def test_a_handover_in_a_doubled_hour_wants_its_offset() -> None:
    def begin(text: str) -> datetime:
        line = f"T,unit,A-1,water,,LNT,1,no,{text},"
        (found,) = parse(f"{','.join(COLUMNS)}\n{line}", ZoneInfo("Europe/Berlin")).values()
        return found.valid_from

    with pytest.raises(ImportRefused) as caught:
        begin("2026-10-25T02:30")
    assert "none or two times in Europe/Berlin: give its offset" in caught.value.lines[0]
    assert begin("2026-10-25T02:30+01:00") == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "time"),
    [("Asia/Kolkata", "9999-12-31T23:59+00:00"), ("America/New_York", "0001-01-01T00:00+00:00")],
)
def test_a_time_can_be_shown_in_the_society_s_zone(zone: str, time: str) -> None:
    with pytest.raises(ImportRefused) as refused:
        parse(f"{','.join(COLUMNS)}\nT1,unit,A-1,electricity,,LNT,1,no,{time},", ZoneInfo(zone))
    assert "is not a date" in refused.value.lines[0]


def test_a_header_must_name_each_column_once() -> None:
    with pytest.raises(ImportRefused) as caught:
        parse("tower,tower", KOLKATA)
    assert "line 1: column subject is missing" in caught.value.lines
    with pytest.raises(ImportRefused) as caught:
        read(columns=(*COLUMNS, "tower"))
    assert caught.value.lines == ("line 1: a column stands there twice",)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (",".join((*COLUMNS, "sael")), "line 1: column 'sael' is not known: did you mean 'seal'?"),
        (",".join(COLUMNS).upper(), "line 1: column 'TOWER' is not known: did you mean 'tower'?"),
        (";".join(COLUMNS), "line 1: its columns are not apart by commas"),
    ],
)
def test_a_header_that_is_none_says_what_was_meant(header: str, says: str) -> None:
    with pytest.raises(ImportRefused) as refused:
        parse(header, KOLKATA)
    assert any(line.startswith(says) for line in refused.value.lines)


def test_ratings_are_read_where_they_are_given() -> None:
    assert rated("T,unit,A,electricity,,L,1,no,2026-07-01,,3,60,") == Rating(3, Decimal(60))
    assert rated("T,unit,A,water,,L,1,no,2026-07-01,,,,3.125") == Rating(q4_m3_h=Decimal("3.125"))
    assert rated("T,unit,A,water,,L,1,no,2026-07-01,,,,") == Rating()
    (line,) = read("T,unit,A,water,,L,1,no,2026-07-01,,5", columns=(*COLUMNS, "q4_m3_h")).values()
    assert line.rating == Rating(q4_m3_h=Decimal(5))


@pytest.mark.parametrize(
    ("service", "values", "says"),
    [
        ("electricity", "2,,", "phases '2' is neither 1 nor 3"),
        ("electricity", ",0,", "max_current_a '0' is not a number above 0, at most 6300 A"),
        ("electricity", ",sixty,", "max_current_a 'sixty' is not a number above 0"),
        ("electricity", ",NaN,", "max_current_a 'NaN' is not a number above 0"),
        ("electricity", ",,2", "q4_m3_h is not of electricity: leave it empty"),
        ("water", ",,-1", "q4_m3_h '-1' is not a number above 0"),
        ("water", ",,1e9", "q4_m3_h '1e9' is not a number above 0, at most 5000 m3/h"),
        ("water", "3,,", "phases is not of water: leave it empty"),
    ],
)
def test_a_rating_that_no_meter_has_is_refused(service: str, values: str, says: str) -> None:
    with pytest.raises(ImportRefused) as caught:
        rated(f"T,unit,A,{service},,L,1,no,2026-07-01,,{values}")
    (line,) = caught.value.lines
    assert line.startswith(f"line 2: {says}")


def test_a_legacy_meter_is_named_after_its_subject() -> None:
    water = Service.WATER
    assert made_up_meter("unit", "A-1", water, "inlet-2") == ("legacy", "A-1:water:inlet-2")
    assert made_up_meter("unit", "T1/101", water, "main") == ("legacy", "T1/101:water")
    assert made_up_meter("common", "Lift", water, "main") == ("legacy", "common Lift:water")


def test_long_names_of_legacy_meters_differ() -> None:
    names = {
        made_up_meter("unit", label, service, "main")[1]
        for label in ("T" * 64, "T" * 63 + "U")
        for service in Service
    }
    assert len(names) == 4
    assert {len(name) for name in names} == {64}


@pytest.mark.parametrize(
    ("values", "bits"),
    [("0 2,1", (0b101, 0b10)), (",", (None, None)), ("none,55", (0, 1 << 55)), ("2 2,", (4, None))],
)
def test_bits_of_the_status_are_read(values: str, bits: tuple[int | None, int | None]) -> None:
    found = rated(f"T,unit,A,water,,L,1,no,2026-07-01,,,,,{values}")
    assert (found.invalid_bits, found.clock_bits) == bits


@pytest.mark.parametrize("text", ["56", "-1", "one", "1;2", "0x1", "²"])
def test_a_bit_that_no_status_has_is_refused(text: str) -> None:
    with pytest.raises(ImportRefused) as caught:
        rated(f"T,unit,A,water,,L,1,no,2026-07-01,,,,,{text},")
    (line,) = caught.value.lines
    assert line.startswith(f"line 2: invalid_bits '{text}' is not bits from 0 to 55")


def faults(text: str) -> tuple[str, ...]:
    with pytest.raises(ImportRefused) as caught:
        parse(f"{','.join(COLUMNS)}\n{text}", KOLKATA)
    return caught.value.lines


@pytest.mark.parametrize(
    ("subject", "line", "hides"),
    [
        ('"A\nB"', 3, "U+000A (a control character)"),
        ("A\u2028B", 2, "U+2028 (line separator)"),
        ("A\x85B", 2, "U+0085 (a control character)"),
        ("A\u202eB", 2, "U+202E (right-to-left override)"),
        ("A\u200bB", 2, "U+200B (zero width space)"),
        ("A\x1b[2J", 2, "U+001B (a control character)"),
        ("A\x9b2J", 2, "U+009B (a control character)"),
        ("A\x00B", 2, "U+0000 (a control character)"),
    ],
)
def test_a_label_that_lies_is_refused_with_its_line(subject: str, line: int, hides: str) -> None:
    assert faults(f"T,unit,{subject},water,,LNT,1,no,2026-07-01,") == (
        f"line {line}: subject has a character that nobody sees, {hides}, at place 2: leave it out",
    )


def test_a_line_behind_one_of_two_keeps_its_number() -> None:
    bad = 'T,unit,"A\nB",water,,LNT,1,no,2026-07-01,'
    assert faults(f"{bad}\nT,unit,A,gas,,LNT,1,no,2026-07-01,")[1].startswith("line 4: service")


def test_what_is_no_csv_names_its_line() -> None:
    good = "T,unit,A,water,,LNT,1,no,2026-07-01,"
    assert faults(f'{good}\nT,unit,"A"x')[0].startswith("line 3: not CSV")
    assert faults(f"{good}\n{'x' * 200_000}")[0].startswith("line 3: not CSV: field larger")


@pytest.mark.parametrize("value", ["1e-999999999", "1e999999999", "NaN", "9" * 5000, "٣", "0x10"])
def test_a_rating_is_a_plain_number(value: str) -> None:
    with pytest.raises(ImportRefused) as caught:
        rated(f"T,unit,A,electricity,,L,1,no,2026-07-01,,,{value},")
    assert "is not a number above 0" in caught.value.lines[0]


@given(st.text(st.characters(exclude_characters='",\r\n'), max_size=70))
def test_a_subject_is_kept_as_one_label_or_refused(subject: str) -> None:
    try:
        (line,) = read(f"T,unit,{subject},water,,LNT,1,no,2026-07-01,").values()
    except ImportRefused as error:
        assert error.lines[0].startswith("line 2: subject ")  # noqa: PT017 - else it is kept
    else:
        assert label_fault(line.label) is None
        assert line.label == composed(subject.strip(" \t"))
