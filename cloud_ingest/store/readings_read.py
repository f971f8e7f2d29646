# SPDX-License-Identifier: MIT
"""Readings, as the store elected them: around borders, in steps, the newest, and where they lack.

Here a number begins. Every query is served by an index. Every look at ``reading`` is bounded by
constants of time, so that chunks or partitions outside of them are not touched
(docs/reference/sql.md names each query).

In: a society, or channels that were found through it, and a stretch of time. Out: rows as values.
Never: a sum of quantities, a decision: `cloud_ingest.core` and `cloud_ingest.views` make them.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.border import NotElected
from cloud_ingest.core.claim import Rule
from cloud_ingest.core.meter_status import DOUBTS
from cloud_ingest.core.register import Register
from cloud_ingest.errors import ReadRefused
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.readings_write import ORIGINS
from cloud_ingest.store.retention import retention
from cloud_ingest.store.rows import all_rows, scalar
from shared_schema.catalogue import BILLED_REGISTER, Service

BILLED_CODES = {
    "electricity": str(BILLED_REGISTER[Service.ELECTRICITY]),
    "water": str(BILLED_REGISTER[Service.WATER]),
}


@dataclass(frozen=True, slots=True)
class Window:
    """Where to look for a reading of a channel; both ends belong to it."""

    channel_id: int
    start: datetime
    end: datetime


class HandWindow(NamedTuple):
    """Where every reading of channels counts that a person made; both ends belong to it."""

    start: datetime
    end: datetime
    channels: tuple[int, ...]


class Questioned(NamedTuple):
    """A reading that its meter calls not valid, or that a person restored against a rule."""

    register: Register
    is_restored: bool


class Gap(NamedTuple):
    """A stretch without readings, from the last one before it to the first one after it."""

    channel_id: int
    start: datetime
    end: datetime


class IntervalSum(NamedTuple):
    """The intervals of a channel in a window."""

    channel_id: int
    starts_at: datetime
    """Of the window."""
    intervals: int
    """How many."""
    total: Decimal
    """Raw."""
    first: datetime
    """The end of the first one."""
    last: datetime


class Latest(NamedTuple):
    """The newest billed register of a meter; None where there is none."""

    tower: str | None
    subject_type: SubjectKind
    subject: str
    service: str
    source: str
    manufacturer: str
    serial: str
    legacy: bool
    at: datetime | None
    raw: int | None
    origin: int | None
    unit: int | None
    scaler: int | None
    volatile: bool
    """Its gateway could not keep it: it is no reading."""


@translating
def boundary_readings(
    conn: Connection,
    *,
    last_in: Collection[Window] = (),
    first_in: Collection[Window] = (),
    by_hand_in: Collection[HandWindow] = (),
    exponents: dict[int, int],
) -> dict[int, list[Register]]:
    """Return the readings around borders, by channel.

    Args:
        conn: The store.
        last_in: Where the last reading counts.
        first_in: Where the first reading counts.
        by_hand_in: Where every reading that a person made counts.
        exponents: e of value = raw * 10^e for each channel of the question.
    """
    found: dict[int, set[Register]] = {}

    register = _registers(exponents)
    rows: list[Register] = []
    if last_in:
        rows += all_rows(conn, register, query("reading/last_in_windows"), _arrays(last_in))
    if first_in:
        rows += all_rows(conn, register, query("reading/first_in_windows"), _arrays(first_in))
    for window in by_hand_in:
        arguments = {"channels": list(window.channels), "start": window.start, "end": window.end}
        rows += all_rows(conn, register, query("reading/by_hand"), arguments)
    for row in rows:
        found.setdefault(row.channel_id, set()).add(row)
    return {channel_id: list(readings) for channel_id, readings in found.items()}


def _registers(exponents: Mapping[int, int]) -> Callable[..., Register]:
    """Return what makes a register of a row; ``exponents`` are those of its channels."""

    def register(channel_id: int, ts: datetime, raw: int, origin: int) -> Register:
        return Register(channel_id, ts, raw, ORIGINS[origin], exponents[channel_id])

    return register


def _arrays(windows: Collection[Window]) -> dict[str, object]:
    return {
        "channels": [window.channel_id for window in windows],
        "starts": [window.start for window in windows],
        "ends": [window.end for window in windows],
        "start": min(window.start for window in windows),
        "end": max(window.end for window in windows),
    }


@translating
def not_elected_in(
    conn: Connection, windows: Collection[Window], exponents: Mapping[int, int]
) -> dict[int, list[NotElected]]:
    """Return the claims in windows that are kept and not elected, by channel.

    Args:
        conn: The store.
        windows: Where to look.
        exponents: e of value = raw * 10^e for each channel of the question.
    """
    found: dict[int, set[NotElected]] = {}
    if not windows:
        return {}
    for channel_id, ts, raw, origin, rule, is_set_aside in conn.execute(
        query("validation/not_elected"), _arrays(windows)
    ):
        claim = Register(channel_id, ts, raw, ORIGINS[origin], exponents[channel_id])
        known = None if rule is None else Rule(rule)
        found.setdefault(channel_id, set()).add(NotElected(claim, known, is_set_aside))
    return {channel_id: list(claims) for channel_id, claims in found.items()}


@translating
def questioned_in(
    conn: Connection, windows: Collection[Window], exponents: Mapping[int, int]
) -> dict[int, list[Questioned]]:
    """Return what counts in windows though something speaks against it, by channel.

    Args:
        conn: The store.
        windows: Where to look.
        exponents: e of value = raw * 10^e for each channel of the question.
    """
    found: dict[int, list[Questioned]] = {}
    if not windows:
        return found
    for channel_id, ts, raw, origin, is_restored in conn.execute(
        query("validation/questioned"),
        _arrays(windows) | {"rules": [rule.value for rule in DOUBTS]},
    ):
        claim = Register(channel_id, ts, raw, ORIGINS[origin], exponents[channel_id])
        found.setdefault(channel_id, []).append(Questioned(claim, is_restored))
    return found


@translating
def intervals_in(
    conn: Connection, windows: Collection[Window], exponents: Mapping[int, int]
) -> dict[int, list[tuple[datetime, Decimal]]]:
    """Return the intervals of channels that end in windows, by channel: their ends and amounts."""
    found: dict[int, list[tuple[datetime, Decimal]]] = {}
    if not windows:
        return found
    for channel_id, ts, raw in conn.execute(query("reading/intervals_in"), _arrays(windows)):
        amount = Decimal(raw).scaleb(exponents[channel_id])
        found.setdefault(channel_id, []).append((ts, amount))
    return found


@translating
def interval_steps(
    conn: Connection, within: Window, origin: datetime, step_s: int
) -> dict[int, tuple[int, int]]:
    """Add up the intervals of a channel that end in a window, in steps of a time.

    Returns:
        By number of the step, counted from ``origin``: how many, and their raw sum.
    """
    rows = conn.execute(
        query("reading/interval_steps"),
        {
            "channel": within.channel_id,
            "start": within.start,
            "end": within.end,
            "origin": origin,
            "step_s": step_s,
        },
    )
    return {step: (count, int(total)) for step, count, total in rows}


@translating
def interval_sums(conn: Connection, windows: Collection[Window]) -> list[IntervalSum]:
    """Add up the intervals that end in each window, without its start."""
    if not windows:
        return []
    rows = conn.execute(query("reading/interval_sums"), _arrays(windows))
    return [IntervalSum(*row) for row in rows]


@translating
def latest(conn: Connection, society_id: int, now: datetime) -> list[Latest]:
    """Return the newest billed register of every meter that is assigned now."""
    arguments = {"society_id": society_id, "now": now, **BILLED_CODES}
    return all_rows(conn, Latest, query("reading/latest"), arguments)


@translating
def newest_channel(conn: Connection, channel_ids: Collection[int]) -> int | None:
    """Return the channel whose newest reading is the newest of all; None where none is given."""
    found: int | None = scalar(conn, query("reading/newest_channel"), (sorted(channel_ids),))
    return found


@translating
def neighbours(
    conn: Connection, exponents: dict[int, int], at: datetime
) -> tuple[Register | None, Register | None]:
    """Return the last reading at or before a time and the first one after it, of any channel.

    Args:
        conn: The store.
        exponents: e of value = raw * 10^e for each channel of the question.
        at: The time.
    """
    register = _registers(exponents)
    arguments = {"channels": sorted(exponents), "at": at}
    rows = all_rows(conn, register, query("reading/neighbours"), arguments)
    before = next((row for row in rows if row.ts <= at), None)
    return before, next((row for row in rows if row.ts > at), None)


@translating
def is_any_kept_until(conn: Connection, at: datetime) -> bool:
    """Say whether the store keeps a reading of a time or of before it."""
    return bool(scalar(conn, query("reading/any_before"), {"start": at}))


@translating
def oldest_between(conn: Connection, start: datetime, end: datetime) -> datetime | None:
    """Return the time of the oldest reading after ``start`` and up to ``end``; None: none."""
    found: datetime | None = scalar(conn, query("reading/oldest"), {"start": start, "end": end})
    return found


@translating
def require_kept(conn: Connection, since: datetime) -> None:
    """Refuse to look for readings of a time after ``since`` that the store has let go.

    Raises:
        ReadRefused: readings are kept from a later time on.
    """
    kept = retention(conn)
    if kept.kept_from is not None and since < kept.kept_from:
        raise ReadRefused(
            f"readings are kept from {kept.kept_from.astimezone(kept.zone):%Y-%m-%d} on: of before "
            "there are days and months alone"
        )


@translating
def gaps(conn: Connection, windows: Collection[Window], periods_s: Collection[int]) -> list[Gap]:
    """Return where in each window readings are more than one and a half periods apart.

    Args:
        conn: The store.
        windows: Where to look; the start counts as a reading, and so does the end.
        periods_s: The capture period of each window's channel.
    """
    if not windows:
        return []
    arguments = {**_arrays(windows), "periods_s": list(periods_s)}
    return all_rows(conn, Gap, query("reading/gaps"), arguments)
