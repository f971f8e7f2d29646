# SPDX-License-Identifier: MIT
"""Validation of billed registers: right behind the ingest, before days and months are rolled up.

Days that were changed are looked through for suspects by one query. A suspect is a register and a
local month. It is judged with all its claims from the month before to the month after; of the
verdict the claims of the month itself count. What is unsound is not elected any more, what is
sound after all is elected again, and the days of both are marked.

In: changed days. Out: marks of the days whose elected readings have changed.
Never: a claim that is lost, a look at more than one query where nothing is wrong.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from cloud_ingest.core.judgement import Claims, Judgement, judge_dial, most_per_hour
from cloud_ingest.core.month import DAY, midnight, next_month, runs
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.judgements import (
    Dial,
    JudgedWindow,
    Scope,
    Suspect,
    apply_judgement,
    claims_of,
    dials_of,
    is_applied,
    lock_elections,
    suspects,
)
from cloud_ingest.store.migrate import Store
from cloud_ingest.store.rollups_write import Mark


def judge_days(
    conn: Connection, changed: Mapping[date, Collection[int]], store: Store, now: datetime
) -> list[Mark]:
    """Judge what days hold that were changed.

    Args:
        conn: The store, outside of a transaction.
        changed: The channels of each day; with continuous aggregates any may have changed.
        store: What the store says of itself.
        now: The time.

    Returns:
        The marks of the days whose elected readings are others now.
    """
    windows = _windows(changed, store)
    return judge_suspects(conn, suspects(conn, windows, store.zone, now), store, now)


def judge_suspects(
    conn: Connection, found: Iterable[Suspect], store: Store, now: datetime
) -> list[Mark]:
    """Judge registers, each in a transaction of its own, or in the caller's.

    Returns:
        The marks of the days whose elected readings are others now.
    """
    marks: list[Mark] = []
    for case in _cases(conn, list(found), store, now):
        marks += _judge(conn, case)
    return marks


def unjudged(
    conn: Connection, changed: Mapping[date, Collection[int]], store: Store, now: datetime
) -> list[Suspect]:
    """Return the registers of changed days whose judgement would change what is elected.

    Nothing is written, so that a closing may ask within its snapshot.

    Args:
        conn: The store.
        changed: The channels of each day.
        store: What the store says of itself.
        now: The time.
    """
    with conn.transaction(force_rollback=True):  # also what the search sets for the planner
        found = suspects(conn, _windows_of_channels(changed, store.zone), store.zone, now)
    return [case.suspect for case in _cases(conn, found, store, now) if not _is_judged(conn, case)]


def _windows(changed: Mapping[date, Collection[int]], store: Store) -> list[JudgedWindow]:
    """Return where changed days are looked through; pure."""
    if store.rollups == "continuous":
        return [_window(run, None, store.zone) for run in runs(changed)]
    return _windows_of_channels(changed, store.zone)


def _windows_of_channels(
    changed: Mapping[date, Collection[int]], zone: ZoneInfo
) -> list[JudgedWindow]:
    days: dict[int, list[date]] = {}
    for day, channels in changed.items():
        for channel_id in channels:
            days.setdefault(channel_id, []).append(day)
    together: dict[tuple[date, date], list[int]] = {}
    for channel_id, own in days.items():
        for run in runs(own):
            together.setdefault(run, []).append(channel_id)
    return [_window(run, tuple(sorted(own)), zone) for run, own in together.items()]


def _window(
    run: tuple[date, date], channels: tuple[int, ...] | None, zone: ZoneInfo
) -> JudgedWindow:
    return JudgedWindow(midnight(run[0], zone), midnight(run[1] + DAY, zone), channels)


@dataclass(frozen=True, slots=True)
class _Case:
    """A register in a month, and what its judgement is made of."""

    suspect: Suspect
    dial: Dial
    before: datetime
    """Claims after it are looked at."""
    after: datetime
    """Claims up to it are looked at."""
    most: Decimal
    scope: Scope

    def claims(self, conn: Connection) -> Claims:
        return claims_of(conn, self.dial, self.before, self.after)

    def judgement(self, claims: Claims) -> Judgement:
        return judge_dial(claims, self.dial.channels, self.most)


def _cases(
    conn: Connection, found: Collection[Suspect], store: Store, now: datetime
) -> Iterator[_Case]:
    """Yield what is judged of suspects whose readings are kept."""
    zone = store.zone
    dials = dials_of(conn, {suspect.meter_id for suspect in found})
    for suspect in found:
        month = suspect.month
        start, end = midnight(month, zone), midnight(next_month(month), zone)
        dial = dials.get((suspect.meter_id, suspect.obis))
        if dial is None or (store.kept_from is not None and start < store.kept_from):
            continue
        before = midnight((month - timedelta(days=1)).replace(day=1), zone)
        if store.kept_from is not None:
            before = max(before, store.kept_from)
        after = midnight(next_month(next_month(month)), zone)
        most = most_per_hour(dial.service, only_units=dial.only_units)
        parameters = {"most_per_hour": str(most), "service": dial.service.value}
        scope = Scope(start, end, parameters, zone, now)
        yield _Case(suspect, dial, before, after, most, scope)


def _is_judged(conn: Connection, case: _Case) -> bool:
    claims = case.claims(conn)
    return is_applied(conn, case.dial, claims, case.judgement(claims), case.scope)


def _judge(conn: Connection, case: _Case) -> list[Mark]:
    """Judge a register in a month; nobody waits for it but while it is written."""
    seen = case.claims(conn)
    judgement = case.judgement(seen)
    with conn.transaction():
        lock_elections(conn)
        claims = case.claims(conn)
        if claims != seen:  # a commit came meanwhile
            judgement = case.judgement(claims)
        return apply_judgement(conn, case.dial, claims, judgement, case.scope)
