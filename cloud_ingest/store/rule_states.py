# SPDX-License-Identifier: MIT
"""What the water rules remember of each register: its newest state, and some older ones.

A state is bytes to the store. The older ones, about one a week, are where late readings begin
again, so that nothing is read back farther than they reach.

In: registers, states. Out: states, and what has to be judged from the beginning. Owns:
``rule_state`` and ``rule_snapshot``. Never: a judgement.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows, scalars
from shared_schema.obis import Obis

KEPT_SNAPSHOTS = 5


@dataclass(frozen=True, slots=True)
class RuleState:
    """The newest state of a register."""

    channel_id: int
    rules: str
    """Which rules made it: a state of others means nothing."""
    assigned_from: datetime
    """Since when its meter serves the subject that is judged."""
    newest: int | None
    """Time of the newest reading in it, in seconds since 1970; None: none was taken in."""
    state: bytes


class Snapshot(NamedTuple):
    """A former state of a register."""

    channel_id: int
    newest: int
    state: bytes


@translating
def rule_states(conn: Connection, channels: Collection[int]) -> dict[int, RuleState]:
    """Return the states of registers that have one."""
    found = all_rows(
        conn,
        RuleState,
        """
        SELECT channel_id, rules, assigned_from, newest, state FROM rule_state
        WHERE channel_id = ANY(%s::int[])
        """,
        (list(channels),),
        binary=True,
    )
    return {each.channel_id: each for each in found}


@translating
def snapshots_before(conn: Connection, times: Mapping[int, int]) -> dict[int, Snapshot]:
    """Return the newest snapshot of each register that holds no reading from its time on.

    Args:
        conn: The store.
        times: By register, in seconds since 1970.
    """
    found = all_rows(
        conn,
        Snapshot,
        """
        SELECT DISTINCT ON (channel_id) channel_id, newest, state
        FROM rule_snapshot
        JOIN unnest(%s::int[], %s::bigint[]) AS late (channel_id, first) USING (channel_id)
        WHERE newest < first
        ORDER BY channel_id, newest DESC
        """,
        (list(times), list(times.values())),
        binary=True,
    )
    return {each.channel_id: each for each in found}


@translating
def put_rule_states(conn: Connection, states: Iterable[RuleState]) -> None:
    """Write the newest states of registers, within the caller's transaction."""
    rows = sorted(states, key=lambda each: each.channel_id)
    conn.execute(
        """
        INSERT INTO rule_state (channel_id, rules, assigned_from, newest, state)
        SELECT * FROM unnest(%s::int[], %s::text[], %s::timestamptz[], %s::bigint[], %b::bytea[])
        ON CONFLICT (channel_id) DO UPDATE
        SET rules = excluded.rules, assigned_from = excluded.assigned_from,
            newest = excluded.newest, state = excluded.state
        """,
        (
            [each.channel_id for each in rows],
            [each.rules for each in rows],
            [each.assigned_from for each in rows],
            [each.newest for each in rows],
            [each.state for each in rows],
        ),
    )


@translating
def put_snapshots(
    conn: Connection, snapshots: Iterable[Snapshot], *, forget: Mapping[int, int]
) -> None:
    """Keep former states, within the caller's transaction; the oldest of many are dropped.

    Args:
        conn: The store.
        snapshots: Of registers that have a state.
        forget: From when on what was remembered of a register is dropped first.
    """
    if forget:
        conn.execute(
            """
            DELETE FROM rule_snapshot
            USING unnest(%s::int[], %s::bigint[]) AS late (channel_id, first)
            WHERE rule_snapshot.channel_id = late.channel_id AND newest >= first
            """,
            (list(forget), list(forget.values())),
        )
    rows = sorted(snapshots)
    if not rows:
        return
    columns = [list(column) for column in zip(*rows, strict=True)]
    conn.execute(
        """
        INSERT INTO rule_snapshot (channel_id, newest, state)
        SELECT * FROM unnest(%s::int[], %s::bigint[], %b::bytea[])
        ON CONFLICT (channel_id, newest) DO UPDATE SET state = excluded.state
        """,
        columns,
    )
    conn.execute(
        """
        DELETE FROM rule_snapshot USING (
          SELECT channel_id, newest,
                 row_number() OVER (PARTITION BY channel_id ORDER BY newest DESC) AS place
          FROM rule_snapshot WHERE channel_id = ANY(%s::int[])
        ) AS own
        WHERE place > %s AND rule_snapshot.channel_id = own.channel_id
          AND rule_snapshot.newest = own.newest
        """,
        (columns[0], KEPT_SNAPSHOTS),
    )


@translating
def registers_to_begin(
    conn: Connection, obis: Obis, rules: str, now: datetime, limit: int
) -> list[int]:
    """Return registers that serve somebody now, and have no state of these rules.

    Args:
        conn: The store.
        obis: The register.
        rules: As a `RuleState` names them.
        now: The time.
        limit: How many at most.
    """
    arguments = {"obis": str(obis), "rules": rules, "now": now, "limit": limit}
    return scalars(conn, query("flag/registers_to_begin"), arguments)


@translating
def drop_unassigned(conn: Connection, now: datetime) -> int:
    """Drop the states of registers whose meter serves nobody now; return how many."""
    return conn.execute(
        """
        DELETE FROM rule_state USING channel
        WHERE channel.channel_id = rule_state.channel_id AND NOT EXISTS (
          SELECT FROM assignment
          WHERE meter_id = channel.meter_id AND valid_from <= %(now)s
            AND (valid_to IS NULL OR valid_to > %(now)s))
        """,
        {"now": now},
    ).rowcount
