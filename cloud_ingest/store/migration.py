# SPDX-License-Identifier: MIT
"""A migration: one file of ``migrations/``, whose header says for which stores it is.

All of a file is applied, or nothing. A comment line ``-- edition: NAME`` in its header limits it to
stores of that kind; without it the file is for all. ``timescale`` is TimescaleDB Community with
continuous aggregates. ``portable`` is every store whose rollups are tables: of these ``apache`` has
its readings in a hypertable, and ``plain`` has not.

A store is upgraded while workers serve it, where the header allows it:

* ``-- beside: 0048``: workers that know the migrations up to 0048 go on while the file is applied,
  and afterwards. It only adds what they do not look at.
* ``-- after: 0049``: it takes away what only programs older than 0049 use. It waits until no such
  worker serves; a newer program does without it until then.
* Neither: the file changes what every former program uses. The service is stopped for it.

In: the files. Out: which of them a store lacks. Never: a database; a file that changes after its
release, for every store remembers its hash.
"""

import functools
import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from cloud_ingest.errors import MigrationRefused
from cloud_ingest.store.connection import Edition

_KINDS: dict[str, frozenset[Edition]] = {
    "timescale": frozenset({"timescale"}),
    "portable": frozenset({"apache", "plain"}),
    "apache": frozenset({"apache"}),
    "plain": frozenset({"plain"}),
}
_UPGRADE = re.compile(r"^-- (beside|after): (\d{4})$", re.MULTILINE)
_EVERY: frozenset[Edition] = frozenset({"timescale", "apache", "plain"})


@dataclass(frozen=True)
class Migration:
    """One file: its name without ``.sql``, and its text."""

    name: str
    text: str

    @functools.cached_property
    def checksum(self) -> str:
        """SHA-256 of the text, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def kinds(self) -> frozenset[Edition]:
        """The kinds of store that it is for."""
        mark = re.search(r"^-- edition: (\w+)$", self.text, re.MULTILINE)
        return _KINDS[mark[1]] if mark else _EVERY

    @property
    def number(self) -> int:
        """Its place among all of them; the highest that a program has says how new it is."""
        return int(self.name[:4])

    @property
    def oldest(self) -> int:
        """The oldest program that can serve a store with it."""
        mark = _UPGRADE.search(self.text)
        return int(mark[2]) if mark else self.number

    @property
    def can_wait(self) -> bool:
        """Whether this program serves a store without it too."""
        mark = _UPGRADE.search(self.text)
        return mark is not None and mark[1] == "after"


@dataclass(frozen=True, slots=True)
class Applied:
    """A migration that a store has; it may be of a newer program."""

    name: str
    checksum: str
    oldest: int | None = None
    """The oldest program that can serve a store with it; None: those that know it."""


@functools.cache
def migrations() -> tuple[Migration, ...]:
    """Return every migration in order."""
    folder = files(__package__).joinpath("migrations")
    found = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".sql")),
        key=lambda file: file.name,
    )
    return tuple(
        Migration(file.name.removesuffix(".sql"), file.read_text(encoding="utf-8"))
        for file in found
    )


def newest() -> int:
    """Return how new this program is: the number of its last migration."""
    return migrations()[-1].number


def kind_that_is_applied(everything: Sequence[Migration], done: Collection[str]) -> Edition | None:
    """Return the kind of a store, where a file that is for one kind alone was applied; pure."""
    for migration in everything:
        if migration.name in done and len(migration.kinds) == 1:
            return next(iter(migration.kinds))
    return None


def missing(
    wanted: Sequence[Migration], done: Mapping[str, Applied], program: int
) -> list[Migration]:
    """Return what is not applied, in order; pure.

    Args:
        wanted: what a store of this kind consists of.
        done: the applied migrations by their names.
        program: how new this program is.

    Raises:
        MigrationRefused: the store is of a program that is too new, or a file was changed since.
    """
    for name in sorted(done.keys() - {migration.name for migration in wanted}):
        oldest = done[name].oldest
        if oldest is None or oldest > program:
            raise MigrationRefused(
                f"the store has migration {name}, which this program does not know: "
                "run the newer cloud-ingest"
            )
    for migration in wanted:
        applied = done.get(migration.name)
        if applied is not None and applied.checksum != migration.checksum:
            raise MigrationRefused(
                f"migration {migration.name} is not the one that was applied: "
                "run the cloud-ingest that made this store, or a newer release"
            )
    return [migration for migration in wanted if migration.name not in done]


def applicable(lacks: Sequence[Migration], serving: Collection[int]) -> Sequence[Migration]:
    """Return those that may be applied now, in order; pure.

    Args:
        lacks: what the store lacks.
        serving: how new each of the workers is that serve it now.

    Raises:
        MigrationRefused: a worker is too old for one that this program needs.
    """
    oldest = min(serving, default=None)
    for place, migration in enumerate(lacks):
        if oldest is not None and oldest < migration.oldest:
            needed = next((each for each in lacks[place:] if not each.can_wait), None)
            if needed is None:
                return lacks[:place]
            raise MigrationRefused(_too_old(migration, needed, oldest))
    return lacks


def _too_old(migration: Migration, needed: Migration, oldest: int) -> str:
    if migration.can_wait:
        return (
            f"migration {needed.name} comes after {migration.name}, and a worker of version "
            f"{oldest:04} still serves: upgrade all workers one version at a time"
        )
    return (
        f"migration {migration.name} changes what the workers that serve now use "
        f"(version {oldest:04}): stop each cloud-ingest serve, then run cloud-ingest migrate again"
    )
