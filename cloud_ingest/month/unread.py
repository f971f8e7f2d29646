# SPDX-License-Identifier: MIT
"""Borders of a month that nobody read: what is billed later, what is estimated, what is sent.

Where a border was not read, the month of its subject has an estimate beside it. Where the month
opens at no border and the months before were withheld, its number becomes a catch-up over them
(`month.catch_up`). If the society sends estimates, missing borders take their estimated
values, and the number goes out as an estimate; the next month opens there.

A number whose ends leave too much open (`core.open_ends`) is withheld with its bounds beside it,
until a person accepts it or enters what the dial showed. If the society sends estimates, it is
sent, and what was sent stays. Withheld is also what waits for the row behind its last one
(`core.last_row`).

A border has one value for both of its sides, whichever month is counted: a catch-up, an estimate
and what follows it add up to what the register moved.

In: a closing, and what each meter counted. Out: the same, with catch-ups, estimates, and the shares
of months. Never: a number, a write.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from cloud_ingest.core.estimate import EstimatedUse
from cloud_ingest.core.last_row import waits
from cloud_ingest.core.month import month_before
from cloud_ingest.core.open_ends import too_open
from cloud_ingest.core.quality import with_findings
from cloud_ingest.month.catch_up import Parts, catch_ups, withheld_in
from cloud_ingest.month.closing import Closing, SubjectKey
from cloud_ingest.month.count import Counted
from cloud_ingest.month.estimated_borders import (
    EstimatedBorders,
    estimated,
    filled,
    is_unread,
    read_estimated_borders,
    unmet,
)
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.unproved import estimated_of, incomplete_of
from shared_schema.billing import EstimateMethod
from shared_schema.events import SubjectType
from shared_schema.quality import Reason


def with_unread(
    conn: Connection, closing: Closing, subjects: Parts
) -> dict[SubjectKey, Sequence[Counted]]:
    """Return what is known of subjects whose borders were not read, beside all others."""
    unread = {
        key: parts for key, parts in subjects.items() if key.kind != "bulk" and is_unread(parts)
    }
    if not unread:
        return _withhold_uncertain(conn, closing, subjects)
    found = dict(subjects)
    borders = read_estimated_borders(conn, closing, closing.span, unread.values())
    sent = _sent_as_estimates(conn, closing, unread)
    before = withheld_in(conn, closing, month_before(closing.span, closing.zone)) if sent else ()
    caught = catch_ups(conn, closing, unread, estimated=sent)
    found |= caught
    for key, parts in unread.items():
        if key in caught:
            continue
        whole = _filled(borders, parts, closing, is_open=key in before) if key in sent else None
        found[key] = whole or [estimated(borders, part) for part in parts]
    return _withhold_uncertain(conn, closing, found)


def _withhold_uncertain(
    conn: Connection, closing: Closing, subjects: Parts
) -> dict[SubjectKey, Sequence[Counted]]:
    """Withhold what waits for the row behind its last one, and what leaves too much open.

    The bounds of the latter stand beside it; it stays if it was sent before.
    """
    found: dict[SubjectKey, Sequence[Counted]] = {
        key: [_doubted(part) if waits(part.measured, closing.now) else part for part in parts]
        for key, parts in subjects.items()
    }
    if closing.estimates == "sent":
        return found
    ends = {
        key: too_open(part.measured for part in parts)
        for key, parts in found.items()
        if key.kind != "bulk"
    }
    if not any(ends.values()):
        return found
    sent = incomplete_of(conn, closing.society_id, closing.month)
    for key, own in ends.items():
        if own and (SubjectType(key.kind), key.label, key.service) not in sent:
            found[key] = [_shown(part, is_open=part.measured in own) for part in found[key]]
    return found


def _doubted(part: Counted) -> Counted:
    """Return a part that is not billed unless a person accepts its quantity."""
    measured = part.measured
    return replace(part, measured=replace(measured, quantity=None, doubted=measured.quantity))


def _shown(part: Counted, *, is_open: bool) -> Counted:
    """Return a part that is not billed, with its bounds as an estimate."""
    measured = part.measured
    quantity, lower, upper = measured.quantity, measured.lower, measured.upper
    use = None
    if quantity is not None and lower is not None and upper is not None:
        use = EstimatedUse(quantity, lower, upper, EstimateMethod.NEAREST if is_open else None)
    found = {Reason.WIDE_BOUNDS} if is_open else ()
    return replace(part, measured=with_findings(measured, found), estimate=use)


def _sent_as_estimates(conn: Connection, closing: Closing, unread: Parts) -> frozenset[SubjectKey]:
    """Return whose estimates are sent: all, or those that were before the rule was changed."""
    if closing.estimates == "sent":
        return frozenset(unread)
    sent = estimated_of(conn, closing.society_id, closing.month)
    return frozenset(
        key
        for key, parts in unread.items()
        if (SubjectType(key.kind), key.label, key.service) in sent
        or not any(unmet(part) for part in parts)
    )


def _filled(
    borders: EstimatedBorders, parts: Iterable[Counted], closing: Closing, *, is_open: bool
) -> list[Counted] | None:
    """Return a subject's parts between estimated borders; None where one cannot be told.

    Args:
        borders: The estimated borders.
        parts: What its meters counted.
        closing: The closing.
        is_open: The month before is withheld: what it used would be in nobody's month.
    """
    found: list[Counted] = []
    for part in parts:
        whole = filled(borders, part, closing.span, opens=not is_open)
        if unmet(whole) or whole.measured.quantity is None:
            return None
        found.append(whole)
    return [replace(part, estimate=None) for part in found]
