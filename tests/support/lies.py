# SPDX-License-Identifier: MIT
"""Histories of a register that lies: the truth, and what was claimed of it, in which commits.

Two months of 2026 with their three borders, and the month before. Rows are dense around the
borders and sparse between them, so that a lie may stand anywhere and a history stays small. A lie
is *large*: farther from the truth than the register could have counted between the true rows
beside it. What is smaller cannot be seen, and no test of this module asks for it.

In: hypothesis. Out: a `History`. Never: a lie that its description does not name. Pure.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final, Literal
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.vendor.pretty import RepresentationPrinter

from cloud_ingest.core.month import month_of

DEEPER: Final = int(os.environ.get("IOT_UTILITY_DEEPER", "1"))
"""How many times as many histories are tried: more is tried by hand, `IOT_UTILITY_DEEPER=20`."""
ZONE = ZoneInfo("Asia/Kolkata")
MONTHS = (month_of(2026, 1, ZONE), month_of(2026, 2, ZONE))
BORDERS: Final = (MONTHS[0].start, MONTHS[0].end, MONTHS[1].end)
BEGIN: Final = BORDERS[0] - timedelta(days=31)
"""Since then the register is known."""
CEILING_W: Final = 72_000
"""What a flat's meter can count, in Wh an hour."""
SLACK_S: Final = 60
"""By so much validation lets two times be closer than they say."""
BEGIN_WH: Final = 9_000_000
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)

Kind = Literal["dip", "spike", "zero", "negative", "scaler", "rival_above", "rival_below"]
KINDS: Final[tuple[Kind, ...]] = (
    "dip",
    "spike",
    "zero",
    "negative",
    "scaler",
    "rival_above",
    "rival_below",
)
SCALERS: Final = (0, 1)
"""Wh, and tens of Wh: the register of the meter, and the one of a row with a wrong scaler."""


@dataclass(frozen=True, slots=True, order=True)
class Said:
    """A claim: when, with which scaler, which raw value."""

    at: datetime
    scaler: int
    raw: int


@dataclass(frozen=True, slots=True)
class Lie:
    """Some moments in a row at which the register says something else."""

    kind: Kind
    first: int
    """The index of its first moment."""
    length: int
    by_wh: int
    """By how much it lies, where its kind does not say so."""


@dataclass(frozen=True, slots=True, repr=False)
class History:
    """What was true, what was claimed, and how the claims came."""

    moments: tuple[datetime, ...]
    true_wh: tuple[int, ...]
    """The true count at each moment."""
    lies: tuple[Lie, ...]
    reset: int | None
    """From this moment on the register counts from 0 again."""
    missing: frozenset[int]
    """Moments that nobody read."""
    claims: tuple[Said, ...]
    commits: tuple[tuple[int, ...], ...]
    """The claims by their numbers, in the order and grouping in which they came."""

    def __repr__(self) -> str:
        """Say what is special: hundreds of plain rows would hide it."""
        missing = [_local(MOMENTS[n]) for n in sorted(self.missing)]
        true = {Said(at, 0, wh) for at, wh in zip(self.moments, self.true_wh, strict=True)}
        false = sorted(each for each in self.claims if each not in true)
        told = [f"{_local(each.at)} {each.raw}e{each.scaler}" for each in false]
        reset = None if self.reset is None else _local(MOMENTS[self.reset])
        return (
            f"History({self.lies}, reset={reset}, missing={missing}, "
            f"false={told if reset is None else len(told)}, used={self.used(0)}, {self.used(1)}, "
            f"commits={len(self.commits)})"
        )

    def _repr_pretty_(self, printer: RepresentationPrinter, _cycle: bool) -> None:
        printer.text(repr(self))

    def used(self, month: int) -> Decimal:
        """Return what was truly used in one of the two months, in kWh."""
        counts = dict(zip(self.moments, self.true_wh, strict=True))
        return Decimal(counts[BORDERS[month + 1]] - counts[BORDERS[month]]).scaleb(-3)


