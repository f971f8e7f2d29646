# SPDX-License-Identifier: MIT
"""What people type from a dial: any text gives digits, or the one error."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.dial_text import dial_text
from cloud_ingest.errors import SelfReadRefused


@pytest.mark.parametrize(
    ("text", "value", "step"),
    [
        ("4711", "4711", "1"),
        ("04711", "4711", "1"),
        (" 4711.3 ", "4711.3", "0.1"),
        ("4711,30", "4711.30", "0.01"),
        ("4 711", "4711", "1"),
        (".5", "0.5", "0.1"),
        ("7.", "7", "1"),
        ("४७११", "4711", "1"),
        ("0", "0", "1"),
    ],
)
def test_digits_are_read_as_they_stand(text: str, value: str, step: str) -> None:
    read = dial_text(text)
    assert (read.value, read.step) == (Decimal(value), Decimal(step))
    assert read.most == Decimal(value) + Decimal(step)


def test_leading_zeros_tell_how_many_digits_there_are() -> None:
    assert (dial_text("00471.30").whole, dial_text("00471.30").digits) == ("00471", "0047130")


@pytest.mark.parametrize(
    "text", ["", " ", ".", "-4", "+4", "4e3", "NaN", "1.2.3", "1,234.5", "4711 kWh", "²", "9" * 19]
)
def test_what_is_no_dial_is_refused(text: str) -> None:
    with pytest.raises(SelfReadRefused, match="is no dial value"):
        dial_text(text)


@given(st.text(max_size=30) | st.from_regex(r"[0-9 ]{0,9}[.,]?[0-9]{0,4}", fullmatch=True))
def test_any_text_gives_digits_or_the_error(text: str) -> None:
    try:
        read = dial_text(text)
    except SelfReadRefused:
        return
    assert 0 <= read.value < read.most
    assert dial_text(str(read)) == read
