# SPDX-License-Identifier: MIT
"""A manager's page: what waits, its photo, and one word on each."""

import base64
import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image

from cloud_ingest.core.api_token import Scope
from tests.support.api import MADE_AT, Api
from tests.support.store import Site

READ_AT = MADE_AT - timedelta(minutes=5)


@pytest.fixture
def api(site: Site, store_dsn: str) -> Iterator[Api]:
    site.units("Tower 1,unit,C-0304,electricity,grid,LNT,26104711,yes,2026-06-01,")
    found = Api(site.conn, store_dsn)
    yield found
    found.close()


@pytest.fixture
def office(api: Api) -> dict[str, str]:
    return api.token("office", [Scope.SELF_READS_WRITE, Scope.SELF_READS_DECIDE])


def sent(api: Api, office: dict[str, str]) -> dict[str, Any]:
    """A first reading, which waits."""
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, "PNG")
    body = {
        "client_id": "phone-0001",
        "unit": "C-0304",
        "service": "electricity",
        "shown": "04711",
        "read_at": READ_AT.isoformat(),
        "photo": base64.b64encode(out.getvalue()).decode(),
        "by": "the resident",
    }
    answer = api.ask("/v1/self-reads", office, "POST", json=body)
    found: dict[str, Any] = answer.json()
    return found


def decision(api: Api, token: dict[str, str], receipt: str, **word: object) -> Any:
    body = {"reason": "seen on the photo", **word}
    return api.ask(f"/v1/self-reads/{receipt}/decision", token, "POST", json=body)


def test_what_waits_is_listed_with_its_remarks(api: Api, office: dict[str, str]) -> None:
    receipt = sent(api, office)["receipt"]
    (waits,) = api.ask("/v1/self-reads?unit=C-0304", office).json()
    assert (waits["receipt"], waits["shown"], waits["by"]) == (receipt, "04711", "the resident")
    assert [each["kind"] for each in waits["remarks"]] == ["first"]
    picture = api.ask(f"/v1/self-reads/{receipt}/photo", office)
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.content.startswith(b"\xff\xd8")


def test_one_word_decides_and_the_next_is_told(api: Api, office: dict[str, str]) -> None:
    receipt = sent(api, office)["receipt"]
    done = decision(api, office, receipt, word="approve", by="manager").json()
    assert (done["state"], done["decided_by"]) == ("approved", "manager")
    again = decision(api, office, receipt, word="refuse")
    assert (again.status_code, "was approved by manager" in again.json()["detail"]) == (409, True)
    assert api.ask("/v1/self-reads", office).json() == []
    (told,) = api.ask("/v1/self-reads?everything=true", office).json()
    assert told == done
    assert api.conn.execute("SELECT count(*) FROM reading").fetchone() == (1,)


def test_a_word_wants_its_reason(api: Api, office: dict[str, str]) -> None:
    receipt = sent(api, office)["receipt"]
    for word in (
        {"word": "refuse", "reason": ""},
        {"word": "refuse", "reason": " \n"},
        {"word": "maybe"},
    ):
        assert decision(api, office, receipt, **word).status_code == 422, word
    assert api.ask(f"/v1/self-reads/{receipt}", office).json()["state"] == "waits"


def test_who_sends_does_not_decide(api: Api, office: dict[str, str]) -> None:
    receipt = sent(api, office)["receipt"]
    api.conn.execute("INSERT INTO society (name) VALUES ('Another')")
    spy = api.token("spy", [Scope.SELF_READS_DECIDE], society="Another")
    assert api.ask("/v1/self-reads?everything=true", spy).json() == []
    assert decision(api, spy, receipt, word="approve").status_code == 404
    assert api.ask(f"/v1/self-reads/{receipt}/photo", spy).status_code == 404
    portal = api.token("portal", [Scope.SELF_READS_WRITE, Scope.MONTHS_READ])
    assert api.ask("/v1/self-reads", portal).status_code == 403
    assert api.ask(f"/v1/self-reads/{receipt}/photo", portal).status_code == 403
    assert decision(api, portal, receipt, word="approve").status_code == 403
