# SPDX-License-Identifier: MIT
"""The parts of an explanation: borders with what was not taken, meters, and versions.

In: what was counted, what persons entered, what was sent. Out: values of
`cloud_ingest.month.explanation`. Pure.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from cloud_ingest.core.border import Border, PassedOver
from cloud_ingest.core.consumption import Measured
from cloud_ingest.core.dial_check import Disagreement
from cloud_ingest.core.quality import RegisterBreak
from cloud_ingest.core.rating import Rating
from cloud_ingest.core.register import Register
from cloud_ingest.core.unit_meter import Side as TransformerSide
from cloud_ingest.month.count import Counted
from cloud_ingest.month.explanation import (
    BehindTransformers,
    BorderChange,
    Break,
    Entry,
    ExplainedBorder,
    ExplainedMeter,
    NotTaken,
    Side,
    Told,
    Version,
    Word,
)
from cloud_ingest.month.explanation import NumberWord as SaidOfNumber
from cloud_ingest.month.report import Delivery
from cloud_ingest.store.explained import KeptEntry
from cloud_ingest.store.number_words import NumberWord
from cloud_ingest.store.readings_write import ORIGIN_NUMBERS
from shared_schema.billing import BoundaryReading, MonthlyConsumption, MonthlyWithdrawal
from shared_schema.message import MeterId
from shared_schema.quality import Origin, Reason

Sent = MonthlyConsumption | MonthlyWithdrawal
Borders = Mapping[tuple[MeterId, Side, int], BoundaryReading]
"""By meter, side, and the number of its stretch."""


@dataclass(frozen=True, slots=True)
class Entries:
    """What persons entered of a subject's meters, the oldest first."""

    kept: Sequence[KeptEntry]
    exponents: Mapping[int, int]
    """By channel id."""
    meters: Mapping[int, MeterId]
    """By meter id."""
    heard: Mapping[int, int]
    """By version of the number: the last entry that it knew."""

    def of_meter(self, meter: MeterId) -> tuple[Entry, ...]:
        """Return what was entered of one meter."""
        return tuple(each for each in self.all() if each.meter == meter)

    def since(self, former: int, until: int | None = None) -> tuple[Entry, ...]:
        """Return what was entered after one version knew all, up to what another one knew."""
        last = None if until is None else self.heard[until]
        return tuple(self._of(self.heard[former], last))

    def all(self) -> Iterator[Entry]:
        """Give each entry once."""
        return self._of(0, None)

    def _of(self, after: int, last: int | None) -> Iterator[Entry]:
        """Give each entry of a stretch once: an epoch has a row for each channel of its meter."""
        given = set[tuple[object, ...]]()
        for each in self.kept:
            if each.entry_order <= after or (last is not None and each.entry_order > last):
                continue
            key = (each.kind, each.meter_id, each.at, each.recorded_at, each.subject)
            if key not in given:
                given.add(key)
                yield self._entry(each)

    def _entry(self, each: KeptEntry) -> Entry:
        value = each.value
        exponent = self.exponents.get(each.channel_id or 0)
        if each.raw is not None and exponent is not None:
            value = Decimal(each.raw).scaleb(exponent)
        word = Word(each.author, each.reason, each.recorded_at)
        return Entry(
            each.kind, self.meters[each.meter_id], each.at, each.until, value, each.subject, word
        )

    def told(self, reading: Register) -> Told:
        """Return a reading with what a person said last of it."""
        number = ORIGIN_NUMBERS.get(reading.origin)
        said = [
            each
            for each in self.kept
            if (each.channel_id, each.at, each.raw) == (reading.channel_id, reading.ts, reading.raw)
            and (each.origin == number if each.kind != "self_read" else _is_by_hand(reading))
            and each.kind in {"set_aside", "restore", "enter", "self_read"}
        ]
        word = Word(said[-1].author, said[-1].reason, said[-1].recorded_at) if said else None
        return Told(reading.ts, reading.value, reading.origin, word)


def _is_by_hand(reading: Register) -> bool:
    return reading.origin in {Origin.SELF_READ, Origin.EDIT}


def explained_meter(
    counted: Counted,
    entries: Entries,
    breaks: Iterable[RegisterBreak],
    against: Disagreement | None,
    rating: Rating,
) -> ExplainedMeter:
    """Return what one meter counts, with its borders.

    Args:
        counted: What it counted.
        entries: What persons entered.
        breaks: Of its register.
        against: What dials say against it.
        rating: What the list of units says of it.
    """
    served, measured = counted.assignment, counted.measured
    own = entries.of_meter(served.meter)
    return ExplainedMeter(
        meter=served.meter,
        source=served.source,
        tower=served.tower,
        valid_from=served.valid_from,
        valid_to=served.valid_to,
        begin=_border(measured.begin, entries),
        end=_border(measured.end, entries),
        quantity=measured.quantity,
        doubted=measured.doubted,
        lower=measured.lower,
        upper=measured.upper,
        reasons=ordered(measured.reasons),
        breaks=tuple(_breaks(measured, own, breaks)),
        against=against,
        entries=own,
        transformers=_behind(measured, rating),
    )


