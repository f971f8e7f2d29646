# SPDX-License-Identifier: GPL-2.0-only
"""What a gateway's spool says that it saw of meters, from its signed batches."""

from edge_agent.spool.spool import Spool
from shared_schema.readings import Observation, Observations, open_batch
from shared_schema.signing import SigningKey


def observations(spool: Spool, key: SigningKey) -> list[Observation]:
    """Seal what is gathered; return them in the order of the stream, each batch verified."""
    spool.seal(gateway="gw-1", key=key)
    found: list[Observation] = []
    for spooled in sorted(spool.due(10_000), key=lambda each: each.seq):
        for block in open_batch(spooled.payload, lambda _gateway, _key: key.public_key()).blocks():
            if isinstance(block, Observations):
                assert not spooled.historical
                found.extend(block.seen)
    return found
