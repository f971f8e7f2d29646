# SPDX-License-Identifier: MIT
"""Evidence lies in months of receipt, and nothing that was proved before is lost on the way."""

import secrets
from datetime import date, datetime
from pathlib import Path

import pytest

from cloud_ingest.operate.evidence import keep_evidence, tend_evidence
from cloud_ingest.operate.upkeep import oldest_kept, upkeep
from cloud_ingest.store.commit import commit
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.evidence import unpack
from cloud_ingest.store.partitions import partitions
from cloud_ingest.store.quarantine import list_entries, show
from cloud_ingest.store.receipts import heads, stored_ranges
from shared_schema.message import format_utc
from shared_schema.proof.check import check
from shared_schema.readings import Batch
from tests.support.evidence import let_go, line_at
from tests.support.gateway import block_line
from tests.support.proved import (
    END,
    HALF,
    HOUR,
    NOW,
    START,
    claims,
    close,
    july,
    proved,
    quantity,
    replaced,
    send,
    units,
)
from tests.support.store import ZONE, Site, every, kwh, local, unit_line


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
    assert partitions(flat.conn, "evidence") == [date(2026, 7, 1), date(2026, 8, 1)]
    for month, at in (("2026_07", last), ("2026_08", first)):
        assert flat.one(f"SELECT received_at FROM evidence_{month}") == at  # noqa: S608


def test_months_of_receipt_are_made_ahead_once(flat: Site) -> None:
    upkeep(flat.conn, NOW)
    made = partitions(flat.conn, "evidence")
    upkeep(flat.conn, NOW)
    assert partitions(flat.conn, "evidence") == made
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


def whole(conn: Connection) -> list[tuple[datetime, bool]]:
    """When each batch was received, and whether it has all of its blocks."""
    rows = conn.execute("SELECT received_at, evidence FROM evidence ORDER BY batch_id").fetchall()
    return [(at, all(unpack(evidence).block_lines)) for at, evidence in rows]


def is_whole(conn: Connection) -> bool:
    return all(each for _, each in whole(conn))


def test_nothing_is_shortened_until_somebody_says_so(flat: Site) -> None:
    send(flat, "1", july())
    line = "SELECT evidence_line()"
    assert flat.one(line) is None
    assert tend_evidence(flat.conn, NOW) == 0
    assert is_whole(flat.conn)
    keep_evidence(flat.conn, 13)
    today = datetime.now(ZONE).date()
    assert flat.one(line) == oldest_kept(13, today)


def test_a_short_month_is_proved_as_before(flat: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    send(flat, "1", july())
    close(flat)
    monkeypatch.setattr("cloud_ingest.operate.evidence.PIECE", 3)
    before = proved(flat)
    let_go(flat.conn, NOW)
    assert proved(flat) == before
    blocks = [line for batch in batches(flat) for line in batch.block_lines]
    assert 0 < sum(map(bool, blocks)) < len(blocks) / 2
    assert tend_evidence(flat.conn, NOW) == 0


def test_months_that_are_kept_stay_whole(flat: Site) -> None:
    send(flat, "1", july())
    let_go(flat.conn, NOW, date(2026, 7, 1))
    assert is_whole(flat.conn)
    let_go(flat.conn, NOW, date(2026, 8, 1))
    short = {at.astimezone(ZONE).month for at, has_all in whole(flat.conn) if not has_all}
    assert short == {7}
    assert max(whole(flat.conn))[0].astimezone(ZONE).month == 8


def test_handovers_and_replacements_outlive_their_month(site: Site) -> None:
    replaced(site)
    close(site)
    before = proved(site)
    let_go(site.conn, NOW)
    assert proved(site) == before
    assert check(before).signed_borders == 4


def test_a_border_that_nobody_read_keeps_both_its_sides(flat: Site) -> None:
    rows = [(at, 0 if abs(at - END) <= 3 * HOUR else raw) for at, raw in july()]
    send(flat, "1", rows)
    close(flat)
    before = proved(flat)
    (part,) = before.parts
    assert part.closing.before is not None
    assert part.closing.before.signed is not None
    assert part.closing.before.at < format_utc(END - 3 * HOUR)
    let_go(flat.conn, NOW)
    assert proved(flat) == before


def test_an_entry_in_quarantine_keeps_its_block(flat: Site) -> None:
    rows = every(HALF, HALF + 5 * 24 * HOUR, 5, 1)
    lines = [block_line(serial, rows) for serial in ("1", "unknown", "2")]
    commit(flat.conn, [flat.verdict(flat.gateway.seal(*lines), NOW)])
    entries = {entry.quarantine_id for entry in list_entries(flat.conn)}
    let_go(flat.conn, NOW)
    (batch,) = batches(flat)
    assert batch.block_lines == (b"", *lines[1:])
    shown = {show(flat.conn, each)[1] for each in entries}
    assert shown == set(lines[1:])


@pytest.mark.parametrize("reason", ["quota", "unknown_meter"])
def test_a_batch_whose_entry_is_of_all_stays_whole(flat: Site, reason: str) -> None:
    send(flat, "1", july())
    flat.conn.execute(
        "INSERT INTO quarantine (reason, detail, payload_hash, batch_id, first_at, last_at)"
        " SELECT %s, '', header_hash, batch_id, received_at, received_at FROM batch",
        (reason,),
    )
    let_go(flat.conn, NOW)
    assert is_whole(flat.conn)


def test_shortening_goes_on_where_it_was_killed(
    flat: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(flat, "1", july())
    monkeypatch.setattr("cloud_ingest.operate.evidence.PIECE", 2)
    line_at(flat.conn, date(2026, 8, 1))
    tend_evidence(flat.conn, NOW)
    assert is_whole(flat.conn)
    late = flat.gateway.seal(block_line("1", [(HALF, 77)]))  # a replay has the receipt of then
    commit(flat.conn, [flat.verdict(late, START)])
    let_go(flat.conn, NOW)
    assert len(whole(flat.conn)) == flat.one("SELECT count(*) FROM batch")
    assert flat.one("SELECT count(*) FROM evidence_anew") == 0


def test_an_old_month_lies_on_another_disk(plain_store_dsn: str, tmp_path: Path) -> None:
    name = f"cold_{secrets.token_hex(4)}"
    with connect(plain_store_dsn) as conn:
        site = Site(conn, tmp_path)
        units(site, unit_line("A-1", "1"))
        send(site, "1", july())
        close(site)
        before = proved(site)
        conn.execute("SET allow_in_place_tablespaces = on")
        conn.execute(f"CREATE TABLESPACE {name} LOCATION ''".encode())
        try:
            conn.execute(f"ALTER TABLE metering.evidence_2026_07 SET TABLESPACE {name}".encode())
            assert proved(site) == before
        finally:
            conn.execute("ALTER TABLE metering.evidence_2026_07 SET TABLESPACE pg_default")
            conn.execute(f"DROP TABLESPACE {name}".encode())


def batches(flat: Site) -> list[Batch]:
    return [unpack(each) for (each,) in flat.all("SELECT evidence FROM evidence ORDER BY batch_id")]
