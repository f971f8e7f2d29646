# SPDX-License-Identifier: MIT
"""``cloud-ingest people add``: who is let in, and who is not."""

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.entries.sign_in import sign_in
from tests.support.store import SOCIETY, Site, unit_line


def _add(dsn: str, *words: str) -> tuple[int, str, str]:
    named = ["people", "add", *words, "--society", SOCIETY, "--by", "Ravi", "--dsn", dsn]
    done = CliRunner().invoke(app, named)
    return done.exit_code, done.stdout.strip(), done.stderr


def test_who_is_added_signs_in_with_the_password(site: Site, store_dsn: str) -> None:
    words = ("Asha", "--name", "Asha Rao", "--role", "treasurer")
    code, password, said = _add(store_dsn, *words)
    assert (code, "shown this once" in said) == (0, True)
    (found,) = sign_in(site.conn, "asha", password)
    assert (found.society, found.role, found.given_by) == (SOCIETY, "treasurer", "Ravi")
    assert password not in str(site.all("SELECT * FROM account"))
    code, _, said = _add(store_dsn, *words)
    assert (code, "already" in said) == (2, True)


def test_a_second_role_keeps_the_password(site: Site, store_dsn: str) -> None:
    _, password, _ = _add(store_dsn, "asha", "--name", "Asha Rao", "--role", "treasurer")
    code, shown, _ = _add(store_dsn, "asha", "--name", "Asha Rao", "--role", "manager")
    assert (code, shown) == (0, "")
    assert {each.role for each in sign_in(site.conn, "asha", password)} == {"treasurer", "manager"}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--role", "resident"), "lives in a unit"),
        (("--role", "manager", "--unit", "A-1"), "lives in a unit"),
        (("--role", "resident", "--unit", "A-9"), "has 0 units 'A-9'"),
    ],
)
def test_who_cannot_be_that_is_refused(
    site: Site, store_dsn: str, words: tuple[str, ...], why: str
) -> None:
    site.units(unit_line("A-1", "1"))
    code, _, said = _add(store_dsn, "meera", "--name", "Meera", *words)
    assert (code, why in said) == (2, True)
    assert _add(store_dsn, "meera", "--name", "M", "--role", "resident", "--unit", "A-1")[0] == 0
