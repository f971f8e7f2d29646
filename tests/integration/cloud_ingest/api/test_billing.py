# SPDX-License-Identifier: MIT
"""Billing that has no MQTT reads a month, asks for it again, and says what it has."""

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from cloud_ingest.core.api_token import Scope
from cloud_ingest.month.close import close_month
from cloud_ingest.store import outbox, resends
from tests.support.api import Api
from tests.support.flags import FlaggedSociety
from tests.support.store import SOCIETY, Site, every, local, unit_line

START, END = local("2026-06-30 00:00"), local("2026-08-02 00:00")
MONTH, ACKS, RESEND = "/v1/billing/2026-07", "/v1/billing/acks", "/v1/billing/resend"
HAD = {
    "month": "2026-07",
    "subject": {"type": "unit", "id": "A-1204"},
    "service": "electricity",
    "version": 1,
}


@pytest.fixture
def closed(site: Site, store_dsn: str) -> Iterator[Api]:
    """The API of a society whose July is closed; nothing of it was sent yet."""
    site.units(unit_line("A-1204", "1"), unit_line("A-1205", "2"))
    for serial in ("1", "2"):
        site.deliver(serial, every(START, END, 1000, 10, timedelta(hours=1)))
    close_month(site.conn, SOCIETY, "2026-07", local("2026-08-05 09:00"))
    found = Api(site.conn, store_dsn)
    yield found
    found.close()


def post(api: Api, path: str, body: Any) -> Any:
    return api.ask(path, api.token(f"billing {api.now}"), "POST", json=body)


def awaited(api: Api) -> int:
    row = api.conn.execute(
        "SELECT count(*) FROM outbox WHERE ack_key IS NOT NULL AND acked_at IS NULL"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_a_month_is_read_as_it_was_sent(closed: Api) -> None:
    answer = closed.ask(MONTH, closed.token())
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
    first, *lines = answer.content.splitlines()
    named = {each["sha256"] for each in json.loads(first)["entries"]}
    assert {hashlib.sha256(line).hexdigest() for line in lines} == named
    assert len(lines) == 2


def test_what_was_read_may_be_acknowledged(closed: Api) -> None:
    answer = post(closed, ACKS, [HAD])
    assert (answer.status_code, answer.json()) == (200, {"messages": 1})
    assert awaited(closed) == 1
    closed.now += timedelta(seconds=1)
    assert post(closed, ACKS, [HAD]).json() == {"messages": 0}


def test_where_one_was_never_decided_none_is_taken(closed: Api) -> None:
    answer = post(closed, ACKS, [HAD, {**HAD, "version": 7}])
    assert answer.status_code == 409
    assert "version 7" in answer.json()["detail"]
    assert awaited(closed) == 2


def test_a_month_is_sent_again_and_its_progress_shown(closed: Api) -> None:
    closed.conn.execute("UPDATE outbox SET published_at = now(), acked_at = now(), attempts = 1")
    outbox.prune(closed.conn, closed.now + timedelta(days=3650))
    answer = post(closed, RESEND, {"month": "2026-07", "service": "electricity"})
    assert (answer.status_code, answer.json()) == (202, {"messages": 2})
    assert awaited(closed) == 2
    (wish,) = closed.ask(RESEND, closed.token("another")).json()
    assert (wish["messages"], wish["sent"], wish["request"]["month"]) == (2, 2, "2026-07")
    assert wish["done_at"] is not None


def test_who_asks_all_the_time_is_put_off(closed: Api) -> None:
    for day in range(1, resends.MOST_WISHES + 1):
        assert post(closed, RESEND, {"since": f"2026-05-{day:02}T00:00:00Z"}).status_code == 202
        closed.now += timedelta(seconds=1)
    answer = post(closed, RESEND, {"month": "2026-07"})
    assert (answer.status_code, answer.json()["title"]) == (429, "too often")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (ACKS, []),
        (ACKS, [HAD] * 1001),
        (ACKS, [{**HAD, "version": "1"}]),
        (RESEND, {"months": "2026-07"}),
        (RESEND, {"month": "July"}),
    ],
)
def test_what_is_no_word_is_refused(closed: Api, path: str, body: object) -> None:
    assert post(closed, path, body).status_code == 422


def test_billing_of_another_society_finds_nothing(closed: Api) -> None:
    FlaggedSociety(closed.conn, "S")
    token = closed.token(society="S")
    assert closed.ask(MONTH, token).status_code == 404
    assert closed.ask(ACKS, token, "POST", json=[HAD]).status_code == 409
    assert closed.ask(MONTH, closed.token(scopes=[Scope.EVENTS_READ])).status_code == 403
    assert awaited(closed) == 2
