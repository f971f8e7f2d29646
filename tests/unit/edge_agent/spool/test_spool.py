# SPDX-License-Identifier: MIT
"""The spool: rows and watermark together or not at all, and nothing forgotten unreceipted."""

import os
import shutil
import sqlite3
import tempfile
import threading
import tracemalloc
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge_agent.decode.layout import Captured
from edge_agent.decode.rows import MeterRows
from edge_agent.errors import ConfigurationError, ProtocolViolation, SpoolError, SpoolFull
from edge_agent.spool import batches, room
from edge_agent.spool.batches import Spooled
from edge_agent.spool.blocks import BLOCK_BYTES, ROOM_BYTES, grouped
from edge_agent.spool.file import State, inspect
from edge_agent.spool.losses import joined
from edge_agent.spool.schema import APPLICATION_ID
from edge_agent.spool.spool import Spool
from shared_schema.catalogue import ACTIVE_IMPORT, BLOCK_LOAD_PROFILE, DAILY_LOAD_PROFILE
from shared_schema.gateway import Receipt
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from shared_schema.readings import (
    MAX_BATCH_BYTES,
    Batch,
    Block,
    Column,
    Loss,
    open_batch,
    seal_batch,
)
from shared_schema.signing import VerifyKey, generate_key, key_id

KEY = generate_key()
GATEWAY = "gw-spool-test"
NOW = datetime(2026, 11, 24, 0, 15, tzinfo=UTC)
T0 = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp())
METERS = [MeterId(manufacturer="LNT", serial=f"L{number:07}") for number in range(3)]
COLUMNS = (
    Column(obis=ACTIVE_IMPORT, scaler=1, unit=30),
    Column(obis=Obis.parse("1.0.12.27.0.255"), scaler=-2, unit=35),
)


def ring(gateway: str, key: str) -> VerifyKey | None:
    known = gateway == GATEWAY and key == key_id(KEY.public_key())
    return KEY.public_key() if known else None


def profile_rows(
    count: int, start: int = T0, profile: Obis = BLOCK_LOAD_PROFILE, width: int = 2
) -> MeterRows:
    columns = COLUMNS[:width]
    rows = tuple(
        (start + 900 * index, None, *(10**15 + index for _ in columns)) for index in range(count)
    )
    return MeterRows(profile=profile, period_s=900, columns=columns, rows=rows)


def gather(
    spool: Spool,
    *rows: MeterRows,
    meter: MeterId = METERS[0],
    watermarks: dict[Obis, int] | None = None,
    historical: bool = False,
    at: datetime = NOW,
    rewound: Collection[Obis] = (),
    captures: dict[Obis, Captured] | None = None,
) -> tuple[Loss, ...]:
    marks = {
        part.profile: int(part.rows[-1][0] or 0)
        for part in rows
        if part.profile is not None and part.rows
    }
    return spool.append(
        meter,
        rows,
        watermarks=marks if watermarks is None else watermarks,
        at=at,
        historical=historical,
        rewound=rewound,
        captures=captures,
    )


def seal(spool: Spool) -> list[int]:
    return list(spool.seal(gateway=GATEWAY, key=KEY).seqs)


def put_and_lose(spool: Spool, rows: MeterRows) -> tuple[list[int], list[Loss]]:
    """Gather and seal at once; return also what was dropped for it."""
    losses = gather(spool, rows)
    sealed = spool.seal(gateway=GATEWAY, key=KEY)
    return list(sealed.seqs), [*losses, *sealed.losses]


def put(
    spool: Spool,
    *rows: MeterRows,
    meter: MeterId = METERS[0],
    watermarks: dict[Obis, int] | None = None,
    historical: bool = False,
    at: datetime = NOW,
    rewound: Collection[Obis] = (),
    captures: dict[Obis, Captured] | None = None,
) -> list[int]:
    """Gather and seal at once."""
    gather(
        spool,
        *rows,
        meter=meter,
        watermarks=watermarks,
        historical=historical,
        at=at,
        rewound=rewound,
        captures=captures,
    )
    return seal(spool)


def receipt(
    spool: Spool,
    *ranges: tuple[int, int],
    store: UUID,
    at: datetime = NOW,
    stream: UUID | None = None,
) -> Receipt:
    return Receipt(
        gateway=GATEWAY,
        key="0" * 16,
        store=store,
        stream=stream or spool.stream,
        ranges=ranges,
        at=at,
    )


def batch(spool: Spool, seq: int) -> Batch:
    spooled = spool.get(seq)
    assert spooled is not None
    return open_batch(spooled.payload, ring)


