# SPDX-License-Identifier: MIT
"""A resident sends what a dial shows: by a personal link, or signed in.

The link stands behind the ``#`` of its address, which no browser sends: a script, or a person who
pastes it, posts it once, and a cookie keeps it for `OPEN_S`. A value is checked first, at an
address that keeps nothing. Its client id is made of what it says: sending it twice, after a break
of the network too, changes nothing.

In: digits, a time, a photo. Out: pages, receipts. Never: a decision; a neighbour's data.
"""

import hashlib
from datetime import datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from cloud_ingest.core.month import is_one_moment
from cloud_ingest.core.role import Right
from cloud_ingest.core.typed_text import typed_time
from cloud_ingest.entries.self_read_asked import receipt_of
from cloud_ingest.entries.self_read_links import open_link
from cloud_ingest.entries.self_read_look import Sent
from cloud_ingest.entries.self_read_photo import made_anew, made_or_not
from cloud_ingest.entries.self_read_reader import (
    Reader,
    asked_of,
    check_dial,
    own_submission,
    reader_by_link,
    reader_signed_in,
    send_dial,
    sent_before,
)
from cloud_ingest.entries.self_read_submit import attach_photo
from cloud_ingest.errors import LinkRefused, PhotoRefused, SelfReadRefused
from cloud_ingest.http.resources import Now, Opened, Writing, resources_of
from cloud_ingest.web import cookies
from cloud_ingest.web.access import OPEN, SignInFirst
from cloud_ingest.web.forms import CheckedForm, Form
from cloud_ingest.web.page import page, see_other
from shared_schema.catalogue import Service

router = APIRouter(tags=[OPEN])
OPEN_S: Final = 3600
"""How long a browser keeps a link open."""


def _reader(request: Request, store: Writing, now: Now) -> Reader:
    """Return who reads.

    Raises:
        LinkRefused: the browser's link opens nothing now.
        SignInFirst: it has none, and no resident is signed in.
    """
    text = request.cookies.get(cookies.named(cookies.LINK, secure=request.state.secure))
    if text is not None:
        reader = reader_by_link(open_link(store.conn, text, now))
        if (number := reader.sender.link_id) is not None:
            resources_of(request).require_rate(("link", number), "this link")
        return reader
    visitor = request.state.visitor
    if visitor is None or not visitor.may(Right.OWN_UNIT) or visitor.unit is None:
        raise SignInFirst
    return reader_signed_in(visitor.society_id, visitor.society, visitor.unit, visitor.name)


def _reader_or_start(request: Request, store: Writing, now: Now) -> Reader:
    try:
        return _reader(request, store, now)
    except SignInFirst:
        raise HTTPException(303, headers={"Location": "/self-read"}) from None


OfReader = Annotated[Reader, Depends(_reader_or_start)]


@router.get("/self-read")
def self_read(request: Request, store: Writing, now: Now) -> Response:
    """Show the dials that can be read; who has opened no link is asked for it."""
    try:
        reader = _reader(request, store, now)
    except SignInFirst:
        return _ask_for_link(request, is_wrong=False)
    except LinkRefused:
        answer = _ask_for_link(request, is_wrong=True)
        cookies.forget(answer, cookies.LINK, secure=request.state.secure)
        return answer
    return _dials(request, store, reader, now)


@router.post("/self-read/link")
def take_link(request: Request, form: CheckedForm, store: Writing, now: Now) -> Response:
    """Open a personal link: its whole address, or what stands behind its ``#``."""
    text = form.text("link").rpartition("#")[2].strip()
    try:
        open_link(store.conn, text, now)
    except LinkRefused:
        return _ask_for_link(request, is_wrong=True)
    answer = see_other("/self-read")
    secure = request.state.secure
    cookies.keep(answer, cookies.LINK, text, secure=secure, max_age=OPEN_S)
    return answer


@router.post("/self-read/leave")
def leave(request: Request, form: CheckedForm) -> Response:  # noqa: ARG001 - its token is compared
    """Close the link in this browser."""
    answer = see_other("/self-read", said="link-left")
    cookies.forget(answer, cookies.LINK, secure=request.state.secure)
    return answer


