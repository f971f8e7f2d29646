# SPDX-License-Identifier: MIT
"""A subject's number of a month: the sum of what its meters counted, or why there is none.

Where one of the meters proves nothing, or is known to be wrong, the number is withheld with the
reasons. What is only doubted has a quantity: a person may accept it, and then it is `edited`.

In: a closing, a subject, what each of its meters counted. Out: a number of version 1, or that it is
withheld. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from cloud_ingest.core.consumption import Measured
from cloud_ingest.core.exact import exactly
from cloud_ingest.core.quality import combined_quality, quality_of
from cloud_ingest.month.boundaries import boundary_reading
from cloud_ingest.month.closing import Closing, SubjectKey
from cloud_ingest.month.count import Counted
from cloud_ingest.month.number_estimates import estimate_of, shares_of
from shared_schema.billing import (
    BILLING_UNITS,
    Bounds,
    MeterMonth,
    MonthlyConsumption,
    NumberStatus,
    Withheld,
)
from shared_schema.catalogue import BILLED_REGISTER
from shared_schema.events import Subject, SubjectType
from shared_schema.quality import Quality, Reason

_ORDER: Final = {reason: place for place, reason in enumerate(Reason)}


def number_of(
    closing: Closing, key: SubjectKey, parts: Sequence[Counted], *, is_accepted: bool = False
) -> MonthlyConsumption | Withheld:
    """Add up a subject's parts, or say why there is no number; pure.

    Args:
        closing: The closing.
        key: The subject and its service.
        parts: What its meters counted.
        is_accepted: A person said that the doubted quantity is right.
    """
    service, subject = key.service, subject_of(key)
    reasons = in_order(part.measured.reasons for part in parts)
    if is_accepted:
        parts = [_vouched(part) for part in parts]
    shares = [_share(part) for part in parts]
    proved = tuple(share for share in shares if share is not None)
    if len(proved) < len(shares):
        return Withheld(
            subject=subject,
            service=service,
            unit=BILLING_UNITS[service],
            reasons=reasons,
            estimate=estimate_of(parts),
        )
    with exactly():
        quantity = sum((share.quantity for share in proved), Decimal(0))
    return MonthlyConsumption(
        society=closing.society,
        month=closing.month,
        zone=closing.zone.key,
        subject=subject,
        tower=parts[-1].assignment.tower,
        service=service,
        version=1,
        quantity=quantity,
        unit=BILLING_UNITS[service],
        status=_status(parts),
        quality=Quality.EDITED
        if is_accepted
        else combined_quality(quality_of(part.measured) for part in parts),
        reasons=reasons,
        parts=proved,
        bounds=_bounds(parts, proved),
        since=_since(parts),
        shares=shares_of(parts),
        closed_at=closing.now,
    )


def _status(parts: Sequence[Counted]) -> NumberStatus:
    """Say whether a number waits for a reading of its borders."""
    unread = {Reason.NO_OPENING, Reason.NO_CLOSING}
    is_open = any(unread & part.measured.reasons for part in parts)
    return NumberStatus.PROVISIONAL if is_open else NumberStatus.FINAL


def doubted_quantity(parts: Sequence[Counted]) -> Decimal | None:
    """Return what a doubted number would be; None: nothing is doubted, or it has no quantity."""
    if all(part.measured.quantity is not None for part in parts):
        return None
    told = [
        part.measured.doubted if part.measured.quantity is None else part.measured.quantity
        for part in parts
    ]
    known = [quantity for quantity in told if quantity is not None]
    if len(known) < len(told):
        return None
    with exactly():
        return sum(known, Decimal(0))


def _share(part: Counted) -> MeterMonth | None:
    """Return one meter's share of a number; None if it proves nothing."""
    measured = part.measured
    if measured.opening is None or measured.closing is None or measured.quantity is None:
        return None
    return MeterMonth(
        meter=part.assignment.meter,
        source=part.assignment.source,
        obis=BILLED_REGISTER[part.assignment.service],
        opening=boundary_reading(measured.opening),
        closing=boundary_reading(measured.closing),
        quantity=measured.quantity,
        tower=part.assignment.tower,
        bounds=_bounds_of(measured),
    )


def _bounds_of(measured: Measured) -> Bounds | None:
    """Return where the truth of a part lies; None: it is exact, or nothing bounds it."""
    lower, upper = measured.lower, measured.upper
    if lower is None or upper is None or lower == upper:
        return None
    return Bounds(lower=lower, upper=upper)


def _bounds(parts: Sequence[Counted], proved: Sequence[MeterMonth]) -> Bounds | None:
    """Add up the bounds of parts; None: they are all exact, or nothing bounds one of them."""
    is_open = any(part.measured.lower is None or part.measured.upper is None for part in parts)
    if is_open or all(each.bounds is None for each in proved):
        return None
    with exactly():
        return Bounds(
            lower=sum(
                (p.quantity if p.bounds is None else p.bounds.lower for p in proved), Decimal(0)
            ),
            upper=sum(
                (p.quantity if p.bounds is None else p.bounds.upper for p in proved), Decimal(0)
            ),
        )


def _since(parts: Sequence[Counted]) -> str | None:
    """Return the first month that the catch-up of a part covers; None: there is none."""
    firsts = [p.measured.covers_from for p in parts if p.measured.covers_from is not None]
    return f"{min(firsts):%Y-%m}" if firsts else None


def _vouched(part: Counted) -> Counted:
    """Return a part with its quantity, if that is only doubted."""
    measured = part.measured
    if measured.quantity is not None or measured.doubted is None:
        return part
    return replace(part, measured=replace(measured, quantity=measured.doubted))


def in_order(sets: Iterable[frozenset[Reason]]) -> tuple[Reason, ...]:
    """Return all reasons of some sets, in the order of the contract."""
    return tuple(sorted(frozenset[Reason]().union(*sets), key=_ORDER.__getitem__))


def subject_of(key: SubjectKey) -> Subject:
    """Return a subject as messages name it."""
    return Subject(type=SubjectType(key.kind), id=key.label)
