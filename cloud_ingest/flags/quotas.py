# SPDX-License-Identifier: MIT
"""The flag of a gateway that brings more than its quotas.

What it brought beyond them is refused or in quarantine; readings of known channels go in all the
same. The flag ends when a whole hour stayed below half of each quota.

In: a connection, the time. Out: what changed. One flag a gateway, which names each quota.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from cloud_ingest.core.flag import Finding
from cloud_ingest.core.quota import Quota, Quotas, is_exceeded
from cloud_ingest.flags.gateway_finding import gateway_finding
from cloud_ingest.flags.lifecycle import Changes, settle
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import open_events
from cloud_ingest.store.quotas import Use, uses
from shared_schema.events import EventKind
from shared_schema.evidence import ExceededQuota, QuotaEvidence

_WORDS = {
    Quota.MESSAGES: "messages of which nothing could be verified",
    Quota.QUARANTINE: "bytes for which the quarantine had no room",
    Quota.STREAMS: "new streams",
    Quota.KEYS: "next keys",
    Quota.CHANNELS: "new channels",
}


def refresh_quotas(conn: Connection, quotas: Quotas, now: datetime) -> Changes:
    """Raise, correct and clear the flags of gateways that exceed a quota."""
    opened = open_events(conn, EventKind.QUOTA)
    told = {flag.event.subject.id for flag in opened}
    found = [
        finding
        for _, own in groupby(uses(conn, now), lambda use: use.gateway_id)
        if (finding := _finding(list(own), quotas, now, told)) is not None
    ]
    return settle(
        conn,
        opened,
        found,
        judged={flag.key for flag in opened},
        now=now,
        ended="an hour stayed below half of each quota",
    )


def _finding(own: Sequence[Use], quotas: Quotas, now: datetime, told: set[str]) -> Finding | None:
    first = own[0]
    exceeded: list[ExceededQuota] = []
    for quota in Quota:
        used = {use.hour: use.used for use in own if use.quota is quota}
        limit = quotas.limit(quota)
        if is_exceeded(used, limit, now, told=first.gateway in told):
            exceeded.append(ExceededQuota(quota=quota.value, used=max(used.values()), limit=limit))
    if not exceeded:
        return None
    words = ", ".join(f"{each.used} {_WORDS[Quota(each.quota)]}" for each in exceeded)
    return gateway_finding(
        first,
        EventKind.QUOTA,
        since=min(use.hour for use in own),
        message=(
            f"Gateway {first.gateway} brings more than its quotas: in an hour {words}. "
            "Readings of known channels go in all the same."
        ),
        evidence=QuotaEvidence(
            quotas=tuple(each.quota for each in exceeded), exceeded=tuple(exceeded)
        ),
    )
