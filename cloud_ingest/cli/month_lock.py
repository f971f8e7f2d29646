# SPDX-License-Identifier: MIT
"""``cloud-ingest month approve`` and ``reopen``: a month that stands, and may change again.

In: a month, who, why. Out: sentences or JSON. Never: a decision, a word without ``--yes``.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from pydantic import TypeAdapter

from cloud_ingest.cli.copyable import command_lines
from cloud_ingest.cli.options import By, Config, Dsn, Json, Reason, TheSociety, opened_store
from cloud_ingest.cli.say import say
from cloud_ingest.cli.sentences import wrapped
from cloud_ingest.cli.table import counted
from cloud_ingest.core.month_name import month_name, named_month
from cloud_ingest.core.words import REASONS
from cloud_ingest.errors import ApprovalRefused
from cloud_ingest.month.approve import (
    SHORTEST_HASH,
    Reopened,
    Seen,
    approve_month,
    reopen_month,
)
from cloud_ingest.store.registry import one_society

TheMonth = Annotated[str, typer.Argument(metavar="MONTH", help="Such as 2026-10 or October.")]
Manifest = Annotated[
    str | None,
    typer.Option("--manifest", help="What you saw: --yes needs it, as it is shown without --yes."),
]
Despite = Annotated[
    str | None,
    typer.Option(
        "--despite",
        metavar="WHY",
        help="Why it is approved although numbers are withheld, provisional or held.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Approve it; without it all is only shown.")]
MOST_NAMED = 12
"""So many numbers are named of each kind; ``--json`` has all."""


def approve(
    month: TheMonth,
    *,
    by: By,
    society: TheSociety = None,
    manifest: Manifest = None,
    despite: Despite = None,
    yes: Yes = False,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Say that a closed month stands: until it is opened again nothing of it is sent.

    Example: cloud-ingest month approve 2026-10 --by treasurer
    """
    with opened_store(dsn, config) as opened:
        now, zone = datetime.now(UTC), opened.zone
        span = named_month(month, zone, now)
        name = one_society(opened.conn, society)
        seen = manifest if yes else None
        found = approve_month(opened.conn, name, span, now, by=by, seen=seen, despite=despite)
        words = _command(found, by, despite)
        if yes and manifest is None:
            raise ApprovalRefused(
                f"{span} of {name}: say what you saw: --manifest {found.sha256[:SHORTEST_HASH]}"
            )
    if json:
        say(TypeAdapter(Seen).dump_json(found, indent=2, by_alias=True).decode())
        return
    for line in _seen_lines(found, month_name(span, zone, now)):
        say(line)
    if yes:
        say("approved: nothing of it is sent any more, until somebody opens it again")
    else:
        say("nothing is written yet: to approve it:")
        say("\n".join(command_lines(words, 2)))


def reopen(
    month: TheMonth,
    *,
    by: By,
    reason: Reason,
    society: TheSociety = None,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Let an approved month change again; closing it sends what waited.

    Example: cloud-ingest month reopen 2026-10 --by treasurer --reason "A-1204 was misread"
    """
    with opened_store(dsn, config) as opened:
        now, zone = datetime.now(UTC), opened.zone
        span = named_month(month, zone, now)
        name = one_society(opened.conn, society)
        found = reopen_month(opened.conn, name, span, now, by=by, reason=reason)
    if json:
        say(TypeAdapter(Reopened).dump_json(found, indent=2, by_alias=True).decode())
    else:
        for line in _reopened_lines(found, month_name(span, zone, now), zone):
            say(line)


def _command(found: Seen, by: str, despite: str | None) -> list[str]:
    """Return the command that approves what is shown."""
    why = ["--despite", despite or "WHY"] if found.lacks else []
    return [
        *("cloud-ingest", "month", "approve", found.month, "--society", found.society),
        *("--by", by, *why, "--manifest", found.sha256[:SHORTEST_HASH], "--yes"),
    ]


def _seen_lines(found: Seen, title: str) -> Iterator[str]:
    """Say what is approved."""
    final = found.numbers - len(found.provisional)
    yield from wrapped(
        f"{title} of {found.society}: {counted(final, 'number')} final, "
        f"{len(found.provisional)} provisional, {len(found.withheld)} withheld, "
        f"{counted(len(found.held), 'change')} held; manifest {found.version}, "
        f"{found.sha256[:SHORTEST_HASH]}"
    )
    lists = {
        "provisional": [_name(e.subject.id, e.service) for e in found.provisional],
        "withheld": [
            f"{_name(e.subject.id, e.service)} ({REASONS[e.reasons[0]]})" for e in found.withheld
        ],
        "held": [
            _name(e.subject.id, e.service)
            + (" would be withdrawn" if e.quantity is None else f" would be {e.quantity:f}")
            for e in found.held
        ],
        "in doubt": [
            f"{_name(e.key.subject, e.key.service)} ({', '.join(e.reasons)})" for e in found.doubted
        ],
    }
    for what, names in lists.items():
        if names:
            more = len(names) - MOST_NAMED
            rest = f" and {more} more" if more > 0 else ""
            yield from wrapped(f"{what}: {'; '.join(names[:MOST_NAMED])}{rest}", 2)


def _reopened_lines(found: Reopened, title: str, zone: ZoneInfo) -> Iterator[str]:
    """Say what waited for the reopening."""
    at = f"{found.was.at.astimezone(zone):%Y-%m-%d %H:%M}"
    yield from wrapped(
        f"{title} of {found.society} may change again; {found.was.by} had approved it on {at}. "
        f"{counted(len(found.held), 'change')} and {counted(len(found.withheld), 'number')} "
        "waited. The run closes it again, or now:"
    )
    yield from command_lines(
        ["cloud-ingest", "close-month", found.month, "--society", found.society], 2
    )


def _name(subject: str, service: str) -> str:
    return f"{subject} {service}"
