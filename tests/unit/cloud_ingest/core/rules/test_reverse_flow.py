# SPDX-License-Identifier: MIT
"""A register that fell: water that ran back, or none."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from cloud_ingest.core.rules.reverse_flow import Fall, ran_back

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("steps", "litres_per_step", "minutes", "litres"),
    [
        (2, 1, 15, 2),
        (3, 10, 15, 30),
        (1, 1, 15, None),  # a dial that stands between two
        (1, 10, 15, None),
        (1250, 1, 15, 1250),
        (1251, 1, 15, None),  # more than passes
        (100_000, 1, 60, None),  # a reset
        (2, 1, 0, 2),
    ],
)
def test_a_fall_is_a_flow_where_the_meter_passes_it(
    steps: int, litres_per_step: int, minutes: int, litres: int | None
) -> None:
    fall = Fall(AT, AT + timedelta(minutes=minutes), steps, Decimal(litres_per_step))
    assert ran_back(fall) == litres
