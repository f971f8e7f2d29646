# SPDX-License-Identifier: MIT
"""The quarantine: what was received and is not stored, with the reason, until a person decides.

An entry is a whole message (nothing of it was verified), a block of a stored batch, rows of such a
block, or many blocks of a batch that have one reason. A replay runs it through
`cloud_ingest.core.accept` and `commit` once more, with the registry of today and the receipt of
then. What is mended is stored and the entry closed; what is not stays open, with its reason. So
rows that were of the future when they came stay out for ever, although that time has come
meanwhile.

A fork that a person replays by its number is stored beside the batch that has its number: its rows
are claims like any other, and its bytes the evidence of them.

In: the number of an entry. Out: the entry, or the result of its replay. Never: a deleted row.
"""

from collections.abc import Set
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from cloud_ingest.core.accept import (
    Accepted,
    QuarantineReason,
    Refused,
    Rejection,
    accept,
    examine,
)
from cloud_ingest.core.known import Registry
from cloud_ingest.core.quota import DEFAULT_QUOTAS
from cloud_ingest.errors import NotFound, UserError
from cloud_ingest.store.commit import commit
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.evidence import unpack
from cloud_ingest.store.quarantine_flags import CONTRADICTIONS, end_flag
from cloud_ingest.store.rows import all_rows, one_row
from shared_schema.readings import Batch
from shared_schema.topics import GatewayTopic, gateway_topic

NOT_MENDED = CONTRADICTIONS | {
    QuarantineReason.FUTURE,
    QuarantineReason.NEVER_SENT,
    QuarantineReason.QUOTA,
}
"""What no import, enrolment or repair makes good: a replay of everything leaves these out."""


MOST_REASONS = 3
"""Of the blocks that an entry is still of."""


class QuarantineState(StrEnum):
    """What a person, or a replay, decided about an entry."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, without its bytes."""

    quarantine_id: int
    reason: str
    detail: str
    gateway: str | None
    society: str | None
    topic: str | None
    batch_id: int | None
    ordinal: int | None
    row_indexes: tuple[int, ...]
    first_at: datetime
    last_at: datetime
    times: int
    state: QuarantineState
    resolved_at: datetime | None


@dataclass(frozen=True, slots=True)
class Replay:
    """The result of replaying one entry."""

    quarantine_id: int
    state: QuarantineState
    new_readings: int
    reason: str
    """Why it stays open; empty when it does not."""


@dataclass(frozen=True, slots=True)
class _StoredBatch:
    """A batch as it came, from which gateway, and when."""

    evidence: bytes
    gateway: str
    received_at: datetime


@translating
def list_entries(
    conn: Connection,
    *,
    state: QuarantineState | None = QuarantineState.OPEN,
    reason: str | None = None,
    society: str | None = None,
    limit: int = 1000,
) -> list[Entry]:
    """Return entries, newest first; None stands for any."""
    return all_rows(
        conn,
        _entry,
        query("quarantine/list"),
        {"state": state, "reason": reason, "society": society, "limit": limit},
    )


@translating
def counts(conn: Connection) -> dict[str, int]:
    """Return how many entries are open, by reason."""
    rows = conn.execute(
        """
        SELECT reason, count(*) FROM quarantine WHERE state = 'open'
        GROUP BY reason ORDER BY reason
        """
    )
    return dict(rows.fetchall())


@translating
def show(conn: Connection, quarantine_id: int) -> tuple[Entry, bytes | None]:
    """Return an entry and its bytes: the message, or the line of the block.

    None: the store has them no more, or they are damaged.

    Raises:
        NotFound: there is no such entry.
    """
    found = one_row(conn, _entry_with_bytes, query("quarantine/one"), (quarantine_id,))
    if found is None:
        raise NotFound(f"the quarantine has no entry {quarantine_id}: cloud-ingest quarantine list")
    return found


@translating
def replay(conn: Connection, registry: Registry, quarantine_id: int, now: datetime) -> Replay:
    """Try an entry once more, in one transaction.

    Args:
        conn: The store.
        registry: Who is known today.
        quarantine_id: The entry.
        now: The time at which the entry is closed.

    Raises:
        NotFound: there is no such entry.
        UserError: it is closed, or of a kind that no replay can mend.
    """
    entry, payload = show(conn, quarantine_id)
    _require_mendable(entry)
    with conn.transaction():
        if entry.batch_id is None:
            done = _replay_message(conn, registry, entry, payload or b"")
        else:
            done = _replay_block(conn, registry, entry, entry.batch_id)
        if done.state is QuarantineState.REPLAYED:
            _close(conn, entry, QuarantineState.REPLAYED, now)
    return done


def _require_mendable(entry: Entry) -> None:
    _require_open(entry)
    number = entry.quarantine_id
    if entry.reason == QuarantineReason.BROKEN_LINK:
        raise UserError(
            f"entry {number} is a broken link: its batch is stored as it was signed; look "
            "into the gateway, then dismiss it"
        )
    if entry.reason == QuarantineReason.NEVER_SENT:
        raise UserError(
            f"entry {number} acknowledges what was not sent: look into billing, then dismiss it"
        )


def _require_open(entry: Entry) -> None:
    if entry.state is not QuarantineState.OPEN:
        raise UserError(f"entry {entry.quarantine_id} is {entry.state} already")


