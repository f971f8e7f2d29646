# SPDX-License-Identifier: MIT
"""The newest reading of one register, and the gateway that reads it: to see what a command brought.

In: a meter and a code. Out: one row as a value. Never: what a person entered.
"""

from dataclasses import dataclass
from datetime import datetime

from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows
from shared_schema.obis import Obis


@dataclass(frozen=True, slots=True)
class NewestReading:
    """What a meter's register showed last."""

    gateway: str | None
    """Who reads it; None: its readings were imported."""
    at: datetime
    raw: int
    unit: int
    scaler: int
    weight: int


@translating
def newest_of_meter(conn: Connection, meter_id: int, obis: Obis) -> NewestReading | None:
    """Return the newest reading of a register that a meter itself gave; None: there is none."""
    arguments = {"meter_id": meter_id, "obis": str(obis)}
    found = all_rows(conn, NewestReading, query("reading/newest_of_meter"), arguments)
    return found[0] if found else None
