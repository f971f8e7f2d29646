# SPDX-License-Identifier: GPL-2.0-only
"""Refused secrets: which meter refused which, so that no restart sends it again.

Many meters lock after three refusals. A refusal ends when another secret is set.

In: a meter that refused its password. Out: whether it refused the one that is set now, and
when another one is set. Owns the table ``refusal`` of the spool's file.
Never: the secret itself, nor a plain hash of it: eight characters would be guessed.
"""

import contextlib
import hashlib
import os
import secrets
from pathlib import Path
from typing import Final

from edge_agent.errors import ConfigurationError, SpoolFull
from edge_agent.secret_files import read_secret
from edge_agent.settings.bus import MeterConfig
from edge_agent.spool.spool import Spool

_ROUNDS: Final = 20_000
"""Enough beside the secret's own file, and quick for a riser of refusals on a small machine."""
SALT_BYTES: Final = 16
_Place = tuple[str, int, int]
"""Bus, logical and physical address."""
_Stamp = tuple[int, int, int] | None


class RefusedSecrets:
    """The refusals of the meters of one bus, and the files of the secrets they refused."""

    def __init__(self, spool: Spool, bus: str) -> None:
        self._spool = spool
        self._bus = bus
        self._watched: dict[str, tuple[MeterConfig, list[_Stamp]]] = {}

    def note(self, meter: MeterConfig) -> None:
        """Keep that a meter refused the secret that is set for it now.

        Raises:
            ConfigurationError: the secret's file cannot be read any more; nothing is kept.
            SpoolFull: the disk is full; nothing is kept.
            SpoolError: the spool fails.
        """
        self._watched[meter.label] = (meter, _stamps(meter))
        salt = secrets.token_bytes(SALT_BYTES)
        hashed = digest(secret_of(meter), salt)
        with self._spool.transaction() as database:
            database.execute(
                "INSERT OR REPLACE INTO refusal VALUES (?, ?, ?, ?, ?)",
                (*self._place(meter), salt, hashed),
            )

    def recall(self, meter: MeterConfig) -> bool:
        """Tell whether a meter refused the secret that is set for it, before a restart too."""
        stamps = _stamps(meter)
        found = self._find(meter)
        if found is None:
            return False
        try:
            if not _is_refused(meter, found):
                self._forget(meter)
                return False
        except ConfigurationError:  # unreadable now: looked at again when it changes
            pass
        self._watched[meter.label] = (meter, stamps)
        return True

    def changed(self) -> list[str]:
        """Return the labels of the meters for which another secret is set now, each once."""
        labels: list[str] = []
        for label, (meter, stamps) in list(self._watched.items()):
            now = _stamps(meter)
            if now == stamps:
                continue
            self._watched[label] = (meter, now)
            try:
                found = self._find(meter)
                if found is not None and _is_refused(meter, found):
                    continue
                secret_of(meter)
            except ConfigurationError:  # it is being written
                continue
            self._forget(meter)
            del self._watched[label]
            labels.append(label)
        return labels

    def _place(self, meter: MeterConfig) -> _Place:
        return (self._bus, meter.logical_address, meter.address)

    def _find(self, meter: MeterConfig) -> tuple[bytes, bytes] | None:
        with self._spool.reading() as database:
            row = database.execute(
                "SELECT salt, hash FROM refusal"
                " WHERE bus = ? AND logical_address = ? AND address = ?",
                self._place(meter),
            ).fetchone()
        return None if row is None else (row[0], row[1])

    def _forget(self, meter: MeterConfig) -> None:
        """Forget a refusal; on a full disk it stays, of a secret that is not set any more."""
        with contextlib.suppress(SpoolFull), self._spool.transaction() as database:
            database.execute(
                "DELETE FROM refusal WHERE bus = ? AND logical_address = ? AND address = ?",
                self._place(meter),
            )


def secret_files(meter: MeterConfig) -> dict[str, Path]:
    """Return the files of all secrets that are set for a meter, by their keys."""
    keys = (
        "password_file",
        "encryption_key_file",
        "authentication_key_file",
        "signing_key_file",
        "meter_public_key_file",
    )
    return {key: path for key in keys if (path := getattr(meter, key)) is not None}


def secret_of(meter: MeterConfig) -> bytes:
    """Return all that a meter is asked to believe: as whom, and by which secrets.

    Raises:
        ConfigurationError: a file cannot be read.
    """
    contents = [
        read_secret(path, f"a secret of {meter.label} ({key})")
        for key, path in secret_files(meter).items()
    ]
    whom = f"{meter.client} {meter.security} {meter.security_suite} {meter.system_title}"
    return b"\0".join([whom.encode(), *(each.rstrip(b"\r\n") for each in contents)])


def _is_refused(meter: MeterConfig, found: tuple[bytes, bytes]) -> bool:
    salt, hashed = found
    return secrets.compare_digest(digest(secret_of(meter), salt), hashed)


def digest(secret: bytes, salt: bytes) -> bytes:
    """Return by what a secret is known again, without keeping it."""
    return hashlib.pbkdf2_hmac("sha256", secret, salt, _ROUNDS)


def _stamps(meter: MeterConfig) -> list[_Stamp]:
    """Return what changes when a secret's file is written or replaced."""
    found: list[_Stamp] = []
    for path in secret_files(meter).values():
        try:
            status = os.stat(path)  # noqa: PTH116
        except OSError:
            found.append(None)
        else:
            found.append((status.st_mtime_ns, status.st_size, status.st_ino))
    return found
