# SPDX-License-Identifier: MIT
"""The next message of a webhook: taken from its queue, sent, and noted.

At least once: a program that dies between the answer and the note sends it again, with the same
id and version.

In: a connection, a receiver, the time. Out: what became of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cloud_ingest.deliver.webhook import NotTaken, Receiver, post
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.webhooks import (
    Wanted,
    keep_webhooks,
    mark_failed,
    mark_taken,
    next_delivery,
)


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of the next message."""

    taken: bool = False
    failure: str | None = None
    """Why it was not taken; None: it was, or nothing was due."""


def keep(conn: Connection, receivers: tuple[Receiver, ...], now: datetime) -> int:
    """Let the store know the receivers; return how many messages were too old and given up."""
    return keep_webhooks(
        conn,
        [Wanted(each.url, each.kinds, each.societies, each.messages) for each in receivers],
        now,
    )


def deliver_next(conn: Connection, receiver: Receiver, clock: Callable[[], datetime]) -> Tried:
    """Send the message that is due, if there is one."""
    now = clock()
    due = next_delivery(conn, receiver.url, now)
    if due is None:
        return Tried()
    try:
        post(receiver, due.event_id, due.version, due.payload, sent_s=int(now.timestamp()))
    except NotTaken as error:
        failure, answered = str(error), error.answered
        mark_failed(conn, receiver.url, due, failure, clock(), answered=answered)
        return Tried(failure=failure)
    mark_taken(conn, receiver.url, due, clock(), acknowledges=receiver.acknowledges)
    return Tried(taken=True)
