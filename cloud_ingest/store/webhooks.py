# SPDX-License-Identifier: MIT
"""The queues of webhooks: what each receiver has not taken yet, in order.

A message enters in the transaction that changes its flag, and leaves when its receiver took it, or
when it is too old. Of one flag the messages leave in order; a flag whose message is refused holds
up no other.

In: what the settings say, what became of a try. Out: the message that is due, how each webhook
does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from cloud_ingest.store.acknowledgements import acknowledge_taken
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows, one_row, scalars

KEPT_FOR = timedelta(days=7)
"""A message that nobody took for so long is given up."""
LONGEST_WAIT = timedelta(minutes=15)
"""Between two tries of a message that its receiver refuses."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the settings say of a webhook."""

    url: str
    kinds: Sequence[str] | None
    societies: Sequence[str] | None
    messages: Sequence[str] = ("events",)
    severity: str | None = None
    """Of flags; None: any."""
    quiet_digest: bool = True


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that is due."""

    delivery_id: int
    event_id: UUID
    version: int
    payload: bytes
    attempts: int


@dataclass(frozen=True, slots=True)
class WebhookState:
    """How a webhook does."""

    url: str
    waiting: int
    oldest: datetime | None
    """When the oldest message that waits was made."""
    delivered: int
    dropped: int
    dropped_at: datetime | None
    answered_at: datetime | None
    failed_at: datetime | None
    failure: str | None
    """What happened to the newest try; None: it was taken."""
    unknown: list[str]
    """Societies that it wants and that the store does not have."""


@dataclass(frozen=True, slots=True)
class _Put:
    webhook_id: int
    was_active: bool


@translating
def keep_webhooks(conn: Connection, wanted: Sequence[Wanted], now: datetime) -> int:
    """Let the store know the webhooks of the settings, and give up what is too old.

    A new one gets the flags that are open. What waits for one that is gone is given up with it.

    Returns:
        How many messages were given up because they were too old.
    """
    with conn.transaction():
        conn.execute(
            """
            WITH gone AS (UPDATE webhook SET active = false
                          WHERE active AND NOT (url = ANY (%s)) RETURNING webhook_id)
            DELETE FROM webhook_delivery AS d USING gone WHERE gone.webhook_id = d.webhook_id
            """,
            ([each.url for each in wanted],),
        )
        for each in wanted:
            arguments = {
                "url": each.url,
                "kinds": None if each.kinds is None else list(each.kinds),
                "societies": None if each.societies is None else list(each.societies),
                "messages": list(each.messages),
                "severity": each.severity,
                "quiet_digest": each.quiet_digest,
            }
            put = one_row(conn, _Put, query("webhook/put"), arguments)
            if put is not None and not put.was_active:
                conn.execute(query("webhook/begin"), {"webhook_id": put.webhook_id, "now": now})
        given_up = scalars(conn, query("webhook/drop"), {"before": now - KEPT_FOR, "now": now})
        return sum(given_up)


@translating
def next_delivery(
    conn: Connection, url: str, now: datetime, one_each: timedelta = timedelta()
) -> Delivery | None:
    """Return the oldest message that is due for a receiver that takes one in `one_each`."""
    arguments = {"url": url, "now": now, "one_each": one_each}
    return one_row(conn, Delivery, query("webhook/next"), arguments)


@translating
def mark_taken(
    conn: Connection, url: str, delivery: Delivery, now: datetime, *, acknowledges: bool = False
) -> None:
    """Note that a receiver took a message; where it is billing's own, billing has the number."""
    with conn.transaction():
        conn.execute("DELETE FROM webhook_delivery WHERE delivery_id = %s", (delivery.delivery_id,))
        if acknowledges:
            acknowledge_taken(conn, delivery.payload, now)
        conn.execute(
            """
            UPDATE webhook SET delivered = delivered + 1, answered_at = %s, failure = NULL
            WHERE url = %s
            """,
            (now, url),
        )


@translating
def mark_failed(
    conn: Connection, url: str, delivery: Delivery, failure: str, now: datetime, *, answered: bool
) -> None:
    """Note that a receiver did not take a message.

    Args:
        conn: A connection.
        url: Of the webhook.
        delivery: The message.
        failure: What happened.
        now: The time.
        answered: The receiver refused this message: it waits, ever longer, and lets others pass.
    """
    wait = min(LONGEST_WAIT, timedelta(seconds=2 ** min(delivery.attempts, 16)))
    with conn.transaction():
        conn.execute(
            """
            UPDATE webhook_delivery SET attempts = attempts + 1, due_at = %s
            WHERE delivery_id = %s
            """,
            (now + wait if answered else now, delivery.delivery_id),
        )
        conn.execute(
            "UPDATE webhook SET failed_at = %s, failure = %s WHERE url = %s", (now, failure, url)
        )


@translating
def put_again(
    conn: Connection, url: str, messages: Sequence[tuple[str, int, bytes]], now: datetime
) -> int:
    """Queue messages for a webhook once more, unless they wait; return how many.

    Args:
        conn: The store.
        url: Of the webhook.
        messages: Each with its topic, its version and its bytes.
        now: The time.
    """
    arguments = {
        "url": url,
        "topics": [topic for topic, _, _ in messages],
        "versions": [version for _, version, _ in messages],
        "payloads": [payload for _, _, payload in messages],
        "now": now,
    }
    return conn.execute(query("webhook/put_again"), arguments).rowcount


@translating
def webhook_states(conn: Connection) -> list[WebhookState]:
    """Return how each webhook of the settings does."""
    return all_rows(conn, WebhookState, query("webhook/states"))
