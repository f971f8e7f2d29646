# SPDX-License-Identifier: MIT
"""The file of a month of evidence: lines that verify without the store.

Its first line says of which store and month it is, and which keys its gateways had. Then come the
batches: a line about each, and its own lines as they were sent. The last line says how many they
are, and the SHA-256 of all before it.

In: batches, or lines of a file. Out: lines, or batches whose signature and hashes hold. Never: a
batch that does not hold. Pure.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import Field

from cloud_ingest.errors import ArchiveSpoilt
from shared_schema.errors import ContractError
from shared_schema.message import GatewayName, KeyId, Message, Part, Sha256, UtcDatetime
from shared_schema.readings import Batch, open_batch
from shared_schema.signing import fingerprint

LONGEST_HEAD = 64 * 1024 * 1024
"""Bytes of the first line: with a hundred thousand gateways it has some twenty million."""


class ArchivedKey(Part):
    """A key that a gateway had."""

    gateway: GatewayName
    key: KeyId
    public_key: str = Field(pattern=r"^[0-9a-f]{64}$")
    enrolled_at: UtcDatetime


class ArchiveHead(Message):
    """The first line: what the file is of."""

    SCHEMA: ClassVar[str] = "metering.evidence/1"

    store: UUID
    zone: str
    month: str = Field(pattern=r"^[0-9]{4}-[0-9]{2}$")
    """Of receipt, in the society's zone."""
    made_at: UtcDatetime
    keys: tuple[ArchivedKey, ...]


class _About(Part):
    """The line before the lines of a batch."""

    batch: int = Field(ge=1)
    received_at: UtcDatetime
    lines: int = Field(ge=3, le=1026)


class _Tail(Part):
    """The last line."""

    batches: int = Field(ge=0)
    sha256: Sha256


class Archived(NamedTuple):
    """A batch of the file."""

    batch_id: int
    received_at: UtcDatetime
    batch: Batch


@dataclass
class ArchiveFacts:
    """What a file said, once it was read to its end."""

    head: ArchiveHead
    batches: int = 0
    by_key: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """How many batches each key signed, by its fingerprint."""
    broken_links: int = 0
    """Batches that name another predecessor than the one that is in the file."""
    sha256: str = ""
    """Of all lines but the last."""


def archive_lines(head: ArchiveHead, batches: Iterable[Archived]) -> Iterator[bytes]:
    """Give the lines of a file, each without its newline; the last one ends it."""
    digest = hashlib.sha256()
    count = 0

    def told(line: bytes) -> bytes:
        digest.update(line + b"\n")
        return line

    yield told(head.to_line())
    for batch_id, received_at, batch in batches:
        lines = (batch.header_line, *batch.block_lines, batch.signature_line)
        about = _About(batch=batch_id, received_at=received_at, lines=len(lines))
        yield from map(told, (about.to_line(), *lines))
        count += 1
    yield _Tail(batches=count, sha256=digest.hexdigest()).to_line()


class ArchiveReader:
    """Reads a file line by line, and holds each batch against its signature and hashes."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        """Begin to read.

        Args:
            lines: Those of the file, without their newlines.

        Raises:
            ArchiveSpoilt: the first is not that of such a file.
        """
        self._lines = enumerate(lines, 1)
        self._digest = hashlib.sha256()
        number, line = self._next()
        with _spoilt(number):
            head = ArchiveHead.from_line(line)
            self._keys = {
                (each.gateway, each.key): Ed25519PublicKey.from_public_bytes(
                    bytes.fromhex(each.public_key)
                )
                for each in head.keys
            }
        self.facts = ArchiveFacts(head)

    def batches(self) -> Iterator[Archived]:
        """Give each batch, in the order of gateways; behind the last the facts are complete.

        Raises:
            ArchiveSpoilt: a line is not what it was, or is missing.
        """
        chain = _Chain()
        while True:
            number, line = self._next(counts=False)
            if line.startswith(b'{"batches"'):
                self._end(number, line)
                self.facts.broken_links = chain.broken_so_far()
                return
            with _spoilt(number):
                self._digest.update(line + b"\n")
                about = _About.from_line(line)
                payload = b"\n".join(self._next()[1] for _ in range(about.lines))
                batch = open_batch(payload, lambda gateway, key: self._keys.get((gateway, key)))
            chain.add(batch)
            self.facts.batches += 1
            header = batch.header
            self.facts.by_key[fingerprint(self._keys[header.gateway, header.key])] += 1
            yield Archived(about.batch, about.received_at, batch)

    def _next(self, *, counts: bool = True) -> tuple[int, bytes]:
        number, line = next(self._lines, (0, b""))
        if not number:
            raise ArchiveSpoilt("the file is cut: its last line is missing")
        if counts:
            self._digest.update(line + b"\n")
        return number, line

    def _end(self, number: int, line: bytes) -> None:
        with _spoilt(number):
            tail = _Tail.from_line(line)
        if tail.batches != self.facts.batches or tail.sha256 != self._digest.hexdigest():
            raise ArchiveSpoilt(f"line {number}: the file is not the one that was written")
        if next(self._lines, None) is not None:
            raise ArchiveSpoilt(f"line {number + 1}: something follows the end of the file")
        self.facts.sha256 = tail.sha256


class _Chain:
    """The links between the batches of one gateway after another."""

    def __init__(self) -> None:
        self._gateway = ""
        self._hashes: dict[tuple[UUID, int], set[str]] = defaultdict(set)
        self._previous: list[tuple[UUID, int, str]] = []
        self._broken = 0

    def add(self, batch: Batch) -> None:
        header = batch.header
        if header.gateway != self._gateway:
            self._broken = self.broken_so_far()
            self._gateway = header.gateway
            self._hashes.clear()
            self._previous.clear()
        self._hashes[header.stream, header.seq].add(batch.header_hash)
        if header.previous is not None:
            self._previous.append((header.stream, header.seq - 1, header.previous))

    def broken_so_far(self) -> int:
        return self._broken + sum(
            (stream, seq) in self._hashes and previous not in self._hashes[stream, seq]
            for stream, seq, previous in self._previous
        )


@contextmanager
def _spoilt(number: int) -> Iterator[None]:
    """Turn an error of the contract into one that names the line."""
    try:
        yield
    except ContractError as error:
        raise ArchiveSpoilt(f"line {number}: {error}") from None
