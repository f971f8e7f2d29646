# SPDX-License-Identifier: MIT
"""What a register cannot show is said in one sentence."""

from decimal import Decimal

import pytest

from cloud_ingest.core.rules.water.blind_spot import blind_spot

HOUR = 3600


@pytest.mark.parametrize(
    ("step_l", "interval_s", "says"),
    [
        (
            "10",
            HOUR,
            "This register moves in steps of 10 L: a leak below 5 L/h passes for use, "
            "one of 5 L/h takes about two days to show and one of 10 L/h about a day.",
        ),
        (
            "100",
            900,
            "This register moves in steps of 100 L: a leak below 20 L/h passes for use, "
            "one of 20 L/h takes about three days to show and one of 30 L/h about two days.",
        ),
        (
            "1.0",
            HOUR,
            "This register moves in steps of 1 L: "
            "a leak that leaves two dry hours in a row passes for use.",
        ),
        (
            "10",
            24 * HOUR,
            "This register is read every 24 h: "
            "no hour of use is known, so that no leak can be told from use.",
        ),
    ],
)
def test_blind_spot_is_one_sentence(step_l: str, interval_s: int, says: str) -> None:
    assert blind_spot(Decimal(step_l), interval_s) == says
