# SPDX-License-Identifier: MIT
"""A subject's number of a month."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from cloud_ingest.core.consumption import Measured
from cloud_ingest.core.month import month_of
from cloud_ingest.core.register import Register
from cloud_ingest.month.closing import Closing, SubjectKey, by_subject
from cloud_ingest.month.count import Counted
from cloud_ingest.month.number import number_of
from cloud_ingest.store.assignments import Assignment
from shared_schema.billing import MonthlyConsumption, Withheld
from shared_schema.catalogue import Service
from shared_schema.message import MeterId
from shared_schema.quality import Origin, Quality, Reason

KOLKATA = ZoneInfo("Asia/Kolkata")
JULY = month_of(2026, 7, KOLKATA)
CLOSING = Closing(
    1, "Lake View", JULY, KOLKATA, JULY.end, timedelta(days=3), progress=lambda _text: None
)
KEY = SubjectKey("unit", "A-1", Service.ELECTRICITY)


def part(
    serial: str, wh: int | None, *reasons: Reason, origin: Origin = Origin.METER, tower: str = "T"
) -> Counted:
    assignment = Assignment(
        assignment_id=int(serial),
        tower=tower,
        subject_type="unit",
        subject="A-1",
        label="A-1",
        service=Service.ELECTRICITY,
        source="grid",
        legacy=False,
        valid_from=datetime(2026, 1, 1, tzinfo=UTC),
        valid_to=None,
        meter_id=int(serial),
        meter=MeterId(manufacturer="LNT", serial=serial),
        last_reading_at=None,
        author="me",
        reason="test",
        recorded_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    if wh is None:
        return Counted(assignment, Measured(None, None, None, frozenset(reasons)))
    opening = Register(int(serial), JULY.start, 0, Origin.METER, -3)
    closing = Register(int(serial), JULY.end, wh, origin, -3)
    used = Decimal(wh).scaleb(-3)
    return Counted(assignment, Measured(opening, closing, used, frozenset(reasons)))


def test_a_number_is_the_sum_of_its_meters() -> None:
    number = number_of(CLOSING, KEY, [part("1", 1500), part("2", 2, tower="U")])
    assert isinstance(number, MonthlyConsumption)
    assert (number.quantity, number.quality) == (Decimal("1.502"), Quality.VALIDATED)
    assert (number.month, number.tower, number.version) == ("2026-07", "U", 1)


def test_an_unproved_meter_withholds_the_number() -> None:
    reasons = (Reason.NO_CLOSING, Reason.OFFLINE)
    withheld = number_of(CLOSING, KEY, [part("1", 1500), part("2", None, *reasons)])
    assert isinstance(withheld, Withheld)
    assert set(withheld.reasons) == set(reasons)


def test_reasons_stand_in_the_order_of_the_contract() -> None:
    shuffled = [part("1", 1, Reason.SELF_READ), part("2", 1, Reason.PART_OF_MONTH)]
    number = number_of(CLOSING, KEY, shuffled)
    assert list(number.reasons) == [each for each in Reason if each in number.reasons]


def test_unlike_meters_make_a_mixed_number() -> None:
    number = number_of(CLOSING, KEY, [part("1", 1), part("2", 1, origin=Origin.SELF_READ)])
    assert isinstance(number, MonthlyConsumption)
    assert number.quality is Quality.MIXED


def test_parts_are_sorted_by_their_subject() -> None:
    first, second = part("1", 1), part("2", 2)
    assert by_subject([first, second]) == {KEY: [first, second]}


def test_a_closing_is_followed_by_the_next_month() -> None:
    assert CLOSING.following().month == "2026-08"
