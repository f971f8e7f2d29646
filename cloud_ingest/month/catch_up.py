# SPDX-License-Identifier: MIT
"""Catch-ups: a number over several months, where the borders between them were not read.

A month that opens at no border, after months that were withheld, is counted from the last border
that is met: where the last published month was closed, else where the meter was put in, else a
month's 00:00. All meters of the subject are counted over the same months, for its number is one
sum. What was counted is exact; the shares of the months are estimates that add up to it.

A catch-up looks back month by month, at most two years, and no farther than readings are kept.
Where a border is read after all, the months before it get their own numbers and the catch-up
shrinks: `first_to_close` says which months are closed again for it.

In: a closing, and what each meter counted. Out: the parts of catch-ups, with the shares of months.
Never: a month that was published, a write.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.estimate import EstimatedUse
from cloud_ingest.core.exact import exactly
from cloud_ingest.core.month import Month, month_before, months_back, parse_month
from cloud_ingest.errors import EndsElsewhere
from cloud_ingest.month.boundaries import MONTHS_LOOKED_BACK, closings_before, standing_before
from cloud_ingest.month.closing import Closing, SubjectKey, by_subject
from cloud_ingest.month.count import Counted, count_assigned
from cloud_ingest.month.estimated_borders import filled, read_estimated_borders, unmet
from cloud_ingest.month.past import daily_means
from cloud_ingest.month.relisted import relisted_before
from cloud_ingest.store.assignments import assignments_between
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.manifests import manifest_of
from cloud_ingest.store.retention import retention
from cloud_ingest.store.unproved import catch_ups_over, estimated_of
from shared_schema.catalogue import Service
from shared_schema.events import SubjectType
from shared_schema.quality import Reason

MONTHS_CAUGHT_UP: Final = 24
"""So many months one catch-up covers."""

Parts = Mapping[SubjectKey, Sequence[Counted]]


class _Share(NamedTuple):
    """What a part probably used in one of the months that it covers."""

    assignment_id: int
    use: EstimatedUse | None


def withheld_in(conn: Connection, closing: Closing, month: Month) -> frozenset[SubjectKey]:
    """Return whose numbers a closed month withholds; nobody's of an open one."""
    manifest = manifest_of(conn, closing.society_id, str(month))
    return frozenset(
        subject_key(each.subject.type, each.subject.id, each.service)
        for each in (() if manifest is None else manifest.withheld)
    )


def catch_ups(
    conn: Connection,
    closing: Closing,
    unread: Parts,
    *,
    estimated: Collection[SubjectKey],
) -> dict[SubjectKey, Sequence[Counted]]:
    """Return the parts of each subject whose months can be counted as one.

    Args:
        conn: The store.
        closing: Of the last month.
        unread: What meters counted for subjects whose borders were not read.
        estimated: Whose last border may be an estimate.
    """
    waiting = {key for key, parts in unread.items() if _opens_nowhere(parts, closing.span)} & {
        key for key, parts in unread.items() if key in estimated or _is_closed(parts)
    }
    kept_from = retention(conn).kept_from
    found: dict[SubjectKey, Sequence[Counted]] = {}
    for month in months_back(closing.span, closing.zone, MONTHS_CAUGHT_UP - 1):
        if not waiting or (kept_from is not None and month.start <= kept_from):
            break
        waiting &= withheld_in(conn, closing, month)
        span = Month(month.first, month.start, closing.span.end)
        counted = count_over(conn, closing, waiting, span)
        sent = {key: parts for key, parts in counted.items() if key in estimated}
        borders = read_estimated_borders(conn, closing, span, sent.values())
        for key, parts in counted.items():
            own = [
                filled(borders, part, span, opens=False) if key in sent else part for part in parts
            ]
            if not any(map(unmet, own)):
                waiting.discard(key)
                found[key] = [_caught_up(part, month) for part in own]
    return _with_shares(conn, closing, found)


def count_over(
    conn: Connection, closing: Closing, keys: Collection[SubjectKey], span: Month
) -> dict[SubjectKey, list[Counted]]:
    """Count the meters of subjects over a month, or over several as one."""
    if not keys:
        return {}
    assigned = [
        each
        for each in assignments_between(conn, closing.society_id, span.start, span.end)
        if SubjectKey(each.subject_type, each.subject, each.service) in keys
    ]
    return by_subject(
        count_assigned(
            conn,
            assigned,
            span,
            closing.zone,
            before=closings_before(conn, closing.society_id, span),
            standing=standing_before(conn, closing.society_id, span),
            past=daily_means(conn, closing.society_id, span),
            self_read_window=closing.self_read_window,
        )
    )


