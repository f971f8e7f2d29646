# SPDX-License-Identifier: GPL-2.0-only
"""The flow of batches: the order, and how a broker that refuses is spared."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_agent.decode.rows import MeterRows
from edge_agent.publish.batch_flow import BatchFlow
from edge_agent.publish.in_flight import Flight
from edge_agent.publish.mqtt import Answer
from edge_agent.spool.spool import Spool
from shared_schema.catalogue import ACTIVE_IMPORT
from shared_schema.message import MeterId
from shared_schema.readings import Column
from shared_schema.signing import generate_key

TAKEN = Answer("Success", is_refusal=False, nobody_listens=False)
NOBODY = Answer("No matching subscribers", is_refusal=False, nobody_listens=True)
REFUSED = Answer("Quota exceeded", is_refusal=True, nobody_listens=False)
TS = 1_795_478_400


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """A spool with three live batches."""
    with Spool.open(tmp_path / "spool.db") as opened:
        column = Column(obis=ACTIVE_IMPORT, scaler=0, unit=30)
        for number in range(3):
            opened.append(
                MeterId(manufacturer="M", serial="1"),
                [MeterRows(None, 0, (column,), ((TS + number, None, number),))],
                watermarks={},
                at=datetime.fromtimestamp(TS, UTC),
                historical=False,
            )
            opened.seal(gateway="gw-1", key=generate_key())
        yield opened


def sent(flow: BatchFlow, now: float, *, is_any_out: bool = False) -> list[int]:
    return [each.seq for each in flow.next(now, 9, is_any_out=is_any_out)]


def test_what_was_not_handed_over_is_not_in_flight(spool: Spool) -> None:
    flight = Flight()
    batches = BatchFlow(spool, flight).next(0.0, 9, is_any_out=False)
    assert next(batches).seq == 3
    assert next(batches).seq == 2
    del batches  # the link broke while the second was handed over
    assert flight.out == 1
    assert 3 in flight


def test_a_broker_that_refuses_gets_one_at_a_time(spool: Spool) -> None:
    flow = BatchFlow(spool, Flight())
    assert sent(flow, 0.0) == [3, 2, 1]
    assert "refuses batch 3" in flow.answered(3, REFUSED, 1.0)
    assert flow.answered(2, NOBODY, 1.0).startswith("nobody subscribes")
    assert flow.answered(1, NOBODY, 1.0).startswith("nobody subscribes")
    assert sent(flow, 1.1) == [], "it is spared for a while"
    assert sent(flow, 90.0, is_any_out=True) == [], "one answer is owed"
    assert len(sent(flow, 90.0)) == 1
    assert flow.answered(2, TAKEN, 91.0) == ""
    assert flow.refusals == 0
    assert 1 in sent(flow, 92.0)
