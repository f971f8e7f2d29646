# SPDX-License-Identifier: MIT
"""People: who is invited, who takes it, whose role ends, and that each act is kept."""

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloud_ingest.core.role import Role
from cloud_ingest.entries.people import add_person, end_role
from cloud_ingest.errors import PersonRefused
from cloud_ingest.store.connection import connect
from cloud_ingest.store.roles import WHAT_WAS_SAID
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
    found.now = NOW
    yield found
    found.close()


def link_of(answer: Any) -> str:
    """Return the text of the link that a page shows."""
    found = re.search(r'/join\?i=([\w-]+)"', answer.text)
    assert found, answer.text
    return found[1]


def stranger(web: Web) -> Visiting:
    """Return a browser that has opened a page."""
    browser = web.nobody()
    browser.get("/login")
    browser.csrf = browser.client.cookies[cookies.FORM]
    return browser


def typed(link: str, **others: str) -> dict[str, str]:
    """Return what somebody fills in who has no login."""
    own = {"login": "Meera", "name": "Meera", "password": WANTED, "again": WANTED}
    return {"i": link, **own, **others}


def test_who_is_invited_joins_once(web: Web) -> None:
    manager = web.login("manager")
    link = link_of(manager.post("/people/invite", name="Meera", role="treasurer"))
    assert "1 is invited" in text_of(manager.get("/people"))
    assert link not in manager.get("/people").text
    browser = stranger(web)
    assert "as treasurer" in text_of(browser.get(f"/join?i={link}"))
    for wrong in ({"again": "x"}, {"password": "short", "again": "short"}, {"login": ""}):
        assert browser.post("/join", **typed(link, **wrong)).status_code == 422
    assert browser.post("/join", **typed(link)).status_code == 303
    assert browser.get("/month").status_code == 200
    assert browser.get("/people").status_code == 403
    assert stranger(web).post("/join", **typed(link, login="x")).status_code == 404
    assert link not in str(web.conn.execute("SELECT * FROM invitation").fetchall())
    told = text_of(manager.get("/people/audit"))
    assert "meera took the invitation treasurer" in told
    assert "Meera was invited treasurer" in told


def test_who_has_a_login_takes_it_signed_in_by_it(web: Web) -> None:
    manager, helpdesk = web.login("manager"), web.login("helpdesk")
    link = link_of(manager.post("/people/invite", name="X", role="resident", unit="A-1"))
    (login,) = web.conn.execute(
        "SELECT login FROM account JOIN membership USING (account_id) WHERE role = 'helpdesk'"
    ).fetchall()[0]
    taken = stranger(web).post("/join", **typed(link, login=login))
    assert (taken.status_code, "is taken" in taken.text) == (422, True)
    assert stranger(web).post("/join/own", i=link).status_code == 200
    assert "resident of A-1" in text_of(helpdesk.get(f"/join?i={link}"))
    assert helpdesk.post("/join/own", i=link).status_code == 303
    roles = web.conn.execute(
        "SELECT role FROM membership JOIN account USING (account_id) WHERE login = %s", (login,)
    ).fetchall()
    assert sorted(roles) == [("helpdesk",), ("resident",)]


def test_a_link_that_is_over_withdrawn_or_wrong_opens_nothing(web: Web) -> None:
    manager = web.login("manager")
    over = link_of(manager.post("/people/invite", name="A", role="treasurer"))
    gone = link_of(manager.post("/people/invite", name="B", role="treasurer"))
    (number,) = web.conn.execute("SELECT max(invitation_id) FROM invitation").fetchall()[0]
    assert manager.post("/people/withdraw", invitation=str(number)).status_code == 303
    assert manager.post("/people/withdraw", invitation=str(number)).status_code == 404
    for text in (gone, "", "x", "é" * 20):
        assert stranger(web).get(f"/join?i={text}").status_code == 404
        assert stranger(web).post("/join", **typed(text)).status_code == 404
    assert stranger(web).get(f"/join?i={over}").status_code == 200
    web.now = NOW + timedelta(days=7)
    assert stranger(web).get(f"/join?i={over}").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"role": "resident"},
        {"role": "resident", "unit": "Z-9"},
        {"role": "manager", "unit": "A-1"},
        {"role": "king"},
        {"role": ""},
        {"role": "manager", "name": ""},
        {"role": "manager", "name": "x" * 1000},
    ],
)
def test_an_invitation_that_says_no_role_is_refused(web: Web, wrong: dict[str, str]) -> None:
    answer = web.login("manager").post("/people/invite", **{"name": "Meera"} | wrong)
    assert 400 <= answer.status_code < 500
    assert web.conn.execute("SELECT count(*) FROM invitation").fetchall() == [(0,)]


