# SPDX-License-Identifier: MIT
"""The room of the quarantine: how many unverified messages it keeps, and of how many bytes.

Nobody got a receipt for an unverified message: an honest gateway has it still, and sends it again.
So its bytes may go, oldest first; how many went is kept, by account and reason. What was verified
stays: forks with their bytes, blocks and rows of stored batches.

An account is an enrolled gateway; all those that are not enrolled share one (None).

In: what a commit sets aside. Out: what of it is written, what is dropped. Owns:
``quarantine_dropped``.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cloud_ingest.core.quota import Quota, Quotas
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.quarantine_flags import FLAGGED
from cloud_ingest.store.quotas import Account, bring
from cloud_ingest.store.rows import all_rows

MOST_ENTRIES = 200
"""Of an account and reason."""
KEPT_FOR = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Dropped:
    """Unverified messages of an account and reason whose bytes are not kept."""

    gateway: str | None
    """None: of gateways that are not enrolled, or of another sender."""
    society: str | None
    reason: str
    times: int
    bytes: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Unverified:
    """One message that is to be set aside."""

    account: Account
    reason: str
    society_id: int | None
    size: int
    at: datetime


@translating
def accounts_of(conn: Connection, names: Collection[str]) -> dict[str, int]:
    """Return the gateways that are enrolled, by name."""
    rows = conn.execute(
        "SELECT name, gateway_id FROM gateway WHERE name = ANY (%s::text[])", (sorted(names),)
    )
    return dict(rows.fetchall())


@translating
def over_messages(
    conn: Connection, messages: Sequence[Unverified], quotas: Quotas, at: datetime
) -> list[bool]:
    """Say of each message whether it is over the quota of its account; the newest never is.

    Those that are over are counted as dropped.
    """
    left = Counter(message.account for message in messages)
    before = bring(conn, Quota.MESSAGES, left, at)
    over: list[bool] = []
    for message in messages:
        left[message.account] -= 1
        before[message.account] += 1
        over.append(before[message.account] > quotas.messages_an_hour and left[message.account] > 0)
    gone = [each for each, is_over in zip(messages, over, strict=True) if is_over]
    if gone:
        conn.execute(
            query("quarantine/count_dropped"),
            {
                "gateways": [each.account for each in gone],
                "reasons": [each.reason for each in gone],
                "societies": [each.society_id for each in gone],
                "sizes": [each.size for each in gone],
                "times": [each.at for each in gone],
            },
        )
    return over


@translating
def make_room(
    conn: Connection, accounts: Collection[Account] | None, quotas: Quotas, now: datetime
) -> int:
    """Drop what has no room in some accounts; None: in all. Return how many accounts had too much.

    What is too old goes, too. The first open entry that is up as a flag stays.
    """
    some = set() if accounts is None else set(accounts)
    rows = conn.execute(
        query("quarantine/drop"),
        {
            "all": accounts is None,
            "gateways": [each for each in some if each is not None],
            "nobody": None in some,
            "entries": MOST_ENTRIES,
            "bytes": quotas.quarantine_bytes,
            "oldest": now - KEPT_FOR,
            "flagged": list(FLAGGED),
        },
    )
    too_much: Mapping[Account, int] = {account: int(size) for account, size in rows}
    bring(conn, Quota.QUARANTINE, too_much, now)
    return len(too_much)


@translating
def dropped(conn: Connection) -> list[Dropped]:
    """Return what was dropped so far, the latest first."""
    return all_rows(
        conn,
        Dropped,
        """
        SELECT g.name AS gateway, s.name AS society, d.reason, d.times, d.bytes,
               d.first_at, d.last_at
        FROM quarantine_dropped AS d
        LEFT JOIN gateway AS g USING (gateway_id)
        LEFT JOIN society AS s ON s.society_id = coalesce(d.society_id, g.society_id)
        ORDER BY d.last_at DESC, d.times DESC
        """,
    )
