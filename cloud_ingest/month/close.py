# SPDX-License-Identifier: MIT
"""The closing of a month: one verified number per unit, or the reason why there is none.

All of a closing is one transaction on one snapshot: count every meter, write the numbers, the
reconciliations and the manifest. Closing again with nothing new changes nothing. If a month now
ends elsewhere, the closed month after it is closed again with it, in the same transaction: it
opens where this one ends, and no kWh is in nobody's month or in two. If the month before was closed
with a reading that is another one now, it is closed again first, and so on back. Where a change
becomes held, or is held no more, the month after says at once what it may hide. If a rollup is not
what its readings say, nothing is closed. What cannot be proved is withheld, or sent as an estimate
where the society wants that.

A number that covers several months changes together with the numbers of these months. Where its
change is held or kept, they wait, and all are sent when a person accepts it: no month is charged
twice. So waits a number that would move its end away from a number after it that is held. Since
this is known last, the chain is taken back then, and closed again knowing it.

A closing waits for no refresh and for no other meter: readings that came meanwhile count as they
are in the snapshot. Only where one of them is false, it is judged, and another snapshot is taken.
So it is where the intervals of a month speak against a register.

In: a society, a month, the time. Out: numbers, reconciliations and a manifest, in the store and
in the outbox. Owns: the order of a closing, and the tables of closed months.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cloud_ingest.core.border import SELF_READ_WINDOW
from cloud_ingest.core.door import USUAL_LIMITS, Limits
from cloud_ingest.core.month import Month, parse_month
from cloud_ingest.errors import ChargedTwice, CloseRefused, EndsElsewhere
from cloud_ingest.month.boundaries import SubjectService
from cloud_ingest.month.catch_up import first_to_close, subject_key
from cloud_ingest.month.closing import CatchUp, Closing, quiet
from cloud_ingest.month.collector import collector_paused
from cloud_ingest.month.count import Progress
from cloud_ingest.month.prolonged import flag_prolonged
from cloud_ingest.month.sum_doubts import FalseRegisters, Look, SumDoubts, doubt_nothing
from cloud_ingest.month.turn import Turn, close_one, torn_by
from cloud_ingest.month.unjudged import unjudged_registers
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.settings import EstimatesRule
from cloud_ingest.store.assignments import was_metered
from cloud_ingest.store.connection import Connection, snapshot, translating
from cloud_ingest.store.locks import Lock, advisory_lock
from cloud_ingest.store.manifests import is_closed
from cloud_ingest.store.migrate import Store, open_store
from cloud_ingest.store.number_words import lock_entries
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.retention import retention
from cloud_ingest.store.unproved import Twice, charged_twice
from cloud_ingest.validation.judge import judge_suspects
from shared_schema.balance import Reconciliation
from shared_schema.billing import Held, MonthlyConsumption, MonthlyWithdrawal, Unassigned, Withheld

CLOSE_GRACE = timedelta(hours=1)
JUDGED_AT_MOST = 5
"""How often false readings of the month may arrive while they are judged, before it gives up."""


@dataclass(frozen=True, slots=True)
class Closed:
    """What closing a month did."""

    society: str
    month: str
    numbers: tuple[MonthlyConsumption, ...]
    """The newest version of each."""
    published: int
    """How many of them are new or corrected."""
    withheld: tuple[Withheld, ...]
    reconciliations: tuple[Reconciliation, ...]
    withdrawn: tuple[MonthlyWithdrawal, ...] = ()
    """What took numbers back in whose place nothing stands."""
    taken_back: int = 0
    """How many of them are new."""
    unassigned: tuple[Unassigned, ...] = ()
    """What meters counted for nobody."""
    held: tuple[Held, ...] = ()
    """Changes that nobody asked for; the former version stands."""
    earlier: tuple["Closed", ...] = ()
    """The months before it that were closed again, because a border in them is known now."""
    later: tuple["Closed", ...] = ()
    """The months after it that were closed again, because the one before now ends elsewhere."""

    @property
    def chain(self) -> tuple["Closed", ...]:
        """Every month that was closed with it, and itself, ascending."""
        return (*self.earlier, self, *self.later)


def _nothing() -> None:
    """Do nothing."""


def _nothing_more(_done: Closed) -> None:
    """Do nothing."""


def close_month(
    conn: Connection,
    society: str,
    month: str,
    now: datetime,
    *,
    self_read_window: timedelta = SELF_READ_WINDOW,
    grace: timedelta = CLOSE_GRACE,
    limits: Limits = USUAL_LIMITS,
    estimates: EstimatesRule = "shown",
    progress: Progress = quiet,
) -> Closed:
    """Close a month of a society, or close it again, and what follows from it.

    The arguments and what it raises are those of `closing_of_month` and `close_again`.
    """
    closing, store = closing_of_month(
        conn,
        society,
        month,
        now,
        self_read_window=self_read_window,
        grace=grace,
        limits=limits,
        estimates=estimates,
        progress=progress,
    )
    return close_again(conn, closing, store)


@translating
def closing_of_month(
    conn: Connection,
    society: str,
    month: str,
    now: datetime,
    *,
    self_read_window: timedelta = SELF_READ_WINDOW,
    grace: timedelta = CLOSE_GRACE,
    limits: Limits = USUAL_LIMITS,
    estimates: EstimatesRule = "shown",
    progress: Progress = quiet,
) -> tuple[Closing, Store]:
    """Return the closing of a month that may be closed now, and its store.

    Args:
        conn: The store, outside of a transaction.
        society: Its name.
        month: ``YYYY-MM``, in the society's zone.
        now: The time.
        self_read_window: How far from a border a self-read may stand for it.
        grace: How long after its end the month may be closed.
        limits: How far a published number may move by itself.
        estimates: What becomes of a month whose border was not read.
        progress: Is told what is being done, in a few words.

    Raises:
        CloseRefused: the month has not ended, or its opening is no longer kept.
        NotFound: no such society.
    """
    store = open_store(conn)
    society_id = find_society(conn, society)
    span = parse_month(month, store.zone)
    require_closable(span, store, now, grace)
    own = (society_id, society, span, store.zone, now, self_read_window)
    return Closing(*own, progress, limits, estimates), store


@translating
def close_again(
    conn: Connection,
    closing: Closing,
    store: Store,
    *,
    first: Callable[[], None] = _nothing,
    last: Callable[[Closed], None] = _nothing_more,
    keep: bool = True,
) -> Closed:
    """Close a month that may be closed, and what follows from it.

    Args:
        conn: The store, outside of a transaction.
        closing: The closing.
        store: Its zone and what it keeps.
        first: Is done before it in the same transaction.
        last: Is done after it there.
        keep: Commit it; else it is only shown, and rolled back.

    Raises:
        CloseRefused: no meter was assigned until its end, or false readings keep arriving.
        RollupDisagrees: a rollup is not what its readings say; nothing was written.
        ChargedTwice: a month would be charged twice; nothing was written.
    """
    month = closing.month
    with advisory_lock(conn, Lock.CLOSING), collector_paused():
        closing.progress(f"{month}: rolling up what came in")
        refresh(conn, closing.now)
        doubts = SumDoubts(conn, store)
        judged = 0
        while judged < JUDGED_AT_MOST:
            try:
                with snapshot(conn, keep=keep):
                    lock_entries(conn)
                    unjudged = unjudged_registers(conn, closing, store)
                    if not unjudged:
                        first()
                        done = close_in_turn(conn, closing, doubts.look)
                        last(done)
                        return done
                judged += 1
                closing.progress(f"{month}: judging what came in meanwhile")
            except FalseRegisters as found:  # this ends: each register is asked for once
                unjudged = list(found.suspects)
                closing.progress(f"{month}: judging registers and their intervals")
            judge_suspects(conn, unjudged, store, closing.now)
    raise CloseRefused(
        f"false readings of {month} keep arriving: look at them with cloud-ingest reading list, "
        "and close it again in a minute"
    )


def require_closable(span: Month, store: Store, now: datetime, grace: timedelta) -> None:
    """Refuse a month that has not ended, or whose opening is no longer kept."""
    if now < span.end + grace:
        opens = (span.end + grace).astimezone(store.zone)
        raise CloseRefused(f"{span} can be closed from {opens:%Y-%m-%d %H:%M} on, not before")
    if store.kept_from is not None and span.start <= store.kept_from:
        since = store.kept_from.astimezone(store.zone)
        raise CloseRefused(
            f"{span} cannot be closed: readings are kept from {since:%Y-%m-%d} on, and the one "
            "that opens it is gone"
        )


class _Again(Exception):
    """What was done of a chain of months is taken back: it is closed again, knowing more."""

    def __init__(self, closing: Closing) -> None:
        super().__init__()
        self.closing = closing


def close_in_turn(conn: Connection, closing: Closing, look: Look = doubt_nothing) -> Closed:
    """Close a month and what follows from it, in a transaction that sees one moment.

    Raises:
        ChargedTwice: a month would be in two numbers.
        EndsElsewhere: the month before has to be closed again, and its readings are gone.
    """
    while True:
        try:
            with conn.transaction():
                return _close_in_one(conn, closing, look)
        except _Again as found:  # this ends: each time more of its numbers wait
            closing = found.closing
        except EndsElsewhere as found:
            if found.before == closing.first or not _may_close(conn, closing, found.before):
                raise
            closing = replace(closing, first=found.before)


def _may_close(conn: Connection, closing: Closing, month: str) -> bool:
    """Say whether the reading that opens a month is still kept."""
    kept_from = retention(conn).kept_from
    return kept_from is None or parse_month(month, closing.zone).start > kept_from


def _close_in_one(conn: Connection, closing: Closing, look: Look) -> Closed:
    """Close a month and what follows from it, so that no month is in two numbers.

    Raises:
        _Again: one would be.
        ChargedTwice: one is, whatever waits.
    """
    done = _close_chain(conn, closing, look)
    chain = [each.month for each in done.chain]
    if twice := charged_twice(conn, closing.society_id, min(chain), max(chain)):
        standing = closing.standing | {
            CatchUp(subject_key(one.subject_type, one.subject, one.service), one.since, one.month)
            for one in twice
        }
        if standing == closing.standing:
            raise ChargedTwice(_charged_twice(closing, twice[0]))
        raise _Again(replace(closing, standing=standing))
    return done


def _charged_twice(closing: Closing, one: Twice) -> str:
    return (
        f"{closing.month} is not closed: the number of {one.subject} {one.service} of {one.month} "
        f"covers the months since {one.since}, and {', '.join(one.own)} would be charged beside "
        f"it: look at them with cloud-ingest report, and close {one.since} again"
    )


def _close_chain(conn: Connection, closing: Closing, look: Look) -> Closed:
    """Close a month and all that follows from it.

    A month before is closed again where a catch-up or an estimate reaches back to it; a month after
    it, while the one before ends elsewhere. A subject that is withheld in between is followed to
    the month that opens where it ended.
    """
    begin = first_to_close(conn, closing)
    if closing.first and closing.first < str(begin):
        begin = parse_month(closing.first, closing.zone)
    current = replace(closing, span=begin)
    reaches = max((each.month for each in closing.standing), default="")
    pending: frozenset[SubjectService] = frozenset()
    earlier: list[Closed] = []
    asked: list[Closed] = []  # the month itself, and those after it
    former: Turn | None = None
    while True:
        turn = close_one(conn, current, look)
        if former is not None and (torn := torn_by(former, turn) - closing.waiting):
            raise _Again(replace(closing, waiting=closing.waiting | torn))
        former = turn
        pending = turn.moved | (pending & turn.withheld)
        is_before = current.span.start < closing.span.start
        (earlier if is_before else asked).append(_closed(current, turn))
        current = current.following()
        is_last = not (is_before or turn.is_moved or pending or current.month <= reaches)
        if is_last or not (is_before or is_closed(conn, current.society_id, current.month)):
            break
    done, *later = asked
    told = (done.numbers, done.withheld, done.reconciliations, done.withdrawn, done.unassigned)
    if not any(told) and not was_metered(conn, closing.society_id, closing.span.end):
        raise CloseRefused(
            f"no meter of {closing.society} was assigned until the end of {closing.month}: "
            "run cloud-ingest units import"
        )
    flag_prolonged(conn, closing)
    return replace(done, earlier=tuple(earlier), later=tuple(later))


def _closed(closing: Closing, turn: Turn) -> Closed:
    """Return what closing one month did."""
    numbers = turn.numbers
    return Closed(
        society=closing.society,
        month=closing.month,
        numbers=tuple(kept.number for kept in numbers.kept),
        published=numbers.published,
        withheld=numbers.withheld,
        reconciliations=tuple(turn.balances),
        withdrawn=tuple(kept.withdrawal for kept in numbers.withdrawn),
        taken_back=numbers.taken_back,
        unassigned=tuple(turn.unassigned),
        held=numbers.held,
    )
