# SPDX-License-Identifier: MIT
"""Keys that gateways named as their next ones, and when the ones before them signed last.

A key is known from the batch on that names it. The one before counts until a batch comes that the
new one signed: up to the number before that, for ever.

In: a connection, batches that are stored now. Owns: the table ``key_succession``; the next keys in
``gateway_key``.
"""

import logging
from collections.abc import Iterable, Iterator
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cloud_ingest.core.accept import Accepted
from cloud_ingest.store.connection import Connection, query
from shared_schema.errors import MalformedMessage
from shared_schema.readings import Batch, KeyChange
from shared_schema.signing import VerifyKey, key_id, raw_public_key

logger = logging.getLogger(__name__)

_BEGINS: Final = b'{"kind":"key"'


def note_successions(conn: Connection, stored: Iterable[Accepted]) -> None:
    """Note the next keys that batches name, and the last numbers of the keys before."""
    for delivery in stored:
        header = delivery.batch.header
        for _line, successor in named_keys(delivery.batch):
            conn.execute(
                query("registry/key_successor"),
                {
                    "gateway": delivery.gateway.gateway_id,
                    "key": header.key,
                    "successor": key_id(successor),
                    "public_key": raw_public_key(successor),
                    "stream": header.stream,
                    "at": delivery.received_at,
                },
            )
            logger.warning(
                "A gateway names its next key",
                extra={
                    "action": "key_named",
                    "gateway": delivery.gateway.name,
                    "key": key_id(successor),
                },
            )
        if header.seq <= delivery.gateway.successors.get(header.key, 0):
            conn.execute(
                """
                UPDATE key_succession SET stream = %(stream)s, last_seq = %(seq)s - 1
                WHERE gateway_id = %(gateway)s AND successor = %(key)s AND (
                  last_seq = 9223372036854775807 OR (stream = %(stream)s AND last_seq >= %(seq)s))
                """,
                {
                    "gateway": delivery.gateway.gateway_id,
                    "key": header.key,
                    "stream": header.stream,
                    "seq": header.seq,
                },
            )


def named_keys(batch: Batch) -> Iterator[tuple[bytes, VerifyKey]]:
    """Give the keys that a batch names as next ones, each with the line that does."""
    for line in batch.block_lines:
        if line.startswith(_BEGINS):
            try:
                successor = bytes.fromhex(KeyChange.from_line(line).successor)
                yield line, Ed25519PublicKey.from_public_bytes(successor)
            except (MalformedMessage, ValueError):  # it is in quarantine
                continue
