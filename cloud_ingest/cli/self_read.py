# SPDX-License-Identifier: MIT
"""``cloud-ingest self-read``: a dial as a person read it.

In: a label, what its dial shows. Out: a line that says what is stored. Never: a decision.
"""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import (
    Config,
    Dsn,
    Serial,
    Society,
    Source,
    Subject,
    SubjectType,
    decimal,
    moment,
    opened_store,
)
from cloud_ingest.cli.say import say
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.self_read import self_read as take_self_read
from shared_schema.billing import BILLING_UNITS
from shared_schema.catalogue import Service

app = new_group()


@app.command("self-read")
def self_read(
    unit: Subject,
    value: Annotated[str, typer.Argument(help="What the dial shows: kWh, or kL of water.")],
    *,
    society: Society,
    service: Annotated[Service, typer.Option("--service", help="What the dial counts.")],
    by: Annotated[str, typer.Option("--by", help="Who read it.")],
    at: Annotated[
        str | None, typer.Option("--at", help="When, in local time [default: now].")
    ] = None,
    source: Source = None,
    meter: Serial = None,
    subject_type: SubjectType = "unit",
    force: Annotated[
        str | None, typer.Option("--force", help="Why a value that seems wrong is right.")
    ] = None,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Take what a resident or the caretaker read from a dial.

    Example: cloud-ingest self-read C-0304 4711.3 --service electricity
    --at "2026-09-01 09:00" --by "resident of C-0304" --society "Sunrise Heights"
    """
    with opened_store(dsn, config) as opened:
        now = datetime.now(UTC)
        done = take_self_read(
            opened.conn,
            society,
            NamedMeter(unit, service, source=source, subject_type=subject_type, serial=meter),
            value=decimal(value),
            at=now if at is None else moment(at, opened.zone),
            by=by,
            now=now,
            force_because=force,
        )
    measure = BILLING_UNITS[service]
    since = "" if done.used is None else f", {done.used:f} {measure} since the last"
    say(f"{unit} {service}: {done.value:f} {measure} is stored{since}")
