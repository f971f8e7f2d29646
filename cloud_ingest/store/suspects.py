# SPDX-License-Identifier: MIT
"""Which billed registers are to be judged, and in which months.

A suspect is a meter's register in a local month in which it falls, rises faster than it can, or in
which something was said beside what is elected. One query looks at the ends of the stretches that
commits have stored (`store.unjudged`); of a store in which nothing is wrong, nothing else is read.

In: stretches that were stored. Out: where registers do not plainly rise, suspects. Never: a write.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from cloud_ingest.core.month import MICROSECOND
from cloud_ingest.core.plausible import UNITS_OF_A_TOWER
from cloud_ingest.core.rating import MOST_PER_HOUR, W_PER_A
from cloud_ingest.store.billed_registers import SERVICE_OF, Dial
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows
from cloud_ingest.store.unjudged import Stretch, array_text
from shared_schema.billing import MAX_SCALER, billing_exponent
from shared_schema.catalogue import BILLED_REGISTER, Service, Unit
from shared_schema.quality import Origin

BESIDE = timedelta(days=63)
"""How far from a window a reading next to it is looked for: two months, for monthly reads."""
_COUNTS = [
    (str(code), int(unit), exponent)
    for service, code in BILLED_REGISTER.items()
    for unit in Unit
    if (exponent := billing_exponent(service, unit, 0)) is not None
]
_BILLED: dict[str, Any] = {
    "codes": [code for code, _, _ in _COUNTS],
    "units": [unit for _, unit, _ in _COUNTS],
    "exponents": [exponent for _, _, exponent in _COUNTS],
    "max_scaler": MAX_SCALER,
}
_METER = tuple(Origin).index(Origin.METER)


class Disturbed(NamedTuple):
    """Where a billed register does not plainly rise: from one time to another, both included."""

    meter_id: int
    first: datetime
    last: datetime


class Suspect(NamedTuple):
    """A billed register that is to be judged in a local month."""

    meter_id: int
    obis: str
    month: date
    """Its 1st."""


@translating
def disturbed(conn: Connection, stretches: Sequence[Stretch]) -> list[Disturbed]:
    """Return which stretches do not plainly rise, in themselves or with what is next to them."""
    if not stretches:
        return []
    columns = list(zip(*stretches, strict=True))
    names = ("channels", "firsts", "lasts", "counts", "fastest")
    arguments = {
        **_BILLED,
        "most_per_s": [float(MOST_PER_HOUR[SERVICE_OF[code]]) / 3600 for code in _BILLED["codes"]],
        "units_of_a_tower": UNITS_OF_A_TOWER,
        "electricity": str(BILLED_REGISTER[Service.ELECTRICITY]),
        "w_per_a": W_PER_A,
        **{name: array_text(own) for name, own in zip(names, columns, strict=True)},
        **_beside(
            datetime.fromtimestamp(min(columns[1]), UTC),
            datetime.fromtimestamp(max(columns[2]), UTC),
        ),
    }
    with conn.transaction():
        _join_by_hash(conn)
        return all_rows(conn, Disturbed, query("validation/disturbed"), arguments)


@translating
def suspects(
    conn: Connection, windows: Iterable[Disturbed], dials: Iterable[Dial], zone: ZoneInfo
) -> list[Suspect]:
    """Return which registers are to be judged in which months.

    Args:
        conn: The store.
        windows: Where to look; windows of a meter do not overlap.
        dials: The registers of their meters.
        zone: Of the store's months.
    """
    own: dict[int, list[Dial]] = {}
    for dial in dials:
        own.setdefault(dial.meter_id, []).append(dial)
    asked = [(dial, window) for window in windows for dial in own.get(window.meter_id, ())]
    if not asked:
        return []
    arguments = {
        **_BILLED,
        "meters": [dial.meter_id for dial, _ in asked],
        "obis": [dial.obis for dial, _ in asked],
        "ceilings": [_steps_a_second(dial) for dial, _ in asked],
        "starts": [window.first - MICROSECOND for _, window in asked],
        "ends": [window.last for _, window in asked],
        "meter": _METER,
        "zone": zone.key,
        **_beside(min(w.first for _, w in asked), max(w.last for _, w in asked)),
    }
    with conn.transaction():
        _join_by_hash(conn)
        return all_rows(conn, Suspect, query("validation/suspects"), arguments)


def _steps_a_second(dial: Dial) -> float:
    return float(dial.most_per_hour.scaleb(-dial.finest)) / 3600


def _beside(start: datetime, end: datetime) -> dict[str, object]:
    """Return the bounds of a look at readings."""
    return {"beside": BESIDE, "start": start - BESIDE - MICROSECOND, "end": end + BESIDE}


def _join_by_hash(conn: Connection) -> None:
    """Let nothing be joined row by row for the transaction, but what has no other way.

    The planner knows nothing of what a query names itself, and takes ten thousand rows for one.
    """
    conn.execute("SET LOCAL enable_nestloop = off")
