# SPDX-License-Identifier: MIT
"""What persons read of meters, each beside the rows on both sides of it.

In: meters. Out: their points, which `core.dial_check` holds against the register. Never: a write.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from cloud_ingest.core.dial_check import DialPoint, Scale, Source
from cloud_ingest.core.judgement import DialChannel
from cloud_ingest.core.plausible import typed_step
from cloud_ingest.core.register import offset_at
from cloud_ingest.store.billed_registers import SERVICE_OF, Dial, dials_of
from cloud_ingest.store.connection import Connection, query, translating
from shared_schema.catalogue import Service

REACH: Final = timedelta(days=1)
"""How far from a dial a row may stand beside it."""

DialKey = tuple[int, Service]
"""A meter's id, and what it counts."""


class _Said(NamedTuple):
    """What was said of a meter, in kWh or kL."""

    at: datetime
    source: Source
    shown: Decimal
    step: Decimal
    register: Decimal | None = None
    """What its module counted at that moment, as it was said then."""


@translating
def dial_points(conn: Connection, meters: Collection[int]) -> dict[DialKey, list[DialPoint]]:
    """Return what persons read of meters, beside what their rows say."""
    said = _compared(conn, meters)
    entered = conn.execute(query("dial/entered"), {"meters": sorted(meters)}).fetchall()
    if not said and not entered:
        return {}
    dials = {
        (dial.meter_id, dial.service): dial
        for dial in dials_of(
            conn, {key[0] for key in said} | {meter_id for meter_id, *_ in entered}
        ).values()
    }
    for meter_id, obis, channel_id, at, raw in entered:
        if (service := SERVICE_OF.get(obis)) is not None and (meter_id, service) in dials:
            own = _entered(dials[meter_id, service], channel_id, at, raw)
            said.setdefault((meter_id, service), []).extend(own)
    known = {key: (dials[key], each) for key, each in said.items() if key in dials}
    if not known:
        return {}
    beside = _rows_beside(conn, known)
    return {key: list(_points(dial, each, beside)) for key, (dial, each) in known.items()}


def _compared(conn: Connection, meters: Collection[int]) -> dict[DialKey, list[_Said]]:
    """Return the comparisons of dials, and the registers that were told with them."""
    found: dict[DialKey, list[_Said]] = {}
    rows = conn.execute(query("dial/compared"), {"meters": sorted(meters)})
    for meter_id, service, at, dial, register in rows:
        own = found.setdefault((meter_id, Service(service)), [])
        own.append(_Said(at, "dial", dial, typed_step(dial), register))
        own.append(_Said(at, "sheet", register, Decimal(0)))
    return found


def _entered(dial: Dial, channel_id: int, at: datetime, raw: int) -> Iterable[_Said]:
    """Return a register that a person entered; the zeros at its end may not have been read."""
    for channel in dial.channels:
        if channel.channel_id == channel_id:
            value = _value(channel, at, raw)
            step = typed_step(value.normalize()) if value else Decimal(1)
            yield _Said(at, "entered", value, step)


def _value(channel: DialChannel, at: datetime, raw: int) -> Decimal:
    return Decimal(raw + offset_at(channel.epochs, at)).scaleb(channel.exponent)


def _rows_beside(
    conn: Connection, known: Mapping[DialKey, tuple[Dial, Iterable[_Said]]]
) -> dict[tuple[int, datetime], list[tuple[datetime, int]]]:
    """Return the rows beside moments, by channel and moment: when and what."""
    asked = {
        (channel.channel_id, each.at)
        for dial, said in known.values()
        for channel in dial.channels
        for each in said
    }
    found: dict[tuple[int, datetime], list[tuple[datetime, int]]] = {}
    arguments = {
        "channels": [channel_id for channel_id, _ in asked],
        "moments": [at for _, at in asked],
        "reach": REACH,
        "start": min(at for _, at in asked) - REACH,
        "end": max(at for _, at in asked) + REACH,
    }
    for at, channel_id, ts, raw in conn.execute(query("dial/rows_beside"), arguments):
        found.setdefault((channel_id, at), []).append((ts, raw))
    return found


def _points(
    dial: Dial,
    said: Iterable[_Said],
    beside: Mapping[tuple[int, datetime], Iterable[tuple[datetime, int]]],
) -> Iterable[DialPoint]:
    """Give what was said with the nearest rows of one scale on its sides."""
    for each in said:
        before: dict[Scale, tuple[datetime, Decimal]] = {}
        after: dict[Scale, tuple[datetime, Decimal]] = {}
        for channel in dial.channels:
            scale = channel.exponent, channel.weight
            for ts, raw in beside.get((channel.channel_id, each.at), ()):
                row = ts, _value(channel, ts, raw)
                if ts <= each.at:
                    before[scale] = max(before.get(scale, row), row)
                if ts >= each.at:
                    after[scale] = min(after.get(scale, row), row)
        for scale in before.keys() | after.keys():
            low = before[scale][1] if scale in before else each.register
            high = after[scale][1] if scale in after else None
            if low is not None and high is not None and low > high:
                low = None
            yield DialPoint(each.at, each.source, each.shown, each.step, low, high, scale)