def _replay_message(conn: Connection, registry: Registry, entry: Entry, payload: bytes) -> Replay:
    """Judge a whole message once more, and store it if it is accepted now."""
    topic = entry.topic or gateway_topic(entry.gateway or "", GatewayTopic.READINGS)
    verdict = accept(topic, payload, registry, entry.first_at)
    if isinstance(verdict, Refused):
        why = f"{verdict.reason}: {verdict.detail}"
        return Replay(entry.quarantine_id, QuarantineState.OPEN, 0, why)
    if entry.reason == QuarantineReason.FORK:
        verdict = replace(verdict, variant=_variant(verdict.batch))
    done = commit(conn, [verdict])
    return Replay(entry.quarantine_id, QuarantineState.REPLAYED, done.new, "")


def _variant(batch: Batch) -> UUID:
    """Return the stream of its own under which a batch stands whose number another one has."""
    return uuid5(batch.header.stream, batch.header_hash)


def _replay_block(conn: Connection, registry: Registry, entry: Entry, batch_id: int) -> Replay:
    """Judge a block of a stored batch once more, and store the rows that are accepted now.

    An entry without a block is of the whole batch. What is beyond a quota has an entry of its own.
    """
    ordinals = None if entry.ordinal is None else [entry.ordinal]
    verdict = _judge_blocks(conn, registry, batch_id, ordinals)
    others = _other_entries(conn, entry, batch_id)
    left = [each for each in verdict.rejections if _is_still(entry, each, others)]
    is_many = entry.ordinal is None and entry.reason != QuarantineReason.QUOTA
    quotas = DEFAULT_QUOTAS if is_many else None
    done = commit(conn, [replace(verdict, rejections=())], replay=True, quotas=quotas)
    state = QuarantineState.OPEN if left else QuarantineState.REPLAYED
    reasons = "; ".join(f"{each.reason}: {each.detail}" for each in left[:MOST_REASONS])
    return Replay(entry.quarantine_id, state, done.new, reasons)


@translating
def dismiss(conn: Connection, quarantine_id: int, now: datetime) -> None:
    """Close an entry that shall never be stored; its bytes stay.

    With the last one of its kind the flag ends that it raised.

    Raises:
        NotFound: there is no such entry.
        UserError: it is closed already.
    """
    entry, _payload = show(conn, quarantine_id)
    _require_open(entry)
    with conn.transaction():
        _close(conn, entry, QuarantineState.DISMISSED, now)


def _close(conn: Connection, entry: Entry, state: QuarantineState, now: datetime) -> None:
    """Close an entry, and with the last one of its kind the flag that it raised."""
    _resolve(conn, entry.quarantine_id, state, now)
    end_flag(conn, reason=entry.reason, gateway=entry.gateway, society=entry.society, now=now)


def _judge_blocks(
    conn: Connection, registry: Registry, batch_id: int, ordinals: list[int] | None
) -> Accepted:
    batch = one_row(
        conn,
        _StoredBatch,
        """
        SELECT kept.evidence, gateway.name AS gateway, received_at
        FROM batch JOIN batch_evidence AS kept USING (gateway_id, received_at, batch_id)
        JOIN gateway USING (gateway_id)
        WHERE batch_id = %s
        """,
        (batch_id,),
    )
    gateway = None if batch is None else registry.gateways.get(batch.gateway)
    if batch is None or gateway is None:
        raise UserError(f"batch {batch_id} or its gateway is no longer in the store")
    try:
        signed = unpack(batch.evidence)
    except ValueError as error:
        raise UserError(
            f"batch {batch_id} is damaged in the store: {error}; take its month from a backup"
        ) from None
    return examine(signed, gateway, registry, batch.received_at, ordinals)


def _other_entries(conn: Connection, entry: Entry, batch_id: int) -> set[tuple[int | None, str]]:
    """Return the blocks and reasons of the other entries of a batch."""
    rows = conn.execute(
        "SELECT ordinal, reason FROM quarantine WHERE batch_id = %s AND quarantine_id <> %s",
        (batch_id, entry.quarantine_id),
    )
    return set(rows.fetchall())


def _is_still(entry: Entry, rejection: Rejection, others: Set[tuple[int | None, str]]) -> bool:
    """Say whether what is rejected now is of this entry: its batch, its block, or its rows."""
    if entry.reason == QuarantineReason.QUOTA:
        return False  # what else is wrong with the batch has its own entries
    if entry.ordinal is None:
        return others.isdisjoint({(rejection.ordinal, rejection.reason), (None, rejection.reason)})
    if not rejection.row_indexes or not entry.row_indexes:
        return True
    return not set(entry.row_indexes).isdisjoint(rejection.row_indexes)


def _resolve(conn: Connection, quarantine_id: int, state: QuarantineState, now: datetime) -> None:
    conn.execute(
        """
        UPDATE quarantine SET state = %s, resolved_at = %s
        WHERE quarantine_id = %s AND state = 'open'
        """,
        (state, now, quarantine_id),
    )


def _entry(*, state: str, row_indexes: list[int] | None, **columns: Any) -> Entry:
    return Entry(**columns, row_indexes=tuple(row_indexes or ()), state=QuarantineState(state))


def _entry_with_bytes(
    *, payload: bytes | None, evidence: bytes | None, **columns: Any
) -> tuple[Entry, bytes | None]:
    entry = _entry(**columns)
    if payload is not None or evidence is None:
        return entry, payload
    try:
        batch = unpack(evidence)
    except ValueError:  # it is damaged, and can be dismissed all the same
        return entry, None
    return entry, batch.header_line if entry.ordinal is None else batch.block_lines[entry.ordinal]
