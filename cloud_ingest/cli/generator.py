# SPDX-License-Identifier: MIT
"""``cloud-ingest generator``: how long a generator ran.

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
from cloud_ingest.core.balance import GENERATOR
from cloud_ingest.entries.by_hand import enter_by_hand

app = new_group("How long a generator ran.")


@app.command("hours")
def hours(
    ran: Annotated[str, typer.Argument(help="How many hours it ran.")],
    *,
    society: Society,
    tower: Tower = None,
    at: At = None,
    by: By,
    reason: Shows = "as its counter shows",
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Enter how many hours a generator ran until a time.

    Example: cloud-ingest generator hours 4.5 --tower A --at "2026-09-03 09:00"
    --by caretaker --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        now = datetime.now(UTC)
        done = enter_by_hand(
            opened.conn,
            society,
            tower,
            GENERATOR,
            amount(ran),
            at=now if at is None else moment(at, opened.zone),
            by=by,
            reason=reason,
            now=now,
        )
        tell(done, society, opened)


@app.command("correct")
def correct(
    number: Number,
    ran: Annotated[str, typer.Argument(help="How many hours it ran.")],
    *,
    society: Society,
    by: By,
    reason: Reason,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Correct an entry; what it said before is kept.

    Example: cloud-ingest generator correct 2 4 --by manager --reason "typing error"
    --society "Lake View"
    """
    say_anew(
        number,
        amount(ran),
        society=society,
        is_generator=True,
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

    Example: cloud-ingest generator take-back 2 --by manager --reason "entered twice"
    --society "Lake View"
    """
    say_anew(
        number,
        None,
        society=society,
        is_generator=True,
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

    Example: cloud-ingest generator list 2026-09 --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        show_list(opened, society, month, is_generator=True, json=json)
