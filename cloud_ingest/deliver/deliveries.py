# SPDX-License-Identifier: MIT
"""The next message of a receiver, by HTTP or mail: taken from its queue, sent, and noted.

At least once: a program that dies between the answer and the note sends it again, with the same
id and version.

In: a connection, a receiver, the time. Out: what became of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from cloud_ingest.deliver.webhook import NotTaken
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.webhooks import (
    Delivery,
    Wanted,
    keep_webhooks,
    mark_failed,
    mark_taken,
    next_delivery,
)


class Receives(Protocol):
    """Who gets messages: a webhook or a mailbox."""

    @property
    def wanted(self) -> Wanted:
        """Which messages it gets, and where."""

    @property
    def acknowledges(self) -> bool:
        """That it took a number says that billing has it."""

    @property
    def one_each(self) -> timedelta:
        """It takes no more than one message in so long."""

    def send(self, due: Delivery, now: datetime, zone: ZoneInfo) -> None:
        """Send a message once; NotTaken: it was refused, or nobody knows."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of the next message."""

    taken: bool = False
    failure: str | None = None
    """Why it was not taken; None: it was, or nothing was due."""


def keep(conn: Connection, receivers: Sequence[Receives], now: datetime) -> int:
    """Let the store know the receivers; return how many messages were too old and given up."""
    return keep_webhooks(conn, [each.wanted for each in receivers], now)


def deliver_next(conn: Connection, receiver: Receives, clock: Callable[[], datetime]) -> Tried:
    """Send the message that is due, if there is one."""
    now, url = clock(), receiver.wanted.url
    due = next_delivery(conn, url, now, receiver.one_each)
    if due is None:
        return Tried()
    try:
        receiver.send(due, now, open_store(conn).zone)
    except NotTaken as error:
        failure, answered = str(error), error.answered
        mark_failed(conn, url, due, failure, clock(), answered=answered)
        return Tried(failure=failure)
    mark_taken(conn, url, due, clock(), acknowledges=receiver.acknowledges)
    return Tried(taken=True)
