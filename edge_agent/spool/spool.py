# SPDX-License-Identifier: GPL-2.0-only
"""The gateway's durable queue: one SQLite file between polling and the broker.

Polls append block lines, and the watermarks move with them in one transaction. Sealing makes
batches of all lines in another: after a power cut either both are there or neither is, and nothing
is there twice. A batch waits until a receipt covers it, and stays after that while there is room.
What is in flight is not written here: after a restart everything without a receipt is due.

Where the file has its largest size the oldest batches give way, and a loss that is gathered in the
same transaction says which. A full disk drops nothing: the rows are read again later.

In: the rows of one poll; receipts of the cloud. Out: sealed batches, the next to send first; what
was dropped. It composes the owners of the tables (`schema` names them) and owns none itself.
Never: a line or batch forgotten that no receipt covers, but as above; a batch made twice; a
watermark that goes back where that is not meant; a socket.
"""

from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from sqlite3 import Connection
from typing import TYPE_CHECKING, Self

from edge_agent.decode.layout import Captured
from edge_agent.spool import batches, file, known_meters, receipts, stream, unsealed
from edge_agent.spool import watermarks as marks
from edge_agent.spool.batches import Spooled
from edge_agent.spool.blocks import lines_of, observed_line
from edge_agent.spool.receipts import Applied
from edge_agent.spool.room import with_room
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
class Sealed:
    """What sealing made, and what was dropped to make room for it."""

    seqs: tuple[int, ...] = ()
    losses: tuple[Loss, ...] = ()


