# SPDX-License-Identifier: MIT
"""What a commit stores, keeps beside, and keeps apart; on both editions."""

import hashlib
import json
import threading
from datetime import timedelta
from uuid import uuid4

import pytest

from cloud_ingest.core.accept import Refused
from cloud_ingest.errors import StoreUnavailable
from cloud_ingest.store.commit import Stream, commit
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.evidence import payload as bytes_of
from cloud_ingest.store.evidence import unpack
from cloud_ingest.store.readings_write import NewReading, store_readings
from cloud_ingest.store.receipts import merge, store_id, stored_ranges
from shared_schema.quality import Origin
from tests.support.gateway import Sealer, block_line
from tests.support.store import Site, every, local, unit_line

START = local("2026-07-01 00:00")
LATER = START + timedelta(days=1)


@pytest.fixture
def flat(site: Site) -> Site:
    site.units(unit_line("A-1204", "1"))
    return site


def test_the_same_batch_again_changes_nothing(flat: Site) -> None:
    payload = flat.gateway.seal(block_line("1", every(START, LATER, 100, 1)))
    first = commit(flat.conn, [flat.verdict(payload, LATER)])
    assert (first.batches, first.new, first.duplicates, first.conflicts) == (1, 97, 0, 0)
    before = flat.all("SELECT * FROM reading ORDER BY 1, 2")
    again = commit(flat.conn, [flat.verdict(payload, LATER), flat.verdict(payload, LATER)])
    assert (again.batches, again.new, again.quarantined) == (0, 0, 0)
    assert again.streams == first.streams
    assert len(again.streams) == 1
    assert flat.all("SELECT * FROM reading ORDER BY 1, 2") == before
    assert flat.one("SELECT count(*) FROM batch") == 1


def test_the_same_rows_in_another_batch_are_duplicates(flat: Site) -> None:
    flat.deliver("1", every(START, LATER, 100, 1))
    flat.conn.execute("DELETE FROM dirty")
    again = flat.deliver("1", every(START, LATER, 100, 1))
    assert (again.batches, again.new, again.duplicates, again.conflicts) == (1, 0, 97, 0)
    assert flat.one("SELECT count(*) FROM dirty") == 0
    assert flat.one("SELECT count(*) FROM claim") == 0


def test_the_evidence_is_the_bytes_that_were_sent(flat: Site) -> None:
    payload = flat.gateway.seal(block_line("1", [(START, 5)]))
    commit(flat.conn, [flat.verdict(payload, LATER)])
    (kept,) = flat.all("SELECT evidence FROM batch_evidence")[0]
    header_hash = flat.one("SELECT header_hash FROM batch")
    batch = unpack(kept)
    assert bytes_of(batch) == payload
    assert header_hash == hashlib.sha256(batch.header_line).digest()


def test_another_value_is_kept_as_a_claim(flat: Site) -> None:
    flat.deliver("1", [(START, 100)])
    result = flat.deliver("1", [(START, 101)])
    assert (result.new, result.conflicts) == (0, 1)
    assert flat.one("SELECT raw FROM reading") == 100
    assert flat.one("SELECT raw, source FROM claim") == (101, "gateway gw-a")
    assert flat.deliver("1", [(START, 101)]).conflicts == 1
    assert flat.one("SELECT count(*) FROM claim") == 1


def test_a_row_with_and_without_a_status_is_stored(flat: Site) -> None:
    """In one commit, beside another value of its time, which is disputed."""
    flat.deliver("1", [(START, 5)])
    rows = [(START, 7), (LATER, 9)]
    sent = [
        flat.gateway.seal(block_line("1", rows)),
        flat.gateway.seal(block_line("1", rows, statuses={START: 1, LATER: 1})),
    ]
    done = commit(flat.conn, [flat.verdict(each, LATER) for each in sent])
    assert (done.batches, done.new) == (2, 1)


