# SPDX-License-Identifier: MIT
"""The balances of a closed month, as they were published.

In: a society and a month. Out: values, or None for a month that is open. Never: a number that was
not published, a write.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import DatedEntry
from cloud_ingest.core.border import SELF_READ_WINDOW
from cloud_ingest.core.month import Month
from cloud_ingest.month.balance_message import balance_of
from cloud_ingest.month.published import ShownMonth, shown_month
from cloud_ingest.store import months
from cloud_ingest.store.assignments import Assignment, assignments_between
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.manifests import is_closed
from cloud_ingest.store.ratings import limits_of
from cloud_ingest.usage.balances import TowerBalance, day_balances, month_balances
from cloud_ingest.usage.given_back import (
    GivenBack,
    days_given_back,
    given_back,
    stretch_of_usage,
)
from cloud_ingest.usage.so_far import DayUsage, MeterPlace
from shared_schema.catalogue import Service


def shown_balances(conn: Connection, society_id: int, month: Month) -> list[TowerBalance] | None:
    """Return the reconciliations of a closed month; None: it is open."""
    if not is_closed(conn, society_id, str(month)):
        return None
    found = months.reconciliations(conn, society_id, str(month))
    return [
        TowerBalance(each.tower, each.service, None, balance_of(each))
        for each in sorted(found, key=lambda each: (each.tower, each.service))
    ]


def shown_day_balances(
    conn: Connection,
    society_id: int,
    month: Month,
    zone: ZoneInfo,
    entries: Sequence[DatedEntry] = (),
    *,
    tower: str | None = None,
    self_read_window: timedelta = SELF_READ_WINDOW,
) -> list[TowerBalance] | None:
    """Return the balance of each tower on each day of a closed month; None: it is open.

    With a tower they are right of this one alone, and come sooner.

    A catch-up is no use of this month alone: as in the month's balance, its unit is not known.
    """
    found = shown_month(
        conn, society_id, month, zone, tower=tower, self_read_window=self_read_window
    )
    if found is None:
        return None
    assigned = assignments_between(conn, society_id, month.start, month.end, tower=tower)
    usages = _with_parents(_without_catch_ups(found), assigned)
    exports = days_given_back(conn, _given_back(conn, usages, assigned), month, zone)
    return day_balances(usages, zone, entries, limits_of(conn, society_id), exports)


def shown_society_balances(
    conn: Connection,
    society_id: int,
    month: Month,
    zone: ZoneInfo,
    entries: Sequence[DatedEntry] = (),
    *,
    self_read_window: timedelta = SELF_READ_WINDOW,
) -> list[TowerBalance]:
    """Return the balances of the society in a closed month: accounting is told of its towers.

    It has one where a bulk meter, or what was entered by hand, belongs to no tower.
    """
    bulks = assignments_between(conn, society_id, month.start, month.end, subject_type="bulk")
    own = any(each.tower is None for each in bulks)
    if not own and all(each.entered.tower is not None for each in entries):
        return []
    found = shown_month(conn, society_id, month, zone, self_read_window=self_read_window)
    if found is None:
        return []
    assigned = assignments_between(conn, society_id, month.start, month.end)
    usages = _with_parents(_without_catch_ups(found), assigned)
    limits, exports = limits_of(conn, society_id), _given_back(conn, usages, assigned)
    every = month_balances((usage.month for usage in usages), entries, limits, exports)
    return [each for each in every if each.tower is None]


def _given_back(
    conn: Connection, usages: Iterable[DayUsage], assigned: Iterable[Assignment]
) -> GivenBack:
    meters = {(each.meter.manufacturer, each.meter.serial): each.meter_id for each in assigned}
    return given_back(conn, meters, (stretch_of_usage(usage.month) for usage in usages))


def _without_catch_ups(found: ShownMonth) -> list[DayUsage]:
    """Return what meters used; of a catch-up this month's part is not known."""
    catch_ups = {
        (each.subject_type, each.subject, each.service)
        for each in found.numbers
        if each.since is not None
    }
    return [
        DayUsage(usage.month._replace(quantity=None), {})
        if _subject_of(usage) in catch_ups
        else usage
        for usage in found.usages
    ]


def _subject_of(usage: DayUsage) -> tuple[str, str, Service]:
    place = usage.month.place
    return (place.subject_type, place.subject, Service(place.service))


def _with_parents(usages: Iterable[DayUsage], assigned: Iterable[Assignment]) -> list[DayUsage]:
    """Say of each published part what stood above its meter where it began."""
    above: dict[tuple[str, str, str], list[Assignment]] = {}
    for each in assigned:
        key = (each.subject, each.meter.manufacturer, each.meter.serial)
        above.setdefault(key, []).append(each)
    return [_with_parent(usage, above) for usage in usages]


def _with_parent(usage: DayUsage, above: dict[tuple[str, str, str], list[Assignment]]) -> DayUsage:
    place, until = usage.month.place, usage.month.until
    own = above.get((place.subject, place.manufacturer, place.serial), [])
    if not own or not isinstance(place, MeterPlace):
        return usage
    ended = [each for each in own if until is None or each.valid_from < until]
    parent = max(ended or own, key=lambda each: each.valid_from).parent
    return usage._replace(month=usage.month._replace(place=place._replace(parent=parent)))
