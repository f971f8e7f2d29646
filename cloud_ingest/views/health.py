# SPDX-License-Identifier: MIT
"""How gateways, buses and meters do: the last 30 days that are over, and how they stand now.

Worst first: who is away, then who brought least of what was due. A day on which nothing was due is
no day. In: a society, the time. Out: values. Never: a meter of another society.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from cloud_ingest.core.gateway_standing import Standing, remarks
from cloud_ingest.errors import NotFound
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.gateway_days import (
    CountedDay,
    Days,
    ServingMeter,
    count_days,
    days_before,
    days_counted_at,
    gateway_ids,
    kept_gateway_days,
    serving_meters,
)
from cloud_ingest.store.gateways import standings
from shared_schema.gateway import BusStatus, FailingMeter

ROWS: Final = 100
"""Of one page."""


class DayShare(NamedTuple):
    """How many intervals of a day should be there, and how many are."""

    day: date
    expected: int
    """0: nothing was due."""
    present: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing lacks of what was due."""
        return self.present >= self.expected > 0


@dataclass(frozen=True, slots=True)
class Place:
    """Whose health is asked for, and when."""

    society: str
    society_id: int
    now: datetime
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Strip:
    """The days of something, ascending, without a gap."""

    days: tuple[DayShare, ...]

    @property
    def due(self) -> int:
        """On how many days something was due."""
        return sum(each.expected > 0 for each in self.days)

    @property
    def whole(self) -> int:
        """How many of them lack nothing."""
        return sum(each.is_whole for each in self.days)

    @property
    def permille(self) -> int | None:
        """How much of all that was due is there; None: nothing was due."""
        expected = sum(each.expected for each in self.days)
        return sum(each.present for each in self.days) * 1000 // expected if expected else None


@dataclass(frozen=True, slots=True)
class GatewayHealth:
    """A gateway: how it stands, and its days."""

    standing: Standing
    strip: Strip
    remarks: tuple[str, ...]
    """What needs a person, the most urgent first."""


@dataclass(frozen=True, slots=True)
class Health:
    """A page of the gateways of a society."""

    gateways: tuple[GatewayHealth, ...]
    total: int
    online: int
    lacking: int
    """How many brought less than was due."""
    pages: int
    counted_at: datetime | None
    """When their days were counted; None: now."""


@dataclass(frozen=True, slots=True)
class MeterHealth:
    """A meter, what it serves, and its days."""

    meter: ServingMeter
    strip: Strip
    failing: FailingMeter | None
    """What its gateway says of it; None: nothing, or it is read."""


@dataclass(frozen=True, slots=True)
class GatewayShown:
    """A gateway with its buses and a page of its meters."""

    gateway: GatewayHealth
    buses: tuple[BusStatus, ...]
    """Those on which most meters fail first; empty: it does not tell."""
    meters: tuple[MeterHealth, ...]
    total: int
    pages: int


