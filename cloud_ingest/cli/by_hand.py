# SPDX-License-Identifier: MIT
"""What ``cloud-ingest water`` and ``cloud-ingest generator`` share: corrections and the list.

In: options as a person typed them. Out: lines, a table or JSON. Never: a decision.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from cloud_ingest.cli.json_text import json_text
from cloud_ingest.cli.options import MonthNamed, Opened, composed, opened_store
from cloud_ingest.cli.published import close_again_lines
from cloud_ingest.cli.say import say
from cloud_ingest.cli.table import Column, local, table
from cloud_ingest.core.balance import GENERATOR
from cloud_ingest.core.month_name import named_month
from cloud_ingest.entries.by_hand import Said, say_again
from cloud_ingest.errors import HandEntryRefused
from cloud_ingest.store.hand_entries import HandEntry, hand_entries
from cloud_ingest.store.registry import find_society, one_society

Tower = Annotated[
    str | None,
    typer.Option("--tower", help="Where [default: for the whole society].", callback=composed),
]
At = Annotated[str | None, typer.Option("--at", help="When, in local time [default: now].")]
Number = Annotated[int, typer.Argument(help="Of the entry, as its list has it.", min=1)]
Shows = Annotated[
    str, typer.Option("--reason", help="What shows it, such as a bill; kept for ever.")
]


def amount(text: str) -> Decimal:
    """Read an amount as a person wrote it.

    Raises:
        HandEntryRefused: it is no number.
    """
    try:
        found = Decimal(text)
    except ArithmeticError:
        found = Decimal("NaN")
    if not found.is_finite():
        raise HandEntryRefused(f"{text[:40]!r} is no amount: give digits, such as 10 or 4.5")
    return found


def tell(done: Said, society: str, opened: Opened) -> None:
    """Say what was recorded, and what has to be closed again for it."""
    entry = done.entry
    where = "the whole society" if entry.tower is None else entry.tower
    what = "taken back" if entry.amount is None else _amount(entry)
    was = "" if done.former is None else f", was {_amount(done.former)}"
    at = local(entry.at, opened.zone)
    say(f"entry {entry.number}: {where}, {entry.source}, {at}: {what}{was}")
    for line in close_again_lines(done.closed, society):
        say(line)


def say_anew(
    number: int,
    amount: Decimal | None,
    *,
    society: str,
    is_generator: bool,
    by: str,
    reason: str,
    dsn: str | None,
    config: Path | None,
) -> None:
    """Correct an entry, or take it back, and say so.

    Args:
        number: Of the entry.
        amount: What it says from now on; None: it is taken back.
        society: Its name.
        is_generator: It has to be hours of a generator, else water.
        by: Who says so.
        reason: Why.
        dsn: The store, as an option names it.
        config: The settings' file, as an option names it.
    """
    with opened_store(dsn, config) as opened:
        done = say_again(
            opened.conn,
            society,
            number,
            amount,
            is_generator=is_generator,
            by=by,
            reason=reason,
            now=datetime.now(UTC),
        )
        tell(done, society, opened)


def _amount(entry: HandEntry) -> str:
    unit = "h" if entry.source == GENERATOR else "kL"
    return "nothing" if entry.amount is None else f"{entry.amount:f} {unit}"


def show_list(
    opened: Opened, society: str | None, month: MonthNamed, *, is_generator: bool, json: bool
) -> None:
    """Show the entries of a month that hold."""
    span = named_month(month, opened.zone, datetime.now(UTC))
    society_id = find_society(opened.conn, one_society(opened.conn, society))
    found = [
        each
        for each in hand_entries(opened.conn, society_id, span.start, span.end)
        if (each.source == GENERATOR) == is_generator
    ]
    if json:
        for each in found:
            say(json_text(_as_json(each)))
    else:
        say(_as_table(found, opened) if found else f"{span}: nothing was entered by hand")


def _as_table(found: Iterable[HandEntry], opened: Opened) -> str:
    columns = [
        Column("Entry", "figure"),
        Column("Tower"),
        Column("Source"),
        Column("At", "name"),
        Column("Amount", "figure"),
        Column("By"),
        Column("Reason"),
    ]
    return table(
        columns,
        (
            (
                str(each.number),
                each.tower or "all",
                each.source,
                local(each.at, opened.zone),
                _amount(each),
                each.author,
                each.reason,
            )
            for each in found
        ),
    )


def _as_json(each: HandEntry) -> dict[str, object]:
    return {
        "entry": each.number,
        "tower": each.tower,
        "source": each.source,
        "at": each.at,
        "amount": each.amount,
        "unit": "h" if each.source == GENERATOR else "kL",
        "by": each.author,
        "reason": each.reason,
        "recorded_at": each.recorded_at,
    }
