# SPDX-License-Identifier: MIT
"""Signing in by another service: the account that is linked with it, and nobody else."""

import html
import re
import sys
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import OctKey, RSAKey

from cloud_ingest import entries as entries_package
from cloud_ingest import web as web_package
from cloud_ingest.core.role import Role
from cloud_ingest.entries.people import add_person
from cloud_ingest.errors import ConfigurationError
from cloud_ingest.exports.personal_file import person_file
from cloud_ingest.month.erasure import erase_person
from cloud_ingest.store.connection import Connection
from cloud_ingest.views.personal_data import personal_data
from cloud_ingest.web import cookies
from cloud_ingest.web.app import make_web
from tests.support.issuer import CLIENT, SECRET, LocalIssuer, local_issuer, settings_of
from tests.support.store import SOCIETY, ZONE, Site
from tests.support.web import VISITED_AT, Visiting, Web, text_of

WRONG = "wrong"
BACK = "/login/openid/back"
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "one"})


@pytest.fixture(scope="module")
def running() -> Iterator[LocalIssuer]:
    with local_issuer(VISITED_AT) as found:
        yield found


@pytest.fixture
def issuer(running: LocalIssuer) -> LocalIssuer:
    running.reset()
    return running


def web_of(site: Site, dsn: str, folder: Path, address: str) -> Web:
    oidc = settings_of(address, folder)
    return Web(site.conn, dsn, public_url="http://127.0.0.1:8081", oidc=oidc)


@pytest.fixture
def web(site: Site, store_dsn: str, tmp_path: Path, issuer: LocalIssuer) -> Iterator[Web]:
    found = web_of(site, store_dsn, tmp_path, issuer.address)
    yield found
    found.close()


def person(conn: Connection, login: str) -> str:
    """Add a manager; return the password."""
    password = add_person(
        conn, SOCIETY, login, login, Role.MANAGER, unit=None, by="test", now=VISITED_AT
    )
    assert password is not None
    return password


