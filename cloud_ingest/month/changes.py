# SPDX-License-Identifier: MIT
"""Changes of published numbers: what a closing finds, and what becomes of each at the door.

A person asks for a change by what they enter of a meter: a ruling on a reading, a dial, an epoch,
an assignment. What was entered asks once: the closing that has seen it notes so. A person's word on
the quantity itself (`number accept`, `number keep`) counts for that quantity, whatever is entered.

A change only follows if its meters close where they did, and open where the month before now ends.

No use is charged twice, and none is dropped, whoever asks. So four numbers wait, and what is
linked to them as well: that of a month which a standing catch-up covers; a catch-up which would
give back a month that is withheld; one that opens below where an earlier number of its meter
closed, which stands although it would change; and one that would move its end away from where the
month after opens, whose own change is held.

Whatever approved months keep waits as well (`month.locked`).

In: a closing, what was sent of its month, what it finds now, what was heard (`month.heard`). Out:
the way of each change. Never: a message; `month.numbers` sends. `core.door` decides. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cloud_ingest.core.door import Stated, Way, Word, linked, together, way_of
from cloud_ingest.core.month import months_between, parse_month
from cloud_ingest.month.boundaries import Closings, MeterKey
from cloud_ingest.month.closing import Closing, SubjectKey, says_the_same
from cloud_ingest.month.heard import Heard, Meter, Sent, bears_on, meters_of, number_key
from cloud_ingest.month.locked import FREE, Locked
from cloud_ingest.store.months import KeptNumber
from shared_schema.billing import MonthlyConsumption, Unassigned, Withheld
from shared_schema.quality import Quality, Reason

Made = MonthlyConsumption | Withheld


@dataclass(frozen=True, slots=True)
class Changes:
    """What becomes of the changes of a month."""

    ways: Mapping[SubjectKey, Way]
    """Of each published number that is not what the closing finds now."""
    links: Mapping[SubjectKey, SubjectKey]
    """For each subject one that stands for those whose changes go with its own."""
    is_heard: bool
    """Something was entered since the last look, and nothing that was asked for is held."""
    waiting: frozenset[SubjectKey] = frozenset()
    """What waits for a number of another month, and what is linked to that."""
    locked: frozenset[SubjectKey] = frozenset()
    """Those of them that wait because a month is approved."""

    def stops(self, key: SubjectKey) -> bool:
        """Say whether a number waits: for a linked change, or for a number of another month."""
        own = self.links.get(key)
        return key in self.waiting or any(
            way is not Way.SEND for each, way in self.ways.items() if self.links[each] == own
        )


def changes_of(
    closing: Closing,
    sent: Sent,
    made: Mapping[SubjectKey, Made],
    meters: Mapping[SubjectKey, frozenset[Meter]],
    heard: Heard,
    *,
    locked: Locked = FREE,
    unassigned: Iterable[Unassigned] = (),
) -> Changes:
    """Say what becomes of each change; pure.

    Args:
        closing: The closing.
        sent: What was sent of its month.
        made: What it finds now.
        meters: Which meters each subject has in the month now.
        heard: What persons entered and said.
        locked: What approved months keep.
        unassigned: What meters counted for nobody.
    """
    standing = {key: kept.number for key, kept in sent.numbers.items()}
    own = {
        key: meters.get(key, frozenset())
        | (meters_of(standing[key]) if key in standing else frozenset())
        for key in standing.keys() | made.keys()
    }
    asked = {key: _asked(closing, kept, own[key], heard) for key, kept in sent.numbers.items()}
    ways: dict[SubjectKey, Way] = {}
    for key, former in standing.items():
        now = made.get(key)
        if isinstance(now, MonthlyConsumption) and says_the_same(former, now):
            continue
        word = "asked" if now is None else _word(key, sent.numbers[key], now, asked[key], heard)
        ways[key] = way_of(
            _stated(former, closing.month),
            _stated(now, None) if isinstance(now, MonthlyConsumption) else None,
            key.service,
            word,
            closing.limits,
        )
    ways |= {key: Way.HOLD for key in closing.caught_up if ways.get(key) is Way.SEND}
    links = linked(dict(sorted(own.items())))
    kept = frozenset(links) if locked.lock else _whole(links, locked.stops(made, unassigned))
    waiting = kept | _whole(links, _waiting(closing, standing, made, heard))
    ways = together(ways, links, waiting)
    waits = any(way is not Way.SEND and asked[key] is not None for key, way in ways.items())
    is_heard = any(each is not None for each in asked.values()) and not waits
    return Changes(ways, links, is_heard, waiting, kept)


def _whole(
    links: Mapping[SubjectKey, SubjectKey], keys: Iterable[SubjectKey]
) -> frozenset[SubjectKey]:
    """Return some subjects, and all whose changes go with theirs."""
    heads = {links[key] for key in keys if key in links}
    return frozenset(key for key, head in links.items() if head in heads)


def _waiting(
    closing: Closing,
    standing: Mapping[SubjectKey, MonthlyConsumption],
    made: Mapping[SubjectKey, Made],
    heard: Heard,
) -> frozenset[SubjectKey]:
    """Return whose numbers would charge some use twice, or drop some, beside those of other months.

    They wait for the decision on a number of another month.
    """
    numbers = {key: now for key, now in made.items() if isinstance(now, MonthlyConsumption)}
    drops = {
        key
        for key, former in standing.items()
        if key in numbers
        and any(key in heard.withheld.get(month, ()) for month in _given_back(former, numbers[key]))
    }
    repeats = {
        key
        for key, now in numbers.items()
        for part in now.parts
        for end in heard.ends.get((part.meter.manufacturer, part.meter.serial, key.service), ())
        if end.is_above(part.opening)
    }
    return closing.covered | closing.torn | drops | repeats


def _given_back(former: MonthlyConsumption, now: MonthlyConsumption) -> Sequence[str]:
    """Return the months that a catch-up covered, and does not cover now."""
    first = now.since or now.month
    return () if former.since is None else months_between(former.since, first)


def _asked(closing: Closing, former: KeptNumber, own: frozenset[Meter], heard: Heard) -> int | None:
    """Return the last entry of a number's meters that no closing has seen."""
    since = max(former.heard, heard.looked)
    first = closing.span.start
    if former.number.since is not None:
        first = parse_month(former.number.since, closing.zone).start
    entries = [
        act.entry_order
        for meter in own
        for act in heard.acts.get(meter, ())
        if act.entry_order > since and bears_on(act, first, closing.span.end)
    ]
    return max(entries, default=None)


def _word(
    key: SubjectKey, former: KeptNumber, now: Made, asked: int | None, heard: Heard
) -> Word | None:
    quantity = now.quantity if isinstance(now, MonthlyConsumption) else None
    said = [
        word
        for word in heard.words.get(number_key(key), ())
        if word.quantity == quantity and word.entry_order > former.heard
    ]
    if said and said[-1].kind == "accept":
        return "accepted"
    if asked is not None and (not said or asked > said[-1].entry_order):
        return "asked"
    if said:
        return "kept"
    if isinstance(now, MonthlyConsumption) and _follows(former.number, now, heard.before):
        return "follows"
    return None


def _follows(former: MonthlyConsumption, now: MonthlyConsumption, before: Closings) -> bool:
    """Say whether a number differs only because it now begins elsewhere.

    The month before ends elsewhere, or months that a catch-up covered have numbers of their own:
    these are sent in the same transaction.
    """
    if _given_back(former, now):
        closed = {(part.meter, part.source): part.closing for part in former.parts}
        is_closed = all(closed.get((p.meter, p.source)) == p.closing for p in now.parts)
        return is_closed or now.quantity <= former.quantity
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
