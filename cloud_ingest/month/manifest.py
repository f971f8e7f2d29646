# SPDX-License-Identifier: MIT
"""The manifest of a closed month: which numbers it consists of, and what is not among them.

It names each number, and each message that took one back, by its version and by the hash of the
bytes that were sent, so that billing knows when it has all of them. Beside them stand the numbers
that are withheld, the changes that wait for a person, and what meters counted while they served
nobody.

In: a closing and its numbers. Out: the manifest, in the store and in the outbox, unless it says
nothing new. Never: a number.
"""

from cloud_ingest.month.closing import Closing, is_said
from cloud_ingest.month.numbers import Numbers
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.manifests import manifest_of, put_manifest
from cloud_ingest.store.month_locks import Lock
from cloud_ingest.store.months import version_floor
from cloud_ingest.store.outbox import enqueue
from shared_schema.billing import (
    Approval,
    BillingManifest,
    ManifestEntry,
    MonthlyConsumption,
    MonthlyWithdrawal,
)
from shared_schema.topics import billing_manifest_topic


def write_manifest(conn: Connection, closing: Closing, numbers: Numbers, lock: Lock | None) -> None:
    """Publish the manifest of a month, unless it says the same as the former one."""
    made = BillingManifest(
        society=closing.society,
        month=closing.month,
        zone=closing.zone.key,
        entries=tuple(_entry(kept.number, kept.sha256) for kept in numbers.kept),
        withheld=numbers.withheld,
        withdrawn=tuple(_entry(kept.withdrawal, kept.sha256) for kept in numbers.withdrawn),
        held=numbers.held,
        unassigned=numbers.unassigned,
        approved=approval(lock),
        closed_at=closing.now,
    )
    former = manifest_of(conn, closing.society_id, closing.month)
    floor = version_floor(conn)
    if former is None or not is_said(former, made, floor):
        send_manifest(conn, closing.society_id, former, made, numbers.heard)


def approval(lock: Lock | None) -> Approval | None:
    """Return who approved a month, as a manifest says it."""
    return None if lock is None else Approval(by=lock.by, at=lock.at)


def send_manifest(
    conn: Connection,
    society_id: int,
    former: BillingManifest | None,
    made: BillingManifest,
    heard: int,
) -> BillingManifest:
    """Keep a manifest as the next version and put it into the outbox."""
    last = 0 if former is None else former.version
    made = made.model_copy(update={"version": max(last + 1, version_floor(conn))})
    line = put_manifest(conn, society_id, made, heard)
    enqueue(conn, billing_manifest_topic(made.society, made.month), line, retain=True)
    return made


def _entry(sent: MonthlyConsumption | MonthlyWithdrawal, sha256: str) -> ManifestEntry:
    return ManifestEntry(
        subject=sent.subject,
        service=sent.service,
        version=sent.version,
        sha256=sha256,
        status=sent.status if isinstance(sent, MonthlyConsumption) else None,
    )
