# SPDX-License-Identifier: MIT
"""What monitoring wants to know of the store, each group by one query.

`read_facts` looks at registries, queues and flags. `read_yesterday` looks at rollups and files: it
is for once an hour.

In: a connection, the time. Out: counts and times, by society and by gateway. Never: a unit, a
meter, a reading.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from cloud_ingest.core.month import DAY, day_of, midnight
from cloud_ingest.store.connection import Connection, query, snapshot, translating
from cloud_ingest.store.rollups_read import COUNTED_CODES
from cloud_ingest.store.rows import all_rows, one_row, scalar

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class GatewayFacts:
    """What a gateway said of itself last; None: it did not say."""

    society: str
    gateway: str
    heard_at: datetime
    online: bool
    waiting_batches: int | None
    oldest_waiting_at: datetime | None
    disk_free_bytes: int | None
    disk_bytes: int | None
    spool_bytes: int | None
    memory_bytes: int | None
    agent_up_s: int | None
    clock_synchronised: bool | None
    clock_jump_s: float
    certificate_ends_at: datetime | None
    meters: int | None
    meters_answering: int | None


@dataclass(frozen=True, slots=True)
class MeterFacts:
    """The meters of a society that serve somebody now."""

    society: str
    meters: int
    silent_hour: int
    silent_day: int
    newest: datetime | None


@dataclass(frozen=True, slots=True)
class MonthFacts:
    """How far a society is with its months."""

    society: str
    last_closed: str | None
    enrolled_at: datetime | None
    """When its first gateway was enrolled."""
    held: int
    doubted: int
    served_until: datetime | None = None
    """When its last meter ended; None: one serves somebody still, or none ever did."""


@dataclass(frozen=True, slots=True)
class FlagFacts:
    """How many flags of a kind are open in a society."""

    society: str
    kind: str
    severity: str
    flags: int


@dataclass(frozen=True, slots=True)
class QuarantineFacts:
    """What of a society waits in quarantine."""

    society: str
    """Empty: of none that is known."""
    entries: int
    bytes: int


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """What waits, and since when."""

    unsent: int
    unsent_since: datetime | None
    unacknowledged: int
    unacknowledged_since: datetime | None
    days: int
    """Days of channels without a rollup."""
    days_since: datetime | None
    webhook_messages: int
    webhook_since: datetime | None
    archived_at: datetime | None
    archive_failing: bool | None
    """None: the server archives no log."""
    dropped: int
    """From the quarantine."""


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """The store at one moment."""

    gateways: Sequence[GatewayFacts]
    meters: Sequence[MeterFacts]
    months: Sequence[MonthFacts]
    flags: Sequence[FlagFacts]
    quarantine: Sequence[QuarantineFacts]
    queues: QueueFacts


@dataclass(frozen=True, slots=True)
class DayFacts:
    """The intervals of a day in a society."""

    society: str
    expected: int
    present: int


@dataclass(frozen=True, slots=True)
class Yesterday:
    """What changes slowly, or costs more to know."""

    day: date
    societies: Sequence[DayFacts]
    store_bytes: int


def read_facts(conn: Connection, now: datetime) -> StoreFacts:
    """Read what waits, what is silent and what gateways say, all at one moment."""
    with snapshot(conn):
        return _read_facts(conn, now)


def _read_facts(conn: Connection, now: datetime) -> StoreFacts:
    times: Mapping[str, datetime] = {"now": now, "hour": now - HOUR, "day": now - DAY}
    flags = """
        SELECT name AS society, kind, severity, count(*) AS flags
        FROM event JOIN society USING (society_id) WHERE state = 'open'
        GROUP BY name, kind, severity
        """
    quarantine = """
        SELECT coalesce(name, '') AS society, count(*) AS entries,
               coalesce(sum(octet_length(payload)), 0)::bigint AS bytes
        FROM quarantine LEFT JOIN society USING (society_id) WHERE state = 'open' GROUP BY name
        """
    queues = one_row(conn, QueueFacts, query("metrics/queues"))
    assert queues is not None  # noqa: S101 - aggregates always have a row
    return StoreFacts(
        all_rows(conn, GatewayFacts, query("metrics/gateways")),
        all_rows(conn, MeterFacts, query("metrics/meters"), times),
        all_rows(conn, MonthFacts, query("metrics/months")),
        all_rows(conn, FlagFacts, flags),
        all_rows(conn, QuarantineFacts, quarantine),
        queues,
    )


@translating
def read_yesterday(conn: Connection, zone: ZoneInfo, now: datetime) -> Yesterday:
    """Read how whole the last local day is that is over, and how large the store is."""
    day = day_of(now, zone) - DAY
    arguments = {
        "day": day,
        "start": midnight(day, zone),
        "end": midnight(day + DAY, zone),
        "codes": list(COUNTED_CODES),
    }
    return Yesterday(
        day,
        all_rows(conn, DayFacts, query("metrics/completeness"), arguments),
        int(scalar(conn, "SELECT pg_database_size(current_database())")),
    )
