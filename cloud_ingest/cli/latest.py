# SPDX-License-Identifier: MIT
"""``cloud-ingest latest``: how each meter that serves somebody stands now.

In: a society, perhaps a label. Out: a table, or a line of JSON a meter. Never: a decision.
"""

import json as json_format
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import Config, Dsn, Json, OfUnit, Society, opened_store
from cloud_ingest.cli.say import say
from cloud_ingest.cli.table import Column, figure, local, table
from cloud_ingest.errors import NotFound
from cloud_ingest.views import latest as view

app = new_group()


@app.command("latest")
def latest(
    *,
    society: Society,
    unit: OfUnit = None,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Show the newest register of each meter that serves somebody now.

    Example: cloud-ingest latest --society "Lake View" --unit A-1204

    A register that is marked as not kept came from a gateway whose disk is full. It is shown until
    a reading comes, and is never billed.
    """
    with opened_store(dsn, config) as opened:
        lines = view.latest(opened.conn, society, datetime.now(UTC))
        if unit is not None:
            lines = [one for one in lines if one.subject == unit]
            if not lines:
                raise NotFound(
                    f"no meter serves {unit!r} now: look at its label (cloud-ingest units list)"
                )
        zone = opened.zone
    say(_as_json(lines, zone) if json else _as_table(lines, zone))


def _as_table(lines: Sequence[view.LatestLine], zone: ZoneInfo) -> str:
    columns = [
        Column("Unit"),
        Column("Service"),
        Column("Meter"),
        Column("At", "name"),
        Column("Register", "figure"),
        Column(""),
        Column("Remark"),
    ]
    rows = [
        (
            one.subject,
            one.service,
            one.meter,
            "-" if one.at is None else local(one.at, zone),
            figure(one.value),
            one.unit,
            "not kept" if one.volatile else one.origin or "never read",
        )
        for one in lines
    ]
    return table(columns, rows)


def _as_json(lines: Sequence[view.LatestLine], zone: ZoneInfo) -> str:
    documents = [
        {
            **asdict(one),
            "at": None if one.at is None else one.at.astimezone(zone).isoformat(),
            "value": None if one.value is None else f"{one.value:f}",
            "dial": None if one.dial is None else f"{one.dial:f}",
        }
        for one in lines
    ]
    return "\n".join(map(json_format.dumps, documents))
