# SPDX-License-Identifier: MIT
"""Months of the caller's society: where one stands, what was published, what changed, its files."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AwareDatetime, TypeAdapter
from starlette.responses import Response

from cloud_ingest.api.access import Caller, needs
from cloud_ingest.core.api_token import Scope
from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.month import Month, parse_month
from cloud_ingest.exports.formats import (
    MEDIA_TYPES,
    UNIT_MEDIA_TYPES,
    Format,
    UnitFormat,
    file_name,
    month_file,
    unit_file,
    unit_file_name,
)
from cloud_ingest.http.download import download
from cloud_ingest.http.resources import Now, Reading
from cloud_ingest.month.changes_after import MonthChanges, month_changes, settles_at
from cloud_ingest.month.exported import Owner, month_export, unit_export
from cloud_ingest.month.report import MonthReport, as_json, month_report
from cloud_ingest.month.status import MonthStatus, month_status
from cloud_ingest.views.month_sent import MonthSent, month_sent
from shared_schema.balance import Reconciliation

router = APIRouter(tags=["months"])

NamedMonth = Annotated[str, Path(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", examples=["2026-07"])]
Since = Annotated[AwareDatetime | None, Query(description="Only what was sent after it.")]
MayRead = Annotated[Caller, needs(Scope.MONTHS_READ)]
_STATUS = TypeAdapter(MonthStatus)
_CHANGES = TypeAdapter(MonthChanges)
_BALANCES = TypeAdapter(tuple[Reconciliation, ...])


def _span(month: NamedMonth, store: Reading) -> Month:
    return parse_month(month, store.zone)


Span = Annotated[Month, Depends(_span)]


@router.get("/months/{month}", response_model=MonthReport)
def closed_month(month: NamedMonth, caller: MayRead, store: Reading) -> Response:
    """Return a closed month: per unit what was used, how good it is, where it goes.

    The same document as `cloud-ingest report --json`.
    """
    return _json(as_json(month_report(store.conn, caller.society, month)).encode())


@router.get("/months/{month}/status", response_model=MonthStatus)
def status_of_month(span: Span, caller: MayRead, store: Reading, now: Now) -> Response:
    """Say where a month stands, before, during and after it is closed, and what is missing.

    The same document as `cloud-ingest month status --json`.
    """
    window = store.settings.self_read_window(caller.society)
    grace = store.settings.close_grace
    found = month_status(store.conn, caller.society, span, now, window=window, grace=grace)
    return _json(_STATUS.dump_json(found, by_alias=True))


@router.get("/months/{month}/changes", response_model=MonthChanges)
def changes_of_month(span: Span, caller: MayRead, store: Reading, since: Since = None) -> Response:
    """Return each number that changed after it was sent: from what to what, by whom and why.

    The same document as `cloud-ingest month changes --json`.
    """
    settled = settles_at(store.settings.run_rules(caller.society), span, store.zone)
    found = month_changes(store.conn, caller.society, span, since, settled_at=settled)
    return _json(_CHANGES.dump_json(found, by_alias=True))


@router.get("/months/{month}/sent")
def sent_of_month(
    span: Span,
    caller: MayRead,
    store: Reading,
    *,
    unit: Annotated[str | None, Query(max_length=128)] = None,
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> MonthSent:
    """Return each message to billing, the newest first, and how far it has got: 100 a page."""
    society = caller.society_id, caller.society
    return month_sent(store.conn, society, span, unit, page=page)


@router.get("/months/{month}/balances", response_model=tuple[Reconciliation, ...])
def balances_of_month(span: Span, caller: MayRead, store: Reading) -> Response:
    """Return each tower's balance of a closed month, as accounting has it."""
    found = month_export(store.conn, caller.society, span)
    return _json(_BALANCES.dump_json(found.reconciliations, by_alias=True))


@router.get("/months/{month}/files/{form}", response_class=Response)
def file_of_month(
    span: Span,
    form: Format,
    caller: MayRead,
    store: Reading,
    *,
    bom: Annotated[bool, Query(description="CSV begins with a byte order mark.")] = False,
    amounts: Annotated[bool, Query(description="The notice shows what flats used.")] = False,
) -> Response:
    """Return a closed month as a file: CSV, XLSX, JSON, or a page for the notice board.

    The same files as `cloud-ingest export`.
    """
    found = month_export(store.conn, caller.society, span)
    written = b"".join(month_file(found, form, bom=bom, amounts=amounts))
    return download(written, MEDIA_TYPES[form], file_name(caller.society, str(span), form.value))


@router.get("/months/{month}/units/{unit:path}/files/{form}", response_class=Response)
def file_of_unit(
    span: Span,
    unit: str,
    form: UnitFormat,
    caller: MayRead,
    store: Reading,
    *,
    subject_type: SubjectKind = "unit",
) -> Response:
    """Return one unit's own month as a file: ESPI (Green Button), CSV or JSON.

    The same files as `cloud-ingest export-unit`.
    """
    found, days = unit_export(store.conn, caller.society, span, Owner(subject_type, unit))
    written = b"".join(unit_file(found, form, days))
    return download(written, UNIT_MEDIA_TYPES[form], unit_file_name(unit, str(span), form))


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
