# SPDX-License-Identifier: MIT
"""What residents read of their dials: asked for, sent, and receipted.

A resident's page presents a personal link, which is of one unit; a program presents its token and
names the unit. Both get the same receipt, and the same client id again changes nothing.

In: digits, a time, a photo. Out: what is asked, receipts. Never: a decision; a neighbour's data.
"""

import base64
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Security
from fastapi.security import HTTPBearer
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from cloud_ingest.api.access import Caller, bearer, needs
from cloud_ingest.core.api_token import Scope
from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.typed_text import remark, same_name
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.self_read_asked import AskedUnit, Receipt, asked_unit, receipt_of
from cloud_ingest.entries.self_read_decide import one_submission
from cloud_ingest.entries.self_read_links import open_link
from cloud_ingest.entries.self_read_look import Sent
from cloud_ingest.entries.self_read_photo import NO_PHOTO, MadePhoto, made_anew, made_or_not
from cloud_ingest.entries.self_read_reader import (
    Reader,
    asked_of,
    own_submission,
    reader_by_link,
    send_dial,
)
from cloud_ingest.entries.self_read_submit import Sender, attach_photo, submit
from cloud_ingest.entries.witness import witnessed
from cloud_ingest.http.resources import Now, Opened, Reading, Writing, resources_of
from cloud_ingest.store.witness_reads import WitnessRead
from shared_schema.catalogue import Service

router = APIRouter(tags=["self-reads"])
"""For programs, behind their token."""
residents = APIRouter(prefix="/self-read", tags=["self-read by link"])
"""For a resident's page, behind a personal link."""

_LINK = HTTPBearer(
    scheme_name="link",
    bearerFormat="handle.secret",
    description="A personal link of cloud-ingest self-read link: what stands behind its #.",
    auto_error=False,
)
_IMAGES: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("image/jpeg", "image/png", "image/webp")
        },
    }
}
Label = Annotated[str, Query(min_length=1, max_length=128)]


class Dial(BaseModel):
    """What somebody read from a dial."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    client_id: str = Field(pattern=r"^[A-Za-z0-9._-]{8,64}$")
    """The sender's own id of this one reading, such as a UUID: the same again changes nothing."""
    service: Service
    source: str | None = Field(max_length=64, default=None)
    """Which of the unit's meters, where it has several."""
    shown: str = Field(max_length=40, examples=["04711", "123.456"])
    """The digits as they stand on the dial."""
    read_at: AwareDatetime
    photo: str | None = Field(max_length=12_000_000, default=None)
    """JPEG, PNG or WebP in base64; or send it afterwards, as it is."""


class UnitDial(Dial):
    """What somebody read from a unit's dial, as a program sends it."""

    unit: str = Field(max_length=128)
    subject_type: SubjectKind = "unit"
    by: str | None = Field(max_length=200, default=None)
    """Who read it. None: the token's name."""


def _reader(
    request: Request, store: Writing, now: Now, _: Annotated[Any, Security(_LINK)]
) -> Reader:
    """Return who presents a link."""
    link = open_link(store.conn, bearer(request.headers.get("authorization")), now)
    resources_of(request).require_rate(("link", link.link_id), "this link")
    return reader_by_link(link)


async def _body(request: Request) -> bytes:
    return await request.body()


OfLink = Annotated[Reader, Depends(_reader)]
Bytes = Annotated[bytes, Depends(_body)]
Token = Annotated[Caller, needs(Scope.SELF_READS_WRITE)]
Asking = Annotated[Caller, needs(Scope.MONTHS_READ)]


@residents.get("")
def asked_by_link(reader: OfLink, store: Writing, now: Now) -> AskedUnit:
    """Return which dials of the link's unit can be read, and until when."""
    window = store.settings.self_read_window(reader.society)
    return asked_of(store.conn, reader, window, now)


