# SPDX-License-Identifier: MIT
"""Why a notebook and a meter differ: one case for each cause, and none where they agree."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from cloud_ingest.core.month import DAY
from cloud_ingest.core.notebook_cause import Verdict, judge
from cloud_ingest.core.notebook_course import Course, Unit
from cloud_ingest.core.notebook_page import Noted, Page
from cloud_ingest.core.notebook_ways import Cause

FIRST, LAST = date(2026, 10, 1), date(2026, 11, 1)
BEGINS = date(2026, 8, 20)


def course(opening: str, a_day: str, *, meter: str = "1", until: date = LAST + 40 * DAY) -> Course:
    """A register of so much on the first day of the month, and so much more each day."""
    days = (until - BEGINS).days
    start = Decimal(opening) - Decimal(a_day) * (FIRST - BEGINS).days
    return Course(meter, {BEGINS + DAY * n: start + Decimal(a_day) * n for n in range(days)})


def unit(label: str, opening: str, a_day: str = "7.3", **more: object) -> Unit:
    own = course(opening, a_day)
    return Unit(label, (own,), used=own.at[LAST] - own.at[FIRST], **more)  # type: ignore[arg-type]


def page(opening: str, closing: str, used: str | None = None) -> Page:
    return Page(
        Noted(FIRST, Decimal(opening)),
        Noted(LAST, Decimal(closing)),
        None if used is None else Decimal(used),
    )


def said(opening: str, closing: str, used: str | None = None, **more: object) -> Verdict:
    return judge({"A": page(opening, closing, used)}, {"A": unit("A", "12345.6", **more)})["A"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("opening", "closing"), [("12345", "12571"), ("12346", "12572"), ("12338", "12586")]
)
def test_readings_of_about_their_day_agree(opening: str, closing: str) -> None:
    assert said(opening, closing) == Verdict(agrees=True)


def test_a_dial_that_stands_off_its_register_agrees() -> None:
    assert said("52345", "52571") == Verdict(agrees=True)


@pytest.mark.parametrize(
    ("cause", "closing", "number"),
    [
        (Cause.DIGITS, "15272", "12572"),
        (Cause.MISREAD, "17572", "12572"),
        (Cause.POINT, "125720", "12572"),
        (Cause.ROLLOVER, "112572", "12572"),
        (Cause.REPEATED, "12345", "12345"),
    ],
)
def test_a_closing_reading_is_explained(cause: Cause, closing: str, number: str) -> None:
    verdict = said("12345", closing)
    (found,) = verdict.causes
    assert verdict.agrees is False
    assert (found.cause, found.number) == (cause, Decimal(number))


def test_another_date_is_named_with_its_day() -> None:
    (found,) = said("12345", "12665").causes
    assert found.cause is Cause.DATE
    assert found.day is not None
    assert abs(found.day - date(2026, 11, 14)) <= DAY


def test_two_causes_that_explain_equally_well_are_both_told() -> None:
    ours = unit("A", "1234.5", "0.9")
    verdict = judge({"A": page("12345", "12624")}, {"A": ours})["A"]
    assert {each.cause for each in verdict.causes} == {Cause.POINT, Cause.FACTOR}


def test_a_factor_is_seen_in_what_was_counted() -> None:
    verdict = judge({"A": page("14711", "16974")}, {"A": unit("A", "100.00", "7.3")})["A"]
    (found,) = verdict.causes
    assert (found.cause, found.number) == (Cause.FACTOR, Decimal(10))


def test_two_flats_are_exchanged() -> None:
    units = {"A": unit("A", "12345.6"), "B": unit("B", "40000", "2.5")}
    pages = {"A": page("40000", "40077"), "B": page("12346", "12571")}
    found = judge(pages, units)
    assert {label: [(f.cause, f.other) for f in each.causes] for label, each in found.items()} == {
        "A": [(Cause.FLATS, "B")],
        "B": [(Cause.FLATS, "A")],
    }


def test_a_generator_is_in_the_notebook() -> None:
    others = (course("200", "0.8", meter="G"),)
    assert [f.cause for f in said("12545", "12797", others=others).causes] == [Cause.SOURCE]
    assert [f.cause for f in said("12345", "12572", "252", others=others).causes] == [Cause.SOURCE]


def test_a_dial_that_went_over_its_end_is_a_rollover() -> None:
    own = course("99900", "7.3")
    ours = Unit("A", (Course("1", {day: at % 100_000 for day, at in own.at.items()}),), used=None)
    (found,) = judge({"A": page("99900", "126")}, {"A": ours})["A"].causes
    assert found.cause is Cause.ROLLOVER


def test_a_replaced_meter_mixes_two_dials() -> None:
    old = course("12345.6", "7.3", until=date(2026, 10, 16))
    at = {date(2026, 10, 15) + DAY * n: Decimal("7.3") * n for n in range(40)}
    ours = Unit("A", (old, Course("2", at)), used=Decimal("226.3"))
    (found,) = judge({"A": page("12345", "124")}, {"A": ours})["A"].causes
    assert (found.cause, found.other) == (Cause.REPLACED, "1")


def test_a_wrong_subtraction_is_told() -> None:
    assert [f.cause for f in said("12345", "12572", "262").causes] == [Cause.SUM]


def test_nothing_used_is_no_factor_of_what_was_used() -> None:
    assert [f.cause for f in said("12345", "12572", "0").causes] == [Cause.SUM]
    ours = {"A": unit("A", "12345.6")}
    assert not judge({"A": Page(used=Decimal(0))}, ours)["A"].causes


def test_nothing_explains_a_number_out_of_nowhere() -> None:
    assert said("12345", "80808") == Verdict(agrees=False)


def test_without_a_register_nothing_is_said() -> None:
    assert judge({"A": page("1", "2")}, {"A": Unit("A", ())})["A"] == Verdict(agrees=None)


def test_a_use_without_readings_is_held_beside_ours() -> None:
    ours = {"A": unit("A", "12345.6")}
    assert judge({"A": Page(used=Decimal(230))}, ours)["A"].agrees
    (found,) = judge({"A": Page(used=Decimal(2263))}, ours)["A"].causes
    assert (found.cause, found.number) == (Cause.FACTOR, Decimal(10))


def test_our_own_number_may_be_the_odd_one() -> None:
    ours = replace(unit("A", "12345.6"), borders=(FIRST, LAST))
    assert judge({"A": page("12345", "12572")}, {"A": ours})["A"].agrees
    verdict = judge({"A": page("12345", "12572")}, {"A": replace(ours, used=Decimal(90))})["A"]
    assert (verdict.agrees, [each.cause for each in verdict.causes]) == (False, [Cause.OURS])
