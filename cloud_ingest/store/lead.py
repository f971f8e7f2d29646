# SPDX-License-Identifier: MIT
"""The lead among the workers of a store: who holds it, and which sessions may act for it.

The leader's own session holds an advisory lock, and asks for nothing every few seconds: that is
its heartbeat, in the database's time. A session that acts for a leader holds a shared lock that
names its worker. A successor ends the sessions of all other workers before it leads. So what a
frozen process had begun is rolled back, and a session that it opens later learns that it is late.

In: a session, the number that a worker gave itself. Out: whether it leads. Never: a decision by
the clock of a worker.
"""

from datetime import timedelta

from cloud_ingest.errors import LeadLost, StoreReadOnly, StoreUnavailable
from cloud_ingest.store.connection import READ_ONLY, Connection, query, translating
from cloud_ingest.store.locks import Lock, try_lock
from cloud_ingest.store.rows import scalar

UNHEARD = timedelta(seconds=12)
"""A leader that has asked for nothing for so long is frozen, or its machine is gone."""
END_WAIT_MS = 5000


@translating
def end_unheard_leader(conn: Connection, unheard: timedelta = UNHEARD) -> bool:
    """End the leader's own session if nothing was heard of it for too long; say whether it was.

    A leader whose session belongs to another role is not seen, and stays.
    """
    return bool(
        scalar(
            conn,
            query("lead/end_unheard"),
            {"lead": Lock.LEADER, "unheard": unheard, "wait_ms": END_WAIT_MS},
        )
    )


@translating
def take_lead(conn: Connection, worker: int) -> bool:
    """Take the lead unless another session holds it; say whether it is this worker's now.

    Raises:
        StoreReadOnly: the database takes no changes.
        StoreUnavailable: a session that acts for another worker does not end.
    """
    if scalar(conn, "SELECT current_setting('transaction_read_only') = 'on'"):
        raise StoreReadOnly(READ_ONLY)
    if not try_lock(conn, Lock.LEADER):
        return False
    _act_for(conn, worker)
    left = scalar(
        conn,
        query("lead/end_others"),
        {"acting": Lock.ACTING, "worker": worker, "wait_ms": END_WAIT_MS},
    )
    if left:
        raise StoreUnavailable(f"sessions of the leader before do not end ({left})")
    return True


@translating
def act_for_leader(conn: Connection, worker: int) -> None:
    """Let a new session act for a worker, as long as that worker leads.

    Raises:
        LeadLost: another worker leads, or none does.
    """
    _act_for(conn, worker)
    names = {"lead": Lock.LEADER, "acting": Lock.ACTING, "worker": worker}
    if not scalar(conn, query("lead/leads"), names):
        raise LeadLost("this worker does not lead")


def _act_for(conn: Connection, worker: int) -> None:
    conn.execute("SELECT pg_advisory_lock_shared(%s::int, %s::int)", (Lock.ACTING, worker))
