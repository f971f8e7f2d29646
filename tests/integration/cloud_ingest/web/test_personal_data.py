# SPDX-License-Identifier: MIT
"""What people do with their own data on pages: take it, and erase it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from cloud_ingest.core.role import Role
from cloud_ingest.entries.people import add_person
from cloud_ingest.entries.sign_in import open_session, visitor_of
from cloud_ingest.web import cookies
from tests.support.store import SOCIETY, Site, unit_line
from tests.support.web import Visiting, Web, text_of

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
WRONG = "wrong"
NAME = "Asha <b>Rao</b>"


@pytest.fixture
def web(site: Site, store_dsn: str) -> Iterator[Web]:
    """A society with one unit."""
    site.units(unit_line("A-1", "1"))
    found = Web(site.conn, store_dsn)
    yield found
    found.close()


def signed_in(web: Web, role: Role = Role.MANAGER, login: str = "asha") -> tuple[Visiting, str]:
    """Return Asha's browser, and her password where she is new."""
    unit = "A-1" if role is Role.RESIDENT else None
    made = add_person(web.conn, SOCIETY, login, NAME, role, unit=unit, by="me", now=NOW)
    newest = web.conn.execute("SELECT max(membership_id) FROM membership").fetchall()[0][0]
    cookie = open_session(web.conn, newest, web.now)
    visitor = visitor_of(web.conn, cookie, web.now)
    assert visitor is not None
    browser = web.nobody()
    browser.client.cookies.set(cookies.SESSION, cookie)
    browser.csrf = visitor.csrf
    return browser, made or ""


def test_a_person_is_erased_by_the_own_password(web: Web) -> None:
    web.login("manager", name="Ravi")
    browser, password = signed_in(web)
    other, _ = signed_in(web, Role.RESIDENT)
    page = browser.get("/account/erase")
    assert "go at once and for ever; what you said" in text_of(page)
    wrong = browser.post("/account/erase", password=WRONG)
    assert (wrong.status_code, 'role="alert"' in wrong.text) == (422, True)
    assert browser.get("/account").status_code == 200
    done = browser.post("/account/erase", password=password)
    assert (done.status_code, done.headers["location"]) == (303, "/login?said=erased")
    assert [each.get("/account").status_code for each in (browser, other)] == [303, 303]
    rows = web.conn.execute("SELECT login, name FROM account WHERE ended_at IS NOT NULL").fetchall()
    assert [name.startswith("person ") for _, name in rows] == [True]
    assert web.conn.execute("SELECT count(*) FROM web_session").fetchall() == [(1,)]


def test_the_last_manager_is_told_what_to_do(web: Web) -> None:
    browser, password = signed_in(web)
    page = browser.get("/account/erase")
    assert "last manager of Lake View: let somebody else in as manager first" in text_of(page)
    assert "Your password" not in page.text
    assert browser.post("/account/erase", password=password).status_code == 409
    assert browser.get("/account").status_code == 200


def test_a_form_of_another_site_erases_nobody(web: Web) -> None:
    web.login("manager", name="Ravi")
    browser, password = signed_in(web)
    browser.csrf = "x"
    assert browser.post("/account/erase", password=password).status_code == 403
    assert browser.get("/account").status_code == 200


def test_a_person_takes_the_own_data(web: Web) -> None:
    browser, _ = signed_in(web)
    answer = browser.get("/account/data?login=ravi")
    told = answer.json()
    assert (told["account"]["login"], told["account"]["name"]) == ("asha", NAME)
    assert answer.headers["content-disposition"] == 'attachment; filename="my-data-2026-11-20.json"'
    assert answer.headers["cache-control"] == "no-store"


def test_names_are_shown_as_text(web: Web) -> None:
    browser, _ = signed_in(web)
    signed_in(web, login="asha2")
    page = browser.get("/account/erase")
    assert "In Lake View somebody else has the same name" in text_of(page)
    assert "<b>" not in page.text
