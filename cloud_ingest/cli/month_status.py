# SPDX-License-Identifier: MIT
"""``cloud-ingest month status``: where a month stands, in one sentence.

In: a month. Out: sentences or JSON. Never: a decision.
"""

from datetime import UTC, datetime

from pydantic import TypeAdapter

from cloud_ingest.cli.month_status_text import status_text
from cloud_ingest.cli.options import Config, Dsn, Json, MonthNamed, TheSociety, opened_store
from cloud_ingest.cli.say import say
from cloud_ingest.core.month_name import named_month
from cloud_ingest.month.status import MonthStatus, month_status
from cloud_ingest.store.registry import one_society


def status(
    month: MonthNamed = None,
    *,
    society: TheSociety = None,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Say where a month stands: how many numbers are final, what is missing, what to do.

    Example: cloud-ingest month status October
    """
    with opened_store(dsn, config) as opened:
        now = datetime.now(UTC)
        span = named_month(month, opened.zone, now)
        name = one_society(opened.conn, society)
        found = month_status(
            opened.conn,
            name,
            span,
            now,
            window=opened.settings.self_read_window(name),
            grace=opened.settings.close_grace,
        )
        zone = opened.zone
    if json:
        say(TypeAdapter(MonthStatus).dump_json(found, indent=2, by_alias=True).decode())
    else:
        say(status_text(found, zone, now))
