# SPDX-License-Identifier: GPL-2.0-only
"""A key and a spool on two machines: each forgets only what is stored as it sent it."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.decode.rows import MeterRows
from edge_agent.spool import unsealed
from edge_agent.spool.receipts import Applied
from edge_agent.spool.spool import Spool
from shared_schema.catalogue import ACTIVE_IMPORT, BLOCK_LOAD_PROFILE, Unit
from shared_schema.gateway import Receipt
from shared_schema.message import MeterId
from shared_schema.readings import Column, line_hash, open_batch
from shared_schema.signing import generate_key, key_id

GATEWAY, KEY = "gw-a", generate_key()
METER = MeterId(manufacturer="M", serial="1")
NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
COLUMNS = (Column(obis=ACTIVE_IMPORT, scaler=0, unit=Unit.WATT_HOUR),)


@dataclass
class Store:
    """The cloud's evidence: of each number the first batch that came, and what receipts say."""

    id: UUID = field(default_factory=uuid4)
    streams: dict[UUID, dict[int, bytes]] = field(default_factory=dict)
    says_heads: bool = True

    def take(self, payload: bytes) -> None:
        header = open_batch(payload, lambda *_: KEY.public_key()).header
        self.streams.setdefault(header.stream, {}).setdefault(header.seq, payload)

    def lines(self) -> set[bytes]:
        return {
            line
            for stored in self.streams.values()
            for payload in stored.values()
            for line in payload.split(b"\n")[1:-1]
        }

    def receipt(self, stream: UUID) -> Receipt | None:
        stored = self.streams.get(stream)
        if not stored:
            return None
        headers = {n: payload.partition(b"\n")[0] for n, payload in stored.items()}
        previous = {
            n: open_batch(payload, lambda *_: KEY.public_key()).header.previous
            for n, payload in stored.items()
        }
        ranges: list[tuple[int, int]] = []
        heads: dict[int, str] = {}
        for seq in sorted(stored):
            if ranges and ranges[-1][1] == seq - 1:
                ranges[-1] = (ranges[-1][0], seq)
                if previous[seq] == line_hash(headers[seq - 1]):
                    del heads[seq - 1]
            else:
                ranges.append((seq, seq))
            heads[seq] = line_hash(headers[seq])
        return Receipt(
            gateway=GATEWAY,
            key=key_id(KEY.public_key()),
            store=self.id,
            stream=stream,
            ranges=tuple(ranges),
            heads=tuple(sorted(heads.items())) if self.says_heads else (),
            at=NOW,
        )


def gather(spool: Spool, minute: int, *, historical: bool = False) -> None:
    row = (int((NOW + timedelta(minutes=minute)).timestamp()), None, minute)
    rows = MeterRows(profile=BLOCK_LOAD_PROFILE, period_s=900, columns=COLUMNS, rows=(row,))
    spool.append(METER, [rows], watermarks={}, at=NOW, historical=historical)


def seal(spool: Spool) -> set[bytes]:
    made = spool.seal(gateway=GATEWAY, key=KEY).seqs
    kept = [spooled for seq in made if (spooled := spool.get(seq))]
    return {line for spooled in kept for line in spooled.payload.split(b"\n")[1:-1]}


def hear(spool: Spool, store: Store) -> Applied:
    receipt = store.receipt(spool.stream)
    return Applied() if receipt is None else spool.apply_receipt(receipt)


@contextmanager
def cloned(together: int) -> Iterator[tuple[Spool, Spool]]:
    """Yield a spool with some batches, and its copy on another machine."""
    with TemporaryDirectory() as name, ExitStack() as stack:
        path, copy = Path(name) / "spool.db", Path(name) / "copy.db"
        with Spool.open(path) as spool:
            for minute in range(together):
                gather(spool, minute)
                seal(spool)
        shutil.copy(path, copy)
        yield stack.enter_context(Spool.open(path)), stack.enter_context(Spool.open(copy))


acts = st.lists(
    st.tuples(st.sampled_from(["read", "back-fill", "send", "hear"]), st.integers(0, 1)),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(together=st.integers(0, 3), acts=acts)
def test_nobody_forgets_what_is_not_stored_as_sent(
    together: int, acts: list[tuple[str, int]]
) -> None:
    store, made = Store(), set[bytes]()
    with cloned(together) as spools:
        for spool in spools:
            for each in spool.due(99):
                made |= set(each.payload.split(b"\n")[1:-1])
        for minute, (act, which) in enumerate(acts, start=100):
            spool = spools[which]
            if act == "send":
                for each in spool.due(2):
                    store.take(each.payload)
            elif act == "hear":
                hear(spool, store)
            else:
                gather(spool, minute, historical=act == "back-fill")
                made |= seal(spool)
        for _ in range(4):
            for spool in spools:
                seal(spool)
                for each in spool.due(99):
                    store.take(each.payload)
                hear(spool, store)
        assert [spool.pending().total for spool in spools] == [0, 0]
    assert made <= store.lines()


def test_the_original_sends_again_what_the_clone_took_the_numbers_of() -> None:
    store = Store()
    with cloned(together=2) as (original, clone):
        for spool, minute in ((clone, 50), (original, 60)):
            gather(spool, minute)
            seal(spool)
        for each in (*clone.due(9), *original.due(9)):
            store.take(each.payload)
        assert hear(clone, store) == Applied(covered=3)
        stream = original.stream
        assert hear(original, store) == Applied(covered=0, forked=True)
        assert original.stream != stream
        assert seal(original)
        (again,) = original.due(9)
        assert again.seq == 4
        store.take(again.payload)
        assert hear(original, store) == Applied(covered=1)


def test_a_receipt_without_hashes_is_believed_as_before() -> None:
    store = Store(says_heads=False)
    with cloned(together=2) as (spool, _clone):
        for each in spool.due(9):
            store.take(each.payload)
        assert hear(spool, store) == Applied(covered=2)


def test_a_backlog_is_sealed_again_piece_by_piece() -> None:
    with cloned(together=0) as (spool, clone):
        for minute in range(unsealed.MOST_LINES + 3):
            gather(spool, minute, historical=True)
        made = seal(spool)
        assert len(made) == unsealed.MOST_LINES
        made |= seal(spool)
        assert len(made) == unsealed.MOST_LINES + 3
        gather(clone, 0)
        seal(clone)
        store = Store()
        store.take(clone.due(1)[0].payload)
        assert hear(spool, store).forked
        assert seal(spool) | seal(spool) == made
