# SPDX-License-Identifier: GPL-2.0-only
"""Numbers for people and for machines: all digits, never a power of ten."""

from decimal import Decimal

import pytest

from edge_agent.install.read_once import Value
from edge_agent.install.shown import ShownValue, plain
from shared_schema.catalogue import ACTIVE_IMPORT


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal(1234).scaleb(3), "1234000"),
        (Decimal(0).scaleb(6), "0"),
        (Decimal(-5).scaleb(2), "-500"),
        (Decimal(12340).scaleb(-2), "123.40"),
        (Decimal(1).scaleb(-9), "0.000000001"),
        (Decimal(230_450_000_000).scaleb(-9), "230.45"),
        (Decimal(231 * 10**9).scaleb(-9), "231"),
    ],
)
def test_a_number_has_all_its_digits(value: Decimal, text: str) -> None:
    assert plain(value) == text
    assert Value(ACTIVE_IMPORT, "x", value, "Wh").document()["value"] == text
    assert ShownValue(ACTIVE_IMPORT, "x", value, "Wh").document()["value"] == text
    assert Value(ACTIVE_IMPORT, "x", value, "Wh").text == text
