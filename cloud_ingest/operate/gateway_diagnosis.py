# SPDX-License-Identifier: MIT
"""The diagnosis of a gateway from afar: it is asked by a signed command, and answers with it.

In: a gateway, the cloud's key, what waits. Out: the document that the gateway made, without a
secret by its own word. The running service sends the command and keeps the answer.
Never: a question to a gateway whose keys were taken back; a document larger than the contract's.
"""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from cloud_ingest.errors import NotFound, UserError
from cloud_ingest.operate.send_command import LOOK_EVERY_S, World, send
from cloud_ingest.store.commands import IssuedCommand, issued_commands
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.gateways import standings
from shared_schema.diagnosis import unpacked
from shared_schema.errors import MalformedMessage
from shared_schema.gateway import CommandKind, Outcome

LIVES: Final = timedelta(hours=1)


def ask(
    conn: Connection, society: str, gateway: str, world: World, within: timedelta
) -> dict[str, Any]:
    """Ask a gateway for its diagnosis, and wait for it.

    Args:
        conn: A connection.
        society: Whose gateway it is.
        gateway: Its name.
        world: The key, the clock, what waits.
        within: How long to wait; the answer may be fetched later.

    Raises:
        UserError: its keys were taken back, it refuses, or it does not answer in time.
        NotFound: the society has no such gateway.
    """
    state = {each.gateway: each.state for each in standings(conn, world.now(), society)}
    if state.get(gateway) == "taken back":
        raise UserError(f"the keys of {gateway} were taken back: nothing is asked of it")
    command = send(
        conn,
        society,
        gateway,
        CommandKind.DIAGNOSE,
        key=world.key,
        by=world.by,
        now=world.now(),
        expires_after=LIVES,
    )
    world.tell(f"{gateway} is {state.get(gateway, 'unknown')}; it is asked: {command.id}")
    until = world.now() + within
    while (found := _answer(conn, society, command.id)) is None:
        if world.now() >= until:
            raise UserError(
                f"{gateway} has not answered yet: see whether it is online and cloud-ingest serve "
                f"runs; then: cloud-ingest gateway diagnose {gateway} --id {command.id}"
            )
        world.pause(LOOK_EVERY_S)
    return found


def fetch(conn: Connection, society: str, command: UUID) -> dict[str, Any]:
    """Return the diagnosis that came as the answer to an earlier question.

    Raises:
        NotFound: no such command, or it was not answered yet.
        UserError: the answer holds none.
    """
    found = _answer(conn, society, command)
    if found is None:
        raise NotFound(f"{command} was not answered yet: see cloud-ingest command list")
    return found


def _answer(conn: Connection, society: str, command: UUID) -> dict[str, Any] | None:
    issued = issued_commands(conn, society, command=command)
    if not issued:
        raise NotFound(f"{society!r} has no command {command}")
    return None if issued[0].outcome is None else _document(issued[0])


def _document(issued: IssuedCommand) -> dict[str, Any]:
    result = issued.result or {}
    text = result.get("diagnosis")
    if issued.outcome != Outcome.DONE or not isinstance(text, str):
        reason = result.get("reason") or "a gateway of an earlier version makes none"
        raise UserError(f"{issued.gateway} gave no diagnosis: {issued.outcome}, {reason}")
    try:
        return unpacked(text)
    except MalformedMessage as error:
        raise UserError(f"what {issued.gateway} answered is no diagnosis: {error}") from None
