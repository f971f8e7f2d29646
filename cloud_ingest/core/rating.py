# SPDX-License-Identifier: MIT
"""What a meter is made for, and so the most that it can count.

In: a service, whom a meter serves, its rating. Out: kWh or kL. Pure.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.plausible import UNITS_OF_A_TOWER, usual_most_per_day
from shared_schema.catalogue import Service

MOST_PER_HOUR: Final[Mapping[Service, Decimal]] = {
    Service.ELECTRICITY: Decimal(72),
    Service.WATER: Decimal(8),
}
"""kWh or kL that no unit uses in an hour: three phases of 100 A at 240 V; 8 kL of water."""
W_PER_A: Final = 264
"""What an ampere of a rated meter can count: 240 V and a tenth, which the grid may have."""
PHASES: Final = 3


class Transformers(NamedTuple):
    """What hangs before a meter from a time on."""

    since: datetime | None
    """None: from when the meter was there."""
    ratio: Decimal
    is_secondary: bool
    """Its register counts their secondary side: less than flows, by the ratio."""


class Rating(NamedTuple):
    """What a meter is made for, as far as the list of units says it."""

    phases: int | None = None
    max_current_a: Decimal | None = None
    """In each phase."""
    q4_m3_h: Decimal | None = None
    """The overload flow of a water meter."""
    transformers: tuple[Transformers, ...] = ()
    """The oldest first."""

    def transformers_at(self, at: datetime) -> Transformers | None:
        """Return what hangs before it at a time; None: nothing is known of any."""
        found = None
        for each in self.transformers:
            if each.since is None or each.since <= at:
                found = each
        return found

    @property
    def ratios(self) -> tuple[Decimal, ...]:
        """The ratios of its transformers, whenever each hung there."""
        return tuple(each.ratio for each in self.transformers)

    def is_secondary(self, times: Collection[datetime]) -> bool:
        """Say whether its register counts the secondary side at some times, or between them.

        Args:
            times: None of them: whether it does so by the newest word.
        """
        if not times:
            return any(each.is_secondary for each in self.transformers[-1:])
        first, last = min(times), max(times)
        at_first = self.transformers_at(first)
        return (at_first is not None and at_first.is_secondary) or any(
            each.is_secondary
            for each in self.transformers
            if each.since is not None and first < each.since <= last
        )


UNRATED: Final = Rating()


def most_per_hour(service: Service, *, only_units: bool, rating: Rating = UNRATED) -> Decimal:
    """Return the kWh or kL that a meter cannot count in an hour.

    Args:
        service: What it counts.
        only_units: It served units, and nothing else; of a meter that nobody has assigned yet a
            common area must be assumed.
        rating: What it is made for; it says more than the default.
    """
    phases = Decimal(rating.phases or PHASES)
    if service is Service.WATER and rating.q4_m3_h is not None:
        return rating.q4_m3_h
    if service is Service.ELECTRICITY and rating.max_current_a is not None:
        return phases * rating.max_current_a * W_PER_A / 1000
    most = MOST_PER_HOUR[service] * (1 if only_units else UNITS_OF_A_TOWER)
    return most * phases / PHASES if service is Service.ELECTRICITY else most


def most_per_day(service: Service, subject_type: SubjectKind, rating: Rating = UNRATED) -> Decimal:
    """Return the kWh or kL beyond which a day's use is a mistake.

    Args:
        service: What is used.
        subject_type: By whom.
        rating: What the meter is made for: a day of it, where it is known; else the default.
    """
    made_for = rating.q4_m3_h if service is Service.WATER else rating.max_current_a
    if made_for is None:
        return usual_most_per_day(service, subject_type)
    return most_per_hour(service, only_units=subject_type == "unit", rating=rating) * 24
