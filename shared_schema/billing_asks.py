# SPDX-License-Identifier: MIT
"""What a consumer of billing says: that it has a number, and what it wants to be sent again.

In: bytes from the topic of acknowledgements. Out: frozen models.
"""

from typing import ClassVar

from pydantic import Field

from shared_schema.catalogue import Service
from shared_schema.events import Subject
from shared_schema.message import Label, Message, Month, UtcDatetime


class BillingAck(Message):
    """The consumer's word that it has a number; without it the number is sent again."""

    SCHEMA: ClassVar[str] = "metering.billing-ack/1"

    society: Label
    month: Month
    subject: Subject
    service: Service
    version: int = Field(strict=True, ge=1)
    """Of the number, or of the withdrawal, that the consumer has stored."""


class BillingRequest(Message):
    """The consumer's wish to be sent something again, on the topic of its acknowledgements.

    With nothing but the society it is what the consumer has not acknowledged, at once: it says so
    whenever it has subscribed, since a session that is new, or was lost, has missed what was sent
    before. With any of the other fields it is what stands of what they all name, acknowledged or
    not, withdrawals as well. That comes byte for byte as it was sent, by month, never more than 500
    messages ahead of what is acknowledged, and no message twice within ten minutes.
    """

    SCHEMA: ClassVar[str] = "metering.billing-request/1"

    society: Label
    month: Month | None = None
    """Of this month; None: of any."""
    subject: Subject | None = None
    """Of this subject; None: of any."""
    service: Service | None = None
    """Of this service; None: of any."""
    since: UtcDatetime | None = None
    """Closed at this time or later; None: at any."""
