# SPDX-License-Identifier: MIT
"""Quarter hours of a unit: shown to the resident, and to others after their reason is kept."""

import html
import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from cloud_ingest.core.api_token import Scope
from cloud_ingest.core.month import parse_month
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.settings_society import SocietySettings
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.roles import WHAT_WAS_SAID
from cloud_ingest.views.unit_usage import unit_usage
from tests.support.api import Api
from tests.support.store import SOCIETY, ZONE, Site, every, local, unit_line
from tests.support.web import Web, text_of

NOW = local("2026-08-12 09:00")
QUARTER = timedelta(minutes=15)
PAGE = "/unit/curve?unit=A-1&service=electricity&day=2026-07-03"
WHY = "the resident asked why it is so much"


@pytest.fixture
def web(site: Site, store_dsn: str) -> Iterator[Web]:
    """Two flats, read each quarter hour for some days; one lacks an hour."""
    site.units(unit_line("A-1", "1"), unit_line("A-2", "2"))
    for serial in ("1", "2"):
        rows = every(local("2026-07-01 00:00"), local("2026-07-06 00:00"), 1000, 7, QUARTER)
        hole = local("2026-07-03 10:00"), local("2026-07-03 11:00")
        site.deliver(serial, [row for row in rows if not hole[0] <= row[0] < hole[1]])
    refresh(site.conn, NOW)
    found = Web(site.conn, store_dsn)
    found.now = NOW
    yield found
    found.close()


def drawn(answer: Any) -> list[list[float | None]]:
    """Return what the script draws."""
    found = re.search(r'data-curve="([^"]*)"', answer.text)
    assert found
    told = json.loads(html.unescape(found[1]))
    data: list[list[float | None]] = told["data"]
    assert told["end"] - data[0][-1] == QUARTER.total_seconds()
    return data


def amounts(answer: Any) -> list[Decimal | None]:
    """Return what the table says of each quarter hour."""
    cells = re.findall(r'<td class="num">(.*?)</td>', answer.text)
    return [None if "not known" in each else Decimal(each.split("\xa0")[0]) for each in cells]


def test_a_resident_sees_the_own_one_and_table_and_drawing_agree(web: Web) -> None:
    answer = web.login("resident", unit="A-1").get(PAGE)
    told = amounts(answer)
    assert told == [None if each is None else Decimal(str(each)) for each in drawn(answer)[1]]
    assert (len(told), told.count(None)) == (96, 5)
    assert f"{91 * 7 / 1000}\xa0kWh in the 91 of 96" in answer.text
    whole = amounts(web.login("resident", unit="A-1").get(PAGE.replace("-03", "-02")))
    july = parse_month("2026-07", ZONE)
    used = unit_usage(
        web.conn,
        find_society(web.conn, SOCIETY),
        july,
        ZONE,
        subject_type="unit",
        subject="A-1",
        self_read_window=timedelta(days=3),
    )
    (meter,) = used.meters
    assert sum(filter(None, whole)) == meter.days[date(2026, 7, 2)]
    assert web.conn.execute("SELECT count(*) FROM curve_look").fetchall() == [(0,)]


def test_others_say_why_first_and_the_resident_reads_it(web: Web) -> None:
    manager, resident = web.login("manager"), web.login("resident", unit="A-1")
    asked = manager.get(PAGE)
    assert "say why you look" in text_of(asked)
    assert "data-curve" not in asked.text
    for reason in ("", "  x "):
        assert (
            400
            <= manager.post("/unit/curve", unit="A-1", day="2026-07-03", reason=reason).status_code
            < 500
        )
    assert "Nobody but the resident" in text_of(resident.get("/unit/looked"))
    done = manager.post("/unit/curve", unit="A-1", day="2026-07-03", reason=WHY)
    assert done.status_code == 303
    assert drawn(manager.get(PAGE))
    assert "data-curve" not in web.login("treasurer").get(PAGE).text
    assert "data-curve" not in manager.get(PAGE.replace("A-1", "A-2")).text
    assert "data-curve" not in manager.get(PAGE.replace("-07-03", "-06-03")).text
    told = text_of(resident.get("/unit/looked"))
    assert WHY in told
    assert "The manager, manager" in told
    web.now = NOW + timedelta(hours=1)
    assert "data-curve" not in manager.get(PAGE).text
    assert "curve_look" in WHAT_WAS_SAID


def test_a_helpdesk_a_neighbour_and_a_strange_day_open_nothing(web: Web) -> None:
    assert web.login("helpdesk").get(PAGE).status_code == 403
    neighbour = web.login("resident", unit="A-2")
    assert neighbour.get(PAGE).status_code == 404
    assert neighbour.get("/unit/looked?unit=A-1").status_code == 404
    assert neighbour.post("/unit/curve", unit="A-1", reason=WHY).status_code == 404
    for day in ("x", "0000-01-01", "9999-12-31", "2026-08-13", "2026-02-30"):
        assert neighbour.get(f"/unit/curve?day={day}").status_code in {404, 422}


def test_a_society_shows_them_as_long_as_it_says(web: Web) -> None:
    own = SocietySettings(name=SOCIETY, curves_kept_months=1)
    settings = web.resources.settings.model_copy(update={"society": (own,)})
    object.__setattr__(web.resources, "settings", settings)
    resident = web.login("resident", unit="A-1")
    assert resident.get(PAGE).status_code == 200
    assert "from 2026-07-01 on" in text_of(resident.get(PAGE.replace("-07-03", "-06-30")))
    web.now = local("2026-09-01 00:30")  # in UTC it is August yet
    resident = web.login("resident", unit="A-1")
    assert "from 2026-08-01 on" in text_of(resident.get(PAGE))


def test_a_program_says_why_too(web: Web, store_dsn: str) -> None:
    api = Api(web.conn, store_dsn)
    token = api.token("board", {Scope.CURVES_READ}, SOCIETY)
    asked = "/v1/units/A-1/curve?service=electricity&day=2026-07-03"
    assert api.ask(asked, token).status_code == 422
    assert api.ask(f"{asked}&reason=x", token).status_code == 422
    assert web.conn.execute("SELECT count(*) FROM curve_look").fetchall() == [(0,)]
    answer = api.ask(f"{asked}&reason={WHY}", token).json()
    assert len(answer["curves"][0]["points"]) == 96
    (seen,) = api.ask("/v1/units/A-1/looks", token).json()
    assert (seen["author"], seen["role"], seen["reason"]) == ("board", "program", WHY)
    api.close()
