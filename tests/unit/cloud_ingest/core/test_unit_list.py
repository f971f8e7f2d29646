# SPDX-License-Identifier: MIT
"""What an import of the list of units would do."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.unit_list import COLUMNS, Place, Plan, make_plan, parse
from cloud_ingest.errors import ImportRefused

KOLKATA = ZoneInfo("Asia/Kolkata")


def places(*lines: str) -> dict[int, Place]:
    return parse("\n".join([",".join(COLUMNS), *lines]), KOLKATA)


def test_a_day_begins_at_the_society_s_midnight() -> None:
    (place,) = places("T,unit,A-1,water,,LNT,1,no,2026-07-01,").values()
    assert place.valid_from == datetime(2026, 6, 30, 18, 30, tzinfo=UTC)
    assert (place.source, place.meter) == ("main", ("LNT", "1"))


def test_a_legacy_meter_is_named_after_its_unit() -> None:
    (place,) = places("T,unit,A-1,water,inlet-2,,,yes,2026-07-01,").values()
    assert place.meter == ("legacy", "A-1:water:inlet-2")


@given(st.sets(st.integers(1, 99), max_size=9))
def test_what_is_known_is_added_once(numbers: set[int]) -> None:
    lines = places(*(f"T,unit,A-{n},water,,LNT,{n},no,2026-07-01," for n in numbers))
    added = make_plan({}, lines).add
    assert len(added) == len(numbers)
    assert make_plan(dict(enumerate(added)), lines) == Plan(unchanged=len(numbers))


def test_a_line_without_its_end_reopens_it() -> None:
    lines = places("T,unit,A-1,water,,LNT,1,no,2026-07-01,")
    (place,) = lines.values()
    ended = replace(place, valid_to=datetime(2026, 8, 1, tzinfo=UTC))
    assert make_plan({5: ended}, lines).change == ((5, place),)


def test_a_header_must_name_each_column_once() -> None:
    with pytest.raises(ImportRefused) as caught:
        parse("tower,tower", KOLKATA)
    assert "line 1: column subject is missing" in caught.value.lines