def health(conn: Connection, place: Place, page: int = 1) -> Health:
    """Return a page of gateways, the worst first.

    Before the service has counted their days for the first time they are counted now.
    """
    days = days_before(place.now, place.zone)
    counted_at = days_counted_at(conn, place.society_id)
    if counted_at is None:
        counted: Sequence[CountedDay] = count_days(conn, place.society_id, days)
    else:
        counted = kept_gateway_days(conn, place.society_id, days[0][0])
    strips = _strips(counted, days, lambda each: each.gateway_id)
    ids = gateway_ids(conn, place.society_id)
    nothing = _strip((), days)
    every = [
        GatewayHealth(one, strips.get(ids[one.gateway], nothing), tuple(remarks(one, place.now)))
        for one in standings(conn, place.now, place.society)
    ]
    every.sort(key=_badness)
    return Health(
        gateways=tuple(every[(page - 1) * ROWS : page * ROWS]),
        total=len(every),
        online=sum(each.standing.state == "online" for each in every),
        lacking=sum((each.strip.permille or 1000) < 1000 for each in every),
        pages=max(1, -(-len(every) // ROWS)),
        counted_at=counted_at,
    )


def gateway_shown(conn: Connection, place: Place, gateway: str, page: int = 1) -> GatewayShown:
    """Return a gateway with its buses and a page of its meters, the worst first.

    Raises:
        NotFound: the society has no such gateway.
    """
    standing = next(
        (e for e in standings(conn, place.now, place.society) if e.gateway == gateway), None
    )
    if standing is None:
        raise NotFound(f"no gateway {gateway[:64]!r} here: look at the list of gateways")
    days = days_before(place.now, place.zone)
    own_id = gateway_ids(conn, place.society_id)[gateway]
    counted = count_days(conn, place.society_id, days, gateway_id=own_id, each_meter=True)
    status = standing.status
    meters = _meters(
        serving_meters(conn, place.society_id, place.now, gateway=gateway),
        _strips(counted, days, lambda each: each.meter_id or 0),
        days,
        status.failing if status else (),
    )
    own_strip = _strip(_summed(counted), days)
    buses = (status.buses if status else None) or ()
    return GatewayShown(
        gateway=GatewayHealth(standing, own_strip, tuple(remarks(standing, place.now))),
        buses=tuple(sorted(buses, key=lambda each: (-sum(each.failures.values()), each.name))),
        meters=tuple(meters[(page - 1) * ROWS : page * ROWS]),
        total=len(meters),
        pages=max(1, -(-len(meters) // ROWS)),
    )


def meter_shown(conn: Connection, place: Place, manufacturer: str, serial: str) -> MeterHealth:
    """Return a meter with its days.

    Raises:
        NotFound: no such meter serves anything there now.
    """
    found = serving_meters(
        conn, place.society_id, place.now, manufacturer=manufacturer, serial=serial
    )
    if not found:
        name = f"{manufacturer} {serial}"[:80]
        raise NotFound(f"no meter {name!r} serves anything here now: look at its gateway's list")
    days = days_before(place.now, place.zone)
    counted = count_days(conn, place.society_id, days, meter_id=found[0].meter_id, each_meter=True)
    said = [
        each
        for one in standings(conn, place.now, place.society)
        if one.gateway == found[0].gateway and one.status is not None
        for each in one.status.failing
    ]
    strips = _strips(counted, days, lambda each: each.meter_id or 0)
    return _meters(found, strips, days, said)[0]


def _meters(
    found: Iterable[ServingMeter],
    strips: dict[int, Strip],
    days: Days,
    failing: Iterable[FailingMeter],
) -> list[MeterHealth]:
    by_name = {(e.meter.manufacturer, e.meter.serial): e for e in failing if e.meter is not None}
    nothing = _strip((), days)
    every = [
        MeterHealth(
            each,
            strips.get(each.meter_id, nothing),
            by_name.get((each.manufacturer, each.serial)),
        )
        for each in found
    ]
    every.sort(key=lambda e: (e.failing is None, _share(e.strip), e.meter.serial))
    return every


def _badness(one: GatewayHealth) -> tuple[object, ...]:
    state = one.standing.state
    return (state == "taken back", state == "online", _share(one.strip), one.standing.gateway)


def _share(strip: Strip) -> int:
    permille = strip.permille
    return -1 if permille is None else permille


def _strips(
    counted: Iterable[CountedDay], days: Days, key: Callable[[CountedDay], int]
) -> dict[int, Strip]:
    found: dict[int, list[CountedDay]] = {}
    for each in counted:
        found.setdefault(key(each), []).append(each)
    return {number: _strip(own, days) for number, own in found.items()}


def _summed(counted: Iterable[CountedDay]) -> list[CountedDay]:
    found: dict[date, CountedDay] = {}
    for each in counted:
        own = found.get(each.day)
        found[each.day] = (
            each
            if own is None
            else own._replace(
                expected=own.expected + each.expected, present=own.present + each.present
            )
        )
    return list(found.values())


def _strip(counted: Iterable[CountedDay], days: Days) -> Strip:
    by_day = {each.day: each for each in counted}
    return Strip(
        tuple(
            DayShare(day, one.expected, one.present)
            if (one := by_day.get(day))
            else DayShare(day, 0, 0)
            for day, _, _ in days
        )
    )
