# SPDX-License-Identifier: MIT
"""Gateways and meters: what they brought in the last 30 days, worst first."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud_ingest.operate.upkeep import upkeep
from cloud_ingest.store.connection import connect
from tests.support.store import Site, local
from tests.support.two_societies import Furnished, furnish
from tests.support.web import Web, text_of


@pytest.fixture
def place(plain_store_dsn: str, tmp_path: Path) -> Iterator[tuple[Web, Furnished]]:
    """A society whose meters were read hourly until 2 November, looked at on 10 November."""
    with connect(plain_store_dsn) as conn:
        own = furnish(conn, tmp_path, "Qaatal")
        web = Web(conn, plain_store_dsn)
        web.now = local("2026-11-10 09:00")
        yield web, own
        web.close()


def _login(web: Web, own: Furnished, role: str = "operator") -> Any:
    return web.login(role, society=own.society)


def test_the_days_kept_are_those_counted_now(place: tuple[Web, Furnished]) -> None:
    web, own = place
    browser = _login(web, own)
    before = text_of(browser.get("/health"))
    assert "0 of 1 gateway is heard. 1 brought less than was due in the last 30 days." in before
    assert "18.3 %" in before
    upkeep(web.conn, web.now)
    after = text_of(browser.get("/health"))
    assert "The days were counted on 10 Nov 2026, 09:00." in after
    assert "18.3 %" in after


def test_a_strip_says_in_words_what_it_shows(place: tuple[Web, Furnished]) -> None:
    web, own = place
    answer = _login(web, own).get("/health").text
    assert 'aria-label="11 Oct 2026 to 9 Nov 2026: 0 of 30 days are whole."' in answer
    assert (answer.count('class="part"'), answer.count('class="cross"')) == (22, 8)


def test_a_gateway_shows_its_meters(place: tuple[Web, Furnished]) -> None:
    web, own = place
    shown = text_of(_login(web, own).get(f"/health/gateway?gateway={own.gateway}"))
    assert "It was never heard. 4 meters are behind it. 0 of 30 days are whole." in shown
    assert own.unit in shown


def test_a_meter_shows_its_days(place: tuple[Web, Furnished]) -> None:
    web, own = place
    shown = text_of(_login(web, own).get(f"/health/meter?manufacturer=LNT&serial={own.serial}"))
    assert "0 of 30 days are whole." in shown
    assert "9 Nov 2026 96 0 None came" in shown
    assert "1 Nov 2026 96 24 72 lack" in shown


@pytest.mark.parametrize(
    "path", ["gateway?gateway=x", "gateway", "meter?manufacturer=LNT&serial=9"]
)
def test_what_is_not_there_is_not_found(place: tuple[Web, Furnished], path: str) -> None:
    web, own = place
    assert _login(web, own).get(f"/health/{path}").status_code == 404


def test_a_society_without_gateways_says_so(site: Site, store_dsn: str) -> None:
    site.conn.execute("INSERT INTO society (name) VALUES ('Empty')")
    web = Web(site.conn, store_dsn)
    shown = text_of(web.login("operator", society="Empty").get("/health"))
    web.close()
    assert "No gateway is enrolled yet." in shown
