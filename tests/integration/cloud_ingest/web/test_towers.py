# SPDX-License-Identifier: MIT
"""The page of towers: its pictures add up, and are what accounting was told."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from cloud_ingest.core.unit_list import MORE_COLUMNS
from cloud_ingest.month.close import close_month
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.registry import find_society
from cloud_ingest.views.tower_picture import tower_days, towers_of
from cloud_ingest.web.shown import number
from tests.support.store import SOCIETY, ZONE, Site, every, kwh, local, unit_line
from tests.support.web import Web, text_of

START, END = local("2026-07-01 00:00"), local("2026-08-01 00:00")
HOUR = timedelta(hours=1)
NOW = local("2026-08-05 09:00")
PAGE = "/towers?month=2026-07"


def below(parent: str, line: str) -> str:
    """Say in a line which bulk meter stands above its meter."""
    return line + "," * (MORE_COLUMNS.index("parent") + 1) + parent


@pytest.fixture
def web(site: Site, store_dsn: str) -> Iterator[Web]:
    """T1 has a main and a riser meter, two flats, a lift; T2 a flat that nobody read."""
    site.units(
        unit_line("Main", "8", tower="T1", kind="bulk"),
        below("Main", unit_line("Riser", "9", tower="T1", kind="bulk")),
        below("Riser", unit_line("A-1", "1", tower="T1")),
        below("Main", unit_line("A-2", "3", tower="T1")),
        below("Riser", unit_line("<b>Lift</b>", "2", tower="T1", kind="common")),
        unit_line("B-2", "4", tower="T2", kind="bulk"),
        unit_line("C-9", "5", tower="T2"),
    )
    begin, end = START - 2 * HOUR, END + 2 * HOUR
    for serial, step in (("1", 10), ("2", 5), ("3", 10), ("8", 40), ("9", 20), ("4", 9)):
        site.deliver(serial, every(begin, end, 1000, step, HOUR))
    refresh(site.conn, NOW)
    found = Web(site.conn, store_dsn)
    found.now = NOW
    yield found
    found.close()


def test_the_pictures_are_what_accounting_was_told(web: Web) -> None:
    so_far = web.login("treasurer").get(PAGE)
    assert "the month is not closed" in text_of(so_far)
    told = {
        each.tower: each for each in close_month(web.conn, SOCIETY, "2026-07", NOW).reconciliations
    }
    page = web.login("treasurer").get(PAGE)
    text = text_of(page)
    assert "As it was published on 5 Aug 2026, 09:00" in text
    first = told["T1"]
    assert first.loss is not None
    assert f"{number(first.loss)} kWh ±" in text
    assert f"({number(first.loss_percent)} %) of {number(first.bulk)} kWh" in text
    for node in first.below:
        for amount in (node.given, node.unaccounted, *(each.quantity for each in node.passed)):
            assert number(amount) in text
    assert text_of(so_far).partition("closed.")[2] == text.partition("09:00.")[2]
    assert "<b>Lift" not in page.text


def test_what_is_not_known_is_said_and_not_drawn(web: Web) -> None:
    answer = web.login("manager").get(PAGE)
    text = text_of(answer)
    assert "For 1 of 2 balances nobody can say what is unaccounted." in text
    assert "Cannot say what is unaccounted: 1 meter unknown (C-9)." in text
    own = text_of(web.login("manager").get(f"{PAGE}&tower=T2"))
    assert "Units 0 of 1 known not known" in own
    assert "Unaccounted cannot say: 1 meter unknown" in own
    assert "T1" not in own
    second = answer.text.partition('id="p1"')[2].partition("</svg>")[0]
    assert "url(#" not in second


def test_a_loss_is_hatched_with_how_sure_it_is(web: Web) -> None:
    drawn = web.login("manager").get(f"{PAGE}&tower=T1").text.partition("<svg")[2]
    drawn = drawn.partition("</svg>")[0]
    assert len(re.findall(r'class="unaccounted" fill="url\(#p1h\)"', drawn)) == 2
    assert 'class="whisker"' in drawn
    assert "±" in drawn


@pytest.mark.parametrize("is_closed", [False, True])
def test_the_days_of_one_tower_are_those_of_all(web: Web, is_closed: bool) -> None:
    society, window = find_society(web.conn, SOCIETY), timedelta(days=3)
    if is_closed:
        close_month(web.conn, SOCIETY, "2026-07", NOW)
    asked = (web.conn, society, "2026-07", ZONE, NOW)
    every = towers_of(*asked, window=window, days=True).balances
    for tower in ("T1", "T2"):
        found = tower_days(*asked, window=window, tower=tower)
        assert list(found.balances) == [each for each in every if each.tower == tower]


def test_each_day_of_a_tower_adds_up(web: Web) -> None:
    text = text_of(web.login("treasurer").get("/towers/days?month=2026-07&tower=T1"))
    assert "31 of 31 daily balances are known." in text
    assert (
        f"31 Jul 2026 {number(kwh(40 * 24))} {number(kwh(20 * 24))} {number(kwh(5 * 24))}" in text
    )


@pytest.mark.parametrize("role", ["helpdesk", "operator"])
def test_who_has_no_business_with_towers_sees_none(web: Web, role: str) -> None:
    assert web.login(role).get(PAGE).status_code == 403


def test_a_resident_sees_no_tower(web: Web) -> None:
    for path in (PAGE, "/towers/days?month=2026-07&tower=T1"):
        assert web.login("resident", unit="A-1").get(path).status_code == 403


@pytest.mark.parametrize(
    ("query", "status"),
    [("tower=T9&month=2026-07", 404), ("month=2030-01", 409), ("month=x", 409), ("", 200)],
)
def test_what_is_not_there_is_said(web: Web, query: str, status: int) -> None:
    assert web.login("treasurer").get(f"/towers?{query}").status_code == status
