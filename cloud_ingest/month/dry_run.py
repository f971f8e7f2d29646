# SPDX-License-Identifier: MIT
"""What closing a month would do: the very closing runs, is looked at, and is rolled back.

So what is shown is what closing it right after does, with its versions, its chain of months and
its door to billing. What came in meanwhile is rolled up and judged for it, as the service does.

In: a society, a month, the rules of a closing. Out: each number that would be sent, withheld, taken
back or held, from what to what, and each balance that differs. Never: anything of a month that is
kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from cloud_ingest.month.close import Closed, close_again
from cloud_ingest.month.closed_again import (
    ChangedBalance,
    State,
    changed_balances,
    is_same,
    state_of,
)
from cloud_ingest.month.closing import Closing, key_of
from cloud_ingest.month.preview import Number
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.locks import Lock, advisory_lock
from cloud_ingest.store.migrate import Store
from shared_schema.billing import BILLING_UNITS, MonthlyConsumption
from shared_schema.quality import Reason

What = Literal["send", "withhold", "take back", "hold"]


@dataclass(frozen=True, slots=True)
class Planned:
    """What a closing would do with one number."""

    month: str
    subject_type: str
    subject: str
    service: str
    unit: str
    what: What
    before: Decimal | None
    """What stands; None: nothing does."""
    after: Decimal | None
    """What would be sent, or would have been, if it is held; None: nothing."""
    version: int | None
    """Of what is sent; None: nothing is."""
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class DryRun:
    """What closing a month would do."""

    society: str
    month: str
    months: tuple[str, ...]
    """Every month that would be closed with it, and itself, ascending."""
    numbers: int
    """How many numbers the month would have."""
    planned: tuple[Planned, ...]
    balances: tuple[ChangedBalance, ...]


@translating
def dry_run(conn: Connection, closing: Closing, store: Store) -> DryRun:
    """Say what closing a month would do.

    Raises:
        CloseRefused: it would be refused.
    """
    after: dict[str, State] = {}

    def look(done: Closed) -> None:
        after.update((each.month, state_of(conn, closing, each.month)) for each in done.chain)

    with advisory_lock(conn, Lock.CLOSING):  # nobody closes it between the two looks
        done = close_again(conn, closing, store, last=look, keep=False)
        before = {month: state_of(conn, closing, month) for month in after}
    planned = [
        each
        for one in done.chain
        for each in (
            *_numbers(one.month, before[one.month], after[one.month]),
            *_held(one, before[one.month]),
        )
    ]
    balances = [
        each for month in after for each in changed_balances(month, before[month], after[month])
    ]
    months = tuple(each.month for each in done.chain)
    return DryRun(
        done.society, done.month, months, len(done.numbers), tuple(planned), tuple(balances)
    )


def _numbers(month: str, before: State, after: State) -> Iterator[Planned]:
    """Yield what is sent, withheld or taken back."""
    for key in sorted(before.numbers.keys() | after.numbers.keys()):
        was, will = before.numbers.get(key), after.numbers.get(key)
        if is_same(was, will) and _version(was) == _version(will):
            continue
        if isinstance(will, MonthlyConsumption):
            what: What = "send"
        else:
            what = "take back" if isinstance(was, MonthlyConsumption) else "withhold"
        yield Planned(
            month,
            *key,
            BILLING_UNITS[key.service],
            what,
            _quantity(was),
            _quantity(will),
            _version(will) if what == "send" else after.taken_back.get(key),
            () if will is None else will.reasons,
        )


def _held(one: Closed, before: State) -> Iterator[Planned]:
    """Yield what is held."""
    for held in one.held:
        key = key_of(held)
        was = _quantity(before.numbers.get(key))
        unit = BILLING_UNITS[key.service]
        yield Planned(one.month, *key, unit, "hold", was, held.quantity, None, held.reasons)


def _quantity(number: Number | None) -> Decimal | None:
    return number.quantity if isinstance(number, MonthlyConsumption) else None


def _version(number: Number | None) -> int | None:
    return number.version if isinstance(number, MonthlyConsumption) else None