def test_a_better_origin_is_elected_and_audited(flat: Site) -> None:
    flat.deliver("1", [(START - timedelta(days=1), 90)])
    channel = flat.one("SELECT channel_id FROM channel")
    ts = int(START.timestamp())
    dial = NewReading(channel, ts, 95, None, Origin.SELF_READ)
    assert store_readings(flat.conn, [dial], source="self-read by me", at=LATER).new == 1
    flat.conn.execute("DELETE FROM dirty")
    flat.deliver("1", [(START, 100)])
    assert flat.one("SELECT raw, origin FROM reading WHERE ts = %s", START) == (100, 1)
    assert flat.one("SELECT raw, origin FROM claim") == (95, 2)
    assert flat.one("SELECT old_raw, new_raw, new_origin FROM election") == (95, 100, 1)
    channels, day = flat.one("SELECT channels, day::text FROM dirty")
    assert (channels, day) == ([channel], "2026-06-30")
    worse = store_readings(flat.conn, [dial], source="self-read by me", at=LATER)
    assert worse.conflicts == 1
    assert flat.one("SELECT raw FROM reading WHERE ts = %s", START) == 100
    edit = NewReading(channel, ts, 99, None, Origin.EDIT)
    store_readings(flat.conn, [edit], source="edit by me", at=LATER)
    assert flat.one("SELECT raw, origin FROM reading WHERE ts = %s", START) == (99, 0)
    claims = flat.all("SELECT raw, origin FROM claim ORDER BY origin")
    assert claims == [(100, 1), (95, 2)]


def test_a_midnight_reading_marks_the_day_it_closes(flat: Site) -> None:
    flat.deliver("1", [(START, 100), (START + timedelta(seconds=1), 101)])
    days = [str(day) for (day,) in flat.all("SELECT day FROM dirty ORDER BY day")]
    assert days == ["2026-06-30", "2026-07-01"]


def test_of_a_fork_the_first_batch_stands(flat: Site) -> None:
    other = Sealer("gw-a", flat.gateway.key)
    other.stream = flat.gateway.stream
    flat.deliver("1", [(START, 100)])
    payload = other.seal(block_line("1", [(START, 999)]))
    streams = frozenset({Stream(flat.one("SELECT gateway_id FROM gateway"), "gw-a", other.stream)})
    result = commit(flat.conn, [flat.verdict(payload, LATER)])
    assert (result.new, result.quarantined, result.streams) == (0, 1, streams)
    assert flat.one("SELECT reason, payload FROM quarantine") == ("fork", payload)
    assert flat.one("SELECT count(*), max(raw) FROM reading") == (1, 100)
    commit(flat.conn, [flat.verdict(payload, LATER)])
    assert flat.one("SELECT times FROM quarantine") == 2


def test_a_refused_message_is_kept_once_and_counted(flat: Site) -> None:
    verdict = flat.verdict(b"\x00garbage\xff", LATER)
    assert isinstance(verdict, Refused)
    assert commit(flat.conn, [verdict]).quarantined == 1
    result = commit(flat.conn, [verdict])
    assert (result.quarantined, result.streams) == (0, frozenset())
    assert flat.one("SELECT times, payload FROM quarantine") == (2, b"\x00garbage\xff")


def test_rejected_rows_are_kept_with_their_batch(flat: Site) -> None:
    future = LATER + timedelta(days=2)
    payload = flat.gateway.seal(
        block_line("1", [(START, 1), (future, 2)]), block_line("77", [(START, 3)])
    )
    result = commit(flat.conn, [flat.verdict(payload, LATER)])
    assert (result.new, result.quarantined, len(result.streams)) == (1, 2, 1)
    kept = flat.all("SELECT reason, ordinal, row_indexes, payload FROM quarantine ORDER BY 2")
    assert kept == [("future", 0, [1], None), ("unknown_meter", 1, None, None)]
    assert flat.one("SELECT count(*) FROM quarantine WHERE batch_id IS NULL") == 0


def test_the_newest_reading_of_a_meter_never_moves_back(flat: Site) -> None:
    flat.deliver("1", [(LATER, 2)])
    flat.deliver("1", [(START, 1)])
    assert flat.one("SELECT last_reading_at FROM meter") == LATER


def test_a_row_of_nulls_is_no_reading(flat: Site) -> None:
    flat.deliver("1", [(START, 1)])
    column = {"obis": "1.0.1.8.0.255", "scaler": 0, "unit": 30}
    hour = timedelta(hours=1)
    for ahead, rows in ((1, [None]), (2, [5, None]), (4, [None, None])):
        line = block_line("1", [(START, 0)])
        columns = [column, {**column, "obis": "1.0.2.8.0.255"}][: len(rows)]
        ts = int((START + hour * ahead).timestamp())
        document = json.loads(line) | {"columns": columns, "rows": [[ts, 3, *rows]]}
        payload = flat.gateway.seal(json.dumps(document).encode())
        commit(flat.conn, [flat.verdict(payload, LATER)])
    assert flat.one("SELECT last_reading_at FROM meter") == START + 2 * hour


