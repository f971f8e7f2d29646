# SPDX-License-Identifier: MIT
"""A closed month as JSON: one document of the contract (`metering.month-export/1`).

In: a month. Out: bytes, a number at a time. Pure.
"""

from collections.abc import Iterator
from typing import Final

from shared_schema.export import MonthExport

_PLACE: Final = b'"numbers":[]'


def month_json(found: MonthExport) -> Iterator[bytes]:
    """Write a month as JSON, a number a line."""
    before, place, after = found.model_copy(update={"numbers": ()}).to_line().partition(_PLACE)
    yield before + place[:-1]
    for count, number in enumerate(found.numbers):
        line = number.model_dump_json(by_alias=True).encode()
        yield (b",\n" if count else b"\n") + line
    yield b"\n]" + after + b"\n"
