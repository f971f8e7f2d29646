# SPDX-License-Identifier: MIT
"""Self-reads by link and by token: what is asked, what is receipted, and what nobody learns."""

import base64
import io
import json
import logging
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image

from cloud_ingest.core.api_token import Scope
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.self_read_decide import decide, photo_of
from cloud_ingest.entries.self_read_links import make_link, revoke_links
from cloud_ingest.entries.witness import witness
from shared_schema.catalogue import Service
from tests.support.api import MADE_AT, Api
from tests.support.store import SOCIETY, Site

READ_AT = MADE_AT - timedelta(minutes=5)
ELECTRICITY = Service.ELECTRICITY
DIAL = {"client_id": "phone-0001", "service": "electricity", "read_at": READ_AT.isoformat()}
OWN = "/self-read/readings"


@pytest.fixture
def api(site: Site, store_dsn: str) -> Iterator[Api]:
    """The API of a society with two legacy flats, of which one was read in October."""
    site.units(
        "Tower 1,unit,C-0304,electricity,grid,LNT,26104711,yes,2026-06-01,",
        "Tower 1,unit,C-0304,water,main,,,yes,2026-06-01,",
        "Tower 1,unit,C-0305,electricity,grid,,,yes,2026-06-01,",
    )
    found = Api(site.conn, store_dsn)
    found.now = MADE_AT - timedelta(days=20)
    first = {**DIAL, "client_id": "first-0001", "shown": "4711.3", "unit": "C-0304"}
    first["read_at"] = (found.now - timedelta(minutes=1)).isoformat()
    sent = found.ask("/v1/self-reads", found.token("old"), "POST", json=first).json()
    say(found, sent, approve=True)
    found.now = MADE_AT
    yield found
    found.close()


def say(api: Api, sent: Any, *, approve: bool, reason: str = "seen on the photo") -> None:
    decide(
        api.conn,
        SOCIETY,
        sent["receipt"],
        approve=approve,
        by="manager",
        reason=reason,
        now=api.now,
    )


def link(api: Api, unit: str = "C-0304", service: Service | None = None) -> dict[str, str]:
    made = make_link(api.conn, SOCIETY, unit, service, days=14, by="manager", now=api.now)
    return {"Authorization": f"Bearer {made.text}"}


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, "PNG")
    return out.getvalue()


def test_a_link_says_what_is_asked_and_no_value(api: Api) -> None:
    answer = api.ask("/self-read", link(api))
    assert answer.status_code == 200
    told = answer.json()
    assert told["dials"] == [
        {
            "service": "electricity",
            "source": "grid",
            "unit": "kWh",
            "meter": "4711",
            "whole_digits": None,
            "read_last_on": "2026-10-31",
        },
        {
            "service": "water",
            "source": "main",
            "unit": "kL",
            "meter": None,
            "whole_digits": None,
            "read_last_on": None,
        },
    ]
    assert (told["closes"], told["read_from"]) == ("2026-11", "2026-11-28T00:00:00+05:30")
    assert "4711.3" not in answer.text
    assert "C-0305" not in answer.text


def test_a_plausible_dial_is_taken_and_receipted(api: Api) -> None:
    held = link(api)
    answer = api.ask(OWN, held, "POST", json={**DIAL, "shown": "4790"})
    told = answer.json()
    assert (answer.status_code, told["state"], told["questions"]) == (201, "taken", [])
    assert (told["value"], told["below"]) == ("4790", "4791")
    assert api.ask(OWN, held, "POST", json={**DIAL, "shown": "4790"}).json() == told
    assert api.ask(f"{OWN}/{told['receipt']}", held).json() == told
    other = api.ask(OWN, held, "POST", json={**DIAL, "shown": "4791"})
    assert (other.status_code, "was 4790 before" in other.json()["detail"]) == (409, True)


def test_a_doubtful_dial_is_asked_about_and_the_refusal_is_told(api: Api) -> None:
    held = link(api)
    sent = api.ask(OWN, held, "POST", json={**DIAL, "shown": "7490"}).json()
    assert sent["state"] == "waits"
    assert [each["kind"] for each in sent["questions"]] == ["unusual", "digits_exchanged"]
    assert sent["questions"][1]["meant"] == "4790"
    say(api, sent, approve=False, reason="of the stairs' meter")
    told = api.ask(f"{OWN}/{sent['receipt']}", held).json()
    assert (told["state"], told["reason"]) == ("refused", "of the stairs' meter")


def test_a_bad_photo_costs_no_number(api: Api) -> None:
    body = {**DIAL, "shown": "4790", "photo": base64.b64encode(b"no picture").decode()}
    told = api.ask(OWN, link(api), "POST", json=body).json()
    assert (told["state"], told["has_photo"]) == ("taken", False)
    assert "no photo that can be read" in told["photo_problem"]
    assert (
        "base64"
        in api.ask(
            OWN, link(api), "POST", json={**body, "client_id": "phone-0002", "photo": "\N{CAMERA}"}
        ).json()["photo_problem"]
    )


def test_a_photo_goes_with_its_digits_or_after_them(api: Api) -> None:
    held = link(api)
    body = {**DIAL, "shown": "4790", "photo": base64.b64encode(picture()).decode()}
    told = api.ask(OWN, held, "POST", json=body).json()
    assert (told["has_photo"], told["photo_problem"]) == (True, None)
    assert photo_of(api.conn, SOCIETY, told["receipt"]).startswith(b"\xff\xd8")
    later = {**DIAL, "client_id": "phone-0002", "shown": "4790.5"}
    sent = api.ask(OWN, held, "POST", json={**later, "read_at": api.now.isoformat()}).json()
    where = f"{OWN}/{sent['receipt']}/photo"
    assert api.ask(where, held, "PUT", content=picture()).json()["has_photo"] is True
    assert api.ask(where, held, "PUT", content=picture()).status_code == 200
    bad = api.ask(where, held, "PUT", content=picture()[:40])
    assert (bad.status_code, "take it again" in bad.json()["detail"]) == (422, True)