def test_a_role_ends_with_its_sessions_but_the_last_managers(web: Web) -> None:
    manager, treasurer = web.login("manager"), web.login("treasurer")
    rows = web.conn.execute("SELECT role, membership_id FROM membership").fetchall()
    numbers: dict[str, int] = dict(rows)
    assert treasurer.get("/month").status_code == 200
    assert manager.post("/people/end", member=str(numbers["treasurer"])).status_code == 303
    assert treasurer.get("/month").status_code == 303
    assert manager.post("/people/end", member=str(numbers["treasurer"])).status_code == 404
    refused = manager.post("/people/end", member=str(numbers["manager"]))
    assert (refused.status_code, "last manager" in refused.text) == (422, True)
    assert "the role was ended treasurer" in text_of(manager.get("/people/audit"))


def test_two_managers_do_not_end_each_other(web: Web, store_dsn: str) -> None:
    for login in ("asha", "ravi"):
        add_person(
            web.conn, SOCIETY, login, login, Role.MANAGER, unit=None, by="the operator", now=NOW
        )
    rows = web.conn.execute("SELECT society_id, membership_id FROM membership").fetchall()
    together, refused = threading.Barrier(2, timeout=20), []

    def end(society_id: int, number: int) -> None:
        with connect(store_dsn) as conn:
            together.wait()
            try:
                end_role(conn, society_id, number, by="me", now=NOW)
            except PersonRefused as error:
                refused.append(error)

    both = [threading.Thread(target=end, args=row) for row in rows]
    for each in both:
        each.start()
    for each in both:
        each.join(20)
    assert len(refused) == 1


def test_a_token_is_shown_once_and_ends(web: Web) -> None:
    manager = web.login("manager")
    made = manager.post("/tokens/make", name="billing", days="30", **{"months:read": "1"})
    found = re.search(r"metering_[0-9a-f]+_[0-9a-f]+", made.text)
    assert found
    assert found[0] not in manager.get("/tokens").text
    assert "months:read" in text_of(manager.get("/tokens"))
    for again in ({"months:read": "1"}, {}):
        assert manager.post("/tokens/make", name="billing", days="1", **again).status_code == 409
    for days in ("0", "x", "99999", "-1", "٣"):
        odd = manager.post("/tokens/make", name="b", days=days, **{"months:read": "1"})
        assert odd.status_code == 409
    assert manager.post("/tokens/end", name="billing").status_code == 303
    assert manager.post("/tokens/end", name="billing").status_code == 404
    assert "a token was made" in text_of(manager.get("/people/audit"))


def test_what_is_kept_of_sign_ins_is_never_taken_back(web: Web) -> None:
    manager = web.login("manager")
    (login,) = web.conn.execute("SELECT login FROM account").fetchall()[0]
    typed_wrong = {"login": login, "password": "wrong"}
    assert stranger(web).post("/login", **typed_wrong).status_code == 401
    assert "a sign-in was refused" in text_of(manager.get("/people/audit"))
    assert "access_act" in WHAT_WAS_SAID


def test_the_language_is_remembered(web: Web) -> None:
    browser = web.login("manager")
    browser.get("/choices?lang=hi&next=/people")
    assert web.conn.execute("SELECT language FROM account").fetchall() == [("hi",)]
    browser.get("/choices?lang=xx")
    assert web.conn.execute("SELECT language FROM account").fetchall() == [("hi",)]
