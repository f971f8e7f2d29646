# SPDX-License-Identifier: MIT
"""A person's word that a month stands as it is, and that it may change again.

An approval computes nothing: it locks what the newest manifest says, and that manifest is what the
person saw, by its hash. Until the month is opened again nothing of it is sent (`month.locked`).
Every word is kept for ever. The manifest says who approved the month, and billing gets it.

In: a month, who, why. Out: what is approved, or what waited for the reopening. Never: a number, a
count of a meter.

Raises: ApprovalRefused, NotFound, TextRefused.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from cloud_ingest.core.month import Month
from cloud_ingest.core.typed_text import remark
from cloud_ingest.errors import ApprovalRefused, NotFound
from cloud_ingest.month.manifest import approval, send_manifest
from cloud_ingest.store.connection import Connection, snapshot, translating
from cloud_ingest.store.locks import Lock as AdvisoryLock
from cloud_ingest.store.locks import advisory_lock
from cloud_ingest.store.manifests import heard_by_manifest, manifest_line
from cloud_ingest.store.month_locks import Lock, LockWord, add_lock_word, lock_of
from cloud_ingest.store.number_words import Doubt, doubts
from cloud_ingest.store.registry import find_society
from shared_schema.billing import (
    BillingManifest,
    Held,
    ManifestEntry,
    NumberStatus,
    Withheld,
)

LONGEST_NAME = 64
SHORTEST_HASH = 12
"""So many digits of a manifest's hash are shown, and wanted at least."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a person approves: what the newest manifest of a month says."""

    society: str
    month: str
    version: int
    sha256: str
    """Of the manifest's bytes, in hex."""
    closed_at: datetime
    numbers: int
    """How many stand."""
    provisional: tuple[ManifestEntry, ...]
    """Those of them that wait for a reading."""
    withheld: tuple[Withheld, ...]
    held: tuple[Held, ...]
    """Changes that wait for a person."""
    doubted: tuple[Doubt, ...]
    """Quantities in doubt, which nobody accepted."""

    @property
    def lacks(self) -> bool:
        """Say whether the month is not whole."""
        return bool(self.provisional or self.withheld or self.held)


@dataclass(frozen=True, slots=True)
class Reopened:
    """A month that may change again."""

    society: str
    month: str
    was: Lock
    held: tuple[Held, ...]
    """Changes that closing it again may send."""
    withheld: tuple[Withheld, ...]


@translating
def approve_month(
    conn: Connection,
    society: str,
    month: Month,
    now: datetime,
    *,
    by: str,
    seen: str | None = None,
    despite: str | None = None,
) -> Seen:
    """Approve a month as it was seen; without ``seen`` only show it.

    Args:
        conn: The store, outside of a transaction.
        society: Its name.
        month: The month.
        now: The time.
        by: Who approves it.
        seen: The first digits of the hash of the manifest that this person saw.
        despite: Why it is approved although it is not whole.

    Raises:
        ApprovalRefused: it is approved already, it is another one now, or it is not whole.
        NotFound: no such society, or the month is not closed.
    """
    society_id = find_society(conn, society)
    author = _name(by)
    why = "" if despite is None else remark(despite, "--despite")
    with advisory_lock(conn, AdvisoryLock.CLOSING), snapshot(conn):
        former, found = _seen(conn, society_id, society, month)
        if (lock := lock_of(conn, society_id, str(month))) is not None:
            raise ApprovalRefused(
                f"{month} of {society} is approved already, by {lock.by}: to change it, open it "
                f"again: cloud-ingest month reopen {month} --society '{society}'"
            )
        if seen is None:
            return found
        if len(seen) < SHORTEST_HASH or not found.sha256.startswith(seen.lower()):
            raise ApprovalRefused(
                f"{month} of {society} is not what you saw: its manifest is version "
                f"{found.version}, {found.sha256[:SHORTEST_HASH]}, now: look at it again without "
                "--yes"
            )
        if found.lacks and not why:
            raise ApprovalRefused(
                f"{month} of {society} is not whole: {len(found.withheld)} withheld, "
                f"{len(found.provisional)} provisional, {len(found.held)} held: decide them "
                f"(cloud-ingest month status {month}), or say why it is approved all the same: "
                "--despite 'why'"
            )
        word = LockWord(str(month), "approve", author, now, why, found.version, found.sha256)
        _say(conn, society_id, former, word)
    return found


@translating
def reopen_month(
    conn: Connection, society: str, month: Month, now: datetime, *, by: str, reason: str
) -> Reopened:
    """Let an approved month change again.

    Raises:
        ApprovalRefused: it is not approved, or nobody says why.
        NotFound: no such society, or the month is not closed.
    """
    society_id = find_society(conn, society)
    author, why = _name(by), remark(reason, "--reason")
    with advisory_lock(conn, AdvisoryLock.CLOSING), snapshot(conn):
        former, found = _seen(conn, society_id, society, month)
        lock = lock_of(conn, society_id, str(month))
        if lock is None:
            raise ApprovalRefused(
                f"{month} of {society} is not approved: it changes whenever it is closed again"
            )
        word = LockWord(str(month), "reopen", author, now, why, found.version, found.sha256)
        _say(conn, society_id, former, word)
    return Reopened(society, str(month), lock, found.held, found.withheld)


def _name(by: str) -> str:
    author = remark(by, "--by")
    if not author or len(author) > LONGEST_NAME:
        raise ApprovalRefused(f"say who, in {LONGEST_NAME} characters at most: --by")
    return author


def _seen(
    conn: Connection, society_id: int, society: str, month: Month
) -> tuple[BillingManifest, Seen]:
    line = manifest_line(conn, society_id, str(month))
    if line is None:
        raise NotFound(
            f"{month} of {society} is not closed: cloud-ingest close-month {month} "
            f"--society '{society}'"
        )
    manifest = BillingManifest.from_line(line)
    return manifest, Seen(
        society=society,
        month=str(month),
        version=manifest.version,
        sha256=hashlib.sha256(line).hexdigest(),
        closed_at=manifest.closed_at,
        numbers=len(manifest.entries),
        provisional=tuple(e for e in manifest.entries if e.status is NumberStatus.PROVISIONAL),
        withheld=manifest.withheld,
        held=manifest.held,
        doubted=tuple(
            each for each in doubts(conn, society_id, str(month)) if each.kind == "doubted"
        ),
    )


def _say(conn: Connection, society_id: int, former: BillingManifest, word: LockWord) -> None:
    """Keep a word, and send the manifest that says it."""
    add_lock_word(conn, society_id, word)
    lock = lock_of(conn, society_id, word.month)
    heard = heard_by_manifest(conn, society_id, word.month) or 0
    made = former.model_copy(update={"approved": approval(lock)})
    send_manifest(conn, society_id, former, made, heard)
