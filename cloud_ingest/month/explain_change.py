# SPDX-License-Identifier: MIT
"""What was billed beside what the meters count now: its borders, the difference, what comes first.

In: what was sent of a subject's month, what its meters count. Out: values of
`cloud_ingest.month.explanation`, and the months that have to be decided first. Never: a write.
"""

from collections.abc import Sequence
from decimal import Decimal

from cloud_ingest.core.exact import exactly
from cloud_ingest.core.month import months_between
from cloud_ingest.core.register import Register
from cloud_ingest.month.boundaries import boundary_reading
from cloud_ingest.month.count import Counted
from cloud_ingest.month.explain_parts import (
    Borders,
    Sent,
    border_changes,
    borders_of,
    by_stretch,
)
from cloud_ingest.month.explanation import BilledMeter, BorderChange, Now
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.explained import sent_of_subject
from cloud_ingest.store.number_words import NumberKey, doubts
from shared_schema.billing import BoundaryReading, MonthlyConsumption


def billed_meters(sent: Sequence[Sent]) -> tuple[BilledMeter, ...]:
    """Return what each meter counted in the number that stands; nothing if it was taken back."""
    last = _standing(sent)
    return tuple(
        BilledMeter(part.meter, part.source, part.opening, part.closing, part.quantity)
        for part in (() if last is None else last.parts)
    )


def changes_now(sent: Sequence[Sent], counted: Sequence[Counted]) -> tuple[BorderChange, ...]:
    """Return the borders that are others than those that were billed."""
    last = _standing(sent)
    return () if last is None else tuple(border_changes(borders_of(last), _borders(counted)))


def is_unmoved(sent: Sequence[Sent], counted: Sequence[Counted]) -> bool:
    """Say whether the meters have the borders that were sent last."""
    if _standing(sent) is None:
        return all(each.measured.quantity is None for each in counted)
    return not changes_now(sent, counted)


def apart(sent: Sequence[Sent], quantity: Decimal | None) -> Decimal | None:
    """Return by how much a quantity is more than what was billed; None: one of them is none."""
    last = _standing(sent)
    if last is None or quantity is None:
        return None
    with exactly():
        return quantity - last.quantity


def total(quantities: Sequence[Decimal | None]) -> Decimal | None:
    """Add quantities up; None: one of them is not known."""
    known = [quantity for quantity in quantities if quantity is not None]
    if len(known) < len(quantities):
        return None
    with exactly():
        return sum(known, Decimal(0))


def decided_first(
    conn: Connection,
    society_id: int,
    month: str,
    key: NumberKey,
    now: Now | None,
) -> tuple[str, ...]:
    """Return the other months of a subject whose held or kept change its month waits for.

    These are the last number before it, if nothing was published since; the one after it, if it
    would end elsewhere than that begins; and catch-ups that cover it.
    """
    moves = now is not None and any(change.side == "closing" for change in now.changes)
    stands = _standing(sent_of_subject(conn, society_id, month, key))
    is_own = stands is not None and stands.since is None
    own = [
        each.month
        for each in doubts(conn, society_id)
        if each.key == key and each.kind in {"held", "kept"}
    ]
    before = max((each for each in own if each < month), default=None)
    found: list[str] = []
    if (
        before is not None
        and not is_own
        and not any(
            _standing(sent_of_subject(conn, society_id, each, key))
            for each in months_between(before, month)[1:]
        )
    ):
        found.append(before)
    for each in own:
        last = _standing(sent_of_subject(conn, society_id, each, key)) if each > month else None
        if last is None:
            continue
        if last.since <= month if last.since else moves and months_between(month, each) == [month]:
            found.append(each)
    return tuple(found)


def _standing(sent: Sequence[Sent]) -> MonthlyConsumption | None:
    last = sent[-1] if sent else None
    return last if isinstance(last, MonthlyConsumption) else None


def _borders(counted: Sequence[Counted]) -> Borders:
    return by_stretch(
        (
            each.assignment.meter,
            _reading(each.measured.opening),
            _reading(each.measured.closing),
        )
        for each in counted
    )


def _reading(register: Register | None) -> BoundaryReading | None:
    return None if register is None else boundary_reading(register)
