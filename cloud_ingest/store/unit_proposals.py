# SPDX-License-Identifier: MIT
"""Lists of units that came by the broker: each once, the newest of a society with its bytes.

In: a society, a list as it came. Out: proposals as values. Owns: the table ``unit_proposal``.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from cloud_ingest.store.assignment_versions import Word
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.rows import all_rows, one_row, scalar

State = Literal["new", "waits", "taken", "refused", "dropped", "replaced"]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A list that came by the broker."""

    proposal_id: int
    society_id: int
    society: str
    sha256: str
    made_at: datetime
    received_at: datetime
    payload: bytes | None
    """None: a newer one has come."""
    state: State
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None


_COLUMNS = """
    SELECT proposal_id, society_id, name AS society, sha256, made_at, received_at, payload, state,
           decided_at, decided_by, reason
    FROM unit_proposal JOIN society USING (society_id)
    """


class NewList(NamedTuple):
    """A list as it came."""

    society: str
    sha256: str
    payload: bytes
    made_at: datetime


@translating
def put_proposal(conn: Connection, new: NewList, now: datetime) -> bool:
    """Keep a list that came; the same again, or an older one, is none.

    Returns:
        False: it is not kept, for it came before, or a newer one did.

    Raises:
        LookupError: there is no such society.
    """
    with conn.transaction():
        found = one_row(
            conn,
            lambda society_id: society_id,
            "SELECT society_id FROM society WHERE name = %s FOR NO KEY UPDATE",
            (new.society,),
        )
        if found is None:
            raise LookupError(new.society)
        came = conn.execute(
            """
            SELECT FROM unit_proposal WHERE society_id = %s AND (sha256 = %s OR made_at > %s)
            LIMIT 1
            """,
            (found, new.sha256, new.made_at),
        )
        if came.rowcount:
            return False
        conn.execute(
            """
            UPDATE unit_proposal SET payload = NULL,
              state = CASE WHEN state IN ('new', 'waits') THEN 'replaced' ELSE state END
            WHERE society_id = %s AND payload IS NOT NULL
            """,
            (found,),
        )
        conn.execute(
            """
            INSERT INTO unit_proposal (society_id, sha256, made_at, received_at, payload)
            VALUES (%s, %s, %s, %s, %s)
            """,
            (found, new.sha256, new.made_at, now, new.payload),
        )
    return True


@translating
def next_new(conn: Connection) -> Proposal | None:
    """Return the oldest list that nobody has judged, and hold it in this transaction.

    Its society is held first, as a list that comes meanwhile holds it.
    """
    society_id = scalar(
        conn,
        "SELECT society_id FROM unit_proposal WHERE state = 'new' ORDER BY proposal_id LIMIT 1",
    )
    if society_id is None:
        return None
    _hold(conn, society_id)
    statement = f"{_COLUMNS} WHERE state = 'new' AND society_id = %s FOR UPDATE OF unit_proposal"
    return one_row(conn, Proposal, statement, (society_id,))


def _hold(conn: Connection, society_id: int) -> None:
    conn.execute("SELECT FROM society WHERE society_id = %s FOR NO KEY UPDATE", (society_id,))


@translating
def proposals(conn: Connection, society_id: int) -> list[Proposal]:
    """Return the lists of a society that wait for a person: at most the newest does."""
    statement = f"{_COLUMNS} WHERE society_id = %s AND state = 'waits' ORDER BY proposal_id"
    return all_rows(conn, Proposal, statement, (society_id,))


@translating
def lock_proposal(conn: Connection, society_id: int, proposal_id: int) -> Proposal | None:
    """Return a list of a society, and hold both in this transaction."""
    _hold(conn, society_id)
    return one_row(
        conn,
        Proposal,
        f"{_COLUMNS} WHERE society_id = %s AND proposal_id = %s FOR UPDATE OF unit_proposal",
        (society_id, proposal_id),
    )


@translating
def decide(conn: Connection, proposal_id: int, state: State, word: Word) -> None:
    """Note what became of a list, by whom and why."""
    conn.execute(
        """
        UPDATE unit_proposal SET state = %s, decided_at = %s, decided_by = %s, reason = %s
        WHERE proposal_id = %s
        """,
        (state, word.at, word.by, word.reason, proposal_id),
    )
