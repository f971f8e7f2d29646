# SPDX-License-Identifier: MIT
"""``cloud-ingest explain``: where a number comes from, in plain words.

In: a label, a service, a month. Out: sentences or JSON. Never: a decision.
"""

from datetime import UTC, datetime
from typing import Annotated

import typer
from pydantic import TypeAdapter

from cloud_ingest.cli.explain_text import explanation_text
from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import Config, Dsn, Json, OneUnit, Society, SubjectType, opened_store
from cloud_ingest.cli.say import say
from cloud_ingest.month.explain import Asked
from cloud_ingest.month.explain import explain as explain_month
from cloud_ingest.month.explanation import Explanation
from shared_schema.catalogue import Service

app = new_group()


@app.command("explain")
def explain(
    *,
    society: Society,
    unit: OneUnit,
    service: Annotated[Service, typer.Option("--service", help="What its meters count.")],
    month: Annotated[str, typer.Option("--month", help="Such as 2026-07; it may still run.")],
    subject_type: SubjectType = "unit",
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Say where a number comes from: each border, each reading not taken, each version.

    Example: cloud-ingest explain --unit A-1204 --service water --month 2026-10
    --society "Sunrise Heights"
    """
    with opened_store(dsn, config) as opened:
        found = explain_month(
            opened.conn,
            Asked(society, month, unit, service, subject_type),
            datetime.now(UTC),
            self_read_window=opened.settings.self_read_window,
            estimates=opened.settings.estimates,
        )
        zone = opened.zone
    if json:
        say(TypeAdapter(Explanation).dump_json(found, indent=2, by_alias=True).decode())
    else:
        say(explanation_text(found, zone))
