# SPDX-License-Identifier: GPL-2.0-only
"""Numbers for people and for machines: all digits, never a power of ten."""

from decimal import Decimal

import pytest

from edge_agent.install.read_once import Value
from edge_agent.install.shown import ShownValue, grouped, plain
from shared_schema.catalogue import ACTIVE_IMPORT


@pytest.mark.parametrize(
    ("value", "text", "shown"),
    [
        (Decimal(1234).scaleb(3), "1234000", "1,234,000"),
        (Decimal(0).scaleb(6), "0", "0"),
        (Decimal(-5).scaleb(2), "-500", "-500"),
        (Decimal(-12345).scaleb(2), "-1234500", "-1,234,500"),
        (Decimal(123_412_340).scaleb(-2), "1234123.40", "1,234,123.40"),
        (Decimal(1).scaleb(-9), "0.000000001", "0.000000001"),
        (Decimal(230_450_000_000).scaleb(-9), "230.45", "230.45"),
        (Decimal(231 * 10**9).scaleb(-9), "231", "231"),
    ],
)
def test_a_person_sees_thousands_and_json_is_plain(value: Decimal, text: str, shown: str) -> None:
    assert (plain(value), grouped(value)) == (text, shown)
    for kind in (Value, ShownValue):
        each = kind(ACTIVE_IMPORT, "x", value, "Wh")
        assert each.document()["value"] == text
        assert each.text == shown
