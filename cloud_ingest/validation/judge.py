# SPDX-License-Identifier: MIT
"""Validation of billed registers: right behind the ingest, before days and months are rolled up.

What commits have stored is looked through for suspects: first the ends of each stretch, then, where
a register does not plainly rise, its readings. A suspect is a register and a local month. It is
judged with all its claims from the month before to the month after, and with those of half a year
where it was read seldom; of the verdict the claims of the month itself count. Where the verdict
reaches into the month before or after, that month is judged as well. What is unsound is not elected
any more, what is sound after all is elected again, and the days of both are marked.

In: stretches that wait to be judged. Out: marks of the days whose elected readings have changed.
Never: a claim that is lost, a look at more than one query where nothing is wrong.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Self

from cloud_ingest.core.judgement import Claims, Judgement, judge_dial
from cloud_ingest.core.month import DAY, midnight, next_month, previous_month
from cloud_ingest.core.overruled import overruled
from cloud_ingest.core.validate import EDGE
from cloud_ingest.store.billed_registers import Dial, claims_of, dials_of
from cloud_ingest.store.connection import Connection, plan_each_time
from cloud_ingest.store.interval_profiles import SUMMED_REGISTER, profile_of
from cloud_ingest.store.judgements import (
    Scope,
    apply_judgement,
    changes,
    is_applied,
    lock_elections,
)
from cloud_ingest.store.migrate import Store
from cloud_ingest.store.rollups_write import Mark
from cloud_ingest.store.suspects import Disturbed, Suspect, disturbed, suspects
from cloud_ingest.store.unjudged import (
    Stretch,
    clear_unjudged,
    newest_unjudged,
    oldest_unjudged,
    stretches_among,
)

COMMITS_AT_ONCE = 200
METERS_AT_ONCE = 100
SELDOM = timedelta(days=155)
"""So much farther is looked where a register has few claims beside a month: it is read monthly."""

Dials = Mapping[tuple[int, str], Dial]


def judge_waiting(conn: Connection, store: Store, now: datetime) -> list[Mark]:
    """Judge what commits have stored until now.

    Args:
        conn: The store, outside of a transaction.
        store: What the store says of itself.
        now: The time.

    Returns:
        The marks of the days whose elected readings are others now.
    """
    marks: list[Mark] = []
    newest = newest_unjudged(conn)  # it ends also where readings keep coming
    while (waiting := oldest_unjudged(conn, newest, COMMITS_AT_ONCE)).numbers:
        marks += judge_stretches(conn, waiting.stretches, store, now)
        clear_unjudged(conn, waiting.numbers)
    return marks


def judge_stretches(
    conn: Connection, stretches: Sequence[Stretch], store: Store, now: datetime
) -> list[Mark]:
    """Judge the registers of stretches, as far as these do not plainly rise.

    Args:
        conn: The store, outside of a transaction.
        stretches: What was stored of them.
        store: What the store says of itself.
        now: The time.

    Returns:
        The marks of the days whose elected readings are others now.
    """
    marks: list[Mark] = []
    for found, dials in _suspects(conn, stretches, store):
        marks += judge_suspects(conn, found, store, now, dials)
    return marks


def judge_suspects(
    conn: Connection,
    found: Iterable[Suspect],
    store: Store,
    now: datetime,
    dials: Dials | None = None,
) -> list[Mark]:
    """Judge registers, each in a transaction of its own, or in the caller's.

    Args:
        conn: The store.
        found: Which registers, in which months.
        store: What the store says of itself.
        now: The time.
        dials: The registers of their meters; None: they are read.

    Returns:
        The marks of the days whose elected readings are others now.
    """
    waiting = list(found)
    if dials is None:
        dials = dials_of(conn, {suspect.meter_id for suspect in waiting})
    marks: list[Mark] = []
    judged = set[Suspect]()
    while waiting:
        suspect = waiting.pop(0)
        case = _Case.of(suspect, dials, store, now)
        if case is None or suspect in judged:
            continue
        judged.add(suspect)
        done = _judge(conn, case)
        marks += done.marks
        waiting += [suspect._replace(month=month) for month in done.reaches]
    return marks


def unjudged(
    conn: Connection, channels: Collection[int], until: datetime, store: Store, now: datetime
) -> list[Suspect]:
    """Return the registers whose judgement would change what is elected.

    Nothing is written, so that a closing may ask within its snapshot.

    Args:
        conn: The store.
        channels: Those of which something may wait to be judged.
        until: What is later is not looked at.
        store: What the store says of itself.
        now: The time.
    """
    with conn.transaction(force_rollback=True):  # also what the search sets for the planner
        return [
            suspect
            for found, dials in _suspects(conn, stretches_among(conn, channels, until), store)
            for suspect in found
            if _is_waiting(conn, _Case.of(suspect, dials, store, now))
        ]


def not_judged(
    conn: Connection, found: Iterable[Suspect], store: Store, now: datetime
) -> list[Suspect]:
    """Return those of the registers whose judgement would change what is elected.

    Nothing is written, so that a closing may ask within its snapshot.

    Args:
        conn: The store.
        found: Which registers, in which months.
        store: What the store says of itself.
        now: The time.
    """
    asked = list(found)
    with conn.transaction(force_rollback=True):
        plan_each_time(conn)
        dials = dials_of(conn, {suspect.meter_id for suspect in asked})
        return [
            suspect for suspect in asked if _is_waiting(conn, _Case.of(suspect, dials, store, now))
        ]


def _is_waiting(conn: Connection, case: "_Case | None") -> bool:
    return case is not None and not case.is_judged(conn)


def _suspects(
    conn: Connection, stretches: Sequence[Stretch], store: Store
) -> Iterator[tuple[list[Suspect], Dials]]:
    """Yield the suspects of what was stored, some meters at a time, with their dials."""
    windows = _joined(disturbed(conn, stretches))
    every = sorted(windows)
    for at in range(0, len(every), METERS_AT_ONCE):
        meters = every[at : at + METERS_AT_ONCE]
        dials = dials_of(conn, meters)
        own = [window for meter_id in meters for window in windows[meter_id]]
        yield suspects(conn, own, dials.values(), store.zone), dials


def _joined(windows: Iterable[Disturbed]) -> dict[int, list[Disturbed]]:
    """Return the windows of each meter, with those that are close to one another as one; pure."""
    found: dict[int, list[Disturbed]] = {}
    for window in sorted(windows):
        own = found.setdefault(window.meter_id, [])
        if own and window.first <= own[-1].last + DAY:
            own[-1] = own[-1]._replace(last=max(own[-1].last, window.last))
        else:
            own.append(window)
    return found


@dataclass(frozen=True, slots=True)
class _Case:
    """A register in a month, and what its judgement is made of."""

    dial: Dial
    former: date
    """The 1st of the month before."""
    following: date
    before: datetime
    """Claims after it are looked at."""
    after: datetime
    """Claims up to it are looked at."""
    kept_from: datetime | None
    """Claims from before it are gone."""
    scope: Scope

    @classmethod
    def of(cls, suspect: Suspect, dials: Dials, store: Store, now: datetime) -> Self | None:
        """Return the case of a suspect; None: its readings are not kept, or it has no register."""
        month, zone = suspect.month, store.zone
        start, end = midnight(month, zone), midnight(next_month(month), zone)
        dial = dials.get((suspect.meter_id, suspect.obis))
        if dial is None or (store.kept_from is not None and start < store.kept_from):
            return None
        former = previous_month(month)
        before = _since(midnight(former, zone), store.kept_from)
        after = midnight(next_month(next_month(month)), zone)
        parameters = {
            "most_per_hour": str(dial.most_per_hour),
            "service": dial.service.value,
            **dial.status_bits.parameters(),
        }
        scope = Scope(start, end, parameters, zone, now)
        return cls(dial, former, next_month(month), before, after, store.kept_from, scope)

    def claims(self, conn: Connection) -> Claims:
        """Return what was said around the month; from farther off where little was said there."""
        found = self._claims_between(conn, self.before, self.after)
        times = {claim.ts for claim in (*found.elected.values(), *found.beside)}
        before = sum(ts <= self.scope.start.timestamp() for ts in times) >= EDGE
        after = sum(ts > self.scope.end.timestamp() for ts in times) >= EDGE
        if before and after:
            return found
        since = self.before if before else _since(self.before - SELDOM, self.kept_from)
        until = self.after if after else self.after + SELDOM
        return self._claims_between(conn, since, until)

    def _claims_between(self, conn: Connection, start: datetime, end: datetime) -> Claims:
        """Return what was said in a stretch of time, with the intervals of the same energy."""
        claims = claims_of(conn, self.dial, start, end)
        if self.dial.obis != SUMMED_REGISTER:
            return claims
        return replace(claims, profile=profile_of(conn, self.dial.meter_id, start, end))

    def judgement(self, claims: Claims) -> Judgement:
        dial = self.dial

        def judge(said: Claims) -> Judgement:
            return judge_dial(said, dial.channels, dial.most_per_hour, dial.status_bits)

        found = judge(claims)
        return replace(found, overruled=overruled(claims, found, judge))

    def is_judged(self, conn: Connection) -> bool:
        """Say whether the store has its judgement already."""
        claims = self.claims(conn)
        return is_applied(conn, self.dial, claims, self.judgement(claims), self.scope)

    def reaches(self, moments: Iterable[int]) -> list[date]:
        """Return the months beside it in which moments lie; pure."""
        times = list(moments)
        sides = {
            self.former: any(ts <= self.scope.start.timestamp() for ts in times),
            self.following: any(ts > self.scope.end.timestamp() for ts in times),
        }
        return [month for month, is_reached in sides.items() if is_reached]


def _since(start: datetime, kept_from: datetime | None) -> datetime:
    return start if kept_from is None else max(start, kept_from)


@dataclass(frozen=True, slots=True)
class _Judged:
    """What came of a judgement of a month."""

    marks: list[Mark]
    reaches: list[date]
    """The months beside it in which it would elect another claim than is elected."""


def _judge(conn: Connection, case: _Case) -> _Judged:
    """Judge a register in a month; nobody waits for it but while it is written."""
    seen = case.claims(conn)
    judgement = case.judgement(seen)
    with conn.transaction():
        lock_elections(conn)
        claims = case.claims(conn)
        if claims != seen:  # a commit came meanwhile
            judgement = case.judgement(claims)
        marks = apply_judgement(conn, case.dial, claims, judgement, case.scope)
    return _Judged(marks, case.reaches(ts for _, ts in changes(claims, judgement)))
