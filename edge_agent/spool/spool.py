# SPDX-License-Identifier: GPL-2.0-only
"""What was read and is not yet stored elsewhere, in a SQLite file: lines gathered, batches sealed.

In: the rows of one poll; receipts of the cloud. Out: sealed batches, the next to send first.
It owns the stream (its id, made with the file; seq; the hash of the header before) and the
identity last seen at each address; `gathered` and `spool_marks` own tables of the same file. A
watermark goes back only where that is said to be meant. Rows and watermark enter in one
transaction, and the rows become batches in another: after a power cut either both are there or
neither is, and nothing is there twice.
Never: a line or batch forgotten that no receipt covers, unless the file has its largest size:
then the oldest batches give way, and a loss that is gathered in the same transaction says which; a
batch made twice; a socket.

What is in flight is not written here: after a restart everything without a receipt is due.
"""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar
from uuid import UUID

from edge_agent.decode.layout import Captured
from edge_agent.errors import SpoolError, SpoolFull
from edge_agent.spool import file, room, unsealed
from edge_agent.spool import watermarks as module
from edge_agent.spool.blocks import lines_of, observed_line
from edge_agent.spool.watermarks import Moved, Noted
from shared_schema.gateway import Receipt
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from shared_schema.readings import Loss
from shared_schema.signing import SigningKey

if TYPE_CHECKING:
    from edge_agent.decode.rows import MeterRows

KEEP = timedelta(days=35)
MAX_BYTES = 2 * 1024**3
_FORGET_BATCHES = 256
_ROOM_BATCHES = (256, 32, 4)
_DROP_PARTS = (64, 8, 2)
"""One in so many of what waits is dropped at once, more where that makes no room."""
_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class Spooled:
    """One batch as it is sent."""

    seq: int
    historical: bool
    payload: bytes


@dataclass(frozen=True, slots=True)
class Pending:
    """How many batches no receipt of the present store covers.

    What is gathered counts as the batch that it will be, live and backlog apart.
    """

    live: int
    backlog: int

    @property
    def total(self) -> int:
        """Live and backlog together."""
        return self.live + self.backlog


@dataclass(frozen=True, slots=True)
class Applied:
    """What a receipt changed."""

    covered: int = 0
    """Batches that were waiting and are stored now."""
    new_store: bool = False
    """Another store answers: everything that it does not name waits again."""
    ignored: str = ""
    """Why the receipt is not for this spool, or is older than one that was applied."""


