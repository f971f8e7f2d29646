# SPDX-License-Identifier: MIT
"""Billing without MQTT: a month's messages, what is sent again, what billing has."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from cloud_ingest.api.access import Caller, needs
from cloud_ingest.api.months import NamedMonth
from cloud_ingest.core.api_token import Scope
from cloud_ingest.entries.billing_words import acknowledge, ask_again, month_messages, wishes
from cloud_ingest.http.resources import Now, Reading, Writing
from cloud_ingest.store.resends import Resend
from shared_schema.billing_asks import BillingAck, BillingRequest
from shared_schema.catalogue import Service
from shared_schema.events import Subject
from shared_schema.message import Month, UtcDatetime

router = APIRouter(tags=["billing"], prefix="/billing")

MOST_ACKS = 1000
LINES = "application/x-ndjson"
Billing = Annotated[Caller, needs(Scope.BILLING_READ)]


class Wish(BaseModel):
    """What is to be sent again; what is left out is any."""

    model_config = ConfigDict(extra="forbid")

    month: Month | None = None
    subject: Subject | None = None
    service: Service | None = None
    since: UtcDatetime | None = None
    """Closed at this time or later."""


class Had(BaseModel):
    """A number, or a withdrawal, that billing has."""

    model_config = ConfigDict(extra="forbid")

    month: Month
    subject: Subject
    service: Service
    version: Annotated[int, Field(strict=True, ge=1)]


class Due(BaseModel):
    """What a wish brought at once."""

    messages: int
    """They are sent now; more comes as billing acknowledges."""


class Taken(BaseModel):
    """What acknowledgements ended."""

    messages: int
    """They need not be sent any more; fewer than were named where some had been said before."""


@router.post("/resend", status_code=202)
def send_again(wish: Wish, caller: Billing, store: Writing, now: Now) -> Due:
    """Send billing again what it names, over MQTT; with nothing named what it has not acknowledged.

    As a metering.billing-request/1 on its topic does: withdrawals as well, byte for byte, 500
    messages ahead of what is acknowledged, and no message twice within ten minutes.
    """
    request = BillingRequest.model_validate({"society": caller.society, **dict(wish)})
    return Due(messages=ask_again(store.conn, request, now))


@router.get("/resend")
def resends(caller: Billing, store: Reading) -> list[Resend]:
    """Return what billing asked to be sent again, newest first, and how far that is."""
    return wishes(store.conn, caller.society)


@router.post("/acks")
def have(
    acks: Annotated[Sequence[Had], Body(min_length=1, max_length=MOST_ACKS)],
    caller: Billing,
    store: Writing,
    now: Now,
) -> Taken:
    """Note that billing has these numbers and withdrawals, and with each the earlier versions.

    1,000 at most. Where one was never decided, none is taken.
    """
    named = [BillingAck.model_validate({"society": caller.society, **dict(each)}) for each in acks]
    return Taken(messages=acknowledge(store.conn, named, now))


@router.get("/{month}", response_class=Response, responses={200: {"content": {LINES: {}}}})
def messages(month: NamedMonth, caller: Billing, store: Reading) -> Response:
    """Return a closed month's messages, a line each: first the manifest, then what it names.

    The bytes of a line are those that were sent: their SHA-256 is in the manifest. Acknowledge them
    as if they had come by MQTT.
    """
    lines = month_messages(store.conn, caller.society, month)
    return Response(b"".join(line + b"\n" for line in lines), media_type=LINES)
