# SPDX-License-Identifier: MIT
"""Months of evidence as files: written, held against their signatures, put back.

A file is lines, compressed by xz (`cloud_ingest.core.evidence_file`). It is written beside its
name, read back and held to the last signature, and gets its name then: a file that has its name is
whole. The store notes the SHA-256 of its lines.

In: a month, a folder, a file. Out: what the file says. Never: a file that is overwritten, a batch
put back that the store does not know by its hash.
"""

import lzma
import os
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from cloud_ingest.core.evidence_file import (
    LONGEST_HEAD,
    Archived,
    ArchivedKey,
    ArchiveFacts,
    ArchiveHead,
    ArchiveReader,
    archive_lines,
)
from cloud_ingest.core.month import Month, parse_month
from cloud_ingest.errors import ArchiveRefused, ArchiveSpoilt, UserError
from cloud_ingest.store.channels import StoreCache
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.evidence import is_short, pack, unpack
from cloud_ingest.store.evidence_months import (
    Kept,
    begin_anew,
    kept_after,
    known_batches,
    make_evidence_months,
    month_states,
    note_archive,
    put_whole,
    waits_to_move,
    write_anew,
)
from cloud_ingest.store.locks import Lock, advisory_lock
from cloud_ingest.store.migrate import Store, open_store
from cloud_ingest.store.proved import enrolled_keys
from cloud_ingest.store.registry import gateway_names
from shared_schema.readings import MAX_BATCH_BYTES

PIECE = 500
PRESET = 4
"""Of xz: a third smaller than gzip, in half the time of its own usual 6."""

XZ_END = b"YZ"
"""The last bytes of a file of xz."""


class Restored(NamedTuple):
    """What a restored file brought."""

    facts: ArchiveFacts
    unknown: int
    """Batches of the file that this store does not have: they are left out."""
    short: int
    """Batches of the month that the file does not have, and of which borders alone are here."""


def archive(
    conn: Connection, month_text: str, folder: Path, now: datetime
) -> tuple[Path, ArchiveFacts]:
    """Write a month of evidence into a new file of a folder.

    Raises:
        ArchiveRefused: the month is not over, is short, or has evidence that is not moved yet.
        UserError: the file is there already, or cannot be written.
    """
    store = open_store(conn)
    month = parse_month(month_text, store.zone)
    path = folder / f"evidence-{month}.jsonl.xz"
    with advisory_lock(conn, Lock.EVIDENCE):  # one file at a time, of a month that nobody shortens
        _require_whole(conn, month, now)
        if path.exists():
            raise UserError(f"{path} is there already: name another folder, or move it away")
        facts = _write_whole(
            path, archive_lines(_head(conn, store, month, now), _batches(conn, month))
        )
        note_archive(conn, month.first, path.name, facts.sha256, now)
    return path, facts


def _head(conn: Connection, store: Store, month: Month, now: datetime) -> ArchiveHead:
    return ArchiveHead(
        store=store.store_id,
        zone=store.zone.key,
        month=str(month),
        made_at=now,
        keys=tuple(
            ArchivedKey(
                gateway=each.gateway,
                key=each.key_id,
                public_key=each.public_key.hex(),
                enrolled_at=each.enrolled_at,
            )
            for each in enrolled_keys(conn, gateway_names(conn))
        ),
    )


def _write_whole(path: Path, lines: Iterator[bytes]) -> ArchiveFacts:
    """Write a file beside its name, hold it to its last signature, and give it its name."""
    beside = path.with_suffix(".part")
    try:
        _write(beside, lines)
        facts = verify(beside)
        beside.rename(path)
        _keep_name(path.parent)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None
    finally:
        beside.unlink(missing_ok=True)
    return facts


def verify(path: Path) -> ArchiveFacts:
    """Read a file to its end and hold every batch against its signature and hashes.

    Raises:
        ArchiveSpoilt: it is not what was written.
        UserError: it cannot be read.
    """
    reader = ArchiveReader(_lines(path))
    for _ in reader.batches():
        pass
    return reader.facts


