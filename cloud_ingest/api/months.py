# SPDX-License-Identifier: MIT
"""Months of the caller's society: what was published."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from cloud_ingest.api.access import Caller, needs
from cloud_ingest.api.house import Reading
from cloud_ingest.core.api_token import Scope
from cloud_ingest.month.report import MonthReport, as_json, month_report

router = APIRouter(tags=["months"])

NamedMonth = Annotated[str, Path(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", examples=["2026-07"])]


@router.get("/months/{month}", response_model=MonthReport)
def closed_month(
    month: NamedMonth, caller: Annotated[Caller, needs(Scope.MONTHS_READ)], store: Reading
) -> Response:
    """Return a closed month: per unit what was used, how good it is, where it goes.

    The same document as `cloud-ingest report --json`.
    """
    found = month_report(store.conn, caller.society, month)
    return Response(as_json(found), media_type="application/json")
