# SPDX-License-Identifier: MIT
"""What approved months keep as it is, seen from one month that is closed.

In an approved month nothing is sent: changes are held, whoever asked for them, first numbers are
withheld, balances and what meters counted for nobody stay as they were told. The month before it
may change, as long as its meters end where the approved month opens: else the use between the two
would be charged twice, or to nobody.

In: a closing. Out: its lock, and where the approved month after it opens. Never: a lock; those are
persons' words (`month.approve`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from cloud_ingest.core.month import next_month
from cloud_ingest.month.boundaries import MeterService
from cloud_ingest.month.closing import Closing, SubjectKey
from cloud_ingest.month.shared_borders import openings, torn
from cloud_ingest.store import months
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.manifests import manifest_of
from cloud_ingest.store.month_locks import Lock, lock_of
from shared_schema.billing import MonthlyConsumption, Unassigned, Withheld


@dataclass(frozen=True, slots=True)
class Locked:
    """What approved months keep as it is."""

    lock: Lock | None = None
    """Of the month itself; None: it may change."""
    opens: Mapping[MeterService, Decimal] = field(default_factory=dict)
    """Where the approved month after it begins to count, by meter; empty: that may change."""
    told: tuple[Unassigned, ...] = ()
    """What the month said last that meters counted for nobody."""

    def stops(
        self,
        made: Mapping[SubjectKey, MonthlyConsumption | Withheld],
        unassigned: Iterable[Unassigned],
    ) -> frozenset[SubjectKey]:
        """Return whose numbers end elsewhere than the approved month after it opens; pure."""
        numbers = (each for each in made.values() if isinstance(each, MonthlyConsumption))
        return torn(self.opens, numbers, unassigned)

    def unassigned(
        self, found: tuple[Unassigned, ...], waiting: Iterable[MonthlyConsumption]
    ) -> tuple[Unassigned, ...]:
        """Return what is told that meters counted for nobody; pure.

        Args:
            found: What they counted.
            waiting: Numbers that stand because an approved month keeps them.
        """
        if self.lock is not None:
            return self.told
        kept = {MeterService(p.meter, one.service) for one in waiting for p in one.parts}
        if not kept:
            return found
        own = [e for e in self.told if MeterService(e.meter, e.service) in kept]
        return (*(e for e in found if MeterService(e.meter, e.service) not in kept), *own)


FREE: Final = Locked()
"""Nothing is approved."""


def read_locked(conn: Connection, closing: Closing) -> Locked:
    """Return what approved months keep of the month that is closed."""
    lock = lock_of(conn, closing.society_id, closing.month)
    after = f"{next_month(closing.span.first):%Y-%m}"
    is_kept_after = lock_of(conn, closing.society_id, after) is not None
    if lock is None and not is_kept_after:
        return Locked()
    manifest = manifest_of(conn, closing.society_id, closing.month)
    told = () if manifest is None else manifest.unassigned
    opens = _opens(conn, closing.society_id, after) if is_kept_after else {}
    return Locked(lock, opens, told)


def _opens(conn: Connection, society_id: int, month: str) -> dict[MeterService, Decimal]:
    """Return where an approved month begins to count, by meter."""
    manifest = manifest_of(conn, society_id, month)
    unassigned = () if manifest is None else manifest.unassigned
    return openings(months.current(conn, society_id, month), unassigned)
