# SPDX-License-Identifier: MIT
"""People: who may see what of a society, who is invited, and what was done about that.

In: a name, a role, a unit. Out: pages; a link once. Never: a decision, a link in a log.
"""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from cloud_ingest.core.role import Right, Role
from cloud_ingest.core.typed_text import same_name
from cloud_ingest.entries import invitations
from cloud_ingest.entries.people import end_role
from cloud_ingest.entries.sign_in import Visitor
from cloud_ingest.errors import NotFound, PersonRefused
from cloud_ingest.http.resources import Now, Reading, Writing, resources_of
from cloud_ingest.views.people_page import audit_page, people_page
from cloud_ingest.web import words_people
from cloud_ingest.web.access import needs
from cloud_ingest.web.forms import CheckedForm
from cloud_ingest.web.page import page, see_other

router = APIRouter()
Managing = Annotated[Visitor, needs(Right.PEOPLE_MANAGE)]
Auditing = Annotated[Visitor, needs(Right.AUDIT_SEE)]
MOST_PAGES = 10_000
Page = Annotated[int, Query(alias="page", ge=1, le=MOST_PAGES)]


@router.get("/people")
def people(
    request: Request,
    visitor: Managing,
    store: Reading,
    now: Now,
    *,
    q: Annotated[str, Query(max_length=128)] = "",
    number: Page = 1,
) -> Response:
    """Show who may see what, and who is invited."""
    part = same_name(q.strip()) or None
    found = people_page(store.conn, visitor.society_id, part, number, now)
    return page(
        request, "people.html", found=found, q=part, number=number, roles=Role, words=words_people
    )


@router.post("/people/invite")
def invite(
    request: Request, visitor: Managing, form: CheckedForm, store: Writing, now: Now
) -> Response:
    """Invite somebody, and show the link once."""
    role = form.text("role")
    if role not in set(Role):
        raise PersonRefused("that is no role: choose one of the list")
    text = invitations.invite(
        store.conn,
        visitor.society_id,
        form.text("name"),
        Role(role),
        unit=form.text("unit") or None,
        by=visitor.name,
        now=now,
    )
    base = (resources_of(request).settings.public_url or str(request.base_url)).rstrip("/")
    return page(
        request,
        "invited.html",
        link=f"{base}/join?i={text}",
        name=form.text("name"),
        until=now + invitations.GOOD_FOR,
    )


@router.post("/people/withdraw")
def withdraw(visitor: Managing, form: CheckedForm, store: Writing, now: Now) -> Response:
    """Let nobody take an invitation any more."""
    number = _number(form.text("invitation"))
    invitations.withdraw(store.conn, visitor.society_id, number, by=visitor.name, now=now)
    return see_other("/people", said="invitation-withdrawn")


@router.post("/people/end")
def end(visitor: Managing, form: CheckedForm, store: Writing, now: Now) -> Response:
    """End what somebody is to the society."""
    number = _number(form.text("member"))
    end_role(store.conn, visitor.society_id, number, by=visitor.name, now=now)
    return see_other("/people", said="role-ended")


@router.get("/people/audit")
def audit(request: Request, visitor: Auditing, store: Reading, *, number: Page = 1) -> Response:
    """Show what was done about people and access, the newest first."""
    found = audit_page(store.conn, visitor.society_id, number)
    return page(request, "audit.html", found=found, number=number, words=words_people)


def _number(text: str) -> int:
    """Return a number that a form brought.

    Raises:
        NotFound: it is none.
    """
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise NotFound("that is not in the list: look at it again")
    return int(text)
