# SPDX-License-Identifier: MIT
"""The JSON of a command: no number is rounded, no letter escaped."""

from datetime import UTC, datetime
from decimal import Decimal

from cloud_ingest.cli.json_text import decimal_text, json_text


def test_a_decimal_is_text_with_all_its_digits() -> None:
    assert json_text([Decimal("1E+3"), Decimal("0.100")]) == '["1000", "0.100"]'
    assert (decimal_text(Decimal("1E-7")), decimal_text(None)) == ("0.0000001", None)


def test_a_time_and_a_label_are_as_they_are() -> None:
    assert json_text({"Łódź": datetime(2026, 7, 1, tzinfo=UTC)}) == (
        '{"Łódź": "2026-07-01T00:00:00+00:00"}'
    )
