# SPDX-License-Identifier: MIT
"""Months counted for the subjects of one meter, as closing would count them.

What an open month counts is told so, and whether closing a closed one again would change it. Only
the subjects that the meter served are counted, and their towers where that is asked. A number whose
change is held stands.

In: the closed months around a correction, a meter. Out: numbers and balances. Never: a write.

Raises: CloseRefused.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from cloud_ingest.core.month import Month
from cloud_ingest.entries.by_hand import entered_in
from cloud_ingest.errors import CloseRefused
from cloud_ingest.month.boundaries import closings_before, standing_before
from cloud_ingest.month.closing import Closing, SubjectKey, by_subject, key_of
from cloud_ingest.month.count import Counted, count_assigned
from cloud_ingest.month.number import doubted_quantity, number_of
from cloud_ingest.month.past import daily_means
from cloud_ingest.month.reconcile import exports_of, reconciliations_of
from cloud_ingest.month.unread import with_unread
from cloud_ingest.store.assignments import Assignment, assignments_between
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.number_words import (
    NumberKey,
    accepted_quantities,
    number_words,
)
from cloud_ingest.store.published import PublishedMonth
from cloud_ingest.store.ratings import limits_of
from shared_schema.balance import Reconciliation
from shared_schema.billing import MonthlyConsumption, Withheld

Number = MonthlyConsumption | Withheld


@dataclass(frozen=True, slots=True)
class MeterMonths:
    """The months of a society around a correction of one meter's reading."""

    conn: Connection
    meter: Assignment
    closing: Closing
    """Of any month: the rules, the zone and the time."""
    closed: Mapping[date, PublishedMonth]
    """What the closed months say before anything is closed again, by their 1st."""

    @property
    def society_id(self) -> int:
        """Whose months they are."""
        return self.closing.society_id


@dataclass(frozen=True, slots=True)
class Preview:
    """A month as it would be closed now."""

    numbers: Mapping[SubjectKey, Number]
    """Of the subjects that the meter served."""
    balances: Mapping[str, Reconciliation]
    """By tower."""


def own_keys(scope: MeterMonths, span: Month) -> set[SubjectKey]:
    """Return the subjects that the meter served in a month."""
    served = assignments_between(scope.conn, scope.society_id, span.start, span.end, checks="with")
    return {
        SubjectKey(each.subject_type, each.subject, each.service)
        for each in served
        if each.meter_id == scope.meter.meter_id and each.service is scope.meter.service
    }


def count_with_towers(scope: MeterMonths, span: Month) -> Preview:
    """Count a month; without its towers where a neighbour's month must be closed again first.

    Raises:
        CloseRefused: the meter's own month before has changed since it was closed.
    """
    try:
        return _count(scope, span, with_towers=True)
    except CloseRefused:
        return _count(scope, span, with_towers=False)


def count_own(scope: MeterMonths, span: Month) -> Mapping[SubjectKey, Number]:
    """Count the subjects that the meter served, without their towers.

    Raises:
        CloseRefused: the month before has changed since it was closed.
    """
    return _count(scope, span, with_towers=False).numbers


def _count(scope: MeterMonths, span: Month, *, with_towers: bool) -> Preview:
    conn, society_id = scope.conn, scope.society_id
    own = own_keys(scope, span)
    assigned, towers = _counted_for(scope, span, own, with_towers=with_towers)
    closing = replace(scope.closing, span=span)
    counted = count_assigned(
        conn,
        assigned,
        span,
        closing.zone,
        before=closings_before(conn, society_id, span),
        standing=standing_before(conn, society_id, span),
        past=daily_means(conn, society_id, span),
        self_read_window=closing.self_read_window,
    )
    subjects = with_unread(conn, closing, by_subject(counted))
    numbers = _numbers(scope, closing, {key: subjects[key] for key in own if key in subjects})
    balances: list[Reconciliation] = []
    if with_towers:
        said = entered_in(conn, society_id, span, closing.zone)
        entered = [each.entered for each in said]
        standing = _standing(scope, span, own)
        limits, exports = limits_of(conn, society_id), exports_of(conn, subjects, standing)
        balances = reconciliations_of(closing, subjects, standing, entered, limits, exports=exports)
    return Preview(numbers, {each.tower: each for each in balances if each.tower in towers})


def _counted_for(
    scope: MeterMonths, span: Month, own: Collection[SubjectKey], *, with_towers: bool
) -> tuple[list[Assignment], set[str | None]]:
    """Return the assignments that are counted, and the towers in which the meter hung."""
    every = [
        each
        for each in assignments_between(scope.conn, scope.society_id, span.start, span.end)
        if each.service is scope.meter.service
    ]
    towers = {each.tower for each in every if each.meter_id == scope.meter.meter_id} - {None}
    wanted = {
        key
        for each in every
        for key in (SubjectKey(each.subject_type, each.subject, each.service),)
        if key in own or (with_towers and each.tower in towers)
    }
    assigned = [
        each
        for each in every
        if SubjectKey(each.subject_type, each.subject, each.service) in wanted
    ]
    return assigned, towers


def _numbers(
    scope: MeterMonths, closing: Closing, subjects: Mapping[SubjectKey, Sequence[Counted]]
) -> dict[SubjectKey, Number]:
    """Return the numbers that subjects would get; a bulk meter has none."""
    accepted = accepted_quantities(number_words(scope.conn, scope.society_id, closing.month))
    return {
        key: number_of(
            closing,
            key,
            parts,
            is_accepted=doubted_quantity(parts) in accepted.get(NumberKey(*key), ()),
        )
        for key, parts in subjects.items()
        if key.kind != "bulk"
    }


def _standing(
    scope: MeterMonths, span: Month, own: Collection[SubjectKey]
) -> dict[SubjectKey, MonthlyConsumption | None]:
    """Return the numbers that stand although their meters counted something else."""
    closed = scope.closed.get(span.first)
    if closed is None:
        return {}
    held = {(each.subject, each.service) for each in closed.held}
    return {
        key_of(number): number
        for number in closed.numbers
        if (number.subject, number.service) in held and key_of(number) not in own
    }
