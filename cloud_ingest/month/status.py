# SPDX-License-Identifier: MIT
"""Where a month stands: how many of its numbers are final, which are missing, and what waits.

Of a closed month this is what its manifest says. Before that, a number can be final if its meters
have a reading near the end of the month; while the month runs, if they are still read.

In: a society, a month, the time. Out: one value for a sentence (`month.status_words`), a table or
JSON. Never: a write, a number.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.month import Month
from cloud_ingest.month.boundaries import month_channels
from cloud_ingest.month.close import CLOSE_GRACE
from cloud_ingest.month.closing import SubjectKey, key_of
from cloud_ingest.month.silent_gateways import SilentGateway, silent_gateways
from cloud_ingest.month.still_to_read import ToRead, read_near, still_to_read
from cloud_ingest.store.assignments import (
    Assignment,
    assignments_between,
    not_rolled_up,
    numbers_between,
)
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.month_runs import last_turn
from cloud_ingest.store.published import PublishedStates, published_states
from cloud_ingest.store.readings_read import Window, boundary_readings
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.self_read_submissions import count_waiting
from shared_schema.billing import Approval, Estimate, Held
from shared_schema.catalogue import BILLED_REGISTER, Service
from shared_schema.quality import Reason

Phase = Literal["running", "ended", "closed"]
"""It has not ended; it has, and was never closed; it was closed."""
MissingState = Literal["withheld", "withdrawn", "unread"]
"""``unread``: the month is not closed, and no reading is near its end, or none comes."""
Border = Literal["start", "end"]
UNREAD_REASONS = frozenset(
    {Reason.NO_OPENING, Reason.NO_CLOSING, Reason.OFFLINE, Reason.INCOMPLETE}
)
BORDERS: Mapping[Reason, Border] = {Reason.NO_OPENING: "start", Reason.NO_CLOSING: "end"}
LOOKED_BACK = timedelta(days=62)
"""So far before the end of a month its meters' last readings are looked for."""


@dataclass(frozen=True, slots=True)
class MissingNumber:
    """A number that a month lacks."""

    subject_type: SubjectKind
    subject: str
    tower: str | None
    service: Service
    state: MissingState
    reasons: tuple[Reason, ...] = ()
    estimate: Estimate | None = None
    is_dial: bool = False
    """Its meter has no data port: a person reads it."""
    since: datetime | None = None
    """The last reading up to the end of the month, where none stands for that."""
    lacks: tuple[Border, ...] = ()
    """Near which of its borders no reading is now."""

    @property
    def key(self) -> SubjectKey:
        """Whose number it is."""
        return SubjectKey(self.subject_type, self.subject, self.service)

    @property
    def is_unread(self) -> bool:
        """It is missing because nobody read a border."""
        return self.state != "withdrawn" and bool(self.lacks or UNREAD_REASONS & set(self.reasons))

    @property
    def is_read(self) -> bool:
        """What it lacked is read by now: closing the month again may give its number."""
        return bool(BORDERS.keys() & set(self.reasons)) and not self.lacks


@dataclass(frozen=True, slots=True)
class Refusal:
    """A closing that was refused: what stands is what stood before."""

    at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class MonthStatus:
    """Where a month of a society stands."""

    society: str
    month: str
    phase: Phase
    starts_at: datetime
    ends_at: datetime
    closes_from: datetime
    """When it may be closed."""
    closed_at: datetime | None
    """When it was closed last."""
    final: int
    """How many numbers stand and are final; before it is closed, how many can be."""
    provisional: int
    """How many were sent as estimates, and wait for their final number."""
    missing: tuple[MissingNumber, ...]
    """The worst first."""
    held: tuple[Held, ...]
    """Changes that wait for a person."""
    to_read: tuple[ToRead, ...]
    """What a person still has to read for its end."""
    gateways: tuple[SilentGateway, ...]
    refused: Refusal | None = None
    """The last attempt to close it was refused."""
    approved: Approval | None = None
    """A person said that it stands: nothing of it changes until it is opened again."""
    sent_dials: int = 0
    """Values of dials that residents sent for its end, and that wait for a person."""

    @property
    def total(self) -> int:
        """How many numbers the month has."""
        return self.final + self.provisional + len(self.missing)


@translating
def month_status(
    conn: Connection,
    society: str,
    month: Month,
    now: datetime,
    *,
    window: timedelta,
    grace: timedelta = CLOSE_GRACE,
) -> MonthStatus:
    """Say where a month stands.

    Args:
        conn: The store.
        society: Its name.
        month: The month; it may still run.
        now: The time.
        window: How far from the border a dial may end the month.
        grace: How long after its end the month may be closed.

    Raises:
        NotFound: no such society.
    """
    society_id = find_society(conn, society)
    to_read = still_to_read(conn, society_id, month, now, window)
    states = published_states(conn, society_id, str(month))
    missing: Iterable[MissingNumber]
    if states is not None:
        phase: Phase = "closed"
        absent = set(map(key_of, states.withheld)) | set(map(key_of, states.withdrawn))
        own = _meters_of(conn, society_id, absent, month)
        missing = _missing_of(conn, states, own, month, window)
        final = states.published - states.provisional
    else:
        phase = "running" if now < month.end else "ended"
        is_running = phase == "running"
        late = _silent(to_read) if is_running else _unread_now(conn, society_id, month, window)
        own = _meters_of(conn, society_id, late, month)
        missing = _unread(conn, {key: own[key] for key in late if key in own}, month)
        final = numbers_between(conn, society_id, month.start, month.end) - len(late)
    return MonthStatus(
        society=society,
        month=str(month),
        phase=phase,
        starts_at=month.start,
        ends_at=month.end,
        closes_from=month.end + grace,
        closed_at=None if states is None else states.closed_at,
        final=final,
        provisional=0 if states is None else states.provisional,
        missing=tuple(sorted(missing, key=_worst_first)),
        held=() if states is None else states.held,
        to_read=to_read,
        gateways=silent_gateways(conn, society_id, to_read, now),
        refused=_refusal(conn, society_id, month),
        approved=None if states is None else states.approved,
        sent_dials=count_waiting(conn, society_id, month.end - window, month.end + window),
    )


