# SPDX-License-Identifier: MIT
"""The list of flags, one flag, and what people do with it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from cloud_ingest.core.flag import Finding
from cloud_ingest.store.connection import connect
from cloud_ingest.store.event_changes import put_finding
from cloud_ingest.store.events import list_events
from shared_schema.events import EventKind, Severity
from shared_schema.evidence import LeakEvidence, StuckRegisterEvidence
from tests.support.flags import FlaggedSociety
from tests.support.web import Web, text_of


@pytest.fixture
def place(plain_store_dsn: str) -> Iterator[tuple[FlaggedSociety, Web]]:
    """A society with two leaks and a meter that stands still."""
    with connect(plain_store_dsn) as conn:
        society = FlaggedSociety(conn, "Lake View")
        web = Web(conn, plain_store_dsn)
        web.now = society.now + timedelta(hours=1)
        society.judge(_leak(society, "A-1", 300), _leak(society, "A-2", 9000, Severity.ALARM))
        still = replace(
            _leak(society, "A-3", 0),
            kind=EventKind.STUCK_REGISTER,
            evidence=StuckRegisterEvidence(manufacturer="M", serial="A-3-7"),
        )
        put_finding(society.conn, still, society.now)
        society.deliver()
        yield society, web
        web.close()


def _leak(
    society: FlaggedSociety, unit: str, litres_a_month: int, severity: Severity = Severity.WATCH
) -> Finding:
    evidence = LeakEvidence(
        manufacturer="M",
        serial=f"{unit}-7",
        litres_so_far=Decimal(420),
        litres_a_month=Decimal(litres_a_month),
    )
    return replace(society.finding(unit, severity=severity), evidence=evidence)


def _login(web: Web, role: str, unit: str | None = None) -> Any:
    return web.login(role, unit=unit, society="Lake View")


def _id(society: FlaggedSociety, unit: str) -> str:
    (found,) = list_events(society.conn, society="Lake View", about=unit, state=None)
    return str(found.event.id)


def test_what_loses_most_a_day_comes_first(place: tuple[FlaggedSociety, Web]) -> None:
    _, web = place
    shown = text_of(_login(web, "treasurer").get("/flags"))
    assert "3 flags, 1 to look at now. As far as is known, 310 L a day are lost." in shown
    assert shown.index("A-2") < shown.index("A-1") < shown.index("A-3")
    assert "300 L 420 L" in shown


@pytest.mark.parametrize(
    ("chosen", "units"),
    [
        ("kind=stuck_register", {"A-3"}),
        ("severity=alarm", {"A-2"}),
        ("show=muted", set()),
        ("show=cleared", set()),
        ("show=all&tower=T-9", set()),
        ("show=nonsense&kind=nonsense", {"A-1", "A-2", "A-3"}),
        ("page=2", set()),
    ],
)
def test_the_address_says_which(
    place: tuple[FlaggedSociety, Web], chosen: str, units: set[str]
) -> None:
    _, web = place
    shown = text_of(_login(web, "helpdesk").get(f"/flags?{chosen}"))
    assert {unit for unit in ("A-1", "A-2", "A-3") if unit in shown} == units


def test_a_resident_sees_the_own_unit_alone(place: tuple[FlaggedSociety, Web]) -> None:
    society, web = place
    browser = _login(web, "resident", "A-1")
    shown = text_of(browser.get("/flags"))
    assert ("A-1" in shown, "A-2" in shown) == (True, False)
    assert browser.get(f"/flags/{_id(society, 'A-1')}").status_code == 200
    assert browser.get(f"/flags/{_id(society, 'A-2')}").status_code == 404
    assert browser.post(f"/flags/{_id(society, 'A-1')}/hand", reason="x").status_code == 403


def test_the_helpdesk_is_told_who_asks_and_why(place: tuple[FlaggedSociety, Web]) -> None:
    society, web = place
    address = f"/flags/{_id(society, 'A-2')}"
    browser = _login(web, "helpdesk")
    answer = browser.post(f"{address}/hand", reason="a plumber, please")
    assert answer.headers["location"] == f"{address}?said=flag-handed"
    society.deliver()
    told = society.listener.open("A-2")
    assert told is not None
    assert told.handed is not None
    assert (told.handed.by, told.handed.reason) == ("The helpdesk", "a plumber, please")
    shown = text_of(browser.get(answer.headers["location"]))
    assert "It was handed to the helpdesk The helpdesk: a plumber, please" in shown


def test_what_is_there_again_is_nobodys(place: tuple[FlaggedSociety, Web]) -> None:
    society, web = place
    browser = _login(web, "manager")
    browser.post(f"/flags/{_id(society, 'A-2')}/hand", reason="please")
    society.judge(_leak(society, "A-1", 300))
    society.judge(_leak(society, "A-1", 300), _leak(society, "A-2", 9000))
    told = society.listener.open("A-2")
    assert (told is not None, told and told.handed) == (True, None)


def test_a_mute_lasts_to_the_end_of_its_day(place: tuple[FlaggedSociety, Web]) -> None:
    society, web = place
    address = f"/flags/{_id(society, 'A-2')}"
    browser = _login(web, "manager")
    answer = browser.post(f"{address}/mute", reason="the flat is empty", until="2026-11-25")
    assert answer.status_code == 303
    society.deliver()
    assert society.listener.open("A-2") is None
    shown = text_of(browser.get(address))
    assert "Muted until 26 Nov 2026, 00:00" in shown
    assert browser.post(f"{address}/hand", reason="x").status_code == 422
    assert browser.post(f"{address}/unmute", reason="back").status_code == 303
    society.deliver()
    assert society.listener.open("A-2") is not None


def test_an_act_without_a_reason_changes_nothing(place: tuple[FlaggedSociety, Web]) -> None:
    society, web = place
    address = f"/flags/{_id(society, 'A-2')}"
    browser = _login(web, "manager")
    for act in ("acknowledge", "hand", "mute", "unmute"):
        assert browser.post(f"{address}/{act}", reason=" ", until="2026-11-25").status_code == 422
    assert browser.post(f"{address}/mute", reason="x", until="soon").status_code == 422
    assert browser.post(f"{address}/acknowledge", reason="on my way").status_code == 303
    assert "The manager looks into it" in text_of(browser.get(address))


def test_another_societys_flag_is_not_found(place: tuple[FlaggedSociety, Web]) -> None:
    society, web = place
    FlaggedSociety(society.conn, "Hill View")
    other = web.login("manager", society="Hill View", name="Other")
    address = f"/flags/{_id(society, 'A-2')}"
    assert other.get(address).status_code == 404
    assert other.post(f"{address}/acknowledge", reason="x").status_code == 404
    assert "Nothing is flagged" in text_of(other.get("/flags"))


def test_control_characters_are_shown_as_such(place: tuple[FlaggedSociety, Web]) -> None:
    society, web = place
    society.conn.execute("UPDATE event SET message = message || E'\\x1b\\u202e'")
    shown = _login(web, "manager").get(f"/flags/{_id(society, 'A-2')}").text
    assert ("\x1b" in shown, "\u202e" in shown, "\N{REPLACEMENT CHARACTER}" in shown) == (
        False,
        False,
        True,
    )
