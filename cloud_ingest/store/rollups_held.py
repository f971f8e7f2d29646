# SPDX-License-Identifier: MIT
"""The rollups of a month held against its readings, and the figures by which they are compared.

Whoever changes a reading or a rollup behind the program's back is found here. A day that waits for
a refresh is not held: what it says is known to be old.

In: channels and a month. Out: the first rollup that is not what its readings say.
Never: a refresh, or a word on which of the two is right.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from cloud_ingest.core.month import Month, local_days
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import one_row


@dataclass(frozen=True, slots=True)
class RollupFigures:
    """The figures of a day or month: by its rollup, or by its readings."""

    first_raw: int
    last_raw: int
    min_ts: datetime
    max_ts: datetime
    count: int
    sum_raw: Decimal
    min_raw: int
    max_raw: int


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A day or month whose rollup and readings have different figures."""

    channel_id: int
    bucket: str
    day: date
    manufacturer: str
    serial: str
    obis: str
    told: RollupFigures | None
    """By the readings; None: there are none."""
    rolled_up: RollupFigures | None
    """None: there is no such rollup."""


def figures(columns: dict[str, Any], prefix: str) -> RollupFigures | None:
    """Take the figures whose columns begin with a prefix out of a row; None where all are null."""
    found = {each.name: columns.pop(f"{prefix}_{each.name}") for each in fields(RollupFigures)}
    return None if found["count"] is None else RollupFigures(**found)


def describe_figures(one: RollupFigures | None, other: RollupFigures | None) -> str:
    """Return for a person what ``one`` says, with whatever tells it apart from ``other``; pure."""
    if one is None:
        return "nothing"
    text = f"{one.count} readings up to {one.last_raw}"
    if other is None or (one.count, one.last_raw) != (other.count, other.last_raw):
        return text
    mine, theirs = asdict(one), asdict(other)
    return ", ".join(
        [text, *(f"{name} {mine[name]}" for name in mine if mine[name] != theirs[name])]
    )


def _disagreement(**columns: Any) -> Disagreement:
    told, rolled_up = figures(columns, "told"), figures(columns, "rolled")
    return Disagreement(told=told, rolled_up=rolled_up, **columns)


@translating
def disagreement(
    conn: Connection, channel_ids: Collection[int], month: Month, zone: ZoneInfo
) -> Disagreement | None:
    """Return the first rollup of a month that is not what its readings say, or None.

    One that waits for a refresh is not expected to be: see `waiting_days`.
    """
    days = local_days(month, zone)
    return one_row(
        conn,
        _disagreement,
        query("rollup/disagreement"),
        {
            "channels": sorted(channel_ids),
            "zone": zone.key,
            "start": month.start,
            "end": month.end,
            "first": days[0][0],
            "last": days[-1][0],
        },
    )
