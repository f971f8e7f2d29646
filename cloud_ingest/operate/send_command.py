# SPDX-License-Identifier: MIT
"""A command to a gateway: a request for what the gateway does not do by itself.

A command names meters by maker and serial number. It expires, and the gateway never runs it twice.
The gateway refuses what its configuration does not allow.

In: what a person wants, the cloud's key, the time. Out: a signed command in the outbox. Never: the
link to the broker: the service sends it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from pydantic import ValidationError

from cloud_ingest.core.typed_text import remark
from cloud_ingest.errors import UserError
from cloud_ingest.store.bindings import gateways_of_meter
from cloud_ingest.store.commands import issue
from cloud_ingest.store.connection import Connection
from shared_schema.gateway import LONGEST_LIFE, Command, CommandArguments, CommandKind
from shared_schema.message import MeterId
from shared_schema.signing import SigningKey, key_id, sign_message

LOOK_EVERY_S: Final = 1.0
"""How often whoever waits looks for an answer."""


@dataclass(frozen=True, slots=True)
class World:
    """What asking a gateway, and waiting for its answer, takes from outside."""

    key: SigningKey
    by: str
    now: Callable[[], datetime]
    pause: Callable[[float], None]
    tell: Callable[[str], None]


def send(
    conn: Connection,
    society: str,
    gateway: str,
    kind: CommandKind,
    *,
    key: SigningKey,
    by: str,
    now: datetime,
    expires_after: timedelta = timedelta(hours=1),
    meters: Sequence[str | MeterId] = (),
    since: datetime | None = None,
    until: datetime | None = None,
) -> Command:
    """Sign a command and put it into the outbox.

    Args:
        conn: A connection.
        society: Whose gateway it is.
        gateway: Its name.
        kind: What it should do.
        key: The cloud's private key.
        by: Who asks.
        now: The time.
        expires_after: How long it may be run.
        meters: Each, or its ``MAKER/SERIAL``; none names all of the gateway.
        since: Where the window of a back-fill begins.
        until: Where it ends.

    Raises:
        UserError: a meter, the window or the lifetime is not possible, or another gateway reads
            the meter.
        NotFound: the society has no such gateway.
    """
    if not timedelta(0) < expires_after <= LONGEST_LIFE:
        raise UserError(f"a command lives for {LONGEST_LIFE.days} days at most")
    by = remark(by, "--by")
    named = tuple(each if isinstance(each, MeterId) else _meter(each) for each in meters)
    _require_bound(conn, society, gateway, named, now)
    try:
        command = Command(
            gateway=gateway,
            key=key_id(key.public_key()),
            id=uuid4(),
            kind=kind,
            arguments=CommandArguments(meters=named, since=since, until=until),
            issued_at=now,
            expires_at=now + expires_after,
        )
    except ValidationError as error:
        raise UserError(_fault(error)) from None
    issue(conn, society, command, sign_message(command.to_line(), key), by=by)
    return command


def _require_bound(
    conn: Connection, society: str, gateway: str, meters: Sequence[MeterId], now: datetime
) -> None:
    """Refuse a command about a meter for which another gateway speaks now."""
    for meter in meters:
        own = gateways_of_meter(conn, society, meter, now)
        if own and gateway not in own:
            raise UserError(
                f"{meter} is bound to {', '.join(own)}: send it there, or say that it moved "
                "(cloud-ingest meter move)"
            )


def _fault(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return first["msg"].removeprefix("Value error, ")


def _meter(text: str) -> MeterId:
    maker, slash, serial = text.partition("/")
    if not slash:
        raise UserError(f"{text[:80]!r} is no meter: write MAKER/SERIAL, such as LNT/26100001")
    return MeterId(manufacturer=maker, serial=serial)
