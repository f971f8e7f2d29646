# SPDX-License-Identifier: MIT
"""A month as a file.

In: a month, a format. Out: the same bytes as ``cloud-ingest export``.
"""

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from cloud_ingest.core.month import parse_month
from cloud_ingest.core.role import Right
from cloud_ingest.entries.sign_in import Visitor
from cloud_ingest.exports.formats import MEDIA_TYPES, Format, file_name, month_file
from cloud_ingest.http.download import download
from cloud_ingest.http.resources import Reading
from cloud_ingest.month.exported import month_export
from cloud_ingest.web.access import needs

router = APIRouter()


@router.get("/month/file")
def file_of_month(
    visitor: Annotated[Visitor, needs(Right.MONTH_EXPORT)],
    store: Reading,
    *,
    month: str,
    form: Format,
) -> Response:
    """Return a closed month as a file."""
    span = parse_month(month, store.zone)
    found = month_export(store.conn, visitor.society, span)
    written = b"".join(month_file(found, form, bom=form is Format.CSV, amounts=False))
    return download(written, MEDIA_TYPES[form], file_name(visitor.society, str(span), form.value))
