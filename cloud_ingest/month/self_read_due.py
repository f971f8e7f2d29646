# SPDX-License-Identifier: MIT
"""Which dials were not read by the set day for the month that ended, told once in a sweep.

From the set day on until the end of the window for self-reads. A meter that speaks by itself is not
among them, silent or not: its gateway's read failure tells of it.

In: a society's rules, the time. Out: the flags `self_read_due`. Never: a number.
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.border import SELF_READ_WINDOW
from cloud_ingest.core.flag import Flag, served_unit
from cloud_ingest.core.month import Month, ended_month, midnight
from cloud_ingest.flags.lifecycle import Changes
from cloud_ingest.flags.self_read_due import DueDial, Judged, refresh_self_read_due
from cloud_ingest.month.still_to_read import ToRead, still_to_read
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.published import published_month
from cloud_ingest.store.registry import societies
from cloud_ingest.store.self_read_submissions import submissions
from shared_schema.catalogue import Service
from shared_schema.events import Subject, SubjectType

_Key = tuple[SubjectType, str, Service]
_Dial = tuple[SubjectKind, str, Service, str]
"""Whose, of which service and source."""
TOO_LATE: Final = "it is too late for its month: the next dial tells of both"
CLOSED: Final = "its month was closed with a number"
READ: Final = "its dial was read, or is no longer asked for"


class DueRules(NamedTuple):
    """By when a society's dials are to be read."""

    window: timedelta
    """How far from the 1st a dial closes a month."""
    due_day: int | None
    """The day of the month, from whose 00:00 on a missing dial is a flag; None: it never is."""


DEFAULT_DUE: Final = DueRules(SELF_READ_WINDOW, 2)


def flag_self_reads(
    conn: Connection, rules: Callable[[str], DueRules], zone: ZoneInfo, now: datetime
) -> Changes:
    """Raise and clear the flags of every society.

    Args:
        conn: The store.
        rules: Of a society, by its name.
        zone: The store's.
        now: The time.
    """
    raised = cleared = 0
    for society_id, society in societies(conn):
        done = _flag_society(conn, society_id, society, rules(society), zone=zone, now=now)
        raised, cleared = raised + done.raised, cleared + done.cleared
    return Changes(raised, cleared)


def _flag_society(
    conn: Connection,
    society_id: int,
    society: str,
    rules: DueRules,
    *,
    zone: ZoneInfo,
    now: datetime,
) -> Changes:
    span = ended_month(now, zone)
    due: list[DueDial] = []
    proved: frozenset[_Key] = frozenset()
    if is_due(rules, span, zone, now):
        proved = _proved(conn, society_id, span)
        found = still_to_read(conn, society_id, span, now, rules.window)
        sent = _sent(conn, society_id, span, rules.window)
        due = list(_due(found, str(span), proved, sent))

    def ended(flag: Flag) -> str:
        event = flag.event
        if event.evidence.get("month") != str(span) or now > span.end + rules.window:
            return TOO_LATE
        key = event.subject.type, event.subject.id, event.service
        return CLOSED if key in proved else READ

    return refresh_self_read_due(conn, Judged(society_id, society, zone, ended), due, now)


def is_due(rules: DueRules, span: Month, zone: ZoneInfo, now: datetime) -> bool:
    """Say whether a dial that was not read for a month is a flag now."""
    if rules.due_day is None:
        return False
    first = span.end.astimezone(zone).date()
    from_day = midnight(date(first.year, first.month, rules.due_day), zone)
    return from_day <= now <= span.end + rules.window


def _proved(conn: Connection, society_id: int, span: Month) -> frozenset[_Key]:
    """Return what the month was closed with a number of."""
    month = published_month(conn, society_id, str(span))
    numbers = () if month is None else month.numbers
    return frozenset((each.subject.type, each.subject.id, each.service) for each in numbers)


def _sent(conn: Connection, society_id: int, span: Month, window: timedelta) -> frozenset[_Dial]:
    """Return the dials of which a value was sent for the month and waits for the manager."""
    return frozenset(
        (each.subject_type, each.subject, each.service, each.source)
        for each in submissions(conn, society_id, waiting=True)
        if abs(each.read_at - span.end) <= window
    )


def _due(
    found: tuple[ToRead, ...], month: str, proved: frozenset[_Key], sent: frozenset[_Dial]
) -> Iterator[DueDial]:
    """Give what is due of each subject's service."""
    own = sorted((each for each in found if each.why == "no_data_port"), key=_key)
    for key, meters in groupby(own, key=_key):
        first, *others = list(meters)
        if key in proved:
            continue
        yield DueDial(
            subject=Subject(type=key[0], id=key[1]),
            tower=first.tower,
            service=first.service,
            month=month,
            border=first.border,
            until=first.until,
            meters=tuple(str(each.meter) for each in (first, *others)),
            is_sent=all(_dial(each) in sent for each in (first, *others)),
        )


def _dial(meter: ToRead) -> _Dial:
    return meter.subject_type, meter.subject, meter.service, meter.source


def _key(meter: ToRead) -> _Key:
    unit = served_unit(meter.subject_type, meter.subject, meter.tower)
    return unit.type, unit.id, meter.service
