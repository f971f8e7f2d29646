# SPDX-License-Identifier: MIT
"""What gateways were asked to do, and what they answered.

A command and its outbox row are one transaction. The first answer of the gateway that was asked
stands; an answer of another gateway, or to an unknown command, changes nothing.

In: a signed command, a result. Out: the outbox row that carries the command, the list of both.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from cloud_ingest.errors import NotFound
from cloud_ingest.store import outbox
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows
from shared_schema.gateway import Command, Result
from shared_schema.topics import GatewayTopic, gateway_topic


@dataclass(frozen=True, slots=True)
class IssuedCommand:
    """A command, and its answer where there is one."""

    command_id: UUID
    gateway: str
    kind: str
    issued_by: str
    issued_at: datetime
    expires_at: datetime
    outcome: str | None
    result: dict[str, Any] | None
    """The whole answer, as the gateway gave it."""
    answered_at: datetime | None


@translating
def issue(conn: Connection, society: str, command: Command, payload: bytes, *, by: str) -> None:
    """Keep a command and let it leave.

    Args:
        conn: A connection.
        society: Whose gateway it is for.
        command: The command.
        payload: The signed message.
        by: Who asks.

    Raises:
        NotFound: the society has no such gateway.
    """
    with conn.transaction():
        made = conn.execute(
            query("command/add"),
            {
                "id": command.id,
                "kind": command.kind,
                "payload": payload,
                "by": by,
                "issued_at": command.issued_at,
                "expires_at": command.expires_at,
                "gateway": command.gateway,
                "society": society,
            },
        ).fetchone()
        if made is None:
            raise NotFound(
                f"{society!r} has no gateway {command.gateway!r}: run cloud-ingest enrol"
            )
        outbox.enqueue(conn, gateway_topic(command.gateway, GatewayTopic.COMMANDS), payload)


@translating
def answer(conn: Connection, result: Result, at: datetime) -> bool:
    """Keep an answer; False where nothing waits for it."""
    row = conn.execute(
        query("command/answer"),
        {
            "id": result.command,
            "gateway": result.gateway,
            "outcome": result.outcome,
            "result": Jsonb(result.model_dump(mode="json", by_alias=True)),
            "at": at,
        },
    ).fetchone()
    return row is not None


@translating
def issued_commands(
    conn: Connection, society: str, *, command: UUID | None = None, limit: int = 100
) -> list[IssuedCommand]:
    """Return the newest commands of a society, or the one that is named."""
    arguments = {"society": society, "id": command, "limit": limit}
    return all_rows(conn, IssuedCommand, query("command/list"), arguments)
