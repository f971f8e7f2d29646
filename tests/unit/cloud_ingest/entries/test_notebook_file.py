# SPDX-License-Identifier: MIT
"""A spreadsheet from anybody: its cells, or one error."""

import contextlib
import io
import re
import zipfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xlsxwriter import Workbook

from cloud_ingest.core.notebook_heading import Sheet
from cloud_ingest.entries import notebook_file
from cloud_ingest.entries.notebook_file import read_sheets
from cloud_ingest.errors import ImportRefused


def workbook(path: Path) -> bytes:
    with Workbook(path) as book:
        sheet = book.add_worksheet("Oct 2026")
        sheet.merge_range("A1:C1", "Lake View")
        sheet.write_row("A2", ["Flat", "Reading"])
        day = book.add_format({"num_format": "dd-mm-yy"})
        sheet.write_datetime("C2", datetime(2026, 10, 1), day)  # noqa: DTZ001  as Excel has it
        sheet.write_row("A3", ["A-101", 1234.1])
        sheet.write_formula("C3", "=B3*3", None, 3702.2999999999997)
        chart = book.add_chart({"type": "line"})
        chart.add_series({"values": "='Oct 2026'!$B$3:$C$3"})
        book.add_chartsheet().set_chart(chart)
    return path.read_bytes()


def refused(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(ImportRefused) as caught:
        read_sheets(path)
    return str(caught.value)


def changed(content: bytes, **members: bytes) -> bytes:
    """Return a workbook with other members; one of an empty name is added."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            short = Path(name).stem
            new.writestr(name, members.pop(short) if short in members else old.read(name))
        for name, text in members.items():
            new.writestr(f"xl/{name}.bin", text)
    return target.getvalue()


def test_a_workbook_gives_texts_numbers_and_days(tmp_path: Path) -> None:
    path = tmp_path / "notebook.xlsx"
    workbook(path)
    (sheet,) = read_sheets(path)
    assert sheet.name == "Oct 2026"
    assert sheet.rows[1][:3] == ["Flat", "Reading", date(2026, 10, 1)]
    assert sheet.rows[2][:3] == ["A-101", Decimal("1234.1"), Decimal("3702.3")]


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "a;b\n1;2\n", "a\tb\n1\t2\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_csv_file_is_read_whatever_parts_it(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "notebook.csv"
    path.write_text(text, encoding=encoding)
    assert read_sheets(path) == [Sheet("", [["a", "b"], ["1", "2"]])]


def test_a_quote_that_nothing_ends_swallows_no_line(tmp_path: Path) -> None:
    path = tmp_path / "notebook.csv"
    assert "not CSV" in refused(path, b'Flat,1/9/26\n"A-1,100\nA-2,100\nA-3,100\n')
    assert "not CSV" in refused(path, b'Flat,1/9/26\n"A-1,100\nA-2",100\n"A-3,100\n')


@pytest.mark.parametrize("empty", ["", "<v/>", "<v />", "<v></v>"])
def test_a_formula_without_its_value_is_no_empty_cell(tmp_path: Path, empty: str) -> None:
    path = tmp_path / "n.xlsx"
    content = workbook(path)
    with zipfile.ZipFile(path) as book:
        sheet = book.read("xl/worksheets/sheet1.xml")
    (value,) = re.findall(b"<v>3702[^<]*</v>", sheet)
    told = refused(path, changed(content, sheet1=sheet.replace(value, empty.encode())))
    assert "the formula in C3 has no stored value" in told


def test_a_formula_of_an_empty_text_is_an_empty_cell(tmp_path: Path) -> None:
    path = tmp_path / "n.xlsx"
    content = workbook(path)
    with zipfile.ZipFile(path) as book:
        sheet = book.read("xl/worksheets/sheet1.xml")
    (cell,) = re.findall(b'<c r="C3".*?</c>', sheet)
    empty = b'<c r="C3" t="str"><f>IF(B3="","",B3)</f><v></v></c>'
    path.write_bytes(changed(content, sheet1=sheet.replace(cell, empty)))
    assert read_sheets(path)[0].rows[2][2] == ""


def test_many_sheets_together_span_no_more_than_one(tmp_path: Path) -> None:
    path = tmp_path / "n.xlsx"
    with Workbook(path) as book:
        for _ in range(3):
            book.add_worksheet().write(60, 16_383, 1)
    assert "span 2,998,272 cells" in refused(path, path.read_bytes())


def test_what_is_no_spreadsheet_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "n.xlsx"
    good = workbook(path)
    ole = bytes.fromhex("D0CF11E0A1B11AE1") + b"\0" * 512
    assert "password" in refused(path, ole + "EncryptedPackage".encode("utf-16-le"))
    assert "old .xls" in refused(path, ole)
    assert "macros" in refused(path, changed(good, vbaProject=b"x"))
    assert "archive is damaged" in refused(path, good[: len(good) // 2])
    assert "no .xlsx workbook" in refused(path, b"PK\x05\x06" + b"\0" * 18)
    assert "no workbook" in refused(path, changed(good, sheet1=b"<worksheet><sheetData><row"))
    assert "UTF-8" in refused(path, b"\xff\x00caf\xe9")
    with pytest.raises(ImportRefused, match="cannot read the file"):
        read_sheets(tmp_path)


def test_a_bomb_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "n.xlsx"
    good = workbook(path)
    assert "unpacks to more" in refused(path, changed(good, sharedStrings=b" " * (65 * 2**20)))
    far = b'<worksheet><sheetData><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    assert "span 17,179,869,184 cells" in refused(path, changed(good, sheet1=far))
    assert "no address" in refused(path, changed(good, sheet1=b"<sheetData><c><v>1</v></c>"))


def test_a_large_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook_file, "MOST_BYTES", 2**20)
    assert "larger than 1 MiB" in refused(tmp_path / "n.csv", b"1," * 2**20)


def test_an_address_across_two_parts_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "n.xlsx"
    workbook(path)
    for size in (7, 64):
        monkeypatch.setattr(notebook_file, "_PART", size)
        assert len(read_sheets(path)) == 1


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60), st.integers(0, 6000), st.booleans())
def test_any_bytes_are_sheets_or_one_error(
    tmp_path: Path, some: bytes, at: int, is_workbook: bool
) -> None:
    path = tmp_path / "n.xlsx"
    content = workbook(path) if is_workbook else b""
    path.write_bytes(content[:at] + some + content[at + len(some) :])
    with contextlib.suppress(ImportRefused):
        assert all(isinstance(sheet, Sheet) for sheet in read_sheets(path))
