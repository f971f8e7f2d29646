"""What of a proof would be somebody else's."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.prove.neighbours import Neighbours, neighbours_of
from cloud_ingest.store.assignments import Assignment
from cloud_ingest.store.number_words import NumberKey
from shared_schema.catalogue import Service
from shared_schema.message import MeterId

OWN = NumberKey("unit", "A-1204", Service.ELECTRICITY)
METER = MeterId(manufacturer="LNT B", serial="1")
HALF = datetime(2026, 7, 16, tzinfo=UTC)
HOUR = timedelta(hours=1)


def assignment(
    subject: str, since: datetime, until: datetime | None, kind: SubjectKind = "unit"
) -> Assignment:
    return Assignment(
        assignment_id=1,
        tower="T1",
        subject_type=kind,
        subject=subject,
        label=subject,
        service=Service.ELECTRICITY,
        source="grid",
        legacy=False,
        valid_from=since,
        valid_to=until,
        meter_id=1,
        meter=METER,
        last_reading_at=None,
        author="unit management",
        reason="list",
        recorded_at=since,
    )


def of_names(*names: str) -> Neighbours:
    return neighbours_of(OWN, (), (*names, "A-1204", "26100001"), {"A-1204", "26100001"})


def test_a_handover_belongs_to_both() -> None:
    found = neighbours_of(
        OWN,
        [assignment("A-1204", HALF - 9 * HOUR, HALF), assignment("C-9", HALF, HALF + 9 * HOUR)],
        (),
        (),
    )
    told = [found.has_time(METER, HALF + hours * HOUR) for hours in (-1, 0, 1, 8, 9, 10)]
    assert told == [False, False, True, True, False, False]
    assert not found.has_time(MeterId(manufacturer="LNT", serial="B 1"), HALF + HOUR)


def test_a_lift_is_somebody_else_than_a_unit_of_its_name() -> None:
    found = neighbours_of(OWN, [assignment("A-1204", HALF, None, "common")], (), ())
    assert found.has_time(METER, HALF + HOUR)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the meter is of C-9", "the meter is of […]"),
        ("C-9's dial, not A-1204's", "[…]'s dial, not A-1204's"),
        ("c-9, T1/101 and Club House.", "[…], […] and […]."),
        ("serial 26109999 for 26100001", "serial […] for 26100001"),
        ("read at C-90", "read at C-90"),
        ("C-9/C-9, flat-C-9.", "[…]/[…], flat-[…]."),
        ("it is of C-9.Then", "it is of […].Then"),
        ("the file C-9_old of 101_b", "the file […]_old of […]_b"),
        ("crossed 101/1203, or 101-1203", "crossed […]/[…], or […]-[…]"),
        ("1,203 of 101.5", "1,203 of 101.5"),
        ("12 said so on 2026-07-12 at 12:30: 12.5", "[…] said so on 2026-07-12 at 12:30: 12.5"),
    ],
)
def test_the_names_of_others_are_left_out(text: str, shown: str) -> None:
    assert (
        of_names("C-9", "T1/101", "Club House", "26109999", "12", "101", "203", "1203").masked(text)
        == shown
    )


@given(st.sets(st.from_regex(r"\A[A-Z]-[0-9]{3}\Z")), st.text(max_size=60))
def test_no_name_stands_alone_in_a_text(names: set[str], text: str) -> None:
    told = " ".join([text, *names, text])
    shown = of_names(*names).masked(told)
    assert not names & set(re.split(r"[^\w-]+", shown))
