# SPDX-License-Identifier: MIT
"""``cloud-ingest explain``: where a number comes from, in plain words.

In: a label, perhaps a service and a month. Out: sentences or JSON. Never: a decision.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer
from pydantic import TypeAdapter

from cloud_ingest.cli.explain_text import explanation_text
from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import (
    Config,
    Dsn,
    Json,
    Opened,
    TheSociety,
    composed,
    opened_store,
)
from cloud_ingest.cli.say import say
from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.month import Month
from cloud_ingest.core.month_name import named_month
from cloud_ingest.errors import UserError
from cloud_ingest.month.explain import Asked
from cloud_ingest.month.explain import explain as explain_month
from cloud_ingest.month.explanation import Explanation
from cloud_ingest.store.assignments import assignments_between
from cloud_ingest.store.registry import find_society, one_society
from shared_schema.catalogue import Service

app = new_group()


@app.command("explain")
def explain(
    unit: Annotated[
        str | None,
        typer.Argument(
            metavar="UNIT",
            help="The unit, common area or bulk meter: A-1204, or T1/101.",
            callback=composed,
        ),
    ] = None,
    *,
    society: TheSociety = None,
    of_unit: Annotated[
        str | None, typer.Option("--unit", help="The same, as an option.", callback=composed)
    ] = None,
    service: Annotated[
        Service | None,
        typer.Option("--service", help="What its meters count [default: all of it]."),
    ] = None,
    month: Annotated[
        str | None,
        typer.Option(
            "--month",
            help="Such as 2026-10 or October; it may still run [default: the last that has ended].",
        ),
    ] = None,
    subject_type: Annotated[
        SubjectKind | None,
        typer.Option("--subject-type", help="What the label is of [default: what has it]."),
    ] = None,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Say where a number comes from: each border, each reading not taken, each version.

    Example: cloud-ingest explain A-1204 --service water --month October
    """
    label = unit or of_unit
    if label is None:
        raise typer.BadParameter("name the unit, such as A-1204", param_hint="UNIT")
    with opened_store(dsn, config) as opened:
        now = datetime.now(UTC)
        span = named_month(month, opened.zone, now)
        name = one_society(opened.conn, society)
        found = [
            explain_month(
                opened.conn,
                asked,
                now,
                self_read_window=opened.settings.self_read_window(name),
                estimates=opened.settings.estimates_of(name),
            )
            for asked in _asked(opened, name, span, label, (subject_type, service))
        ]
        zone = opened.zone
    if not json:
        say("\n\n\n".join(explanation_text(each, zone) for each in found))
    elif len(found) == 1:
        say(TypeAdapter(Explanation).dump_json(found[0], indent=2, by_alias=True).decode())
    else:
        say(TypeAdapter(list[Explanation]).dump_json(found, indent=2, by_alias=True).decode())


def _asked(
    opened: Opened,
    society: str,
    span: Month,
    label: str,
    said: tuple[SubjectKind | None, Service | None],
) -> Iterator[Asked]:
    """Give what is meant by a label: each service of whatever has it in the month.

    Raises:
        UserError: things of several types have it.
    """
    kind, service = said
    own = assignments_between(
        opened.conn,
        find_society(opened.conn, society),
        span.start,
        span.end,
        subject_type=kind,
        subject=label,
    )
    kinds = sorted({each.subject_type for each in own}, reverse=True)
    if len(kinds) > 1:
        raise UserError(f"{label!r} is a {' and a '.join(kinds)}: say which with --subject-type")
    services = [service] if service else sorted({each.service for each in own})
    for each in services or [Service.ELECTRICITY]:
        yield Asked(society, str(span), label, each, kinds[0] if kinds else kind or "unit")
