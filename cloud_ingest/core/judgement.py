# SPDX-License-Identifier: MIT
"""The judgement of a meter's billed register: its stored claims on one dial, and what is elected.

All billed channels of a meter show one register, each with its unit, scaler and epochs. Their
claims are counted in the finest step among them, so that `core.validate` compares integers. Of
one moment what a person vouched for last counts: a claim that was restored or entered, else the
newest edit. What a person set aside is never elected.

Every channel keeps its best sound claim of a moment: a coarse channel beside a fine one loses
nothing. Where a person vouched for a claim, only that one is kept.

What the meter itself doubts (`core.meter_status`) is elected behind what it does not, and is set
aside where sound claims on both sides replace it.

In: claims as the store has them, rulings, intervals, channels with their epochs, the ceiling.
Out: the elected claim of each (channel, moment), the unsound ones with their rule, breaks. Pure.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from operator import attrgetter
from typing import Final, Literal, NamedTuple, Self

from cloud_ingest.core.claim import Claim, Rule
from cloud_ingest.core.interval_sums import Profile
from cloud_ingest.core.interval_verdict import judge_with_intervals
from cloud_ingest.core.meter_status import NO_BITS, StatusBits, replaceable
from cloud_ingest.core.register import Epoch
from cloud_ingest.core.validate import Verdict
from shared_schema.quality import Origin

HOUR_S: Final = 3600

_EDIT = tuple(Origin).index(Origin.EDIT)
_METER = tuple(Origin).index(Origin.METER)
_TS = attrgetter("ts")
_BY_TIME = attrgetter("ts", "channel_id", "origin", "raw")

RulingKind = Literal["set_aside", "restore", "enter"]
Moment = tuple[int, int]
"""Channel id, seconds since 1970."""


class StoredClaim(NamedTuple):
    """What was said of a moment of a channel."""

    channel_id: int
    ts: int
    """Seconds since 1970."""
    raw: int
    origin: int
    """The number of its origin: the lower wins."""
    status: int | None = None

    @property
    def moment(self) -> Moment:
        """Of which one claim is elected."""
        return (self.channel_id, self.ts)

    @property
    def key(self) -> tuple[int, int, int, int]:
        """By this the store tells claims apart."""
        return (self.channel_id, self.ts, self.origin, self.raw)


class Ruling(NamedTuple):
    """What a person said last of a claim."""

    channel_id: int
    ts: int
    raw: int
    origin: int
    kind: RulingKind
    ruling_id: int

    @property
    def key(self) -> tuple[int, int, int, int]:
        """Of which claim it is."""
        return (self.channel_id, self.ts, self.origin, self.raw)


@dataclass(frozen=True, slots=True)
class DialChannel:
    """A channel that shows a billed register."""

    channel_id: int
    exponent: int
    """A step of its raw value is 10^exponent kWh or kL."""
    weight: int
    """A meter counts in steps of this."""
    epochs: Sequence[Epoch] = ()


@dataclass(frozen=True, slots=True)
class Claims:
    """All that was said of a meter's register in a stretch of time."""

    elected: Mapping[Moment, StoredClaim]
    """What the store has elected so far."""
    beside: Sequence[StoredClaim]
    """What was also said; of edits the newest first."""
    rulings: Sequence[Ruling] = ()
    profile: Profile | None = None
    """The intervals of the same stretch; None: there are none, or two channels hold some."""


@dataclass(frozen=True, slots=True)
class UnsoundClaim:
    """A claim that is not elected, why, and the elected claims beside it."""

    claim: StoredClaim
    rule: Rule
    before: StoredClaim | None
    after: StoredClaim | None


@dataclass(frozen=True, slots=True)
class DialBreak:
    """Where a register leaves its course for good."""

    before: StoredClaim
    after: StoredClaim
    rule: Rule
    is_vouched: bool
    """A person vouched for the register behind it."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is elected of a meter's register, and what is not."""

    elected: Mapping[Moment, StoredClaim]
    unsound: tuple[UnsoundClaim, ...]
    breaks: tuple[DialBreak, ...]
    doubted: tuple[UnsoundClaim, ...] = ()
    """Elected, though their meter calls them not valid: nothing else is known there."""
    overruled: tuple[UnsoundClaim, ...] = ()
    """Elected only because a person restored them (`core.overruled`)."""


def judge_dial(
    claims: Claims,
    channels: Sequence[DialChannel],
    most_per_hour: Decimal,
    bits: StatusBits = NO_BITS,
) -> Judgement:
    """Return what is elected of a meter's register.

    Args:
        claims: All that was said in a stretch of time.
        channels: Those that show the register.
        most_per_hour: kWh or kL.
        bits: What the meter's status says against its readings.
    """
    finest = min((channel.exponent for channel in channels), default=0)
    dials = {channel.channel_id: _Dial.of(channel, finest) for channel in channels}
    considered = _considered(claims)
    vouched = _vouched(considered, claims.rulings)
    stored: dict[Claim, list[StoredClaim]] = {}
    doubted = set[Claim]()
    for claim in considered:
        is_vouched = claim.key in vouched
        is_doubted = not is_vouched and bits.rule(claim.status) is not None
        own = dials[claim.channel_id].shows(claim, is_vouched=is_vouched, is_doubted=is_doubted)
        stored.setdefault(own, []).append(claim)
        if is_doubted:
            doubted.add(own)
    ceiling = Fraction(most_per_hour) / HOUR_S / Fraction(10) ** finest
    sums = None if claims.profile is None else claims.profile.sums(finest)
    verdict = judge_with_intervals(stored, ceiling, sums)
    aside = _replaced(verdict, doubted)
    if aside:
        verdict = judge_with_intervals(stored.keys() - aside, ceiling, sums)
    found = _told(verdict, stored)
    if not doubted:
        return found
    left_out = [own for claim in aside for own in stored[claim]]
    kept = [own for claim in doubted - aside for own in stored[claim]]
    kept = [own for own in kept if found.elected.get(own.moment) == own]
    unsound = (*found.unsound, *_doubts(left_out, bits, found))
    return replace(found, unsound=unsound, doubted=_doubts(kept, bits, found))


