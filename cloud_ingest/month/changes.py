# SPDX-License-Identifier: MIT
"""Changes of published numbers: what a closing finds, and what becomes of each at the door.

A person asks for a change by what they enter of a meter: a ruling on a reading, a dial, an epoch,
an assignment. What was entered asks once: the closing that has seen it notes so. A person's word on
the quantity itself (`number accept`, `number keep`) counts for that quantity, whatever is entered.

A change only follows if its meters close where they did, and open where the month before now ends.

A month that a standing catch-up covers gets no number: it waits, and what is linked to it as well.

In: a closing, what was sent of its month, what it finds now. Out: the way of each change, and what
was entered of its meters. Never: a message; `month.numbers` sends. `core.door` decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from cloud_ingest.core.door import Stated, Way, Word, linked, together, way_of
from cloud_ingest.core.month import parse_month
from cloud_ingest.month.boundaries import Closings, MeterKey
from cloud_ingest.month.closing import Closing, SubjectKey, key_of, says_the_same
from cloud_ingest.store import months, number_words
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.months import KeptNumber, KeptWithdrawal
from cloud_ingest.store.number_words import Act, NumberKey, NumberWord
from shared_schema.billing import MonthlyConsumption, Withheld
from shared_schema.quality import Quality, Reason

AROUND: Final = timedelta(days=10)
"""How far from a month a reading may lie that can change it: as far as a self-read at most."""

Made = MonthlyConsumption | Withheld
Meter = tuple[str, str]
"""Manufacturer and serial number."""


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
class Heard:
    """What persons entered and said that may bear on a month."""

    acts: Mapping[Meter, Sequence[Act]]
    words: Mapping[NumberKey, Sequence[NumberWord]]
    """The oldest first."""
    looked_at: datetime | None
    """Until when what was entered has been in a closing."""
    before: Closings
    """Where the month before is closed."""

    def accepts(self, key: SubjectKey, quantity: Decimal | None) -> bool:
        """Say whether a person accepted a quantity that is doubted."""
        said = [word for word in self.words.get(number_key(key), ()) if word.quantity == quantity]
        return quantity is not None and bool(said) and said[-1].kind == "accept"


@dataclass(frozen=True, slots=True)
class Changes:
    """What becomes of the changes of a month."""

    ways: Mapping[SubjectKey, Way]
    """Of each published number that is not what the closing finds now."""
    links: Mapping[SubjectKey, SubjectKey]
    """For each subject one that stands for those whose changes go with its own."""
    is_heard: bool
    """Something was entered since the last look, and nothing that was asked for is held."""
    covered: frozenset[SubjectKey] = frozenset()
    """Whose month is part of a catch-up that stands, and what is linked to them."""

    def stops(self, key: SubjectKey) -> bool:
        """Say whether a number waits: for a linked change, or for a catch-up of a later month."""
        own = self.links.get(key)
        return key in self.covered or any(
            way is not Way.SEND for each, way in self.ways.items() if self.links[each] == own
        )


def number_key(key: SubjectKey) -> NumberKey:
    """Return a subject as the store names it."""
    return NumberKey(key.kind, key.label, key.service)


def meters_of(number: MonthlyConsumption) -> frozenset[Meter]:
    """Return the meters of a number."""
    return frozenset((part.meter.manufacturer, part.meter.serial) for part in number.parts)


def changes_of(
    closing: Closing,
    sent: Sent,
    made: Mapping[SubjectKey, Made],
    meters: Mapping[SubjectKey, frozenset[Meter]],
    heard: Heard,
) -> Changes:
    """Say what becomes of each change; pure.

    Args:
        closing: The closing.
        sent: What was sent of its month.
        made: What it finds now.
        meters: Which meters each subject has in the month now.
        heard: What persons entered and said.
    """
    standing = {key: kept.number for key, kept in sent.numbers.items()}
    own = {
        key: meters.get(key, frozenset())
        | (meters_of(standing[key]) if key in standing else frozenset())
        for key in standing.keys() | made.keys()
    }
    asked = {key: _asked(closing, standing[key], own[key], heard) for key in standing}
    ways: dict[SubjectKey, Way] = {}
    for key, former in standing.items():
        now = made.get(key)
        if isinstance(now, MonthlyConsumption) and says_the_same(former, now):
            continue
        word = "asked" if now is None else _word(closing, key, former, now, asked[key], heard)
        ways[key] = way_of(
            _stated(former, closing.month),
            _stated(now, None) if isinstance(now, MonthlyConsumption) else None,
            key.service,
            word,
            closing.limits,
        )
    ways |= {key: Way.HOLD for key in closing.caught_up if ways.get(key) is Way.SEND}
    links = linked(dict(sorted(own.items())))
    ways = together(ways, links, closing.covered)
    waiting = {links[key] for key in closing.covered if key in links}
    waits = any(way is not Way.SEND and asked[key] is not None for key, way in ways.items())
    is_heard = any(each is not None for each in asked.values()) and not waits
    covered = frozenset(key for key, head in links.items() if head in waiting)
    return Changes(ways, links, is_heard, covered)


def _asked(
    closing: Closing, former: MonthlyConsumption, own: frozenset[Meter], heard: Heard
) -> datetime | None:
    """Return when something was last entered of a number's meters that no closing has seen."""
    since = former.closed_at if heard.looked_at is None else max(former.closed_at, heard.looked_at)
    first = closing.span.start
    if former.since is not None:
        first = parse_month(former.since, closing.zone).start
    times = [
        act.recorded_at
        for meter in own
        for act in heard.acts.get(meter, ())
        if act.recorded_at >= since and bears_on(act, first, closing.span.end)
    ]
    return max(times, default=None)


