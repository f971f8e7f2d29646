# SPDX-License-Identifier: MIT
"""A register held against the dials that persons read beside it: do both count the same?

A scaler, a pulse weight or a transformer's ratio that is wrong from the first row on contradicts no
other row. A dial tells it. Dial and register may begin at different values by design (a module on
an old meter, an epoch), so movements are compared: what both counted between two readings of the
dial. Where there is only one, its value tells a factor alone: a power of ten, of electricity also a
usual ratio of current transformers, or the one that the list of units gives the meter.

What is known of a time is told by the two readings of the dial around it. Before the first and
behind the last of them the nearest two tell it, if they differ so much that only a factor can be
the cause; a few lost pulses say nothing of another month.

In: what was read of a meter, with its register on both sides. Out: where they disagree. Pure.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from cloud_ingest.core.border import BY_HAND
from cloud_ingest.core.consumption import Measured
from cloud_ingest.core.exact import exactly
from cloud_ingest.core.quality import RegisterBreak
from shared_schema.catalogue import Service

PERMISSIBLE: Final = Decimal("0.02")
"""What dial and register count may differ by this part of it, as a meter's own error may."""
LEAST_FACTOR: Final = Decimal("1.5")
"""From here on it is a factor, which lasts, and no lost pulses."""
SAME: Final = Decimal("0.001")
"""Two values are a factor apart, if they are so to this part of them."""
LEAST_STEPS: Final = 1000
"""A value of fewer steps may be some factor apart by chance."""
NARROW: Final = Decimal("0.01")
"""The register on both sides of a dial may differ by this part of it."""

_TENS = tuple(Decimal(10) ** n for n in range(-6, 7) if n)
_RATIOS = (5, 8, 12, 15, 16, 20, 25, 30, 40, 50, 60, 75, 80, 120, 150, 160, 200, 240, 300, 400)
"""Of current transformers as they are made, to 5 A."""
_FACTORS: Final[Mapping[Service, Sequence[Decimal]]] = {
    Service.WATER: _TENS,
    Service.ELECTRICITY: (
        *_TENS,
        *(Decimal(ratio) for ratio in _RATIOS),
        *(1 / Decimal(ratio) for ratio in _RATIOS),
    ),
}

Source = Literal["dial", "sheet", "entered"]
"""A comparison of a dial; the register that the commissioning read; a self-read or an edit."""
Scale = tuple[int, int]
"""A register's exponent and pulse weight."""


