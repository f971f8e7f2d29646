# SPDX-License-Identifier: MIT
"""The cells of a spreadsheet: an .xlsx workbook, or a CSV file. The only door to python-calamine.

A file comes from anybody. Before a workbook is opened its archive is looked at: how much it
unpacks to, whether it holds macros, and how far apart its cells lie, because the library makes room
for every cell between the first and the last. A number that a formula gave is its stored value, in
the 15 digits that a spreadsheet shows.

In: a path. Out: sheets of text, numbers and days. Never: a macro that runs, a formula that is
computed, more memory than the limits below allow.

Raises: ImportRefused, one line for any file that is not what it should be.
"""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from cloud_ingest.core.notebook_cells import Cell
from cloud_ingest.core.notebook_heading import Sheet
from cloud_ingest.errors import ImportRefused

MOST_BYTES: Final = 8 * 2**20
"""Of a file; the notebook of 1,000 flats over ten years has some 2 MiB."""
MOST_UNPACKED: Final = 64 * 2**20
MOST_CELLS: Final = 2_000_000
"""Of the rectangles that the sheets span."""
MOST_SHEETS: Final = 200
_PART: Final = 2**20
_LONG_CELL: Final = 2**13
_OLE: Final = bytes.fromhex("D0CF11E0A1B11AE1")
_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
DIGITS: Final = 15
"""That a spreadsheet keeps and shows of a number."""
_CELL = re.compile(rb"<(?:\w+:)?c[\s/>]")
_ADDRESS = re.compile(rb"""\sr\s*=\s*["']([A-Za-z]{1,7})([0-9]{1,10})["']""")
_UNCOUNTED = re.compile(
    rb"""<(?:\w+:)?c\s(?![^>]{0,99}t=["']str)[^>]{0,99}?\br=["'](\w{1,17})["'][^>]{0,99}>\s*"""
    rb"""<(?:\w+:)?f(?:\s[^>]{0,99})?(?:/>|>[^<]*</(?:\w+:)?f>)\s*"""
    rb"""(?:<(?:\w+:)?v(?:\s*/>|></(?:\w+:)?v>)\s*)?</(?:\w+:)?c>"""
)
"""A cell with a formula and no value of it; an empty text is one."""


def read_sheets(path: Path) -> list[Sheet]:
    """Return the sheets of a file; a CSV file has one without a name.

    Raises:
        ImportRefused: it cannot be read, or is no such file.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise _refused(path, f"it is larger than {MOST_BYTES // 2**20} MiB")
        content = path.read_bytes()
    except OSError as error:
        raise ImportRefused(f"cannot read the file: {error.strerror}: {path}", ()) from None
    if content.startswith(_OLE):
        if _ENCRYPTED in content:
            raise _refused(path, "it has a password: save it without one")
        raise _refused(path, "it is an old .xls: save it as .xlsx")
    if content.startswith(b"PK"):
        return _workbook(path, content)
    return [Sheet("", _csv(path, content))]


def _refused(path: Path, why: str) -> ImportRefused:
    return ImportRefused(f"{path.name} cannot be read: {why}", ())


# A workbook.


def _workbook(path: Path, content: bytes) -> list[Sheet]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _look_at(path, archive)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, ValueError):
        raise _refused(path, "its archive is damaged: save it as .xlsx again") from None
    except RuntimeError:  # a member of the archive wants a password
        raise _refused(path, "it has a password: save it without one") from None
    return _unpacked(path, content)


def _look_at(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse an archive that is no plain workbook, or would not fit."""
    names = {member.filename for member in archive.infolist()}
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        raise _refused(path, "it holds macros: save it as .xlsx")
    if "xl/workbook.xml" not in names:
        raise _refused(path, "it is no .xlsx workbook: save it as .xlsx or as CSV UTF-8")
    if sum("/worksheets/" in name for name in names) > MOST_SHEETS:
        raise _refused(path, f"it has more than {MOST_SHEETS} sheets")
    left, cells = MOST_UNPACKED, 0
    for member in archive.infolist():
        span = _Span()
        for part in _parts(archive, member):
            left -= len(part)
            if left < 0:
                raise _refused(path, f"it unpacks to more than {MOST_UNPACKED // 2**20} MiB")
            span.look_at(part)
        if not span.is_addressed:
            raise _refused(path, "its cells have no address: save it in a spreadsheet again")
        if span.uncounted:
            raise _refused(
                path,
                f"the formula in {span.uncounted} has no stored value: open the file in a "
                "spreadsheet and save it again",
            )
        cells += span.cells
        if cells > MOST_CELLS:
            raise _refused(
                path, f"its sheets span {cells:,} cells: delete what stands far off its tables"
            )


