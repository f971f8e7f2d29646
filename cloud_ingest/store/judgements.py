# SPDX-License-Identifier: MIT
"""Judgements of billed registers in the database: what is to be judged, and what came of it.

A suspect is a meter's register in a local month in which it falls, rises faster than it can, or in
which something was said beside what is elected. One query looks at the ends of the stretches that
commits have stored (`store.unjudged`); of a store in which nothing is wrong, nothing else is read.

An unsound reading moves from ``reading`` to ``claim``, with a row of ``verdict``; a claim that is
sound after all moves back. Elections wait for one another: the claims are read, and what is elected
is changed, under the same lock.

In: stretches that were stored, judgements. Out: suspects, claims, marks of days that have changed.
Owns: ``verdict`` and ``register_break``. Never: a claim that is dropped.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from psycopg.types.json import Jsonb

from cloud_ingest.core.judgement import (
    MOST_PER_HOUR,
    W_PER_A,
    Claims,
    DialBreak,
    DialChannel,
    Judgement,
    Moment,
    Rating,
    Ruling,
    StoredClaim,
    most_per_hour,
)
from cloud_ingest.core.month import MICROSECOND
from cloud_ingest.core.plausible import UNITS_OF_A_TOWER
from cloud_ingest.core.register import MAX_SCALER, billing_exponent
from cloud_ingest.store.channels import local_day
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.epochs import epochs_of
from cloud_ingest.store.locks import Lock, lock_in_transaction
from cloud_ingest.store.rollups_write import Mark
from cloud_ingest.store.rows import all_rows, scalars
from cloud_ingest.store.unjudged import Stretch, array_text
from shared_schema.catalogue import BILLED_REGISTER, Service, Unit
from shared_schema.quality import Origin

BESIDE = timedelta(days=63)
"""How far from a window a reading next to it is looked for: two months, for monthly reads."""
SERVICE_OF = {str(code): service for service, code in BILLED_REGISTER.items()}
_COUNTS = [
    (str(code), int(unit), exponent)
    for service, code in BILLED_REGISTER.items()
    for unit in Unit
    if (exponent := billing_exponent(service, unit, 0)) is not None
]
_BILLED: dict[str, Any] = {
    "codes": [code for code, _, _ in _COUNTS],
    "units": [unit for _, unit, _ in _COUNTS],
    "exponents": [exponent for _, _, exponent in _COUNTS],
    "max_scaler": MAX_SCALER,
}
_METER = tuple(Origin).index(Origin.METER)
_SELF_READ = tuple(Origin).index(Origin.SELF_READ)


class Disturbed(NamedTuple):
    """Where a billed register does not plainly rise: from one time to another, both included."""

    meter_id: int
    first: datetime
    last: datetime


class Suspect(NamedTuple):
    """A billed register that is to be judged in a local month."""

    meter_id: int
    obis: str
    month: date
    """Its 1st."""


@dataclass(frozen=True, slots=True)
class Dial:
    """A meter's billed register, and the channels that show it."""

    meter_id: int
    obis: str
    service: Service
    most_per_hour: Decimal
    """kWh or kL that it cannot count."""
    channels: tuple[DialChannel, ...]

    @property
    def finest(self) -> int:
        """The exponent of the finest step among its channels."""
        return min(channel.exponent for channel in self.channels)

    @property
    def channel_ids(self) -> list[int]:
        """The ids of its channels."""
        return [channel.channel_id for channel in self.channels]


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
def disturbed(conn: Connection, stretches: Sequence[Stretch]) -> list[Disturbed]:
    """Return which stretches do not plainly rise, in themselves or with what is next to them."""
    if not stretches:
        return []
    columns = list(zip(*stretches, strict=True))
    names = ("channels", "firsts", "lasts", "counts", "fastest")
    arguments = {
        **_BILLED,
        "most_per_s": [float(MOST_PER_HOUR[SERVICE_OF[code]]) / 3600 for code in _BILLED["codes"]],
        "units_of_a_tower": UNITS_OF_A_TOWER,
        "electricity": str(BILLED_REGISTER[Service.ELECTRICITY]),
        "w_per_a": W_PER_A,
        **{name: array_text(own) for name, own in zip(names, columns, strict=True)},
        **_beside(
            datetime.fromtimestamp(min(columns[1]), UTC),
            datetime.fromtimestamp(max(columns[2]), UTC),
        ),
    }
    with conn.transaction():
        _join_by_hash(conn)
        return all_rows(conn, Disturbed, query("validation/disturbed"), arguments)


