# SPDX-License-Identifier: MIT
"""What a commit sets aside for the quarantine: gathered while it runs, written at its end.

The same again is only counted. An entry raises its flag when it is set aside for the first time.

In: refusals, rejections, forks, links that do not hold. Out: rows of the quarantine, in the
commit's transaction.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from cloud_ingest.core.accept import Accepted, QuarantineReason, Refused
from cloud_ingest.core.known import KnownGateway
from cloud_ingest.core.quota import Quotas
from cloud_ingest.store.chain import BrokenLink
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.evidence import payload as bytes_of
from cloud_ingest.store.quarantine_flags import raise_flag
from cloud_ingest.store.quarantine_room import (
    Unverified,
    accounts_of,
    make_room,
    over_messages,
)
from cloud_ingest.store.quotas import Account
from cloud_ingest.store.rows import one_row

MOST_OF_A_REASON = 8
"""Blocks of a batch that have an entry each; a signed batch of junk has hundreds."""
MAX_NAME_BYTES = 1024
"""The most that is stored of a topic, or of the name in it: no gateway of ours has a longer one."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One entry as it is written; the fields are the columns."""

    reason: QuarantineReason
    detail: str
    gateway: str | None
    society_id: int | None
    topic: str | None
    payload: bytes | None
    payload_hash: bytes
    batch_id: int | None
    ordinal: int | None
    row_indexes: list[int] | None
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class _Stored:
    """The entry that a row became, or was already."""

    is_new: bool
    quarantine_id: int


@dataclass(slots=True, repr=False)
class SetAside:
    """What goes to quarantine, by what makes it the same again."""

    rows: dict[tuple[bytes, str, str, int], _Row] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<SetAside: {len(self.rows)} entries>"

    def refused(self, refused: Refused) -> None:
        """Set a message aside of which nothing was verified."""
        self._add(
            refused.reason,
            refused.detail,
            refused.gateway,
            refused.society_id,
            topic=refused.topic,
            payload=refused.payload,
            at=refused.received_at,
        )

    def fork(self, delivery: Accepted) -> None:
        """Set a batch aside whose number another one has."""
        batch = delivery.batch
        self._add(
            QuarantineReason.FORK,
            f"another batch {batch.header.seq} of stream {batch.header.stream} is stored",
            delivery.gateway.name,
            delivery.gateway.society_id,
            payload=bytes_of(batch),
            at=delivery.received_at,
        )

    def broken_link(self, link: BrokenLink, gateway: KnownGateway, at: datetime) -> None:
        """Note that a stored batch does not follow the one before it."""
        self._add(
            QuarantineReason.BROKEN_LINK,
            f"batch {link.seq} of stream {link.stream} names another predecessor than "
            f"batch {link.seq - 1}",
            gateway.name,
            gateway.society_id,
            payload_hash=link.header_hash,
            batch_id=link.batch_id,
            at=at,
        )

    def rejections(self, delivery: Accepted, batch_id: int) -> None:
        """Set aside what is not stored of a stored batch; many blocks of a reason are one entry."""
        many = Counter(each.reason for each in delivery.rejections)
        folded: set[QuarantineReason] = set()
        for rejection in delivery.rejections:
            ordinal, detail, rows = rejection.ordinal, rejection.detail, rejection.row_indexes
            if many[rejection.reason] > MOST_OF_A_REASON:
                if rejection.reason in folded:
                    continue
                folded.add(rejection.reason)
                ordinal, rows = None, ()
                detail = f"{many[rejection.reason]} blocks of the batch, first: {detail}"
            batch = delivery.batch
            line = batch.header_line if ordinal is None else batch.block_lines[ordinal]
            self._add(
                rejection.reason,
                detail,
                delivery.gateway.name,
                delivery.gateway.society_id,
                payload_hash=hashlib.sha256(line).digest(),
                batch_id=batch_id,
                ordinal=ordinal,
                row_indexes=rows,
                at=delivery.received_at,
            )

    def _add(
        self,
        reason: QuarantineReason,
        detail: str,
        gateway: str | None,
        society_id: int | None,
        *,
        at: datetime,
        topic: str | None = None,
        payload: bytes | None = None,
        payload_hash: bytes | None = None,
        batch_id: int | None = None,
        ordinal: int | None = None,
        row_indexes: Sequence[int] = (),
    ) -> None:
        found = hashlib.sha256(payload or b"").digest() if payload_hash is None else payload_hash
        topic = None if topic is None else _storable(topic, MAX_NAME_BYTES)
        same = (found, reason.value, topic or "", -1 if ordinal is None else ordinal)
        self.rows[same] = _Row(
            reason=reason,
            detail=_storable(detail),
            gateway=None if gateway is None else _storable(gateway, MAX_NAME_BYTES),
            society_id=society_id,
            topic=topic,
            payload=payload,
            payload_hash=found,
            batch_id=batch_id,
            ordinal=ordinal,
            row_indexes=list(row_indexes) or None,
            first_at=at,
            last_at=at,
        )

    @translating
    def store(self, conn: Connection, quotas: Quotas | None) -> int:
        """Write it in the caller's transaction; return how many entries are new.

        Args:
            conn: The store.
            quotas: Unverified messages beyond them are counted, and not written; None: all are.
        """
        accounts = set() if quotas is None else self._bound(conn, quotas)
        added = self._write(conn)
        if quotas is not None and accounts:
            at = max(row.last_at for row in self.rows.values())
            make_room(conn, accounts, quotas, at)
        return added

    def _bound(self, conn: Connection, quotas: Quotas) -> set[Account]:
        """Take out the unverified messages that are over a quota; return whose there were."""
        unverified = [
            same
            for same, row in self.rows.items()
            if row.payload is not None and row.reason is not QuarantineReason.FORK
        ]
        if not unverified:
            return set()
        known = accounts_of(conn, {row.gateway for row in self.rows.values() if row.gateway})
        messages = {
            same: Unverified(
                known.get(row.gateway or ""),
                row.reason,
                row.society_id,
                len(row.payload or b""),
                row.last_at,
            )
            for same in unverified
            if (row := self.rows[same]).gateway is not None or row.society_id is None
        }
        at = max(self.rows[same].last_at for same in unverified)
        over = over_messages(conn, list(messages.values()), quotas, at)
        accounts = {known.get(self.rows[same].gateway or "") for same in unverified}
        for same, is_over in zip(messages, over, strict=True):
            if is_over:
                del self.rows[same]
        return accounts

    def _write(self, conn: Connection) -> int:
        added = 0
        for same in sorted(self.rows):
            row = self.rows[same]
            kept = one_row(conn, _Stored, query("quarantine/keep"), asdict(row))
            if kept is None or not kept.is_new:
                continue
            added += 1
            raise_flag(
                conn,
                reason=row.reason,
                detail=row.detail,
                gateway=row.gateway,
                society_id=row.society_id,
                quarantine_id=kept.quarantine_id,
                payload=row.payload,
                at=row.first_at,
            )
        return added


def _storable(text: str, max_bytes: int | None = None) -> str:
    """Return a text without what PostgreSQL cannot hold: NUL, lone surrogates, the overlong."""
    clean = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return clean.encode("utf-8", "replace")[:max_bytes].decode("utf-8", "ignore")