class Spool:
    """The open spool. Every method may be called from any thread."""

    def __init__(self, opened: file.Opened) -> None:
        self._database = opened.database
        self.path = opened.database.path
        self.set_aside = opened.set_aside
        """Where a file went that could not be used any more; the agent reports it."""
        self.set_aside_because = opened.because
        with self.reading() as database:
            self.stream = stream.head(database).stream

    def __repr__(self) -> str:
        return f"<Spool {self.stream} in {self._database!r}>"

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
        return cls(file.open_file(path, max_bytes=max_bytes))

    def close(self) -> None:
        """Close the file; what was appended is on disk already."""
        self._database.close()

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
    ) -> tuple[Loss, ...]:
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

        Returns:
            What was dropped to make room: the caller tells the log.

        Raises:
            SpoolFull: the disk is full; nothing was kept and the watermarks stay.
            SpoolError: the file fails.
            ProtocolViolation: the rows are none that the contract can carry.
        """
        lines = list(_lines(meter, rows, noted, historical=historical))
        with self._database.in_turn():
            new = marks.later(self.watermarks(meter), watermarks, rewound)
            moved = Moved(meter, new, captures or {}, noted)
            if not (lines or moved):
                return ()

            def put(database: Connection, losses: Sequence[Loss]) -> None:
                unsealed.put(database, [*((False, loss.to_line()) for loss in losses), *lines], at)
                moved.write(database)

            size = sum(len(line) for _, line in lines)
            lost = f"what was read from meter {meter} is not kept and is read again later"
            return with_room(self._database, put, size, keep_reserve=True, lost=lost).losses

    def gathered_bytes(self) -> int:
        """Return how many bytes the lines that are not sealed yet take in a batch."""
        with self.reading() as database:
            return unsealed.size(database)

    def seal(self, *, gateway: str, key: SigningKey) -> Sealed:
        """Make batches of all that is gathered: live ones first, in as few as hold it.

        A full file makes room as for `append`; what was taken once may use the disk's reserve.

        Args:
            gateway: this gateway's id.
            key: what it signs with.

        Raises:
            SpoolFull: the disk is full; everything stays gathered.
            SpoolError: the file fails.
        """

        def make(database: Connection, losses: Sequence[Loss]) -> list[int]:
            return unsealed.seal(database, gateway, key, losses)

        with self._database.in_turn():
            size = self.gathered_bytes()
            if not size:
                return Sealed()
            lost = "what is gathered is sealed when there is room"
            made = with_room(self._database, make, size, keep_reserve=False, lost=lost)
            return Sealed(tuple(made.result), made.losses)

    def seal_alone(self, line: bytes, *, gateway: str, key: SigningKey, at: datetime) -> int:
        """Seal one line in a live batch of its own, before what is gathered; return its seq.

        Raises:
            SpoolFull: the disk is full; nothing changed.
            SpoolError: the file fails.
        """

        def make(database: Connection, losses: Sequence[Loss]) -> int:
            lines = [*(loss.to_line() for loss in losses), line]
            return unsealed.seal_lines(database, gateway, key, lines, int(at.timestamp()))

        lost = "what the gateway says of itself is sealed when there is room"
        return with_room(self._database, make, len(line), keep_reserve=False, lost=lost).result

    def is_covered(self, seq: int) -> bool:
        """Say whether a receipt covers a batch that is kept."""
        with self.reading() as database:
            is_kept = batches.get(database, seq) is not None
            return is_kept and not batches.is_any_waiting(database, [(seq, seq)])

    def watermarks(self, meter: MeterId) -> dict[Obis, int]:
        """Return, for each profile of a meter, up to which time (s, UTC) its rows are kept."""
        with self.reading() as database:
            return marks.watermarks(database, meter)

    def captures(self, meter: MeterId) -> dict[Obis, Captured]:
        """Return, for each profile of a meter, what it captured when its rows were last kept."""
        with self.reading() as database:
            return marks.captures(database, meter)

    def known_meter(self, bus: str, address: int, logical_address: int = 1) -> MeterId | None:
        """Return which meter answered last at this address, or None before the first time."""
        with self.reading() as database:
            return known_meters.at(database, (bus, address, logical_address))

    def remember_meter(
        self, meter: MeterId, bus: str, address: int, logical_address: int = 1
    ) -> None:
        """Keep which meter answers at this address."""
        if self.known_meter(bus, address, logical_address) == meter:
            return
        with self.transaction() as database:
            known_meters.remember(database, (bus, address, logical_address), meter)

    def due(self, limit: int, *, skip: Container[int] = ()) -> list[Spooled]:
        """Return what to send next: live first, the newest first; then the backlog in order.

        Args:
            limit: how many at most.
            skip: seqs that are in flight.
        """
        with self.reading() as database:
            chosen = batches.due(database, limit, skip)
            found = [batches.get(database, seq) for seq in chosen]
        return [spooled for spooled in found if spooled is not None]

    def get(self, seq: int) -> Spooled | None:
        """Return one batch that is still kept."""
        with self.reading() as database:
            return batches.get(database, seq)

    def pending(self) -> Pending:
        """Count what waits for a receipt, or to be sealed."""
        with self.reading() as database:
            return Pending(*unsealed.waiting(database))

    def oldest_waiting(self) -> datetime | None:
        """Return when the oldest of what waits was read; None: nothing waits."""
        with self.reading() as database:
            at = unsealed.oldest(database)
        return None if at is None else datetime.fromtimestamp(at, UTC)

    def apply_receipt(self, receipt: Receipt) -> Applied:
        """Take the store's word for what it has; its signature was verified by the caller.

        Raises:
            SpoolFull: the disk is full; the receipt is not noted and will come again.
            SpoolError: the file fails.
        """
        applied = receipts.apply_receipt(self._database, receipt)
        if applied.forked:
            with self.reading() as database:
                self.stream = stream.head(database).stream
        return applied

    def prune(self, now: datetime, keep: timedelta = KEEP) -> int:
        """Forget what a receipt covers and is older than ``keep``; return how many batches."""
        forgotten = 0
        before = int((now - keep).timestamp())
        while True:
            with self.transaction() as database:
                count = batches.forget_aged(database, before, _FORGET_BATCHES)
            forgotten += count
            if count < _FORGET_BATCHES:
                return forgotten

    def reading(self) -> AbstractContextManager[Connection]:
        """Lend the database for reading.

        Raises:
            SpoolError: the file fails.
        """
        return self._database.reading()

    def transaction(self) -> AbstractContextManager[Connection]:
        """Lend the database for a change that is kept whole or not at all.

        Raises:
            SpoolFull: nothing more fits.
            SpoolError: the file fails.
        """
        return self._database.transaction()


def _lines(
    meter: MeterId, rows: "Sequence[MeterRows]", noted: Noted | None, *, historical: bool
) -> Iterator[unsealed.Line]:
    """Yield what is gathered of one poll; what the gateway saw is live, and goes first."""
    if noted is not None and noted.seen:
        yield False, observed_line(meter, noted.seen)
    for line in lines_of(meter, rows):
        yield historical, line