@translating
def suspects(
    conn: Connection, windows: Iterable[Disturbed], dials: Iterable[Dial], zone: ZoneInfo
) -> list[Suspect]:
    """Return which registers are to be judged in which months.

    Args:
        conn: The store.
        windows: Where to look; windows of a meter do not overlap.
        dials: The registers of their meters.
        zone: Of the store's months.
    """
    own: dict[int, list[Dial]] = {}
    for dial in dials:
        own.setdefault(dial.meter_id, []).append(dial)
    asked = [(dial, window) for window in windows for dial in own.get(window.meter_id, ())]
    if not asked:
        return []
    arguments = {
        **_BILLED,
        "meters": [dial.meter_id for dial, _ in asked],
        "obis": [dial.obis for dial, _ in asked],
        "ceilings": [_steps_a_second(dial) for dial, _ in asked],
        "starts": [window.first - MICROSECOND for _, window in asked],
        "ends": [window.last for _, window in asked],
        "meter": _METER,
        "zone": zone.key,
        **_beside(min(w.first for _, w in asked), max(w.last for _, w in asked)),
    }
    with conn.transaction():
        _join_by_hash(conn)
        return all_rows(conn, Suspect, query("validation/suspects"), arguments)


def _steps_a_second(dial: Dial) -> float:
    return float(dial.most_per_hour.scaleb(-dial.finest)) / 3600


def _beside(start: datetime, end: datetime) -> dict[str, object]:
    """Return the bounds of a look at readings."""
    return {"beside": BESIDE, "start": start - BESIDE - MICROSECOND, "end": end + BESIDE}


def _join_by_hash(conn: Connection) -> None:
    """Let nothing be joined row by row for the transaction, but what has no other way.

    The planner knows nothing of what a query names itself, and takes ten thousand rows for one.
    """
    conn.execute("SET LOCAL enable_nestloop = off")


@translating
def dials_of(conn: Connection, meters: Collection[int]) -> dict[tuple[int, str], Dial]:
    """Return the billed registers of meters, by meter id and code."""
    arguments = {"meters": sorted(meters), "codes": sorted(SERVICE_OF)}
    rows = conn.execute(query("validation/registers"), arguments).fetchall()
    epochs = epochs_of(conn, [row[0] for row in rows])
    found: dict[tuple[int, str], Dial] = {}
    for channel_id, meter_id, obis, unit, scaler, weight, only_units, *rating in rows:
        service = SERVICE_OF[obis]
        exponent = billing_exponent(service, unit, scaler)
        if exponent is None:
            continue
        own = DialChannel(channel_id, exponent, weight, tuple(epochs.get(channel_id, ())))
        former = found.get((meter_id, obis))
        channels = (own,) if former is None else (*former.channels, own)
        most = most_per_hour(service, only_units=only_units, rating=Rating(*rating))
        found[meter_id, obis] = Dial(meter_id, obis, service, most, channels)
    return found


@translating
def lock_elections(conn: Connection) -> None:
    """Let no other session elect a claim until the transaction ends."""
    lock_in_transaction(conn, Lock.ELECTION)
    # By a generic plan TimescaleDB opens the whole of a compressed chunk.
    conn.execute("SET LOCAL plan_cache_mode = force_custom_plan")


@translating
def claims_of(conn: Connection, dial: Dial, start: datetime, end: datetime) -> Claims:
    """Return all that was said of a register after a time, up to another."""
    arguments = {
        "channels": dial.channel_ids,
        "start": start,
        "end": end,
        "self_read": _SELF_READ,
    }
    elected: dict[Moment, StoredClaim] = {}
    beside: list[tuple[datetime, StoredClaim]] = []
    for channel_id, ts, raw, status, origin, received_at in conn.execute(
        query("validation/claims"), arguments, binary=True
    ):
        claim = StoredClaim(channel_id, ts, raw, origin, status)
        if received_at is None:
            elected[channel_id, ts] = claim
        else:
            beside.append((received_at, claim))
    beside.sort(reverse=True)
    rulings = all_rows(conn, Ruling, query("validation/rulings"), arguments)
    # A moment of which nothing is elected, and nobody set anything aside, was dropped.
    known = elected.keys() | {(ruling.channel_id, ruling.ts) for ruling in rulings}
    known |= set(
        conn.execute(
            """
            SELECT channel_id, extract(epoch FROM ts)::bigint FROM verdict
            WHERE channel_id = ANY(%(channels)s::int[]) AND ts > %(start)s AND ts <= %(end)s
            """,
            arguments,
            binary=True,
        )
    )
    return Claims(elected, [claim for _, claim in beside if claim.moment in known], rulings)


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
    """Say whether the store has a judgement already: its elections and its breaks."""
    if any(scope.holds(ts) for _, ts in changes(claims, judgement)):
        return False
    stored = scalars(
        conn,
        """
        SELECT extract(epoch FROM ts)::bigint FROM register_break
        WHERE meter_id = %s AND obis = %s AND ts > %s AND ts <= %s
        """,
        (dial.meter_id, dial.obis, scope.start, scope.end),
    )
    return set(stored) == {each.after.ts for each in _breaks_in(judgement, scope)}


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
    unsound = [each for each in judgement.unsound if scope.holds(each.claim.ts)]
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
