# SPDX-License-Identifier: MIT
"""The balance of each tower so far: what came in against its units and common areas.

In: what each meter used in a month or on its days, and what was entered by hand. Out: balances of
towers, and of the society where it has one; `core.balance_tree` counts. Pure.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import (
    NO_LIMITS,
    Balance,
    DatedEntry,
    Drawn,
    Entered,
    LimitsByMeter,
    MeterDraw,
)
from cloud_ingest.core.balance_tree import balances
from cloud_ingest.core.month import MICROSECOND, day_of
from cloud_ingest.store.rollups_read import RegisterMonth
from cloud_ingest.views.usage import DayUsage, MeterUsage, Place
from shared_schema.catalogue import Service


class TowerBalance(NamedTuple):
    """What a tower's bulk meter gave and where it went, in a month or on a day."""

    tower: str | None
    """None: the whole society."""
    service: Service
    day: date | None
    balance: Balance


def month_balances(
    usages: Iterable[MeterUsage],
    entries: Iterable[DatedEntry] = (),
    limits: LimitsByMeter = MappingProxyType({}),
) -> list[TowerBalance]:
    """Hold what came into each tower against its units and common areas; pure."""
    parts = ((usage.place, usage.quantity) for usage in usages)
    return _balances(parts, (each.entered for each in entries), limits, None)


def day_balances(
    usages: Sequence[DayUsage],
    zone: ZoneInfo,
    entries: Sequence[DatedEntry] = (),
    limits: LimitsByMeter = MappingProxyType({}),
) -> list[TowerBalance]:
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
            (each.entered for each in entries if each.day == day),
            limits,
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
    parts: Iterable[tuple[Place, Decimal | None]],
    entered: Iterable[Entered],
    limits: LimitsByMeter,
    day: date | None,
) -> list[TowerBalance]:
    subjects: dict[tuple[str, str, str], list[tuple[Place, Decimal | None]]] = {}
    for place, quantity in parts:
        key = (place.subject_type, place.subject, place.service)
        subjects.setdefault(key, []).append((place, quantity))
    drawn = (
        Drawn(
            kind=own[-1][0].subject_type,
            service=Service(own[-1][0].service),
            name=own[-1][0].subject,
            parts=tuple(
                MeterDraw(
                    place.tower,
                    place.source,
                    quantity,
                    parent=place.parent,
                    step=known.step,
                    error=known.error,
                )
                for place, quantity in own
                for known in (limits.get((place.manufacturer, place.serial), NO_LIMITS),)
            ),
        )
        for own in subjects.values()
    )
    found = balances(drawn, entered)
    return [
        TowerBalance(tower, service, day, found[tower, service])
        for tower, service in sorted(
            found, key=lambda key: (key[0] is not None, key[0] or "", key[1])
        )
    ]