def test_a_channel_keeps_its_shortest_period(flat: Site) -> None:
    for period, kept in ((0, 0), (86400, 86400), (900, 900), (86400, 900), (0, 900)):
        flat.deliver("1", [(START, 1)], period_s=period)
        assert flat.one("SELECT period_s FROM channel") == kept


def test_receipts_say_what_is_stored(flat: Site) -> None:
    payloads = [flat.gateway.seal(block_line("1", [(START, n)])) for n in range(12)]
    gateway_id = flat.one("SELECT gateway_id FROM gateway")
    stream = flat.gateway.stream

    def store(*numbers: int) -> list[tuple[int, int]]:
        commit(flat.conn, [flat.verdict(payloads[n - 1], LATER) for n in numbers])
        return stored_ranges(flat.conn, gateway_id, stream)

    assert stored_ranges(flat.conn, gateway_id, stream) == []
    assert store(5, 6, 7) == [(5, 7)]
    assert store(9, 2) == [(2, 2), (5, 7), (9, 9)]
    assert store(8, 1) == [(1, 2), (5, 9)]
    assert store(3, 4) == [(1, 9)]
    assert store(12) == [(1, 9), (12, 12)]
    assert store(11, 10) == [(1, 12)]
    assert stored_ranges(flat.conn, gateway_id, uuid4()) == []
    assert store_id(flat.conn) == store_id(flat.conn)


def test_ranges_that_touch_are_one() -> None:
    assert merge([(5, 7), (1, 2), (3, 4), (9, 9)]) == [(1, 7), (9, 9)]


def test_a_cut_link_stores_nothing_and_says_try_again(flat: Site, store_dsn: str) -> None:
    payload = flat.gateway.seal(block_line("1", [(START, 1)]))
    verdict = flat.verdict(payload, LATER)
    with connect(store_dsn) as other:
        flat.conn.execute("SELECT pg_terminate_backend(%s)", (other.info.backend_pid,))
        with pytest.raises(StoreUnavailable):
            commit(other, [verdict])
    assert flat.one("SELECT count(*) FROM reading") == 0
    assert commit(flat.conn, [verdict]).new == 1


def test_two_workers_with_the_same_rows_do_not_deadlock(flat: Site, store_dsn: str) -> None:
    flat.units(*[unit_line(f"A-{n}", str(n)) for n in range(2, 8)], unit_line("A-1204", "1"))
    gateways = [Sealer("gw-a", flat.gateway.key) for _ in range(2)]
    rows = every(START, LATER, 0, 1)
    verdicts = []
    for number, gateway in enumerate(gateways):
        serials = [str(n) for n in range(1, 8)][:: -1 if number else 1]
        verdicts.append(
            [flat.verdict(gateway.seal(block_line(s, rows)), LATER) for s in serials * 4]
        )
    new: list[int] = []

    def work(conn: Connection, number: int) -> None:
        own = verdicts[number]
        new.extend(commit(conn, own[at : at + 3]).new for at in range(0, len(own), 3))

    with connect(store_dsn) as one, connect(store_dsn) as two:
        threads = [
            threading.Thread(target=work, args=(each, n)) for n, each in enumerate((one, two))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sum(new) == 7 * 97
    assert flat.one("SELECT count(*) FROM reading") == 7 * 97
    assert flat.one("SELECT count(*) FROM batch") == 56


def test_two_edits_at_once_are_elected_one_after_the_other(flat: Site, store_dsn: str) -> None:
    flat.deliver("1", [(START, 100)])
    channel = flat.one("SELECT channel_id FROM channel")

    def edit(conn: Connection, raw: int) -> None:
        claimed = NewReading(channel, int(START.timestamp()), raw, None, Origin.EDIT)
        store_readings(conn, [claimed], source=f"editor {raw}", at=LATER)

    with connect(store_dsn) as one, connect(store_dsn) as two:
        second = threading.Thread(target=edit, args=(two, 102))
        with one.transaction():
            edit(one, 101)
            second.start()
            waiting = (
                "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
            )
            while flat.one(waiting, two.info.backend_pid) == 0:
                assert second.is_alive()
        second.join()
    assert flat.one("SELECT raw, origin FROM reading") == (102, 0)
    assert flat.all("SELECT raw, origin FROM claim ORDER BY raw") == [(100, 1), (101, 0)]
    audit = "SELECT old_raw, new_raw FROM election ORDER BY old_raw"
    assert flat.all(audit) == [(100, 101), (101, 102)]
