# SPDX-License-Identifier: MIT
"""``cloud-ingest towers``: where each tower's electricity and water went in a month so far.

In: a month. Out: a table or JSON. Never: a decision.
"""

import json as json_format
from collections.abc import Sequence
from typing import Annotated

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.json_text import decimal_text
from cloud_ingest.cli.options import Config, Dsn, Json, Month, Society, opened_store
from cloud_ingest.cli.table import Column, figure, table
from cloud_ingest.core.month import parse_month
from cloud_ingest.store.registry import find_society
from cloud_ingest.views.balances import TowerBalance, day_balances, month_balances
from cloud_ingest.views.usage import day_usage, month_usage
from shared_schema.billing import BILLING_UNITS

app = new_group()


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
    """Show where each tower's electricity and water went in a month so far.

    Example: cloud-ingest towers --society "Lake View" --month 2026-07
    """
    with opened_store(dsn, config) as opened:
        conn, zone = opened.conn, opened.zone
        society_id, span = find_society(conn, society), parse_month(month, zone)
        found = (
            day_balances(day_usage(conn, society_id, span, zone))
            if days
            else month_balances(month_usage(conn, society_id, span))
        )
    typer.echo(_as_json(found) if json else _as_table(found, days=days))


def _as_table(found: Sequence[TowerBalance], *, days: bool) -> str:
    columns = [
        *([Column("Day", "name")] if days else []),
        Column("Tower"),
        Column("Service"),
        *(Column(name, "figure") for name in ("Bulk", "Units", "Common", "Loss")),
        Column(""),
        Column("Units known", "figure"),
    ]
    rows = [
        (
            *(() if row.day is None else (str(row.day),)),
            row.tower,
            row.service.value,
            figure(row.balance.bulk),
            figure(row.balance.units),
            figure(row.balance.common),
            figure(row.balance.loss),
            BILLING_UNITS[row.service],
            f"{row.balance.units_known}/{row.balance.units_total}",
        )
        for row in found
    ]
    return table(columns, rows)


def _as_json(found: Sequence[TowerBalance]) -> str:
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
        for row in found
    ]
    return json_format.dumps({"towers": towers}, indent=2)
