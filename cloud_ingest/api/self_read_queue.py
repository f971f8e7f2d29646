# SPDX-License-Identifier: MIT
"""The manager's queue of self-reads: what waits, its photo, and a person's word on it.

In: a receipt, who decides and why. Out: what was sent, and what became of it. Never: a decision of
its own, a value that nobody sent.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from cloud_ingest.api.access import Caller, needs
from cloud_ingest.api.self_reads import Label
from cloud_ingest.core.api_token import Scope
from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.typed_text import remark, same_name
from cloud_ingest.entries.self_read_asked import State
from cloud_ingest.entries.self_read_decide import decide, photo_of, waiting
from cloud_ingest.http.resources import Now, Reading, Writing
from cloud_ingest.store.self_read_submissions import Submission
from shared_schema.billing import BILLING_UNITS
from shared_schema.catalogue import Service
from shared_schema.message import DecimalText

router = APIRouter(tags=["self-reads"])

_JPEG: Final = "image/jpeg"
_PHOTO: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {_JPEG: {}}}}
Manager = Annotated[Caller, needs(Scope.SELF_READS_DECIDE)]


class Word(BaseModel):
    """What a person says of a value that waits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    word: Literal["approve", "refuse"]
    reason: str = Field(min_length=1, max_length=1000)
    """Why; of a refusal its sender reads it."""
    by: str | None = Field(max_length=200, default=None)
    """Who decides. None: the token's name."""


@dataclass(frozen=True, slots=True)
class Doubted:
    """What is said of a value, to the manager alone: it may name a neighbour."""

    kind: str
    remark: str
    meant: str | None
    """What the dial probably showed."""


@dataclass(frozen=True, slots=True)
class Queued:
    """A value that was sent, and what became of it."""

    receipt: UUID
    subject_type: SubjectKind
    subject: str
    service: Service
    source: str
    shown: str
    value: DecimalText
    unit: str
    read_at: datetime
    received_at: datetime
    by: str
    """Who sent it."""
    remarks: tuple[Doubted, ...]
    has_photo: bool
    """Its photo is still kept."""
    photo_taken: str | None
    """By the photo's own clock."""
    state: State
    decided_by: str | None
    decided_because: str | None
    decided_at: datetime | None


@router.get("/self-reads")
def queue(
    caller: Manager, store: Reading, *, unit: Label | None = None, everything: bool = False
) -> list[Queued]:
    """Return what residents sent and waits for a person, or all of it; the newest first."""
    subject = None if unit is None else same_name(unit)
    found = waiting(store.conn, caller.society, everything=everything, subject=subject)
    return [_queued(each) for each in found]


@router.get("/self-reads/{receipt}/photo", response_class=Response, responses=_PHOTO)
def photo_of_dial(receipt: UUID, caller: Manager, store: Reading) -> Response:
    """Return the photo that came with a value, made anew as JPEG."""
    return Response(photo_of(store.conn, caller.society, str(receipt)), media_type=_JPEG)


@router.post("/self-reads/{receipt}/decision")
def say(receipt: UUID, word: Word, caller: Manager, store: Writing, now: Now) -> Queued:
    """Approve or refuse what waits, once and for all; who approves vouches for what was sent."""
    done = decide(
        store.conn,
        caller.society,
        str(receipt),
        approve=word.word == "approve",
        by=caller.name if word.by is None else remark(word.by, "by"),
        reason=remark(word.reason, "reason"),
        now=now,
    )
    return _queued(done)


def _queued(sent: Submission) -> Queued:
    return Queued(
        receipt=sent.receipt,
        subject_type=sent.subject_type,
        subject=sent.subject,
        service=sent.service,
        source=sent.source,
        shown=sent.shown,
        value=sent.value,
        unit=BILLING_UNITS[sent.service],
        read_at=sent.read_at,
        received_at=sent.received_at,
        by=sent.author,
        remarks=tuple(
            Doubted(str(each["kind"]), str(each["remark"]), each.get("meant"))
            for each in sent.remarks
        ),
        has_photo=sent.has_picture,
        photo_taken=None if sent.photo_taken is None else sent.photo_taken.text(),
        state=sent.decision or "waits",
        decided_by=sent.decided_by,
        decided_because=sent.decided_because,
        decided_at=sent.decided_at,
    )
