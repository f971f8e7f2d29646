# SPDX-License-Identifier: MIT
"""The run of the month: it closes the month that has ended by itself, and again as things come.

From `run_from` on the 1st each number goes out as soon as its border is read. Until
`provisional_at` one that is only met by a reading beside its border waits, and so does every
estimate; then the rest goes out as the society wants it. After that the month is closed again
whenever something came that may change it, until it is approved: what may change by then is
decided by the door to billing, as with a closing by hand.

A turn is one closing, in one transaction with the note of what it had seen. So a run that is killed
begins where it was, and a look at a quiet night reads a few rows. A society whose closing is
refused is noted, and tried again; the others go on.

A month in which no meter was read is not begun: it is a person's to close, by hand. Only dials are
read but once a month, perhaps on the day before it or after it. Of two clocks, ours and the
database's, the one that is behind is believed.

An approved month has one turn on each day: it sends nothing of it, and lists what would change.

In: the store, rules by society, the time. Out: at most one turn. Never: a number of its own.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from cloud_ingest.core.border import SELF_READ_WINDOW
from cloud_ingest.core.door import USUAL_LIMITS, Limits
from cloud_ingest.core.month import MICROSECOND, Month, ended_month, month_before, months_back
from cloud_ingest.errors import CloseRefused, NotStorable
from cloud_ingest.month.close import Closed, close_again, require_closable
from cloud_ingest.month.closing import Closing
from cloud_ingest.month.heard import bears_on
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.settings_society import RunRules
from cloud_ingest.store import month_runs
from cloud_ingest.store.assignments import assignments_between
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.manifests import closed_months, is_closed
from cloud_ingest.store.migrate import Store, open_store
from cloud_ingest.store.month_locks import lock_of, lock_words
from cloud_ingest.store.month_runs import LastTurn
from cloud_ingest.store.number_words import acts, last_entry

logger = logging.getLogger(__name__)

REFUSED_AGAIN: Final = timedelta(hours=1)
"""A refused closing is tried again so much later, if nothing came before."""
MONTHS_LOOKED_BACK: Final = 12
"""So many months are looked at for one that was never closed."""


def _usual(_society: str) -> RunRules:
    return RunRules()


def _usual_window(_society: str) -> timedelta:
    return SELF_READ_WINDOW


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How the run closes months."""

    rules: Callable[[str], RunRules] = _usual
    """Of each society."""
    self_read_window: Callable[[str], timedelta] = _usual_window
    limits: Limits = USUAL_LIMITS


@dataclass(slots=True)
class Told:
    """What a process said already, so that it says it once, and where it was."""

    refusals: dict[tuple[str, str], str] = field(default_factory=dict)
    unclosed: set[str] = field(default_factory=set)
    last: int = 0
    """The society of its last turn: the next look begins behind it, so that each has its turn."""


@translating
def run_months(conn: Connection, now: datetime, settings: RunSettings, told: Told) -> bool:
    """Take the next turn that is due; say whether there was one.

    Raises:
        StoreUnavailable: try again.
    """
    store = open_store(conn)
    now = min(now, month_runs.database_time(conn))
    societies = month_runs.societies(conn)
    for society in sorted(societies, key=lambda each: (each[0] <= told.last, each[0])):
        if not settings.rules(society[1]).is_on:
            continue
        closing = closing_of(society, store.zone, now, settings)
        if closing is None:
            continue
        _tell_unclosed(conn, closing, told)
        if is_due(conn, closing):
            told.last = society[0]
            _turn(conn, closing, store, told)
            return True
    return False


def closing_of(
    of: tuple[int, str],
    zone: ZoneInfo,
    now: datetime,
    settings: RunSettings,
    span: Month | None = None,
) -> Closing | None:
    """Return the closing of the last month that has ended, or of another; None: it is too early.

    Args:
        of: The society's number and name.
        zone: Of its months.
        now: The time.
        settings: How months are closed.
        span: Which month; None: the last one that has ended.
    """
    society_id, society = of
    rules = settings.rules(society)
    last = span or ended_month(now, zone)
    border = last.end.astimezone(zone)
    begins, waits_until = (
        datetime.combine(border.date(), each, zone)
        for each in (rules.run_from, rules.provisional_at)
    )
    if now < begins:
        return None
    is_early = now < waits_until
    return Closing(
        society_id,
        society,
        last,
        zone,
        now,
        settings.self_read_window(society),
        limits=settings.limits,
        estimates="sent" if rules.provisional and not is_early else "shown",
        is_early=is_early,
    )


