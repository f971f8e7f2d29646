# SPDX-License-Identifier: MIT
"""Batches that are missing between stored ones, and the flag that tells of them."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest

from cloud_ingest.flags.missing_batches import refresh_missing_batches
from cloud_ingest.ingest.receipts import signed_receipts
from cloud_ingest.store.commit import commit
from cloud_ingest.store.events import list_events
from shared_schema.events import EventKind
from shared_schema.signing import generate_key
from tests.support.gateway import block_line
from tests.support.store import Site, local, unit_line

START = local("2026-07-01 00:00")
MINUTE = timedelta(minutes=1)
CLOUD_KEY = generate_key()


class Sent:
    """Ten batches of one gateway, which come when a test says so."""

    def __init__(self, site: Site) -> None:
        self.site = site
        site.units(unit_line("A-1204", "1"))
        lines = [block_line("1", [(START, n)]) for n in range(10)]
        self.payloads = [site.gateway.seal(line) for line in lines]

    def come(self, seqs: Iterable[int], at: datetime) -> None:
        verdicts = [self.site.verdict(self.payloads[seq - 1], at) for seq in seqs]
        streams = commit(self.site.conn, verdicts).streams
        signed_receipts(self.site.conn, streams, CLOUD_KEY)

    def missing(self, at: datetime) -> int | None:
        """Judge, and return how many are missing by the flag that is up."""
        refresh_missing_batches(self.site.conn, at)
        flags = list_events(self.site.conn, kinds=[EventKind.MISSING_BATCHES])
        assert len(flags) <= 1
        return int(str(flags[0].event.evidence["missing"])) if flags else None


@pytest.fixture
def sent(site: Site) -> Sent:
    return Sent(site)


def test_what_is_missing_is_told_until_it_came(sent: Sent) -> None:
    sent.come([1, 2, 4, 7], START)
    assert sent.missing(START + 9 * MINUTE) is None
    assert sent.missing(START + 11 * MINUTE) == 3
    sent.come([3], START + 12 * MINUTE)
    assert sent.missing(START + 23 * MINUTE) == 2
    sent.come([5, 6], START + 24 * MINUTE)
    assert sent.missing(START + 24 * MINUTE) is None


def test_a_gap_below_the_longest_run_is_told(sent: Sent) -> None:
    sent.come([1, *range(4, 11)], START)
    assert sent.missing(START + 11 * MINUTE) == 2


def test_gaps_on_both_sides_of_one_batch_are_told(sent: Sent) -> None:
    sent.come([5], START)
    sent.come([3, 7], START)
    assert sent.missing(START + 11 * MINUTE) == 2


def test_a_backlog_that_comes_in_order_is_no_gap(sent: Sent) -> None:
    sent.come([1, 5, 9], START)
    sent.come([2], START + 8 * MINUTE)
    assert sent.missing(START + 11 * MINUTE) is None
    sent.come([3], START + 16 * MINUTE)
    assert sent.missing(START + 19 * MINUTE) is None


def test_what_did_not_come_in_a_week_is_not_told_for_ever(sent: Sent) -> None:
    sent.come([1, 3], START)
    assert sent.missing(START + 11 * MINUTE) == 1
    assert sent.missing(START + timedelta(days=8)) is None


def test_a_stream_that_begins_late_has_no_gap(sent: Sent) -> None:
    sent.come([8, 9, 10], START)
    assert sent.missing(START + 11 * MINUTE) is None
