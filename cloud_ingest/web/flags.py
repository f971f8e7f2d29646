# SPDX-License-Identifier: MIT
"""Flags: what was noticed, and what people do with it.

A resident sees those of the own unit. In: what a visitor chose, a reason. Out: pages. Never: a
decision.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from cloud_ingest.core.month import DAY, day_of, midnight
from cloud_ingest.core.role import Right
from cloud_ingest.core.typed_text import remark, typed_day
from cloud_ingest.entries.sign_in import Visitor
from cloud_ingest.errors import TextRefused
from cloud_ingest.flags import attend
from cloud_ingest.flags.attend import LONGEST_MUTE, Named
from cloud_ingest.http.resources import Now, Reading, Writing
from cloud_ingest.views.flag_list import Chosen, State, flag_page, flag_shown
from cloud_ingest.web import words_flags
from cloud_ingest.web.access import needs
from cloud_ingest.web.forms import CheckedForm, Form
from cloud_ingest.web.page import page, see_other
from shared_schema.events import EventKind, Severity

router = APIRouter()
MOST_PAGES = 10_000
Seeing = Annotated[Visitor, needs(Right.FLAGS_SEE, Right.OWN_UNIT)]
Attending = Annotated[Visitor, needs(Right.FLAGS_ATTEND)]
Text = Annotated[str, Query(max_length=256)]


@router.get("/flags")
def flags(
    request: Request,
    visitor: Seeing,
    store: Reading,
    now: Now,
    *,
    show: Text = "open",
    kind: Text = "",
    severity: Text = "",
    tower: Text = "",
    number: Annotated[int, Query(alias="page", ge=1, le=MOST_PAGES)] = 1,
) -> Response:
    """Show the flags that were chosen, the worst first."""
    state: State = show if show in words_flags.STATES else "open"  # type: ignore[assignment]
    chosen = Chosen(
        state=state,
        kind=EventKind(kind) if kind in set(EventKind) else None,
        severity=Severity(severity) if severity in set(Severity) else None,
        tower=tower or None,
        unit=_own_unit(visitor),
        page=number,
    )
    found = flag_page(store.conn, visitor.society_id, chosen, now)
    return page(request, "flags.html", found=found, words=words_flags)


@router.get("/flags/{flag_id}")
def flag(flag_id: UUID, request: Request, visitor: Seeing, store: Reading, now: Now) -> Response:
    """Show one flag, what it may be, and all that happened to it."""
    found = flag_shown(store.conn, visitor.society, flag_id, now, _own_unit(visitor))
    days = tuple(day_of(each, store.zone) for each in (now, now + LONGEST_MUTE - DAY))
    return page(request, "flag.html", found=found, words=words_flags, days=days)


@router.post("/flags/{flag_id}/acknowledge")
def acknowledge(
    flag_id: UUID, visitor: Attending, form: CheckedForm, store: Writing, now: Now
) -> Response:
    """Note that the visitor looks into a flag."""
    named, word = _word(flag_id, visitor, form)
    attend.acknowledge(store.conn, named, **word, now=now)
    return see_other(f"/flags/{flag_id}", said="flag-seen")


@router.post("/flags/{flag_id}/hand")
def hand(
    flag_id: UUID, visitor: Attending, form: CheckedForm, store: Writing, now: Now
) -> Response:
    """Hand a flag to the helpdesk."""
    named, word = _word(flag_id, visitor, form)
    attend.hand(store.conn, named, **word, now=now)
    return see_other(f"/flags/{flag_id}", said="flag-handed")


@router.post("/flags/{flag_id}/mute")
def mute(
    flag_id: UUID, visitor: Attending, form: CheckedForm, store: Writing, now: Now
) -> Response:
    """Mute a flag to the end of a day."""
    named, word = _word(flag_id, visitor, form)
    try:
        last = typed_day(form.text("until"))
        until = midnight(last + DAY, store.zone)
    except (ValueError, OverflowError):
        raise TextRefused("until is no day: give the last day of the mute") from None
    attend.mute(store.conn, named, until=until, **word, now=now)
    return see_other(f"/flags/{flag_id}", said="flag-muted")


@router.post("/flags/{flag_id}/unmute")
def unmute(
    flag_id: UUID, visitor: Attending, form: CheckedForm, store: Writing, now: Now
) -> Response:
    """End the mute of a flag."""
    named, word = _word(flag_id, visitor, form)
    attend.unmute(store.conn, named, **word, now=now)
    return see_other(f"/flags/{flag_id}", said="flag-unmuted")


def _own_unit(visitor: Visitor) -> str | None:
    """Return the unit beyond which a visitor sees nothing; None: there is no such bound."""
    return None if visitor.may(Right.FLAGS_SEE) else visitor.unit or ""


def _word(flag_id: UUID, visitor: Visitor, form: Form) -> tuple[Named, dict[str, str]]:
    reason = remark(form.text("reason"), "the reason")
    return Named(str(flag_id), visitor.society), {"by": visitor.name, "reason": reason}