@router.get("/self-read/check")
def check(request: Request, store: Writing, now: Now, reader: OfReader) -> Response:
    """Hold a value against the last one, and keep nothing."""
    asked = Form(dict(request.query_params), {})
    whole, parts = asked.text("whole"), asked.text("parts")
    shown = f"{whole}.{parts}" if parts else whole
    service, source, at = asked.text("service"), asked.text("source"), asked.text("at")
    if not at:
        here = f"{now.astimezone(store.zone):%Y-%m-%dT%H:%M}"
        again = {"service": service, "source": source, "whole": whole, "parts": parts}
        return see_other("/self-read/check", **again, at=here)
    try:
        sent = _sent(reader, service, source, shown, typed_moment(at, store.zone))
        found = check_dial(store.conn, reader, sent, now)
    except SelfReadRefused as refused:
        return _dials(request, store, reader, now, refused=str(refused))
    return page(request, "self_read_check.html", found=found, reader=reader, at=at)


@router.post("/self-read/send")
def send(
    request: Request, form: CheckedForm, store: Writing, now: Now, reader: OfReader
) -> Response:
    """Take a value for good."""
    at = typed_moment(form.text("at"), store.zone)
    made = made_or_not(form.file("photo"))
    sent = _sent(reader, form.text("service"), form.text("source"), form.text("shown"), at)
    try:
        kept = send_dial(store.conn, reader, sent.with_photo(made.sent), now)
    except SelfReadRefused as refused:
        return _dials(request, store, reader, now, refused=str(refused))
    said = "photo-refused" if made.problem else None
    return see_other("/self-read/receipt", receipt=kept.receipt, said=said)


@router.get("/self-read/receipt")
def receipt(request: Request, store: Writing, reader: OfReader, receipt: str = "") -> Response:
    """Show what was kept of a value, and what became of it."""
    found = receipt_of(own_submission(store.conn, reader, receipt))
    return page(request, "self_read_receipt.html", found=found, reader=reader)


@router.post("/self-read/photo")
def photo(form: CheckedForm, store: Writing, now: Now, reader: OfReader) -> Response:
    """Keep the photo of a value that was sent before."""
    kept = own_submission(store.conn, reader, form.text("receipt"))
    number = str(kept.receipt)
    try:
        made = made_anew(form.file("photo") or b"")
    except PhotoRefused:
        return see_other("/self-read/receipt", receipt=number, said="photo-refused")
    attach_photo(store.conn, reader.society_id, number, made, now)
    return see_other("/self-read/receipt", receipt=number, said="photo-kept")


def _ask_for_link(request: Request, *, is_wrong: bool) -> Response:
    status = 401 if is_wrong else 200
    return page(request, "self_read_link.html", status, is_wrong=is_wrong)


def _dials(
    request: Request, store: Opened, reader: Reader, now: datetime, *, refused: str = ""
) -> Response:
    window = store.settings.self_read_window(reader.society)
    return page(
        request,
        "self_read.html",
        422 if refused else 200,
        asked=asked_of(store.conn, reader, window, now),
        before=sent_before(store.conn, reader),
        reader=reader,
        refused=refused,
        typed=request.query_params,
        latest=f"{now.astimezone(store.zone):%Y-%m-%dT%H:%M}",
    )


def _sent(reader: Reader, service: str, source: str, shown: str, at: datetime) -> Sent:
    """Return what is sent of a dial: the same again has the same client id."""
    try:
        of = Service(service)
    except ValueError:
        raise SelfReadRefused(f"{service[:40]!r} is no service: choose a dial") from None
    named = reader.meter(of, source or None)
    words = "\0".join((of, source, shown, f"{at.timestamp():.0f}"))
    digest = hashlib.sha256(words.encode("utf-8", "replace")).hexdigest()
    return Sent(named, f"page-{digest[:32]}", shown, at)


def typed_moment(text: str, zone: ZoneInfo) -> datetime:
    """Read a local time as a form sends it.

    Raises:
        SelfReadRefused: it is none, or as local time it is two.
    """
    try:
        found = typed_time(text).replace(tzinfo=None)
    except ValueError:
        raise SelfReadRefused(f"{text[:40]!r} is no time: choose the day and the time") from None
    if not 2000 <= found.year < 3000 or not is_one_moment(found, zone):
        raise SelfReadRefused(f"{text[:40]!r} is none or two times here: choose another minute")
    return found.replace(tzinfo=zone)
