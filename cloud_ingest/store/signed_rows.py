# SPDX-License-Identifier: MIT
"""The row that a gateway signed for a reading: which batch, which block, which row and column.

Readings do not name their batch. A batch with a reading was received after it, mostly at once:
so batches are looked through in the order of receipt, from the time of the reading on.

In: a society, a reading that the store has. Out: the signed lines with it. Never: a write.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from cloud_ingest.core.accept import FUTURE_TOLERANCE
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.evidence_months import StoredBatch, stored_batches
from cloud_ingest.store.rows import scalars
from shared_schema.billing import billing_exponent
from shared_schema.catalogue import Service
from shared_schema.errors import MalformedMessage
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from shared_schema.readings import VALUE, Batch, Block, Column, read_block
from shared_schema.text import composed

_WAITS = (
    -FUTURE_TOLERANCE,
    timedelta(hours=3),
    timedelta(days=2),
    timedelta(days=40),
    timedelta(days=36500),
)
"""How long after a reading its batch is looked for: first among the few that came at once."""


class Sought(NamedTuple):
    """A reading of a billed register, as a number names it."""

    meter: MeterId
    obis: Obis
    service: Service
    at: datetime
    value: Decimal
    """In the unit of billing."""


@dataclass(frozen=True, slots=True)
class SignedRow:
    """Where a reading stands in what a gateway signed."""

    batch_id: int
    gateway: str
    received_at: datetime
    batch: Batch
    ordinal: int
    """Of its block in the batch."""
    row: int
    column: int
    counted: Column
    """What the column counts."""


@translating
def signed_rows(conn: Connection, society_id: int, sought: Sought) -> Iterator[SignedRow]:
    """Give every signed row with a reading, in the order of receipt.

    A reading can come again, with other rows beside it: the caller takes one and asks no further.
    """
    gateways: list[int] = scalars(
        conn, "SELECT gateway_id FROM gateway WHERE society_id = %s", (society_id,)
    )
    for start, end in pairwise(_WAITS):
        arguments = {
            "gateways": gateways,
            "start": sought.at + start,
            "end": min(sought.at, datetime.max.replace(tzinfo=UTC) - end) + end,
        }
        found = conn.execute(
            """
            SELECT batch_id, received_at FROM batch_evidence
            WHERE gateway_id = ANY(%(gateways)s::int[])
              AND received_at >= %(start)s AND received_at < %(end)s
            ORDER BY received_at, batch_id
            """,
            arguments,
        ).fetchall()
        yield from _rows_in(stored_batches(conn, gateways, found), sought)


def _rows_in(batches: Iterable[StoredBatch], sought: Sought) -> Iterator[SignedRow]:
    told = str(int(sought.at.timestamp())).encode()
    for batch_id, gateway, received_at, batch in batches:
        for ordinal, line in enumerate(batch.block_lines):
            if told not in line:  # few lines are worth parsing
                continue
            place = _place(line, sought)
            if place is not None:
                row, column, counted = place
                yield SignedRow(
                    batch_id, gateway, received_at, batch, ordinal, row, column, counted
                )


def _place(line: bytes, sought: Sought) -> tuple[int, int, Column] | None:
    """Return the row and the column of a reading in a block, and what the column counts."""
    try:
        block = read_block(line)
    except MalformedMessage:
        return None
    if not isinstance(block, Block) or _names(block.meter) != _names(sought.meter):
        return None
    for column, counted in enumerate(block.columns):
        exponent = billing_exponent(sought.service, counted.unit, counted.scaler)
        if (counted.obis, counted.attribute) != (sought.obis, VALUE) or exponent is None:
            continue
        for row, (ts, _status, *raws) in enumerate(block.rows):
            raw = raws[column]
            if (
                raw is not None
                and ts == sought.at.timestamp()
                and Decimal(raw).scaleb(exponent) == sought.value
            ):
                return row, column, counted
    return None


def _names(meter: MeterId) -> tuple[str, str]:
    return composed(meter.manufacturer), composed(meter.serial)
