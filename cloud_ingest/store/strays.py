# SPDX-License-Identifier: MIT
"""Readings that are stored and that only a gateway said which may not have spoken for the meter.

Readings do not name their gateway: the batches that it sent do. Those are looked through that came
from the time that it lost until that was said. What a gateway that may speak has said as well is
vouched for.

In: a society, meters. Out: stray claims of billed registers that no person has spoken of. Never: a
write.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cloud_ingest.core.accept import FUTURE_TOLERANCE
from cloud_ingest.core.judgement import StoredClaim
from cloud_ingest.core.known import Stretch, spans, within
from cloud_ingest.core.lost_bindings import LONG_AGO, LostBinding, Version, lost_bindings
from cloud_ingest.store.billed_registers import SERVICE_OF, Dial, claims_of, dials_of
from cloud_ingest.store.bindings import Binding, bindings
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.evidence_months import stored_batches
from cloud_ingest.store.readings_write import ORIGIN_NUMBERS
from shared_schema.errors import MalformedMessage
from shared_schema.quality import Origin
from shared_schema.readings import VALUE, Block, read_block
from shared_schema.text import composed

WORKERS_HEAR = timedelta(minutes=5)
"""So long after it was said a worker may still have taken what a gateway sent."""
_Said = tuple[str, int, int, int, int]
"""OBIS, unit, scaler, seconds since 1970, raw."""
_TS: Final = 3
_Plates = Mapping[tuple[str, str], int]
"""Meters by maker and serial number."""
SECOND: Final = timedelta(seconds=1)
METER: Final = ORIGIN_NUMBERS[Origin.METER]


@dataclass(frozen=True, slots=True)
class Stray:
    """A stored claim that only a gateway said which may not speak for its meter then."""

    meter_id: int
    manufacturer: str
    serial: str
    gateway: str
    dial: Dial
    claim: StoredClaim
    is_elected: bool

    @property
    def at(self) -> datetime:
        """Its time."""
        return datetime.fromtimestamp(self.claim.ts, UTC)


@translating
def strays(
    conn: Connection,
    society_id: int,
    meters: Collection[int] | None = None,
    *,
    told_since: datetime | None = None,
) -> list[Stray]:
    """Return the stray readings of a society, by meter and time.

    Args:
        conn: The store.
        society_id: Whose meters.
        meters: Of these alone; None: of all.
        told_since: Of bindings that were taken away since then alone.
    """
    versions = [
        each for each in bindings(conn, society_id, meters, history=True) if not each.taken_back
    ]
    lost = [
        each
        for each in lost_bindings(map(_version, versions))
        if told_since is None or each.told_at >= told_since
    ]
    if not lost:
        return []
    names = {each.gateway_id: each.gateway for each in versions}
    plates = {(each.manufacturer, each.serial): each.meter_id for each in versions}
    found: list[Stray] = []
    for gateway_id in {each.gateway_id for each in lost}:
        own = {each.meter_id: each for each in lost if each.gateway_id == gateway_id}
        said = _said_of_lost(conn, own, plates)
        _drop_vouched(conn, said, versions, own, plates)
        found += _stored(conn, said, names[gateway_id], plates)
    return sorted(found, key=lambda each: (each.manufacturer, each.serial, each.claim.key))


def _version(each: Binding) -> Version:
    stretch = (each.valid_from, each.valid_to)
    return Version(each.meter_id, each.gateway_id, stretch, each.superseded_at)


def _said_of_lost(
    conn: Connection, lost: Mapping[int, LostBinding], plates: _Plates
) -> dict[int, set[_Said]]:
    """Return by meter what a gateway said for times that it lost."""
    found: dict[int, set[_Said]] = defaultdict(set)
    since = min(each.since for each in lost.values())
    until = max(each.told_at for each in lost.values()) + WORKERS_HEAR
    (gateway_id,) = {each.gateway_id for each in lost.values()}
    for meter_id, said in _rows(conn, gateway_id, since, until, plates):
        if meter_id in lost and lost[meter_id].is_lost(said[_TS]):
            found[meter_id].add(said)
    return found


def _drop_vouched(
    conn: Connection,
    said: dict[int, set[_Said]],
    versions: Iterable[Binding],
    lost: Mapping[int, LostBinding],
    plates: _Plates,
) -> None:
    """Leave out what a gateway that may speak has said as well."""
    allowed: dict[int, dict[int, list[Stretch]]] = defaultdict(lambda: defaultdict(list))
    for each in versions:
        if each.superseded_at is None and each.meter_id in said:
            allowed[each.gateway_id][each.meter_id].append((each.valid_from, each.valid_to))
    for gateway_id, stretches in allowed.items():
        if not any(said.values()):
            return
        since = min(lost[meter_id].since for meter_id in stretches)
        for meter_id, row in _rows(conn, gateway_id, since, None, plates):
            if within(spans(stretches.get(meter_id, ())), row[_TS], row[_TS]):
                said[meter_id].discard(row)


def _rows(
    conn: Connection, gateway_id: int, since: datetime, until: datetime | None, plates: _Plates
) -> Iterator[tuple[int, _Said]]:
    """Give what a gateway said of billed registers, by the time of receipt of its batches."""
    start = None if since == LONG_AGO else since - FUTURE_TOLERANCE
    batches = conn.execute(
        """
        SELECT batch_id, received_at FROM batch_evidence
        WHERE gateway_id = %(gateway_id)s
          AND (%(start)s::timestamptz IS NULL OR received_at >= %(start)s)
          AND (%(until)s::timestamptz IS NULL OR received_at <= %(until)s)
        ORDER BY received_at
        """,
        {"gateway_id": gateway_id, "start": start, "until": until},
    ).fetchall()
    for stored in stored_batches(conn, [gateway_id], batches):
        for line in filter(None, stored.batch.block_lines):
            yield from _rows_of(line, plates)


def _rows_of(line: bytes, plates: _Plates) -> Iterator[tuple[int, _Said]]:
    try:
        block = read_block(line)
    except MalformedMessage:
        return
    if not isinstance(block, Block):
        return
    meter_id = plates.get((composed(block.meter.manufacturer), composed(block.meter.serial)))
    if meter_id is None:
        return
    for place, column in enumerate(block.columns):
        if column.attribute != VALUE or str(column.obis) not in SERVICE_OF:
            continue
        for ts, _, *raws in block.rows:
            if ts is not None and (raw := raws[place]) is not None:
                yield meter_id, (str(column.obis), column.unit, column.scaler, ts, raw)


def _stored(
    conn: Connection, said: Mapping[int, Collection[_Said]], gateway: str, plates: _Plates
) -> Iterator[Stray]:
    """Give what was said as it is stored, unless a person has spoken of it."""
    channels = {
        (meter_id, obis, unit, scaler): channel_id
        for channel_id, meter_id, obis, unit, scaler in conn.execute(
            """
            SELECT channel_id, meter_id, obis, unit, scaler FROM channel
            WHERE meter_id = ANY(%s::int[])
            """,
            (list(said),),
        )
    }
    dials = dials_of(conn, list(said))
    for (manufacturer, serial), meter_id in plates.items():
        for obis in SERVICE_OF:
            dial = dials.get((meter_id, obis))
            own = [each for each in said.get(meter_id, ()) if each[0] == obis]
            if dial is None or not own:
                continue
            times = [each[_TS] for each in own]
            start, end = (datetime.fromtimestamp(ts, UTC) for ts in (min(times), max(times)))
            claims = claims_of(conn, dial, start - SECOND, end)
            elected = {each.key for each in claims.elected.values()}
            spoken = {each.key for each in claims.rulings}
            keys = (elected | {each.key for each in claims.beside}) - spoken
            for _, unit, scaler, ts, raw in own:
                channel_id = channels.get((meter_id, obis, unit, scaler))
                if (
                    channel_id is None
                    or (claim := StoredClaim(channel_id, ts, raw, METER)).key not in keys
                ):
                    continue
                yield Stray(
                    meter_id, manufacturer, serial, gateway, dial, claim, claim.key in elected
                )