def _doubts(
    claims: Iterable[StoredClaim], bits: StatusBits, found: Judgement
) -> tuple[UnsoundClaim, ...]:
    """Return claims with the rules by which their meter doubts them, and what is elected beside."""
    course = sorted(found.elected.values(), key=_BY_TIME)
    told: list[UnsoundClaim] = []
    for claim in sorted(claims, key=_BY_TIME):
        rule = bits.rule(claim.status)
        if rule is not None:
            first = bisect_left(course, claim.ts, key=_TS)
            after = bisect_right(course, claim.ts, key=_TS)
            before = course[first - 1] if first else None
            told.append(
                UnsoundClaim(claim, rule, before, course[after] if after < len(course) else None)
            )
    return tuple(told)


def _replaced(verdict: Verdict, doubted: AbstractSet[Claim]) -> set[Claim]:
    """Return the doubted claims that sound ones replace; what is unsound has its rule already."""
    if not doubted:
        return set()
    sound = [claim.ts for claim in verdict.elected if claim not in doubted]
    own = doubted & {*verdict.elected, *verdict.rivals}
    times = replaceable((claim.ts for claim in own), sound)
    return {claim for claim in own if claim.ts in times}


def _told(verdict: Verdict, stored: Mapping[Claim, Sequence[StoredClaim]]) -> Judgement:
    """Return a verdict in the claims that the store knows."""
    elected: dict[Moment, StoredClaim] = {}
    vouched_moments = set[int]()
    for chosen in verdict.elected:
        elected.update((claim.moment, claim) for claim in stored[chosen])
        if chosen.vouched:
            vouched_moments.add(chosen.ts)
    for rival in verdict.rivals:  # in the order of precedence
        if rival.ts not in vouched_moments:
            for claim in stored[rival]:
                elected.setdefault(claim.moment, claim)

    def first(claim: Claim | None) -> StoredClaim | None:
        return None if claim is None else stored[claim][0]

    unsound = tuple(
        UnsoundClaim(claim, each.rule, first(each.before), first(each.after))
        for each in verdict.unsound
        for claim in stored[each.claim]
    )
    breaks = tuple(
        DialBreak(stored[each.before][0], stored[each.after][0], each.rule, each.after.vouched)
        for each in verdict.breaks
    )
    return Judgement(elected, unsound, breaks)


def _considered(claims: Claims) -> list[StoredClaim]:
    """Return what may be elected: neither what a person set aside, nor an edit behind a newer."""
    set_aside = {ruling.key for ruling in claims.rulings if ruling.kind == "set_aside"}
    found: dict[tuple[int, int, int, int], StoredClaim] = {}
    edited = set[Moment]()
    for claim in (*claims.elected.values(), *claims.beside):
        if claim.key in set_aside or claim.key in found:
            continue
        if claim.origin == _EDIT:
            if claim.moment in edited:
                continue
            edited.add(claim.moment)
        found[claim.key] = claim
    return list(found.values())


def _vouched(
    considered: Iterable[StoredClaim], rulings: Sequence[Ruling]
) -> set[tuple[int, int, int, int]]:
    """Return the claims that are vouched for: of one moment the last ruling, else the edit."""
    last: dict[int, tuple[int, tuple[int, int, int, int]]] = {}
    keys = {claim.key for claim in considered}
    for ruling in rulings:
        if ruling.kind != "set_aside" and ruling.key in keys:
            word = (ruling.ruling_id, ruling.key)
            last[ruling.ts] = max(last.get(ruling.ts, word), word)
    edits = {key for key in keys if key[2] == _EDIT and key[1] not in last}
    return edits | {key for _, key in last.values()}


@dataclass(frozen=True, slots=True)
class _Dial:
    """How the claims of a channel are counted on the dial of their meter."""

    factor: int
    weight: int
    offsets: Sequence[tuple[float, int]]
    """Since when, and how many raw steps are added; ascending."""

    @classmethod
    def of(cls, channel: DialChannel, finest: int) -> Self:
        offsets = [(each.starts_at.timestamp(), each.offset_raw) for each in channel.epochs]
        return cls(10 ** (channel.exponent - finest), channel.weight, offsets)

    def shows(self, claim: StoredClaim, *, is_vouched: bool, is_doubted: bool) -> Claim:
        offset = 0
        for since, added in self.offsets:
            if since <= claim.ts:
                offset = added
        step = self.factor * (self.weight if claim.origin == _METER else 1)
        precedence = claim.origin + (len(Origin) if is_doubted else 0)
        return Claim(claim.ts, precedence, (claim.raw + offset) * self.factor, step, is_vouched)
