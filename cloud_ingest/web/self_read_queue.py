# SPDX-License-Identifier: MIT
"""The manager's queue of self-reads: what waits, its photo, a person's word on it; and the links.

In: a receipt and why; a unit. Out: pages, a photo, a sheet of links. Never: a decision of its own,
a link that is shown twice.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from cloud_ingest.core.month_name import named_month
from cloud_ingest.core.role import Right
from cloud_ingest.core.typed_text import same_name
from cloud_ingest.entries.self_read_decide import decide, photo_of
from cloud_ingest.entries.self_read_links import (
    DEFAULT_DAYS,
    MOST_DAYS,
    make_link,
    open_links,
    revoke_links,
)
from cloud_ingest.entries.sign_in import Visitor
from cloud_ingest.errors import UserError
from cloud_ingest.exports.link_cards import card_of, cards_csv
from cloud_ingest.http.download import download
from cloud_ingest.http.resources import Now, Reading, Writing
from cloud_ingest.month.resident_links import links_to_hand_out
from cloud_ingest.views.self_read_queue import queue
from cloud_ingest.web.access import needs
from cloud_ingest.web.forms import CheckedForm, Form
from cloud_ingest.web.page import page, see_other
from shared_schema.catalogue import Service

router = APIRouter()
MOST_LINKS: Final = 100
"""On one page."""
Deciding = Annotated[Visitor, needs(Right.SELF_READS_DECIDE)]


@router.get("/queue")
def waiting(request: Request, visitor: Deciding, store: Reading) -> Response:
    """Show what residents sent and waits, the worst first; or all of it."""
    asked = Form(dict(request.query_params), {})
    unit, everything = asked.text("unit"), asked.text("show") == "all"
    found = queue(
        store.conn,
        visitor.society_id,
        waiting=not everything,
        subject=same_name(unit) if unit else None,
        page=_number(asked.text("page"), 1),
    )
    return page(request, "queue.html", found=found, everything=everything, unit=unit)


@router.get("/queue/photo")
def photo(visitor: Deciding, store: Reading, receipt: str = "") -> Response:
    """Return the photo that came with a value."""
    jpeg = photo_of(store.conn, visitor.society, receipt)
    headers = {"Cache-Control": "private, max-age=3600"}
    return Response(jpeg, media_type="image/jpeg", headers=headers)


@router.post("/queue/decide")
def word(form: CheckedForm, visitor: Deciding, store: Writing, now: Now) -> Response:
    """Take a person's word on what waits: once and for all."""
    said = form.text("word")
    if said not in {"approve", "refuse"}:
        raise UserError("say whether the reading is taken or refused")
    decide(
        store.conn,
        visitor.society,
        form.text("receipt"),
        approve=said == "approve",
        by=visitor.name,
        reason=form.text("reason"),
        now=now,
    )
    return see_other("/queue", said="read-approved" if said == "approve" else "read-refused")


@router.get("/queue/links")
def links(request: Request, visitor: Deciding, store: Reading, now: Now) -> Response:
    """Show which links open something, and give out new ones."""
    unit = request.query_params.get("unit", "").strip()
    found = open_links(store.conn, visitor.society, same_name(unit) if unit else None, now)
    return page(
        request,
        "links.html",
        found=found[:MOST_LINKS],
        total=len(found),
        unit=unit,
        month=str(named_month(None, store.zone, now)),
        days=DEFAULT_DAYS,
        most_days=MOST_DAYS,
        has_address=store.settings.public_url is not None,
    )


@router.post("/queue/links/make")
def give_link(
    request: Request, form: CheckedForm, visitor: Deciding, store: Writing, now: Now
) -> Response:
    """Make a link for a unit, and show it once."""
    service = form.text("service")
    made = make_link(
        store.conn,
        visitor.society,
        same_name(form.text("unit")),
        Service(service) if service in set(Service) else None,
        days=_number(form.text("days"), DEFAULT_DAYS),
        by=visitor.name,
        now=now,
    )
    base = store.settings.public_url or str(request.base_url)
    return page(request, "link_made.html", made=made, address=made.address(base))


@router.post("/queue/links/revoke")
def take_links_back(form: CheckedForm, visitor: Deciding, store: Writing, now: Now) -> Response:
    """Revoke every link of a unit."""
    unit, reason = same_name(form.text("unit")), form.text("reason")
    revoke_links(store.conn, visitor.society, unit, by=visitor.name, reason=reason, now=now)
    return see_other("/queue/links", said="links-revoked")


@router.post("/queue/links/sheet")
def sheet(form: CheckedForm, visitor: Deciding, store: Writing, now: Now) -> Response:
    """Give a sheet with a link for each unit whose dial is still to be read."""
    base = store.settings.public_url
    if base is None:
        raise UserError("a QR code wants an address: let your operator set public_url")
    month = named_month(form.text("month") or None, store.zone, now)
    is_csv = form.text("form") == "csv"
    with store.conn.transaction():  # no link without its sheet
        handed = links_to_hand_out(
            store.conn,
            visitor.society,
            month,
            by=visitor.name,
            days=_number(form.text("days"), DEFAULT_DAYS),
            window=store.settings.self_read_window(visitor.society),
            now=now,
        )
        cards = [card_of(each, base) for each in handed]
        if is_csv:
            data, kind = cards_csv(cards, store.zone), "text/csv; charset=utf-8"
        else:
            from cloud_ingest.exports.link_sheet import sheet_pdf  # noqa: PLC0415  nothing else needs it

            data, kind = sheet_pdf(cards, store.zone), "application/pdf"
    name = f"links-{month}.{'csv' if is_csv else 'pdf'}"
    return download(data, kind, name)


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else otherwise