def lines(spool: Spool) -> list[bytes]:
    """Return what is gathered, live ones first."""
    with spool.reading() as database:
        found = database.execute("SELECT line FROM gathered ORDER BY historical, place")
        return [line for (line,) in found]


def blocks(spool: Spool, seq: int) -> list[Block]:
    parsed = batch(spool, seq).blocks()
    return [block for block in parsed if isinstance(block, Block)]


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool.open(tmp_path / "spool.db") as opened:
        yield opened


def test_two_profiles_are_two_blocks_of_one_batch(spool: Spool) -> None:
    assert put(spool, profile_rows(4), profile_rows(1, profile=DAILY_LOAD_PROFILE)) == [1]

    first, second = blocks(spool, 1)
    assert (first.profile, len(first.rows)) == (BLOCK_LOAD_PROFILE, 4)
    assert (second.profile, len(second.rows)) == (DAILY_LOAD_PROFILE, 1)
    assert first.meter == METERS[0]
    assert first.columns == COLUMNS
    assert first.rows[0] == (T0, None, 10**15, 10**15)
    header = batch(spool, 1).header
    assert (header.stream, header.seq, header.previous) == (spool.stream, 1, None)
    assert (header.created_at, header.historical) == (NOW, False)
    assert spool.watermarks(METERS[0]) == {BLOCK_LOAD_PROFILE: T0 + 2700, DAILY_LOAD_PROFILE: T0}
    assert spool.watermarks(METERS[1]) == {}


def test_each_header_names_its_predecessor_over_a_restart(tmp_path: Path) -> None:
    with Spool.open(tmp_path / "spool.db") as spool:
        assert put(spool, profile_rows(1)) == [1]
        stream = spool.stream
    with Spool.open(tmp_path / "spool.db") as spool:
        assert spool.stream == stream
        assert spool.set_aside is None
        assert put(spool, profile_rows(1), meter=METERS[1]) == [2]
        assert batch(spool, 2).header.previous == batch(spool, 1).header_hash
        assert [spooled.seq for spooled in spool.due(9)] == [2, 1]


def test_a_long_back_fill_becomes_batches_under_the_limit(spool: Spool) -> None:
    rows = profile_rows(6000)
    made = put(spool, rows, profile_rows(30, profile=DAILY_LOAD_PROFILE), historical=True)

    assert len(made) > 3
    found: list[tuple[int | None, ...]] = []
    for seq in made:
        spooled = spool.get(seq)
        assert spooled is not None
        assert len(spooled.payload) <= MAX_BATCH_BYTES
        assert spooled.historical
        found += [
            row
            for block in blocks(spool, seq)
            if block.profile == BLOCK_LOAD_PROFILE
            for row in block.rows
        ]
    assert tuple(found) == rows.rows


def test_no_rows_may_still_move_the_watermark(spool: Spool) -> None:
    assert put(spool, profile_rows(0)) == []
    assert put(spool, watermarks={BLOCK_LOAD_PROFILE: T0}) == []
    assert spool.watermarks(METERS[0]) == {BLOCK_LOAD_PROFILE: T0}
    assert spool.pending().total == 0


def test_a_watermark_goes_back_only_where_that_is_meant(spool: Spool) -> None:
    put(spool, watermarks={BLOCK_LOAD_PROFILE: T0, DAILY_LOAD_PROFILE: T0})
    back = {BLOCK_LOAD_PROFILE: T0 - 3600, DAILY_LOAD_PROFILE: T0 - 3600}
    put(spool, watermarks=back)
    assert spool.watermarks(METERS[0]) == {BLOCK_LOAD_PROFILE: T0, DAILY_LOAD_PROFILE: T0}
    put(spool, profile_rows(1), watermarks=back, rewound={BLOCK_LOAD_PROFILE})
    assert spool.watermarks(METERS[0]) == {BLOCK_LOAD_PROFILE: T0 - 3600, DAILY_LOAD_PROFILE: T0}


def test_what_a_profile_captured_is_kept_with_its_watermark(spool: Spool) -> None:
    first = Captured("0123456789abcdef", (ACTIVE_IMPORT, Obis.parse("1.0.12.27.0.255")))
    put(spool, captures={BLOCK_LOAD_PROFILE: first})
    assert spool.captures(METERS[0]) == {BLOCK_LOAD_PROFILE: first}
    assert spool.captures(METERS[1]) == {}
    other = Captured("fedcba9876543210", ())
    put(spool, profile_rows(2), captures={BLOCK_LOAD_PROFILE: other})
    assert spool.captures(METERS[0]) == {BLOCK_LOAD_PROFILE: other}


