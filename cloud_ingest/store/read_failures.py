# SPDX-License-Identifier: MIT
"""Read failures: which meters may be overdue, what their gateways said, and each failure's record.

A record outlives the failure: when the meter's readings come after all, it says so.

In: a time, societies, what a rule found. Out: rows as values. Owns the table ``read_failure``.
Never: a flag; a judgement: `cloud_ingest.core.rules.offline` and `read_again` make it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from cloud_ingest.core.rules.offline import SILENCE, Cause, GatewayWord, Known, Silence
from cloud_ingest.core.rules.read_again import Around, Outcome, Told
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows
from shared_schema.catalogue import BILLED_REGISTER, GATEWAY_LOG, GatewayEvent
from shared_schema.evidence import FailureCause
from shared_schema.gateway import Status

LAST_WORD = timedelta(days=2)
"""The billed register may have been read so long before the meter's newest reading."""


@dataclass(frozen=True, slots=True)
class UnheardMeter:
    """An assigned meter with a data port whose newest reading is old."""

    society_id: int
    society: str
    tower: str | None
    subject_type: str
    subject: str
    service: str
    source: str
    valid_from: datetime
    meter_id: int
    manufacturer: str
    serial: str
    last_reading_at: datetime | None
    gateway: str | None
    period_s: int | None
    """The shortest of its profiles."""
    clock_off: bool
    """Its gateway noted that its clock is far off, and not that this is over."""


@dataclass(frozen=True, slots=True)
class OpenFailure:
    """A read failure that is not over."""

    failure_id: int
    meter_id: int
    society_id: int
    since: datetime
    known: Known


@dataclass(frozen=True, slots=True)
class EndedFailure:
    """A read failure that is over, and whose readings may still come late."""

    failure_id: int
    meter_id: int
    since: datetime
    read_at: datetime
    outcome: Outcome
    event_id: UUID | None
    looked_at: datetime | None
    """None: what it was has not been looked at."""


@translating
def unheard_meters(
    conn: Connection,
    now: datetime,
    societies: Collection[int] | None,
    before: datetime | None = None,
) -> list[UnheardMeter]:
    """Return the meters that were not read since a moment.

    Args:
        conn: A connection.
        now: The time.
        societies: Whose; None: of all.
        before: The moment; None: a day ago.
    """
    arguments = {
        "now": now,
        "before": before or now - SILENCE,
        "societies": None if societies is None else list(societies),
        "log": str(GATEWAY_LOG),
        "far_off": int(GatewayEvent.CLOCK_FAR_OFF),
        "far_off_over": int(GatewayEvent.CLOCK_FAR_OFF_OVER),
    }
    return all_rows(conn, UnheardMeter, query("flag/overdue_meters"), arguments)


@translating
def gateway_words(conn: Connection, names: Iterable[str]) -> dict[str, GatewayWord]:
    """Return what is known of gateways, by name."""
    found = all_rows(
        conn,
        _word,
        """
        SELECT g.name, coalesce(s.lost_at, g.enrolled_at) AS lost_at, s.back_at, s.heard_at,
               s.payload AS status
        FROM gateway AS g LEFT JOIN gateway_status AS s USING (gateway_id)
        WHERE g.name = ANY(%s)
        """,
        (list(names),),
    )
    return {word.name: word for word in found}


@translating
def open_failures(conn: Connection, societies: Collection[int] | None) -> list[OpenFailure]:
    """Return the read failures that are not over; societies None: of all."""
    return all_rows(
        conn,
        _open_failure,
        """
        SELECT failure_id, meter_id, society_id, since, cause, gateway, bus, shared, other,
               other_since
        FROM read_failure
        WHERE ended_at IS NULL
          AND (%(societies)s::int[] IS NULL OR society_id = ANY(%(societies)s))
        """,
        {"societies": None if societies is None else list(societies)},
    )


