# SPDX-License-Identifier: MIT
"""Since when a gateway that could speak for a meter may not have done so, as it is known now.

A move that is dated back takes away what was allowed when it was received. What the gateway said in
that time is stored, and nobody vouches for it.

In: the versions of bindings. Out: the bindings that were lost. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cloud_ingest.core.known import Stretch, spans, within

LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Version:
    """From when to when a gateway may speak for a meter, as somebody once said."""

    meter_id: int
    gateway_id: int
    stretch: Stretch
    superseded_at: datetime | None
    """None: it holds."""


@dataclass(frozen=True, slots=True)
class LostBinding:
    """A gateway that could speak for a meter at times at which it may not now."""

    meter_id: int
    gateway_id: int
    former: tuple[Stretch, ...]
    held: tuple[Stretch, ...]
    since: datetime
    """The first time that it lost."""
    told_at: datetime
    """When that was said: from then on it could not."""

    def is_lost(self, ts: int) -> bool:
        """Tell whether it could speak of a time, and may not now."""
        return within(spans(self.former), ts, ts) and not within(spans(self.held), ts, ts)


def lost_bindings(versions: Iterable[Version]) -> list[LostBinding]:
    """Return the bindings that were taken away for a time in which they held.

    Args:
        versions: Those that held once, and those that hold.
    """
    former: dict[tuple[int, int], list[Version]] = {}
    held: dict[tuple[int, int], list[Stretch]] = {}
    for each in versions:
        key = (each.meter_id, each.gateway_id)
        if each.superseded_at is None:
            held.setdefault(key, []).append(each.stretch)
        else:
            former.setdefault(key, []).append(each)
    found: list[LostBinding] = []
    for key, own in former.items():
        starts = [_first_lost(each.stretch, held.get(key, ())) for each in own]
        since = min((each for each in starts if each is not None), default=None)
        told = [each.superseded_at for each in own if each.superseded_at is not None]
        if since is not None and since < max(told):
            stretches = tuple(each.stretch for each in own)
            kept = tuple(held.get(key, ()))
            found.append(LostBinding(*key, stretches, kept, since, max(told)))
    return found


def _first_lost(stretch: Stretch, held: Sequence[Stretch]) -> datetime | None:
    """Return the first time of a stretch that no other one covers; None: all is covered."""
    at, end = stretch[0] or LONG_AGO, stretch[1]
    for start, until in sorted(held, key=lambda each: each[0] or LONG_AGO):
        if (start or LONG_AGO) > at:
            break
        if until is None:
            return None
        at = max(at, until)
    return None if end is not None and end <= at else at
