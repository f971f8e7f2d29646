# SPDX-License-Identifier: MIT
"""Messages that carry no readings: a status, a command's result, billing's word, a list of units.

Each changes one row, and the same again changes nothing, so that it is stored at once.

In: a message, a connection. Out: the row. Never: a batch of readings; a reply.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from cloud_ingest.core.known import Registry
from cloud_ingest.core.volatile import volatile_of
from cloud_ingest.errors import ResendRefused
from cloud_ingest.ingest.topics import acknowledging_society, listing_society
from cloud_ingest.store.acknowledgements import acknowledge_number, send_again
from cloud_ingest.store.commands import answer
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.status import is_enrolled, put_status
from cloud_ingest.store.unit_proposals import NewList, put_proposal
from cloud_ingest.store.volatile import put_volatile
from shared_schema.billing_asks import BillingAck, BillingRequest
from shared_schema.errors import MalformedMessage, UnknownSchema
from shared_schema.gateway import Result, Status
from shared_schema.units import UnitList

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Received:
    """One message as it came."""

    topic: str
    payload: bytes
    retained: bool


def store_of_society(conn: Connection, message: Received, now: datetime) -> bool:
    """Store what billing or unit management says; say whether it came from one of them.

    Raises:
        MalformedMessage: it is none of theirs, or of another society.
        NeverSent: no such version of a number was sent.
    """
    if (society := acknowledging_society(message.topic)) is not None:
        store_billing_word(conn, society, message.payload, now)
    elif (society := listing_society(message.topic)) is not None:
        store_unit_list(conn, society, message.payload, now)
    return society is not None


def store_billing_word(conn: Connection, society: str, payload: bytes, now: datetime) -> None:
    """Note that billing has a number, or send again what it asks for.

    Raises:
        MalformedMessage: it is neither, or of another society.
        NeverSent: no such version was sent.
    """
    word = _billing_word(payload)
    if word.society != society:
        raise MalformedMessage(f"a word of {word.society!r} on the topic of {society!r}")
    if isinstance(word, BillingAck):
        acknowledge_number(conn, word, now)
        return
    try:
        due = send_again(conn, word, now)
    except ResendRefused as error:
        logger.warning("%s", error, extra={"action": "resend_refused", "society": society})
        return
    logger.info(
        "Billing asks to be sent messages again",
        extra={
            "action": "billing_request",
            "society": society,
            "wish": word.model_dump(mode="json", exclude_none=True, exclude={"schema_name"}),
            "messages": due,
        },
    )


def store_unit_list(conn: Connection, society: str, payload: bytes, now: datetime) -> None:
    """Keep a list of units for the leader, who judges it; the same again changes nothing.

    Raises:
        MalformedMessage: it is none, or of another society, or the store knows no such society.
    """
    if not payload:
        return  # the retained list was emptied: what it said stays
    listed = UnitList.from_line(payload)
    if listed.society != society:
        raise MalformedMessage(f"a list of {listed.society!r} on the topic of {society!r}")
    digest = sha256(payload).hexdigest()
    try:
        made_at = min(listed.at, now)  # a clock that is ahead makes no later list an older one
        is_new = put_proposal(conn, NewList(society, digest, payload, made_at), now)
    except LookupError:
        raise MalformedMessage(
            f"no society is called {society!r}: enrol a gateway of it, or import its first list"
        ) from None
    if is_new:
        logger.info(
            "A list of units came",
            extra={"action": "unit_list", "society": society, "meters": len(listed.meters)},
        )


def _billing_word(payload: bytes) -> BillingAck | BillingRequest:
    try:
        return BillingRequest.from_line(payload)
    except UnknownSchema:
        return BillingAck.from_line(payload)


def store_status(conn: Connection, gateway: str, message: Received, received_at: datetime) -> None:
    """Keep the newest status of a gateway.

    Raises:
        MalformedMessage: it is no status, or of another gateway.
    """
    if not message.payload:
        return  # the retained status was emptied
    status = Status.from_line(message.payload)
    if status.gateway != gateway:
        raise MalformedMessage(f"a status of gateway {status.gateway} on the topic of {gateway}")
    # A last will was written when its session began: it became true when it was sent.
    came_true = status.state == "offline" and not message.retained
    at = received_at if came_true else status.at
    heard_at = min(status.at, received_at) if message.retained else received_at
    if put_status(conn, status, at, heard_at):
        logger.info(
            "Gateway sent its status",
            extra={"action": "gateway_status", "gateway": gateway, "state": status.state},
        )
    elif not is_enrolled(conn, gateway):
        logger.warning(
            "A gateway that is not enrolled sends messages: run cloud-ingest enrol",
            extra={"action": "unknown_gateway", "gateway": gateway},
        )


def store_volatile(
    conn: Connection, gateway: str, payload: bytes, registry: Registry, received_at: datetime
) -> None:
    """Keep what a gateway with a full disk read, to be shown until readings come.

    Raises:
        MalformedMessage: it is no such message, or of another gateway.
        SignatureInvalid: no key of the gateway has signed it.
    """
    put_volatile(conn, volatile_of(gateway, payload, registry, received_at), received_at)


def store_result(conn: Connection, gateway: str, payload: bytes, received_at: datetime) -> None:
    """Keep a gateway's first answer to a command.

    Raises:
        MalformedMessage: it is no result, or of another gateway.
    """
    result = Result.from_line(payload)
    if result.gateway != gateway:
        raise MalformedMessage(f"a result of gateway {result.gateway} on the topic of {gateway}")
    if answer(conn, result, received_at):
        logger.info(
            "Gateway answered a command",
            extra={
                "action": "command_result",
                "gateway": gateway,
                "command": str(result.command),
                "outcome": result.outcome,
            },
        )
