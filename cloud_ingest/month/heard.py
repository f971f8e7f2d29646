# SPDX-License-Identifier: MIT
"""What a closing knows before it looks at changes: what was sent, what persons entered and said.

What was entered of a meter bears on a month if it is of a time near it: as far as a self-read may
lie from its border at most, and some days more.

In: a closing. Out: the newest messages of its month; acts, words, and what stands of other months.
Never: a decision, a write.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from cloud_ingest.core.month import months_between
from cloud_ingest.month.boundaries import Closings, closings
from cloud_ingest.month.closing import Closing, SubjectKey, key_of
from cloud_ingest.store import months, number_words
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.manifests import manifest_of
from cloud_ingest.store.months import KeptNumber, KeptWithdrawal
from cloud_ingest.store.number_words import Act, NumberKey, NumberWord
from cloud_ingest.store.standing import changing_before, epoch_times
from shared_schema.billing import BoundaryReading, MonthlyConsumption
from shared_schema.catalogue import Service

AROUND: Final = timedelta(days=10)
"""How far from a month a reading may lie that can change it: as far as a self-read at most."""


Meter = tuple[str, str]
"""Manufacturer and serial number."""
ServedMeter = tuple[str, str, Service]
"""A meter and what it counts."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The newest message of each number of a month."""

    numbers: Mapping[SubjectKey, KeptNumber]
    """That stand: none took them back."""
    withdrawals: Mapping[SubjectKey, KeptWithdrawal]
    """After which no number was sent."""

    def last_version(self, key: SubjectKey) -> int:
        """Return the version that was sent last; 0: none was."""
        if key in self.numbers:
            return self.numbers[key].number.version
        return self.withdrawals[key].withdrawal.version if key in self.withdrawals else 0


@dataclass(frozen=True, slots=True)
class StandingEnd:
    """Where a number closed that stands although it would change."""

    closing: BoundaryReading
    epochs: Sequence[datetime]
    """When the register of its meter began to count from elsewhere."""

    def is_above(self, opening: BoundaryReading) -> bool:
        """Say whether what was used up to it is used once more from an opening on."""
        return (
            self.closing.at <= opening.at
            and self.closing.register_value > opening.register_value
            and not any(self.closing.at < each <= opening.at for each in self.epochs)
        )


@dataclass(frozen=True, slots=True)
class Heard:
    """What persons entered and said that may bear on a month."""

    acts: Mapping[Meter, Sequence[Act]]
    words: Mapping[NumberKey, Sequence[NumberWord]]
    """The oldest first."""
    looked: int
    """Up to which entry what was entered has been in a closing."""
    before: Closings
    """Where the month before is closed."""
    last: int = 0
    """The last entry that is known now."""
    withheld: Mapping[str, frozenset[SubjectKey]] = field(default_factory=dict)
    """Of the months that catch-ups cover: whose numbers are withheld."""
    ends: Mapping[ServedMeter, Sequence[StandingEnd]] = field(default_factory=dict)
    """Where earlier numbers close that stand although they would change."""

    def accepts(self, key: SubjectKey, quantity: Decimal | None) -> bool:
        """Say whether a person accepted a quantity that is doubted."""
        said = [word for word in self.words.get(number_key(key), ()) if word.quantity == quantity]
        return quantity is not None and bool(said) and said[-1].kind == "accept"


def number_key(key: SubjectKey) -> NumberKey:
    """Return a subject as the store names it."""
    return NumberKey(key.kind, key.label, key.service)


def meters_of(number: MonthlyConsumption) -> frozenset[Meter]:
    """Return the meters of a number."""
    return frozenset((part.meter.manufacturer, part.meter.serial) for part in number.parts)


def bears_on(act: Act, start: datetime, end: datetime) -> bool:
    """Say whether what was entered of a meter can change what it counted in a stretch of time."""
    begins = act.first_at <= end + AROUND
    return begins and (act.last_at is None or act.last_at >= start - AROUND)


def read_sent(conn: Connection, society_id: int, month: str) -> Sent:
    """Return the newest message of each number of a month; of a subject the last one counts."""
    given = {key_of(kept.number): kept for kept in months.numbers(conn, society_id, month)}
    taken = {key_of(kept.withdrawal): kept for kept in months.withdrawals(conn, society_id, month)}
    stands = {
        key: kept
        for key, kept in given.items()
        if key not in taken or taken[key].withdrawal.version < kept.number.version
    }
    return Sent(stands, {key: kept for key, kept in taken.items() if key not in stands})


def read_heard(conn: Connection, closing: Closing, sent: Sent, before: Closings) -> Heard:
    """Return what persons entered and said that may bear on a month."""
    acts: dict[Meter, list[Act]] = {}
    words: dict[NumberKey, list[NumberWord]] = {}
    looked = number_words.heard_order(conn, closing.society_id, closing.month)
    first = min((kept.heard for kept in sent.numbers.values()), default=None)
    if first is not None:
        for act in number_words.acts(conn, closing.society_id, max(first, looked)):
            acts.setdefault((act.manufacturer, act.serial), []).append(act)
    for word in number_words.number_words(conn, closing.society_id, closing.month):
        words.setdefault(word.key, []).append(word)
    covered = _withheld_since(conn, closing, [kept.number for kept in sent.numbers.values()])
    last = number_words.last_entry(conn)
    return Heard(acts, words, looked, before, last, covered, _standing_ends(conn, closing))


def _withheld_since(
    conn: Connection, closing: Closing, numbers: Sequence[MonthlyConsumption]
) -> dict[str, frozenset[SubjectKey]]:
    """Return whose numbers are withheld in the months that catch-ups of this one cover.

    A month that another catch-up covers by now is not among them: it has its number there.
    """
    first = min((each.since for each in numbers if each.since is not None), default=closing.month)
    since: dict[SubjectKey, str] = {}
    found: dict[str, frozenset[SubjectKey]] = {}
    for month in reversed(months_between(first, closing.month)):
        manifest = manifest_of(conn, closing.society_id, month)
        withheld = () if manifest is None else map(key_of, manifest.withheld)
        found[month] = frozenset(key for key in withheld if since.get(key, closing.month) > month)
        for number in months.current(conn, closing.society_id, month):
            if number.since is not None:
                since[key_of(number)] = number.since
    return found


def _standing_ends(conn: Connection, closing: Closing) -> dict[ServedMeter, list[StandingEnd]]:
    """Return where earlier numbers close that stand although they would change."""
    numbers = changing_before(conn, closing.society_id, closing.month)
    meters = frozenset[Meter]().union(*map(meters_of, numbers))
    epochs = epoch_times(conn, closing.society_id, meters) if meters else {}
    found: dict[ServedMeter, list[StandingEnd]] = {}
    for key, reading in closings(numbers).items():
        meter = (key.manufacturer, key.serial)
        end = StandingEnd(reading, epochs.get(meter, ()))
        found.setdefault((*meter, key.service), []).append(end)
    return found