def _moments() -> tuple[datetime, ...]:
    """Return the grid: quarter hours around a border, then hours, then six hours."""
    found: set[datetime] = set()
    for border in BORDERS:
        found.update(border + n * QUARTER for n in range(-10, 11))
        found.update(border + n * HOUR for n in range(-8, 9))
    for before, after in pairwise((BEGIN, *BORDERS)):
        found.update(before + n * 6 * HOUR for n in range((after - before) // (6 * HOUR)))
    return tuple(sorted(found))


MOMENTS: Final = _moments()
_NEAR: Final = tuple(
    n for n, at in enumerate(MOMENTS) if any(abs(at - border) <= HOUR for border in BORDERS)
)


@st.composite
def histories(
    draw: st.DrawFn,
    *,
    most_lies: int = 5,
    may_reset: bool = True,
    may_miss: bool = True,
    most_commits: int = 5,
    beside_reset: bool = False,
) -> History:
    """Draw a history; one that lies beside a reset, which is near a border, where that is asked."""
    watts = draw(st.lists(st.integers(0, 6_000), min_size=1, max_size=5))
    true_wh = _course(watts)
    reset = draw(st.none() | st.integers(1, len(MOMENTS) - 1)) if may_reset else None
    if beside_reset:
        reset = draw(st.sampled_from(_NEAR[1:]))
    own = _lies() if reset is None or not beside_reset else _lies_beside(reset, true_wh[reset])
    lies = tuple(draw(st.lists(own, max_size=most_lies)))
    missing = draw(st.sets(st.sampled_from(_NEAR), max_size=4)) if may_miss else set[int]()
    claims = tuple(sorted(_claims(true_wh, lies, reset, missing)))
    order = draw(_commits(len(claims), most_commits))
    return History(MOMENTS, true_wh, lies, reset, frozenset(missing), claims, order)


def _local(at: datetime) -> str:
    return f"{at.astimezone(ZONE):%m-%d %H:%M}"


def _course(watts: Sequence[int]) -> tuple[int, ...]:
    """Return the true counts: the power changes from one part of the time to the next."""
    found = [BEGIN_WH]
    for n, (before, after) in enumerate(pairwise(MOMENTS)):
        power = watts[n * len(watts) // len(MOMENTS)]
        found.append(found[-1] + power * int((after - before).total_seconds()) // 3600)
    return tuple(found)


@st.composite
def _lies(draw: st.DrawFn) -> Lie:
    kind = draw(st.sampled_from(KINDS))
    first = draw(st.sampled_from(_NEAR) | st.integers(0, len(MOMENTS) - 1))
    length = draw(st.integers(1, 3))
    return Lie(kind, first, length, draw(st.integers(20_000, 100_000_000)))


@st.composite
def _lies_beside(draw: st.DrawFn, reset: int, lost_wh: int) -> Lie:
    """Draw a lie beside a reset, that often says what the register says on its other side."""
    kind = draw(st.sampled_from(KINDS))
    first = max(reset + draw(st.integers(-4, 3)), 0)
    by_wh = st.integers(20_000, 10_000_000) | st.integers(-20, 20).map(lambda n: lost_wh + n)
    return Lie(kind, first, draw(st.integers(1, 3)), draw(by_wh))


def _claims(
    true_wh: Sequence[int], lies: Sequence[Lie], reset: int | None, missing: set[int]
) -> set[Said]:
    """Return what was claimed: the later of two lies about a moment stands."""
    shown = [
        wh - (true_wh[reset] if reset is not None and n >= reset else 0)
        for n, wh in enumerate(true_wh)
    ]
    told = {
        n: lie
        for lie in lies
        for n in range(lie.first, min(lie.first + lie.length, len(MOMENTS)))
        if n not in missing
    }
    while small := _small(shown, told, missing, reset):
        told = {n: lie for n, lie in told.items() if n not in small}
    rows = {Said(MOMENTS[n], 0, wh) for n, wh in enumerate(shown) if n not in missing}
    rows -= {
        Said(MOMENTS[n], 0, shown[n]) for n, lie in told.items() if not lie.kind.startswith("rival")
    }
    return rows | {_told(lie, n, shown[n]) for n, lie in told.items()}


def _small(
    shown: Sequence[int], told: Mapping[int, Lie], missing: set[int], reset: int | None
) -> set[int]:
    """Return the moments whose lie the register could have counted between the true rows beside.

    Where it was reset between these, what it says may lie on either course: such a lie only moves
    the reset, and nothing tells when that was. Where a true row between the lie and the reset
    contradicts that, it is told (`core.validate`), and such a lie is as large as any.
    """
    found = set[int]()
    for n, lie in told.items():
        first = last = n
        while first > 0 and (first in told or first in missing):
            first -= 1
        while last < len(MOMENTS) - 1 and (last in told or last in missing):
            last += 1
        seconds = int((MOMENTS[last] - MOMENTS[first]).total_seconds()) + 2 * SLACK_S
        said = _told(lie, n, shown[n])
        counts = said.raw * 10**said.scaler
        courses = {shown[n]}
        if reset is not None and first < reset <= last:
            courses |= {shown[first], shown[last]}
        off = min(abs(counts - course) for course in courses)
        if off <= CEILING_W * seconds // 3600 + 10:
            found.add(n)
    return found


def _told(lie: Lie, moment: int, true_wh: int) -> Said:
    at = MOMENTS[moment]
    match lie.kind:
        case "dip" | "rival_below":
            return Said(at, 0, max(true_wh - lie.by_wh, 0))
        case "spike" | "rival_above":
            return Said(at, 0, true_wh + lie.by_wh)
        case "zero":
            return Said(at, 0, 0)
        case "negative":
            return Said(at, 0, -lie.by_wh)
        case "scaler":
            return Said(at, 1, true_wh)


@st.composite
def _commits(draw: st.DrawFn, count: int, most: int) -> tuple[tuple[int, ...], ...]:
    """Part the claims into commits: runs of neighbours mostly, in any order."""
    parts = draw(st.integers(1, most))
    borders = sorted(draw(st.lists(st.integers(0, count), min_size=parts - 1, max_size=parts - 1)))
    runs = [list(range(a, b)) for a, b in pairwise([0, *borders, count]) if a < b]
    moved = draw(st.lists(st.integers(0, count - 1), max_size=6, unique=True))
    runs = [[n for n in run if n not in moved] for run in runs] + [[n] for n in moved]
    return tuple(tuple(run) for run in draw(st.permutations([run for run in runs if run])))


def by_scaler(claims: Sequence[Said]) -> Mapping[int, list[Said]]:
    """Return claims by the channel that shows them."""
    return {s: [each for each in claims if each.scaler == s] for s in SCALERS}
