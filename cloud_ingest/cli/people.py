# SPDX-License-Identifier: MIT
"""``cloud-ingest people``: who may sign in to the pages of a society.

In: options as a person typed them. Out: a password once. Never: a decision.
"""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import By, Config, Dsn, Society, opened_store
from cloud_ingest.cli.say import say
from cloud_ingest.core.role import Role
from cloud_ingest.entries.people import add_person

app = new_group("Who may sign in to the pages of a society.")


@app.command("add")
def people_add(
    login: Annotated[str, typer.Argument(help="What the person signs in with.")],
    *,
    society: Society,
    name: Annotated[str, typer.Option("--name", help="What others read of the person.")],
    role: Annotated[Role, typer.Option("--role", help="What the person is to the society.")],
    unit: Annotated[str | None, typer.Option("--unit", help="Where a resident lives.")] = None,
    by: By,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Let a person sign in; show a new one's password once: it is not kept.

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
