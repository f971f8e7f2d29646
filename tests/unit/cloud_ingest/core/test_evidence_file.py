# SPDX-License-Identifier: MIT
"""The lines of a month of evidence are read back as they were written, or refused."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.evidence_file import (
    Archived,
    ArchivedKey,
    ArchiveFacts,
    ArchiveHead,
    ArchiveReader,
    archive_lines,
)
from cloud_ingest.errors import ArchiveSpoilt
from shared_schema.readings import open_batch
from shared_schema.signing import fingerprint, generate_key, key_id, raw_public_key
from tests.support.gateway import Sealer, block_line

AT = datetime(2026, 7, 1, tzinfo=UTC)
KEY = generate_key()
PUBLIC = KEY.public_key()
HEAD = ArchiveHead(
    store=UUID(int=4),
    zone="Asia/Kolkata",
    month="2026-07",
    made_at=AT,
    keys=(
        ArchivedKey(
            gateway="gw-a",
            key=key_id(PUBLIC),
            public_key=raw_public_key(PUBLIC).hex(),
            enrolled_at=AT,
        ),
    ),
)


def sealed(sizes: Sequence[int], sealer: Sealer | None = None) -> list[Archived]:
    sealer = sealer or Sealer("gw-a", KEY)
    return [
        Archived(
            number,
            AT + timedelta(minutes=number),
            open_batch(
                sealer.seal(*(block_line(f"S-{n}", [(AT, n)]) for n in range(size))),
                lambda *_: PUBLIC,
            ),
        )
        for number, size in enumerate(sizes, 1)
    ]


def read(lines: Sequence[bytes]) -> tuple[list[Archived], ArchiveFacts]:
    reader = ArchiveReader(lines)
    return list(reader.batches()), reader.facts


@given(st.lists(st.integers(1, 4), max_size=4))
def test_lines_are_read_back_as_they_were_written(sizes: list[int]) -> None:
    batches = sealed(sizes)
    again, facts = read(list(archive_lines(HEAD, batches)))
    assert again == batches
    assert (facts.head, facts.batches, facts.broken_links) == (HEAD, len(sizes), 0)
    assert facts.by_key == ({fingerprint(PUBLIC): len(sizes)} if sizes else {})


TEXT = b"\n".join(archive_lines(HEAD, sealed([1, 2])))


@given(st.integers(0, len(TEXT) - 1), st.integers(0, 7))
def test_every_bit_that_turns_is_told(place: int, bit: int) -> None:
    spoilt = bytearray(TEXT)
    spoilt[place] ^= 1 << bit
    with pytest.raises(ArchiveSpoilt):
        read(bytes(spoilt).split(b"\n"))


@given(st.integers(0, TEXT.count(b"\n")))
def test_every_line_that_is_missing_is_told(missing: int) -> None:
    lines = TEXT.split(b"\n")
    with pytest.raises(ArchiveSpoilt):
        read(lines[:missing] + lines[missing + 1 :])


def test_a_link_that_does_not_hold_is_counted() -> None:
    first, second = Sealer("gw-a", KEY), Sealer("gw-a", KEY)
    second.stream = first.stream
    (one, _), (_, other) = sealed([1, 1], first), sealed([1, 1], second)
    _, facts = read(list(archive_lines(HEAD, [one, other])))
    assert facts.broken_links == 1
    _, facts = read(list(archive_lines(HEAD, [other])))
    assert facts.broken_links == 0
