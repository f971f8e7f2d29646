# SPDX-License-Identifier: MIT
"""Where a number comes from: borders, what was not taken, versions; and the pack to check it.

In: a label, a service, a month. Out: pages and files. Never: another unit to a resident.
"""

import functools
import io
import re
import zipfile
from importlib.resources import files
from typing import Annotated, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from cloud_ingest.core import words as clauses
from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.border import MERELY_FARTHER
from cloud_ingest.core.month import parse_month
from cloud_ingest.core.month_name import named_month
from cloud_ingest.core.role import Right
from cloud_ingest.entries.sign_in import Visitor
from cloud_ingest.errors import NotFound
from cloud_ingest.exports.formats import UNIT_MEDIA_TYPES, UnitFormat, unit_file, unit_file_name
from cloud_ingest.http.download import download
from cloud_ingest.http.resources import Now, Opened, Reading
from cloud_ingest.month.explain import Asked, explain
from cloud_ingest.month.exported import Owner, unit_export
from cloud_ingest.prove.proof import prove
from cloud_ingest.prove.sheet import proof_sheet
from cloud_ingest.web.access import OPEN, needs
from cloud_ingest.web.page import page
from cloud_ingest.web.unit import whose
from shared_schema.catalogue import Service
from shared_schema.proof.check import check as check_proof
from shared_schema.proof.pack import write_proof
from shared_schema.proof.words import Language

router = APIRouter()
Looking = Annotated[Visitor, needs(Right.UNIT_SEE, Right.OWN_UNIT)]
MOST_NOT_TAKEN: Final = 6
"""Of a border, on a page; the API and the pack have all."""
_POLICY: Final = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]+)"')
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The same pack has the same bytes."""


def _asked(
    visitor: Visitor, store: Opened, named: tuple[str | None, SubjectKind], month: str, of: Service
) -> Asked:
    found = whose(visitor, store, *named)
    if found is None:
        raise NotFound("name a unit: ?unit=A-1204")
    return Asked(visitor.society, month, found.subject, of, found.kind)


@router.get("/unit/origin")
def origin(
    request: Request,
    visitor: Looking,
    store: Reading,
    now: Now,
    *,
    unit: str | None = None,
    kind: SubjectKind = "unit",
    month: str | None = None,
    service: Service = Service.ELECTRICITY,
) -> Response:
    """Show where a number comes from."""
    name = month or str(named_month(None, store.zone, now))
    found = explain(
        store.conn,
        _asked(visitor, store, (unit, kind), name, service),
        now,
        self_read_window=store.settings.self_read_window(visitor.society),
        estimates=store.settings.estimates_of(visitor.society),
    )
    return page(
        request,
        "origin.html",
        found=found,
        clauses=clauses,
        farther=MERELY_FARTHER,
        most=MOST_NOT_TAKEN,
    )


@router.get("/unit/proof")
def proof(
    request: Request,
    visitor: Looking,
    store: Reading,
    now: Now,
    *,
    month: str,
    unit: str | None = None,
    kind: SubjectKind = "unit",
    service: Service = Service.ELECTRICITY,
) -> Response:
    """Return the pack with which anybody can check a number, offline."""
    span = parse_month(month, store.zone)
    made = prove(
        store.conn,
        _asked(visitor, store, (unit, kind), str(span), service),
        now,
        self_read_window=store.settings.self_read_window(visitor.society),
        estimates=store.settings.estimates_of(visitor.society),
    )
    language: Language = "hi" if request.state.language == "hi" else "en"
    name = f"proof-{made.service}-{made.month}"
    sheet = proof_sheet(made, check_proof(made), f"{name}.json", language)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as pack:
        for file, text in (
            (f"{name}.json", write_proof(made)),
            (f"{name}.html", sheet.encode()),
            ("verify.html", _checker()),
        ):
            pack.writestr(zipfile.ZipInfo(file, _EPOCH), text, zipfile.ZIP_DEFLATED)
    label = re.sub(r"[^\w.-]+", "-", made.subject.id).strip(".-") or made.subject.type
    return download(packed.getvalue(), "application/zip", f"proof-{label}-{made.month}.zip")


@router.get("/unit/file")
def file_of_unit(
    visitor: Looking,
    store: Reading,
    *,
    month: str,
    form: UnitFormat,
    unit: str | None = None,
    kind: SubjectKind = "unit",
) -> Response:
    """Return a unit's closed month as a file, the same as ``cloud-ingest export-unit``."""
    span = parse_month(month, store.zone)
    asked = whose(visitor, store, unit, kind)
    if asked is None:
        raise NotFound("name a unit: ?unit=A-1204")
    owner = Owner(asked.kind, asked.subject)
    found, days = unit_export(store.conn, visitor.society, span, owner)
    written = b"".join(unit_file(found, form, days))
    name = unit_file_name(asked.subject, str(span), form)
    return download(written, UNIT_MEDIA_TYPES[form], name)


@router.get("/check", tags=[OPEN])
def check() -> Response:
    """Return the page that checks a pack, in the browser alone: nothing is sent."""
    policy = _POLICY.search(_checker().decode())
    assert policy is not None  # noqa: S101 - a test holds the file
    return Response(
        _checker(),
        media_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": f"{policy[1]}; frame-ancestors 'none'"},
    )


@functools.cache
def _checker() -> bytes:
    return files("shared_schema").joinpath("verify.html").read_bytes()
