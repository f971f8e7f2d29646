# SPDX-License-Identifier: MIT
"""Links for every unit whose dial is still to be read for a month, to be handed out.

In: a month, who hands them out. Out: links at the one moment at which their texts are known.

Raises: NotFound.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from cloud_ingest.core.month import Month
from cloud_ingest.entries.self_read_links import MadeLink, make_link
from cloud_ingest.entries.self_read_words import meter_words
from cloud_ingest.errors import NotFound
from cloud_ingest.month.still_to_read import ToRead, still_to_read
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.registry import find_society


@dataclass(frozen=True, slots=True)
class HandedLink:
    """A link, and what its resident is to read with it."""

    society: str
    made: MadeLink
    meters: tuple[str, ...]
    """Such as ``electricity, meter …4711``."""
    read_from: datetime
    until: datetime


def links_to_hand_out(
    conn: Connection,
    society: str,
    month: Month,
    *,
    by: str,
    days: int,
    window: timedelta,
    now: datetime,
) -> Iterator[HandedLink]:
    """Make a link for each unit whose dial is still to be read.

    Args:
        conn: The store, in the transaction that ends when the links are on paper.
        society: Its name.
        month: The month that the dials close.
        by: Who hands them out.
        days: How long they open.
        window: How far from the 1st a dial closes a month.
        now: The time.

    Raises:
        NotFound: no unit is to be read by its resident.
    """
    found = still_to_read(conn, find_society(conn, society), month, now, window)
    units = sorted((each for each in found if each.subject_type == "unit"), key=_unit)
    if not units:
        raise NotFound(f"no unit is to be read by its resident for {month}: no sheet is written")
    for unit, own in groupby(units, key=_unit):
        meters = list(own)
        yield HandedLink(
            society,
            make_link(conn, society, unit, None, days=days, by=by, now=now),
            tuple(meter_words(each.service, each.source, each.meter) for each in meters),
            meters[0].read_from,
            meters[0].until,
        )


def _unit(meter: ToRead) -> str:
    return meter.subject
