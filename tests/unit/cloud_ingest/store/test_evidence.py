# SPDX-License-Identifier: MIT
"""The evidence of a batch goes in and comes out as the bytes that were sent."""

import tracemalloc
import zlib
from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from cloud_ingest.store.evidence import is_short, pack, payload, shorten, unpack
from shared_schema.readings import MAX_BATCH_BYTES, Batch, line_hash, open_batch
from shared_schema.signing import sign_line
from tests.support.gateway import Sealer, block_line

START = datetime(2026, 7, 1, tzinfo=UTC)
BLOCKS = st.lists(
    st.builds(
        lambda serial, raws: block_line(
            serial, [(START + timedelta(minutes=15 * n), raw) for n, raw in enumerate(raws)]
        ),
        st.text(min_size=1, max_size=12, alphabet="ABCxyz0189-_/ "),
        st.lists(st.integers(0, 2**62), min_size=1, max_size=40),
    ),
    min_size=1,
    max_size=5,
)


def sealed(blocks: list[bytes]) -> tuple[bytes, Batch]:
    gateway = Sealer("gw-a")
    sent = gateway.seal(*blocks)
    return sent, open_batch(sent, lambda _gateway, _key: gateway.key.public_key())


def is_a_batch(evidence: bytes) -> bool:
    try:
        unpack(evidence)
    except ValueError:
        return False
    return True


@given(BLOCKS)
def test_bytes_are_equal_after_the_way_there_and_back(blocks: list[bytes]) -> None:
    sent, batch = sealed(blocks)
    kept = pack(batch)
    assert kept[:1] != b"{"
    again = unpack(kept)
    assert payload(again) == sent
    assert (again.header, again.header_line) == (batch.header, batch.header_line)
    assert again.block_lines == batch.block_lines
    assert again.signature_line == batch.signature_line


def test_a_header_with_foreign_blocks_is_kept_plain() -> None:
    gateway = Sealer("gw-a")
    sent = gateway.seal(block_line("1", [(START, 1)]))
    header, block, _signature = sent.split(b"\n")
    odd = header.replace(b'{"schema"', b'{"later":{"blocks":[]},"schema"', 1)
    signed = b"\n".join((odd, block, sign_line(odd, gateway.key)))
    batch = open_batch(signed, lambda _gateway, _key: gateway.key.public_key())
    assert payload(unpack(pack(batch))) == signed


@given(BLOCKS)
def test_evidence_kept_plain_is_read(blocks: list[bytes]) -> None:
    sent, _batch = sealed(blocks)
    assert sent[:1] == b"{"
    assert payload(unpack(sent)) == sent


@given(st.binary(max_size=300) | st.binary(max_size=300).map(zlib.compress))
@example(b"")
@example(b"{")
@example(b"{}\n{}")
@example(zlib.compress(b""))
@example(zlib.compress(b"{}"))
@example(zlib.compress(b"{}\n\n"))
@example(zlib.compress(b"[]\n" * 9))
def test_garbage_is_a_value_error(evidence: bytes) -> None:
    assert not is_a_batch(evidence)


def test_cut_or_lengthened_evidence_is_a_value_error() -> None:
    sent, batch = sealed([block_line("1", [(START, 1)])])
    kept = pack(batch)
    assert is_a_batch(kept)
    assert [length for length in range(len(kept)) if is_a_batch(kept[:length])] == []
    assert not is_a_batch(kept + b"more")
    assert not is_a_batch(zlib.compress(sent)[:-1])


def test_decompression_is_bounded() -> None:
    sent, _batch = sealed([block_line("1", [(START, 1)])])
    header, *_ = sent.split(b"\n")
    bomb = zlib.compress(header + b"\n" + b"0" * (64 * MAX_BATCH_BYTES), 9)
    tracemalloc.start()
    try:
        assert not is_a_batch(bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * MAX_BATCH_BYTES


@given(BLOCKS, st.sets(st.integers(0, 4)))
def test_a_shortened_batch_holds_by_its_header(blocks: list[bytes], keep: set[int]) -> None:
    _sent, batch = sealed(blocks)
    short = shorten(batch, keep)
    again = unpack(short)
    assert is_short(short)
    assert not is_short(pack(batch))
    assert (again.header_line, again.signature_line) == (batch.header_line, batch.signature_line)
    for place, line in enumerate(again.block_lines):
        assert line == (blocks[place] if place in keep else b"")
        assert not line or line_hash(line) == again.header.blocks[place]
