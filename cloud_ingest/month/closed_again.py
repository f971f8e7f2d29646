# SPDX-License-Identifier: MIT
"""What closing months again would send: they are closed, looked at, and all of it is taken back.

Nothing is guessed: the very closing runs that a person would run, with its catch-ups, its door to
billing, and the months that follow. So what is shown is what closing them then does.

In: a closing, the months to close again, in the caller's transaction. Out: each number and balance
that changes, with its version, or why a closing would be refused. Never: anything that is kept.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from cloud_ingest.core.month import Month
from cloud_ingest.errors import CloseRefused
from cloud_ingest.month.close import close_in_turn
from cloud_ingest.month.closing import Closing, SubjectKey, key_of, says_the_same
from cloud_ingest.month.preview import Number
from cloud_ingest.store import months
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.published import published_month
from shared_schema.balance import Reconciliation
from shared_schema.billing import BILLING_UNITS, MonthlyConsumption
from shared_schema.catalogue import Service


@dataclass(frozen=True, slots=True)
class ChangedMonth:
    """A number that differs after a correction."""

    month: str
    subject: str
    unit: str
    before: Number | None
    """Of a closed month what was published; None: nothing is known."""
    after: Number | None
    version: int | None
    """Of what closing again sends; None: it sends nothing of it, or the month is open."""
    is_closed: bool

    @property
    def is_taken_back(self) -> bool:
        """Say whether closing again withdraws a number that was published."""
        stood, stands = (isinstance(each, MonthlyConsumption) for each in (self.before, self.after))
        return self.is_closed and stood and not stands


@dataclass(frozen=True, slots=True)
class ChangedBalance:
    """The reconciliation of a tower in a closed month that differs after a correction."""

    month: str
    tower: str
    service: Service
    unit: str
    before: Decimal | None
    """The loss; None: not known."""
    after: Decimal | None


@dataclass(frozen=True, slots=True)
class ClosedAgain:
    """What closing months again would change."""

    months: tuple[ChangedMonth, ...] = ()
    balances: tuple[ChangedBalance, ...] = ()
    refused: str | None = None
    """Why a closing would be refused; what the others change is not told then."""


@dataclass(frozen=True, slots=True)
class State:
    """What a closed month says."""

    numbers: Mapping[SubjectKey, Number]
    taken_back: Mapping[SubjectKey, int]
    """The versions of withdrawals after which nothing was sent."""
    balances: Mapping[tuple[str, Service], Reconciliation]


def closed_again(
    conn: Connection,
    closing: Closing,
    spans: Sequence[Month],
    changes: Callable[[Month], bool],
    look: Callable[[], None] = lambda: None,
) -> ClosedAgain:
    """Close months again in their order with all that follows, look, and take it all back.

    Args:
        conn: The store, within a transaction that sees one moment.
        closing: Of any month: the rules and the time.
        spans: The closed months that a person might close again.
        changes: Says of each whether it is; those before it are closed again by then.
        look: Is done while they are closed.
    """
    closed: dict[str, State] = {}
    try:
        with conn.transaction(force_rollback=True):
            for span in spans:
                if str(span) not in closed and changes(span):
                    done = close_in_turn(conn, replace(closing, span=span))
                    closed |= {
                        each.month: state_of(conn, closing, each.month) for each in done.chain
                    }
            closed = {month: state_of(conn, closing, month) for month in closed}
            look()
    except CloseRefused as error:
        return ClosedAgain(refused=str(error))
    changed: list[ChangedMonth] = []
    balances: list[ChangedBalance] = []
    for month, after in sorted(closed.items()):
        before = state_of(conn, closing, month)
        changed += _numbers(month, before, after)
        balances += changed_balances(month, before, after)
    return ClosedAgain(tuple(changed), tuple(balances))


def state_of(conn: Connection, closing: Closing, month: str) -> State:
    """Return what a closed month says now; nothing of an open one."""
    found = published_month(conn, closing.society_id, month)
    if found is None:
        return State({}, {}, {})
    every: list[Number] = [*found.numbers, *found.withheld]
    return State(
        {key_of(each): each for each in every},
        {key_of(each): each.version for each in found.withdrawn},
        {
            (each.tower, each.service): each
            for each in months.reconciliations(conn, closing.society_id, month)
        },
    )


def _numbers(month: str, before: State, after: State) -> list[ChangedMonth]:
    """Return the numbers that differ, and what is withheld for other reasons."""
    found: list[ChangedMonth] = []
    for key in sorted(before.numbers.keys() | after.numbers.keys()):
        was, will = before.numbers.get(key), after.numbers.get(key)
        if is_same(was, will):
            continue
        version = will.version if isinstance(will, MonthlyConsumption) else None
        change = ChangedMonth(
            month, key.label, BILLING_UNITS[key.service], was, will, version, is_closed=True
        )
        if change.is_taken_back:
            change = replace(change, version=after.taken_back.get(key))
        found.append(change)
    return found


def is_same(was: Number | None, will: Number | None) -> bool:
    """Say whether two states of a number say the same."""
    if isinstance(was, MonthlyConsumption) and isinstance(will, MonthlyConsumption):
        return says_the_same(was, will)
    return was == will


def changed_balances(month: str, before: State, after: State) -> list[ChangedBalance]:
    """Return the balances that differ."""
    found: list[ChangedBalance] = []
    for key in sorted(before.balances.keys() | after.balances.keys()):
        was, will = before.balances.get(key), after.balances.get(key)
        if was is None or will is None or not says_the_same(was, will):
            some = will or was
            assert some is not None  # noqa: S101 - one of them is there
            found.append(
                ChangedBalance(
                    month,
                    some.tower,
                    some.service,
                    some.unit,
                    None if was is None else was.loss,
                    None if will is None else will.loss,
                )
            )
    return found
