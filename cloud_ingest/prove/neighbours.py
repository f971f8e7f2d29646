# SPDX-License-Identifier: MIT
"""What of a proof would be somebody else's: times of a meter, and names in what persons wrote.

A meter may have served another subject before or after; what it counted then is not shown. A
remark may name another unit or another meter; the name is left out of it.

In: who a meter served, everybody's names. Out: yes or no; a text without the others' names. Pure.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from cloud_ingest.store.assignments import Assignment
from cloud_ingest.store.number_words import NumberKey
from shared_schema.message import MeterId

Span = tuple[datetime, datetime | None]
LEFT_OUT = "[…]"
_ALONE = r"(?<![^\W_]){}(?![^\W_])"
_NO_PART_OF_A_NUMBER = r"(?<![\w.,:/-]){}(?!\w|[.,:/-]\w)"
"""A flat may be called 12, and a date has a 12 in it."""
_SHORT = 2
"""Digits that a day, a month or an hour has."""
_NO_PART_OF_AN_AMOUNT = r"(?<![^\W_])(?<!\d[.,]){}(?![^\W_]|[.,]\d)"
"""A flat may be called 205, and an amount be 1,205."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What belongs to others than the subject of a proof."""

    spans: Mapping[MeterId, tuple[Span, ...]]
    """By meter: when it served somebody else."""
    names: tuple[str, ...]
    """Of everybody else, the longest first."""

    def has_time(self, meter: MeterId, at: datetime) -> bool:
        """Say whether a meter served somebody else at a time; a handover's moment is both's."""
        return any(
            since < at and (until is None or at < until)
            for since, until in self.spans.get(meter, ())
        )

    def masked(self, text: str) -> str:
        """Return what a person wrote without the names of others."""
        folded = text.casefold()
        for name in self.names:
            if name.casefold() in folded:
                text = re.sub(
                    _alone(name).format(re.escape(name)), LEFT_OUT, text, flags=re.IGNORECASE
                )
        return text


def _alone(name: str) -> str:
    if not name.isdigit():
        return _ALONE
    return _NO_PART_OF_A_NUMBER if len(name) <= _SHORT else _NO_PART_OF_AN_AMOUNT


def neighbours_of(
    own: NumberKey, assigned: Iterable[Assignment], names: Iterable[str], ours: Collection[str]
) -> Neighbours:
    """Return what belongs to others.

    Args:
        own: Whose proof it is.
        assigned: Whom its meters served, ever.
        names: Of everybody and of every meter.
        ours: Those that are the subject's own.
    """
    spans: dict[MeterId, list[Span]] = {}
    for each in assigned:
        if (each.subject_type, each.subject) != (own.subject_type, own.subject):
            spans.setdefault(each.meter, []).append((each.valid_from, each.valid_to))
    kept = {each.casefold() for each in ours}
    others = {name for name in names if name.casefold() not in kept}
    return Neighbours(
        {meter: tuple(found) for meter, found in spans.items()},
        tuple(sorted(others, key=lambda name: (-len(name), name))),
    )
