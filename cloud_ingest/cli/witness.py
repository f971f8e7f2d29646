# SPDX-License-Identifier: MIT
"""``cloud-ingest witness``: what a dial shows before witnesses, beside what is held.

In: a label, the digits, who looked. Out: one sentence. Never: a changed number.
"""

from datetime import UTC, datetime
from typing import Annotated

import typer
from pydantic import TypeAdapter

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import (
    Config,
    Dsn,
    Json,
    Serial,
    Source,
    Subject,
    SubjectType,
    TheSociety,
    moment,
    opened_store,
)
from cloud_ingest.cli.say import say
from cloud_ingest.cli.sentences import wrapped
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.witness import witness as compare
from cloud_ingest.store.registry import one_society
from cloud_ingest.store.witness_reads import WitnessRead
from shared_schema.catalogue import Service

app = new_group()


@app.command("witness")
def witness(
    unit: Subject,
    value: Annotated[str, typer.Argument(help="The digits as they stand on the dial.")],
    *,
    by: Annotated[str, typer.Option("--by", help="Who read it; kept for ever.")],
    service: Annotated[Service, typer.Option("--service", help="What the dial counts.")],
    at: Annotated[
        str | None, typer.Option("--at", help="When, in local time [default: now].")
    ] = None,
    beside: Annotated[
        str | None, typer.Option("--with", help="Who stood beside, such as the resident.")
    ] = None,
    society: TheSociety = None,
    source: Source = None,
    meter: Serial = None,
    subject_type: SubjectType = "unit",
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Say whether a dial agrees with what is held, and keep the answer; no number changes.

    Example: cloud-ingest witness A-1204 04711 --service electricity --at "2026-11-03 09:00"
    --by manager --with "resident of A-1204" --society "Sunrise Heights"
    """
    with opened_store(dsn, config) as opened:
        now = datetime.now(UTC)
        found = compare(
            opened.conn,
            one_society(opened.conn, society),
            NamedMeter(unit, service, source=source, subject_type=subject_type, serial=meter),
            shown=value,
            at=now if at is None else moment(at, opened.zone),
            by=by,
            beside=beside,
            now=now,
        )
    if json:
        say(TypeAdapter(WitnessRead).dump_json(found).decode())
    else:
        say("\n".join(wrapped(found.sentence)))
