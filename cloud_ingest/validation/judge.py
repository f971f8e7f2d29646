# SPDX-License-Identifier: MIT
"""Validation of billed registers: right behind the ingest, before days and months are rolled up.

Days that were changed are looked through for suspects by one query. A suspect is a register and a
local month. It is judged with all its claims from the month before to the month after; of the
verdict the claims of the month itself count. What is unsound is not elected any more, what is
sound after all is elected again, and the days of both are marked.

In: changed days. Out: marks of the days whose elected readings have changed.
Never: a claim that is lost, a look at more than one query where nothing is wrong.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta

from cloud_ingest.core.judgement import judge_dial, most_per_hour
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
    found = list(found)
    dials = dials_of(conn, {suspect.meter_id for suspect in found})
    marks: list[Mark] = []
    for suspect in found:
        dial = dials.get((suspect.meter_id, suspect.obis))
        is_kept = store.kept_from is None or midnight(suspect.month, store.zone) >= store.kept_from
        if dial is not None and is_kept:
            marks += _judge(conn, dial, suspect.month, store, now)
    return marks


def _windows(changed: Mapping[date, Collection[int]], store: Store) -> list[JudgedWindow]:
    """Return where changed days are looked through; pure."""
    zone = store.zone

    def window(run: tuple[date, date], channels: tuple[int, ...] | None) -> JudgedWindow:
        return JudgedWindow(midnight(run[0], zone), midnight(run[1] + DAY, zone), channels)

    if store.rollups == "continuous":
        return [window(run, None) for run in runs(changed)]
    days: dict[int, list[date]] = {}
    for day, channels in changed.items():
        for channel_id in channels:
            days.setdefault(channel_id, []).append(day)
    together: dict[tuple[date, date], list[int]] = {}
    for channel_id, own in days.items():
        for run in runs(own):
            together.setdefault(run, []).append(channel_id)
    return [window(run, tuple(sorted(own))) for run, own in together.items()]


def _judge(conn: Connection, dial: Dial, month: date, store: Store, now: datetime) -> list[Mark]:
    """Judge a register in a month; nobody waits for it but while it is written."""
    start, end = midnight(month, store.zone), midnight(next_month(month), store.zone)
    before = midnight((month - timedelta(days=1)).replace(day=1), store.zone)
    if store.kept_from is not None:
        before = max(before, store.kept_from)
    after = midnight(next_month(next_month(month)), store.zone)
    most = most_per_hour(dial.service, only_units=dial.only_units)
    parameters = {"most_per_hour": str(most), "service": dial.service.value}
    scope = Scope(start, end, parameters, store.zone, now)
    seen = claims_of(conn, dial, before, after)
    judgement = judge_dial(seen, dial.channels, most)
    with conn.transaction():
        lock_elections(conn)
        claims = claims_of(conn, dial, before, after)
        if claims != seen:  # a commit came meanwhile
            judgement = judge_dial(claims, dial.channels, most)
        return apply_judgement(conn, dial, claims, judgement, scope)
