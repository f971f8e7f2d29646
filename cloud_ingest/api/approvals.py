# SPDX-License-Identifier: MIT
"""A person's word that a month stands, and that it may change again.

In: what the person saw, by the hash of its manifest, who says so and why. Out: the month as it is
approved. Never: an approval of what nobody saw.
"""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from cloud_ingest.api.access import Caller, needs
from cloud_ingest.api.months import Span
from cloud_ingest.api.word import LONGEST_NAME, LONGEST_REASON, PersonsWord, author_of
from cloud_ingest.core.api_token import Scope
from cloud_ingest.core.typed_text import remark
from cloud_ingest.http.resources import Now, Reading, Writing
from cloud_ingest.month.approve import SHORTEST_HASH, Reopened, Seen, approve_month, reopen_month

router = APIRouter(tags=["months"])

Approver = Annotated[Caller, needs(Scope.MONTHS_APPROVE)]


class Approval(BaseModel):
    """What a person approves, and who does."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seen: str = Field(pattern=rf"^[0-9a-f]{{{SHORTEST_HASH},64}}$")
    """The hash of the manifest that the person saw, or its first twelve digits."""
    despite: str | None = Field(min_length=1, max_length=LONGEST_REASON, default=None)
    """Why it is approved although numbers are withheld, provisional or held."""
    by: str | None = Field(max_length=LONGEST_NAME, default=None)
    """Who approves it. None: the token's name."""


@router.get("/months/{month}/approval")
def to_approve(span: Span, caller: Approver, store: Reading, now: Now) -> Seen:
    """Return what would be approved: the newest manifest, and what a month lacks (409: it is)."""
    return approve_month(store.conn, caller.society, span, now, by=caller.name)


@router.post("/months/{month}/approval")
def approve(word: Approval, span: Span, caller: Approver, store: Writing, now: Now) -> Seen:
    """Say that a closed month stands: until it is opened again nothing of it is sent.

    As `cloud-ingest month approve --yes`: refused (409) where it changed since it was seen.
    """
    return approve_month(
        store.conn,
        caller.society,
        span,
        now,
        by=author_of(word.by, caller),
        seen=word.seen,
        despite=None if word.despite is None else remark(word.despite, "despite"),
    )


@router.post("/months/{month}/reopening")
def reopen(word: PersonsWord, span: Span, caller: Approver, store: Writing, now: Now) -> Reopened:
    """Let an approved month change again; closing it sends what waited."""
    by, reason = word.author(caller), remark(word.reason, "reason")
    return reopen_month(store.conn, caller.society, span, now, by=by, reason=reason)