def is_due(conn: Connection, closing: Closing) -> bool:
    """Say whether something came since the last turn that may change the month."""
    society_id, month = closing.society_id, closing.month
    last = month_runs.last_turn(conn, society_id, month)
    if last is None:
        return is_closed(conn, society_id, month) or _begins(conn, closing)
    look = _look(conn, closing)
    if last.looked["day"] == look["day"] and lock_of(conn, society_id, month) is not None:
        return False
    if last.looked != look:
        return True
    if last.refused is not None and closing.now - last.turned_at >= REFUSED_AGAIN:
        return True
    if last_entry(conn) == last.entry_order:
        return False
    span = closing.span
    entered = acts(conn, society_id, last.entry_order)
    return any(bears_on(each, span.start, span.end) for each in entered)


def _begins(conn: Connection, closing: Closing) -> bool:
    """Say whether a month was read, or may have been by the dials at its borders."""
    society_id, span = closing.society_id, closing.span
    if month_runs.months_read(conn, society_id, [span.first]):
        return True
    before = month_before(span, closing.zone)
    is_going_on = is_closed(conn, society_id, str(before)) or month_runs.months_read(
        conn, society_id, [before.first]
    )
    if not is_going_on:
        return False
    at_end = assignments_between(conn, society_id, span.end - MICROSECOND, span.end)
    return any(each.legacy for each in at_end)


def _look(conn: Connection, closing: Closing) -> dict[str, Any]:
    """Return what a turn goes by, beside what persons enter: the same again is no reason for one.

    A day's first look is a turn: estimates get better, and what waits for a row waits in vain.
    """
    society_id, month = closing.society_id, closing.month
    return {
        "touch": month_runs.touch_of(conn, society_id, month),
        "words": len(lock_words(conn, society_id, month)),
        "estimates": closing.estimates,
        "early": closing.is_early,
        "day": str(closing.now.astimezone(closing.zone).date()),
    }


def run_turn(conn: Connection, closing: Closing, store: Store) -> Closed:
    """Close a month and note what was seen, in one transaction.

    Raises:
        CloseRefused: it cannot be closed now.
    """
    require_closable(closing.span, store, closing.now, timedelta(0))
    refresh(conn, closing.now)
    seen = LastTurn(_look(conn, closing), last_entry(conn), closing.now, None)

    def note(_done: Closed) -> None:
        month_runs.put_turn(conn, closing.society_id, closing.month, seen)

    return close_again(conn, closing, store, last=note)


def _turn(conn: Connection, closing: Closing, store: Store, told: Told) -> None:
    about: Mapping[str, object] = {"society": closing.society, "month": closing.month}
    key = (closing.society, closing.month)
    try:
        done = run_turn(conn, closing, store)
    except (CloseRefused, NotStorable) as error:
        refused = LastTurn(_look(conn, closing), last_entry(conn), closing.now, str(error))
        month_runs.put_turn(conn, closing.society_id, closing.month, refused)
        if told.refusals.get(key) != str(error):
            told.refusals[key] = str(error)
            logger.warning(
                "The run could not close a month; it tries again: %s",
                error,
                extra={"action": "month_refused", **about},
            )
        return
    if told.refusals.pop(key, None) is not None:
        logger.warning("A month can be closed again", extra={"action": "month_closes", **about})
    if sent := sum(each.published + each.taken_back for each in done.chain):
        logger.info(
            "The run closed a month",
            extra={
                "action": "month_run",
                **about,
                "sent": sent,
                "numbers": len(done.numbers),
                "withheld": len(done.withheld),
                "held": len(done.held),
            },
        )


def never_closed(conn: Connection, closing: Closing) -> list[str]:
    """Return the months before one that were read and never closed, ascending."""
    months = {
        month.first: str(month)
        for month in months_back(closing.span, closing.zone, MONTHS_LOOKED_BACK)
    }
    closed = set(closed_months(conn, closing.society_id, months.values()))
    open_ = [first for first, name in months.items() if name not in closed]
    read = month_runs.months_read(conn, closing.society_id, open_) if open_ else []
    return [months[first] for first in read]


def _tell_unclosed(conn: Connection, closing: Closing, told: Told) -> None:
    """Say once which months before were never closed: the run does not begin them."""
    if closing.society in told.unclosed:
        return
    told.unclosed.add(closing.society)
    if left := never_closed(conn, closing):
        logger.warning(
            "Months were never closed; the run closes the last one alone: cloud-ingest month run",
            extra={"action": "months_never_closed", "society": closing.society, "months": left},
        )