def at_issuer(address: str) -> str:
    """Go to the issuer as a browser does; return the page of ours that it sends one to."""
    assert address.startswith("http://127.0.0.1:")

    class Stays(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    opener = urllib.request.build_opener(Stays)
    try:
        with opener.open(address, timeout=5):
            raise AssertionError
    except urllib.error.HTTPError as error:
        with error:
            location = str(error.headers["Location"])
    assert location.startswith(f"http://127.0.0.1:8081{BACK}?")
    return location.removeprefix("http://127.0.0.1:8081")


def ready(browser: Visiting) -> Visiting:
    browser.get("/login")
    browser.csrf = browser.client.cookies[cookies.FORM]
    return browser


def signed_in(web: Web, password: str, login: str = "asha@example.org") -> Visiting:
    """Sign a person in by a password."""
    browser = ready(web.nobody())
    assert browser.post("/login", login=login, password=password).status_code == 303
    cookie = browser.client.cookies[cookies.SESSION]
    row = web.conn.execute(
        "SELECT csrf FROM web_session WHERE digest = sha256(%s)", (cookie.encode(),)
    ).fetchone()
    assert row is not None
    browser.csrf = row[0]
    return browser


def link(browser: Visiting, password: str) -> str:
    """Link the account of a browser; return what is said in the end."""
    page = browser.post("/account/openid", password=password)
    (address,) = re.findall(r'href="(http://127[^"]+/authorize[^"]*)"', page.text)
    return said(browser.get(at_issuer(html.unescape(address))))


def by_issuer(web: Web, browser: Visiting | None = None) -> Any:
    """Sign in by the issuer; return the last answer."""
    browser = browser or web.nobody()
    start = browser.get("/login/openid?next=/flags")
    return browser.get(at_issuer(start.headers["location"]))


def said(answer: Any) -> str:
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"].partition("said=")[2])


def test_a_linked_account_signs_in_there(web: Web, issuer: LocalIssuer) -> None:
    password = person(web.conn, "asha@example.org")
    assert said(by_issuer(web)) == "issuer-unknown"  # its mail address is the login, and is nothing
    own = signed_in(web, password)
    assert said(own.post("/account/openid", password=WRONG)) == "issuer-password"
    assert link(own, password) == "issuer-linked"
    assert "is linked with Lake <Login> since" in text_of(own.get("/account"))
    assert "Sign in with Lake <Login>" in text_of(web.nobody().get("/login"))
    browser = web.nobody()
    answer = by_issuer(web, browser)
    assert (answer.status_code, answer.headers["location"]) == (303, "/flags")
    assert browser.get("/account").status_code == 200
    assert cookies.SESSION in browser.client.cookies
    assert "openid" not in browser.client.cookies
    issuer.subject = "somebody-else"
    assert said(by_issuer(web)) == "issuer-unknown"
    issuer.subject = "subject-of-asha"
    assert said(own.post("/account/openid/end")) == "issuer-unlinked"
    assert said(by_issuer(web)) == "issuer-unknown"


def test_a_linked_sign_in_is_in_the_persons_file_and_is_erased(web: Web) -> None:
    password = person(web.conn, "asha@example.org")
    person(web.conn, "ravi@example.org")
    assert link(signed_in(web, password), password) == "issuer-linked"
    found = personal_data(web.conn, "asha@example.org", ZONE, web.now)
    assert [each.subject for each in found.identities] == ["subject-of-asha"]
    assert b"subject-of-asha" in person_file(found).body
    erase_person(web.conn, "asha@example.org", by="test", now=web.now)
    assert web.conn.execute("SELECT count(*) FROM account_identity").fetchone() == (0,)
    assert said(by_issuer(web)) == "issuer-unknown"


def test_a_subject_is_one_account(web: Web) -> None:
    asha, ravi = person(web.conn, "asha@example.org"), person(web.conn, "ravi@example.org")
    assert link(signed_in(web, asha), asha) == "issuer-linked"
    other = signed_in(web, ravi, "ravi@example.org")
    assert link(other, ravi) == "issuer-taken"
    assert "Your password here" in text_of(other.get("/account"))
    web.conn.execute("UPDATE account SET ended_at = now() WHERE login = 'asha@example.org'")
    assert said(by_issuer(web)) == "issuer-unknown"


SPOILED: dict[str, dict[str, Any]] = {
    "another key": {"key": OTHER_KEY},
    "our secret as a key": {"key": OctKey.import_key(SECRET), "algorithm": "HS256"},
    "no signature": {"algorithm": "none"},
    "another issuer": {"claims": {"iss": "http://127.0.0.1:1"}},
    "for another": {"claims": {"aud": "another"}},
    "for others too": {"claims": {"aud": [CLIENT, "another"]}},
    "sent by another": {"claims": {"azp": "another"}},
    "over": {"claims": {"exp": int((VISITED_AT - timedelta(minutes=2)).timestamp())}},
    "of tomorrow": {"claims": {"iat": int((VISITED_AT + timedelta(days=1)).timestamp())}},
    "another attempt": {"claims": {"nonce": "another"}},
    "no attempt": {"claims": {"nonce": None}},
    "nobody": {"claims": {"sub": None}},
    "no text": {"claims": {"sub": 7}},
}


def test_a_token_that_is_not_of_this_sign_in_lets_nobody_in(
    web: Web, issuer: LocalIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    password = person(web.conn, "asha@example.org")
    assert link(signed_in(web, password), password) == "issuer-linked"
    for what, spoiled in SPOILED.items():
        issuer.reset()
        for name, value in spoiled.items():
            setattr(issuer, name, value)
        browser = web.nobody()
        assert said(by_issuer(web, browser)) == "issuer-refused", what
        assert cookies.SESSION not in browser.client.cookies, what
    issuer.reset()
    assert by_issuer(web).headers["location"] == "/flags"
    assert SECRET not in caplog.text


def test_what_another_browser_began_ends_nowhere_else(web: Web) -> None:
    password = person(web.conn, "asha@example.org")
    own = signed_in(web, password)
    mine, theirs = web.nobody(), web.nobody()
    way_back = at_issuer(theirs.get("/login/openid").headers["location"])
    assert mine.get(way_back).status_code == 403  # nothing began here
    mine.get("/login/openid")
    assert mine.get(way_back).status_code == 403  # something else did
    assert said(theirs.get(f"{way_back}&iss=http://127.0.0.1:1")) == "issuer-refused"
    assert theirs.get(way_back).status_code == 403  # once
    page = own.post("/account/openid", password=password)
    (address,) = re.findall(r'href="(http://127[^"]+/authorize[^"]*)"', page.text)
    kept = own.client.cookies["openid"]
    other = signed_in(web, person(web.conn, "ravi@example.org"), "ravi@example.org")
    other.client.cookies.set("openid", kept)
    assert said(other.get(at_issuer(html.unescape(address)))) == "issuer-refused"


def test_a_code_is_of_its_verifier(web: Web) -> None:
    password = person(web.conn, "asha@example.org")
    assert link(signed_in(web, password), password) == "issuer-linked"
    stolen = at_issuer(web.nobody().get("/login/openid").headers["location"])
    thief = web.nobody()
    own = at_issuer(thief.get("/login/openid").headers["location"])
    code, other = (re.findall(r"code=([^&]+)", each)[0] for each in (stolen, own))
    assert said(thief.get(own.replace(other, code))) == "issuer-refused"


@pytest.mark.parametrize("garbage", ["", "e30", "bnVsbA", "%%%", "W10", "eyJzdGF0ZSI6IDF9"])
def test_a_cookie_that_is_none_is_refused(web: Web, garbage: str) -> None:
    browser = web.nobody()
    browser.client.cookies.set("openid", garbage)
    assert browser.get(f"{BACK}?state=&code=x").status_code == 403


def test_an_issuer_that_is_away_is_told(
    site: Site, store_dsn: str, tmp_path: Path, web: Web, issuer: LocalIssuer
) -> None:
    away = web_of(site, store_dsn, tmp_path, "http://127.0.0.1:1")
    assert said(away.nobody().get("/login/openid")) == "issuer-away"
    assert "cannot be reached" in text_of(away.nobody().get("/login?said=issuer-away"))
    away.close()
    issuer.calls_itself = "https://login.example"
    assert said(web.nobody().get("/login/openid")) == "issuer-away"


def test_pages_without_the_extra_do_not_begin(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in (web_package, entries_package):
        monkeypatch.delattr(package, "openid", raising=False)
        monkeypatch.delitem(sys.modules, f"{package.__name__}.openid", raising=False)
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(ConfigurationError, match=r"httpx2: install iot-utility\[cloud,oidc\]"):
        make_web(web.resources)


def test_without_an_issuer_there_is_no_such_page(site: Site, store_dsn: str) -> None:
    web = Web(site.conn, store_dsn)
    assert web.nobody().get("/login/openid").status_code == 404
    assert "Sign in with" not in text_of(web.nobody().get("/login"))
    web.close()
