# SPDX-License-Identifier: GPL-2.0-only
"""A program of ours with one promise broken: ``python -m tests.chaos.launch PROMISE edge|cloud …``.

A chaos run that does not catch each of them proves nothing. They are patched here, in the process
of the test; the programs have no option for them.
"""

import sqlite3
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Patch = Callable[[], None]


def acknowledge_before_commit() -> None:
    """The worker tells the broker that it has messages which are not committed."""
    from cloud_ingest.service.serve import Service

    commit = Service._commit

    async def broken(self: Service, storing: Any, link: Any, batch: Any, judged: Any) -> None:
        link.acknowledge(batch)
        told: Any = _Told()
        await commit(self, storing, told, batch, judged)

    _replace(Service, "_commit", broken)


class _Told:
    def acknowledge(self, batch: Sequence[Any]) -> None:
        """Do nothing: it was told before."""


def spool_unsynced() -> None:
    """The spool does not wait until the disk has what it commits."""
    from edge_agent.spool import file

    check = file._check

    def broken(database: sqlite3.Connection, path: Path, *, fresh: bool) -> None:
        check(database, path, fresh=fresh)
        database.execute("PRAGMA synchronous = OFF")

    _replace(file, "_check", broken)


def no_receipts() -> None:
    """The worker sends no receipts."""
    from cloud_ingest.service.serve import Service

    async def broken(self: Service, _own: Any) -> None:
        self._receipts_due.clear()

    _replace(Service, "_receipt", broken)


def unverified_receipts() -> None:
    """The worker believes every message, and sends receipts for them."""
    from cloud_ingest.core import accept
    from shared_schema.readings import Batch, KeyRing, read_header

    def broken(sealed: bytes, keys: KeyRing) -> Batch:
        header = read_header(sealed)
        keys(header.gateway, header.key)
        line, *blocks, signature = sealed.split(b"\n")
        return Batch(header, line, tuple(blocks), signature)

    _replace(accept, "open_batch", broken)


def watermark_ahead() -> None:
    """The spool moves a watermark at once, and takes the rows that it speaks of one poll later."""
    from edge_agent.spool.spool import Spool

    append = Spool.append
    held: dict[int, tuple[Any, Any, Any, bool]] = {}

    def broken(
        self: Spool, meter: Any, rows: Any, *, at: Any, historical: bool, **moved: Any
    ) -> Any:
        append(self, meter, (), at=at, historical=historical, **moved)
        before = held.get(threading.get_ident())
        held[threading.get_ident()] = meter, rows, at, historical
        if before is None:
            return ()
        meter, rows, at, historical = before
        return append(self, meter, rows, at=at, historical=historical, watermarks={})

    _replace(Spool, "append", broken)


def _replace(of: Any, name: str, by: Any) -> None:
    setattr(of, name, by)


PROMISES: dict[str, tuple[str, Patch]] = {
    "acknowledge-before-commit": ("cloud", acknowledge_before_commit),
    "spool-unsynced": ("edge", spool_unsynced),
    "no-receipts": ("cloud", no_receipts),
    "unverified-receipts": ("cloud", unverified_receipts),
    "watermark-ahead": ("edge", watermark_ahead),
}
"""What can be broken, and in which program."""


def main() -> None:
    """Break a promise, if it is this program's, and run the program."""
    promise, side, *sys.argv[1:] = sys.argv[1:]
    whose, patch = PROMISES[promise]
    if whose == side:
        patch()
    if side == "edge":
        from edge_agent.cli.app import main as program
    else:
        from cloud_ingest.cli.app import main as program
    program()


if __name__ == "__main__":
    main()
