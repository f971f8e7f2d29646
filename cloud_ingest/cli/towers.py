# SPDX-License-Identifier: MIT
"""``cloud-ingest towers``: where each tower's electricity and water went in a month.

In: a month. Out: a table or JSON. Never: a decision.
"""

import json as json_format
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.json_text import decimal_text
from cloud_ingest.cli.options import Config, Dsn, Json, Month, Opened, Society, opened_store
from cloud_ingest.cli.published import state_line
from cloud_ingest.cli.say import say
from cloud_ingest.cli.table import Column, figure, table
from cloud_ingest.core.month import Month as MonthSpan
from cloud_ingest.month.published import shown_balances, shown_day_balances
from cloud_ingest.month.to_show import month_to_show
from cloud_ingest.store.manifests import closed_at
from cloud_ingest.store.registry import find_society
from cloud_ingest.views.balances import TowerBalance, day_balances, month_balances
from cloud_ingest.views.usage import day_usage, month_usage
from shared_schema.billing import BILLING_UNITS

app = new_group()


@dataclass(frozen=True, slots=True)
class _Towers:
    """The balances of a month, or of its days."""

    month: str
    zone: ZoneInfo
    closed_at: datetime | None
    """None: so far."""
    balances: Sequence[TowerBalance]


@app.command("towers")
def towers(
    *,
    society: Society,
    month: Month,
    days: Annotated[bool, typer.Option("--days", help="Each day.")] = False,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Show where each tower's electricity and water went in a month: so far, or as published.

    Example: cloud-ingest towers --society "Lake View" --month 2026-07
    """
    with opened_store(dsn, config) as opened:
        conn, zone = opened.conn, opened.zone
        society_id = find_society(conn, society)
        span = month_to_show(conn, society_id, month, zone, datetime.now(UTC))
        found = _Towers(
            month,
            zone,
            closed_at(conn, society_id, month),
            _balances(opened, society, society_id, span, days=days),
        )
    say(_as_json(found) if json else _as_table(found, days=days))


def _balances(
    opened: Opened, society: str, society_id: int, span: MonthSpan, *, days: bool
) -> Sequence[TowerBalance]:
    """Return what was published of a closed month; of an open one what is known so far."""
    conn, zone, window = opened.conn, opened.zone, opened.settings.self_read_window(society)
    if days:
        shown = shown_day_balances(conn, society_id, span, zone, self_read_window=window)
        if shown is None:
            shown = day_balances(
                day_usage(conn, society_id, span, zone, self_read_window=window), zone
            )
        return shown
    published = shown_balances(conn, society_id, span)
    if published is None:
        return month_balances(month_usage(conn, society_id, span, self_read_window=window))
    return published


def _as_table(found: _Towers, *, days: bool) -> str:
    columns = [
        *([Column("Day", "name")] if days else []),
        Column("Tower"),
        Column("Service"),
        *(Column(name, "figure") for name in ("Bulk", "Units", "Common", "Loss")),
        Column("Units known", "figure"),
    ]
    rows = [
        (
            *(() if row.day is None else (str(row.day),)),
            row.tower,
            f"{row.service.value}, {BILLING_UNITS[row.service]}",
            figure(row.balance.bulk),
            figure(row.balance.units),
            figure(row.balance.common),
            figure(row.balance.loss),
            f"{row.balance.units_known}/{row.balance.units_total}",
        )
        for row in found.balances
    ]
    state = state_line(found.month, found.closed_at, found.zone)
    return f"{state}\n\n{table(columns, rows)}"


def _as_json(found: _Towers) -> str:
    towers = [
        {
            "tower": row.tower,
            "service": row.service.value,
            "day": None if row.day is None else str(row.day),
            "unit": BILLING_UNITS[row.service],
            "bulk": decimal_text(row.balance.bulk),
            "units": decimal_text(row.balance.units),
            "common": decimal_text(row.balance.common),
            "loss": decimal_text(row.balance.loss),
            "units_known": row.balance.units_known,
            "units_total": row.balance.units_total,
        }
        for row in found.balances
    ]
    document = {
        "month": found.month,
        "state": "open" if found.closed_at is None else "closed",
        "closed_at": None
        if found.closed_at is None
        else found.closed_at.astimezone(found.zone).isoformat(),
        "towers": towers,
    }
    return json_format.dumps(document, indent=2)