@residents.post("/readings", status_code=201)
def send_by_link(dial: Dial, reader: OfLink, store: Writing, now: Now) -> Receipt:
    """Take what a resident read; plausible or not, it is kept and receipted."""
    named = reader.meter(dial.service, dial.source)
    made = _made_anew(dial.photo)
    sent = Sent(named, dial.client_id, dial.shown, dial.read_at, made.sent)
    return receipt_of(send_dial(store.conn, reader, sent, now), made.problem)


@residents.get("/readings/{receipt}")
def receipt_by_link(receipt: UUID, reader: OfLink, store: Writing) -> Receipt:
    """Return what became of what was sent for the link's unit."""
    return receipt_of(own_submission(store.conn, reader, str(receipt)))


@residents.put("/readings/{receipt}/photo", openapi_extra=_IMAGES)
def photo_by_link(receipt: UUID, data: Bytes, reader: OfLink, store: Writing, now: Now) -> Receipt:
    """Keep the photo of a dial that was sent before; the same again changes nothing."""
    own_submission(store.conn, reader, str(receipt))
    return _attach(store, reader.society_id, receipt, data, now)


@router.get("/self-reads/asked")
def asked(
    caller: Token,
    store: Reading,
    now: Now,
    *,
    unit: Label,
    subject_type: SubjectKind = "unit",
    service: Service | None = None,
) -> AskedUnit:
    """Return which dials of a unit can be read, and until when."""
    return asked_unit(
        store.conn,
        caller.society_id,
        caller.society,
        same_name(unit),
        kind=subject_type,
        service=service,
        window=store.settings.self_read_window(caller.society),
        now=now,
    )


@router.post("/self-reads", status_code=201)
def send(dial: UnitDial, caller: Token, store: Writing, now: Now) -> Receipt:
    """Take what somebody read of a unit's dial; plausible or not, it is kept and receipted."""
    unit = same_name(dial.unit)
    named = NamedMeter(unit, dial.service, dial.source, subject_type=dial.subject_type)
    name = caller.name if dial.by is None else remark(dial.by, "by")
    return _send(store, dial, named, Sender(name), society_id=caller.society_id, now=now)


@router.get("/self-reads/{receipt}")
def receipt(receipt: UUID, caller: Token, store: Reading) -> Receipt:
    """Return what became of what was sent."""
    return receipt_of(one_submission(store.conn, caller.society, str(receipt)))


@router.put("/self-reads/{receipt}/photo", openapi_extra=_IMAGES)
def photo(receipt: UUID, data: Bytes, caller: Token, store: Writing, now: Now) -> Receipt:
    """Keep the photo of a dial that was sent before; the same again changes nothing."""
    return _attach(store, caller.society_id, receipt, data, now)


@router.get("/witness-reads")
def witness_reads(
    caller: Asking,
    store: Reading,
    *,
    unit: Label,
    service: Service,
    subject_type: SubjectKind = "unit",
) -> list[WitnessRead]:
    """Return what a unit's dial showed before witnesses, in the order of time."""
    named = NamedMeter(same_name(unit), service, subject_type=subject_type)
    return witnessed(store.conn, caller.society, named)


def _send(
    store: Opened, dial: Dial, named: NamedMeter, sender: Sender, *, society_id: int, now: datetime
) -> Receipt:
    made = _made_anew(dial.photo)
    sent = Sent(named, dial.client_id, dial.shown, dial.read_at, made.sent)
    return receipt_of(submit(store.conn, society_id, sent, sender, now), made.problem)


def _attach(store: Opened, society_id: int, receipt: UUID, data: bytes, now: datetime) -> Receipt:
    sent = made_anew(data)
    return receipt_of(attach_photo(store.conn, society_id, str(receipt), sent, now))


def _made_anew(text: str | None) -> MadePhoto:
    """Return a photo made anew; a bad one is a problem of its own, and not the number's."""
    if text is None:
        return NO_PHOTO
    try:
        return made_or_not(base64.b64decode(text, validate=True))
    except ValueError:  # a character that is none of base64's, or of ASCII's
        return MadePhoto(problem="the photo is no base64: send it again as it is")
