# SPDX-License-Identifier: MIT
"""A resident's page: a link is exchanged, a value is checked, sent and receipted."""

import io
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from PIL import Image

from cloud_ingest.core.role import Role
from cloud_ingest.entries.self_read_decide import decide, one_submission, photo_of
from cloud_ingest.entries.self_read_links import make_link, revoke_links
from cloud_ingest.web import cookies
from tests.support.self_read import START, read_flat
from tests.support.store import SOCIETY, Site
from tests.support.web import Visiting, Web, text_of

AT = "2026-07-31T08:00"
NOW = START + timedelta(days=30)
SEND = {"service": "electricity", "source": "grid", "at": AT}


@pytest.fixture
def web(site: Site, store_dsn: str) -> Iterator[Web]:
    """The pages of two legacy flats that were read on 1 July."""
    read_flat(site)
    found = Web(site.conn, store_dsn)
    found.now = NOW
    yield found
    found.close()


def link(web: Web, unit: str = "C-0304") -> str:
    return make_link(web.conn, SOCIETY, unit, None, days=14, by="manager", now=web.now).address(
        "https://meters.example"
    )


def browser(web: Web) -> Visiting:
    """A telephone that has opened nothing yet."""
    found = web.nobody()
    found.get("/self-read")
    found.csrf = found.client.cookies[cookies.FORM]
    return found


def opened(web: Web, unit: str = "C-0304") -> Visiting:
    found = browser(web)
    assert found.post("/self-read/link", link=link(web, unit)).status_code == 303
    return found


def check(by: Visiting, whole: str, **more: str) -> str:
    asked = {**SEND, "whole": whole} | more
    return text_of(by.get(f"/self-read/check?{urlencode(asked)}"))


def photo() -> dict[str, tuple[str, bytes, str]]:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, "PNG")
    return {"photo": ("dial.png", out.getvalue(), "image/png")}


def sent(by: Visiting, shown: str, files: object = None, **more: str) -> str:
    answer = by.post("/self-read/send", files=files, **{**SEND, "shown": shown} | more)
    assert answer.status_code == 303, text_of(answer)
    return str(answer.headers["location"])


def test_a_link_is_exchanged_for_a_cookie_of_its_own(web: Web) -> None:
    by = opened(web)
    cookie = next(each for each in by.client.cookies.jar if each.name == cookies.LINK)
    assert cookie.expires is not None
    told = text_of(by.get("/self-read"))
    assert "Read the dial of C-0304" in told
    assert "C-0303" not in told
    assert "4711" not in told, "what it showed would be typed along"


def test_a_wrong_link_opens_nothing_and_is_closed(web: Web) -> None:
    by, right = browser(web), link(web)
    wrong = f"{right[:-1]}{'a' if right[-1] != 'a' else 'b'}"
    for _ in range(10):
        answer = by.post("/self-read/link", link=wrong)
        assert (answer.status_code, cookies.LINK in by.client.cookies) == (401, False)
    assert by.post("/self-read/link", link=right).status_code == 401
    web.now += timedelta(hours=1)
    assert by.post("/self-read/link", link=right).status_code == 303


def test_a_revoked_link_closes_the_page(web: Web) -> None:
    by = opened(web)
    revoke_links(web.conn, SOCIETY, "C-0304", by="manager", reason="moved", now=web.now)
    answer = by.get("/self-read")
    assert (answer.status_code, "opens nothing" in text_of(answer)) == (401, True)
    assert cookies.LINK not in by.client.cookies


def test_who_leaves_takes_the_link_along(web: Web) -> None:
    by = opened(web)
    assert by.post("/self-read/leave").status_code == 303
    assert "Open your personal link" in text_of(by.get("/self-read"))
    assert by.get("/self-read/receipt?receipt=1").headers["location"] == "/self-read"


def test_a_value_is_checked_against_the_last_and_not_kept(web: Web) -> None:
    by = opened(web)
    told = check(by, "4890", parts="5")
    assert "4,890.5 kWh: that is 179.200 kWh since 1 Jul 2026, 08:00" in told
    assert "it is taken at once" in told
    assert "4,611 kWh is less than the 4,711.300 kWh of 1 Jul" in check(by, "4611")
    assert web.conn.execute("SELECT count(*) FROM self_read_submission").fetchone() == (2,)