def _behind(measured: Measured, rating: Rating) -> BehindTransformers | None:
    ends = [end.ts for end in (measured.opening, measured.closing) if end is not None]
    hanging = (
        rating.transformers_at(ends[-1]) if ends else next(iter(rating.transformers[-1:]), None)
    )
    if hanging is None or hanging.ratio == 1:
        return None
    counts: TransformerSide = "secondary" if rating.is_secondary(ends) else "primary"
    return BehindTransformers(hanging.ratio, counts)


def _breaks(
    measured: Measured, entries: Iterable[Entry], breaks: Iterable[RegisterBreak]
) -> Iterator[Break]:
    """Give the breaks in a month, and those before it that leave its scaler in doubt."""
    if measured.begin is None or measured.end is None:
        return
    starts = [each.at for each in entries if each.kind == "epoch"]
    for each in breaks:
        is_within = measured.begin.at < each.after <= measured.end.at
        is_before = (
            Reason.SCALER in measured.reasons
            and each.is_rescaled
            and each.after <= measured.begin.at
            and not each.is_explained(starts)
        )
        if is_within or is_before:
            yield Break(each.before, each.after, each.reason, each.is_rescaled, each.values)


def _border(border: Border | None, entries: Entries) -> ExplainedBorder | None:
    if border is None:
        return None
    return ExplainedBorder(
        at=border.at,
        taken=_told(border.chosen, entries),
        low=border.low,
        high=border.high,
        reasons=ordered(border.reasons),
        placed_by=border.placed_by,
        before=_told(border.before, entries),
        after=_told(border.after, entries),
        not_taken=tuple(_not_taken(each, entries) for each in border.passed_over),
    )


def _told(reading: Register | None, entries: Entries) -> Told | None:
    return None if reading is None else entries.told(reading)


def _not_taken(each: PassedOver, entries: Entries) -> NotTaken:
    return NotTaken(entries.told(each.claim), each.why, each.rule)


def versions_of(
    sent: Sequence[Sent],
    entries: Entries,
    words: Sequence[NumberWord],
    delivered: Mapping[int, Delivery],
) -> tuple[Version, ...]:
    """Return what was sent, each with what changed since the version before.

    Args:
        sent: In the order of versions.
        entries: What persons entered.
        words: What persons said of the quantity, the oldest first.
        delivered: How far each version has got.
    """
    found: list[Version] = []
    former: Sent | None = None
    for each in sent:
        number = each if isinstance(each, MonthlyConsumption) else None
        found.append(
            Version(
                version=each.version,
                at=each.closed_at,
                quantity=None if number is None else number.quantity,
                quality=None if number is None else number.quality,
                reasons=each.reasons,
                bounds=None if number is None else number.bounds,
                since=None if number is None else number.since,
                delivery=delivered.get(each.version, "acknowledged"),
                changes=() if former is None else tuple(_changes(former, each)),
                entries=() if former is None else entries.since(former.version, each.version),
                words=tuple(
                    said_of_number(word)
                    for word in words
                    if (former is None or entries.heard[former.version] < word.entry_order)
                    and word.entry_order <= entries.heard[each.version]
                ),
            )
        )
        former = each
    return tuple(found)


def said_of_number(word: NumberWord) -> SaidOfNumber:
    """Return what a person said of a quantity."""
    return SaidOfNumber(word.kind, word.quantity, Word(word.author, word.reason, word.recorded_at))


def _changes(former: Sent, now: Sent) -> Iterator[BorderChange]:
    """Give the borders that differ between two versions."""
    return border_changes(borders_of(former), borders_of(now))


def border_changes(before: Borders, after: Borders) -> Iterator[BorderChange]:
    """Give the borders that differ."""
    for key in dict.fromkeys([*before, *after]):
        if before.get(key) != after.get(key):
            meter, side, _ = key
            yield BorderChange(meter, side, before.get(key), after.get(key))


def borders_of(sent: Sent) -> Borders:
    """Return the borders of a version."""
    parts = () if isinstance(sent, MonthlyWithdrawal) else sent.parts
    return by_stretch((part.meter, part.opening, part.closing) for part in parts)


def by_stretch(
    stretches: Iterable[tuple[MeterId, BoundaryReading | None, BoundaryReading | None]],
) -> Borders:
    """Return the borders of stretches, each a meter with where it begins and ends."""
    found: dict[tuple[MeterId, Side, int], BoundaryReading] = {}
    seen: dict[MeterId, int] = {}
    for meter, opening, closing in stretches:
        stretch = seen[meter] = seen.get(meter, -1) + 1
        if opening is not None:
            found[meter, "opening", stretch] = opening
        if closing is not None:
            found[meter, "closing", stretch] = closing
    return found


def ordered(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Return reasons in the order of the contract."""
    found = frozenset(reasons)
    return tuple(reason for reason in Reason if reason in found)