def first_to_close(conn: Connection, closing: Closing) -> Month:
    """Return the first month that is closed again with a month: itself, if nothing changed before.

    Earlier months follow where a border inside a catch-up was read after all, where the month opens
    at an estimate, and where their list of units has changed since they were closed.
    """
    first = min(
        (
            month
            for month in (
                *_loosened(conn, closing),
                *_estimated_before(conn, closing),
                *relisted_before(conn, closing),
            )
            if manifest_of(conn, closing.society_id, str(month)) is not None
        ),
        key=lambda month: month.start,
        default=closing.span,
    )
    kept_from = retention(conn).kept_from
    return first if kept_from is None or first.start > kept_from else closing.span


def _loosened(conn: Connection, closing: Closing) -> Iterable[Month]:
    """Yield where catch-ups begin that have a border in them which is read now.

    A month that was closed with a reading which is another one now is yielded as well.
    """
    wanted: dict[str, dict[SubjectKey, Month]] = {}
    over = catch_ups_over(conn, closing.society_id, str(closing.span))
    for kind, subject, service, since, until in over:
        first = month = parse_month(since, closing.zone)
        while str(month) < until:
            wanted.setdefault(str(month), {})[subject_key(kind, subject, service)] = first
            month = parse_month(f"{month.end.astimezone(closing.zone):%Y-%m}", closing.zone)
    for name, keys in wanted.items():
        try:
            counted = count_over(conn, closing, keys, parse_month(name, closing.zone))
        except EndsElsewhere as found:
            yield from (parse_month(found.before, closing.zone), *keys.values())
            continue
        for key, parts in counted.items():
            if _is_closed(parts):
                yield keys[key]


def _estimated_before(conn: Connection, closing: Closing) -> Iterable[Month]:
    """Yield the first month of those right before that were sent as estimates."""
    left: frozenset[object] | None = None
    for month in months_back(closing.span, closing.zone, MONTHS_LOOKED_BACK):
        own = estimated_of(conn, closing.society_id, str(month))
        left = own if left is None else left & own
        if not left:
            return
        yield month


def _opens_nowhere(parts: Iterable[Counted], span: Month) -> bool:
    """Say whether a subject's month begins at a 00:00 that no reading meets."""
    return any(
        begin is not None and begin.chosen is None and begin.at == span.start
        for begin in (part.measured.begin for part in parts)
    )


def _is_closed(parts: Iterable[Counted]) -> bool:
    ends = [part.measured.end for part in parts]
    return all(end is not None and end.chosen is not None for end in ends)


def _caught_up(part: Counted, month: Month) -> Counted:
    measured = part.measured
    reasons = measured.reasons | {Reason.CATCH_UP}
    return replace(part, measured=replace(measured, reasons=reasons, covers_from=month.first))


def _with_shares(
    conn: Connection, closing: Closing, caught: Parts
) -> dict[SubjectKey, Sequence[Counted]]:
    """Give the parts of catch-ups the shares of their months, where each can be told."""
    wanted: dict[str, list[SubjectKey]] = {}
    for key, parts in caught.items():
        month = closing.span
        while month.first >= _first_covered(parts):
            wanted.setdefault(str(month), []).append(key)
            month = month_before(month, closing.zone)
    counted = {
        name: count_over(conn, closing, keys, parse_month(name, closing.zone))
        for name, keys in sorted(wanted.items())
    }
    everything = [parts for subjects in counted.values() for parts in subjects.values()]
    borders = read_estimated_borders(conn, closing, closing.span, everything)
    shares: dict[SubjectKey, dict[str, list[_Share]]] = {key: {} for key in caught}
    for name, subjects in counted.items():
        for key, parts in subjects.items():
            shares[key][name] = [
                _Share(part.assignment.assignment_id, borders.use(part)) for part in parts
            ]
    return {key: _shared(parts, shares[key]) for key, parts in caught.items()}


def _first_covered(parts: Iterable[Counted]) -> date:
    firsts = (part.measured.covers_from for part in parts)
    return min(first for first in firsts if first is not None)


def _shared(
    parts: Sequence[Counted], by_month: Mapping[str, Sequence[_Share]]
) -> Sequence[Counted]:
    """Give each part its own shares; none where they are not told, or do not add up."""
    found: list[Counted] = []
    for part in parts:
        own = tuple(
            (month, share.use)
            for month, shares in sorted(by_month.items())
            for share in shares
            if share.assignment_id == part.assignment.assignment_id and share.use is not None
        )
        with exactly():
            total = sum((use.quantity for _, use in own), Decimal(0))
        if total != part.measured.quantity:
            return parts
        found.append(replace(part, shares=own))
    return found


def subject_key(kind: SubjectType, subject: str, service: Service) -> SubjectKey:
    """Return a subject as a closing names it."""
    own: SubjectKind = "unit" if kind is SubjectType.UNIT else "common"
    return SubjectKey(own, subject, service)
