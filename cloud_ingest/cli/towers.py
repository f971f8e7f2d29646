# SPDX-License-Identifier: MIT
"""``cloud-ingest towers``: where each tower's electricity and water went in a month.

In: a month. Out: sentences and tables, or JSON. Never: a decision.
"""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import Config, Dsn, Json, Month, Society, opened_store
from cloud_ingest.cli.say import say
from cloud_ingest.cli.towers_text import as_json, as_text
from cloud_ingest.store.registry import find_society
from cloud_ingest.views.tower_picture import towers_of

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
        found = towers_of(
            opened.conn,
            find_society(opened.conn, society),
            month,
            opened.zone,
            datetime.now(UTC),
            window=opened.settings.self_read_window(society),
            days=days,
        )
    say(as_json(found, society) if json else as_text(found, society))
