# SPDX-License-Identifier: MIT
"""The batches in which gateways named their next keys, as they were signed.

In: a connection, keys of gateways. Out: the batches that lead to them. Never: a write.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.evidence_months import stored_batches
from cloud_ingest.store.key_successions import named_keys
from cloud_ingest.store.rows import all_rows
from shared_schema.readings import Batch
from shared_schema.signing import raw_public_key


@dataclass(frozen=True, slots=True)
class NamingBatch:
    """A batch whose key names the next one."""

    batch: Batch
    block: bytes
    """The line that names it."""
    received_at: datetime


class _Step(NamedTuple):
    gateway_id: int
    key_id: str
    successor: bytes
    received_at: datetime


@translating
def naming_batches(conn: Connection, signers: Collection[tuple[str, str]]) -> list[NamingBatch]:
    """Return what leads to keys from the first ones that were enrolled, in that order.

    Args:
        conn: The store.
        signers: The keys, each as its gateway's name and its id.
    """
    arguments = {
        "gateways": [gateway for gateway, _ in signers],
        "keys": [key for _, key in signers],
    }
    steps = all_rows(conn, _Step, query("registry/named_keys"), arguments)
    found = (next(_naming(conn, step), None) for step in steps)
    return [each for each in found if each is not None]


def _naming(conn: Connection, step: _Step) -> Iterator[NamingBatch]:
    batches = conn.execute(
        """
        SELECT batch_id, received_at FROM batch_evidence
        WHERE gateway_id = %s AND received_at = %s ORDER BY batch_id
        """,
        (step.gateway_id, step.received_at),
    ).fetchall()
    for each in stored_batches(conn, [step.gateway_id], batches):
        if each.batch.header.key != step.key_id:
            continue
        for line, key in named_keys(each.batch):
            if raw_public_key(key) == step.successor:
                yield NamingBatch(each.batch, line, each.received_at)
