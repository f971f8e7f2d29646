# SPDX-License-Identifier: MIT
"""What a number states of estimates: its own beside what is withheld, the shares of a catch-up.

In: the parts of a subject. Out: what the contract says of them. Pure.
"""

from collections.abc import Iterable, Sequence

from cloud_ingest.core.estimate import EstimatedUse, added
from cloud_ingest.month.count import Counted
from shared_schema.billing import Bounds, Estimate, EstimateMethod, MonthShare


def estimate_of(parts: Iterable[Counted]) -> Estimate | None:
    """Add up what a subject's meters probably counted; None where one of them tells nothing."""
    uses = [part.estimate for part in parts]
    known = [use for use in uses if use is not None]
    return _estimate(known) if known and len(known) == len(uses) else None


def shares_of(parts: Sequence[Counted]) -> tuple[MonthShare, ...]:
    """Add up the shares of each month that a catch-up covers."""
    by_month: dict[str, list[EstimatedUse]] = {}
    for part in parts:
        for month, use in part.shares:
            by_month.setdefault(month, []).append(use)
    return tuple(
        MonthShare(month=month, share=_estimate(uses)) for month, uses in sorted(by_month.items())
    )


def _estimate(uses: Sequence[EstimatedUse]) -> Estimate:
    total = added(uses)
    return Estimate(
        quantity=total.quantity,
        bounds=Bounds(lower=total.lower, upper=total.upper),
        method=total.method or EstimateMethod.INTERVALS,
    )
