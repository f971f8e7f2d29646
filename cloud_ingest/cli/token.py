# SPDX-License-Identifier: MIT
"""``cloud-ingest token``: which programs may use the API.

In: options as a person typed them. Out: a token once, a table or JSON. Never: a decision.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.json_text import json_text
from cloud_ingest.cli.options import By, Config, Dsn, Json, OneSociety, Society, opened_store
from cloud_ingest.cli.say import say
from cloud_ingest.cli.table import Column, table, zoned
from cloud_ingest.core.api_token import Scope
from cloud_ingest.operate.api_tokens import issue_token, revoke_token
from cloud_ingest.store.api_tokens import ApiToken, list_tokens
from cloud_ingest.store.registry import find_society

app = new_group("Which programs may use the API.")

Name = Annotated[str, typer.Argument(help="Which program it is, as billing.")]


@app.command("add")
def token_add(
    name: Name,
    *,
    society: Society,
    scopes: Annotated[
        list[Scope], typer.Option("--scope", help="What it may do; may be repeated.")
    ],
    days: Annotated[int, typer.Option("--days", min=1, max=1830, help="How long it lives.")] = 365,
    by: By,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Make a token for a program of one society, and show it once: it is not kept.

    Example: cloud-ingest token add billing --society "Lake View" --scope months:read --by Asha
    """
    with opened_store(dsn, config) as opened:
        text = issue_token(
            opened.conn,
            society,
            name,
            scopes,
            by=by,
            now=datetime.now(UTC),
            good_for=timedelta(days=days),
        )
    say(f"The token {name} of {society}, shown this once: give it to that program alone.", err=True)
    say(text)


@app.command("list")
def token_list(
    *,
    society: OneSociety = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that are revoked or over.")
    ] = False,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """List the tokens of the API: of whom, what each may do, until when, when it was used.

    Example: cloud-ingest token list --all
    """
    with opened_store(dsn, config) as opened:
        if society is not None:
            find_society(opened.conn, society)
        now = datetime.now(UTC)
        found = [
            each for each in list_tokens(opened.conn, society) if everything or each.lives(now)
        ]
    if json:
        say(json_text([_as_json(each, now) for each in found]))
    elif found:
        say(_as_table(found, opened.zone, now))
    else:
        say("There is no token.")


@app.command("revoke")
def token_revoke(
    name: Name,
    *,
    society: Society,
    by: By,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """End a token: the next request with it is refused.

    Example: cloud-ingest token revoke billing --society "Lake View" --by Asha
    """
    with opened_store(dsn, config) as opened:
        revoke_token(opened.conn, society, name, by=by, now=datetime.now(UTC))
    say(f"The token {name} of {society} is revoked.")


def _state(token: ApiToken, now: datetime) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "lives" if token.lives(now) else "over"


def _as_json(token: ApiToken, now: datetime) -> dict[str, object]:
    names = ("society", "name", "scopes", "created_at", "created_by", "expires_at")
    later = ("revoked_at", "revoked_by", "last_used_at")
    said = {each: getattr(token, each) for each in (*names, *later)}
    return {**said, "state": _state(token, now)}


def _as_table(found: Sequence[ApiToken], zone: ZoneInfo, now: datetime) -> str:
    columns = [
        Column("Token"),
        Column("Society"),
        Column("May"),
        Column("Until", "name"),
        Column("Used", "name"),
    ]
    rows = [
        (
            each.name,
            each.society,
            ", ".join(each.scopes),
            f"{each.expires_at.astimezone(zone):%Y-%m-%d}"
            if each.lives(now)
            else _state(each, now),
            "never" if each.last_used_at is None else zoned(each.last_used_at, zone),
        )
        for each in found
    ]
    return table(columns, rows)
