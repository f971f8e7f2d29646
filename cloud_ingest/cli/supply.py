# SPDX-License-Identifier: MIT
"""``cloud-ingest supply``: the hours in which towers have water.

In: options as a person typed them. Out: lines, a table or JSON. Never: a decision.
"""

import json as jsons
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import By, Config, Dsn, Json, Reason, Society, composed, opened_store
from cloud_ingest.cli.say import say
from cloud_ingest.cli.table import Column, counted, table
from cloud_ingest.core.rules.water.points import Point
from cloud_ingest.core.rules.water.supply import SupplySource
from cloud_ingest.core.typed_text import typed_day
from cloud_ingest.entries.supply import enter_supply
from cloud_ingest.errors import SupplyRefused
from cloud_ingest.flags.water_states import WaterRules
from cloud_ingest.flags.water_supply import SupplySaid, supply_of_towers
from cloud_ingest.store.registry import find_society

app = new_group("The hours in which towers have water, where it does not run all day.")
SOURCES = {SupplySource.BULK: "the tower's bulk meter", None: "each meter's own register"}


@app.command("enter")
def supply_enter(
    hours: Annotated[
        str,
        typer.Argument(
            help="Full hours of the day: '06:00-09:00 18:00-20:00'; 'all day'; or 'learnt': the "
            "meters show them."
        ),
    ],
    *,
    society: Society,
    tower: Annotated[
        str | None,
        typer.Option(
            "--tower",
            help="Which tower [default: each that has no entry of its own].",
            callback=composed,
        ),
    ] = None,
    valid_from: Annotated[
        str, typer.Option("--from", help="The first day of which it is said, such as 2026-12-01.")
    ],
    by: By,
    reason: Reason,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Say in which hours a tower has water: its leaks are judged in these alone.

    It is believed before what bulk meters and flats' meters show, until the next entry.

    Example: cloud-ingest supply enter "06:00-09:00 18:00-20:00" --tower A --from 2026-12-01
    --by secretary --reason "board's notice" --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        done = enter_supply(
            opened.conn,
            society,
            tower,
            hours,
            valid_from=_day(valid_from),
            by=by,
            reason=reason,
            now=datetime.now(UTC),
        )
    hours = "as the meters show it" if done.supply is None else str(done.supply)
    say(f"{'all towers' if tower is None else tower}: water {hours}, from {valid_from} on")
    if done.judged_again:
        say(f"{counted(done.judged_again, 'meter')} will be judged again from that day on")


@app.command("list")
def supply_list(
    *, society: Society, json: Json = False, dsn: Dsn = None, config: Config = None
) -> None:
    """Show in which hours each tower has water, from when on, and who says so.

    Example: cloud-ingest supply list --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        rules = WaterRules(opened.zone, Point(opened.settings.water_point))
        society_id = find_society(opened.conn, society)
        found = list(
            supply_of_towers(opened.conn, society_id, rules.name, opened.zone, datetime.now(UTC))
        )
    if json:
        for each in found:
            say(jsons.dumps(_as_json(each), ensure_ascii=False))
    else:
        say(_as_table(found))


def _day(text: str) -> date:
    try:
        return typed_day(text)
    except ValueError:
        raise SupplyRefused(f"--from {text[:40]!r} is no day: write it as 2026-12-01") from None


def _as_table(found: Iterable[SupplySaid]) -> str:
    columns = [Column("Tower", "name"), Column("From", "name"), Column("Hours with water")]
    rows = [
        (
            each.tower,
            "" if each.since is None else str(each.since),
            "" if each.supply is None else str(each.supply),
            SOURCES[None if each.supply is None else each.supply.source]
            if each.entry is None
            else each.entry.author,
            "" if each.entry is None else each.entry.reason,
        )
        for each in found
    ]
    return table([*columns, Column("Said by"), Column("Reason")], rows)


def _as_json(each: SupplySaid) -> dict[str, object]:
    supply, entry = each.supply, each.entry
    return {
        "tower": each.tower,
        "from": None if each.since is None else str(each.since),
        "hours": None if supply is None else sorted(supply.hours),
        "source": SupplySource.METER if supply is None else supply.source,
        "by": None if entry is None else entry.author,
        "reason": None if entry is None else entry.reason,
        "recorded_at": None if entry is None else entry.recorded_at.isoformat(),
    }
