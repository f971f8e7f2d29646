# SPDX-License-Identifier: MIT
"""The manager's queue: what waits is shown with its difference, decided once; links are given."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from cloud_ingest.core.role import Role
from cloud_ingest.entries.self_read_decide import one_submission
from tests.support.self_read import END, photo, read_flat, send
from tests.support.store import SOCIETY, Site
from tests.support.web import Web, text_of

NOW = END + timedelta(hours=1)
MADE = {"unit": "C-0304", "days": "14"}


@pytest.fixture
def web(site: Site, store_dsn: str) -> Iterator[Web]:
    """Two readings wait: one that is unusual, and one that is below the last."""
    read_flat(site)
    send(site, "12000", unit="C-0303", now=NOW)
    send(site, "4611.3", now=NOW, photo=photo())
    found = Web(site.conn, store_dsn, public_url="http://127.0.0.1:8080")
    found.now = NOW
    yield found
    found.close()


def receipt(web: Web, unit: str = "C-0304") -> str:
    found = web.conn.execute(
        "SELECT receipt FROM self_read_submission WHERE subject = %s "
        "ORDER BY submission_id DESC LIMIT 1",
        (unit,),
    ).fetchone()
    assert found is not None
    return str(found[0])


def test_the_worst_is_first_with_its_difference(web: Web) -> None:
    text = text_of(web.login("manager").get("/queue"))
    assert "2 readings wait for you." in text
    assert text.index("C-0304") < text.index("C-0303")
    assert "Before 4,711.300 kWh on 1 Jul 2026, 08:00 Difference \N{MINUS SIGN}100.000 kWh" in text
    assert "1 reading waits" in text_of(web.login("manager").get("/queue?unit=C-0303"))


def test_a_photo_is_shown_to_the_manager_alone(web: Web) -> None:
    path = f"/queue/photo?receipt={receipt(web)}"
    answer = web.login("manager").get(path)
    assert (answer.content, answer.headers["content-type"]) == (b"jpeg", "image/jpeg")
    assert web.login("resident", unit="C-0304").get(path).status_code == 403


def test_a_word_is_taken_once_with_its_reason(web: Web) -> None:
    by, fields = web.login("manager"), {"receipt": receipt(web), "word": "refuse"}
    assert by.post("/queue/decide", **fields, reason=" ").status_code == 422
    assert by.post("/queue/decide", **fields | {"word": "x"}, reason="y").status_code == 422
    assert by.post("/queue/decide", **fields, reason="blurred").status_code == 303
    found = one_submission(web.conn, SOCIETY, fields["receipt"])
    assert (found.decision, found.decided_by) == ("refused", "The manager")
    assert by.post("/queue/decide", **fields, reason="again").status_code == 409
    assert "blurred (The manager)" in text_of(by.get("/queue?show=all"))


def test_what_is_approved_waits_no_more(web: Web) -> None:
    by = web.login("manager")
    fields = {"receipt": receipt(web, "C-0303"), "word": "approve", "reason": "seen"}
    assert by.post("/queue/decide", **fields).headers["location"].endswith("read-approved")
    assert "1 reading waits for you." in text_of(by.get("/queue"))


def test_a_link_is_shown_once_and_revoked(web: Web) -> None:
    by = web.login("manager")
    text = text_of(by.post("/queue/links/make", **MADE))
    assert "http://127.0.0.1:8080/self-read#" in text
    secret = text.partition("#")[2].split()[0]
    listed = by.get("/queue/links?unit=C-0304")
    assert "1 link opens something" in text_of(listed)
    assert secret not in listed.text
    answer = by.post("/queue/links/revoke", unit="C-0304", reason="moved")
    assert answer.headers["location"].endswith("links-revoked")
    assert "0 links open" in text_of(by.get("/queue/links"))
    assert by.post("/queue/links/make", **MADE | {"unit": "X-1"}).status_code == 404


@pytest.mark.parametrize(("form", "begins"), [("pdf", b"%PDF"), ("csv", b"society,unit")])
def test_a_sheet_has_a_card_for_each_dial(web: Web, form: str, begins: bytes) -> None:
    by = web.login("manager")
    asked = {"month": "2026-08", "days": "14", "form": form}
    answer = by.post("/queue/links/sheet", **asked)
    assert answer.content.startswith(begins)
    assert answer.headers["content-disposition"].endswith(f'"links-2026-08.{form}"')
    assert "2 links open" in text_of(by.get("/queue/links"))


@pytest.mark.parametrize("role", [each for each in Role if each is not Role.MANAGER])
def test_nobody_else_sees_or_decides(web: Web, role: Role) -> None:
    by = web.login(role, unit="C-0304" if role is Role.RESIDENT else None)
    for path in ("/queue", "/queue/links"):
        assert by.get(path).status_code == 403
    for path in ("/queue/decide", "/queue/links/make", "/queue/links/sheet"):
        assert by.post(path, receipt=receipt(web), word="approve", reason="x").status_code == 403


def test_another_society_has_none_of_it(web: Web, site: Site) -> None:
    site.conn.execute("INSERT INTO society (name) VALUES ('Other')")
    by = web.login("manager", society="Other")
    assert "No reading waits" in text_of(by.get("/queue?unit=C-0304"))
    fields = {"receipt": receipt(web), "word": "approve", "reason": "x"}
    assert by.post("/queue/decide", **fields).status_code == 404
    assert by.get(f"/queue/photo?receipt={receipt(web)}").status_code == 404
    assert by.post("/queue/links/make", **MADE).status_code == 404
