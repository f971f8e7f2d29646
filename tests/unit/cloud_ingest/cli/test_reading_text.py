# SPDX-License-Identifier: MIT
"""What a correction changes is worded so that each line says a change."""

from cloud_ingest.cli.reading_text import month_line
from cloud_ingest.month.closed_again import ChangedMonth
from shared_schema.billing import MonthlyConsumption
from shared_schema.quality import Reason
from tests.support.july import number


def change(before: MonthlyConsumption, after: MonthlyConsumption) -> ChangedMonth:
    return ChangedMonth("2026-07", "A-1", "kWh", before, after, 2, is_closed=True)


def test_another_quantity_stands_beside_the_former() -> None:
    assert month_line(change(number(30), number(31))) == "2026-07 A-1: 30 kWh -> 31 kWh (v2)"


def test_of_the_same_quantity_it_says_what_else_changes() -> None:
    placed = number(30).model_copy(update={"reasons": (Reason.BORDER_PLACED,)})
    assert month_line(change(number(30), placed)) == (
        "2026-07 A-1: 30 kWh -> the same, validated (border_placed) (v2)"
    )
