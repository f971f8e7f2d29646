# SPDX-License-Identifier: MIT
"""The API on a real store: who may ask, what is answered, and what never happens."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.core.api_token import Scope
from cloud_ingest.errors import StoreReadOnly, StoreUnavailable
from cloud_ingest.http import body
from cloud_ingest.http.rates import ASKING
from cloud_ingest.month.close import close_month
from cloud_ingest.store import pool as pools
from cloud_ingest.store.connection import Connection, connect, translated
from cloud_ingest.store.pool import Pool
from tests.support.api import Api
from tests.support.flags import FlaggedSociety
from tests.support.roles import roles_apart
from tests.support.store import SOCIETY, Site, every, local, unit_line

START, END = local("2026-06-30 00:00"), local("2026-08-02 00:00")
MONTH, EVENTS = "/v1/months/2026-07", "/v1/events"


@pytest.fixture
def api(site: Site, store_dsn: str) -> Iterator[Api]:
    """The API of a society that has nothing yet."""
    found = Api(site.conn, store_dsn)
    yield found
    found.close()


@pytest.fixture
def closed(api: Api, site: Site) -> Api:
    """The API of a society whose July is closed."""
    site.units(unit_line("A-1204", "1"))
    site.deliver("1", every(START, END, 1000, 10, timedelta(hours=1)))
    close_month(site.conn, SOCIETY, "2026-07", local("2026-08-05 09:00"))
    return api


def test_a_month_is_what_the_report_shows(closed: Api, store_dsn: str) -> None:
    words = ["report", "2026-07", "--society", SOCIETY, "--json", "--dsn", store_dsn]
    report = json.loads(CliRunner().invoke(app, words).stdout)
    answer = closed.ask(MONTH, closed.token())
    assert (answer.status_code, answer.json()) == (200, report)
    assert answer.headers["cache-control"] == "no-store"


def test_flags_are_what_the_command_lists(api: Api, store_dsn: str) -> None:
    society = FlaggedSociety(api.conn, "S")
    society.judge(society.finding("A-1"))
    words = ["events", "list", "--society", "S", "--json", "--dsn", store_dsn]
    listed = json.loads(CliRunner().invoke(app, words).stdout)
    token = api.token(society="S")
    assert api.ask(EVENTS, token).json() == listed
    assert len(listed) == 1
    assert api.ask(f"{EVENTS}?kind=burst", token).json() == []


def test_another_society_is_not_found(closed: Api) -> None:
    FlaggedSociety(closed.conn, "S")
    answer = closed.ask(MONTH, closed.token(society="S"))
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (404, "urn:metering:problem:not-found")
    assert SOCIETY not in answer.text
    assert "cloud-ingest close-month 2026-07" in problem["detail"]


def test_a_token_lives_until_it_is_over_or_revoked(api: Api) -> None:
    token = api.token(days=1)
    assert api.ask(EVENTS, token).status_code == 200
    api.now += timedelta(days=1)
    assert api.ask(EVENTS, token).status_code == 401
    api.now -= timedelta(days=1)
    runner, dsn = CliRunner(), api.resources.pool._dsn
    words = ["--society", SOCIETY, "--by", "Asha", "--dsn", dsn]
    assert runner.invoke(app, ["token", "revoke", "billing", *words]).exit_code == 0
    answer = api.ask(EVENTS, token)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (
        401,
        'Bearer realm="metering"',
    )


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Basic YTpi", "bearer metering_0_0"])
def test_nobody_gets_in_without_a_token(api: Api, header: str) -> None:
    for path in (MONTH, EVENTS, "/v1", "/v1/", "/v1/nothing"):
        answer = api.ask(path, {"Authorization": header})
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"


def test_the_secret_and_not_the_selector_lets_in(api: Api) -> None:
    token = api.token()["Authorization"]
    wrong = token[:-1] + ("0" if token[-1] != "0" else "1")
    assert api.ask(EVENTS, {"Authorization": wrong}).status_code == 401


def test_a_scope_opens_its_rooms_alone(api: Api) -> None:
    token = api.token(scopes=[Scope.EVENTS_READ])
    assert api.ask(EVENTS, token).status_code == 200
    answer = api.ask(MONTH, token)
    assert (answer.status_code, "months:read" in answer.json()["detail"]) == (403, True)


def test_a_name_is_of_one_token_that_lives(api: Api, store_dsn: str) -> None:
    api.token()
    words = ["--society", SOCIETY, "--by", "Asha", "--dsn", store_dsn]
    add = ["token", "add", "billing", "--scope", "months:read", *words]
    runner = CliRunner()
    assert "is called 'billing' already" in runner.invoke(app, add).output
    runner.invoke(app, ["token", "revoke", "billing", *words])
    made = runner.invoke(app, add)
    assert made.exit_code == 0
    api.now = datetime.now(UTC)
    assert api.ask(MONTH, {"Authorization": f"Bearer {made.stdout.strip()}"}).status_code == 404
    listed = runner.invoke(app, ["token", "list", "--json", "--dsn", store_dsn, "--all"])
    assert {each["state"] for each in json.loads(listed.stdout)} == {"lives", "revoked"}
    assert "metering_" not in listed.stdout


def test_the_last_use_is_kept_to_the_minute(api: Api) -> None:
    token, began = api.token(), api.now
    for seconds in (0, 30, 70):
        api.now = began + timedelta(seconds=seconds)
        assert api.ask(EVENTS, token).status_code == 200
    used = api.conn.execute("SELECT last_used_at FROM api_token").fetchall()
    assert used == [(began + timedelta(seconds=70),)]


def test_who_asks_too_often_waits(api: Api) -> None:
    token, other = api.token(), api.token("helpdesk")
    answers = [api.ask(EVENTS, token) for _ in range(int(ASKING.at_once) + 60)]
    late = [each for each in answers if each.status_code == 429]
    assert late
    assert late[0].headers["retry-after"] == "1"
    assert api.ask(EVENTS, other).status_code == 200


def len_of(body: dict[str, str]) -> int:
    return len(body)


@pytest.mark.parametrize("whole", [True, False])
def test_a_body_has_a_limit(api: Api, monkeypatch: pytest.MonkeyPatch, *, whole: bool) -> None:
    monkeypatch.setattr(body, "MOST_BYTES", 1000)
    served = api.client.app
    assert isinstance(served, FastAPI)
    served.add_api_route("/v1/taken", len_of, methods=["POST"])
    sent = b'{"a": "' + b"x" * 1000 + b'"}'
    content = sent if whole else iter([sent[:500], sent[500:]])
    answer = api.ask("/v1/taken", api.token(), "POST", content=content)
    assert (answer.status_code, answer.json()["title"]) == (413, "too large")


def test_no_secret_is_logged(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    token = api.token()
    with caplog.at_level(logging.INFO):
        api.ask(f"{EVENTS}?unit=A-1", token)
        api.ask(EVENTS, {"Authorization": "Bearer metering_secret"})
    said = [vars(each) for each in caplog.records if getattr(each, "action", "") == "api_request"]
    assert [(each["status"], each["token"]) for each in said] == [(200, "billing"), (401, "")]
    assert "metering_" not in str(said)


def test_a_fault_of_ours_says_nothing_of_itself(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr("cloud_ingest.api.months.month_report", fails)
    answer = api.ask(MONTH, api.token())
    assert (answer.status_code, "hunter2" in answer.text) == (500, False)
    assert answer.json()["instance"].removeprefix("urn:uuid:") in str(
        [vars(each) for each in caplog.records]
    )


def test_a_store_that_is_away_is_not_now(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    token = api.token()
    monkeypatch.setattr(api.resources.pool, "_dsn", "postgresql://127.0.0.1:1/none")
    monkeypatch.setattr(api.resources.pool._places, "get", lambda **_: None)
    answer = api.ask(EVENTS, token)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "127.0.0.1" not in answer.text


def test_health_and_description_want_no_token(api: Api) -> None:
    assert api.ask("/healthz").json() == {"status": "ok"}
    assert "/v1/months/{month}" in api.ask("/openapi.json").json()["paths"]
    assert {api.ask(path).status_code for path in ("/docs", "/redoc", "/")} == {404}


PATHS = st.sampled_from([MONTH, EVENTS, "/v1/months/", "/healthz", "/openapi.json"])
ANYTHING = st.text(st.characters(exclude_categories=[]), max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANYTHING,
    lambda part: st.lists(part, max_size=4) | st.dictionaries(ANYTHING, part, max_size=4),
    max_leaves=12,
)


def test_nothing_that_is_asked_is_a_fault(api: Api) -> None:
    token = api.token()

    @settings(max_examples=120, suppress_health_check=list(HealthCheck))
    @given(
        PATHS,
        st.binary(max_size=30),
        st.binary(max_size=30),
        st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]),
        JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=200),
    )
    def ask(path: str, tail: bytes, words: bytes, method: str, body: bytes) -> None:
        api.resources.rates._used.clear()
        quoted = "".join(f"%{each:02x}" for each in tail)
        search = "".join(f"%{each:02x}" for each in words)
        at = f"{path}{quoted}?kind={search}&unit={search}&all={search}&{search}"
        answer = api.ask(at, token, method, content=body)
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400 and method != "HEAD":
            assert answer.json()["status"] == answer.status_code

    ask()


def test_who_reads_cannot_write(store_dsn: str) -> None:
    pool = Pool(store_dsn, 1)
    with pool.lend(read_only=True) as conn, pytest.raises(StoreReadOnly):
        _add_society(conn)
    with pool.lend(read_only=False) as conn:
        _add_society(conn)
    pool.close()


def _add_society(conn: Connection) -> None:
    with translated():
        conn.execute("INSERT INTO society (name) VALUES ('S')")


def test_a_pool_lends_no_more_than_it_has(store_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "WAIT_S", 0.01)
    pool = Pool(store_dsn, 1)
    with (
        pool.lend(read_only=True),
        pytest.raises(StoreUnavailable, match="all 1 connections"),
        pool.lend(read_only=True),
    ):
        pass
    pool.close()


def test_a_connection_that_broke_is_made_anew(store_dsn: str) -> None:
    pool = Pool(store_dsn, 1)
    with pool.lend(read_only=True) as conn:
        pid = conn.info.backend_pid
    with connect(store_dsn) as other:
        other.execute("SELECT pg_terminate_backend(%s)", (pid,))
    with pool.lend(read_only=True) as conn:
        assert conn.info.backend_pid != pid
        conn.execute("BEGIN")
        left = conn.info.backend_pid
    with pool.lend(read_only=True) as conn:
        assert conn.info.backend_pid != left
    pool.close()


def test_the_services_role_suffices(store_server: str) -> None:
    with roles_apart(store_server) as roles, roles.connect(roles.service) as conn:
        api = Api(conn, roles.dsn_of(roles.service))
        assert api.ask(EVENTS, api.token()).json() == []
        api.close()
