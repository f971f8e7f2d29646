# SPDX-License-Identifier: GPL-2.0-only
"""The next key: it is named in a batch that the key before it signs, and signs once that is stored.

So the cloud knows a key before anything comes that it has signed. Which key took over is kept: a
start with both keys goes on with that one. So is which one it followed: that one signs nothing
more, and is the next of none.

In: a spool, its sealer, both keys. Out: the moment of the change. Owns the table ``took_over`` of
the spool's file: an id each, after the word ``former`` where it is one that another followed.
Never: a key in a file changed; a change before the cloud's receipt.
"""

import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from uuid import UUID

from edge_agent.errors import ConfigurationError, Setup, SpoolFull
from edge_agent.settings.gateway import AgentSettings
from edge_agent.spool.spool import Spool
from shared_schema.readings import KeyChange
from shared_schema.signing import SigningKey, key_id, raw_public_key

_log = logging.getLogger(__name__)


def took_over(path: Path) -> frozenset[str]:
    """Return the ids of the keys that took over, from a spool that an agent may use meanwhile."""
    return _keys(path, "SELECT key FROM took_over WHERE key NOT LIKE 'former %'")


def former_keys(path: Path) -> frozenset[str]:
    """Return the ids of the keys that others followed: the cloud refuses what they sign now."""
    return _keys(path, "SELECT substr(key, 8) FROM took_over WHERE key LIKE 'former %'")


def _keys(path: Path, statement: str) -> frozenset[str]:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as database:
            return frozenset(row[0] for row in database.execute(statement))
    except sqlite3.Error:  # no spool, or one of an earlier program
        return frozenset()


def keys_in_turn(settings: AgentSettings) -> tuple[SigningKey, SigningKey | None]:
    """Return the key that signs now, and the next one where it does not sign yet.

    Raises:
        ConfigurationError: a file cannot be used, or holds a key that another one followed.
    """
    key, following = settings.signing_key(), settings.next_key()
    if following is not None and _id(following) == _id(key):  # a copy of it follows nobody
        following = None
    path, former = settings.key_file, former_keys(settings.spool)
    if following is not None and _id(following) in former:
        key, path = following, settings.next_key_file
    elif following is not None and _id(following) in took_over(settings.spool):
        return following, None
    if _id(key) in former:
        raise ConfigurationError(
            f"{path} holds a former key of this gateway, and the cloud refuses what it signs now: "
            "put the newest key in its place, or make another one (docs/howto/enrol.md)",
            of=Setup.GATEWAY_KEY,
        )
    return key, following


class Succession:
    """Names the next key, and lets it sign once the cloud has that."""

    def __init__(
        self,
        spool: Spool,
        *,
        gateway: str,
        keys: tuple[SigningKey, SigningKey],
        take: Callable[[SigningKey], None],
    ) -> None:
        """Take what changes.

        Args:
            spool: where batches wait for their receipts.
            gateway: this gateway's id.
            keys: the one that signs, and the next.
            take: lets a key sign from now on.
        """
        self._spool = spool
        self._gateway = gateway
        self._key, self._next = keys
        self._take = take
        self._named: tuple[UUID, int] | None = None
        """Stream and seq of the batch that names the next key."""
        self._is_done = False

    def look(self, now: datetime) -> None:
        """Do what is due: name the next key, or let it sign.

        Raises:
            SpoolError: the spool fails.
        """
        if self._is_done:
            return
        if self._named is None or self._named[0] != self._spool.stream:
            self._name(now)
        elif self._spool.is_covered(self._named[1]):
            with self._spool.transaction() as database:
                for known in (_id(self._next), f"former {_id(self._key)}"):
                    database.execute("INSERT OR IGNORE INTO took_over VALUES (?)", (known,))
            self._take(self._next)
            self._is_done = True
            _log.warning(
                "the next key signs from now on; move its file to the place of the one before",
                extra={"action": "key_changed", "key": _id(self._next)},
            )

    def _name(self, now: datetime) -> None:
        successor = raw_public_key(self._next.public_key()).hex()
        line = KeyChange(successor=successor).to_line()
        try:
            seq = self._spool.seal_alone(line, gateway=self._gateway, key=self._key, at=now)
        except SpoolFull:  # the sealer tells it
            return
        self._named = (self._spool.stream, seq)


def _id(key: SigningKey) -> str:
    return key_id(key.public_key())
