# SPDX-License-Identifier: MIT
"""``cloud-ingest month changes``: what changed of a month after it was closed, by whom and why.

In: a month. Out: sentences or JSON. Never: a decision.
"""

from datetime import UTC, datetime
from typing import Annotated

import typer
from pydantic import TypeAdapter

from cloud_ingest.cli.month_changes_text import changes_text
from cloud_ingest.cli.options import (
    Config,
    Dsn,
    Json,
    MonthNamed,
    TheSociety,
    moment,
    opened_store,
)
from cloud_ingest.cli.say import say
from cloud_ingest.core.month_name import named_month
from cloud_ingest.month.changes_after import MonthChanges, month_changes, settles_at
from cloud_ingest.store.registry import one_society


def changes(
    month: MonthNamed = None,
    *,
    society: TheSociety = None,
    since: Annotated[
        str | None,
        typer.Option("--since", help="Only what was sent after a local time [default: all]."),
    ] = None,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Say which numbers changed after they were sent: from what to what, by whom and why.

    Example: cloud-ingest month changes October
    """
    with opened_store(dsn, config) as opened:
        now, zone = datetime.now(UTC), opened.zone
        span = named_month(month, zone, now)
        name = one_society(opened.conn, society)
        after = None if since is None else moment(since, zone)
        settled = settles_at(opened.settings.run_rules(name), span, zone)
        found = month_changes(opened.conn, name, span, after, settled_at=settled)
    if json:
        say(TypeAdapter(MonthChanges).dump_json(found, indent=2, by_alias=True).decode())
    else:
        say(changes_text(found, zone, now))
