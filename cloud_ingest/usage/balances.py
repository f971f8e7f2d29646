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
    NOTHING,
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
from cloud_ingest.usage.given_back import (
    NOBODY,
    DaysGivenBack,
    GivenBack,
    stretch_of_usage,
)
from cloud_ingest.usage.so_far import DayUsage, MeterUsage, Place
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
    exports: GivenBack = NOBODY,
) -> list[TowerBalance]:
    """Hold what came into each tower against its units and common areas; pure."""
    parts = (_Part(each.place, each.quantity, exports.of_usage(each)) for each in usages)
    return _balances(parts, (each.entered for each in entries), limits, None)


def day_balances(
    usages: Sequence[DayUsage],
    zone: ZoneInfo,
    entries: Sequence[DatedEntry] = (),
    limits: LimitsByMeter = MappingProxyType({}),
    exports: DaysGivenBack = MappingProxyType({}),
) -> list[TowerBalance]:
    """Do the same for each day; a subject without data on a day is not known on it; pure."""
    days = sorted({day for usage in usages for day in usage.days})
    return [
        found
        for day in days
        for found in _balances(
            (
                _Part(usage.month.place, usage.days.get(day), _exported_on(day, usage, exports))
                for usage in usages
                if _serves(usage.month, day, zone)
            ),
            (each.entered for each in entries if each.day == day),
            limits,
            day,
        )
    ]


class _Part(NamedTuple):
    """What one meter counted."""

    place: Place
    quantity: Decimal | None
    exported: Decimal | None


def _exported_on(day: date, usage: DayUsage, exports: DaysGivenBack) -> Decimal | None:
    stretch = stretch_of_usage(usage.month)
    own = None if stretch is None else exports.get(stretch)
    return NOTHING if own is None else own.get(day)


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
    parts: Iterable[_Part],
    entered: Iterable[Entered],
    limits: LimitsByMeter,
    day: date | None,
) -> list[TowerBalance]:
    subjects: dict[tuple[str, str, str], list[_Part]] = {}
    for part in parts:
        key = (part.place.subject_type, part.place.subject, part.place.service)
        subjects.setdefault(key, []).append(part)
    drawn = (
        Drawn(
            kind=own[-1].place.subject_type,
            service=Service(own[-1].place.service),
            name=own[-1].place.subject,
            parts=tuple(
                MeterDraw(
                    place.tower,
                    place.source,
                    quantity,
                    parent=place.parent,
                    exported=exported,
                    step=known.step,
                    error=known.error,
                )
                for place, quantity, exported in own
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
