# SPDX-License-Identifier: MIT
"""The hours with supply as they change over time, and what holds where several say them.

A plan is what one of them says: the bulk meter of a tower, or people for a tower or a society. Each
of its entries holds until the next. An entry without hours takes back what was said before.

In: plans. Out: the plan that holds, and the hours at a time. Pure.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from cloud_ingest.core.rules.water.supply import Supply, SupplySource


@dataclass(frozen=True, slots=True)
class SupplyFrom:
    """What is said of the hours with supply, from a time on."""

    since_s: int
    """The beginning of a society day, in seconds since 1970."""
    supply: Supply | None
    """None: nothing."""


Plan: TypeAlias = tuple[SupplyFrom, ...]
"""Ascending in time."""


def supply_at(plan: Plan, at_s: int) -> Supply | None:
    """Return the hours with supply that a plan names at a time."""
    for each in reversed(plan):
        if each.since_s <= at_s:
            return each.supply
    return None


def first_of(plans: Sequence[Plan]) -> Plan:
    """Return what holds of several plans: at any time the first that names hours."""
    return _joined(plans, lambda named: next((each for each in named if each is not None), None))


def bulk_plan(plans: Sequence[Plan]) -> Plan:
    """Return what all bulk meters of a tower say together.

    Water comes while any of them counts. If one of them tells nothing, then the others do not
    tell the hours of the tower.
    """

    def together(named: Sequence[Supply | None]) -> Supply | None:
        known = [each.hours for each in named if each is not None]
        if not known or len(known) < len(named):
            return None
        return Supply(frozenset().union(*known), SupplySource.BULK)

    return _joined(plans, together)


def with_entry(plan: Plan, entry: SupplyFrom) -> Plan:
    """Return a plan in which an entry holds from its time on, whatever was said of later times."""
    before = tuple(each for each in plan if each.since_s < entry.since_s)
    return before if supply_at(before, entry.since_s) == entry.supply else (*before, entry)


def differs_from(one: Plan, other: Plan, earliest_s: int) -> int | None:
    """Return when two plans differ for the first time, from a time on; None: they do not."""
    times = [earliest_s, *(at_s for at_s in _borders((one, other)) if at_s > earliest_s)]
    return next((at_s for at_s in times if supply_at(one, at_s) != supply_at(other, at_s)), None)


def _joined(
    plans: Sequence[Plan], join: Callable[[Sequence[Supply | None]], Supply | None]
) -> Plan:
    joined: Plan = ()
    for at_s in _borders(plans):
        named = [supply_at(plan, at_s) for plan in plans]
        joined = with_entry(joined, SupplyFrom(at_s, join(named)))
    return joined


def _borders(plans: Sequence[Plan]) -> list[int]:
    return sorted({each.since_s for plan in plans for each in plan})
