# SPDX-License-Identifier: MIT
"""What a list of units changes of what is known of its meters.

A line with ``meter_from`` says what its meter is from that day on; the version of an earlier day
stays. A line without it corrects the newest version. If other lines of its meter have a day, it
speaks of the time before them.

In: what is known, lines. Out: the versions to say, or the lines that contradict each other. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cloud_ingest.core.unit_list import Line
from cloud_ingest.core.unit_meter import EVER, Meter, Rating, RatingVersion, in_order, rating_at

_NOTHING = Rating()


@dataclass(frozen=True, slots=True)
class PlannedRatings:
    """What is to be said of meters."""

    say: tuple[tuple[Meter, RatingVersion], ...]
    lines: frozenset[int]
    """Those that say something new of their meters."""
    bad: Sequence[str]


def planned_ratings(
    known: Mapping[Meter, tuple[RatingVersion, ...]],
    lines: Mapping[int, Line],
    meters: Mapping[int, Meter],
) -> PlannedRatings:
    """Say which versions of meters a list adds.

    Args:
        known: What holds, by meter, the oldest version first.
        lines: By their numbers.
        meters: The meter of each line.
    """
    bad: list[str] = []
    told: dict[Meter, dict[datetime | None, tuple[int, Rating]]] = {}
    for number, meter in sorted(meters.items()):
        line = lines[number]
        if line.rating == _NOTHING:
            continue
        days = told.setdefault(meter, {})
        earlier, before = days.get(line.rating_from, (number, _NOTHING))
        whole = line.rating.over(before)
        if whole != before.over(line.rating):
            bad.append(
                f"line {number}: it gives meter {' '.join(meter)} another rating than line "
                f"{earlier} does; if that changed on a day, give it as meter_from"
            )
        days[line.rating_from] = (earlier, whole)
    say: list[tuple[Meter, RatingVersion]] = []
    for meter, days in told.items():
        say += [(meter, version) for version in _versions(known.get(meter, ()), days)]
    first = {meter: number for number, meter in sorted(meters.items(), reverse=True)}
    bad += [
        f"line {first[meter]}: meter {' '.join(meter)}: {fault}"
        for meter, version in say
        if (fault := _fault(version.rating))
    ]
    changed = {meter for meter, _ in say}
    return PlannedRatings(
        tuple(say), frozenset(number for number, meter in meters.items() if meter in changed), bad
    )


def _versions(
    known: tuple[RatingVersion, ...], days: Mapping[datetime | None, tuple[int, Rating]]
) -> list[RatingVersion]:
    """Return the versions of one meter that are new or another, the oldest first."""
    after = dict(known)
    for since, (_, said) in sorted(days.items(), key=lambda each: each[0] or EVER):
        at = since
        if since is None and len(days) == 1 and known:
            at = known[-1].since
        base = after.get(at)
        if base is None:
            base = rating_at(_ordered(after), at)
            if said.over(base) == base:
                continue
        after[at] = said.over(base)
    before = dict(known)
    return [version for version in _ordered(after) if before.get(version.since) != version.rating]


def _ordered(versions: Mapping[datetime | None, Rating]) -> tuple[RatingVersion, ...]:
    return in_order(RatingVersion(since, rating) for since, rating in versions.items())


def _fault(rating: Rating) -> str | None:
    if rating.factor != 1 and rating.counts is None:
        return (
            "its transformers have the ratio "
            f"{rating.factor:f}, and nothing says which side its register counts: give counts as "
            "primary or secondary, as its dial and its bill compare"
        )
    return None
