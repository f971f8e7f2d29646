# SPDX-License-Identifier: MIT
"""``cloud-ingest people``: who may sign in to the pages of a society.

In: options as a person typed them. Out: a password or a link once, a table or JSON. Never: a
decision.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.json_text import json_text
from cloud_ingest.cli.options import By, Config, Dsn, Json, Society, opened_store
from cloud_ingest.cli.people_data import people_erase, people_export
from cloud_ingest.cli.say import say
from cloud_ingest.cli.table import Column, table, zoned
from cloud_ingest.core.role import Role
from cloud_ingest.entries.invitations import GOOD_FOR, invite
from cloud_ingest.entries.people import add_person, end_role, reset_password
from cloud_ingest.errors import NotFound
from cloud_ingest.store.accounts import Member, members_of
from cloud_ingest.store.registry import find_society

app = new_group("Who may sign in to the pages of a society.")
EVERYBODY = 1_000_000
Login = Annotated[str, typer.Argument(help="What the person signs in with.")]
OfRole = Annotated[Role, typer.Option("--role", help="What the person is to the society.")]
Unit = Annotated[str | None, typer.Option("--unit", help="Where a resident lives.")]


@app.command("add")
def people_add(
    login: Login,
    *,
    society: Society,
    name: Annotated[str, typer.Option("--name", help="What others read of the person.")],
    role: OfRole,
    unit: Unit = None,
    by: By,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Let a person sign in; show a new one's password once: it is not kept.

    Somebody who has a login already gets the role without being asked: to ask, use people invite.

    Example: cloud-ingest people add asha --name Asha --role manager --society "Lake View" --by Ravi
    """
    with opened_store(dsn, config) as opened:
        password = add_person(
            opened.conn,
            society,
            login,
            name,
            role,
            unit=unit,
            by=by,
            now=datetime.now(UTC),
        )
    if password is None:
        say(f"{login} is {role} of {society} now, and keeps the password.", err=True)
        return
    say(f"The password of {login}, shown this once: give it to that person alone.", err=True)
    say(password)


@app.command("invite")
def people_invite(
    name: Annotated[str, typer.Argument(help="Whom the link is for.")],
    *,
    society: Society,
    role: OfRole,
    unit: Unit = None,
    by: By,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Make a link by which one person takes a role, and show it once: it is not kept.

    Example: cloud-ingest people invite Asha --role manager --society "Lake View" --by Ravi
    """
    with opened_store(dsn, config) as opened:
        society_id, now = find_society(opened.conn, society), datetime.now(UTC)
        text = invite(opened.conn, society_id, name, role, unit=unit, by=by, now=now)
    until = zoned(now + GOOD_FOR, opened.zone)
    say(
        f"Until {until}, once: give this to {name} alone, behind the address of the pages.",
        err=True,
    )
    say(f"/join?i={text}")


@app.command("list")
def people_list(
    *,
    society: Society,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """List who is what to a society, since when, and when each was on a page last.

    Example: cloud-ingest people list --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        society_id = find_society(opened.conn, society)
        found = members_of(opened.conn, society_id, None, limit=EVERYBODY)
    if json:
        say(json_text([_as_json(each) for each in found]))
    elif found:
        say(_as_table(found, opened.zone))
    else:
        say(f"Nobody may sign in to {society}: cloud-ingest people add lets somebody in.")


@app.command("end")
def people_end(
    login: Login,
    *,
    society: Society,
    role: OfRole,
    unit: Unit = None,
    by: By,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """End what a person is to a society: whoever is signed in by it is signed out at once.

    Example: cloud-ingest people end asha --role manager --society "Lake View" --by Ravi
    """
    with opened_store(dsn, config) as opened:
        society_id = find_society(opened.conn, society)
        own = [
            each
            for each in members_of(opened.conn, society_id, None, limit=EVERYBODY)
            if (each.login, each.role) == (login.lower(), role) and unit in {None, each.unit}
        ]
        if len(own) != 1:
            raise NotFound(
                f"{login} is {role} of {society} {len(own)} times: "
                f"see cloud-ingest people list --society '{society}'"
            )
        end_role(opened.conn, society_id, own[0].membership_id, by=by, now=datetime.now(UTC))
    say(f"{login} is {role} of {society} no more.")


@app.command("reset")
def people_reset(
    login: Login,
    *,
    by: By,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Give a person who forgot the password a new one, and show it once: it is not kept.

    Example: cloud-ingest people reset asha --by Ravi
    """
    with opened_store(dsn, config) as opened:
        password = reset_password(opened.conn, login, by=by, now=datetime.now(UTC))
    say(f"The password of {login}, shown this once; {login} is signed out everywhere.", err=True)
    say(password)


def _as_json(member: Member) -> dict[str, object]:
    names = ("login", "name", "role", "unit", "since", "given_by", "seen_at")
    return {each: getattr(member, each) for each in names}


def _as_table(found: Sequence[Member], zone: ZoneInfo) -> str:
    columns = [
        Column("Login"),
        Column("Name"),
        Column("Role"),
        Column("Since"),
        Column("Here last"),
    ]
    rows = [
        (
            each.login,
            each.name,
            each.role.value if each.unit is None else f"{each.role.value} {each.unit}",
            f"{each.since.astimezone(zone):%Y-%m-%d}",
            "never" if each.seen_at is None else zoned(each.seen_at, zone),
        )
        for each in found
    ]
    return table(columns, rows)


app.command("export")(people_export)
app.command("erase")(people_erase)
