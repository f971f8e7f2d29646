# SPDX-License-Identifier: MIT
"""The borders that two months share: where the meters of one end, those of the next one open.

In: the numbers of two months, and what their meters counted for nobody. Out: whose numbers end
elsewhere than the month after them opens. Pure.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from cloud_ingest.month.boundaries import MeterService
from cloud_ingest.month.closing import SubjectKey, key_of
from shared_schema.billing import BoundaryReading, MonthlyConsumption, Unassigned


def openings(
    numbers: Iterable[MonthlyConsumption], unassigned: Iterable[Unassigned] = ()
) -> dict[MeterService, Decimal]:
    """Return where a month begins to count, by meter; a catch-up begins in another month."""
    found: dict[MeterService, BoundaryReading] = {}
    own = [
        (MeterService(part.meter, number.service), part.opening)
        for number in numbers
        if number.since is None
        for part in number.parts
    ]
    own += [(MeterService(each.meter, each.service), each.opening) for each in unassigned]
    for meter, opening in own:
        if meter not in found or opening.at < found[meter].at:
            found[meter] = opening
    return {meter: opening.register_value for meter, opening in found.items()}


def torn(
    opens: Mapping[MeterService, Decimal],
    numbers: Iterable[MonthlyConsumption],
    unassigned: Iterable[Unassigned],
) -> frozenset[SubjectKey]:
    """Return whose numbers end elsewhere than the month after them opens.

    Args:
        opens: Where that begins to count, by meter.
        numbers: Of the month.
        unassigned: What its meters counted for nobody.
    """
    if not opens:
        return frozenset()
    ends: dict[MeterService, BoundaryReading] = {}
    whose: dict[MeterService, set[SubjectKey]] = {}
    own = [
        (MeterService(part.meter, number.service), part.closing, {key_of(number)})
        for number in numbers
        for part in number.parts
    ]
    own += [(MeterService(each.meter, each.service), each.closing, set()) for each in unassigned]
    for meter, closing, keys in own:
        if meter not in ends or ends[meter].at <= closing.at:
            ends[meter] = closing
        whose.setdefault(meter, set()).update(keys)
    apart = (
        meter for meter in ends.keys() & opens.keys() if ends[meter].register_value != opens[meter]
    )
    return frozenset(key for meter in apart for key in whose[meter])
