# SPDX-License-Identifier: MIT
"""A closed month as files: what a billing tool, Excel and the notice board get."""

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from cloud_ingest.exports.cells import plain
from cloud_ingest.exports.formats import Format, file_name, month_file
from cloud_ingest.exports.notice import drawable, notice_pdf
from cloud_ingest.exports.notice_text import notice_of
from cloud_ingest.exports.rows import TITLES, number_rows
from shared_schema.export import ExportedStatus, MonthExport
from shared_schema.schemas import json_schema
from tests.support.exported import month, number, society, withheld

PAGE = Path(__file__).parents[4] / "docs/howto/export.md"
LABELS = st.text(st.characters(blacklist_categories=("Cc", "Cs")), min_size=1, max_size=20)


def written(found: MonthExport, form: Format, **options: bool) -> bytes:
    return b"".join(month_file(found, form, **options))


def rows_of(found: MonthExport) -> list[dict[str, str]]:
    text = written(found, Format.CSV).decode()
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def sheets(found: MonthExport) -> dict[str, list[list[Any]]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(written(found, Format.XLSX)))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def test_a_row_has_both_registers_their_times_and_origins() -> None:
    row, *_ = rows_of(month(number("A-1204")))
    assert (row["subject"], row["opening_register"], row["closing_register"]) == (
        "A-1204",
        "12345.678",
        "12519.026",
    )
    assert row["opening_at"] == "2026-10-01T00:00:00+05:30"
    assert (row["opening_origin"], row["closing_origin"]) == ("meter", "self_read")
    assert (row["quantity"], row["total"], row["unit"]) == ("173.348", "173.348", "kWh")
    assert row["why"] == "a border is a dial that a person read"


def test_quantities_and_totals_add_up_to_the_same() -> None:
    rows = rows_of(month(number("A-1", meters=3), number("A-2"), withheld("A-3")))
    sums = [sum(Decimal(row[name] or 0) for row in rows) for name in ("quantity", "total")]
    assert sums[0] == sums[1] == 5 * Decimal("173.348")
    assert [row["source"] for row in rows[:3]] == ["inlet-1", "inlet-2", "inlet-3"]


def test_what_is_withheld_has_a_row_with_why() -> None:
    row, _ = rows_of(month(withheld("C-0302")))
    assert (row["status"], row["quantity"], row["total"], row["estimate"]) == (
        "withheld",
        "",
        "",
        "180.000",
    )
    assert row["why"] == ("no reading stands for the end; the meter was not heard up to the end")


@given(LABELS)
@settings(max_examples=60)
def test_any_label_comes_back_from_csv(label: str) -> None:
    row, _ = rows_of(month(number("A-1").model_copy(update={"tower": label, "meters": ()})))
    assert plain(row["tower"]) == label


def test_no_separator_of_another_country_cuts_a_text() -> None:
    text = written(month(number("A;=1,2")), Format.CSV).decode()
    assert '"A;=1,2"' in text


def test_a_byte_order_mark_is_written_on_request_alone() -> None:
    assert written(society(2), Format.CSV).startswith(b'"society"')
    assert written(society(2), Format.CSV, bom=True).startswith('\ufeff"society"'.encode())


def test_a_workbook_has_numbers_as_numbers() -> None:
    found = sheets(month(number("A-1204"), withheld("C-0302")))
    titles, row, missing = found["Units"]
    assert [title.replace(" ", "_") for title in titles] == list(TITLES)
    kept = dict(zip(TITLES, row, strict=True))
    assert kept["closing_register"] == 12519.026
    assert str(kept["opening_at"]) == "2026-10-01"
    assert kept["subject"] == "A-1204"
    assert missing[TITLES.index("status")] == "withheld"


def test_a_number_of_many_digits_loses_none() -> None:
    found = sheets(month(number("A-1", used="12345678901234567.891")))
    assert found["Units"][1][TITLES.index("total")] == "12345678901234567.891"


@pytest.mark.parametrize(
    "label", ["=1+1", "+1", "-1", "@A1", "http://x", "{=1}", "0012", "1-2", "_x0041_", "'x"]
)
def test_a_text_in_a_workbook_is_that_text(label: str) -> None:
    found = sheets(month(number(label)))
    assert found["Units"][1][TITLES.index("subject")] == label


def test_a_workbook_has_a_sheet_for_each_thing() -> None:
    found = sheets(society(54))
    assert list(found) == ["Units", "Common areas", "Towers", "Missing", "Unassigned", "About"]
    assert len(found["Units"]) == 1 + 53 * 2 + 1
    assert [row[0] for row in found["Missing"][1:]] == ["C-0154"]
    assert found["Towers"][1][:3] == ["Tower 1", "electricity", 4711.25]
    assert found["Unassigned"][1][1] == "26100099"
    assert ["estimate, probably", "shown, not billed: in no sum"] in found["About"]


def test_json_is_the_documented_document() -> None:
    found = society(3)
    document = json.loads(written(found, Format.JSON))
    jsonschema.validate(document, json_schema("month-export"))
    assert MonthExport.from_line(written(found, Format.JSON)) == found
    empty = found.model_copy(update={"numbers": ()})
    assert MonthExport.from_line(written(empty, Format.JSON)) == empty


@pytest.mark.parametrize("flats", [1, 54, 1000])
@pytest.mark.parametrize("amounts", [False, True])
def test_the_notice_is_one_page(flats: int, amounts: bool) -> None:
    page = notice_pdf(society(flats, towers=min(flats, 30)), amounts=amounts)
    assert page.startswith(b"%PDF-")
    assert page.count(b"/Type /Page\n") + page.count(b"/Type /Page ") == 1
    assert notice_pdf(society(flats, towers=min(flats, 30)), amounts=amounts) == page


def test_the_notice_names_what_is_provisional_behind_what_is_missing() -> None:
    first = number("A-0101").model_copy(update={"status": ExportedStatus.PROVISIONAL})
    notice = notice_of(month(first, withheld("B-0102")), amounts=False)
    assert notice.missing == (
        "B-0102, electricity: no reading stands for the end",
        "A-0101, electricity, provisional: a border is a dial that a person read",
    )
    assert notice.small_print[-1] == "Provisional: a final number follows."


def test_the_notice_has_what_flats_used_on_request_alone() -> None:
    private, public = (notice_of(society(54), amounts=amounts) for amounts in (False, True))
    assert private.flats == ()
    assert len(public.flats) == 54
    assert public.flats[0] == ("A-0101", "100.000", "100.000")
    assert public.flats[-1] == ("C-0154", "withheld", "-")
    assert "Ask the manager for your own number." in " ".join(private.small_print)
    assert private.missing == ("C-0154, electricity: no reading stands for the end",)


def test_a_letter_that_the_page_lacks_is_its_code() -> None:
    assert drawable("Flat é 12") == "Flat é 12"
    assert drawable("फ 12\u200b") == "\\u092b 12\\u200b"


def test_a_file_is_named_after_society_and_month() -> None:
    assert file_name("Sunrise Heights", "2026-10", "xlsx") == "sunrise-heights-2026-10.xlsx"
    assert file_name("../..", "2026-10", "csv") == "month-2026-10.csv"


def test_the_page_explains_each_column() -> None:
    text = PAGE.read_text("utf-8")
    assert [title for title in TITLES if f"`{title}`" not in text] == []


def test_rows_leave_one_by_one() -> None:
    assert next(number_rows(society(2))).subject == "A-0101"
