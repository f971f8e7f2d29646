# SPDX-License-Identifier: MIT
"""What a change of a number comes from, and who asked for it.

In: two versions, what was entered and said between them. Out: a root with who and why. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cloud_ingest.core.claim import Rule
from cloud_ingest.core.month import Month, previous_month
from cloud_ingest.month.cause import Cause, Newest, cause_of
from cloud_ingest.month.heard import meters_of
from cloud_ingest.store.months import KeptNumber, Replaced
from cloud_ingest.store.number_words import Act, NumberKey, NumberWord
from shared_schema.billing import MonthlyConsumption

Root = Literal["entered", "accepted", "units", "with_another", "month_before", "rule", "readings"]


@dataclass(frozen=True, slots=True)
class ChangeCause:
    """Why a number changed."""

    root: Root
    what: str
    """What was entered or said, in the words of `month.cause`; else ``late data``."""
    by: str | None
    """None: nobody asked for it."""
    why: str | None
    entered_at: datetime | None
    rule: Rule | None = None
    """That no longer believes a border of the version before."""
    other: str | None = None
    """The number that it goes with, or the month before."""


@dataclass(frozen=True, slots=True)
class Known:
    """What explains the changes of a month."""

    month: Month
    entered: Sequence[Act]
    words: Sequence[NumberWord]
    """Of the month's own quantities."""
    accepted: Mapping[datetime, NumberWord]
    """By the moment of a closing: what a person accepted there, of any number."""
    rules: Mapping[tuple[NumberKey, int], Rule]
    """By number and version: the rule that no longer believes a border of the version before."""


def change_cause(key: NumberKey, former: Replaced, newest: Newest, known: Known) -> ChangeCause:
    """Say what a version that took the place of another comes from."""
    cause = cause_of(key, former, newest, known.entered, _of(key, known.words))
    if cause.what != "late data":
        root: Root = "accepted" if cause.what == "number accepted" else "entered"
        root = "units" if cause.what.startswith("assignment") else root
        return ChangeCause(root, cause.what, cause.by, cause.reason, cause.at)
    now = newest.number if isinstance(newest, KeptNumber) else None
    return _unasked(key, former.number, now, cause, (newest, known))


def _unasked(
    key: NumberKey,
    former: MonthlyConsumption | None,
    now: MonthlyConsumption | None,
    cause: Cause,
    between: tuple[Newest, Known],
) -> ChangeCause:
    """Say what a change comes from that nobody entered anything for."""
    newest, known = between
    message = newest.number if isinstance(newest, KeptNumber) else newest.withdrawal
    word = known.accepted.get(message.closed_at)
    if word is not None:
        of_month = "" if word.month == str(known.month) else f" of {word.month}"
        other = f"{word.key.subject} {word.key.service.value}{of_month}"
        said = (word.author, word.reason, word.recorded_at)
        return ChangeCause("with_another", cause.what, *said, other=other)
    if rule := known.rules.get((key, message.version)):
        return ChangeCause("rule", cause.what, None, None, None, rule=rule)
    if former is not None and now is not None and _begins_elsewhere(former, now):
        before = f"{previous_month(known.month.first):%Y-%m}"
        return ChangeCause("month_before", cause.what, None, None, None, other=before)
    return ChangeCause("readings", cause.what, None, None, None)


def _of(key: NumberKey, words: Iterable[NumberWord]) -> list[NumberWord]:
    return [word for word in words if word.key == key]


def _begins_elsewhere(former: MonthlyConsumption, now: MonthlyConsumption) -> bool:
    """Say whether a number differs only by where it begins: the month before ends there."""
    ends = [[part.closing for part in each.parts] for each in (former, now)]
    starts = [[part.opening for part in each.parts] for each in (former, now)]
    return meters_of(former) == meters_of(now) and ends[0] == ends[1] and starts[0] != starts[1]
