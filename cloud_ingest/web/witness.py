# SPDX-License-Identifier: MIT
"""A dial before witnesses, and a valve test: what somebody sees who does not believe a number.

In: digits, times, who stood beside. Out: a sentence. Never: a changed number.
"""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from cloud_ingest.core.role import Right
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.sign_in import Visitor
from cloud_ingest.entries.valve import Dial, test_of_valve
from cloud_ingest.entries.witness import witness, witnessed
from cloud_ingest.errors import NotFound, SelfReadRefused
from cloud_ingest.http.resources import Now, Opened, Reading, Writing
from cloud_ingest.web.access import needs
from cloud_ingest.web.forms import CheckedForm, Form
from cloud_ingest.web.page import page
from cloud_ingest.web.self_read import typed_moment
from cloud_ingest.web.unit import whose
from shared_schema.catalogue import Service

router = APIRouter()
Writer = Annotated[Visitor, needs(Right.WITNESS_WRITE)]


@router.get("/unit/witness")
def look(
    request: Request,
    visitor: Writer,
    store: Reading,
    now: Now,
    *,
    unit: str,
    service: Service = Service.WATER,
) -> Response:
    """Ask for a dial, and show what was read of it before."""
    return _page(request, visitor, store, now, _named(visitor, store, unit, service))


@router.post("/unit/witness")
def keep(
    request: Request, visitor: Writer, form: CheckedForm, store: Writing, now: Now
) -> Response:
    """Hold a dial against what is known, and keep the answer."""
    named = _named(visitor, store, form.text("unit"), _service(form))
    try:
        found = witness(
            store.conn,
            visitor.society,
            named,
            shown=form.text("shown"),
            at=_at(form, "at", store),
            by=visitor.name,
            beside=form.text("beside") or None,
            now=now,
        )
    except SelfReadRefused as refused:
        return _page(request, visitor, store, now, named, wrong=str(refused))
    return _page(request, visitor, store, now, named, found=found)


@router.post("/unit/valve")
def valve(
    request: Request, visitor: Writer, form: CheckedForm, store: Writing, now: Now
) -> Response:
    """Say what flowed through a closed valve."""
    named = _named(visitor, store, form.text("unit"), _service(form))
    try:
        tested = test_of_valve(
            store.conn,
            visitor.society,
            named,
            Dial(form.text("first"), _at(form, "begun", store)),
            Dial(form.text("last"), _at(form, "ended", store)),
            by=visitor.name,
            beside=form.text("beside") or None,
            now=now,
        )
    except SelfReadRefused as refused:
        return _page(request, visitor, store, now, named, wrong=str(refused))
    return _page(request, visitor, store, now, named, tested=tested)


def _named(visitor: Visitor, store: Opened, unit: str, service: Service) -> NamedMeter:
    found = whose(visitor, store, unit, "unit")
    if found is None:
        raise NotFound("name a unit: ?unit=A-1204")
    return NamedMeter(found.subject, service)


def _service(form: Form) -> Service:
    text = form.text("service")
    if text not in set(Service):
        raise SelfReadRefused("say what the dial counts: electricity or water")
    return Service(text)


def _at(form: Form, name: str, store: Opened) -> datetime:
    return typed_moment(form.text(name), store.zone)


def _page(
    request: Request,
    visitor: Visitor,
    store: Opened,
    now: datetime,
    named: NamedMeter,
    **said: object,
) -> Response:
    return page(
        request,
        "witness.html",
        422 if "wrong" in said else 200,
        named=named,
        reads=witnessed(store.conn, visitor.society, named)[::-1],
        here=f"{now.astimezone(store.zone):%Y-%m-%dT%H:%M}",
        services=Service,
        **{"wrong": None, "found": None, "tested": None, **said},
    )
