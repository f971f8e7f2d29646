# SPDX-License-Identifier: MIT
"""``cloud-ingest self-read``: dials that residents or the caretaker read.

``self-read C-0304 4711.3`` is ``self-read take C-0304 4711.3``: the first word that names no
command of the group is a unit.

In: a label, what its dial shows. Out: a line that says what is stored. Never: a decision.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from cloud_ingest.cli import self_read_links, self_read_queue
from cloud_ingest.cli.group import Group
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


class SelfReadGroup(Group):
    """A group whose first word may be a unit."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take what names no command as the words of ``take``."""
        return super().parse_args(ctx, self._named(ctx, args))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command of some words."""
        return super().resolve_command(ctx, self._named(ctx, args))

    def _named(self, ctx: Any, args: list[str]) -> list[str]:
        is_take = args and args[0] not in self.commands and args[0] not in ctx.help_option_names
        return ["take", *args] if is_take else args


app = typer.Typer(
    help="Dials that people read: take one, give out links, decide what residents sent.",
    cls=SelfReadGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("take")
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
    """Take what a resident or the caretaker read from a dial; the word take may be left out.

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


app.command("list")(self_read_queue.list_)
app.command("show")(self_read_queue.show)
app.command("approve")(self_read_queue.approve)
app.command("refuse")(self_read_queue.refuse)
app.command("photo")(self_read_queue.photo)
app.command("link")(self_read_links.link)
app.command("links")(self_read_links.links)
app.command("link-list")(self_read_links.link_list)
app.command("link-revoke")(self_read_links.link_revoke)
