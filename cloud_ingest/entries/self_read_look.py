# SPDX-License-Identifier: MIT
"""A look at a dial value: whose it is, and what is to be said of it beside what is known.

In: what a resident sends. Out: a `Looked`. Never: a value that is kept.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cloud_ingest.core.dial_photo import Photo, PhotoTime
from cloud_ingest.core.dial_reasons import Shown, dial_remarks
from cloud_ingest.core.dial_text import DialText
from cloud_ingest.entries.dial_past import dial_past, with_nearby
from cloud_ingest.entries.dial_value import DialValue, minute, needless
from cloud_ingest.entries.meter import NamedMeter, find_meter, judge_register
from cloud_ingest.entries.self_read_words import Said, said_of
from cloud_ingest.store.assignments import Assignment
from cloud_ingest.store.migrate import open_store

LONG_AGO: Final = timedelta(days=10)
"""What was read earlier may be of a month that was sent to billing: a person looks at it."""
PHOTO_APART: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SentPhoto:
    """A photo that came with the digits."""

    photo: Photo
    sha256: bytes
    """Of the bytes as they came."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a resident says of a dial."""

    named: NamedMeter
    client_id: str
    """The sender's own id of this one reading."""
    shown: str
    """The digits as they were typed."""
    at: datetime
    photo: SentPhoto | None = None

    def with_photo(self, photo: SentPhoto | None) -> "Sent":
        """Return the same with its photo."""
        return replace(self, photo=photo)


@dataclass(frozen=True, slots=True)
class Looked:
    """A dial value beside what is known."""

    meter: Assignment
    value: DialValue
    read: DialText
    said: tuple[Said, ...]
    before: Shown | None
    """What the dial showed last; None: it is the first time."""
    is_needless: bool
    is_taken: bool = False


def look(shown: DialValue, read: DialText, sent: Sent, now: datetime) -> Looked:
    """Hold a dial value against what is known.

    Raises:
        SelfReadRefused: there is no such meter, or the value is none of its dial.
    """
    conn, society_id, zone, at = shown.conn, shown.society_id, shown.zone, shown.at
    meter = find_meter(conn, society_id, sent.named, at=at)
    judge_register(conn, meter, open_store(conn), now)
    channel, claim, wrong = shown.judge(meter)
    past = dial_past(conn, society_id, meter, channel, claim)
    remarks = dial_remarks(read, at, past)
    if remarks:
        past = with_nearby(conn, society_id, meter, past, now)
        remarks = dial_remarks(read, at, past)
    said = [said_of(each, meter.service, zone) for each in remarks]
    if wrong and not remarks:
        said.append(
            Said("known_otherwise", "Another value of that moment is known already.", wrong)
        )
    if claim.before is None and claim.after is None:
        said.append(
            Said("first", "It is the first reading of this meter.", "nothing to compare it with")
        )
    said += _of_time(at, sent.photo, zone, now)
    is_needless = needless(meter, at, f"{meter.subject} {meter.service}") is not None
    return Looked(meter, shown, read, tuple(said), past.before, is_needless)


def _of_time(at: datetime, photo: SentPhoto | None, zone: ZoneInfo, now: datetime) -> list[Said]:
    """Say what is to be said of when a dial was read."""
    found = []
    if now - at > LONG_AGO:
        days = (now - at).days
        told = f"read {days} days before it came: it may be of a month that was sent"
        found.append(Said("long_ago", "That was some time ago. Is the day right?", told))
    taken: PhotoTime | None = None if photo is None else photo.photo.taken
    if taken is not None and abs(taken.at(zone) - at) > PHOTO_APART:
        when = minute(taken.at(zone), zone)
        question = f"By its own clock the photo was taken on {when}. When did you read the dial?"
        told = f"by its own clock the photo was taken on {when}"
        found.append(Said("photo_time", question, told))
    return found