def test_a_check_without_a_time_is_of_now(web: Web) -> None:
    answer = opened(web).get("/self-read/check?service=electricity&source=grid&whole=4890")
    assert answer.headers["location"].endswith("at=2026-07-31T08%3A00")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"whole": "x"}, "no dial value"),
        ({"whole": "1", "at": "2030-01-01T00:00"}, "in the future"),
        ({"whole": "1", "at": "tomorrow"}, "no time"),
        ({"whole": "1", "service": "gas"}, "no service"),
        ({"whole": "1", "source": "nowhere"}, "C-0304"),
    ],
)
def test_what_cannot_be_is_said_and_can_be_mended(
    web: Web, asked: dict[str, str], says: str
) -> None:
    answer = opened(web).get(f"/self-read/check?{urlencode(SEND | asked)}")
    assert answer.status_code == 422
    assert says in text_of(answer)
    assert "Check it" in text_of(answer)


def test_a_plausible_value_is_taken_and_receipted(web: Web) -> None:
    by = opened(web)
    receipt = sent(by, "4890.5", photo())
    told = text_of(by.get(receipt))
    assert "4,890.5 kWh: It is taken." in told
    assert "Photo kept" in told
    assert "What you sent" in text_of(by.get("/self-read"))


def test_the_same_sent_twice_is_one(web: Web) -> None:
    by = opened(web)
    assert sent(by, "4890.5") == sent(by, "4890.5")
    assert sent(by, "4890.6") != sent(by, "4890.5")


def test_a_doubtful_value_waits_and_its_photo_may_follow(web: Web) -> None:
    by = opened(web)
    receipt = sent(by, "4611")
    assert "less than the meter showed before" in text_of(by.get(receipt))
    number = receipt.rpartition("=")[2]
    bad = by.post("/self-read/photo", files={"photo": ("x", b"x")}, receipt=number)
    assert bad.headers["location"].endswith("said=photo-refused")
    assert by.post("/self-read/photo", files=photo(), receipt=number).status_code == 303
    assert photo_of(web.conn, SOCIETY, number)
    decide(web.conn, SOCIETY, number, approve=False, by="m", reason="<b>no</b>", now=web.now)
    assert "The manager says: <b>no</b>" in text_of(by.get(receipt))


def test_a_bad_photo_costs_no_number(web: Web) -> None:
    receipt = sent(opened(web), "4890.5", {"photo": ("dial.jpg", b"no picture")})
    assert receipt.endswith("said=photo-refused")


def test_nobody_sees_what_a_neighbour_sent(web: Web) -> None:
    receipt = sent(opened(web, "C-0303"), "9200")
    assert opened(web).get(receipt).status_code == 404
    assert web.login("resident", unit="C-0304").get(receipt).status_code == 404
    for odd in ("", "0", "-1", "x" * 300, "9" * 30, "%00"):
        assert opened(web).get(f"/self-read/receipt?receipt={odd}").status_code in {404, 422}


def test_a_resident_reads_signed_in_and_is_named(web: Web) -> None:
    by = web.login("resident", unit="C-0304", name="Asha")
    receipt = sent(by, "4890.5")
    assert one_submission(web.conn, SOCIETY, receipt.rpartition("=")[2]).author == "Asha"
    assert "It is taken" in text_of(by.get(receipt))


@pytest.mark.parametrize("role", [each for each in Role if each is not Role.RESIDENT])
def test_other_roles_are_asked_for_a_link(web: Web, role: Role) -> None:
    assert "Open your personal link" in text_of(web.login(role).get("/self-read"))


def test_a_form_without_its_token_is_refused(web: Web) -> None:
    by = opened(web)
    by.csrf = "x"
    for path in ("link", "leave", "send", "photo"):
        assert by.post(f"/self-read/{path}", **SEND).status_code == 403