def test_a_link_opens_its_own_unit_and_service_alone(api: Api) -> None:
    sent = api.ask(OWN, link(api), "POST", json={**DIAL, "shown": "4790"}).json()
    neighbour = link(api, "C-0305")
    assert api.ask(f"{OWN}/{sent['receipt']}", neighbour).status_code == 404
    where = f"{OWN}/{sent['receipt']}/photo"
    assert api.ask(where, neighbour, "PUT", content=picture()).status_code == 404
    water = link(api, service=Service.WATER)
    assert [each["service"] for each in api.ask("/self-read", water).json()["dials"]] == ["water"]
    assert api.ask(OWN, water, "POST", json={**DIAL, "shown": "4790"}).status_code == 404
    assert api.ask("/v1/self-reads/asked?unit=C-0304", link(api)).status_code == 401


def test_what_is_no_link_opens_nothing(api: Api) -> None:
    held = link(api)
    revoke_links(api.conn, SOCIETY, "C-0304", by="manager", reason="moved", now=api.now)
    for headers in (held, {}, {"Authorization": "Bearer nonsense"}, api.token()):
        answer = api.ask("/self-read", headers)
        assert (answer.status_code, answer.json()["type"]) == (401, "urn:metering:problem:no-link")


def test_a_link_asks_not_too_often(api: Api) -> None:
    held, later_s = link(api), time.monotonic() + 3600
    (number,) = api.conn.execute("SELECT max(link_id) FROM self_read_link").fetchall()[0]
    while not api.resources.rates.wait_s(("link", number), later_s):
        pass
    answer = api.ask("/self-read", held)
    assert (answer.status_code, "retry-after" in answer.headers) == (429, True)


def test_no_secret_stands_in_a_log(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    held = link(api)
    api.ask("/self-read", held)
    api.ask("/self-read", {"Authorization": held["Authorization"][:-1] + "7"})
    told = "".join(f"{each.getMessage()}{each.__dict__}" for each in caplog.records)
    assert held["Authorization"][-20:-1] not in told


def test_a_dial_is_sent_ten_times_a_day(api: Api) -> None:
    held = link(api)
    for number in range(11):
        body = {**DIAL, "client_id": f"phone-10{number:02}", "shown": "7490"}
        answer = api.ask(OWN, held, "POST", json=body)
    assert (answer.status_code, "come again tomorrow" in answer.json()["detail"]) == (429, True)


def test_a_program_sends_for_a_unit_of_its_society(api: Api) -> None:
    token = api.token("portal", [Scope.SELF_READS_WRITE])
    asked = api.ask("/v1/self-reads/asked?unit=C-0304&service=electricity", token).json()
    assert len(asked["dials"]) == 1
    body = {**DIAL, "shown": "4790", "unit": "C-0304", "by": "resident by the portal"}
    told = api.ask("/v1/self-reads", token, "POST", json=body).json()
    assert told["state"] == "taken"
    assert api.ask(f"/v1/self-reads/{told['receipt']}", token).json() == told
    where = f"/v1/self-reads/{told['receipt']}/photo"
    assert api.ask(where, token, "PUT", content=picture()).json()["has_photo"] is True
    assert api.conn.execute(
        "SELECT count(*) FROM self_read WHERE entered_by = 'resident by the portal'"
    ).fetchone() == (1,)
    reader = api.token("reader", [Scope.MONTHS_READ])
    assert api.ask("/v1/self-reads", reader, "POST", json=body).status_code == 403


def test_another_society_is_not_there(api: Api) -> None:
    sent = api.ask(OWN, link(api), "POST", json={**DIAL, "shown": "4790"}).json()
    api.conn.execute("INSERT INTO society (name) VALUES ('Another')")
    token = api.token("spy", [Scope.SELF_READS_WRITE], society="Another")
    assert api.ask(f"/v1/self-reads/{sent['receipt']}", token).status_code == 404
    assert api.ask("/v1/self-reads/asked?unit=C-0304", token).status_code == 404
    body = {**DIAL, "shown": "4790", "unit": "C-0304"}
    assert api.ask("/v1/self-reads", token, "POST", json=body).status_code == 422


def test_what_is_no_reading_is_refused(api: Api) -> None:
    held = link(api)
    changes: list[dict[str, object]] = [
        {"client_id": "x"},
        {"read_at": "2026-11-20T09:00:00"},
        {"read_at": "2030-01-01T00:00:00Z"},
        {"read_at": "9999-12-31T23:59:59-12:00"},
        {"read_at": "0001-01-01T00:00:00+05:30"},
        {"shown": "about 4790"},
        {"shown": "\ud800"},
        {"shown": "9" * 41},
        {"service": "gas"},
        {"more": 1},
    ]
    for change in changes:
        body = json.dumps({**DIAL, "shown": "4790", **change}).encode()
        answer = api.ask(OWN, held, "POST", content=body)
        assert (answer.status_code, answer.json()["status"]) == (422, 422), change


def test_witness_reads_are_told(api: Api) -> None:
    named = NamedMeter("C-0304", ELECTRICITY)
    witness(
        api.conn,
        SOCIETY,
        named,
        shown="4711",
        at=READ_AT,
        by="manager",
        beside="resident",
        now=api.now,
    )
    path = "/v1/witness-reads?unit=C-0304&service=electricity"
    (told,) = api.ask(path, api.token("portal", [Scope.MONTHS_READ])).json()
    assert (told["witness"], told["value"]) == ("resident", "4711")
