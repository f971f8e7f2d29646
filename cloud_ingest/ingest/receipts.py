# SPDX-License-Identifier: MIT
"""Receipts: they tell a gateway which of its batches the store has committed.

In: a connection, the streams that were touched, the cloud's key. Out: signed messages with their
topics. Never: a number that is not committed: call it outside of the ingest's transaction.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from cloud_ingest.store.commit import Stream
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.receipts import heads, store_id, stored_ranges
from shared_schema.gateway import Receipt
from shared_schema.signing import SigningKey, key_id, sign_message
from shared_schema.topics import GatewayTopic, gateway_topic

MAX_RANGES = 500
"""A receipt names so many ranges from the newest end. The gateway sends the rest again, and the
store merges it."""


def signed_receipts(
    conn: Connection, streams: Iterable[Stream], key: SigningKey
) -> list[tuple[str, bytes]]:
    """Return topic and message of a receipt for each stream of which something is stored.

    The store's id is read with the ranges: the store may have been restored meanwhile.
    """
    store = store_id(conn)
    now = datetime.now(UTC)
    messages: list[tuple[str, bytes]] = []
    for each in streams:
        stored = stored_ranges(conn, each.gateway_id, each.stream)
        named, ends = heads(conn, each.gateway_id, each.stream, stored, MAX_RANGES)
        if not named:
            continue
        receipt = Receipt(
            gateway=each.gateway,
            key=key_id(key.public_key()),
            store=store,
            stream=each.stream,
            ranges=tuple(named),
            heads=tuple(ends),
            at=now,
        )
        topic = gateway_topic(each.gateway, GatewayTopic.RECEIPTS)
        messages.append((topic, sign_message(receipt.to_line(), key)))
    return messages
