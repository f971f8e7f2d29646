# SPDX-License-Identifier: MIT
"""What people do on a page, a program does by the API: months and flags, in a person's name."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.core.api_token import Scope
from cloud_ingest.month.close import close_month
from cloud_ingest.store.events import list_events
from tests.support.api import Api
from tests.support.flags import FlaggedSociety
from tests.support.store import SOCIETY, Site, every, local, unit_line

START, END = local("2026-06-30 00:00"), local("2026-08-02 00:00")
APPROVAL, REOPENING = "/v1/months/2026-07/approval", "/v1/months/2026-07/reopening"
WORD = {"reason": "the plumber comes", "by": "Asha"}


@pytest.fixture
def api(site: Site, store_dsn: str) -> Iterator[Api]:
    """The API of a society that has nothing yet."""
    found = Api(site.conn, store_dsn)
    yield found
    found.close()


@pytest.fixture
def closed(api: Api, site: Site) -> Api:
    """The API of a society whose July is closed."""
    site.units(unit_line("A/12 04", "1"))
    site.deliver("1", every(START, END, 1000, 10, timedelta(hours=1)))
    close_month(site.conn, SOCIETY, "2026-07", local("2026-08-05 09:00"))
    return api


def test_a_month_is_approved_as_seen_and_opened_again(closed: Api) -> None:
    token = closed.token(scopes=[Scope.MONTHS_APPROVE])
    shown = closed.ask(APPROVAL, token).json()
    assert (shown["numbers"], shown["withheld"]) == (1, [])
    other = closed.ask(APPROVAL, token, "POST", json={"seen": "0" * 12, "by": "Asha"})
    assert (other.status_code, "not what you saw" in other.json()["detail"]) == (409, True)
    assert closed.ask(APPROVAL, token, "POST", json={"seen": shown["sha256"]}).json() == shown
    again = closed.ask(APPROVAL, token, "POST", json={"seen": shown["sha256"], "by": "Asha"})
    assert (again.status_code, "by billing" in again.json()["detail"]) == (409, True)
    opened = closed.ask(REOPENING, token, "POST", json={"reason": "misread", "by": "Asha"})
    assert (opened.status_code, opened.json()["was"]["by"]) == (200, "billing")
    assert closed.ask(APPROVAL, token).status_code == 200


def test_a_flag_is_acknowledged_muted_and_told_again(api: Api) -> None:
    society = FlaggedSociety(api.conn, "S")
    society.judge(society.finding("A-1"))
    (flag,) = list_events(api.conn)
    at, token = f"/v1/events/{flag.event.id}", api.token(society="S")
    seen = api.ask(f"{at}/acknowledge", token, "POST", json=WORD)
    assert (seen.status_code, seen.json()["acknowledged"]["by"]) == (200, "Asha")
    until = (api.now + timedelta(days=3)).isoformat()
    muted = api.ask(f"{at}/mute", token, "POST", json={**WORD, "until": until}).json()
    assert (muted["mute"]["by"], muted["open_flags"]) == ("Asha", 1)
    told = api.ask(f"{at}/unmute", token, "POST", json={"reason": "still there"}).json()
    assert told == {"open_flags": 1}
    history = api.ask(at, token).json()
    assert [each["what"] for each in history["changes"]] == [
        "raised",
        "acknowledged",
        "muted",
        "unmuted",
    ]
    assert history["changes"][-1]["author"] == "billing"
    assert len(history["mutes"]) == 1


def test_a_flag_of_another_society_is_not_found(api: Api) -> None:
    society = FlaggedSociety(api.conn, "S")
    society.judge(society.finding("A-1"))
    (flag,) = list_events(api.conn)
    at, token = f"/v1/events/{flag.event.id}", api.token()
    assert api.ask(at, token).status_code == 404
    until = (api.now + timedelta(days=3)).isoformat()
    for act, word in (("acknowledge", WORD), ("mute", {**WORD, "until": until}), ("unmute", WORD)):
        assert api.ask(f"{at}/{act}", token, "POST", json=word).status_code == 404, act
    assert list_events(api.conn) == [flag]


def test_a_numbers_origin_is_what_the_command_explains(closed: Api, store_dsn: str) -> None:
    words = ["explain", "A/12 04", "--month", "2026-07", "--society", SOCIETY, "--json"]
    said = json.loads(CliRunner().invoke(app, [*words, "--dsn", store_dsn]).stdout)
    at = "/v1/months/2026-07/units/A%2F12%2004/origin?service=electricity"
    assert closed.ask(at, closed.token(scopes=[Scope.USAGE_READ])).json() == said


def test_a_units_days_are_what_the_command_shows(closed: Api, store_dsn: str) -> None:
    words = ["usage", "A/12 04", "--month", "2026-07", "--society", SOCIETY, "--json", "--days"]
    said = json.loads(CliRunner().invoke(app, [*words, "--dsn", store_dsn]).stdout)
    at = "/v1/months/2026-07/units/A%2F12%2004/days"
    found = closed.ask(at, closed.token(scopes=[Scope.USAGE_READ])).json()
    (meter,) = found["meters"]
    assert {name: meter[name] for name in ("quantity", "unit", "days")} == {
        name: said["meters"][0][name] for name in ("quantity", "unit", "days")
    }
    assert found["numbers"][0]["quantity"] == said["numbers"][0]["quantity"]


def test_a_towers_lines_add_up(site: Site, api: Api) -> None:
    site.units(unit_line("A-1", "1"), unit_line("Bulk", "2", kind="bulk"))
    for serial, step in (("1", 10), ("2", 15)):
        site.deliver(serial, every(START, END, 1000, step, timedelta(hours=1)))
    close_month(site.conn, SOCIETY, "2026-07", local("2026-08-05 09:00"))
    (tower,) = api.ask("/v1/months/2026-07/towers", api.token()).json()["towers"]
    lines = {each["kind"]: each["quantity"] for each in tower["lines"]}
    assert (tower["tower"], tower["unit"], tower["verdict"]) == ("Tower 1", "kWh", "unaccounted")
    assert (lines["meter"], lines["units"], lines["unaccounted"]) == ("11.160", "7.440", "3.720")


def test_registers_and_gateways_are_what_commands_list(closed: Api, store_dsn: str) -> None:
    runner, token = CliRunner(), closed.token()
    words = ["latest", "--society", SOCIETY, "--json", "--dsn", store_dsn]
    (line,) = runner.invoke(app, words).stdout.splitlines()
    (register,) = closed.ask("/v1/registers", token).json()
    assert (register["subject"], register["value"]) == ("A/12 04", json.loads(line)["value"])
    words = ["gateway", "list", "--society", SOCIETY, "--json", "--dsn", store_dsn]
    listed = json.loads(runner.invoke(app, words).stdout)
    (gateway,) = closed.ask("/v1/gateways", token).json()
    days = gateway.pop("days")
    assert {name: listed[name] for name in gateway} == gateway
    assert (len(days), days[0]["expected"], days[0]["present"]) == (30, 96, 0)
    shown = closed.ask("/v1/gateways/gw-a", token).json()
    assert (shown["gateway"], shown["total"]) == ({**gateway, "days": days}, 1)
    assert (shown["meters"][0]["serial"], shown["meters"][0]["subject"]) == ("1", "A/12 04")
