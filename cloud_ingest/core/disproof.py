# SPDX-License-Identifier: MIT
"""What makes a month of a meter known to be wrong: one rule for closing and for every view.

In: a month, and what its meter is held against. Out: the reasons. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from cloud_ingest.core.consumption import Measured
from cloud_ingest.core.dial_check import DialPoint, against_month, is_dialled
from cloud_ingest.core.month import Month
from cloud_ingest.core.quality import (
    Intervals,
    RegisterBreak,
    breaks_within,
    is_implausible,
    sum_check,
)
from cloud_ingest.core.rating import UNRATED, Rating
from cloud_ingest.core.register import Epochs
from shared_schema.catalogue import Service
from shared_schema.quality import Reason


@dataclass(frozen=True, slots=True)
class Witnesses:
    """What a meter's month is held against."""

    service: Service
    weights: Mapping[int, int | None]
    """The pulse weight of each of its channels, by id."""
    epochs: Epochs
    breaks: Sequence[RegisterBreak]
    points: Sequence[DialPoint]
    """What persons read of it."""
    intervals: Intervals | None
    step: Decimal
    """Of its registers, in the unit of billing."""
    most_per_day: Decimal
    """What it, or its unit, can use."""
    rating: Rating = UNRATED
    """What the list of units says of it."""


def is_secondary(measured: Measured, rating: Rating) -> bool:
    """Say whether a month counts the secondary side of transformers: its dial does so, too."""
    ends = (end.ts for end in (measured.opening, measured.closing) if end is not None)
    return rating.is_secondary(tuple(ends))


def is_apart(measured: Measured, witnesses: Witnesses) -> bool:
    """Say whether the register of a month counts by another scaler, by dials or by the list."""
    own = witnesses
    against = against_month(
        measured, own.points, own.service, own.weights, own.breaks, ratios=own.rating.ratios
    )
    return against is not None or is_secondary(measured, own.rating)


def is_read_past(measured: Measured, witnesses: Witnesses) -> bool:
    """Say whether dials at both ends stand for a month whose register counts by another scaler."""
    is_told = is_dialled(measured) and not is_secondary(measured, witnesses.rating)
    return is_told and is_apart(measured, witnesses)


def disproofs(measured: Measured, witnesses: Witnesses, month: Month) -> set[Reason]:
    """Return why a month's quantity is known to be wrong; none if nothing speaks against it."""
    own = witnesses
    found = {Reason.IMPLAUSIBLE} if is_implausible(measured, own.most_per_day) else set[Reason]()
    if is_read_past(measured, own):
        return found
    if is_apart(measured, own):
        found.add(Reason.SCALER)
    found |= breaks_within(measured, own.breaks, own.epochs)
    if own.intervals is not None and sum_check(measured, own.intervals, month, own.step) is False:
        found.add(Reason.SUM_CHECK)
    return found
