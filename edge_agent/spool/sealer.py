# SPDX-License-Identifier: GPL-2.0-only
"""The sealer: it decides when the gathered lines become batches.

It seals when the oldest line has waited some seconds, when the lines fill a batch, or when asked.

In: the spool, a clock that nobody sets. Out: batches in the spool; a line in the log where the disk
is full, or where readings were dropped. Owns since when lines wait.
Never: a line held back by a clock that jumps, or because the broker is away.
"""

import logging
import threading

from edge_agent.errors import SpoolFull
from edge_agent.spool.blocks import ROOM_BYTES
from edge_agent.spool.losses import log_losses
from edge_agent.spool.spool import Spool
from shared_schema.signing import SigningKey

_log = logging.getLogger(__name__)


class Sealer:
    """Seals what the buses of a gateway gather; `seal` may be called from any thread."""

    def __init__(self, spool: Spool, *, gateway: str, key: SigningKey, gather_s: float) -> None:
        """Take what is sealed, and by whom.

        Args:
            spool: what holds the lines.
            gateway: this gateway's id.
            key: what it signs with.
            gather_s: how long a line may wait for others; 0 for not at all.
        """
        self._spool = spool
        self._gateway = gateway
        self._key = key
        self._signing = threading.Lock()
        self._gather_s = gather_s
        self._since: float | None = None
        self._said = ""

    def sign_with(self, key: SigningKey) -> None:
        """Sign what is sealed from now on with another key."""
        with self._signing:
            self._key = key

    def seal_due(self, now: float) -> None:
        """Seal what has waited long enough, or fills a batch; to be called a few times a second.

        Args:
            now: of a monotonic clock, in seconds.

        Raises:
            SpoolError: the spool fails.
        """
        size = self._spool.gathered_bytes()
        if not size:
            self._since = None
            return
        since = self._since = now if self._since is None else self._since
        if now - since >= self._gather_s or size > ROOM_BYTES:
            self.seal()

    def seal(self) -> None:
        """Seal all that is gathered. On a full disk it stays gathered: it is tried again.

        Raises:
            SpoolError: the spool fails.
        """
        self._since = None
        try:
            with self._signing:  # nothing is signed by a former key after the next one signed
                sealed = self._spool.seal(gateway=self._gateway, key=self._key)
            log_losses(sealed.losses)
            self._said = ""
        except SpoolFull as error:
            level = logging.DEBUG if str(error) == self._said else logging.ERROR
            self._said = str(error)
            _log.log(
                level,
                "the newest readings cannot be sealed yet; they stay in the spool, unsent",
                extra={"action": "not_sealed", "reason": str(error)},
            )
