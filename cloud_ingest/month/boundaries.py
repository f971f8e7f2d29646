# SPDX-License-Identifier: MIT
"""What a month of meters begins with: their keys, channels, and where the month before was closed.

In: assignments, published numbers. Out: keys that are the same in both, the channels of meters, the
rows around a month as one value (`month.meter_rows` reads them). Never: a choice of a border.

Raises: EndsElsewhere.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from cloud_ingest.core.border import Cut, Known
from cloud_ingest.core.border_choice import register_at
from cloud_ingest.core.month import DAY, Month, previous_month
from cloud_ingest.core.rating import Rating
from cloud_ingest.core.register import DayRegister, Register, has_absurd_scaler
from cloud_ingest.errors import EndsElsewhere
from cloud_ingest.store import months
from cloud_ingest.store.assignments import Assignment
from cloud_ingest.store.channels import Channel, channels_of_meters
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.manifests import manifest_of
from cloud_ingest.store.month_locks import lock_of
from cloud_ingest.store.number_words import kept_numbers
from shared_schema.billing import BoundaryReading, MonthlyConsumption, billing_exponent
from shared_schema.catalogue import ACTIVE_IMPORT_INTERVAL, Service
from shared_schema.message import MeterId
from shared_schema.quality import Origin

PROFILE: Final = {Service.ELECTRICITY: ACTIVE_IMPORT_INTERVAL}
"""Which code of a service has the meter's own intervals."""

MONTHS_LOOKED_BACK: Final = 24
"""So many closed months before its own a closing looks at, and may close again."""


class MeterKey(NamedTuple):
    """A meter and what it counts for whom: the same in an assignment and in a published number."""

    subject_type: str
    subject: str
    service: Service
    source: str
    manufacturer: str
    serial: str


Closings = Mapping[MeterKey, BoundaryReading]
"""Where each meter of published numbers closed its month."""


class SubjectService(NamedTuple):
    """A subject and a service of it, as a number names them."""

    subject_type: str
    subject: str
    service: Service


class MeterService(NamedTuple):
    """A meter and what it counts, whomever it serves."""

    meter: MeterId
    service: Service


class Opening(NamedTuple):
    """Where the month before was closed, and for whom."""

    key: MeterKey | None
    """None: the meter served nobody."""
    reading: BoundaryReading


@dataclass(frozen=True, slots=True)
class MonthChannels:
    """The channels of a month's meters that hold their service's code in a billed unit."""

    channels: Sequence[Channel]
    exponents: dict[int, int]
    """By channel id."""
    absurd: frozenset[int]
    """Meters with such a channel that only its scaler keeps out."""


@dataclass(frozen=True, slots=True)
class MeterRows:
    """What is known of one meter's billed register around a month."""

    meter: MeterId
    service: Service
    channels: Sequence[Channel]
    cuts: Sequence[Cut]
    """Ascending: the first is the start of the month, the last its end."""
    known: Known
    opening: Opening | None
    served: Sequence[Assignment]
    """In the month, and up to its borders, ascending."""
    days: Sequence[DayRegister]
    step: Decimal
    rating: Rating
    has_absurd_scaler: bool
    """It has a billed register with a scaler that no meter has; that one is left out."""

    @property
    def weights(self) -> dict[int, int]:
        """The pulse weight of each channel, by id."""
        return {channel.channel_id: channel.weight for channel in self.channels}


def meter_key(assignment: Assignment) -> MeterKey:
    """Return the key of an assignment."""
    return MeterKey(
        assignment.subject_type,
        assignment.subject,
        assignment.service,
        assignment.source,
        assignment.meter.manufacturer,
        assignment.meter.serial,
    )


def serves_at(assignment: Assignment, at: datetime) -> bool:
    """Say whether a meter serves a subject from a moment on."""
    until = assignment.valid_to
    return assignment.valid_from <= at and (until is None or until > at)


