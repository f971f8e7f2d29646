# SPDX-License-Identifier: MIT
"""Gaps of (channel, expected time) are asked for again: signed back-fills to the bound gateway.

What a lost batch held, or what a gateway lost with its disk, lacks on its days, and the meters
still remember it. A gateway that is away, behind or still sending is not asked.

In: the rollups, the statuses of gateways, what was asked for before. Out: commands in the outbox.
Never: a gap that a meter has forgotten, or that may still be under way.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cloud_ingest.core.gap_requests import GRACE, PAUSES, REMEMBERED, Ask, Lack, asks
from cloud_ingest.core.month import DAY, day_of, midnight
from cloud_ingest.operate.send_command import send
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.gap_requests import BY, gaps_asked_for, gateways_to_ask
from cloud_ingest.store.registry import societies
from cloud_ingest.store.rollups_read import completeness_of_channels
from shared_schema.gateway import CommandKind
from shared_schema.message import MeterId
from shared_schema.signing import SigningKey

LIFE: Final = timedelta(hours=12)
"""A command that no turn came for is given up, and counts as a try."""


def ask_for_gaps(conn: Connection, now: datetime, zone: ZoneInfo, key: SigningKey) -> list[Ask]:
    """Ask the gateways of all societies for what is due; return what was asked for.

    Args:
        conn: A connection.
        now: The time.
        zone: The store's zone.
        key: The cloud's private key.
    """
    found: list[Ask] = []
    for society_id, society in societies(conn):
        lacking = list(_lacking(conn, society_id, zone, now))
        if not lacking:
            continue
        since = now - REMEMBERED - sum(PAUSES, LIFE)
        for ask in asks(lacking, gaps_asked_for(conn, society_id, since), now, zone):
            send(
                conn,
                society,
                ask.gateway,
                CommandKind.BACKFILL,
                key=key,
                by=BY,
                now=now,
                expires_after=LIFE,
                meters=ask.meters,
                since=ask.since,
                until=ask.until,
            )
            found.append(ask)
    return found


def _lacking(conn: Connection, society_id: int, zone: ZoneInfo, now: datetime) -> Iterator[Lack]:
    """Yield the days of the last weeks that lack intervals, of meters that can be asked."""
    gateways = gateways_to_ask(conn, society_id, now)
    if not gateways:
        return
    until = now - GRACE
    first, last = day_of(now - REMEMBERED, zone) + DAY, day_of(until, zone)
    days = [first + DAY * number for number in range((last - first).days + 1)]
    spans = [(day, midnight(day, zone), midnight(day + DAY, zone)) for day in days]
    for one in completeness_of_channels(conn, society_id, spans, until):
        meter = MeterId(manufacturer=one.manufacturer, serial=one.serial)
        if meter in gateways and (one.valid_to is None or one.valid_to > now):
            gateway, newest = gateways[meter]
            for day, _expected, _present in one.lacking:
                if midnight(day + DAY, zone) <= newest:
                    yield Lack(gateway, meter, day)
