# SPDX-License-Identifier: MIT
"""A migration: one file of ``migrations/``, whose header says for which stores it is.

All of a file is applied, or nothing. A comment line ``-- edition: NAME`` in its header limits it to
stores of that kind; without it the file is for all. ``timescale`` is TimescaleDB Community with
continuous aggregates. ``portable`` is every store whose rollups are tables: of these ``apache`` has
its readings in a hypertable, and ``plain`` has not.

In: the files. Out: which of them a store lacks. Never: a database; a file that changes after its
release, for every store remembers its hash.
"""

import functools
import hashlib
import re
from collections.abc import Mapping, Sequence
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


def kind_that_is_applied(
    everything: Sequence[Migration], done: Mapping[str, str]
) -> Edition | None:
    """Return the kind of a store, where a file that is for one kind alone was applied; pure."""
    for migration in everything:
        if migration.name in done and len(migration.kinds) == 1:
            return next(iter(migration.kinds))
    return None


def missing(wanted: Sequence[Migration], done: Mapping[str, str]) -> list[Migration]:
    """Return what is not applied, in order; pure.

    Args:
        wanted: what a store of this kind consists of.
        done: names of the applied migrations, and their checksums.

    Raises:
        MigrationRefused: the store is of a newer program, or a file was changed since.
    """
    unknown = done.keys() - {migration.name for migration in wanted}
    if unknown:
        raise MigrationRefused(
            f"the store has migration {min(unknown)}, which this program does not know: "
            "run the newer cloud-ingest"
        )
    for migration in wanted:
        if done.get(migration.name, migration.checksum) != migration.checksum:
            raise MigrationRefused(
                f"migration {migration.name} is not the one that was applied: "
                "run the cloud-ingest that made this store, or a newer release"
            )
    return [migration for migration in wanted if migration.name not in done]