class DialPoint(NamedTuple):
    """What somebody read of a meter, beside the register that its gateway read."""

    at: datetime
    source: Source
    shown: Decimal
    """In kWh or kL, like all that follows."""
    step: Decimal
    """It hides less than this."""
    low: Decimal | None
    """The register showed at least this then, its epochs counted in; None: it is not known."""
    high: Decimal | None
    scale: Scale

    @property
    def register_step(self) -> Decimal:
        """The register hides less than this."""
        exponent, weight = self.scale
        return Decimal(weight).scaleb(exponent)

    @property
    def hides(self) -> Decimal:
        """What the steps of both hide."""
        return self.step + self.register_step


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Where a register does not count what is read beside it."""

    source: Source
    since: datetime
    until: datetime
    """The same as `since`: one reading, whose value is a factor apart."""
    shown: Decimal
    """What was read, or what it moved by."""
    low: Decimal | None
    """What the register showed, or moved by, at least."""
    high: Decimal | None

    @property
    def is_factor(self) -> bool:
        """Say whether only a factor explains it."""
        if self.since == self.until or not self.shown:
            return True
        with exactly():
            is_less = self.low is not None and self.low >= self.shown * LEAST_FACTOR
            return is_less or (self.high is not None and self.high * LEAST_FACTOR <= self.shown)


class _Compared(NamedTuple):
    """What two readings of a dial say of the time between them."""

    since: datetime
    until: datetime
    against: Disagreement | None
    """None: both counted the same."""


def is_dialled(measured: Measured) -> bool:
    """Say whether persons read both ends of a month: its register needs no scaler then."""
    ends = {None if end is None else end.origin for end in (measured.opening, measured.closing)}
    return ends <= BY_HAND


def against_month(
    measured: Measured,
    points: Collection[DialPoint],
    service: Service,
    weights: Mapping[int, int | None],
    breaks: Sequence[RegisterBreak],
    *,
    ratios: Collection[Decimal] = (),
) -> Disagreement | None:
    """Return what speaks against the register of a month; None: nothing does.

    Args:
        measured: The month.
        points: What was read of its meter.
        service: What it counts.
        weights: The pulse weight of each of the meter's channels, by id.
        breaks: Where it left its course for good.
        ratios: Of the transformers before it, by the list of units.
    """
    ends = [end for end in (measured.opening, measured.closing) if end is not None]
    if not points or not ends:
        return None
    scales = {(end.exponent, weights[end.channel_id] or 1) for end in ends}
    stretch = min(end.ts for end in ends), max(end.ts for end in ends)
    return disagreement(points, service, scales, stretch, breaks, ratios=ratios)


def disagreement(
    points: Iterable[DialPoint],
    service: Service,
    scales: Collection[Scale],
    stretch: tuple[datetime, datetime],
    breaks: Sequence[RegisterBreak] = (),
    *,
    ratios: Collection[Decimal] = (),
) -> Disagreement | None:
    """Return what speaks against a register in a stretch of time; None: nothing does.

    Args:
        points: Of its meter, in any order.
        service: What it counts.
        scales: By which it counts in that stretch; what it said by others tells nothing of it.
        stretch: From when to when.
        breaks: Where it left its course for good: nothing is compared across one.
        ratios: Of the transformers before it, by the list of units.
    """
    factors = (*_FACTORS[service], *ratios, *(1 / ratio for ratio in ratios))
    own: dict[tuple[Source, Scale], list[DialPoint]] = {}
    for point in sorted(points):
        if point.scale in scales:
            own.setdefault((point.source, point.scale), []).append(point)
    for known in own.values():
        if found := _told(known, factors, stretch, breaks):
            return found
    return None


def _told(
    points: Sequence[DialPoint],
    factors: Sequence[Decimal],
    stretch: tuple[datetime, datetime],
    breaks: Sequence[RegisterBreak],
) -> Disagreement | None:
    start, end = stretch
    compared = [
        each
        for former, later in pairwise(points)
        if not any(former.at < b.after and b.before < later.at for b in breaks)
        if (each := _movement(former, later)) is not None
    ]
    if not compared:
        before = [point for point in points if point.at <= end]
        return _factor(before[-1] if before else points[0], factors)
    within = [each for each in compared if each.since < end and each.until > start]
    if within:
        return next((each.against for each in within if each.against is not None), None)
    earlier = [each for each in compared if each.until <= start]
    against = (earlier[-1] if earlier else compared[0]).against
    return against if against is not None and against.is_factor else None


def _movement(former: DialPoint, later: DialPoint) -> _Compared | None:
    """Compare what was counted between two readings of a dial; None: it cannot be told."""
    with exactly():
        moved = later.shown - former.shown
        least = _rise(former.high, later.low)
        most = _rise(former.low, later.high)
        if moved < 0:
            return None  # one of them was misread
        allowed = former.hides + later.hides
        is_less = least is not None and moved * (1 + PERMISSIBLE) + allowed < least
        is_more = most is not None and moved > most * (1 + PERMISSIBLE) + allowed
        if is_less or is_more:
            found = Disagreement(former.source, former.at, later.at, moved, least, most)
            is_told = found.is_factor or former.source == "dial"
            return _Compared(former.at, later.at, found) if is_told else None
        if least is None or most is None or moved <= 2 * (allowed + most - least):
            return None
        return _Compared(former.at, later.at, None)


def _rise(former: Decimal | None, later: Decimal | None) -> Decimal | None:
    return None if former is None or later is None else max(later - former, Decimal(0))


def _factor(point: DialPoint, factors: Sequence[Decimal]) -> Disagreement | None:
    """Say whether one reading of a dial is a factor apart from the register."""
    low = point.high if point.low is None else point.low
    high = point.low if point.high is None else point.high
    if low is None or high is None or not low <= high <= low * (1 + NARROW):
        return None
    if low < point.register_step * LEAST_STEPS or point.shown < point.step * LEAST_STEPS:
        return None
    with exactly():
        is_apart = not _is_same(point.shown, low, high) and any(
            _is_same(point.shown, low * factor, high * factor) for factor in factors
        )
    return (
        Disagreement(point.source, point.at, point.at, point.shown, low, high) if is_apart else None
    )


def _is_same(shown: Decimal, low: Decimal, high: Decimal) -> bool:
    return low * (1 - SAME) <= shown <= high * (1 + SAME)
