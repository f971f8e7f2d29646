# SPDX-License-Identifier: GPL-2.0-only
"""Losses: the batches that had to be dropped before the cloud had them, as ranges of the stream.

In: seqs that were dropped, payloads that may state earlier losses. Out: ranges; a line in the log.
Never: a range forgotten that was stated once.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Final

from edge_agent.spool.batches import Range
from shared_schema.errors import MalformedMessage
from shared_schema.readings import Loss

MAX_LOSSES: Final = 256
"""Ranges in one statement; the oldest are told as one beyond that."""
_SHOWN: Final = 20
_log = logging.getLogger(__name__)


def joined(ranges: Iterable[Range], limit: int = MAX_LOSSES) -> list[Range]:
    """Return ranges in order, those that touch as one, and no more than so many."""
    found: list[Range] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    more = len(found) - limit
    return found if more <= 0 else [(found[0][0], found[more][1]), *found[more + 1 :]]


def stated(payload: bytes) -> list[Range]:
    """Return the losses that a batch states."""
    ranges: list[Range] = []
    for line in payload.split(b"\n")[1:-1]:
        if line.startswith(b'{"kind":"loss"'):
            try:
                loss = Loss.from_line(line)
            except MalformedMessage:
                continue
            ranges.append((loss.first, loss.last))
    return ranges


def log_losses(losses: Sequence[Loss], **extra: object) -> None:
    """Tell the log what was dropped; nothing where nothing was.

    Args:
        losses: what the spool returned.
        extra: facts of the caller, such as its bus.
    """
    if losses:
        _log.error(
            "the spool has its largest size; the oldest readings that the cloud does not have "
            "were dropped: see why it does not take them, or raise spool_max_mb",
            extra={
                "action": "readings_dropped",
                "batches": [f"{loss.first}-{loss.last}" for loss in losses[:_SHOWN]],
                **extra,
            },
        )
