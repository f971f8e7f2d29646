# SPDX-License-Identifier: MIT
"""Messages that carry no readings: a gateway's status, a command's result, billing's word.

Each changes one row, and the same again changes nothing, so that it is stored at once.

In: a message, a connection. Out: the row. Never: a batch of readings; a reply.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from cloud_ingest.core.known import Registry
from cloud_ingest.core.volatile import volatile_of
from cloud_ingest.errors import ResendRefused
from cloud_ingest.store.acknowledgements import acknowledge_number, send_again
from cloud_ingest.store.commands import answer
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.status import is_enrolled, put_status
from cloud_ingest.store.volatile import put_volatile
from shared_schema.billing_asks import BillingAck, BillingRequest
from shared_schema.errors import MalformedMessage, UnknownSchema
from shared_schema.gateway import Result, Status

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Received:
    """One message as it came."""

    topic: str
    payload: bytes
    retained: bool


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
