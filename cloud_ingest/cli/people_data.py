# SPDX-License-Identifier: MIT
"""``cloud-ingest people export|erase``: what is kept of a person, and its erasure.

In: a login. Out: a file; a line. Never: a decision; an erasure without a person's yes.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cloud_ingest.cli.export import STDOUT, write_file
from cloud_ingest.cli.options import By, Config, Dsn, opened_store
from cloud_ingest.cli.say import say
from cloud_ingest.errors import ConfigurationError, UserError
from cloud_ingest.exports.personal_file import person_file
from cloud_ingest.month.erasure import erase_person
from cloud_ingest.views.personal_data import account_of, names_shared_in, personal_data

Login = Annotated[str, typer.Argument(help="What the person signs in with.")]


def people_export(
    login: Login,
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Where the file goes; - is standard output [default: my-data-… in this folder].",
        ),
    ] = None,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Write everything that is kept of a person to a file, and nothing of anybody else.

    It is JSON; of a resident, or with photos, a ZIP with the unit's months and days beside it.

    Example: cloud-ingest people export asha
    """
    with opened_store(dsn, config) as opened:
        made = person_file(personal_data(opened.conn, login, opened.zone, datetime.now(UTC)))
    path = Path(made.name) if out is None else out
    write_file(path, [made.body])
    if path != STDOUT:
        say(f"{path}: everything that is kept of {login}; give it to that person alone")


def people_erase(
    login: Login,
    *,
    by: By,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Erase a person: login, name, password and sessions go, what the accounts need stays.

    What the person said stays under a pseudonym; no number changes. It cannot be taken back. The
    last manager of a society cannot be erased.

    Example: cloud-ingest people erase asha --by Ravi --yes
    """
    with opened_store(dsn, config) as opened:
        account = account_of(opened.conn, login)
        shared = names_shared_in(opened.conn, account.account_id)
        _ask(f"Erase {account.login}, {account.name}, for ever?", yes=yes)
        alias = erase_person(opened.conn, login, by=by, now=datetime.now(UTC))
    say(f"{login} is erased; what the person said stays, under {alias}")
    if shared:
        say(
            f"In {', '.join(shared)} somebody else has the same name: nobody can tell whose words "
            "are whose, and the name stays there"
        )


def _ask(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigurationError("nobody can be asked here: give --yes; nothing was erased")
    if not typer.confirm(question, err=True):
        raise UserError("nothing was erased")
