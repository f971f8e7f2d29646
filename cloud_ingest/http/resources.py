# SPDX-License-Identifier: MIT
"""What all requests share: settings, connections, rates and the clock; and what one request gets.

A route asks for ``Reading`` or ``Writing``: the open store in a connection of its own, that of
``Reading`` for reading alone. It is given back before the answer is sent: who takes an answer
slowly holds no connection.

In: settings and a DSN. Out: `Opened`, a time.
"""

import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Final, TypeVar
from zoneinfo import ZoneInfo

from fastapi import Depends, Request

from cloud_ingest.http.kept import Kept
from cloud_ingest.http.rates import Asker, Rates
from cloud_ingest.http.refused import Refused
from cloud_ingest.settings import CloudSettings
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.pool import Pool

_R = TypeVar("_R")

MOST_CONNECTIONS: Final = 8
"""To the database, of one process that serves."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Opened:
    """An open store, for one request."""

    conn: Connection
    zone: ZoneInfo
    settings: CloudSettings


@dataclass(frozen=True, slots=True)
class Resources:
    """What all requests share."""

    settings: CloudSettings
    pool: Pool
    clock: Callable[[], datetime] = _utc_now
    rates: Rates = field(default_factory=Rates)
    kept: Kept = field(default_factory=Kept)

    @classmethod
    def at(cls, settings: CloudSettings, dsn: str) -> "Resources":
        """Make the resources for a store; nothing is asked of it yet."""
        return cls(settings, Pool(dsn, MOST_CONNECTIONS))

    @property
    def is_behind_tls(self) -> bool:
        """Whether people reach it by https: its cookies and links are so."""
        return (self.settings.public_url or "").startswith("https://")

    def opened(self, *, read_only: bool) -> Iterator[Opened]:
        """Lend the open store for one request."""
        with self.pool.lend(read_only=read_only) as conn:
            yield Opened(conn, open_store(conn, zone=self.settings.zone).zone, self.settings)

    def kept_for_a_minute(self, key: Hashable, count: Callable[[], _R]) -> _R:
        """Return what was counted within the last minute, or count it."""
        return self.kept.of(key, time.monotonic(), count)

    def require_rate(self, asker: Asker, called: str) -> None:
        """Let somebody ask once more.

        Raises:
            Refused: it asks too often.
        """
        if wait_s := self.rates.wait_s(asker, time.monotonic()):
            raise Refused(
                429,
                "too often",
                f"{called} asks too often: wait, and ask less often",
                {"Retry-After": str(int(wait_s) + 1)},
            )


def resources_of(request: Request) -> Resources:
    """Return what a request shares with all others."""
    resources: Resources = request.app.state.resources
    return resources


def _reading(request: Request) -> Iterator[Opened]:
    yield from resources_of(request).opened(read_only=True)


def _writing(request: Request) -> Iterator[Opened]:
    yield from resources_of(request).opened(read_only=False)


def _now(request: Request) -> datetime:
    return resources_of(request).clock()


Reading = Annotated[Opened, Depends(_reading, scope="function")]
Writing = Annotated[Opened, Depends(_writing, scope="function")]
Now = Annotated[datetime, Depends(_now)]
