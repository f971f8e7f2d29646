# SPDX-License-Identifier: MIT
"""Doubtful dial values, and the mistakes that are named for them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.dial_reasons import DialDoubt, DialPast, NearbyDial, Shown, dial_remarks
from cloud_ingest.core.dial_text import dial_text
from shared_schema.catalogue import Service

LAST = datetime(2026, 10, 1, tzinfo=UTC)
NOW = LAST + timedelta(days=30)


def past(before: str | None = "4711.3", after: str | None = None, **more: object) -> DialPast:
    known = {
        "service": Service.ELECTRICITY,
        "most_per_day": Decimal(500),
        "before": None if before is None else Shown(LAST, Decimal(before)),
        "after": None if after is None else Shown(NOW + timedelta(days=1), Decimal(after)),
        "usual_per_day": Decimal(6),
        **more,
    }
    return DialPast(**known)  # type: ignore[arg-type]


def doubts(text: str, known: DialPast) -> list[DialDoubt]:
    return [each.doubt for each in dial_remarks(dial_text(text), NOW, known)]


@pytest.mark.parametrize("text", ["4711", "4711.3", "4712", "4890", "5160"])
def test_what_may_be_is_not_doubted(text: str) -> None:
    assert doubts(text, past()) == []


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("4711.2", DialDoubt.BELOW),
        ("4710", DialDoubt.BELOW),
        ("5500", DialDoubt.UNUSUAL),
        ("20000", DialDoubt.TOO_MUCH),
    ],
)
def test_an_integer_hides_less_than_one(text: str, doubt: DialDoubt) -> None:
    assert doubts(text, past())[0] is doubt


def test_a_value_above_a_later_reading_is_doubted() -> None:
    assert doubts("4801", past(after="4800.5"))[0] is DialDoubt.ABOVE
    assert doubts("4800", past(after="4800.5")) == []


@pytest.mark.parametrize("before", ["4711.3", None])
def test_a_value_that_leaves_too_much_is_doubted(before: str | None) -> None:
    assert doubts("4800", past(before, after="4824.9")) == []
    assert doubts("4800", past(before, after="4826"))[0] is DialDoubt.TOO_LITTLE


@pytest.mark.parametrize(
    ("text", "known", "likely", "meant"),
    [
        ("8490", past(), DialDoubt.DIGITS_EXCHANGED, "4890"),
        ("489", past(), DialDoubt.DIGIT_MISSING, "4891"),
        ("48990", past(), DialDoubt.DIGIT_TOO_MANY, "4890"),
        ("489000", past(), DialDoubt.DECIMAL_POINT, "4890.00"),
        ("48.9", past(), DialDoubt.DECIMAL_POINT, "4890"),
        ("00012", past("99950", whole_digits=5), DialDoubt.ROLLOVER, "100012"),
    ],
)
def test_the_likely_mistake_is_named(
    text: str, known: DialPast, likely: DialDoubt, meant: str
) -> None:
    named = {each.doubt: each.meant for each in dial_remarks(dial_text(text), NOW, known)}
    assert named[likely] == Decimal(meant)


def test_the_neighbours_meter_is_named() -> None:
    nearby = [
        NearbyDial("C-0303", Shown(LAST, Decimal(20000))),
        NearbyDial("C-0305", Shown(LAST, Decimal(1810))),
    ]
    found = dial_remarks(dial_text("1890"), NOW, past(nearby=nearby))
    assert (found[-1].doubt, found[-1].neighbour) == (DialDoubt.NEIGHBOUR, "C-0305")


def test_no_mistake_is_claimed_where_none_fits() -> None:
    assert doubts("3999.9", past()) == [DialDoubt.BELOW]


def test_a_rollover_wants_the_number_of_digits() -> None:
    assert DialDoubt.ROLLOVER not in doubts("00012", past("99950"))


def test_a_common_area_may_use_more() -> None:
    assert doubts("9000", past(is_unit=False, usual_per_day=None)) == []


@given(
    st.from_regex(r"[0-9]{1,9}([.][0-9]{1,3})?", fullmatch=True),
    st.integers(0, 10**6),
    st.integers(1, 90 * 86400),
    st.none() | st.decimals(0, 20, places=3),
)
def test_each_reading_that_is_named_would_be_plausible(
    text: str, before: int, seconds: int, usual: Decimal | None
) -> None:
    known = past(str(before), whole_digits=6, usual_per_day=usual)
    hours = max(seconds // 3600, 24)
    for each in dial_remarks(dial_text(text), LAST + timedelta(seconds=seconds), known)[1:]:
        assert each.meant is not None
        assert each.meant + 1 > before
        assert (each.meant - before) * 24 <= known.most_usual() * hours
