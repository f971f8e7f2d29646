# SPDX-License-Identifier: MIT
"""Judgements of billed registers in the database: what is elected, verdicts and breaks.

An unsound reading moves from ``reading`` to ``claim``, with a row of ``verdict``; a claim that is
sound after all moves back. Elections wait for one another: the claims are read, and what is elected
is changed, under the same lock.

In: the claims of a register, the judgement of them. Out: marks of days that have changed.
Owns: ``verdict`` and ``register_break``. Never: a claim that is dropped.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from psycopg.types.json import Jsonb

from cloud_ingest.core.judgement import Claims, DialBreak, Judgement, Moment, StoredClaim
from cloud_ingest.core.meter_status import DOUBTS
from cloud_ingest.store.billed_registers import Dial
from cloud_ingest.store.channels import local_day
from cloud_ingest.store.connection import Connection, plan_each_time, query, translating
from cloud_ingest.store.locks import Lock, lock_in_transaction
from cloud_ingest.store.rollups_write import Mark
from cloud_ingest.store.rows import all_rows
from cloud_ingest.store.rule_marks import mark_changed


@dataclass(frozen=True, slots=True)
class Scope:
    """For which stretch of time a judgement counts, and how it was made."""

    start: datetime
    """What is later than this."""
    end: datetime
    """Up to this."""
    parameters: Mapping[str, Any]
    """They are kept with the verdicts."""
    zone: ZoneInfo
    """Of the store's days."""
    at: datetime
    """When it was made."""

    def holds(self, ts: int) -> bool:
        """Say whether a time in seconds since 1970 lies in it."""
        return self.start.timestamp() < ts <= self.end.timestamp()


@translating
def lock_elections(conn: Connection) -> None:
    """Let no other session elect a claim until the transaction ends."""
    lock_in_transaction(conn, Lock.ELECTION)
    plan_each_time(conn)


@translating
def apply_judgement(
    conn: Connection,
    dial: Dial,
    claims: Claims,
    judgement: Judgement,
    scope: Scope,
) -> list[Mark]:
    """Let what is elected be what was judged, within the caller's transaction.

    Args:
        conn: The store; `lock_elections` was called before the claims were read.
        dial: The register.
        claims: What the judgement was made of.
        judgement: What is elected, and what is not.
        scope: Where it counts.

    Returns:
        The marks of the days that have changed.
    """
    changed = [
        moment
        for moment in changes(claims, judgement)
        if scope.holds(moment[1])
        and _elect(conn, claims.elected.get(moment), judgement.elected.get(moment), scope.at)
    ]
    _keep_verdicts(conn, dial, judgement, scope)
    _keep_breaks(conn, dial, judgement, scope)
    if not changed:
        return []
    mark_changed(conn, changed)
    return all_rows(
        conn,
        Mark,
        query("validation/mark"),
        {
            "channels": [channel_id for channel_id, _ in changed],
            "days": [local_day(ts, scope.zone) for _, ts in changed],
        },
    )


@translating
def is_applied(
    conn: Connection, dial: Dial, claims: Claims, judgement: Judgement, scope: Scope
) -> bool:
    """Say whether the store has a judgement already: its elections, doubts and breaks."""
    if any(scope.holds(ts) for _, ts in changes(claims, judgement)):
        return False
    stored = conn.execute(
        """
        SELECT extract(epoch FROM ts)::bigint, vouched FROM register_break
        WHERE meter_id = %s AND obis = %s AND ts > %s AND ts <= %s
        """,
        (dial.meter_id, dial.obis, scope.start, scope.end),
    )
    breaks = {(each.after.ts, each.is_vouched) for each in _breaks_in(judgement, scope)}
    if set(stored) != breaks:
        return False
    doubts = conn.execute(
        """
        SELECT channel_id, extract(epoch FROM ts)::bigint, origin, raw FROM verdict
        WHERE channel_id = ANY(%s::int[]) AND ts > %s AND ts <= %s AND rule = ANY(%s)
        """,
        (dial.channel_ids, scope.start, scope.end, [rule.value for rule in DOUBTS]),
    )
    told = (*judgement.unsound, *judgement.doubted, *judgement.overruled)
    return {(channel_id, ts, origin, raw) for channel_id, ts, origin, raw in doubts} == {
        each.claim.key for each in told if each.rule in DOUBTS and scope.holds(each.claim.ts)
    }


def _breaks_in(judgement: Judgement, scope: Scope) -> list[DialBreak]:
    return [each for each in judgement.breaks if scope.holds(each.after.ts)]


def changes(claims: Claims, judgement: Judgement) -> list[Moment]:
    """Return the moments of which a judgement elects another claim than is elected; pure."""
    return sorted(
        moment
        for moment in claims.elected.keys() | judgement.elected.keys()
        if _key(claims.elected.get(moment)) != _key(judgement.elected.get(moment))
    )


