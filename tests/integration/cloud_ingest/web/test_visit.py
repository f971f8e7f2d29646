# SPDX-License-Identifier: MIT
"""What each visit passes: sessions, forms, headers, languages, errors."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from cloud_ingest.core.role import Role
from cloud_ingest.entries import sign_in as sign_ins
from cloud_ingest.entries.sign_in import IDLE, hash_password
from cloud_ingest.http.rates import LIMITS, Kind, Limit, Rates
from cloud_ingest.store.accounts import add_account, add_membership
from cloud_ingest.store.registry import find_society
from cloud_ingest.web import cookies
from cloud_ingest.web.forms import masked
from tests.support.store import SOCIETY, Site
from tests.support.web import Web, text_of

RIGHT, WRONG = "correct horse", "wrong"


@pytest.fixture
def web(site: Site, store_dsn: str) -> Iterator[Web]:
    """The pages of a society that has nothing yet."""
    found = Web(site.conn, store_dsn)
    yield found
    found.close()


def test_who_is_not_signed_in_is_asked_to(web: Web) -> None:
    answer = web.nobody().get("/?a=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/%3Fa%3D1")


def test_a_login_opens_a_session_and_logout_ends_it(web: Web) -> None:
    kept, now = hash_password(RIGHT), web.now
    account = add_account(
        web.conn, "asha@example.org", "Asha", password_hash=kept, by="test", now=now
    )
    assert account is not None
    society = find_society(web.conn, SOCIETY)
    add_membership(web.conn, account, society, Role.TREASURER, unit=None, by="test", now=now)
    browser = web.nobody()
    browser.get("/login")
    browser.csrf = browser.client.cookies[cookies.FORM]
    wrong = browser.post("/login", login="asha@example.org", password=WRONG)
    assert (wrong.status_code, "is wrong" in text_of(wrong)) == (401, True)
    right = browser.post("/login", login=" Asha@example.org", password=RIGHT)
    assert (right.status_code, right.headers["location"]) == (303, "/")
    assert "HttpOnly" in right.headers["set-cookie"]
    assert browser.get("/").headers["location"] == "/month"


def test_logout_ends_the_session_and_not_only_the_cookie(web: Web) -> None:
    browser = web.login("treasurer")
    cookie = browser.client.cookies[cookies.SESSION]
    assert browser.post("/logout").status_code == 303
    again = web.nobody()
    again.client.cookies.set(cookies.SESSION, cookie)
    assert again.get("/").headers["location"].startswith("/login")


def test_a_session_ends_when_nobody_uses_it(web: Web) -> None:
    browser = web.login("helpdesk")
    web.now += IDLE - timedelta(seconds=1)
    assert browser.get("/").headers["location"] == "/flags"
    web.now += IDLE
    assert browser.get("/").headers["location"].startswith("/login")


def test_a_page_is_sent_small_and_hides_its_token(web: Web) -> None:
    browser = web.nobody()
    pages = [browser.get("/login") for _ in range(2)]
    assert {each.headers["content-encoding"] for each in pages} == {"gzip"}
    assert pages[0].text != pages[1].text
    assert not any(browser.client.cookies[cookies.FORM] in each.text for each in pages)


@pytest.mark.parametrize("csrf", ["", "x", "ü"])
def test_a_form_without_its_token_is_refused(web: Web, csrf: str) -> None:
    browser = web.login("treasurer")
    browser.csrf = csrf
    assert browser.post("/logout").status_code == 403
    assert browser.get("/").headers["location"] == "/month"


def test_what_another_site_sends_is_refused(web: Web) -> None:
    browser = web.login("treasurer")
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = browser.client.post(
            "/logout", data={"csrf": masked(browser.csrf)}, headers=headers
        )
        assert answer.status_code == 403


@pytest.mark.parametrize("text", ["//evil.example", "/\\evil", "https://evil", "x", "/a\r\nb"])
def test_a_login_goes_on_to_this_site_alone(web: Web, text: str) -> None:
    answer = web.nobody().get("/login", params={"next": text})
    assert 'name="next" value="/"' in answer.text


def test_each_answer_bounds_what_a_browser_may_do(web: Web) -> None:
    for answer in (web.nobody().get("/login"), web.nobody().get("/nothing")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_static_file_is_kept_for_ever_and_small(web: Web) -> None:
    page = web.nobody().get("/login").text
    address = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
    answer = web.nobody().get(address)
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]
    assert web.nobody().get(address.replace("app.css", "../app.py")).status_code == 404


def test_a_theme_and_a_language_are_remembered(web: Web) -> None:
    browser = web.nobody()
    answer = browser.get("/choices?theme=dark&lang=xx&next=/login")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert 'data-theme="dark"' in browser.get("/login").text


def test_a_login_is_tried_a_few_times_alone(web: Web) -> None:
    browser = web.nobody()
    browser.get("/login")
    browser.csrf = browser.client.cookies[cookies.FORM]
    for login in ("Asha", "asha ", "ASHA") * 3 + ("asha",):
        assert browser.post("/login", login=login, password=WRONG).status_code == 401
    late = browser.post("/login", login="asha", password=WRONG)
    assert late.status_code == 429
    assert 0 < int(late.headers["retry-after"]) <= 31
    assert browser.post("/login", login="ravi", password=WRONG).status_code == 401


def test_wrong_tries_from_one_address_hold_up_no_other(site: Site, store_dsn: str) -> None:
    web = Web(site.conn, store_dsn, trusted_proxies=["unix"])
    few: dict[Kind, Limit] = {"login": Limit(0.1, 2), "address": Limit(0.1, 4)}
    object.__setattr__(web.resources, "rates", Rates({**LIMITS, **few}))

    def tried(address: str, login: str) -> int:
        browser = web.nobody()
        browser.client.headers["X-Forwarded-For"] = f"192.0.2.9, {address}"
        browser.get("/login")
        browser.csrf = browser.client.cookies[cookies.FORM]
        answer = browser.post("/login", login=login, password=WRONG)
        return int(answer.status_code)

    assert [tried("203.0.113.1", "asha") for _ in range(3)] == [401, 401, 429]
    assert tried("203.0.113.2", " Asha") == 401
    assert [tried("203.0.113.1", f"ravi-{number}") for number in range(2)] == [401, 429]
    assert tried("203.0.113.2", "ravi-1") == 401
    few = {"login everywhere": Limit(0.1, 2)}
    object.__setattr__(web.resources, "rates", Rates({**LIMITS, **few}))
    assert [tried(f"203.0.113.{number}", "asha") for number in range(3)] == [401, 401, 429]
    web.close()


def test_a_flood_of_logins_does_not_stop_the_pages(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_ins, "_PATIENCE_S", 0.01)
    browser = web.nobody()
    browser.get("/login")
    browser.csrf = browser.client.cookies[cookies.FORM]
    places = [sign_ins._PLACES.acquire() for _ in range(2)]
    assert browser.post("/login", login="asha", password=WRONG).status_code == 429
    for _ in places:
        sign_ins._PLACES.release()
    assert browser.post("/login", login="asha", password=WRONG).status_code == 401
