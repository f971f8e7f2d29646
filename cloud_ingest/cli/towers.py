# SPDX-License-Identifier: MIT
"""``cloud-ingest towers``: where each tower's electricity and water went in a month.

In: a month. Out: sentences and tables, or JSON. Never: a decision.
"""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import Config, Dsn, Json, Month, Opened, Society, opened_store
from cloud_ingest.cli.say import say
from cloud_ingest.cli.towers_text import Shown, as_json, as_text
from cloud_ingest.core.month import Month as MonthSpan
from cloud_ingest.entries.by_hand import entered_in
from cloud_ingest.month.published_balances import (
    shown_balances,
    shown_day_balances,
    shown_society_balances,
)
from cloud_ingest.month.to_show import month_to_show
from cloud_ingest.store.manifests import closed_at
from cloud_ingest.store.ratings import limits_of
from cloud_ingest.store.registry import find_society
from cloud_ingest.usage.balances import TowerBalance, day_balances, month_balances
from cloud_ingest.usage.given_back import days_given_back, given_back_so_far
from cloud_ingest.usage.so_far import day_usage, month_usage

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
    """Show what came into each tower in a month and where it went: so far, or as published.

    Common areas stand by name, sub-bulk meters with what hangs below them. What is unaccounted is
    said with how sure that is.

    Example: cloud-ingest towers --society "Lake View" --month 2026-07
    """
    with opened_store(dsn, config) as opened:
        conn, zone = opened.conn, opened.zone
        society_id = find_society(conn, society)
        span = month_to_show(conn, society_id, month, zone, datetime.now(UTC))
        found = Shown(
            society,
            str(span),
            zone,
            closed_at(conn, society_id, str(span)),
            tuple(_balances(opened, society, society_id, span, days=days)),
            days,
        )
    say(as_json(found) if json else as_text(found))


def _balances(
    opened: Opened, society: str, society_id: int, span: MonthSpan, *, days: bool
) -> list[TowerBalance]:
    """Return what was published of a closed month; of an open one what is known so far."""
    conn, zone, window = opened.conn, opened.zone, opened.settings.self_read_window(society)
    entries = entered_in(conn, society_id, span, zone)
    if days:
        shown = shown_day_balances(conn, society_id, span, zone, entries, self_read_window=window)
        if shown is None:
            usages = day_usage(conn, society_id, span, zone, self_read_window=window)
            given = given_back_so_far(conn, [usage.month for usage in usages])
            exports = days_given_back(conn, given, span, zone)
            shown = day_balances(usages, zone, entries, limits_of(conn, society_id), exports)
        return shown
    published = shown_balances(conn, society_id, span)
    if published is None:
        so_far = month_usage(conn, society_id, span, self_read_window=window)
        given = given_back_so_far(conn, so_far)
        return month_balances(so_far, entries, limits_of(conn, society_id), given)
    return published + shown_society_balances(
        conn, society_id, span, zone, entries, self_read_window=window
    )