@translating
def put_failures(
    conn: Connection,
    found: Iterable[tuple[UnheardMeter, Silence, Known, UUID]],
    now: datetime,
) -> None:
    """Add read failures, or change what is known of those that are open.

    Args:
        conn: A connection.
        found: Of each meter its silence, the cause, and the flag that tells it.
        now: The time.
    """
    rows = list(found)
    if rows:
        causes = [known.cause for _, _, known, _ in rows]
        others = [known.other for _, _, known, _ in rows]
        conn.execute(
            query("flag/read_failures_put"),
            {
                "meters": [meter.meter_id for meter, _, _, _ in rows],
                "societies": [meter.society_id for meter, _, _, _ in rows],
                "since": [quiet.since for _, quiet, _, _ in rows],
                "ever_read": [quiet.ever_read for _, quiet, _, _ in rows],
                "causes": [cause.why for cause in causes],
                "gateways": [cause.gateway for cause in causes],
                "buses": [cause.bus for cause in causes],
                "shared": [cause.shared for cause in causes],
                "others": [None if other is None else Jsonb(asdict(other)) for other in others],
                "events": [event_id for _, _, _, event_id in rows],
                "others_since": [known.other_since for _, _, known, _ in rows],
                "now": now,
            },
        )


@translating
def end_failures(conn: Connection, ended: Sequence[int], now: datetime) -> None:
    """Note that read failures are over."""
    if ended:
        conn.execute(query("flag/read_failures_end"), {"ended": list(ended), "now": now})


@translating
def unsettled_failures(conn: Connection, since: datetime, limit: int) -> list[EndedFailure]:
    """Return read failures that ended after ``since`` and may still change."""
    arguments = {"since": since, "limit": limit}
    return all_rows(conn, _ended_failure, query("flag/read_failures_unsettled"), arguments)


@translating
def around(conn: Connection, failures: Sequence[EndedFailure]) -> dict[int, Around]:
    """Return what the registers said around read failures, by the failure's number."""
    rows = conn.execute(
        query("flag/around_silences"),
        {
            "failures": [each.failure_id for each in failures],
            "meters": [each.meter_id for each in failures],
            "since": [each.since for each in failures],
            "until": [each.read_at for each in failures],
            "first": min(each.since for each in failures) - LAST_WORD,
            "last": max(each.read_at for each in failures),
            "registers": [str(obis) for obis in BILLED_REGISTER.values()],
        },
    )
    return {failure_id: Around(*said) for failure_id, *said in rows}


@translating
def outcomes(conn: Connection, events: Sequence[UUID]) -> dict[UUID, list[Told]]:
    """Return what the read failures that are over turned out to have been, by flag."""
    rows = conn.execute(
        """
        SELECT event_id, outcome, moved, unit FROM read_failure
        WHERE event_id = ANY(%s) AND ended_at IS NOT NULL
        """,
        (list(events),),
    )
    found: dict[UUID, list[Told]] = {}
    for event_id, outcome, moved, unit in rows:
        found.setdefault(event_id, []).append(Told(Outcome(outcome), moved, unit))
    return found


@translating
def put_outcomes(conn: Connection, told: Mapping[int, Told], now: datetime) -> None:
    """Note what read failures turned out to have been."""
    conn.execute(
        """
        UPDATE read_failure AS f
        SET outcome = told.outcome, moved = told.moved, unit = told.unit, looked_at = %(now)s
        FROM unnest(%(failures)s::bigint[], %(outcomes)s::text[], %(moved)s::numeric[],
                    %(units)s::int[]) AS told (failure_id, outcome, moved, unit)
        WHERE f.failure_id = told.failure_id
        """,
        {
            "failures": list(told),
            "outcomes": [each.outcome for each in told.values()],
            "moved": [each.moved for each in told.values()],
            "units": [each.unit for each in told.values()],
            "now": now,
        },
    )


def _word(*, status: dict[str, Any] | None, **columns: Any) -> GatewayWord:
    return GatewayWord(status=None if status is None else Status.model_validate(status), **columns)


def _open_failure(
    *,
    cause: str,
    gateway: str | None,
    bus: str | None,
    shared: bool,
    other: dict[str, Any] | None,
    other_since: datetime | None,
    **columns: Any,
) -> OpenFailure:
    known = Known(
        Cause(FailureCause(cause), gateway, bus, shared),
        None if other is None else Cause(**other | {"why": FailureCause(other["why"])}),
        other_since,
    )
    return OpenFailure(known=known, **columns)


def _ended_failure(*, outcome: str, **columns: Any) -> EndedFailure:
    return EndedFailure(outcome=Outcome(outcome), **columns)