class Spool:
    """The gateway's one durable store. Every method may be called from any thread."""

    def __init__(self, path: Path, database: sqlite3.Connection, lock_file: int) -> None:
        self.path = path
        self.set_aside: Path | None = None
        """Where a file went that could not be used any more; the agent reports it."""
        self.set_aside_because = ""
        self._database = database
        self._lock_file = lock_file
        self._lock = threading.RLock()
        self._losses: list[Loss] = []
        row = database.execute("SELECT stream FROM spool").fetchone()
        self.stream = UUID(row[0])

    @classmethod
    def open(cls, path: Path, *, max_bytes: int = MAX_BYTES) -> Self:
        """Open the spool at ``path``, or make a new one.

        The whole file is checked first. One that is damaged is renamed with the date, a new
        one with a new stream is begun, and `set_aside` says so: a gateway must start.

        Raises:
            ConfigurationError: another agent uses it, it is another program's file or a newer
                version's, or its folder cannot be written.
            SpoolError: the disk fails or is full.
        """
        lock_file = file.lock(path)
        try:
            try:
                database = file.open_database(path)
                aside, because = None, ""
            except file.Unusable as error:
                aside, because = file.set_aside(path), str(error)
                database = file.open_database(path)
            page_size = database.execute("PRAGMA page_size").fetchone()[0]
            database.execute(f"PRAGMA max_page_count = {max(16, max_bytes // page_size)}")
            spool = cls(path, database, lock_file)
        except BaseException as error:
            os.close(lock_file)
            if isinstance(error, sqlite3.Error | file.Unusable):
                raise SpoolError(f"cannot open the spool {path}: {error}") from None
            raise
        spool.set_aside, spool.set_aside_because = aside, because
        return spool

    def close(self) -> None:
        """Close the file; what was appended is on disk already."""
        with self._lock:
            self._database.close()
            if self._lock_file >= 0:
                os.close(self._lock_file)
                self._lock_file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def append(
        self,
        meter: MeterId,
        rows: "Sequence[MeterRows]",
        *,
        watermarks: Mapping[Obis, int],
        at: datetime,
        historical: bool,
        rewound: Collection[Obis] = (),
        captures: Mapping[Obis, Captured] | None = None,
        noted: Noted | None = None,
    ) -> None:
        """Gather what one poll read, and move the meter's watermarks with it.

        A full file makes room: first what a receipt covers is forgotten; where it has its largest
        size, the oldest of the rest is dropped and the losses are gathered before the rows.
        A full disk drops nothing.

        Args:
            meter: whose rows these are.
            rows: what was read.
            watermarks: up to when each profile was read; an earlier one than is kept changes
                nothing.
            at: the gateway's time, aware.
            historical: whether the rows are back-fill.
            rewound: the profiles whose watermark goes back, if it is earlier.
            captures: what each profile captures, where that is new.
            noted: what the gateway saw of the meter; it is live, whatever the rows are.

        Raises:
            SpoolFull: the disk is full; nothing was kept and the watermarks stay.
            SpoolError: the file fails.
            ProtocolViolation: the rows are none that the contract can carry.
        """
        lines = [(historical, line) for line in lines_of(meter, rows)]
        if noted is not None and noted.seen:
            lines.insert(0, (False, observed_line(meter, noted.seen)))
        with self._lock:
            new = module.later(self.watermarks(meter), watermarks, rewound)
            moved = Moved(meter, new, captures or {}, noted)
            if not (lines or moved):
                return

            def put(database: sqlite3.Connection, losses: Sequence[Loss]) -> None:
                unsealed.put(database, [*((False, loss.to_line()) for loss in losses), *lines], at)
                moved.write(database)

            size = sum(len(line) for _, line in lines)
            lost = f"what was read from meter {meter} is not kept and is read again later"
            self._with_room(put, size, keep_reserve=True, lost=lost)

    def gathered_bytes(self) -> int:
        """Return how many bytes the lines that are not sealed yet take in a batch."""
        with self.reading() as database:
            return unsealed.size(database)

    def seal(self, *, gateway: str, key: SigningKey) -> list[int]:
        """Make batches of all that is gathered: live ones first, in as few as hold it.

        A full file makes room as for `append`; what was taken once may use the disk's reserve.

        Args:
            gateway: this gateway's id.
            key: what it signs with.

        Returns:
            The seq of each batch that was made.

        Raises:
            SpoolFull: the disk is full; everything stays gathered.
            SpoolError: the file fails.
        """

        def make(database: sqlite3.Connection, losses: Sequence[Loss]) -> list[int]:
            return unsealed.seal(database, gateway, key, losses)

        with self._lock:
            size = self.gathered_bytes()
            if not size:
                return []
            lost = "what is gathered is sealed when there is room"
            return self._with_room(make, size, keep_reserve=False, lost=lost)

    def _with_room(
        self,
        change: Callable[[sqlite3.Connection, Sequence[Loss]], _Made],
        size: int,
        *,
        keep_reserve: bool,
        lost: str,
    ) -> _Made:
        """Make a change for which there may be no room; then what gives way makes some.

        Args:
            change: writes, within a transaction, the losses that it is given and what it is for.
            size: bytes that it needs.
            keep_reserve: whether the disk's reserve must stay.
            lost: what it means where there is no room.
        """
        while True:
            with contextlib.suppress(SpoolFull):
                if not keep_reserve or self._has_room(size):
                    return self._change(change)
            if not self._forget_covered():
                break
        with self.reading() as database:
            at_limit = room.is_at_limit(database, size)
        for part in _DROP_PARTS if at_limit else ():
            with contextlib.suppress(SpoolFull):
                return self._change(change, part)
        raise SpoolFull(
            f"the disk of the spool {self.path} is full, or the spool has its largest size: {lost}"
        )

    def _has_room(self, size: int) -> bool:
        with self.reading() as database:
            return room.has_room(database, self.path.parent, size)

    def _change(
        self, change: Callable[[sqlite3.Connection, Sequence[Loss]], _Made], drop_part: int = 0
    ) -> _Made:
        losses: list[Loss] = []
        with self.transaction() as database:
            if drop_part:
                losses = room.drop_oldest(database, self.stream, drop_part)
            made = change(database, losses)
        self._losses += losses
        return made

    def take_losses(self) -> list[Loss]:
        """Return what was dropped without a receipt since this was asked last."""
        with self._lock:
            losses, self._losses = self._losses, []
        return losses

    def watermarks(self, meter: MeterId) -> dict[Obis, int]:
        """Return, for each profile of a meter, up to which time (s, UTC) its rows are kept."""
        with self.reading() as database:
            return module.watermarks(database, meter)

    def captures(self, meter: MeterId) -> dict[Obis, Captured]:
        """Return, for each profile of a meter, what it captured when its rows were last kept."""
        with self.reading() as database:
            return module.captures(database, meter)

    def known_meter(self, bus: str, address: int, logical_address: int = 1) -> MeterId | None:
        """Return which meter answered last at this address, or None before the first time."""
        with self.reading() as database:
            row = database.execute(
                "SELECT manufacturer, serial FROM known_meter"
                " WHERE bus = ? AND address = ? AND logical_address = ?",
                (bus, address, logical_address),
            ).fetchone()
        return MeterId(manufacturer=row[0], serial=row[1]) if row else None

    def remember_meter(
        self, meter: MeterId, bus: str, address: int, logical_address: int = 1
    ) -> None:
        """Keep which meter answers at this address."""
        if self.known_meter(bus, address, logical_address) == meter:
            return
        with self.transaction() as database:
            database.execute(
                "INSERT OR REPLACE INTO known_meter VALUES (?, ?, ?, ?, ?)",
                (bus, address, logical_address, meter.manufacturer, meter.serial),
            )

    def due(self, limit: int, *, skip: Container[int] = ()) -> list[Spooled]:
        """Return what to send next: live first, the newest first; then the backlog in order.

        Args:
            limit: how many at most.
            skip: seqs that are in flight.
        """
        chosen: list[int] = []
        with self.reading() as database:
            for order in (
                "SELECT seq FROM waiting WHERE historical = 0 ORDER BY seq DESC",
                "SELECT seq FROM waiting WHERE historical = 1 ORDER BY seq",
            ):
                if len(chosen) >= limit:
                    break
                for (seq,) in database.execute(order):
                    if seq not in skip:
                        chosen.append(seq)
                        if len(chosen) >= limit:
                            break
            return [spooled for seq in chosen if (spooled := self.get(seq)) is not None]

    def get(self, seq: int) -> Spooled | None:
        """Return one batch that is still kept."""
        with self.reading() as database:
            row = database.execute(
                "SELECT historical, payload FROM batch WHERE seq = ?", (seq,)
            ).fetchone()
        return Spooled(seq, bool(row[0]), row[1]) if row else None

    def pending(self) -> Pending:
        """Count what waits for a receipt, or to be sealed."""
        with self.reading() as database:
            return Pending(*unsealed.waiting(database))

    def apply_receipt(self, receipt: Receipt) -> Applied:
        """Take the store's word for what it has; its signature was verified by the caller.

        A store id that differs from the last one's means that the older store is gone:
        everything that is still kept and that this receipt does not name waits again. A late
        receipt of the older store changes nothing.

        Raises:
            SpoolFull: the disk is full; the receipt is not noted and will come again.
            SpoolError: the cloud has batches of this stream that this file never made: it is
                an older copy of the spool, and would fork the stream. It is set aside at
                the next start.
        """
        if receipt.stream != self.stream:
            return Applied(ignored="another stream")
        with self._lock:
            with self.reading() as database:
                last_seq, store, store_at = database.execute(
                    "SELECT last_seq, store, store_at FROM spool"
                ).fetchone()
            if receipt.ranges and receipt.ranges[-1][1] > last_seq:
                with contextlib.suppress(SpoolFull), self.transaction() as database:
                    database.execute("UPDATE spool SET superseded = 1")
                raise SpoolError(
                    f"the spool {self.path} is an older copy of itself: the cloud has batches up "
                    f"to {receipt.ranges[-1][1]}, it made {last_seq}; restart to begin a new stream"
                )
            new_store = store is not None and store != str(receipt.store)
            if new_store and receipt.at <= datetime.fromisoformat(store_at):
                return Applied(ignored="an earlier store")
            return self._take(receipt, new_store=new_store, first=store is None)

    def _take(self, receipt: Receipt, *, new_store: bool, first: bool) -> Applied:
        with self.reading() as database:
            waits = any(
                database.execute(
                    "SELECT 1 FROM waiting WHERE seq BETWEEN ? AND ? LIMIT 1", range_
                ).fetchone()
                for range_ in receipt.ranges
            )
        if not (waits or new_store or first):
            return Applied()
        covered = 0
        with self.transaction() as database:
            if new_store:
                database.execute("INSERT OR IGNORE INTO waiting SELECT seq, historical FROM batch")
            before = database.execute("SELECT count(*) FROM waiting").fetchone()[0]
            database.executemany("DELETE FROM waiting WHERE seq BETWEEN ? AND ?", receipt.ranges)
            covered = before - database.execute("SELECT count(*) FROM waiting").fetchone()[0]
            database.execute(
                "UPDATE spool SET store = ?, store_at = ?",
                (str(receipt.store), receipt.at.isoformat()),
            )
        return Applied(covered=covered, new_store=new_store)

    def prune(self, now: datetime, keep: timedelta = KEEP) -> int:
        """Forget what a receipt covers and is older than ``keep``; return how many batches."""
        forgotten = 0
        before = int((now - keep).timestamp())
        while True:
            with self.transaction() as database:
                count = room.forget_aged(database, before, _FORGET_BATCHES)
            forgotten += count
            if count < _FORGET_BATCHES:
                return forgotten

    def _forget_covered(self) -> bool:
        """Forget the oldest batches that a receipt covers; say whether there were any."""
        for count in _ROOM_BATCHES:  # forgetting takes a little room too
            with contextlib.suppress(SpoolFull), self.transaction() as database:
                return room.forget_oldest(database, count) > 0
        return False

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield the database for reading.

        Raises:
            SpoolError: the file fails.
        """
        with self._lock, self._errors():
            yield self._database

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield the database for a change that is kept whole or not at all.

        Raises:
            SpoolFull: nothing more fits.
            SpoolError: the file fails.
        """
        with self._lock, self._errors():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                # SQLite has rolled back by itself after some errors, a full disk among them.
                if self._database.in_transaction:
                    with contextlib.suppress(sqlite3.Error):
                        self._database.execute("ROLLBACK")
                raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
                raise SpoolFull(f"the disk of the spool {self.path} is full") from None
            raise SpoolError(f"the spool {self.path} fails: {error}") from None
