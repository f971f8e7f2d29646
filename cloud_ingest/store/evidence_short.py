# SPDX-License-Identifier: MIT
"""Old months of evidence become short: headers stay, and the blocks with a border in them.

A month is written anew beside its part, piece by piece in the order of the key, so that a program
that is killed goes on where it was. Then the new table takes the place of the part, which gives the
disk its room back at once. Until then every block is there.

In: a month. Out: how many batches were done. Never: a block lost that an entry in quarantine points
at.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cloud_ingest.core.accept import QuarantineReason
from cloud_ingest.core.kept_blocks import (
    REACH_S,
    BilledRows,
    MeterKey,
    Moments,
    billed_rows,
    month_borders,
    stays,
)
from cloud_ingest.core.month import Month
from cloud_ingest.store.channels import channels_of_meters
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.evidence import is_short, shorten, unpack
from cloud_ingest.store.evidence_months import (
    Kept,
    begin_anew,
    kept_after,
    newest_anew,
    put_short,
    write_anew,
)
from cloud_ingest.store.readings_read import neighbours
from cloud_ingest.store.rows import all_rows
from shared_schema.catalogue import BILLED_REGISTER
from shared_schema.readings import Batch

_PLACED_WITHIN = timedelta(days=62)
"""A border that nobody read lies between readings that are so close to it, or it is not sent."""


@dataclass(frozen=True, slots=True)
class _Opened:
    kept: Kept
    batch: Batch
    blocks: Sequence[BilledRows | None]


class _Moment(NamedTuple):
    meter_id: int
    manufacturer: str
    serial: str
    at: datetime
    placed: bool
    """Nobody read it: it is proved by the readings on both sides."""


@translating
def shorten_piece(conn: Connection, month: Month, zone: ZoneInfo, now: datetime, limit: int) -> int:
    """Shorten the next batches of a month, or put the finished month in its place.

    Returns:
        How many batches were shortened, at least 1.
    """
    begin_anew(conn, month.first)
    rows = kept_after(conn, month, newest_anew(conn, month), limit)
    if rows:
        write_anew(conn, _shortened(conn, rows, zone))
    else:
        put_short(conn, month.first, now)
    return len(rows) or 1


def _shortened(conn: Connection, rows: Sequence[Kept], zone: ZoneInfo) -> list[Kept]:
    opened = []
    for row in rows:
        if is_short(row.evidence):
            continue
        with suppress(ValueError):  # a damaged one stays as it is, and stops no other
            batch = unpack(row.evidence)
            opened.append(_Opened(row, batch, [billed_rows(block) for block in batch.blocks()]))
    moments = _moments(conn, [each for one in opened for each in one.blocks], zone)
    pointed = _pointed_at(conn, [one.kept.batch_id for one in opened])
    short: dict[int, bytes] = {}
    for one in opened:
        keep = {place for place, block in enumerate(one.blocks) if stays(block, moments)}
        for place in pointed.get(one.kept.batch_id, ()):
            keep |= {place} if place is not None else set(range(len(one.blocks)))
        short[one.kept.batch_id] = shorten(one.batch, keep)
    return [
        row._replace(evidence=min(short.get(row.batch_id, row.evidence), row.evidence, key=len))
        for row in rows
    ]


def _moments(conn: Connection, blocks: Iterable[BilledRows | None], zone: ZoneInfo) -> Moments:
    times: dict[MeterKey, list[int]] = defaultdict(list)
    for block in blocks:
        if block is not None and block.times:
            times[block.meter] += (min(block.times), max(block.times))
    if not times:
        return Moments((), {})
    first, last = (choose(map(choose, times.values())) for choose in (min, max))
    start, end = (datetime.fromtimestamp(ts, UTC) for ts in (first - REACH_S, last + REACH_S))
    meters = sorted(times)
    arguments = {
        "makers": [maker for maker, _ in meters],
        "serials": [serial for _, serial in meters],
        "start": start,
        "end": end,
        "placed_start": start - _PLACED_WITHIN,
        "placed_end": end + _PLACED_WITHIN,
        "first_month": f"{start - 2 * _PLACED_WITHIN:%Y-%m}",
        "last_month": f"{end + 2 * _PLACED_WITHIN:%Y-%m}",
    }
    found = all_rows(conn, _Moment, query("batch/moments"), arguments)
    own: dict[MeterKey, set[int]] = defaultdict(set)
    for each in found:
        sides = _beside(conn, each) if each.placed else (each.at,)
        own[each.manufacturer, each.serial] |= {int(at.timestamp()) for at in sides}
    return Moments(month_borders(first, last, zone), {meter: sorted(own[meter]) for meter in own})


def _beside(conn: Connection, border: _Moment) -> Iterable[datetime]:
    """Return when the readings on both sides of a border were read that nobody read itself."""
    codes = [str(code) for code in BILLED_REGISTER.values()]
    channels = channels_of_meters(conn, [border.meter_id], codes)
    sides = neighbours(conn, {each.channel_id: 0 for each in channels}, border.at)
    return [each.ts for each in sides if each is not None]


def _pointed_at(conn: Connection, batches: list[int]) -> dict[int, set[int | None]]:
    """Return the places of the blocks at which entries in quarantine point; None: at all."""
    pointed: dict[int, set[int | None]] = defaultdict(set)
    rows = conn.execute(
        """
        SELECT batch_id, ordinal FROM quarantine
        WHERE batch_id = ANY(%s::bigint[]) AND (ordinal IS NOT NULL OR reason <> %s)
        """,
        (batches, QuarantineReason.BROKEN_LINK),
    )
    for batch_id, ordinal in rows:
        pointed[batch_id].add(ordinal)
    return pointed