def _refusal(conn: Connection, society_id: int, month: Month) -> Refusal | None:
    turn = last_turn(conn, society_id, str(month))
    if turn is None or turn.refused is None:
        return None
    return Refusal(turn.turned_at, turn.refused)


def _worst_first(one: MissingNumber) -> tuple[object, ...]:
    """Sort units before common areas, what is away before what is in doubt, and dials last."""
    since = None if one.since is None else one.since.timestamp()
    away = (since or 0.0) if one.is_unread else None
    is_late = (one.is_dial, away is None, away or 0.0)
    return (one.is_read, one.subject_type != "unit", is_late, one.subject, one.service)


def _meters_of(
    conn: Connection, society_id: int, asked: Collection[SubjectKey], month: Month
) -> dict[SubjectKey, list[Assignment]]:
    """Return the meters of some numbers; a bulk meter has none."""
    subjects = {each.label for each in asked}
    found: dict[SubjectKey, list[Assignment]] = {}
    for each in assignments_between(conn, society_id, month.start, month.end, subjects=subjects):
        if each.subject_type != "bulk":
            key = SubjectKey(each.subject_type, each.subject, each.service)
            found.setdefault(key, []).append(each)
    return found


def _silent(to_read: Iterable[ToRead]) -> set[SubjectKey]:
    """Return which numbers of a month that runs are in doubt: their meters are not heard."""
    silent = [each for each in to_read if each.why != "no_data_port"]
    return {SubjectKey(e.subject_type, e.subject, e.service) for e in silent}


def _unread_now(
    conn: Connection, society_id: int, month: Month, window: timedelta
) -> set[SubjectKey]:
    """Return which numbers of a month that has ended have no reading near its end."""
    at_end = not_rolled_up(conn, society_id, month)
    read = read_near(conn, at_end, month.end, window)
    return {
        SubjectKey(each.subject_type, each.subject, each.service)
        for each in at_end
        if each.meter_id not in read and each.subject_type != "bulk"
    }


def _unread(
    conn: Connection, late: Mapping[SubjectKey, Sequence[Assignment]], month: Month
) -> Iterable[MissingNumber]:
    last = _last_readings(conn, [each for own in late.values() for each in own], month)
    for key, own in late.items():
        yield MissingNumber(
            *key[:2],
            own[-1].tower,
            key.service,
            "unread",
            is_dial=any(each.legacy for each in own),
            since=_earliest(last, own),
            lacks=("end",),
        )


def _missing_of(
    conn: Connection,
    states: PublishedStates,
    own: Mapping[SubjectKey, Sequence[Assignment]],
    month: Month,
    window: timedelta,
) -> Iterable[MissingNumber]:
    """Return what a manifest lacks, with what is known of the meters now."""
    withheld = {key_of(each): each for each in states.withheld}
    withdrawn = {key_of(each) for each in states.withdrawn}
    unread = [
        meter
        for key, each in withheld.items()
        if UNREAD_REASONS & set(each.reasons)
        for meter in own.get(key, ())
    ]
    last = _last_readings(conn, unread, month)
    read = {
        Reason.NO_OPENING: read_near(conn, unread, month.start, window),
        Reason.NO_CLOSING: read_near(conn, unread, month.end, window),
    }
    for key in sorted(withheld.keys() | withdrawn):
        meters = own.get(key, [])
        reasons = withheld[key].reasons if key in withheld else ()
        lacks = tuple(
            border
            for reason, border in BORDERS.items()
            if reason in reasons and not read[reason].issuperset(each.meter_id for each in meters)
        )
        yield MissingNumber(
            *key[:2],
            meters[-1].tower if meters else None,
            key.service,
            "withheld" if key in withheld else "withdrawn",
            reasons,
            withheld[key].estimate if key in withheld else None,
            is_dial=any(each.legacy for each in meters),
            since=_earliest(last, meters) if "end" in lacks else None,
            lacks=lacks,
        )


def _last_readings(
    conn: Connection, meters: Sequence[Assignment], month: Month
) -> dict[int, datetime]:
    """Return the last reading of each meter up to the end of a month, by its number."""
    billed = month_channels(conn, meters, BILLED_REGISTER)
    windows = [
        Window(each.channel_id, month.end - LOOKED_BACK, month.end) for each in billed.channels
    ]
    rows = boundary_readings(conn, last_in=windows, exponents=billed.exponents)
    found = {
        each.meter_id: each.last_reading_at
        for each in meters
        if each.last_reading_at is not None and each.last_reading_at < month.end
    }
    for channel in billed.channels:
        for row in rows.get(channel.channel_id, ()):
            found[channel.meter_id] = max(row.ts, found.get(channel.meter_id, row.ts))
    return found


def _earliest(last: Mapping[int, datetime], own: Iterable[Assignment]) -> datetime | None:
    """Return since when one of a number's meters was not read."""
    return min((last[each.meter_id] for each in own if each.meter_id in last), default=None)