def test_newest_live_goes_first_then_the_oldest_backlog(spool: Spool) -> None:
    for historical in (True, False, True, False, True):
        put(spool, profile_rows(1), historical=historical)

    assert [spooled.seq for spooled in spool.due(9)] == [4, 2, 1, 3, 5]
    assert [spooled.seq for spooled in spool.due(3, skip={2, 1})] == [4, 3, 5]
    assert (spool.pending().live, spool.pending().backlog) == (2, 3)


def test_rows_outside_the_contract_skip_their_meter_alone(spool: Spool) -> None:
    part = MeterRows(profile=None, period_s=0, columns=COLUMNS, rows=((T0, None, 2**63, 1),))
    with pytest.raises(ProtocolViolation, match="LNT L0000000"):
        put(spool, part, watermarks={BLOCK_LOAD_PROFILE: T0})
    assert spool.watermarks(METERS[0]) == {}
    assert put(spool, profile_rows(1)) == [1]


# -------------------------------------------------------------- gathered, then sealed


def test_polls_of_many_meters_are_one_batch(spool: Spool) -> None:
    for number, meter in enumerate(METERS):
        gather(spool, profile_rows(2), meter=meter, at=NOW + timedelta(seconds=number))
    assert spool.due(9) == []
    assert (spool.pending().live, spool.pending().backlog) == (1, 0)
    waiting = lines(spool)

    assert seal(spool) == [1]

    assert list(batch(spool, 1).block_lines) == waiting
    assert [block.meter for block in blocks(spool, 1)] == METERS
    assert batch(spool, 1).header.created_at == NOW + timedelta(seconds=2), "when it was read"
    assert (spool.pending().live, spool.pending().backlog) == (1, 0)
    assert seal(spool) == [], "once"


def test_live_and_back_fill_are_sealed_apart(spool: Spool) -> None:
    for historical in (True, False, True, False):
        gather(spool, profile_rows(1), historical=historical)
    assert (spool.pending().live, spool.pending().backlog) == (1, 1)

    assert seal(spool) == [1, 2]

    assert [batch(spool, seq).header.historical for seq in (1, 2)] == [False, True]
    assert [len(blocks(spool, seq)) for seq in (1, 2)] == [2, 2]


def test_gathered_bytes_tell_the_size_of_the_batch(spool: Spool) -> None:
    assert spool.gathered_bytes() == 0
    gather(spool, profile_rows(100))
    gather(spool, profile_rows(10), historical=True)
    seal_of = spool.gathered_bytes()
    (seq, _) = seal(spool)
    spooled = spool.get(seq)
    assert spooled is not None
    assert 0 <= len(spooled.payload) - seal_of < MAX_BATCH_BYTES - ROOM_BYTES
    assert spool.gathered_bytes() == 0


@given(st.lists(st.integers(200, 40_000), max_size=40))
def test_groups_are_full_and_keep_the_order(sizes: list[int]) -> None:
    given_lines = [b"x" * size for size in sizes]
    groups = grouped(given_lines)
    assert [line for group in groups for line in group] == given_lines
    taken = [sum(len(line) + BLOCK_BYTES for line in group) for group in groups]
    assert all(bytes_ <= ROOM_BYTES for bytes_ in taken)
    for bytes_, following in zip(taken, groups[1:], strict=False):
        assert bytes_ + len(following[0]) + BLOCK_BYTES > ROOM_BYTES, "it would have fitted"


def test_no_batch_names_more_blocks_than_a_header_may(spool: Spool) -> None:
    smallest = Loss(stream=spool.stream, first=1, last=1, reason="spool_full").to_line()
    (group, *_) = grouped([smallest] * 2000)
    payload = seal_batch(
        gateway=GATEWAY,
        stream=spool.stream,
        seq=1,
        previous=None,
        block_lines=group,
        created_at=NOW,
        historical=False,
        key=KEY,
    )
    assert open_batch(payload, ring).block_lines == tuple(group)


# ------------------------------------------------------------------ receipts


def test_a_receipt_ends_the_waiting_and_keeps_the_batch(spool: Spool) -> None:
    store = uuid4()
    for _ in range(4):
        put(spool, profile_rows(1))

    applied = spool.apply_receipt(receipt(spool, (1, 2), (4, 4), store=store))

    assert (applied.covered, applied.new_store, applied.ignored) == (3, False, "")
    assert [spooled.seq for spooled in spool.due(9)] == [3]
    assert spool.get(1) is not None
    assert spool.apply_receipt(receipt(spool, (1, 2), store=store)).covered == 0


