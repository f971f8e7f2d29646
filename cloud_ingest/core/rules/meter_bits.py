# SPDX-License-Identifier: MIT
"""What meters say of themselves: a magnet, an opened cover, a leak, a pipe without water.

A state stands from the event that begins it to the one that ends it. Some that logs note have no
end, and some meters tell none: such a state is over `UNENDED` after it was noted last. A bit of a
status is noted when it is set and when it is clear again, so that it stands for long in between.

In: the events of one meter, the time. Out: what stands. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared_schema.catalogue import (
    EVENT_PROFILES,
    METER_EVENTS,
    PROFILE_STATUS,
    STATUS_EVENTS,
    StatusEvent,
)
from shared_schema.events import EventKind
from shared_schema.obis import Obis

UNENDED: Final = timedelta(days=7)
LONGEST_BIT: Final = timedelta(days=366)
"""A bit of a status: its end may have been lost."""
STATUS_KINDS: Final[Mapping[int, EventKind]] = {
    StatusEvent.CABLE_CUT: EventKind.TAMPER,
    StatusEvent.TAMPER: EventKind.TAMPER,
    StatusEvent.LEAK: EventKind.LEAK,
    StatusEvent.BURST: EventKind.BURST,
    StatusEvent.DRY_PIPE: EventKind.DRY_PIPE,
    StatusEvent.REVERSE_FLOW: EventKind.REVERSE_FLOW,
}
LOG_KINDS: Final[Mapping[int, EventKind]] = {
    65: EventKind.TAMPER,  # current bypass
    201: EventKind.TAMPER,  # magnet
    251: EventKind.TAMPER,  # meter cover opened
    203: EventKind.NEUTRAL,  # neutral disturbance
    207: EventKind.NEUTRAL,  # neutral missing
}
"""Codes of the event logs (`catalogue.METER_EVENTS`)."""
KINDS: Final = tuple(sorted({*STATUS_KINDS.values(), *LOG_KINDS.values()}))
WATER_LOSS: Final = (EventKind.LEAK, EventKind.BURST)
"""What the water rules look for as well."""


@dataclass(frozen=True, slots=True)
class Noted:
    """An event of a meter."""

    log: Obis
    code: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """What a meter says of itself now."""

    since: datetime
    names: tuple[str, ...]
    """In the words of the catalogue."""


def codes() -> tuple[list[int], list[int]]:
    """Return the codes that begin or end a state: of a status, of the event logs."""
    ended = [
        [*begins, *(code + 1 for code in begins if code + 1 in names)]
        for begins, names in ((STATUS_KINDS, STATUS_EVENTS), (LOG_KINDS, METER_EVENTS))
    ]
    return ended[0], ended[1]


def standing(events: Iterable[Noted], now: datetime) -> dict[EventKind, Standing]:
    """Return what stands of the events of one meter.

    Args:
        events: In any order; others than these are passed over.
        now: The time; what is noted later does not count yet.
    """
    begun: dict[tuple[EventKind, str, timedelta], tuple[datetime, datetime]] = {}
    for each in sorted(events, key=lambda noted: (noted.at, noted.code)):
        if each.log == PROFILE_STATUS:
            kinds, names, longest = STATUS_KINDS, STATUS_EVENTS, LONGEST_BIT
        elif each.log in EVENT_PROFILES:
            kinds, names, longest = LOG_KINDS, METER_EVENTS, UNENDED
        else:
            continue
        if each.at > now:
            break
        if each.code in kinds:
            state = (kinds[each.code], names[each.code], longest)
            since, last = begun.get(state, (each.at, each.at))
            begun[state] = (each.at if each.at - last >= longest else since, each.at)
        elif each.code - 1 in kinds:
            begun.pop((kinds[each.code - 1], names[each.code - 1], longest), None)
    found: dict[EventKind, Standing] = {}
    for (kind, name, longest), (since, last) in begun.items():
        if now - last < longest:
            other = found.get(kind, Standing(since, ()))
            found[kind] = Standing(min(since, other.since), tuple(sorted({*other.names, name})))
    return found
