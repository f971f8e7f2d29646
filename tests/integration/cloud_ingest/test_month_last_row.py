# SPDX-License-Identifier: MIT
"""A month that closes with the last row known: how long it waits for the next one.

By hand: quarter hours of 10 Wh from 12,345.000 kWh on, 0.960 kWh a day; January ends at 12,374.760
and has 29.760 kWh. 72 kW allow 18 kWh in a quarter hour: a last row that is 15 kWh too high is no
reading that validation can set aside.
"""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from cloud_ingest.month.close import Closed, close_month
from cloud_ingest.month.decision import SaidOfNumber, decide
from cloud_ingest.store.number_words import NumberKey
from shared_schema.billing import MonthlyConsumption
from shared_schema.catalogue import Service
from shared_schema.quality import Quality, Reason
from tests.support.store import SOCIETY, Site, every, local, unit_line

BEGIN = 12_345_000
FIRST, BORDER = local("2026-01-01 00:00"), local("2026-02-01 00:00")
QUARTER = timedelta(minutes=15)
SOON, IN_TIME = BORDER + timedelta(hours=2), BORDER + timedelta(days=3)
JUST_BEFORE = IN_TIME - timedelta(minutes=1)
TRUE_WH, FALSE_WH = 12_374_760, 12_389_760
JANUARY = "2026-01"


@pytest.fixture
def quiet(site: Site) -> Site:
    """A flat whose gateway goes quiet right before the border."""
    site.units(unit_line("A-1", "1", since="2025-12-01"))
    rows = every(FIRST, BORDER - QUARTER, BEGIN, 10)
    for number in range(0, len(rows), 1500):
        site.deliver("1", rows[number : number + 1500])
    return site


def close(site: Site, now: datetime) -> Closed:
    return close_month(site.conn, SOCIETY, JANUARY, now)


def billed(closed: Closed) -> MonthlyConsumption:
    (number,) = closed.numbers
    return number


def test_a_quiet_gateway_is_billed_at_once(quiet: Site) -> None:
    quiet.deliver("1", [(BORDER, TRUE_WH)])
    number = billed(close(quiet, SOON))
    assert (number.quantity, number.quality) == (Decimal("29.760"), Quality.VALIDATED)
    assert number.reasons == ()


def test_a_last_row_off_its_course_waits_for_the_next(quiet: Site) -> None:
    quiet.deliver("1", [(BORDER, FALSE_WH)])
    (withheld,) = close(quiet, JUST_BEFORE).withheld
    assert withheld.reasons == (Reason.UNCONFIRMED,)


def test_a_row_that_goes_on_from_it_bears_it_out(quiet: Site) -> None:
    quiet.deliver("1", [(BORDER, FALSE_WH)])
    close(quiet, SOON)
    quiet.deliver("1", [(BORDER + QUARTER, FALSE_WH + 10)])
    number = billed(close(quiet, SOON))
    assert (number.quantity, number.reasons) == (Decimal("44.760"), ())


def test_a_row_that_comes_back_sets_it_aside(quiet: Site) -> None:
    quiet.deliver("1", [(BORDER, FALSE_WH)])
    close(quiet, SOON)
    quiet.deliver("1", [(BORDER + QUARTER, TRUE_WH + 10)])
    number = billed(close(quiet, SOON))
    assert (number.quantity, number.reasons) == (Decimal("29.760"), (Reason.BORDER_PLACED,))


def test_after_three_days_it_is_sent_and_says_so(quiet: Site) -> None:
    quiet.deliver("1", [(BORDER, FALSE_WH)])
    close(quiet, SOON)
    number = billed(close(quiet, IN_TIME))
    assert (number.quantity, number.reasons) == (Decimal("44.760"), (Reason.UNCONFIRMED,))


def test_a_person_may_accept_it_before(quiet: Site) -> None:
    quiet.deliver("1", [(BORDER, FALSE_WH)])
    close(quiet, SOON)
    key = NumberKey("unit", "A-1", Service.ELECTRICITY)
    said = SaidOfNumber(JANUARY, key, "accept", "treasurer", "a party")
    (sent,) = decide(quiet.conn, SOCIETY, said, SOON, apply=True).sent
    assert sent.after == Decimal("44.760")
