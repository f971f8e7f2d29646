# SPDX-License-Identifier: MIT
"""The balance of each tower so far: its bulk meter against its units and common areas.

In: what each meter used in a month or on its days. Out: balances; `core.balance` counts. Pure.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import Balance, Drawn, MeterDraw, balance, taken_by_tower
from cloud_ingest.core.month import MICROSECOND, day_of
from cloud_ingest.store.rollups_read import RegisterMonth
from cloud_ingest.views.usage import DayUsage, MeterUsage, Place
from shared_schema.catalogue import Service


class TowerBalance(NamedTuple):
    """What a tower's bulk meter gave and where it went, in a month or on a day."""

    tower: str
    service: Service
    day: date | None
    balance: Balance


def month_balances(usages: Iterable[MeterUsage]) -> list[TowerBalance]:
    """Hold each tower's bulk meter against its units and common areas; pure."""
    return _balances(((usage.place, usage.quantity) for usage in usages), None)


def day_balances(usages: Sequence[DayUsage], zone: ZoneInfo) -> list[TowerBalance]:
    """Do the same for each day; a subject without data on a day is not known on it; pure."""
    days = sorted({day for usage in usages for day in usage.days})
    return [
        found
        for day in days
        for found in _balances(
            (
                (usage.month.place, usage.days.get(day))
                for usage in usages
                if _serves(usage.month, day, zone)
            ),
            day,
        )
    ]


def _serves(usage: MeterUsage, day: date, zone: ZoneInfo) -> bool:
    """Say whether a meter served its subject on a day; pure."""
    place = usage.place
    since, until = (
        (place.valid_from, place.valid_to)
        if isinstance(place, RegisterMonth)
        else (usage.since, usage.until)
    )
    return (since is None or day_of(since + MICROSECOND, zone) <= day) and (
        until is None or day <= day_of(until, zone)
    )


def _balances(
    parts: Iterable[tuple[Place, Decimal | None]], day: date | None
) -> list[TowerBalance]:
    subjects: dict[tuple[str | None, str, str, str], list[tuple[Place, Decimal | None]]] = {}
    for place, quantity in parts:
        key = (place.tower, place.subject_type, place.subject, place.service)
        subjects.setdefault(key, []).append((place, quantity))
    drawn = (
        Drawn(
            kind=own[-1][0].subject_type,
            service=Service(own[-1][0].service),
            parts=tuple(MeterDraw(place.tower, place.source, quantity) for place, quantity in own),
        )
        for own in subjects.values()
    )
    return [
        TowerBalance(tower, service, day, balance(taken))
        for (tower, service), taken in sorted(taken_by_tower(drawn).items())
    ]
