# SPDX-License-Identifier: MIT
"""What is missing: how many intervals each channel should have, and where it has none.

A channel is expected once in each of its capture periods while its meter is assigned. A channel
that is only read when asked has no period and is left out. A reading beside the rhythm counts for
one that is missing on the same day, and hides it. Stretches are looked for only on the days whose
counts lack some.

In: a society and a month. Out: counts by channel and day, from the rollups, and stretches of time,
from the readings; what gateways were asked to read again. Never: a filled gap.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.gap_requests import Asked, tries
from cloud_ingest.core.month import DAY, Month, local_days, midnight, runs
from cloud_ingest.core.unit_identity import namesake_hint
from cloud_ingest.errors import NotFound, ReadRefused
from cloud_ingest.store import readings_read
from cloud_ingest.store.assignments import namesakes
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.gap_requests import gaps_asked_for
from cloud_ingest.store.readings_read import Gap, Window
from cloud_ingest.store.rollups_read import ChannelCompleteness, completeness_of_channels
from shared_schema.message import MeterId

MAX_CHANNEL_DAYS = 10_000
"""Of which stretches are looked for at once: about a million readings at quarters of an hour."""


def completeness(
    conn: Connection,
    society_id: int,
    month: Month,
    zone: ZoneInfo,
    until: datetime,
    *,
    subject_type: SubjectKind | None = None,
    subject: str | None = None,
) -> list[ChannelCompleteness]:
    """Count the intervals of a month, of all subjects or of one; nothing is due after ``until``.

    Raises:
        NotFound: the subject had no channel with a capture period.
    """
    found = completeness_of_channels(
        conn,
        society_id,
        local_days(month, zone),
        min(until, month.end),
        subject_type=subject_type,
        subject=subject,
    )
    if subject is not None and not found:
        hint = namesake_hint(subject, namesakes(conn, society_id, subject))
        raise NotFound(
            f"{subject!r} has no channel with a capture period in {month}"
            f"{hint or ': look at its label and --subject-type (cloud-ingest units list)'}"
        )
    return sorted(found, key=lambda one: (one.subject_type, one.subject, one.service, one.obis))


def missing(
    conn: Connection, found: Iterable[ChannelCompleteness], zone: ZoneInfo, until: datetime
) -> list[Gap]:
    """Return the stretches without readings on the days that lack some.

    Raises:
        ReadRefused: more than `MAX_CHANNEL_DAYS` days of channels lack some, or the store has let
            readings of one go.
    """
    lacking = [one for one in found if one.lacking]
    count = sum(len(one.lacking) for one in lacking)
    if count > MAX_CHANNEL_DAYS:
        raise ReadRefused(
            f"{count} days of channels lack readings, more than the {MAX_CHANNEL_DAYS} whose "
            "stretches are looked for at once: name a unit"
        )
    windows = [(window, one.period_s) for one in lacking for window in _windows(one, zone, until)]
    if windows:
        readings_read.require_kept(conn, min(window.start for window, _ in windows))
    return readings_read.gaps(
        conn, [window for window, _ in windows], [period_s for _, period_s in windows]
    )


class AskedAgain(NamedTuple):
    """How often a gateway was asked for the days of a meter, and what it said last."""

    meter: MeterId
    days: int
    times: int
    """Of the day that was asked for most."""
    last_at: datetime
    outcome: str | None
    """None: it has not answered."""
    said: str


def asked_again(
    conn: Connection,
    society_id: int,
    found: Iterable[ChannelCompleteness],
    month: Month,
    zone: ZoneInfo,
) -> list[AskedAgain]:
    """Return what was asked for again of the days that lack some, a line a meter."""
    before = tries(gaps_asked_for(conn, society_id, month.start), zone)
    by_meter: dict[MeterId, dict[date, list[Asked]]] = {}
    for one in found:
        meter = MeterId(manufacturer=one.manufacturer, serial=one.serial)
        for day, _expected, _present in one.lacking:
            if asked := before.get((meter, day)):
                by_meter.setdefault(meter, {})[day] = asked
    lines: list[AskedAgain] = []
    for meter, days in sorted(by_meter.items(), key=lambda item: str(item[0])):
        last = max((each[-1] for each in days.values()), key=lambda asked: asked.issued_at)
        times = max(map(len, days.values()))
        said = last.said.get(meter, "")
        lines.append(AskedAgain(meter, len(days), times, last.issued_at, last.outcome, said))
    return lines


def _windows(one: ChannelCompleteness, zone: ZoneInfo, until: datetime) -> list[Window]:
    ends = until if one.valid_to is None else min(until, one.valid_to)
    return [
        Window(
            one.channel_id,
            max(midnight(first, zone), one.valid_from),
            min(midnight(last + DAY, zone), ends),
        )
        for first, last in runs(day for day, _, _ in one.lacking)
    ]
