# SPDX-License-Identifier: MIT
"""The morning's digest of a society: where the month stands, and what people should look at.

It tells where the newest month stands that has ended. A flag is new that was raised since the
digest before; a change, of whatever month, is one that was sent since then.

In: a connection, the time, by when each society has its morning. Out: digests in the queues of
mail, one a society and day. Never: a decision.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from cloud_ingest.core.flag import Flag
from cloud_ingest.core.local_time import short_day, short_time
from cloud_ingest.core.month import DAY, ended_month, parse_month
from cloud_ingest.deliver.digest import Digest, Section
from cloud_ingest.month.changes_after import ChangedNumber, month_changes, settles_at
from cloud_ingest.month.status import MonthStatus, month_status
from cloud_ingest.month.status_words import status_sentence
from cloud_ingest.settings_society import RunRules
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.digests import Due, months_sent_since, put_digest, societies_with_digests
from cloud_ingest.store.events import list_events
from cloud_ingest.store.migrate import open_store
from shared_schema.events import Severity

MOST_LINES = 20
"""Of one section; the rest is counted."""
Morning = Callable[[str], time]
Window = Callable[[str], timedelta]
Rules = Callable[[str], RunRules]


def at_seven(_society: str) -> time:
    """Return when the digest of a society is sent, where nothing else is said."""
    return time(7)


def make_digests(
    conn: Connection, now: datetime, morning: Morning, window: Window, rules: Rules
) -> int:
    """Queue the digest of each society whose morning has come today; return how many.

    Args:
        conn: The store.
        now: The time.
        morning: When the digest of a society is sent, local time.
        window: How far from the border a dial may end its months.
        rules: How its months are closed by themselves.
    """
    zone = open_store(conn).zone
    local = now.astimezone(zone)
    made = 0
    for due in societies_with_digests(conn):
        if local.time() < morning(due.society) or due.made_on == local.date():
            continue
        found = digest(conn, due, now, zone, window=window(due.society), rules=rules(due.society))
        payload = found.model_dump_json(by_alias=True).encode()
        made += put_digest(conn, due, local.date(), payload, now, is_quiet=found.is_quiet)
    return made


def digest(
    conn: Connection,
    due: Due,
    now: datetime,
    zone: ZoneInfo,
    *,
    window: timedelta,
    rules: RunRules,
) -> Digest:
    """Make the digest of a society."""
    since = now - DAY if due.made_at is None else due.made_at
    month = ended_month(now, zone)
    status = month_status(conn, due.society, month, now, window=window)
    flags = list_events(conn, society=due.society)
    more = [
        *_section("Flags that are open", _flags(flags, since, zone)),
        *_section("Gateways that are not heard", _gateways(status, zone)),
        *_section("To be read from the dial", _dials(status, now, zone)),
        *_section("Changed after it was sent", _changes(conn, due, since, zone, rules)),
    ]
    return Digest(
        society=due.society,
        day=f"{now.astimezone(zone):%Y-%m-%d}",
        sections=(
            Section(title="Where the month stands", lines=(status_sentence(status, zone, now),)),
            *more,
        ),
        is_quiet=not more,
    )


def _section(title: str, lines: Iterator[str]) -> Iterator[Section]:
    found = list(lines)
    if len(found) > MOST_LINES:
        found[MOST_LINES:] = [f"and {len(found) - MOST_LINES} more"]
    if found:
        yield Section(title=title, lines=tuple(found))


def _flags(flags: Sequence[Flag], since: datetime, zone: ZoneInfo) -> Iterator[str]:
    """Word the open flags, alarms before the rest, new ones first."""
    told = [each for each in flags if each.mute is None]
    for flag in sorted(told, key=lambda each: each.event.severity is not Severity.ALARM):
        event = flag.event
        about = event.unit or event.subject
        new = "new " if event.raised_at > since else ""
        seen = "" if event.acknowledged is None else f" ({event.acknowledged.by} looks into it)"
        yield (
            f"{new}{event.severity}, {event.kind.replace('_', ' ')}, {about.id}, since "
            f"{short_time(event.since, zone)}{seen}: {event.message}"
        )


def _gateways(status: MonthStatus, zone: ZoneInfo) -> Iterator[str]:
    for each in status.gateways:
        heard = "never heard" if each.since is None else f"since {short_time(each.since, zone)}"
        count = len(each.waiting)
        waiting = f", {count} {'meter waits' if count == 1 else 'meters wait'}" if count else ""
        yield f"{each.gateway}: {heard}{waiting}"


def _dials(status: MonthStatus, now: datetime, zone: ZoneInfo) -> Iterator[str]:
    for each in status.to_read:
        if each.read_from <= now <= each.until:
            yield f"{each.subject} {each.service}, by {short_day(each.until, zone)}"


def _changes(
    conn: Connection, due: Due, since: datetime, zone: ZoneInfo, rules: RunRules
) -> Iterator[str]:
    """Word what was sent anew since the digest before, the newest month first."""
    for name in months_sent_since(conn, due.society_id, since):
        month = parse_month(name, zone)
        settled = settles_at(rules, month, zone)
        changed = month_changes(conn, due.society, month, since, settled_at=settled)
        yield from (_change(name, each) for each in changed.numbers)


def _change(month: str, number: ChangedNumber) -> str:
    before = "nothing" if number.before is None else f"{number.before:f}"
    after = "nothing" if number.after is None else f"{number.after:f} {number.unit}"
    return f"{number.subject} {number.service}, {month}: {before} -> {after}"