def test_a_receipt_for_another_stream_is_ignored(spool: Spool) -> None:
    put(spool, profile_rows(1))
    applied = spool.apply_receipt(receipt(spool, (1, 1), store=uuid4(), stream=uuid4()))
    assert applied.ignored == "another stream"
    assert spool.pending().total == 1


def test_a_new_store_makes_all_else_wait_again(spool: Spool) -> None:
    old, new = uuid4(), uuid4()
    for _ in range(4):
        put(spool, profile_rows(1))
    spool.apply_receipt(receipt(spool, (1, 3), store=old))

    applied = spool.apply_receipt(receipt(spool, (2, 2), store=new, at=NOW + timedelta(minutes=1)))

    assert applied.new_store
    assert [spooled.seq for spooled in spool.due(9)] == [4, 3, 1]
    late = receipt(spool, (1, 4), store=old, at=NOW + timedelta(seconds=1))
    assert spool.apply_receipt(late).ignored == "an earlier store"
    assert spool.pending().total == 3


def test_a_store_restored_from_backup_is_believed(spool: Spool) -> None:
    old, new = uuid4(), uuid4()
    for _ in range(3):
        put(spool, profile_rows(1))
    spool.apply_receipt(receipt(spool, (1, 3), store=old))
    spool.apply_receipt(receipt(spool, (1, 3), store=new, at=NOW + timedelta(hours=1)))

    applied = spool.apply_receipt(receipt(spool, (1, 1), store=old, at=NOW + timedelta(hours=2)))

    assert applied.new_store
    assert [spooled.seq for spooled in spool.due(9)] == [3, 2]


def test_an_older_copy_goes_on_under_a_new_stream(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    with Spool.open(path) as spool:
        put(spool, profile_rows(1))
        lines = blocks(spool, 1)
        stream, marks = spool.stream, spool.watermarks(METERS[0])
        applied = spool.apply_receipt(receipt(spool, (1, 2), store=uuid4()))
        assert (applied.covered, applied.forked) == (0, True)
        assert spool.pending().total == 1
    with Spool.open(path) as spool:
        assert (spool.set_aside, spool.watermarks(METERS[0])) == (None, marks)
        assert spool.stream != stream
        assert seal(spool) == [2]
        assert blocks(spool, 2) == lines


def test_the_oldest_that_waits_is_sealed_or_gathered(spool: Spool) -> None:
    assert spool.oldest_waiting() is None
    put(spool, profile_rows(1), at=NOW - timedelta(days=2))
    put(spool, profile_rows(1), at=NOW - timedelta(days=1))
    gather(spool, profile_rows(1), at=NOW)
    assert spool.oldest_waiting() == NOW - timedelta(days=2)
    spool.apply_receipt(receipt(spool, (1, 2), store=uuid4()))
    assert spool.oldest_waiting() == NOW


def test_only_what_is_covered_and_old_is_forgotten(spool: Spool) -> None:
    for days in (40, 40, 36, 1):
        put(spool, profile_rows(1), at=NOW - timedelta(days=days))
    spool.apply_receipt(receipt(spool, (2, 4), store=uuid4()))

    assert spool.prune(NOW) == 2

    assert [seq for seq in range(1, 5) if spool.get(seq)] == [1, 4]
    assert put(spool, profile_rows(1)) == [5]


@pytest.mark.parametrize("table", ["observed", "gathered"])
def test_a_table_missing_from_an_earlier_file_is_added(tmp_path: Path, table: str) -> None:
    path = tmp_path / "spool.db"
    with Spool.open(path) as spool:
        stream = spool.stream
        put(spool, profile_rows(3))
        with spool.transaction() as database:
            database.execute(f"DROP TABLE {table}")
    with Spool.open(path) as spool:
        assert (spool.stream, spool.set_aside) == (stream, None)
        assert spool.pending().total == 1
        with spool.reading() as database:
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)  # noqa: S608
        assert put(spool, profile_rows(1)) == [2]
        assert batch(spool, 2).header.previous == batch(spool, 1).header_hash


# ------------------------------------------------------------- a full disk


