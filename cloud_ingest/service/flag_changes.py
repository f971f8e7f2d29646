# SPDX-License-Identifier: MIT
"""The log of flags: one line for each kind of which some were raised or cleared.

In: what rules changed. Out: log lines.
"""

import logging
from collections.abc import Iterable

from cloud_ingest.flags.lifecycle import Changes

logger = logging.getLogger(__name__)


def log_changes(changes: Iterable[tuple[str, Changes]]) -> None:
    """Say how many flags of each kind have changed."""
    for kind, change in changes:
        if change.raised or change.cleared:
            logger.info(
                "Flags have changed",
                extra={
                    "action": "flags",
                    "kind": kind,
                    "raised": change.raised,
                    "cleared": change.cleared,
                },
            )