def _parts(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(member) as file:
        while part := file.read(_PART):
            yield part


class _Span:
    """How far the cells of a sheet lie apart, from its bytes."""

    def __init__(self) -> None:
        self._rows = self._columns = self._met = self._named = 0
        self._rest = b""
        self.uncounted = ""
        """The first cell whose formula has no stored value."""

    def look_at(self, part: bytes) -> None:
        text = self._rest + part
        end = len(text)
        if len(part) == _PART:
            end = max(text.rfind(b"<c ", -_LONG_CELL), 0) or text.rfind(b"<")
        text, self._rest = text[:end], text[end:]
        if not self.uncounted and (found := _UNCOUNTED.search(text)) is not None:
            self.uncounted = found[1].decode()
        self._met += len(_CELL.findall(text))
        for column, row in _ADDRESS.findall(text):
            self._named += 1
            number = 0
            for letter in column.upper():
                number = number * 26 + letter - 64
            self._columns = max(self._columns, number)
            self._rows = max(self._rows, int(row))

    @property
    def is_addressed(self) -> bool:
        return self._named >= self._met

    @property
    def cells(self) -> int:
        return self._rows * self._columns


def _unpacked(path: Path, content: bytes) -> list[Sheet]:
    from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415  no other command

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        return [
            Sheet(
                name,
                [
                    [_cell(value) for value in row]
                    for row in book.get_sheet_by_name(name).to_python(skip_empty_area=False)
                ],
            )
            for name in _tables(book)
        ]
    except (CalamineError, ValueError, OverflowError, OSError, KeyError):
        raise _refused(path, "it is no workbook: save it as .xlsx again") from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # of the library, which is written in Rust
            raise
        raise _refused(path, "it is no workbook: save it as .xlsx again") from None


def _tables(book: Any) -> list[str]:
    """Return the names of the sheets that hold cells: a chart may be a sheet, too."""
    return [each.name for each in book.sheets_metadata if str(each.typ).endswith("WorkSheet")]


def _cell(value: Any) -> Cell:
    if isinstance(value, bool) or value is None:
        return None if value is None else str(value)
    if isinstance(value, int | float):
        return Decimal(f"{value:.{DIGITS}g}")
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    return str(value)


# A CSV file.


def _csv(path: Path, content: bytes) -> list[list[Cell]]:
    text = _text(path, content)
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    if not first.count(delimiter):
        delimiter = max(",;\t", key=text.count)
    try:
        rows = [list[Cell](row) for row in _lines(text, delimiter)]
    except csv.Error as error:
        raise _refused(path, f"it is not CSV: {error}") from None
    if sum(map(len, rows)) > MOST_CELLS:
        raise _refused(path, f"it has more than {MOST_CELLS:,} cells")
    return rows


def _lines(text: str, delimiter: str) -> Iterator[list[str]]:
    """Yield the lines; a quote that nothing ends would swallow those behind it."""
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)


def _text(path: Path, content: bytes) -> str:
    is_utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise _refused(path, "it is neither .xlsx nor UTF-8: save it as CSV UTF-8") from None
    if "\0" in text:
        raise _refused(path, "it is neither .xlsx nor text: save it as CSV UTF-8")
    return text