def test_a_full_spool_drops_the_oldest_and_signs_it(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    with Spool.open(path, max_bytes=400_000) as spool:
        made: list[int] = []
        losses: list[Loss] = []
        for number in range(60):
            seqs, dropped = put_and_lose(spool, profile_rows(1000, T0 + number * 900_000))
            made += seqs
            losses += dropped
            mark = T0 + number * 900_000 + 999 * 900
            assert spool.watermarks(METERS[0]) == {BLOCK_LOAD_PROFILE: mark}
        assert made == list(range(1, len(made) + 1))
        lost = {seq for loss in losses for seq in range(loss.first, loss.last + 1)}
        kept = {seq for seq in made if spool.get(seq)}
        assert kept | lost == set(made)
        assert not kept & lost
        assert max(lost) < min(kept), "the oldest"

        # What waits says all that was lost, though earlier statements of it were dropped too.
        stated = [
            loss
            for spooled in spool.due(999)
            for loss in open_batch(spooled.payload, ring).blocks()
            if isinstance(loss, Loss)
        ]
        assert {seq for loss in stated for seq in range(loss.first, loss.last + 1)} == lost
        assert all(loss.stream == spool.stream for loss in stated)
        hashes = {seq: batch(spool, seq).header_hash for seq in kept}
        for seq in kept - {min(kept)}:
            assert batch(spool, seq).header.previous == hashes[seq - 1]
    with Spool.open(path) as spool:
        assert spool.set_aside is None


def test_covered_batches_give_way_before_uncovered_ones(tmp_path: Path) -> None:
    with Spool.open(tmp_path / "spool.db", max_bytes=400_000) as spool:
        store = uuid4()
        for number in range(30):
            made, losses = put_and_lose(spool, profile_rows(1000, T0 + number * 900_000))
            assert losses == []
            spool.apply_receipt(receipt(spool, (1, made[-1]), store=store))
        assert spool.pending().total == 0


def test_rows_larger_than_the_spool_change_nothing(tmp_path: Path) -> None:
    with Spool.open(tmp_path / "spool.db", max_bytes=400_000) as spool:
        made = put(spool, profile_rows(100))
        marks = spool.watermarks(METERS[0])
        with pytest.raises(SpoolFull, match="is read again later"):
            put(spool, profile_rows(20_000, T0 + 900_000))
        assert spool.watermarks(METERS[0]) == marks
        assert [spooled.seq for spooled in spool.due(9)] == made
        assert batch(spool, made[0]).blocks() == blocks(spool, made[0]), "it states no loss"


def test_a_loss_is_kept_with_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    with Spool.open(path, max_bytes=412_288) as spool:
        number = 0
        losses: tuple[Loss, ...] = ()
        while not losses:
            number += 1
            seal(spool)
            losses = gather(spool, profile_rows(300, T0 + number * 270_000), historical=True)
        last = spool.due(1, skip=range(1, losses[-1].last + 1))[0].seq
        assert last == losses[-1].last + 1, "what is kept begins where the loss ends"
    with Spool.open(path, max_bytes=412_288) as spool:
        made = seal(spool)
        assert batch(spool, made[0]).blocks() == list(losses), "live, before the rows"
        assert [len(block.rows) for block in blocks(spool, made[1])] == [300]


def test_dropping_holds_one_batch_in_memory(spool: Spool) -> None:
    size = 500_000
    with spool.transaction() as database:
        for seq in range(1, 17):
            batches.put(database, Spooled(seq, historical=False, payload=os.urandom(size)), T0)
    tracemalloc.start()
    try:
        with spool.transaction() as database:
            dropped = room.drop_oldest(database, 2)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [(loss.first, loss.last) for loss in dropped] == [(1, 8)]
    assert peak < 4 * size


def test_a_full_spool_seals_what_it_gathered(tmp_path: Path) -> None:
    with Spool.open(tmp_path / "spool.db", max_bytes=416_384) as spool:
        number = 0
        losses: list[Loss] = []
        while not losses:
            number += 1
            _, losses = put_and_lose(spool, profile_rows(300, T0 + number * 270_000))
        sealed: list[bytes] = []
        was_gathered: list[bytes] = []
        dropped = 0
        for _ in range(12):
            for _ in range(120):  # many small lines: their hashes take more than is freed
                number += 1
                gather(spool, profile_rows(1, T0 + number * 900))
            was_gathered += lines(spool)
            made_now = spool.seal(gateway=GATEWAY, key=KEY)
            made = made_now.seqs
            dropped += len(made_now.losses)
            sealed += [line for seq in made for line in batch(spool, seq).block_lines]
        assert dropped, "sealing needs room too"
        assert [line for line in sealed if line in was_gathered] == was_gathered
        stated = {
            seq
            for spooled in spool.due(999)
            for loss in open_batch(spooled.payload, ring).blocks()
            if isinstance(loss, Loss)
            for seq in range(loss.first, loss.last + 1)
        }
        kept = {seq for seq in range(1, made[-1] + 1) if spool.get(seq)}
        assert kept | stated == set(range(1, made[-1] + 1))
        assert not kept & stated


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 5)), max_size=20), st.integers(1, 5))
def test_ranges_are_joined_and_name_all_that_they_named(
    spans: list[tuple[int, int]], limit: int
) -> None:
    ranges = [(first, first + more) for first, more in spans]
    named = {seq for first, last in ranges for seq in range(first, last + 1)}
    assert joined(ranges) == _ranges(named)
    short = joined(ranges, limit)
    assert len(short) <= limit
    assert named <= {seq for first, last in short for seq in range(first, last + 1)}


