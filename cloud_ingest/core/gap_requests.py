# SPDX-License-Identifier: MIT
"""Which gaps a gateway is asked to read again from its meters, and when.

A meter remembers its rows for weeks. A day that lacks some is asked for a few times, ever more
rarely, the oldest first: that one is forgotten first. Only so much is under way at once.

In: which days of which meters lack intervals, what was asked for before, the time. Out: windows of
meters to ask for. Pure.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from cloud_ingest.core.month import DAY, midnight, runs
from shared_schema.message import MeterId

REMEMBERED: Final = timedelta(days=30)
"""How long a meter is taken to keep its rows."""
GRACE: Final = timedelta(hours=6)
"""What is younger may still be under way."""
PAUSES: Final = (timedelta(days=1), timedelta(days=4))
"""Between one try of a day and the next; after the last there is none."""
MOST_TRIES: Final = len(PAUSES) + 1
MOST_METERS: Final = 16
"""In one command."""
MOST_OF_GATEWAY: Final = 2
"""Commands that one gateway has not answered."""
MOST_IN_FLIGHT: Final = 32
"""Commands that the gateways of a society have not answered."""


class Lack(NamedTuple):
    """A day of a meter that lacks intervals, and the one gateway that reads the meter."""

    gateway: str
    meter: MeterId
    day: date


class Asked(NamedTuple):
    """What was asked for before."""

    gateway: str
    meters: tuple[MeterId, ...]
    since: datetime
    until: datetime
    issued_at: datetime
    expires_at: datetime
    outcome: str | None
    """None: it was not answered."""
    said: Mapping[MeterId, str] = MappingProxyType({})
    """What the gateway said of each meter."""

    def is_under_way(self, now: datetime) -> bool:
        """Say whether an answer may still come."""
        return self.outcome is None and now < self.expires_at

    def days(self, zone: ZoneInfo) -> Iterator[date]:
        """Yield the local days of its window."""
        day = self.since.astimezone(zone).date()
        while midnight(day, zone) < self.until:
            yield day
            day += DAY


class Ask(NamedTuple):
    """A window to read again from some meters of a gateway."""

    gateway: str
    meters: tuple[MeterId, ...]
    since: datetime
    until: datetime


def tries(asked: Iterable[Asked], zone: ZoneInfo) -> dict[tuple[MeterId, date], list[Asked]]:
    """Return what was asked for each day of each meter, the oldest first."""
    found: dict[tuple[MeterId, date], list[Asked]] = defaultdict(list)
    for each in sorted(asked, key=lambda one: one.issued_at):
        for day in each.days(zone):
            for meter in each.meters:
                found[meter, day].append(each)
    return found


def asks(
    lacking: Iterable[Lack], asked: Sequence[Asked], now: datetime, zone: ZoneInfo
) -> list[Ask]:
    """Decide what to ask for now.

    Args:
        lacking: days that lack intervals, of meters whose gateway has told all that it has.
        asked: what was asked for, at least since the oldest of these days.
        now: the time, aware.
        zone: the society's, whose days they are.
    """
    before = tries(asked, zone)
    under_way = [each.gateway for each in asked if each.is_under_way(now)]
    room = MOST_IN_FLIGHT - len(under_way)
    found: list[Ask] = []
    for gateway, windows in _due(lacking, before, now).items():
        room_there = MOST_OF_GATEWAY - under_way.count(gateway)
        for (first, last), meters in sorted(windows.items()):
            for at in range(0, len(meters), MOST_METERS):
                if room_there <= 0 or room <= 0:
                    break
                room, room_there = room - 1, room_there - 1
                until = min(midnight(last + DAY, zone), now)
                some = tuple(meters[at : at + MOST_METERS])
                found.append(Ask(gateway, some, midnight(first, zone), until))
    return found


_Windows = dict[tuple[date, date], list[MeterId]]


def _due(
    lacking: Iterable[Lack], before: dict[tuple[MeterId, date], list[Asked]], now: datetime
) -> dict[str, _Windows]:
    """Return the runs of days that may be asked for now, with their meters, by gateway."""
    days: dict[tuple[str, MeterId], set[date]] = defaultdict(set)
    for gateway, meter, day in lacking:
        if _may_ask(before.get((meter, day), ()), now):
            days[gateway, meter].add(day)
    found: dict[str, _Windows] = {}
    for gateway, meter in sorted(days, key=lambda key: (key[0], str(key[1]))):
        for run in runs(days[gateway, meter]):
            found.setdefault(gateway, {}).setdefault(run, []).append(meter)
    return found


def _may_ask(tried: Sequence[Asked], now: datetime) -> bool:
    if not tried:
        return True
    return len(tried) < MOST_TRIES and now - tried[-1].issued_at >= PAUSES[len(tried) - 1]
