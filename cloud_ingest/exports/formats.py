# SPDX-License-Identifier: MIT
"""The formats of a closed month's file: a name, a media type, and who writes it.

A library is imported when a file of its format is asked for. In: a month. Out: bytes. Pure.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from importlib import import_module
from typing import Any, Final

from shared_schema.export import MonthExport


class Format(StrEnum):
    """What a file is."""

    CSV = "csv"
    XLSX = "xlsx"
    PDF = "pdf"
    JSON = "json"


class UnitFormat(StrEnum):
    """What a file of one unit is."""

    ESPI = "espi"
    """Green Button: an Atom feed."""
    CSV = "csv"
    JSON = "json"


Days = Mapping[tuple[str, str], Mapping[date, Decimal]]
"""By maker and serial number of a meter: what it counted on the days that are known."""
MEDIA_TYPES: Final = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.PDF: "application/pdf",
    Format.JSON: "application/json",
}
UNIT_MEDIA_TYPES: Final = {
    UnitFormat.ESPI: "application/atom+xml",
    UnitFormat.CSV: MEDIA_TYPES[Format.CSV],
    UnitFormat.JSON: MEDIA_TYPES[Format.JSON],
}


def month_file(
    found: MonthExport, form: Format, *, bom: bool = False, amounts: bool = False
) -> Iterator[bytes]:
    """Write a month, piece by piece.

    Args:
        found: The month.
        form: What the file is.
        bom: CSV begins with a byte order mark, for Excel.
        amounts: The notice board shows what each flat used.
    """
    match form:
        case Format.CSV:
            yield from _module("csv_file").month_csv(found, bom=bom)
        case Format.JSON:
            yield from _module("json_file").month_json(found)
        case Format.XLSX:
            yield _module("xlsx_file").month_xlsx(found)
        case Format.PDF:
            yield _module("notice").notice_pdf(found, amounts=amounts)


def unit_file(found: MonthExport, form: UnitFormat, days: Days) -> Iterator[bytes]:
    """Write what a month has of one subject.

    Args:
        found: The month, with that subject's numbers alone.
        form: What the file is.
        days: What its meters counted by day.
    """
    if form is UnitFormat.ESPI:
        yield _module("espi").unit_espi(found, days)
    else:
        yield from month_file(found, Format(form.value))


def file_name(society: str, month: str, form: str) -> str:
    """Return how the file of a month is called where nobody says."""
    told = "".join(each if each.isalnum() else "-" for each in society).strip("-").lower()
    return f"{told or 'month'}-{month}.{form}"


def unit_file_name(unit: str, month: str, form: UnitFormat) -> str:
    """Return how the file of one unit's month is called where nobody says."""
    return file_name(unit, month, "xml" if form is UnitFormat.ESPI else form.value)


def _module(name: str) -> Any:
    return import_module(f"cloud_ingest.exports.{name}")