def bears_on(act: Act, start: datetime, end: datetime) -> bool:
    """Say whether what was entered of a meter can change what it counted in a stretch of time."""
    begins = act.first_at <= end + AROUND
    return begins and (act.last_at is None or act.last_at >= start - AROUND)


def _word(  # noqa: PLR0917  # what a change is told by
    closing: Closing,
    key: SubjectKey,
    former: MonthlyConsumption,
    now: Made,
    asked_at: datetime | None,
    heard: Heard,
) -> Word | None:
    quantity = now.quantity if isinstance(now, MonthlyConsumption) else None
    is_ahead = former.closed_at > closing.now  # the clock was wrong then: every word may be newer
    said = [
        word
        for word in heard.words.get(number_key(key), ())
        if word.quantity == quantity and (is_ahead or word.recorded_at >= former.closed_at)
    ]
    if said and said[-1].kind == "accept":
        return "accepted"
    if asked_at is not None and (not said or asked_at > said[-1].recorded_at):
        return "asked"
    if said:
        return "kept"
    if isinstance(now, MonthlyConsumption) and (
        _follows(former, now, heard.before) or _gives_months_back(former, now)
    ):
        return "follows"
    return None


def _follows(former: MonthlyConsumption, now: MonthlyConsumption, before: Closings) -> bool:
    """Say whether a number differs only because it now begins elsewhere.

    The month before ends elsewhere, or months that a catch-up covered have numbers of their own.
    """
    if former.since is not None and (now.since or now.month) > former.since:
        return now.quantity <= former.quantity
    if len(former.parts) != len(now.parts):
        return False
    moved = False
    for old, new in zip(former.parts, now.parts, strict=True):
        if (old.meter, old.source, old.closing) != (new.meter, new.source, new.closing):
            return False
        if old.opening == new.opening:
            continue
        key = MeterKey(
            now.subject.type.value,
            now.subject.id,
            now.service,
            new.source,
            new.meter.manufacturer,
            new.meter.serial,
        )
        if before.get(key) != new.opening:
            return False
        moved = True
    return moved


def _gives_months_back(former: MonthlyConsumption, now: MonthlyConsumption) -> bool:
    """Say whether a catch-up only covers fewer months: a border in it was read after all.

    It has to be sent: the earlier months have their own numbers now, in the same transaction.
    """
    if former.since is None or (now.since or now.month) <= former.since:
        return False
    closed = {(part.meter, part.source): part.closing for part in former.parts}
    return all(closed.get((part.meter, part.source)) == part.closing for part in now.parts)


def _stated(number: MonthlyConsumption, month: str | None) -> Stated:
    """Return what a number states; of a catch-up what it states of a month of its own.

    It is open within its bounds only if it said that it is not measured. Where a border was only
    read early, the bounds may be as wide as what the meter can count.
    """
    is_placed = Reason.BORDER_PLACED in number.reasons
    bounds = number.bounds if is_placed or number.quality is Quality.ESTIMATED else None
    for share in number.shares:
        if share.month == month:
            bounds = share.share.bounds
    if bounds is None:
        return Stated(number.quantity, number.quality, is_placed=is_placed)
    return Stated(number.quantity, number.quality, bounds.lower, bounds.upper, is_placed)


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
    looked_at = number_words.looked_at(conn, closing.society_id, closing.month)
    first = min((kept.number.closed_at for kept in sent.numbers.values()), default=None)
    if first is not None:
        since = first if looked_at is None else max(first, looked_at)
        for act in number_words.acts(conn, closing.society_id, since):
            acts.setdefault((act.manufacturer, act.serial), []).append(act)
    for word in number_words.number_words(conn, closing.society_id, closing.month):
        words.setdefault(word.key, []).append(word)
    return Heard(acts, words, looked_at, before)
