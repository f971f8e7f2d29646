# SPDX-License-Identifier: MIT
"""``cloud-ingest water``: water that came in without a meter.

In: options as a person typed them. Out: lines, a table or JSON. Never: a decision.
"""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cloud_ingest.cli.by_hand import At, Number, Shows, Tower, amount, say_anew, show_list, tell
from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import (
    By,
    Config,
    Dsn,
    Json,
    MonthNamed,
    Reason,
    Society,
    TheSociety,
    moment,
    opened_store,
)
from cloud_ingest.entries.by_hand import WATER_SOURCES, enter_by_hand

app = new_group("Water that came in without a meter: tankers, wells.")


@app.command("add")
def add(
    kilolitres: Annotated[str, typer.Argument(help="How much, in kL.")],
    *,
    society: Society,
    tower: Tower = None,
    source: Annotated[
        str, typer.Option("--source", help=f"From where: {', '.join(WATER_SOURCES)}.")
    ],
    at: At = None,
    by: By,
    reason: Shows = "as delivered",
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Enter water that came in without a meter; it counts in the balance of its tower.

    Example: cloud-ingest water add 10 --tower A --source tanker --at "2026-09-03 09:00"
    --by caretaker --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        now = datetime.now(UTC)
        done = enter_by_hand(
            opened.conn,
            society,
            tower,
            source,
            amount(kilolitres),
            at=now if at is None else moment(at, opened.zone),
            by=by,
            reason=reason,
            now=now,
        )
        tell(done, society, opened)


@app.command("correct")
def correct(
    number: Number,
    kilolitres: Annotated[str, typer.Argument(help="How much, in kL.")],
    *,
    society: Society,
    by: By,
    reason: Reason,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Correct an entry; what it said before is kept.

    Example: cloud-ingest water correct 1 9 --by manager --reason "typing error"
    --society "Lake View"
    """
    say_anew(
        number,
        amount(kilolitres),
        society=society,
        is_generator=False,
        by=by,
        reason=reason,
        dsn=dsn,
        config=config,
    )


@app.command("take-back")
def take_back(
    number: Number,
    *,
    society: Society,
    by: By,
    reason: Reason,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Take an entry back; what it said is kept.

    Example: cloud-ingest water take-back 1 --by manager --reason "entered twice"
    --society "Lake View"
    """
    say_anew(
        number,
        None,
        society=society,
        is_generator=False,
        by=by,
        reason=reason,
        dsn=dsn,
        config=config,
    )


@app.command("list")
def list_(
    month: MonthNamed = None,
    *,
    society: TheSociety = None,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Show what was entered by hand for a month, and by whom.

    Example: cloud-ingest water list 2026-09 --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        show_list(opened, society, month, is_generator=False, json=json)
