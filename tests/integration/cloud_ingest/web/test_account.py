# SPDX-License-Identifier: MIT
"""What people do with their own account."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from cloud_ingest.core.role import Role
from cloud_ingest.entries.people import add_person
from cloud_ingest.store.connection import Connection
from cloud_ingest.web import cookies
from tests.support.store import SOCIETY, Site, unit_line
from tests.support.web import Visiting, Web, text_of

NOW = datetime(2026, 11, 20, tzinfo=UTC)
WANTED = "a long new one"


@pytest.fixture
def web(site: Site, store_dsn: str) -> Iterator[Web]:
    """A society with one unit."""
    site.units(unit_line("A-1", "1"))
    found = Web(site.conn, store_dsn)
    yield found
    found.close()


def add(conn: Connection, role: Role, unit: str | None = None) -> str | None:
    """Let Asha be something."""
    return add_person(conn, SOCIETY, "asha", "Asha", role, unit=unit, by="me", now=NOW)


def signed_in(web: Web, password: str | None) -> Visiting:
    """Sign Asha in."""
    browser = web.nobody()
    browser.get("/login")
    browser.csrf = browser.client.cookies[cookies.FORM]
    assert password is not None
    assert browser.post("/login", login="asha", password=password).status_code == 303
    browser.csrf = str(
        web.conn.execute("SELECT csrf FROM web_session ORDER BY web_session_id DESC").fetchall()[0][
            0
        ]
    )
    return browser


def test_a_password_is_changed_and_other_sessions_end(web: Web) -> None:
    password = add(web.conn, Role.TREASURER)
    assert password is not None
    other, browser = signed_in(web, password), signed_in(web, password)
    path = "/account/password"
    for former, wanted, again in (
        ("wrong", WANTED, WANTED),
        (password, "short", "short"),
        (password, "aaaaaaaaaaaaaa", "aaaaaaaaaaaaaa"),
        (password, WANTED, WANTED + "x"),
    ):
        answer = browser.post(path, former=former, wanted=wanted, again=again)
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
    done = browser.post(path, former=password, wanted=WANTED, again=WANTED)
    assert done.headers["location"] == "/account?said=password-changed"
    assert other.get("/account").status_code == 303
    assert browser.get("/account").status_code == 200
    assert signed_in(web, WANTED).get("/account").status_code == 200


def test_who_is_several_things_goes_from_one_to_the_other(web: Web) -> None:
    password = add(web.conn, Role.TREASURER)
    add(web.conn, Role.RESIDENT, "A-1")
    browser = signed_in(web, password)
    assert "resident of A-1" in text_of(browser.get("/account"))
    rows = web.conn.execute("SELECT membership_id FROM membership WHERE role = 'treasurer'")
    [(treasurer,)] = rows.fetchall()
    assert browser.post("/account/role", role=str(treasurer)).status_code == 303
    assert "treasurer of Lake View" in text_of(browser.get("/account"))
    assert browser.get("/month").status_code == 200


@pytest.mark.parametrize("role", ["", "x", "-1", "9" * 30, "999"])
def test_nobody_takes_a_role_of_another(web: Web, role: str) -> None:
    browser = signed_in(web, add(web.conn, Role.TREASURER))
    web.login("manager")
    assert browser.post("/account/role", role=role).status_code == 404


def test_a_person_signs_out_everywhere(web: Web) -> None:
    password = add(web.conn, Role.TREASURER)
    other, browser = signed_in(web, password), signed_in(web, password)
    assert browser.post("/account/sessions").status_code == 303
    assert other.get("/account").headers["location"].startswith("/login")
