# SPDX-License-Identifier: MIT
"""Sending a webhook again what it missed: the messages of months, byte for byte.

What stands goes: of each number the newest message, the manifest of each month, and each tower's
balance. Flags are not sent again: those that are open go to a receiver that is new.

In: which webhook, which month of which society. Out: how many messages are queued.

Raises: NotFound.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from cloud_ingest.errors import NotFound
from cloud_ingest.store.connection import Connection, snapshot
from cloud_ingest.store.manifests import closed_since, manifest_line
from cloud_ingest.store.months import reconciliation_lines
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.resends import standing
from cloud_ingest.store.webhooks import put_again, webhook_states
from shared_schema.balance import Reconciliation
from shared_schema.billing import BillingManifest
from shared_schema.billing_asks import BillingRequest
from shared_schema.catalogue import Service
from shared_schema.events import Subject, SubjectType
from shared_schema.topics import billing_manifest_topic, billing_topic, reconciliation_topic

Again = tuple[str, int, bytes]
"""Topic, version, bytes."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be sent again; None: of any."""

    society: str
    month: str | None = None
    since: datetime | None = None
    """What was decided from then on."""


def send_again(conn: Connection, name: str, wish: Wish, now: datetime) -> int:
    """Queue the messages of months for one webhook; what waits for it already is left as it is.

    Args:
        conn: The store.
        name: The webhook's address, or its host where no other has it.
        wish: Which messages.
        now: The time.
    """
    url = _url(conn, name)
    society_id = find_society(conn, wish.society)
    with snapshot(conn):
        return put_again(conn, url, list(_messages(conn, society_id, wish)), now)


def _url(conn: Connection, name: str) -> str:
    urls = [each.url for each in webhook_states(conn) if not each.url.startswith("mailto:")]
    found = [url for url in urls if name in {url, urlsplit(url).hostname}]
    if len(found) == 1:
        return found[0]
    hosts = ", ".join(sorted({urlsplit(url).hostname or "" for url in urls})) or "none"
    which = "several webhooks are" if found else "no webhook is"
    raise NotFound(f"{which} at {name[:200]!r}: give its whole url; the service knows {hosts}")


def _messages(conn: Connection, society_id: int, wish: Wish) -> Iterator[Again]:
    request = BillingRequest(society=wish.society, month=wish.month, since=wish.since)
    for each in standing(conn, society_id, request):
        subject = Subject(type=SubjectType(each.subject_type), id=each.subject)
        topic = billing_topic(wish.society, each.month, subject, Service(each.service))
        yield topic, each.version, each.message
    months = [wish.month] if wish.month else closed_since(conn, society_id, "")
    for month in months:
        line = manifest_line(conn, society_id, month)
        if line is None:
            continue
        manifest = BillingManifest.from_line(line)
        if wish.since is None or manifest.closed_at >= wish.since:
            yield billing_manifest_topic(wish.society, month), manifest.version, line
            yield from _balances(conn, society_id, wish.society, month)


def _balances(conn: Connection, society_id: int, society: str, month: str) -> Iterator[Again]:
    for line in reconciliation_lines(conn, society_id, month):
        balance = Reconciliation.from_line(line)
        topic = reconciliation_topic(society, month, balance.tower, balance.service)
        yield topic, balance.version, line
