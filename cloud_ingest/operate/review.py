# SPDX-License-Identifier: MIT
"""What waits for a person to look into it: the quarantine, flags, events of meters.

In: a connection, what is asked. Out: values, which `cloud_ingest.cli` words; what a replay did with
each entry. Never: a text for a terminal.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from cloud_ingest.core.flag import Flag
from cloud_ingest.errors import ConfigurationError, StoreError, StoreUnavailable, UserError
from cloud_ingest.store import quarantine
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import list_events
from cloud_ingest.store.meter_events import StoredMeterEvent, list_meter_events
from cloud_ingest.store.quarantine import Entry, QuarantineState, Replay
from cloud_ingest.store.registry import find_society, load_registry
from shared_schema.events import EventKind, Severity

MOST_LISTED = 1000
"""Rows of one table for a person."""
EVERYTHING = 2**31


def quarantined(
    conn: Connection,
    *,
    state: QuarantineState | None,
    reason: str | None,
    society: str | None,
    limit: int,
) -> list[Entry]:
    """Return what is kept apart, newest first; None stands for any.

    Raises:
        NotFound: no such society.
    """
    if society is not None:
        find_society(conn, society)
    return quarantine.list_entries(conn, state=state, reason=reason, society=society, limit=limit)


def replayable(conn: Connection) -> list[int]:
    """Return the numbers of the open entries whose cause can be mended, oldest first."""
    return sorted(
        entry.quarantine_id
        for entry in quarantine.list_entries(conn, limit=EVERYTHING)
        if entry.reason not in quarantine.NOT_MENDED
    )


def replay(conn: Connection, quarantine_ids: Sequence[int]) -> Iterator[Replay]:
    """Try entries once more and yield each result before the next is tried.

    An entry that cannot be tried stays open and stops no other.

    Raises:
        UserError: at the end, where some could not be tried.
        StoreUnavailable: the store went away; what was yielded before is done.
        ConfigurationError: the store refuses us; the same.
    """
    registry = load_registry(conn)
    failed = 0
    for each in quarantine_ids:
        try:
            done = quarantine.replay(conn, registry, each, datetime.now(UTC))
        except (StoreUnavailable, ConfigurationError):
            raise
        except (StoreError, UserError) as error:
            done = Replay(each, QuarantineState.OPEN, 0, str(error))
            failed += 1
        yield done
    if failed:
        raise UserError(
            f"{failed} of {len(quarantine_ids)} entries could not be tried: see above why"
        )


def flags(
    conn: Connection,
    *,
    society: str | None,
    everything: bool,
    kinds: Sequence[EventKind] = (),
    severity: Severity | None = None,
    unit: str | None = None,
    tower: str | None = None,
) -> list[Flag]:
    """Return flags, newest first: those that are open, or all; None stands for any.

    Raises:
        NotFound: no such society.
    """
    if society is not None:
        find_society(conn, society)
    return list_events(
        conn,
        society=society,
        state=None if everything else "open",
        kinds=kinds,
        severity=severity,
        unit=unit,
        tower=tower,
    )


def meter_events(
    conn: Connection,
    society: str,
    *,
    serial: str | None,
    codes: Sequence[int],
    days: int,
    now: datetime,
) -> list[StoredMeterEvent]:
    """Return what meters noted in their event logs, and what gateways saw of them, newest first.

    Raises:
        NotFound: no such society.
    """
    return list_meter_events(
        conn,
        society,
        since=now - timedelta(days=days),
        serial=serial,
        codes=codes,
        limit=MOST_LISTED,
    )