def closings(numbers: Iterable[MonthlyConsumption]) -> Closings:
    """Return where each meter of published numbers closed its month; pure."""
    found: dict[MeterKey, BoundaryReading] = {}
    for number in numbers:
        for part in number.parts:
            key = MeterKey(
                number.subject.type.value,
                number.subject.id,
                number.service,
                part.source,
                part.meter.manufacturer,
                part.meter.serial,
            )
            if key not in found or found[key].at < part.closing.at:
                found[key] = part.closing
    return found


def closings_before(conn: Connection, society_id: int, month: Month) -> Closings:
    """Return where the month before was closed; nothing if it is open."""
    before = previous_month(month.first)
    return closings(months.current(conn, society_id, f"{before:%Y-%m}"))


def standing_before(
    conn: Connection, society_id: int, month: Month
) -> frozenset[SubjectService | None]:
    """Return whose number of the month before stands although it would change.

    A person said that it stands, or has not decided yet. In a month that is approved everything
    stands, also what meters counted for nobody, which is None.
    """
    before = f"{previous_month(month.first):%Y-%m}"
    closed = manifest_of(conn, society_id, before)
    if closed is None:
        return frozenset()
    is_locked = lock_of(conn, society_id, before) is not None
    held = [(e.subject, e.service) for e in closed.held]
    if is_locked:
        held += [(e.subject, e.service) for e in closed.entries]
    return frozenset(
        {
            *([None] if is_locked else []),
            *(SubjectService(subject.type.value, subject.id, service) for subject, service in held),
            *(SubjectService(*key) for key in kept_numbers(conn, society_id, before)),
        }
    )


def month_channels(
    conn: Connection, assigned: Sequence[Assignment], codes: Mapping[Service, object]
) -> MonthChannels:
    """Return the channels of meters that hold their service's code in a unit that is billed."""
    services = {a.meter_id: a.service for a in assigned if a.service in codes}
    found: list[Channel] = []
    exponents: dict[int, int] = {}
    absurd: set[int] = set()
    for channel in channels_of_meters(
        conn, services.keys(), {str(code) for code in codes.values()}
    ):
        service = services[channel.meter_id]
        if channel.obis != str(codes[service]):
            continue
        exponent = billing_exponent(service, channel.unit, channel.scaler)
        if exponent is not None:
            found.append(channel)
            exponents[channel.channel_id] = exponent
        elif has_absurd_scaler(service, channel.unit, channel.scaler):
            absurd.add(channel.meter_id)
    return MonthChannels(found, exponents, frozenset(absurd))


def boundary_reading(register: Register) -> BoundaryReading:
    """Return a register as a number states it."""
    return BoundaryReading(at=register.ts, register_value=register.value, origin=register.origin)


def last_day_read(month: Month, self_read_window: timedelta) -> date:
    """Return the last day that a closing of a month looks at."""
    return (month.end + around_days(self_read_window)).date()


def around_days(self_read_window: timedelta) -> timedelta:
    """Return how far beside a month its days are looked at."""
    return self_read_window + DAY


def published_opening(
    rows: MeterRows, month: Month, standing: Collection[SubjectService | None]
) -> Register | None:
    """Return the register at which the month before was closed, as it is published.

    Raises:
        EndsElsewhere: that reading is another one now: the month before would change with it.
    """
    if rows.opening is None:
        return None
    key, opening = rows.opening
    value = opening.register_value
    now = {each.value for each in rows.known.sound if each.ts == opening.at}
    is_read = opening.origin is not Origin.ESTIMATE
    whose = None if key is None else SubjectService(key.subject_type, key.subject, key.service)
    if is_read and value not in now and whose not in standing:
        told = f"{rows.meter}, which served nobody," if key is None else f"{key.subject}"
        before = previous_month(month.first)
        became = f"is now {max(now):f}" if now else "is set aside now"
        raise EndsElsewhere(
            f"{before:%Y-%m}",
            f"{month} is not closed: {before:%Y-%m} was closed for {told} "
            f"{rows.service} with {value:f}, but that reading {became}: "
            f"close that month first, with cloud-ingest close-month {before:%Y-%m}",
        )
    return register_at(rows.known, opening.at, value, opening.origin)
