# SPDX-License-Identifier: MIT
"""How values are written on a page: Indian digit grouping, times of the society, addresses.

In: values. Out: texts. Pure.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from babel.dates import format_date

NO_NUMBER: Final = "\N{EN DASH}"


def number(value: Decimal | int | None) -> str:
    """Write a number with its digits as they are, grouped as in India: 12,34,567.890."""
    if value is None:
        return NO_NUMBER
    text = f"{Decimal(value):f}"
    sign, text = ("\N{MINUS SIGN}", text[1:]) if text.startswith("-") else ("", text)
    whole, point, part = text.partition(".")
    head, tail = whole[:-3], whole[-3:]
    while head:
        head, tail = head[:-2], f"{head[-2:]},{tail}"
    return f"{sign}{tail}{point}{part}"


def quantity(value: Decimal | None, unit: str) -> str:
    """Write a number with its unit, which no line break parts."""
    return number(value) if value is None else f"{number(value)}\N{NO-BREAK SPACE}{unit}"


def local(at: datetime | None, zone: ZoneInfo, language: str) -> str:
    """Write a time as the society's clocks show it: 1 Oct 2026, 00:00."""
    if at is None:
        return NO_NUMBER
    here = at.astimezone(zone)
    return f"{day(here.date(), language)}, {here:%H:%M}"


def day(on: date, language: str) -> str:
    """Write a day: 1 Oct 2026."""
    return format_date(on, "d MMM y", locale=language)


def month_name(month: str, language: str) -> str:
    """Write a month such as 2026-10: October 2026."""
    return format_date(date.fromisoformat(f"{month}-01"), "LLLL y", locale=language)


def url(path: str, **query: object) -> str:
    """Return an address; a None is left out."""
    given = [f"{name}={quote(str(value))}" for name, value in query.items() if value is not None]
    return quote(path) + (f"?{'&'.join(given)}" if given else "")
