# SPDX-License-Identifier: MIT
"""What each subject used a day in the months before one: the history that doubts a month.

In: published numbers of a society. Out: daily means, by subject and service. Never: a month that
was counted only in part.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from cloud_ingest.core.month import Month, next_month
from cloud_ingest.month.boundaries import SubjectService
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.past_use import past_use
from shared_schema.catalogue import Service

YEARS_LOOKED_AT: Final = 1
"""So long may a season be away."""

DailyMeans = Mapping[SubjectService, Sequence[Decimal]]


def daily_means(conn: Connection, society_id: int, month: Month) -> DailyMeans:
    """Return what each subject used a day, in kWh or kL, in each of the months before one."""
    first = month.first
    since = f"{first.year - YEARS_LOOKED_AT}-{first.month:02}"
    return {
        SubjectService(used.subject_type, used.subject, Service(used.service)): [
            quantity / _days(name)
            for name, quantity in zip(used.months, used.quantities, strict=True)
        ]
        for used in past_use(conn, society_id, since, str(month))
    }


def _days(month: str) -> int:
    first = date.fromisoformat(f"{month}-01")
    return (next_month(first) - first).days
