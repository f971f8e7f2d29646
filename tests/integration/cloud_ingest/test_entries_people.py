# SPDX-License-Identifier: MIT
"""``cloud-ingest people``: who is let in, and who is not."""

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.entries.invitations import join_anew
from cloud_ingest.entries.sign_in import open_session, sign_in, visitor_of
from cloud_ingest.errors import NotFound, SignInRefused
from tests.support.store import SOCIETY, Site, local, unit_line

NOW = local("2026-08-12 09:00")


def _add(dsn: str, *words: str) -> tuple[int, str, str]:
    named = ["people", "add", *words, "--society", SOCIETY, "--by", "Ravi", "--dsn", dsn]
    done = CliRunner().invoke(app, named)
    return done.exit_code, done.stdout.strip(), done.stderr


def test_who_is_added_signs_in_with_the_password(site: Site, store_dsn: str) -> None:
    words = ("Asha", "--name", "Asha Rao", "--role", "treasurer")
    code, password, said = _add(store_dsn, *words)
    assert (code, "shown this once" in said) == (0, True)
    (found,) = sign_in(site.conn, "asha", password, NOW)
    assert (found.society, found.role, found.given_by) == (SOCIETY, "treasurer", "Ravi")
    assert password not in str(site.all("SELECT * FROM account"))
    code, _, said = _add(store_dsn, *words)
    assert (code, "already" in said) == (2, True)


def test_a_second_role_keeps_the_password(site: Site, store_dsn: str) -> None:
    _, password, _ = _add(store_dsn, "asha", "--name", "Asha Rao", "--role", "treasurer")
    code, shown, _ = _add(store_dsn, "asha", "--name", "Asha Rao", "--role", "manager")
    assert (code, shown) == (0, "")
    assert {each.role for each in sign_in(site.conn, "asha", password, NOW)} == {
        "treasurer",
        "manager",
    }


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--role", "resident"), "lives in a unit"),
        (("--role", "manager", "--unit", "A-1"), "lives in a unit"),
        (("--role", "resident", "--unit", "A-9"), "are 0 units 'A-9'"),
    ],
)
def test_who_cannot_be_that_is_refused(
    site: Site, store_dsn: str, words: tuple[str, ...], why: str
) -> None:
    site.units(unit_line("A-1", "1"))
    code, _, said = _add(store_dsn, "meera", "--name", "Meera", *words)
    assert (code, why in said) == (2, True)
    assert _add(store_dsn, "meera", "--name", "M", "--role", "resident", "--unit", "A-1")[0] == 0


def _run(dsn: str, *words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["people", *words, "--dsn", dsn])
    return done.exit_code, done.stdout.strip(), done.stderr


def test_a_role_is_ended_but_the_last_managers(site: Site, store_dsn: str) -> None:
    _, password, _ = _add(store_dsn, "asha", "--name", "Asha Rao", "--role", "manager")
    end = ("end", "asha", "--role", "manager", "--society", SOCIETY, "--by", "Ravi")
    code, _, said = _run(store_dsn, *end)
    assert (code, "last manager" in said) == (2, True)
    _add(store_dsn, "ravi", "--name", "Ravi", "--role", "manager")
    assert _run(store_dsn, *end)[0] == 0
    with pytest.raises(SignInRefused, match="no role"):
        sign_in(site.conn, "asha", password, NOW)
    code, _, said = _run(store_dsn, *end)
    assert (code, "0 times" in said) == (2, True)
    code, listed, _ = _run(store_dsn, "list", "--society", SOCIETY, "--json")
    assert [each["login"] for each in json.loads(listed)] == ["ravi"]
    assert "ravi" in _run(store_dsn, "list", "--society", SOCIETY)[1]


def test_a_forgotten_password_is_another_one(site: Site, store_dsn: str) -> None:
    _, former, _ = _add(store_dsn, "asha", "--name", "Asha Rao", "--role", "manager")
    cookie = open_session(site.conn, sign_in(site.conn, "asha", former, NOW)[0].membership_id, NOW)
    code, password, _ = _run(store_dsn, "reset", "Asha", "--by", "Ravi")
    assert code == 0
    assert visitor_of(site.conn, cookie, NOW) is None
    with pytest.raises(SignInRefused):
        sign_in(site.conn, "asha", former, NOW)
    assert sign_in(site.conn, "asha", password, NOW)
    assert _run(store_dsn, "reset", "nobody", "--by", "Ravi")[0] == 2


def test_a_link_by_command_is_taken_once(site: Site, store_dsn: str) -> None:
    words = ("Meera", "--role", "treasurer", "--society", SOCIETY, "--by", "Ravi")
    code, link, said = _run(store_dsn, "invite", *words)
    assert (code, link[:8], "alone" in said) == (0, "/join?i=", True)
    text = link.removeprefix("/join?i=")
    now = datetime.now(UTC)
    typed = {"login": "meera", "name": "Meera", "password": "long enough 7"}
    assert join_anew(site.conn, text, **typed, now=now)
    with pytest.raises(NotFound):
        join_anew(site.conn, text, **typed | {"login": "other"}, now=now)
    assert text not in str(site.all("SELECT * FROM invitation"))
