# SPDX-License-Identifier: MIT
"""The page of a unit: its numbers are those that were sent, whatever they stand beside."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from cloud_ingest.core.api_token import Scope
from cloud_ingest.month.close import close_month
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.published import published_month
from cloud_ingest.store.registry import find_society
from cloud_ingest.views.unit_page import Asked, ServiceOfUnit, UnitPage, unit_page
from tests.support.api import Api
from tests.support.store import SOCIETY, ZONE, Site, every, local, unit_line
from tests.support.web import Web, text_of

BEGIN = local("2026-05-31 20:00")
GAP = (local("2026-07-10 06:00"), local("2026-07-14 12:00"))
NOW = local("2026-08-12 09:00")
HOUR = timedelta(hours=1)
WINDOW = timedelta(days=3)
FLATS = [f"A-{number}" for number in range(1, 8)]


@pytest.fixture
def web(site: Site, store_dsn: str) -> Iterator[Web]:
    """Seven flats; June and July are closed, August runs; A-1 was not read for four days."""
    site.units(*(unit_line(flat, str(number)) for number, flat in enumerate(FLATS, 1)))
    for number in range(1, len(FLATS) + 1):
        rows = every(BEGIN, NOW, 1000, 10 * number, HOUR)
        if number == 1:
            rows = [row for row in rows if not GAP[0] < row[0] < GAP[1]]
        site.deliver(str(number), rows)
    refresh(site.conn, NOW)
    close_month(site.conn, SOCIETY, "2026-06", local("2026-07-05 09:00"))
    close_month(site.conn, SOCIETY, "2026-07", local("2026-08-05 09:00"))
    found = Web(site.conn, store_dsn)
    found.now = NOW
    yield found
    found.close()


def looked(web: Web, month: str, unit: str = "A-1") -> UnitPage:
    society_id = find_society(web.conn, SOCIETY)
    asked = Asked(SOCIETY, society_id, "unit", unit, WINDOW)
    return unit_page(web.conn, asked, month, ZONE, NOW)


def electricity(page: UnitPage) -> ServiceOfUnit:
    [found] = page.services
    return found


def test_the_number_is_the_one_that_was_sent(web: Web) -> None:
    society_id = find_society(web.conn, SOCIETY)
    sent = published_month(web.conn, society_id, "2026-07", subject_type="unit", subject="A-1")
    assert sent is not None
    shown = electricity(looked(web, "2026-07"))
    assert shown.quantity == sent.numbers[0].quantity
    assert sum(each.quantity for each in shown.meters[0].stretches) == shown.quantity
    text = text_of(web.login("treasurer").get("/unit?unit=A-1&month=2026-07"))
    assert f"Electricity: {shown.quantity} kWh, from" in text
    assert "read by the gateway" in text


def test_a_gap_is_one_stretch(web: Web) -> None:
    shown = electricity(looked(web, "2026-07"))
    [gap] = [s for s in shown.meters[0].stretches if s.end - s.start > timedelta(hours=36)]
    assert gap.start == GAP[0]
    assert gap.quantity == Decimal("0.01") * int((gap.end - gap.start) / HOUR)
    page = web.login("manager").get("/unit?unit=A-1&month=2026-07")
    assert page.text.count('<rect class="gap"') == 1


def test_another_month_is_told_as_its_own_page_tells_it(web: Web) -> None:
    july, june = looked(web, "2026-07"), looked(web, "2026-06")
    assert july.before is not None
    assert july.before.services == june.services
    so_far = looked(web, "2026-08")
    assert so_far.closed_at is None
    assert so_far.before is not None
    assert so_far.before.services == july.services
    text = text_of(web.login("helpdesk").get("/unit?unit=A-1&month=2026-08"))
    assert f"July 2026 : {electricity(july).quantity} kWh" in text
    assert "So far: the month is not closed" in text


def test_similar_units_are_one_number_of_enough_others(web: Web) -> None:
    [similar] = looked(web, "2026-07").similar
    middle = electricity(looked(web, "2026-07", "A-4")).quantity
    assert (similar.units, similar.middle) == (6, middle)


def test_a_program_compares_as_the_page_does(web: Web, store_dsn: str) -> None:
    api = Api(web.conn, store_dsn)
    token = api.token("board", {Scope.USAGE_READ}, SOCIETY)
    asked = "/v1/months/2026-07/units/A-1/comparisons"
    [told] = api.ask(asked, token).json()
    july, june = electricity(looked(web, "2026-07")), electricity(looked(web, "2026-06"))
    assert told["quantity"] == str(july.quantity)
    assert told["months"] == [
        {"month": "2026-06", "quantity": str(june.quantity), "is_sent": True},
    ]
    middle = electricity(looked(web, "2026-07", "A-4")).quantity
    assert told["others"] == {"units": 6, "middle": str(middle)}
    api.close()


def test_a_resident_sees_the_own_unit_alone(web: Web) -> None:
    resident = web.login("resident", unit="A-1")
    own = text_of(resident.get("/unit"))
    assert own.count("A-1") >= 1
    assert "A-2" not in own
    for address in ("/unit?unit=A-2", "/unit?unit=A-1&kind=bulk", "/unit?unit=%00"):
        assert resident.get(address).status_code == 404
    assert resident.get("/unit/search?q=A").status_code == 403


def test_a_unit_is_found_by_a_part_of_its_label(web: Web) -> None:
    staff = web.login("helpdesk")
    text = text_of(staff.get("/unit/search?q=a-"))
    assert all(flat in text for flat in FLATS)
    assert "No unit has that" in text_of(staff.get("/unit/search?q=zz"))
    assert staff.get("/unit?unit=zz").status_code == 404


def test_what_is_withheld_has_no_number(site: Site, store_dsn: str) -> None:
    site.units(unit_line("A-1", "1"))
    site.deliver("1", every(local("2026-07-10 00:00"), NOW, 1000, 10, HOUR))
    refresh(site.conn, NOW)
    close_month(site.conn, SOCIETY, "2026-07", local("2026-08-05 09:00"))
    web = Web(site.conn, store_dsn)
    web.now = NOW
    text = text_of(web.login("treasurer").get("/unit?unit=A-1&month=2026-07"))
    assert "Electricity: withheld, no number was sent." in text
    web.close()
