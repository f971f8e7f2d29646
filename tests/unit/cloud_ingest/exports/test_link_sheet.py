# SPDX-License-Identifier: MIT
"""The sheet of personal links."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from cloud_ingest.errors import UserError
from cloud_ingest.exports.link_cards import Card, cards_csv
from cloud_ingest.exports.link_sheet import sheet_pdf

ZONE = ZoneInfo("Asia/Kolkata")
FROM, UNTIL = datetime(2026, 10, 28, 18, 30, tzinfo=UTC), datetime(2026, 11, 3, 18, 30, tzinfo=UTC)


def card(unit: str) -> Card:
    address = f"https://meters.example/self-read#aaaaaaaa.{'b' * 32}"
    return Card("Lake View", unit, ("electricity (grid)",), address, FROM, UNTIL)


def test_eight_cards_stand_on_a_page() -> None:
    pdf = sheet_pdf([card(f"C-{number}") for number in range(17)], ZONE)
    assert len(re.findall(rb"/Type /Page\b", pdf)) == 3


def test_a_label_that_cannot_be_printed_is_told() -> None:
    with pytest.raises(UserError, match=r"write the sheet as \.csv"):
        sheet_pdf([card("फ्लैट 101")], ZONE)
    assert "फ्लैट 101" in cards_csv([card("फ्लैट 101")], ZONE).decode()


def test_so_is_a_society_that_cannot_be_printed() -> None:
    with pytest.raises(UserError, match=r"^'झील' cannot be printed in Latin letters"):
        sheet_pdf([replace(card("C-0304"), society="झील")], ZONE)


def test_no_cell_is_a_formula() -> None:
    text = cards_csv([card("=HYPERLINK(1)")], ZONE).decode()
    assert "'=HYPERLINK(1)" in text


def test_a_secret_stands_in_no_repr() -> None:
    assert repr(card("C-0304")) == "Card('C-0304')"