def restore(conn: Connection, path: Path, now: datetime) -> Restored:
    """Put the batches of a file back that the store has shortened; the owner of the store may.

    Raises:
        ArchiveSpoilt: the file is not what was written; the store is as it was.
        ArchiveRefused: it is of another store, or not the file of which the store knows.
        UserError: it cannot be read.
    """
    store = open_store(conn)
    facts = verify(path)
    month = _month_of_file(conn, store, facts, path)
    reader = ArchiveReader(_lines(path))
    batches = reader.batches()
    unknown = 0
    with advisory_lock(conn, Lock.EVIDENCE):
        make_evidence_months(conn, StoreCache(), [month.start])
        begin_anew(conn, month.first, afresh=True)
        with conn.transaction():  # shortening would go on behind what one that is killed leaves
            while piece := list(islice(batches, PIECE)):
                rows = _known_rows(conn, piece)
                unknown += len(piece) - len(rows)
                write_anew(conn, rows)
            short = put_whole(conn, month, now)
    return Restored(facts, unknown, short)


def _require_whole(conn: Connection, month: Month, now: datetime) -> None:
    if month.end > now:
        raise ArchiveRefused(f"{month} is not over: archive it from {month.end:%Y-%m-%d} on")
    state = next((each for each in month_states(conn) if each.month == month.first), None)
    if waits_to_move(conn, month):
        raise ArchiveRefused(
            f"evidence of {month} is still where an older version kept it: the service moves it by "
            "itself; try again when it has"
        )
    if state is None:
        raise ArchiveRefused(f"nothing was received in {month}: cloud-ingest evidence list")
    if state.shortened_at is not None:
        raise ArchiveRefused(
            f"{month} is short since {state.shortened_at:%Y-%m-%d}: only a file that was written "
            "before has all of it"
        )


def _month_of_file(conn: Connection, store: Store, facts: ArchiveFacts, path: Path) -> Month:
    if facts.head.store != store.store_id and not _noted(conn, facts):
        raise ArchiveRefused(
            f"{path} is of the store {facts.head.store}, not of this one ({store.store_id})"
        )
    return parse_month(facts.head.month, store.zone)


def _noted(conn: Connection, facts: ArchiveFacts) -> bool:
    """Say whether a store that was restored from a backup wrote the file under its former id."""
    sha256 = bytes.fromhex(facts.sha256)
    return any(each.archive_sha256 == sha256 for each in month_states(conn))


def _batches(conn: Connection, month: Month) -> Iterator[Archived]:
    after = None
    while rows := kept_after(conn, month, after, PIECE):
        for row in rows:
            if is_short(row.evidence):
                raise ArchiveRefused(f"batch {row.batch_id} of {month} is short")
            try:
                batch = unpack(row.evidence)
            except ValueError as error:
                raise ArchiveRefused(
                    f"batch {row.batch_id} of {month} is damaged in the store: {error}; "
                    "take its month from a backup"
                ) from None
            yield Archived(row.batch_id, row.received_at, batch)
        after = rows[-1][:3]


def _known_rows(conn: Connection, piece: list[Archived]) -> list[Kept]:
    """Return the batches that the store has, under the keys that it has them by."""
    known = known_batches(conn, [each.batch_id for each in piece])
    rows = []
    for batch_id, _received_at, batch in piece:
        own = known.get(batch_id)
        if own is not None and own.header_hash == bytes.fromhex(batch.header_hash):
            rows.append(Kept(own.gateway_id, own.received_at, batch_id, pack(batch)))
    return rows


def _write(path: Path, lines: Iterator[bytes]) -> None:
    with path.open("wb") as file:
        with lzma.open(file, "wb", preset=PRESET) as packed:
            for line in lines:
                packed.write(line + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _keep_name(folder: Path) -> None:
    """Let a new name in a folder survive a power cut."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _ends_as_xz(path: Path) -> bool:
    """Say whether the last bytes are those of xz: its reader takes no notice of what follows."""
    with path.open("rb") as file:
        file.seek(-len(XZ_END), os.SEEK_END)
        return file.read() == XZ_END


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with lzma.open(path) as file:
            longest = LONGEST_HEAD
            while line := file.readline(longest):
                yield line.removesuffix(b"\n")
                longest = MAX_BATCH_BYTES
        if not _ends_as_xz(path):
            raise ArchiveSpoilt(f"{path}: something follows the end of the file")
    except (EOFError, lzma.LZMAError) as error:
        raise ArchiveSpoilt(f"{path}: {error}") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
