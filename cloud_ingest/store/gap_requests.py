# SPDX-License-Identifier: MIT
"""The gaps that gateways were asked to read again: the store's own back-fill commands.

The commands are the memory of what was asked for; nothing else is kept.

In: a society, the time. Out: which gateway reads each meter and has told all that it has; what was
asked for, with the answers. It writes nothing.
"""

from datetime import datetime
from typing import Any

from cloud_ingest.core.gap_requests import Asked
from cloud_ingest.store.connection import Connection, query, translating
from shared_schema.gateway import Command, Result
from shared_schema.message import MeterId

BY = "the store: intervals are missing"
"""Who such a command says that it is from."""
MOST_SPOOLED = 64
"""A gateway with more batches to send has not told all that it has."""


@translating
def gateways_to_ask(
    conn: Connection, society_id: int, now: datetime
) -> dict[MeterId, tuple[str, datetime]]:
    """Return, for each meter, the gateway that reads it, is there and is not behind.

    With it comes the time of the meter's newest reading: what is later may still come.
    """
    arguments = {"society_id": society_id, "now": now, "most_spooled": MOST_SPOOLED}
    rows = conn.execute(query("command/gateways_to_ask"), arguments)
    return {
        MeterId(manufacturer=maker, serial=serial): (name, newest)
        for maker, serial, name, newest in rows
    }


@translating
def gaps_asked_for(conn: Connection, society_id: int, since: datetime) -> list[Asked]:
    """Return what was asked for since a time, the oldest first."""
    arguments = {"society_id": society_id, "by": BY, "since": since}
    rows = conn.execute(query("command/gaps_asked_for"), arguments).fetchall()
    return [_asked(bytes(payload), outcome, result) for payload, outcome, result in rows]


def _asked(payload: bytes, outcome: str | None, result: dict[str, Any] | None) -> Asked:
    command = Command.from_line(payload.partition(b"\n")[0])
    window = command.arguments
    said = () if result is None else Result.model_validate(result).meters
    assert window.since is not None  # noqa: S101 - a back-fill has its window
    assert window.until is not None  # noqa: S101
    return Asked(
        command.gateway,
        window.meters,
        window.since,
        window.until,
        command.issued_at,
        command.expires_at,
        outcome,
        {each.meter: each.detail for each in said if each.meter is not None},
    )
