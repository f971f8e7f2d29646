# SPDX-License-Identifier: MIT
"""Evidence lies in months of receipt, and nothing that was proved before is lost on the way."""

from datetime import date, timedelta

import pytest

from cloud_ingest.operate.evidence import tend_evidence
from cloud_ingest.operate.upkeep import upkeep
from cloud_ingest.store.commit import commit
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.evidence_months import evidence_months
from cloud_ingest.store.quarantine import list_entries, show
from cloud_ingest.store.receipts import heads, stored_ranges
from shared_schema.proof.check import check
from tests.support.gateway import block_line
from tests.support.proved import NOW, claims, close, july, proved, quantity, send, units
from tests.support.store import Site, kwh, local, unit_line

HOUR = timedelta(hours=1)


@pytest.fixture
def flat(site: Site) -> Site:
    units(site, unit_line("A-1", "1"))
    return site


def as_before(conn: Connection) -> None:
    """Lay the bytes where older versions kept them."""
    conn.execute(
        "UPDATE batch SET evidence = evidence.evidence FROM evidence"
        " WHERE evidence.batch_id = batch.batch_id"
    )
    conn.execute("DELETE FROM evidence")


def test_batches_lie_in_their_month_of_receipt(flat: Site) -> None:
    last, first = local("2026-07-31 23:59"), local("2026-08-01 00:00")
    for at in (last, first):
        payload = flat.gateway.seal(block_line("1", [(at - HOUR, 1)]))
        commit(flat.conn, [flat.verdict(payload, at)])
    assert evidence_months(flat.conn) == [date(2026, 7, 1), date(2026, 8, 1)]
    for month, at in (("2026_07", last), ("2026_08", first)):
        assert flat.one(f"SELECT received_at FROM evidence_{month}") == at  # noqa: S608


def test_months_of_receipt_are_made_ahead_once(flat: Site) -> None:
    upkeep(flat.conn, NOW)
    made = evidence_months(flat.conn)
    upkeep(flat.conn, NOW)
    assert evidence_months(flat.conn) == made
    assert len(made) == 3


def test_a_batch_that_comes_again_months_later_is_one(flat: Site) -> None:
    sent = [flat.gateway.seal(block_line("1", [(local("2026-07-01"), 5)])) for _ in range(3)]
    at = local("2026-07-02 00:00")
    first = commit(flat.conn, [flat.verdict(each, at) for each in (sent[0], sent[2])])
    again = commit(flat.conn, [flat.verdict(each, at + 70 * 24 * HOUR) for each in sent])
    assert (first.batches, again.batches, again.quarantined) == (2, 1, 0)
    assert flat.one("SELECT count(*) FROM batch_evidence") == 3
    gateway_id, stream = flat.one("SELECT DISTINCT gateway_id, stream FROM batch")
    ranges = stored_ranges(flat.conn, gateway_id, stream)
    named, known = heads(flat.conn, gateway_id, stream, ranges, 10)
    assert (named, known) == ([(1, 3)], [(3, flat.gateway._previous)])


def test_evidence_of_an_older_version_moves_piece_by_piece(
    flat: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = july()
    send(flat, "1", rows)
    payload = flat.gateway.seal(block_line("unknown", rows[:1]))
    commit(flat.conn, [flat.verdict(payload, NOW)])
    close(flat)
    as_before(flat.conn)
    monkeypatch.setattr("cloud_ingest.operate.evidence.PIECE", 4)
    (entry,) = list_entries(flat.conn)
    for left in (10, 6, 2, 0):
        assert flat.one("SELECT count(*) FROM batch WHERE evidence IS NOT NULL") == left
        proof = proved(flat)
        assert quantity(proof) == kwh(10 * 31 * 24)
        assert (claims(proof), check(proof).signed_borders) == ([], 2)
        assert show(flat.conn, entry.quarantine_id)[1] == payload.split(b"\n")[1]
        assert tend_evidence(flat.conn, NOW) == min(left, 4)
