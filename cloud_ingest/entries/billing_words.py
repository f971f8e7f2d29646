# SPDX-License-Identifier: MIT
"""What billing says where it has no MQTT: send it again, I have it; and what it reads instead.

The same words as on the topic of its acknowledgements, for a society whose name is known.

In: a wish, acknowledgements, a month. Out: how far wishes are; a month's messages, as they were
sent. Never: another society's.
"""

from collections.abc import Sequence
from datetime import datetime

from cloud_ingest.errors import AcknowledgementRefused, NotFound
from cloud_ingest.store.acknowledgements import NeverSent, acknowledge_number, send_again
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.manifests import manifest_line
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.resends import Resend, resends, standing
from shared_schema.billing_asks import BillingAck, BillingRequest


def ask_again(conn: Connection, request: BillingRequest, now: datetime) -> int:
    """Make due what billing asks for; return how many messages are due now.

    Raises:
        ResendRefused: too much was wished for within a short time.
    """
    return send_again(conn, request, now)


def wishes(conn: Connection, society: str) -> list[Resend]:
    """Return what billing asked for, newest first, and how far that is."""
    return resends(conn, find_society(conn, society))


@translating
def acknowledge(conn: Connection, acks: Sequence[BillingAck], now: datetime) -> int:
    """Note that billing has numbers; return how many messages need not be sent any more.

    What it has, it may have read from the month's messages: it need not have been sent.

    Raises:
        AcknowledgementRefused: one was never decided; none is taken.
    """
    with conn.transaction():
        try:
            return sum(acknowledge_number(conn, ack, now, was_read=True) for ack in acks)
        except NeverSent as error:
            raise AcknowledgementRefused(f"{error}; none of the list was taken") from None


@translating
def month_messages(conn: Connection, society: str, month: str) -> list[bytes]:
    """Return a closed month's manifest, and each message that stands of it, as they were sent.

    Raises:
        NotFound: the month is not closed.
    """
    society_id = find_society(conn, society)
    manifest = manifest_line(conn, society_id, month)
    if manifest is None:
        raise NotFound(
            f"{month} of {society} is not closed: cloud-ingest month status {month} says what it "
            "waits for"
        )
    request = BillingRequest(society=society, month=month)
    return [manifest, *(bytes(each.message) for each in standing(conn, society_id, request))]
