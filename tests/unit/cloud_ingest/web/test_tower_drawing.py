# SPDX-License-Identifier: MIT
"""Bars of a balance: each begins where the one before it ended, and nothing unknown is drawn."""

from decimal import Decimal

from cloud_ingest.core.balance import Uncertainty
from cloud_ingest.views.tower_picture import Line, LineKind
from cloud_ingest.web.tower_drawing import WIDTH, Bar, bars

HALF = WIDTH // 2


def line(kind: LineKind, amount: int | None, depth: int = 0, doubt: int | None = None) -> Line:
    return Line(
        kind,
        None if amount is None else Decimal(amount),
        depth=depth,
        uncertainty=None if doubt is None else Uncertainty(Decimal(0), Decimal(doubt)),
    )


def ends(bar: Bar) -> tuple[int, int]:
    return bar.left, bar.left + bar.width


def test_what_went_ends_where_what_came_in_ends() -> None:
    came, units, common, left = bars(
        [
            line(LineKind.METER, 100),
            line(LineKind.UNITS, 50),
            line(LineKind.COMMON, 25),
            line(LineKind.UNACCOUNTED, 25),
        ]
    )
    assert [ends(each) for each in (came, units, common, left)] == [
        (0, WIDTH),
        (0, HALF),
        (HALF, HALF + HALF // 2),
        (HALF + HALF // 2, WIDTH),
    ]


def test_what_passed_a_sub_bulk_lies_below_its_bar() -> None:
    _, units, riser, inner, left, last = bars(
        [
            line(LineKind.METER, 100),
            line(LineKind.UNITS, 20),
            line(LineKind.SUB_BULK, 50),
            line(LineKind.UNITS, 40, 1),
            line(LineKind.UNACCOUNTED, 10, 1),
            line(LineKind.UNACCOUNTED, 30),
        ]
    )
    assert ends(riser)[0] == ends(units)[1] == ends(inner)[0]
    assert ends(left)[1] == ends(riser)[1] == ends(last)[0]
    assert ends(last)[1] == WIDTH


def test_what_is_not_known_has_no_bar() -> None:
    *_, left = bars([line(LineKind.METER, 100), line(LineKind.UNACCOUNTED, None, doubt=3)])
    assert (left.has_bar, left.whisker) == (False, None)


def test_a_whisker_stands_around_the_end_and_inside_the_drawing() -> None:
    came, left = bars([line(LineKind.METER, 90), line(LineKind.UNACCOUNTED, 90, doubt=10)])
    assert left.whisker is not None
    low, high = left.whisker
    assert low < ends(left)[1] == ends(came)[1] < high == WIDTH


def test_more_below_than_above_goes_back() -> None:
    came, units, left = bars(
        [line(LineKind.METER, 50), line(LineKind.UNITS, 100), line(LineKind.UNACCOUNTED, -50)]
    )
    assert ends(units) == (0, WIDTH)
    assert ends(left) == (ends(came)[1], WIDTH)


def test_a_tower_without_any_number_is_drawn_without_bars() -> None:
    (only,) = bars([Line(LineKind.NO_BULK)])
    assert not only.has_bar
