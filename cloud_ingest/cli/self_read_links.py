# SPDX-License-Identifier: MIT
"""``cloud-ingest self-read link, links, link-list, link-revoke``: how residents send by themselves.

In: a unit, or a month. Out: an address, shown once; a sheet of QR codes. Never: a secret in a
list.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cloud_ingest.cli.json_text import json_text
from cloud_ingest.cli.options import (
    By,
    Config,
    Dsn,
    Json,
    MonthNamed,
    OfUnit,
    Opened,
    Reason,
    Subject,
    SubjectType,
    TheSociety,
    opened_store,
)
from cloud_ingest.cli.private_file import write_new
from cloud_ingest.cli.say import say
from cloud_ingest.cli.table import Column, counted, table, zoned
from cloud_ingest.core.month_name import named_month
from cloud_ingest.entries.self_read_links import DEFAULT_DAYS, make_link, open_links, revoke_links
from cloud_ingest.errors import ConfigurationError
from cloud_ingest.exports.link_cards import Card, card_of, cards_csv
from cloud_ingest.month.resident_links import links_to_hand_out
from cloud_ingest.store.registry import one_society
from shared_schema.catalogue import Service

ValidDays = Annotated[
    int, typer.Option("--valid-days", min=1, max=400, help="For how many days it opens.")
]


def link(
    unit: Subject,
    *,
    by: By,
    society: TheSociety = None,
    service: Annotated[
        Service | None, typer.Option("--service", help="For one service [default: for each].")
    ] = None,
    subject_type: SubjectType = "unit",
    valid_days: ValidDays = DEFAULT_DAYS,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Make a personal link for a unit, and show it once: the store keeps its hash alone.

    Example: cloud-ingest self-read link C-0304 --by manager --society "Sunrise Heights"
    """
    with opened_store(dsn, config) as opened:
        made = make_link(
            opened.conn,
            one_society(opened.conn, society),
            unit,
            service,
            days=valid_days,
            by=by,
            now=datetime.now(UTC),
            subject_type=subject_type,
        )
        base, zone = opened.settings.public_url, opened.zone
    say(made.text if base is None else made.address(base))
    if base is None:
        say("No public_url is set: the text above is the link alone, without an address", err=True)
    say(f"It opens until {zoned(made.ends_at, zone)}, and is not shown again", err=True)


def links(
    month: MonthNamed = None,
    *,
    out: Annotated[
        Path, typer.Option("--out", help="Where it goes: sheet.pdf with QR codes, or sheet.csv.")
    ],
    by: By,
    society: TheSociety = None,
    valid_days: ValidDays = DEFAULT_DAYS,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Write a sheet with a link for each unit whose dial is still to be read for a month.

    Example: cloud-ingest self-read links October --out sheet.pdf --by manager
    --society "Sunrise Heights"
    """
    if out.suffix not in {".pdf", ".csv"}:
        raise typer.BadParameter(f"{out} wants .pdf or .csv", param_hint="--out")
    with opened_store(dsn, config) as opened:
        if opened.settings.public_url is None:
            raise ConfigurationError(
                "a QR code wants an address: set public_url in the settings, such as "
                "https://meters.example"
            )
        name = one_society(opened.conn, society)
        with opened.conn.transaction():  # no link without its sheet
            cards = list(_cards(opened, name, month, by=by, days=valid_days))
            write_new(out, _sheet(out.suffix, cards, opened.zone))
    say(f"{out}: {counted(len(cards), 'unit')}; whoever has it can send their readings")


def link_list(
    *,
    society: TheSociety = None,
    unit: OfUnit = None,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Show which links open something: for whom, until when, who gave them out.

    Example: cloud-ingest self-read link-list --society "Sunrise Heights"
    """
    with opened_store(dsn, config) as opened:
        name = one_society(opened.conn, society)
        found = open_links(opened.conn, name, unit, datetime.now(UTC))
        zone = opened.zone
    if json:
        for each in found:
            say(json_text(each._asdict()))
        return
    columns = [Column("Unit", "name"), Column("Service"), Column("Until", "name")]
    rows = [
        (each.subject, each.service or "each", zoned(each.ends_at, zone), each.by) for each in found
    ]
    say(table([*columns, Column("Given out by")], rows))


def link_revoke(
    unit: Subject,
    *,
    by: By,
    reason: Reason,
    society: TheSociety = None,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Revoke every link of a unit: its resident moved, or a sheet was lost.

    Example: cloud-ingest self-read link-revoke C-0304 --by manager --reason "tenant moved"
    --society "Sunrise Heights"
    """
    with opened_store(dsn, config) as opened:
        name = one_society(opened.conn, society)
        ended = revoke_links(opened.conn, name, unit, by=by, reason=reason, now=datetime.now(UTC))
    say(f"{unit}: {counted(ended, 'link')} revoked")


def _cards(
    opened: Opened, society: str, month: str | None, *, by: str, days: int
) -> Iterator[Card]:
    """Make a link for each unit whose dial is still to be read, and its card."""
    now = datetime.now(UTC)
    span = named_month(month, opened.zone, now)
    window = opened.settings.self_read_window(society)
    found = links_to_hand_out(opened.conn, society, span, by=by, days=days, window=window, now=now)
    return (card_of(each, opened.settings.public_url or "") for each in found)


def _sheet(suffix: str, cards: Sequence[Card], zone: ZoneInfo) -> bytes:
    if suffix == ".csv":
        return cards_csv(cards, zone)
    from cloud_ingest.exports.link_sheet import sheet_pdf  # noqa: PLC0415  no other command needs it

    return sheet_pdf(cards, zone)
