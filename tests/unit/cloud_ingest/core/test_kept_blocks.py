# SPDX-License-Identifier: MIT
"""A block stays where a border lies in it, and only there."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.kept_blocks import (
    REACH_S,
    BilledRows,
    Moments,
    billed_rows,
    month_borders,
    stays,
)
from shared_schema.catalogue import ACTIVE_IMPORT_INTERVAL, Unit
from shared_schema.readings import Column, Loss, read_block
from tests.support.gateway import MAKER, block_line
from tests.support.store import ZONE, local

MIDNIGHT = int(local("2026-08-01 00:00").timestamp())
METER = (MAKER, "S-1")
TIMES = st.datetimes(datetime(2001, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("off", "kept"),
    [(0, True), (-REACH_S, True), (REACH_S, True), (-REACH_S - 1, False), (REACH_S + 1, False)],
)
def test_a_row_stays_near_a_month_border(off: int, *, kept: bool) -> None:
    moments = Moments(month_borders(MIDNIGHT + off, MIDNIGHT + off, ZONE), {})
    assert stays(BilledRows(METER, (MIDNIGHT + off,)), moments) is kept


@given(TIMES, st.integers(0, 90 * 86400))
def test_every_midnight_that_rows_are_close_to_is_named(at: datetime, span: int) -> None:
    first = int(at.timestamp())
    borders = month_borders(first, first + span, ZONE)
    assert borders == sorted(set(borders))
    assert borders[0] <= first - REACH_S
    assert borders[-1] >= first + span + REACH_S
    for one, other in pairwise(borders):
        assert timedelta(days=27) < timedelta(seconds=other - one) < timedelta(days=32)


def test_a_moment_is_of_its_own_meter() -> None:
    moments = Moments((), {METER: [MIDNIGHT + 86400]})
    rows = (MIDNIGHT + 86400 - 60,)
    assert stays(BilledRows(METER, rows), moments)
    assert not stays(BilledRows((MAKER, "S-2"), rows), moments)


def test_registers_that_nobody_bills_do_not_stay() -> None:
    at = local("2026-08-01 00:00")
    interval = Column(obis=ACTIVE_IMPORT_INTERVAL, scaler=0, unit=Unit.WATT_HOUR)
    moments = Moments([MIDNIGHT], {})
    assert stays(billed_rows(read_block(block_line("S-1", [(at, 5)]))), moments)
    assert not stays(billed_rows(read_block(block_line("S-1", [(at, 5)], interval))), moments)


def test_what_a_gateway_lost_stays() -> None:
    loss = Loss(stream=uuid4(), first=1, last=2, reason="spool_full")
    assert stays(billed_rows(loss), Moments((), {}))
