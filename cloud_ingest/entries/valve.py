# SPDX-License-Identifier: MIT
"""A valve test: both dials are kept as witness reads, and their difference tells.

In: two dials of one meter, when, who looked and who stood beside. Out: a `ValveTest`. Never: a
changed number.

Raises: SelfReadRefused, NotFound.
"""

from datetime import datetime
from typing import NamedTuple

from cloud_ingest.core.dial_text import dial_text
from cloud_ingest.core.valve import ValveTest, valve_test
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.witness import witness
from cloud_ingest.store.connection import Connection


class Dial(NamedTuple):
    """What a dial showed, and when."""

    shown: str
    at: datetime


def test_of_valve(
    conn: Connection,
    society: str,
    named: NamedMeter,
    first: Dial,
    last: Dial,
    *,
    by: str,
    beside: str | None,
    now: datetime,
) -> ValveTest:
    """Say what flowed through a closed valve, and keep both dials for ever."""
    found = valve_test(dial_text(first.shown), first.at, dial_text(last.shown), last.at)
    with conn.transaction():
        for each in (first, last):
            witness(
                conn,
                society,
                named,
                shown=each.shown,
                at=each.at,
                by=by,
                beside=beside,
                now=now,
            )
    return found
