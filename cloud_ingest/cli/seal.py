# SPDX-License-Identifier: MIT
"""``cloud-ingest seal``: the seals on meters.

In: options as a person typed them. Out: lines, a table or JSON. Never: a decision.
"""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.json_text import json_text
from cloud_ingest.cli.options import (
    By,
    Config,
    Dsn,
    Json,
    Reason,
    Society,
    moment,
    opened_store,
)
from cloud_ingest.cli.say import say
from cloud_ingest.cli.table import Column, local, table
from cloud_ingest.entries.bindings import Said, meters_of
from cloud_ingest.entries.seals import see_seals
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.seals import seals_seen

app = new_group("The seals on meters.")


@app.command("seen")
def seal_seen(
    meter: Annotated[str, typer.Argument(help="Its serial number, or MAKER/SERIAL.")],
    seals: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SEAL...]", help="All seals on it [default: it had none]."),
    ] = None,
    *,
    society: Society,
    at: Annotated[str, typer.Option("--at", help="When they were seen, in local time.")],
    by: By,
    reason: Reason,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Record which seals were on a meter at a time; a proof shows them beside its serial number.

    Example: cloud-ingest seal seen 26100001 S-4711 S-4712 --at "2026-12-01 09:00" --by caretaker
    --reason "terminal cover opened and sealed again" --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        said = Said(by, reason, datetime.now(UTC))
        seen_at = moment(at, opened.zone)
        is_new = see_seals(opened.conn, society, meter, seals or (), said, at=seen_at)
    say(f"meter {meter}: {', '.join(seals or ()) or 'no seal'}{'' if is_new else ', as known'}")


@app.command("list")
def seal_list(
    meter: Annotated[
        str | None, typer.Argument(help="Its serial number, or MAKER/SERIAL [default: all].")
    ] = None,
    *,
    society: Society,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """List which seals were seen on meters, when and by whom.

    Example: cloud-ingest seal list 26100001 --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        society_id, zone = find_society(opened.conn, society), opened.zone
        named = None if meter is None else meters_of(opened.conn, society_id, society, [meter])
        found = seals_seen(opened.conn, society_id, named)
    if json:
        say(json_text([asdict(each) for each in found]))
    elif not found:
        say("No seal was recorded.")
    else:
        columns = [Column("Meter"), Column("Seen", "name"), Column("Seals"), Column("Why, by whom")]
        rows = [
            (
                f"{each.manufacturer} {each.serial}",
                local(each.seen_at, zone),
                ", ".join(each.seals) or "none",
                f"{each.reason}; {each.author}",
            )
            for each in found
        ]
        say(table(columns, rows))