def test_receipts_make_room_on_a_full_disk(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(8):
        put(spool, profile_rows(1000))
    last = spool.due(1)[0].seq
    full = os.statvfs_result((4096, 4096, 1_000_000, 100, 100, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _path: full)

    marks = spool.watermarks(METERS[0])
    with pytest.raises(SpoolFull):
        put(spool, profile_rows(1000, T0 + 900_000))
    assert spool.watermarks(METERS[0]) == marks
    assert spool.pending().total == last
    assert len(spool.due(99)) == last, "a disk that others filled costs nothing that was kept"

    assert spool.apply_receipt(receipt(spool, (1, last), store=uuid4())).covered == last
    assert put(spool, profile_rows(1000))[0] == last + 1


# ---------------------------------------------------------------- the file


@pytest.mark.parametrize("damage", ["middle", "start", "text"])
def test_a_damaged_file_gives_way_to_a_new_stream(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "spool.db"
    with Spool.open(path) as spool:
        stream = spool.stream
        for _ in range(20):
            put(spool, profile_rows(300))
    data = bytearray(path.read_bytes())
    if damage == "middle":
        for page in range(1, len(data) // 4096):
            data[page * 4096 : page * 4096 + 16] = b"\xff" * 16
    elif damage == "start":
        data[:100] = b"\0" * 100
    else:
        data = bytearray(b"this is no database " * 500)
    path.write_bytes(data)

    with Spool.open(path) as spool:
        assert spool.stream != stream
        assert spool.set_aside is not None
        assert spool.set_aside.name.startswith("spool.db.aside-2")
        assert spool.set_aside.read_bytes() == data
        assert spool.set_aside_because
        assert put(spool, profile_rows(1)) == [1]


@pytest.mark.parametrize(("place", "damage"), [(47, b"\xff"), (None, b"CREATE \x95ABLE")])
def test_a_head_that_sqlite_cannot_read_is_damage(
    tmp_path: Path, place: int | None, damage: bytes
) -> None:
    """Of the one it knows no such format, of the other it cannot even decode its own complaint."""
    path = tmp_path / "spool.db"
    Spool.open(path).close()
    data = bytearray(path.read_bytes())
    first = data.index(b"CREATE TABLE") if place is None else place
    data[first : first + len(damage)] = damage
    path.write_bytes(data)
    with pytest.raises(SpoolError, match="the next start sets it aside"):
        inspect(path)
    with Spool.open(path) as spool:
        assert spool.set_aside_because


def test_a_look_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    assert inspect(path) is State.NEW
    assert list(tmp_path.iterdir()) == []
    with Spool.open(path) as spool:
        put(spool, profile_rows(1))
        assert inspect(path) is State.IN_USE
        shutil.copytree(tmp_path, tmp_path / "crashed")
    crashed = tmp_path / "crashed" / "spool.db"
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    assert inspect(path) is State.SOUND
    assert inspect(crashed) is State.NOT_CLOSED
    assert before == {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    with pytest.raises(ConfigurationError, match="the spool's folder"):
        inspect(tmp_path / "nowhere" / "spool.db")


def test_a_look_leaves_a_damaged_file_to_the_start(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    with Spool.open(path) as spool:
        put(spool, profile_rows(300))
    path.write_bytes(b"this is no database " * 500)
    with pytest.raises(SpoolError, match="the next start sets it aside"):
        inspect(path)
    with Spool.open(path) as spool:
        assert spool.set_aside is not None


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE theirs (x)")
    database.close()
    before = path.read_bytes()
    for look in (inspect, Spool.open):
        with pytest.raises(ConfigurationError, match="another program's database"):
            look(path)
    assert path.read_bytes() == before


def test_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    Spool.open(path).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    assert database.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    database.close()
    with pytest.raises(ConfigurationError, match="version 99"):
        Spool.open(path)


def test_a_second_agent_is_refused(spool: Spool) -> None:
    with pytest.raises(ConfigurationError, match="another edge-agent uses the spool"):
        Spool.open(spool.path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nowhere"):
        Spool.open(tmp_path / "nowhere" / "spool.db")


def test_others_may_not_read_the_spool(spool: Spool) -> None:
    put(spool, profile_rows(1))
    for file in spool.path.parent.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file


def test_the_meter_of_an_address_is_remembered(tmp_path: Path) -> None:
    with Spool.open(tmp_path / "spool.db") as spool:
        assert spool.known_meter("riser-1", 17) is None
        spool.remember_meter(METERS[0], "riser-1", 17)
        spool.remember_meter(METERS[1], "riser-1", 17, 2)
    with Spool.open(tmp_path / "spool.db") as spool:
        assert spool.known_meter("riser-1", 17) == METERS[0]
        assert spool.known_meter("riser-1", 17, 2) == METERS[1]
        spool.remember_meter(METERS[2], "riser-1", 17)
        assert spool.known_meter("riser-1", 17) == METERS[2]


def test_buses_append_while_others_seal_and_publish(spool: Spool) -> None:
    stop = threading.Event()
    failures: list[BaseException] = []

    def publish() -> None:
        store = uuid4()
        try:
            while not stop.is_set():
                for spooled in spool.due(32):
                    open_batch(spooled.payload, ring)
                    spool.apply_receipt(receipt(spool, (spooled.seq, spooled.seq), store=store))
        except BaseException as error:
            failures.append(error)

    def poll(meter: MeterId) -> None:
        try:
            for index in range(40):
                gather(spool, profile_rows(1, T0 + index * 900), meter=meter)
                if index % 7 == 0:
                    seal(spool)
        except BaseException as error:
            failures.append(error)

    reader = threading.Thread(target=publish)
    pollers = [threading.Thread(target=poll, args=(meter,)) for meter in METERS]
    for thread in (reader, *pollers):
        thread.start()
    for thread in pollers:
        thread.join()
    stop.set()
    reader.join()

    seal(spool)

    assert not failures
    last = max(spooled.seq for spooled in spool.due(999))
    sent = [block for seq in range(1, last + 1) for block in blocks(spool, seq)]
    for meter in METERS:
        times = [block.rows[0][0] for block in sent if block.meter == meter]
        assert times == [T0 + index * 900 for index in range(40)]
    hashes = [batch(spool, seq).header_hash for seq in range(1, last + 1)]
    assert [batch(spool, seq).header.previous for seq in range(2, last + 1)] == hashes[:-1]


# ------------------------------------------------------------- any sequence


def _ranges(seqs: set[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for seq in sorted(seqs):
        if found and seq == found[-1][1] + 1:
            found[-1] = (found[-1][0], seq)
        else:
            found.append((seq, seq))
    return found


class AnySequence(RuleBasedStateMachine):
    """A spool beside plain sets that say what must be so; a day passes with each step."""

    stores = (uuid4(), uuid4())

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.spool = Spool.open(Path(self.folder.name) / "spool.db")
        self.now = NOW
        self.made = 0
        self.chain: dict[int, tuple[str | None, str]] = {}
        self.covered: set[int] = set()
        self.ever_covered: set[int] = set()
        self.store: int | None = None
        self.rows: dict[int, list[int]] = {}
        self.gathered: dict[bool, list[tuple[int, int]]] = {False: [], True: []}
        """Of each kind what waits to be sealed, in order: meter and time of each row."""

    def teardown(self) -> None:
        self.spool.close()
        self.folder.cleanup()

    @rule(
        meter=st.integers(0, 2),
        count=st.one_of(st.integers(0, 4), st.sampled_from([900, 2600])),
        historical=st.booleans(),
    )
    def append(self, meter: int, count: int, *, historical: bool) -> None:
        known = self.rows.setdefault(meter, [])
        part = profile_rows(count, (known[-1] if known else T0) + 900)
        gather(self.spool, part, meter=METERS[meter], historical=historical, at=self.now)
        times = [int(row[0] or 0) for row in part.rows]
        known += times
        self.gathered[historical] += [(meter, each) for each in times]

    @rule()
    def seal(self) -> None:
        made = seal(self.spool)
        assert made == list(range(self.made + 1, self.made + 1 + len(made)))
        self.made += len(made)
        sent: dict[bool, list[tuple[int, int]]] = {False: [], True: []}
        kinds = []
        for seq in made:
            sealed = batch(self.spool, seq)
            self.chain[seq] = (sealed.header.previous, sealed.header_hash)
            kinds.append(sealed.header.historical)
            sent[sealed.header.historical] += [
                (METERS.index(block.meter), int(row[0] or 0))
                for block in blocks(self.spool, seq)
                for row in block.rows
            ]
        assert sent == self.gathered
        assert kinds == sorted(kinds), "live before back-fill"
        self.gathered = {False: [], True: []}

    @rule(
        spans=st.lists(st.tuples(st.integers(1, 30), st.integers(0, 6)), max_size=3),
        store=st.integers(0, 1),
    )
    def receive(self, spans: list[tuple[int, int]], store: int) -> None:
        """Take a receipt of ranges, cut to what was made."""
        spanned = {seq for first, more in spans for seq in range(first, first + more + 1)}
        seqs = {seq for seq in spanned if seq <= self.made}
        word = receipt(self.spool, *_ranges(seqs), store=self.stores[store], at=self.now)
        applied = self.spool.apply_receipt(word)
        assert applied.new_store == (self.store not in {None, store})
        if applied.new_store:
            self.covered = set()
        self.store = store
        self.covered |= seqs
        self.ever_covered |= seqs

    @rule()
    def restart(self) -> None:
        self.spool.close()
        self.spool = Spool.open(self.spool.path)
        assert self.spool.set_aside is None

    @rule(days=st.integers(0, 60))
    def prune(self, days: int) -> None:
        self.spool.prune(self.now, timedelta(days=days))

    @invariant()
    def a_day_passes(self) -> None:
        self.now += timedelta(days=1)

    @invariant()
    def nothing_uncovered_is_forgotten(self) -> None:
        due = {spooled.seq for spooled in self.spool.due(10_000)}
        kept = {seq for seq in range(1, self.made + 1) if self.spool.get(seq) is not None}
        assert due == kept - self.covered
        waiting = len(due) + sum(map(bool, self.gathered.values()))
        assert self.spool.pending().total == waiting
        assert set(range(1, self.made + 1)) - self.ever_covered <= kept

    @invariant()
    def what_waits_is_one_chain(self) -> None:
        for spooled in self.spool.due(10_000):
            assert len(spooled.payload) <= MAX_BATCH_BYTES
            sealed = open_batch(spooled.payload, ring)
            assert (sealed.header.previous, sealed.header_hash) == self.chain[spooled.seq]
            before = self.chain[spooled.seq - 1][1] if spooled.seq > 1 else None
            assert sealed.header.previous == before

    @invariant()
    def watermarks_stand_at_the_last_row(self) -> None:
        for meter, rows in self.rows.items():
            mark = self.spool.watermarks(METERS[meter]).get(BLOCK_LOAD_PROFILE)
            assert mark == (rows[-1] if rows else None)


TestAnySequence = pytest.mark.slow(AnySequence.TestCase)
TestAnySequence.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


# -------------------------------------------------------------------- kills


def test_a_kill_at_any_statement_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    copies: list[Path] = []
    with Spool.open(path) as spool:
        put(spool, profile_rows(3))
        gather(spool, profile_rows(2), meter=METERS[1], historical=True)

        def copy(_statement: str) -> None:
            target = tmp_path / f"killed-{len(copies)}"
            target.mkdir()
            for suffix in ("", "-wal"):
                shutil.copy(f"{path}{suffix}", target / f"spool.db{suffix}")
            copies.append(target / "spool.db")

        with spool.reading() as database:
            database.set_trace_callback(copy)
        gather(
            spool,
            profile_rows(2500, T0 + 2700),
            profile_rows(2, profile=DAILY_LOAD_PROFILE),
        )
        waiting = lines(spool)
        made = seal(spool)
        with spool.reading() as database:
            database.set_trace_callback(None)
        copy("")
        assert len(made) > 2

    outcomes = set()
    for killed in copies:
        with Spool.open(killed) as spool:
            assert spool.set_aside is None
            marks = spool.watermarks(METERS[0])
            before = len(spool.due(99))
            later = seal(spool)
            sealed = [line for seq in (later or made) for line in batch(spool, seq).block_lines]
            seqs = sorted(spooled.seq for spooled in spool.due(99))
            assert seqs == list(range(1, len(seqs) + 1))
            hashes = [batch(spool, seq).header_hash for seq in seqs]
            assert [batch(spool, seq).header.previous for seq in seqs] == [None, *hashes[:-1]]
            if len(marks) > 1:
                assert sealed == waiting, "the bytes that were gathered"
            else:
                assert sealed == waiting[-1:], "what was there before"
            assert lines(spool) == []
            outcomes.add((before, len(later), len(marks)))
    assert outcomes == {
        (1, 1, 1),  # before the poll is kept
        (1, len(made), 2),  # gathered
        (1 + len(made), 0, 2),  # sealed
    }
    assert len(copies) > 15
