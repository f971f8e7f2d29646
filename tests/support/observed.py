# SPDX-License-Identifier: GPL-2.0-only
"""What a gateway's spool says that it saw of meters, from its signed batches."""

from edge_agent.spool import Spool
from shared_schema.readings import Observation, Observations, open_batch
from shared_schema.signing import VerifyKey


def observations(spool: Spool, key: VerifyKey) -> list[Observation]:
    """Return them in the order of the stream, each batch verified."""
    found: list[Observation] = []
    for spooled in sorted(spool.due(10_000), key=lambda each: each.seq):
        for block in open_batch(spooled.payload, lambda _gateway, _key: key).blocks():
            if isinstance(block, Observations):
                assert not spooled.historical
                found.extend(block.seen)
    return found
