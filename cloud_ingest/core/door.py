# SPDX-License-Identifier: MIT
"""The door to billing: may a number that was published change?

A change goes out if a person asked for it, if a person accepted that very quantity, or if it only
follows from the month before. So does one that says more of the same quantity. Any other change
goes out by itself if it is no worse proved than what stands, and small: inside the bounds of an
estimate or of a placed border, or inside the society's limits. Everything else is held, and what
was published stands.

Subjects that had one meter share borders. Of them either all change or none does, so that nothing
is charged twice or to nobody.

In: what was published, what would take its place, a person's word. Out: whether it is sent, held,
or stays because a person says so. Pure.
"""

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final, Literal, TypeVar

from cloud_ingest.core.exact import exactly
from shared_schema.catalogue import Service
from shared_schema.quality import Quality

_K = TypeVar("_K", bound=Hashable)


class Way(StrEnum):
    """What becomes of a change."""

    SEND = "send"
    HOLD = "hold"
    KEEP = "keep"
    """A person says that what was published stands."""


Word = Literal["asked", "accepted", "follows", "kept"]
"""Why a change may go, or may not: ``follows`` is the month before that now ends elsewhere."""

_BEST_FIRST: Final = (
    Quality.VALIDATED,
    Quality.EDITED,
    Quality.SELF_READ,
    Quality.RAW,
    Quality.DERIVED,
    Quality.MIXED,
    Quality.ESTIMATED,
    Quality.SUSPECT,
    Quality.MISSING,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a number may move by itself: the greater of a share and an amount."""

    percent: Decimal = Decimal(2)
    kwh: Decimal = Decimal(1)
    kl: Decimal = Decimal("0.1")

    def most(self, service: Service, quantity: Decimal) -> Decimal:
        """Return how far a number of a quantity may move."""
        amount = self.kwh if service is Service.ELECTRICITY else self.kl
        with exactly():
            return max(abs(quantity) * self.percent.scaleb(-2), amount)


USUAL_LIMITS: Final = Limits()
"""What holds where a society sets nothing else."""


@dataclass(frozen=True, slots=True)
class Stated:
    """A quantity, how good it is, and where the truth lies; None: it is exact."""

    quantity: Decimal
    quality: Quality
    lower: Decimal | None = None
    upper: Decimal | None = None
    is_placed: bool = False
    """A border was not read, but placed between readings: another false row may place it anew."""

    def contains(self, quantity: Decimal) -> bool:
        """Say whether another quantity lies inside the stated bounds."""
        if self.lower is None or self.upper is None:
            return False
        return self.lower <= quantity <= self.upper


def way_of(
    former: Stated, made: Stated | None, service: Service, word: Word | None, limits: Limits
) -> Way:
    """Say what becomes of a change.

    Args:
        former: What was published.
        made: What would take its place; None: it would be withdrawn.
        service: What is counted.
        word: What a person or the month before says of the change.
        limits: How far it may move by itself.
    """
    if word == "kept":
        return Way.KEEP
    if word is not None:
        return Way.SEND
    if made is None:
        return Way.HOLD
    if made.quantity == former.quantity and not made.is_placed:
        return Way.SEND
    if not _is_as_good(former, made):
        return Way.HOLD
    with exactly():
        is_small = abs(made.quantity - former.quantity) <= limits.most(service, former.quantity)
    return Way.SEND if is_small or former.contains(made.quantity) else Way.HOLD


def _is_as_good(former: Stated, made: Stated) -> bool:
    is_placed_anew = made.is_placed and not former.is_placed
    if former.quality is made.quality is not Quality.ESTIMATED and is_placed_anew:
        return False
    return _BEST_FIRST.index(made.quality) <= _BEST_FIRST.index(former.quality)


def linked(meters: Mapping[_K, Iterable[Hashable]]) -> dict[_K, _K]:
    """Return for each subject one that stands for all that meters join to it.

    Args:
        meters: By subject, the meters that it had.
    """
    parent = {key: key for key in meters}

    def head(key: _K) -> _K:
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    first: dict[Hashable, _K] = {}
    for key, own in meters.items():
        for meter in own:
            parent[head(key)] = head(first.setdefault(meter, key))
    return {key: head(key) for key in meters}


def together(
    ways: Mapping[_K, Way], links: Mapping[_K, _K], waiting: Collection[_K] = ()
) -> dict[_K, Way]:
    """Hold what would be sent where a change that is linked to it is not sent.

    Args:
        ways: Of each change, what becomes of it alone.
        links: As `linked` returns them.
        waiting: What waits for a change elsewhere.
    """
    stopped = {links[key] for key, way in ways.items() if way is not Way.SEND}
    stopped |= {links[key] for key in waiting if key in links}
    return {
        key: Way.HOLD if way is Way.SEND and links[key] in stopped else way
        for key, way in ways.items()
    }
