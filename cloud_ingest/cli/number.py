# SPDX-License-Identifier: MIT
"""``cloud-ingest number``: numbers that wait for a person, and a person's word on them.

In: a label, a month, a word and its reason. Out: what waits, and what the word sends, as a table,
lines or JSON. Never: a decision, a message without ``--yes``.
"""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
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
    Subject,
    SubjectType,
    decimal,
    limits_of,
    opened_store,
    progress,
)
from cloud_ingest.cli.say import say
from cloud_ingest.cli.table import Column, table
from cloud_ingest.core.month_name import named_month
from cloud_ingest.errors import NumberRefused, UserError
from cloud_ingest.month.decision import (
    Decision,
    SaidOfNumber,
    decide,
)
from cloud_ingest.month.waiting import Quantities, Waiting, quantities_text, waiting_numbers
from cloud_ingest.month.word_effects import SentNumber
from cloud_ingest.store.number_words import NumberKey
from shared_schema.catalogue import Service

app = new_group("Numbers that wait for a person: held changes, and quantities in doubt.")

OfService = Annotated[Service, typer.Option("--service", help="What the number counts.")]
OfMonth = Annotated[str, typer.Option("--month", help="The closed month, such as 2026-07 or July.")]
Yes = Annotated[
    bool, typer.Option("--yes", help="Say it and close the month again; without it nothing is.")
]
OfQuantity = Annotated[
    str | None,
    typer.Option(
        "--quantity",
        help="What you saw that it would become: --yes needs it, as it is shown without --yes.",
    ),
]


