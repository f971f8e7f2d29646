# SPDX-License-Identifier: MIT
"""``cloud-ingest units proposed``, ``apply`` and ``drop``: lists that came by the broker and wait.

In: a society, the number of a list. Out: its difference, what became of it. Never: a list that is
applied without ``--yes``.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cloud_ingest.cli.json_text import json_text
from cloud_ingest.cli.options import By, Config, Dsn, Json, Opened, Reason, Society, opened_store
from cloud_ingest.cli.say import cut, say
from cloud_ingest.cli.sentences import wrapped
from cloud_ingest.cli.table import local
from cloud_ingest.cli.units_text import difference_lines, outcome_lines, preview_fields
from cloud_ingest.entries.unit_import import Rules
from cloud_ingest.entries.unit_proposals import Proposed, drop_proposal, proposed, take_proposal
from cloud_ingest.errors import NotFound

Number = Annotated[
    int, typer.Argument(min=1, help="The list's number, as units proposed shows it.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Apply it; without it nothing is written.")]


def units_proposed(
    *, society: Society, json: Json = False, dsn: Dsn = None, config: Config = None
) -> None:
    """Show the list of units that came by the broker and waits, and what it would change.

    Example: cloud-ingest units proposed --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        found = _waiting(opened, society)
        zone = opened.zone
    if json:
        for each in found:
            say(json_text(_fields(each)))
        return
    for each in found:
        say("\n".join(_lines(each, zone)))
    if not found:
        say("no list of units waits")


def units_apply(
    number: Number,
    *,
    society: Society,
    by: By,
    yes: Yes = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Apply a list of units that came by the broker and waits, as it is shown.

    Example: cloud-ingest units apply 3 --yes --by manager --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        found = next(
            (each for each in _waiting(opened, society) if each.proposal.proposal_id == number),
            None,
        )
        if found is None:
            raise NotFound(f"no list {number} of {society} waits (cloud-ingest units proposed)")
        say("\n".join(difference_lines(found.preview, opened.zone)))
        done = found.preview
        if yes:
            done = take_proposal(
                opened.conn,
                society,
                number,
                seen=found.preview.token,
                by=by,
                rules=_rules(opened),
                now=datetime.now(UTC),
            )
    for line in outcome_lines(done, society):
        say(line)


def units_drop(
    number: Number,
    *,
    society: Society,
    by: By,
    reason: Reason,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Do not take a list of units that came by the broker and waits.

    Unit management is told why; its next list is looked at again.

    Example: cloud-ingest units drop 3 --by manager --reason "A-1204 has not moved" --society "Lake
    View"
    """
    with opened_store(dsn, config) as opened:
        now = datetime.now(UTC)
        drop_proposal(opened.conn, society, number, by=by, reason=reason, now=now)
    say(f"list {number} is dropped; unit management is told")


def _rules(opened: Opened) -> Rules:
    return Rules(opened.settings.unique_labels)


def _waiting(opened: Opened, society: str) -> list[Proposed]:
    return proposed(opened.conn, society, _rules(opened), datetime.now(UTC))


def _lines(each: Proposed, zone: ZoneInfo) -> Iterator[str]:
    own = each.proposal
    came = local(own.received_at, zone)
    yield from wrapped(
        f"list {own.proposal_id}, made by {cut(each.listed.by)} on {local(own.made_at, zone)}, "
        f"came on {came}{': ' if each.listed.reason else ''}{cut(each.listed.reason)}"
    )
    yield from difference_lines(each.preview, zone)
    yield from wrapped(
        f"take it: cloud-ingest units apply {own.proposal_id} --yes --by NAME; or: cloud-ingest "
        f"units drop {own.proposal_id} --by NAME --reason WHY",
        hang=2,
    )


def _fields(each: Proposed) -> dict[str, object]:
    return {
        "proposal": each.proposal.proposal_id,
        "made_at": each.proposal.made_at,
        "received_at": each.proposal.received_at,
        "by": each.listed.by,
        "reason": each.listed.reason,
        **preview_fields(each.preview),
    }
