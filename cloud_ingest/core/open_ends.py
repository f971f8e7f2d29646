# SPDX-License-Identifier: MIT
"""Whether the ends of a number leave too much open for it to be billed.

Where a meter came or went and was not read right then, the nearest reading stands for its border,
and only what the meter can count bounds the rest. Such an end is *too open* if that is more than
an eighth of the number, and a thirtieth of the number's time, a day of a month, was not read there.

In: what the meters of a subject counted. Out: whose ends are too open. Pure.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from cloud_ingest.core.border import Border
from cloud_ingest.core.consumption import Measured
from cloud_ingest.core.exact import exactly
from shared_schema.quality import Reason

PARTS_OF_QUANTITY: Final = 8
"""One of so many parts of a number may lie in what was not read."""
PARTS_OF_TIME: Final = 30
"""One of so many parts of its time may be unread, whatever lies in it."""


def too_open(parts: Iterable[Measured]) -> list[Measured]:
    """Return which parts of a number have an end that is too open.

    Args:
        parts: What each meter of the subject counted; without a quantity there is no number.
    """
    proved = list(parts)
    quantities = [part.quantity for part in proved if part.quantity is not None]
    if len(quantities) < len(proved):
        return []
    with exactly():
        number = sum(quantities, Decimal(0))
    ends = [end for part in proved for end in _ends(part)]
    return [
        part
        for part in proved
        if any(_is_unread_long(end, ends) and _is_wide(end, number) for end in _ends(part))
    ]


def _ends(part: Measured) -> list[Border]:
    return [end for end in (part.begin, part.end) if end is not None]


def _is_unread_long(end: Border, ends: Sequence[Border]) -> bool:
    """Say whether nothing was read at an end for more than its part of the number's time."""
    if end.chosen is None or Reason.INCOMPLETE not in end.reasons:
        return False
    length = max(each.at for each in ends) - min(each.at for each in ends)
    return abs(end.chosen.ts - end.at) * PARTS_OF_TIME > length


def _is_wide(end: Border, number: Decimal) -> bool:
    """Say whether more than its part of a number may lie between the bounds of an end."""
    if end.low is None or end.high is None:
        return True
    with exactly():
        return (end.high - end.low) * PARTS_OF_QUANTITY > number