def _key(claim: StoredClaim | None) -> tuple[int, int] | None:
    return None if claim is None else (claim.raw, claim.origin)


def _elect(
    conn: Connection, former: StoredClaim | None, chosen: StoredClaim | None, at: datetime
) -> bool:
    """Put a claim in the place of another, either of which may be none; say whether it is done."""
    claim = chosen or former
    if claim is None:
        return False
    channel_id, ts = claim.channel_id, datetime.fromtimestamp(claim.ts, UTC)
    if chosen is None:
        conn.execute(query("validation/take_away"), (channel_id, ts))
    elif former is None:
        added = conn.execute(
            """
            INSERT INTO reading (channel_id, ts, raw, status, origin) VALUES (%s, %s, %s, %s, %s)
            ON CONFLICT (channel_id, ts) DO NOTHING
            """,
            (channel_id, ts, chosen.raw, chosen.status, chosen.origin),
        )
        if not added.rowcount:  # a commit was faster, and has marked the day: judged again
            return False
    else:
        values = (chosen.raw, chosen.origin, chosen.status, channel_id, ts)
        conn.execute(query("reading/elect"), values)
    if former is not None:
        conn.execute(
            """
            INSERT INTO claim (channel_id, ts, raw, status, origin, received_at, source)
            VALUES (%s, %s, %s, %s, %s, %s, 'was elected until then') ON CONFLICT DO NOTHING
            """,
            (channel_id, ts, former.raw, former.status, former.origin, at),
        )
    if chosen is not None:
        conn.execute(
            "DELETE FROM claim WHERE channel_id = %s AND ts = %s AND origin = %s AND raw = %s",
            (channel_id, ts, chosen.origin, chosen.raw),
        )
    conn.execute(
        """
        INSERT INTO election (channel_id, ts, old_raw, old_origin, new_raw, new_origin, at)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        """,
        (channel_id, ts, *(_key(former) or (None, None)), *(_key(chosen) or (None, None)), at),
    )
    return True


def _keep_verdicts(conn: Connection, dial: Dial, judgement: Judgement, scope: Scope) -> None:
    told = (*judgement.unsound, *judgement.doubted, *judgement.overruled)
    unsound = [each for each in told if scope.holds(each.claim.ts)]
    conn.execute(
        query("validation/verdict_drop"),
        {
            "channels": dial.channel_ids,
            "start": scope.start,
            "end": scope.end,
            "own": [each.claim.channel_id for each in unsound],
            "ts": [each.claim.ts for each in unsound],
            "origins": [each.claim.origin for each in unsound],
            "raws": [each.claim.raw for each in unsound],
        },
    )
    with conn.cursor() as cursor:
        cursor.executemany(
            query("validation/verdict_put"),
            [
                {
                    "channel_id": each.claim.channel_id,
                    "ts": each.claim.ts,
                    "origin": each.claim.origin,
                    "raw": each.claim.raw,
                    "rule": each.rule.value,
                    "parameters": Jsonb(dict(scope.parameters)),
                    "neighbours": _neighbours(before=each.before, after=each.after),
                    "at": scope.at,
                }
                for each in unsound
            ],
        )


def _keep_breaks(conn: Connection, dial: Dial, judgement: Judgement, scope: Scope) -> None:
    breaks = _breaks_in(judgement, scope)
    conn.execute(
        """
        DELETE FROM register_break WHERE meter_id = %s AND obis = %s AND ts > %s AND ts <= %s
          AND ts <> ALL(%s::timestamptz[])
        """,
        (
            dial.meter_id,
            dial.obis,
            scope.start,
            scope.end,
            [datetime.fromtimestamp(each.after.ts, UTC) for each in breaks],
        ),
    )
    with conn.cursor() as cursor:
        cursor.executemany(
            query("validation/break_put"),
            [
                {
                    "meter_id": dial.meter_id,
                    "obis": dial.obis,
                    "ts": each.after.ts,
                    "rule": each.rule.value,
                    "vouched": each.is_vouched,
                    "parameters": Jsonb(dict(scope.parameters)),
                    "neighbours": _neighbours(before=each.before, after=each.after),
                    "at": scope.at,
                }
                for each in breaks
            ],
        )


def _neighbours(**sides: StoredClaim | None) -> Jsonb:
    return Jsonb(
        {
            side: None
            if claim is None
            else {
                "ts": datetime.fromtimestamp(claim.ts, UTC).isoformat(),
                "channel_id": claim.channel_id,
                "raw": claim.raw,
                "origin": claim.origin,
            }
            for side, claim in sides.items()
        }
    )