@app.command("list")
def number_list(
    *,
    society: Society,
    month: Annotated[
        str | None, typer.Option("--month", help="Of one closed month [default: of all].")
    ] = None,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """List the changes that are held, and the quantities that are doubted and not published.

    Example: cloud-ingest number list --month 2026-07 --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        now = datetime.now(UTC)
        span = None if month is None else str(named_month(month, opened.zone, now))
        found = waiting_numbers(opened.conn, society, span)
    if json:
        for each in found:
            say(json_text(asdict(each)))
    elif found:
        say(as_table(found))
    else:
        say("no number waits for a person")


@app.command("accept")
def number_accept(
    subject: Subject,
    *,
    society: Society,
    service: OfService,
    month: OfMonth,
    by: By,
    reason: Reason,
    quantity: OfQuantity = None,
    yes: Yes = False,
    subject_type: SubjectType = "unit",
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Send what a number would become; another quantity is doubted again.

    Example: cloud-ingest number accept A-1204 --service electricity --month 2026-10
    --by treasurer --reason "the flat was let to a bakery" --society "Sunrise Heights"
    """
    key = NumberKey(subject_type, subject, service)
    said = SaidOfNumber(month, key, "accept", by, reason)
    _decide(society, said, quantity, dsn, config, yes=yes, json=json)


@app.command("keep")
def number_keep(
    subject: Subject,
    *,
    society: Society,
    service: OfService,
    month: OfMonth,
    by: By,
    reason: Reason,
    quantity: OfQuantity = None,
    yes: Yes = False,
    subject_type: SubjectType = "unit",
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Let a published number stand; another change of it is held again.

    Example: cloud-ingest number keep A-1204 --service electricity --month 2026-10
    --by treasurer --reason "the late row is false" --society "Sunrise Heights"
    """
    key = NumberKey(subject_type, subject, service)
    said = SaidOfNumber(month, key, "keep", by, reason)
    _decide(society, said, quantity, dsn, config, yes=yes, json=json)


def _seen(text: str | None) -> Quantities | None:
    """Return the quantities that a person saw.

    Raises:
        NumberRefused: the text names none.
    """
    if text is None:
        return None
    words = [word.strip() for word in text.split(",")]
    try:
        return tuple(None if word == "withdrawn" else decimal(word) for word in words)
    except UserError:
        raise NumberRefused(
            f"{text[:40]!r} is no quantity: give it as it is shown without --yes, such as 29.760"
        ) from None


def _decide(
    society: str,
    said: SaidOfNumber,
    quantity: str | None,
    dsn: str | None,
    config: Path | None,
    *,
    yes: bool,
    json: bool,
) -> None:
    with opened_store(dsn, config) as opened:
        now = datetime.now(UTC)
        month = str(named_month(said.month, opened.zone, now))
        said = replace(said, month=month, saw=_seen(quantity))
        found = decide(
            opened.conn,
            society,
            said,
            now,
            apply=yes and said.saw is not None,
            self_read_window=opened.settings.self_read_window(society),
            limits=limits_of(opened.settings),
            estimates=opened.settings.estimates_of(society),
            progress=progress,
        )
        if yes and said.saw is None:
            raise NumberRefused(
                f"{said.key.subject} {said.key.service} {said.month}: say what you saw: it would "
                f"become {_quantity(found)} now: {_command(found, said, society)}"
            )
    if json:
        say(json_text(asdict(found)))
        return
    for line in decision_lines(found, _command(found, said, society)):
        say(line)


def _quantity(found: Decision) -> str:
    return quantities_text(tuple(each.quantity for each in found.decided))


def _command(found: Decision, said: SaidOfNumber, society: str) -> str:
    """Return the command that says what is shown."""
    key = said.key
    kind = [] if key.subject_type == "unit" else ["--subject-type", key.subject_type]
    words = ["cloud-ingest", "number", said.kind, key.subject, "--society", society]
    words += ["--service", key.service.value, "--month", said.month, *kind]
    words += ["--quantity", _quantity(found), "--by", said.by, "--reason", said.reason, "--yes"]
    return shlex.join(words)


def decision_lines(found: Decision, command: str) -> Iterator[str]:
    """Word what a word on a number does, a line for each.

    Args:
        found: What it does.
        command: How it is said.
    """
    done = "accepted" if found.kind == "accept" else "kept"
    for each in found.decided:
        yield (
            f"{each.month} {each.subject} {each.service}: {_published(each)} -> {_becomes(each)} "
            f"({', '.join(each.reasons)}): {done}"
        )
    for sent in found.sent:
        yield f"  sends {_sent(sent)}"
    for balance in found.balances:
        before, after = (
            "not known" if loss is None else f"{loss:f} {balance.unit}"
            for loss in (balance.before, balance.after)
        )
        yield f"  {balance.month} {balance.tower} {balance.service}: loss {before} -> {after}"
    if not found.sent:
        yield "  nothing is sent"
    yield (
        "applied, and the month is closed again"
        if found.is_applied
        else f"nothing is written yet: to apply it: {command}"
    )


def _sent(sent: SentNumber) -> str:
    before = "nothing" if sent.before is None else f"{sent.before:f} {sent.unit}"
    after = "withdrawn" if sent.after is None else f"{sent.after:f} {sent.unit}"
    return f"{sent.month} {sent.subject} {sent.service}: {before} -> {after} (v{sent.version})"


def _published(each: Waiting) -> str:
    if each.published is None:
        return "nothing"
    return f"{each.published:f} {each.unit} (v{each.version})"


def _becomes(each: Waiting) -> str:
    return "withdrawn" if each.quantity is None else f"{each.quantity:f} {each.unit}"


def as_table(found: Sequence[Waiting]) -> str:
    """Write what waits as a table for a terminal."""
    return table(
        [
            Column("Month", "name"),
            Column("Unit"),
            Column("Service"),
            Column("State"),
            Column("Published"),
            Column("Would be"),
            Column("Because"),
        ],
        (
            (
                each.month,
                ", ".join((each.subject, *(f"with {other}" for other in each.goes_with))),
                each.service.value,
                each.state,
                _published(each),
                _becomes(each),
                ", ".join(each.reasons),
            )
            for each in found
        ),
    )
