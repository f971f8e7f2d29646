# SPDX-License-Identifier: MIT
"""The closing of one month by itself: count, write, balance, and say what the next month follows.

In: a closing, within its transaction. Out: its numbers and balances, and whose meters end elsewhere
than they did. Never: another month; `month.close` goes on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cloud_ingest.core.door import Way
from cloud_ingest.month.boundaries import Closings, SubjectService, closings, closings_before
from cloud_ingest.month.closing import Closing, SubjectKey, by_subject, key_of
from cloud_ingest.month.count import count_month
from cloud_ingest.month.doubts import write_doubts
from cloud_ingest.month.heard import read_sent
from cloud_ingest.month.idle import last_unassigned
from cloud_ingest.month.manifest import write_manifest
from cloud_ingest.month.numbers import Numbers, write_numbers
from cloud_ingest.month.reconcile import kept_balances, reconcile
from cloud_ingest.month.shared_borders import openings, torn
from cloud_ingest.month.sum_doubts import Look
from cloud_ingest.month.unread import with_unread
from cloud_ingest.store import months
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.manifests import manifest_of
from cloud_ingest.store.month_locks import lock_of
from shared_schema.balance import Reconciliation
from shared_schema.billing import Held, MonthlyConsumption, Unassigned


@dataclass(frozen=True, slots=True)
class Turn:
    """What closing one month did, and what the months after it have to follow."""

    numbers: Numbers
    balances: Sequence[Reconciliation]
    is_moved: bool
    """Something that the next month hangs on is not what it was."""
    moved: frozenset[SubjectService]
    """Whose meters end elsewhere than they did."""
    withheld: frozenset[SubjectService]
    """Whose numbers are withheld."""
    unassigned: Sequence[Unassigned]
    """What meters counted for nobody."""
    month: str


def close_one(conn: Connection, closing: Closing, look: Look) -> Turn:
    """Close one month, after a look at what its meters counted."""
    before = closings_before(conn, closing.society_id, closing.span)
    counted = count_month(
        conn,
        closing.society_id,
        closing.span,
        closing.zone,
        before=before,
        self_read_window=closing.self_read_window,
        progress=closing.progress,
    )
    look(closing, counted.counted)
    closing.progress(f"{closing.month}: writing the numbers")
    former = manifest_of(conn, closing.society_id, closing.month)
    sent = read_sent(conn, closing.society_id, closing.month)
    ended = _ends(conn, closing, (kept.number for kept in sent.numbers.values()))
    subjects = with_unread(conn, closing, by_subject(counted.counted))
    numbers = write_numbers(conn, closing, subjects, sent, before, unassigned=counted.unassigned)
    lock = lock_of(conn, closing.society_id, closing.month)
    balances = (
        kept_balances(conn, closing)
        if lock
        else reconcile(conn, closing, subjects, numbers.standing)
    )
    write_manifest(conn, closing, numbers, lock)
    write_doubts(conn, closing, numbers)
    now_ends = _ends(conn, closing, [kept.number for kept in numbers.kept])
    moved = {
        SubjectService(key.subject_type, key.subject, key.service)
        for key in ended[0].keys() | now_ends[0].keys()
        if ended[0].get(key) != now_ends[0].get(key)
    }
    withheld = {
        SubjectService(each.subject.type.value, each.subject.id, each.service)
        for each in numbers.withheld
    }
    was = ((), ()) if former is None else (former.unassigned, former.held)
    is_moved = (
        now_ends != ended
        or last_unassigned(numbers.unassigned) != last_unassigned(was[0])
        or _whose(numbers.held) != _whose(was[1])
    )
    whose = (frozenset(moved), frozenset(withheld))
    return Turn(numbers, balances, is_moved, *whose, numbers.unassigned, closing.month)


def torn_by(before: Turn, after: Turn) -> frozenset[tuple[str, SubjectKey]]:
    """Return of which month whose end moved away from where the month after stands; pure."""
    changes = after.numbers.changes
    stand = [
        kept.number
        for kept in after.numbers.kept
        if changes.ways.get(key_of(kept.number), Way.SEND) is not Way.SEND
    ]
    own = (kept.number for kept in before.numbers.kept)
    apart = torn(openings(stand), own, before.unassigned)
    return frozenset((before.month, key) for key in apart if SubjectService(*key) in before.moved)


def _whose(held: Iterable[Held]) -> set[SubjectService]:
    """Return whose change is held: the month after opens where nobody believes that one ended."""
    return {SubjectService(e.subject.type.value, e.subject.id, e.service) for e in held}


def _ends(
    conn: Connection, closing: Closing, numbers: Iterable[MonthlyConsumption]
) -> tuple[Closings, object]:
    """Return what the month after hangs on: closing readings, and what bulk meters gave."""
    balances = months.reconciliations(conn, closing.society_id, closing.month)
    return closings(numbers), {(one.tower, one.service): one.bulk for one in balances}
